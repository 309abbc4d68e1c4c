"""A fault between the end of the hold and the full release is part of the press's end; no reading comes of it."""

from collections.abc import Callable

import pytest

from contract.reading import Status as Result
from contract.reasons import Reason
from device.bedside_probe import ProbeEar
from device.probe.faults import FAULTS, FaultCode
from device.probe.inbox import Gone
from device.probe.link import Event, FaultRaised, Released, State
from device.probe.messages import AskStatus, Release
from device.probe.messages import Renew as RenewLease
from device.session import Session
from device.session_memory import Plan
from device.session_words import Action, Analyse, Begin, Begun, FrameSeen, Press, Pushed, Record, Renew, Tick
from device.session_words import Event as Heard
from device.session_words import Release as Vent
from firmware_config.device import DeviceConfig
from firmware_config.loading import load_named
from firmware_config.protocol import Protocol
from phantom.hydraulics import Faults
from refill.simulation import LEASE, SteppedProbe

OWNER = 1
IN_RELEASE = [
    (FaultCode.SENSOR_STALE, Faults(sensor="stale")),
    (FaultCode.SENSOR_CLIPPED, Faults(sensor="clipped_high")),
    (FaultCode.SENSOR_IMPLAUSIBLE, Faults(sensor="jumps")),
    (FaultCode.BLOCKED_VENT, Faults(blocked_vent=True)),
]
Change = Callable[[Event], Event | None]


class Line:
    """The stepped probe as the bedside's port, with what it says changed or lost on the way where a test wants that."""

    def __init__(self, probe: SteppedProbe, change: Change) -> None:
        self._probe = probe
        self._change = change
        self._heard = 0

    def poll(self) -> list[Event]:
        fresh = self._probe.seen.events[self._heard :]
        self._heard += len(fresh)
        return [event for event in map(self._change, fresh) if event is not None]

    def press(self, target_kpa: float, ramp_s: float, hold_s: float) -> str:
        self._probe.press(target_kpa, ramp_s, hold_s)
        return LEASE

    def renew(self) -> None:
        self._probe.engine.submit(OWNER, RenewLease(lease=LEASE, sent_ns=self._probe.clock()))

    def release(self) -> None:
        self._probe.engine.submit(OWNER, Release())

    def close(self) -> None:
        pass


def measured(
    config: DeviceConfig, broken: Faults | None, change: Change = lambda event: event
) -> tuple[SteppedProbe, list[Action]]:
    """Push once and go through one press of the real session; what is `broken` breaks as the release begins."""
    protocol = load_named("protocols", "demo", Protocol)
    done: list[Action] = []
    with SteppedProbe(config) as probe:
        session = Session()
        session.follow(Plan(protocol, protocol.target_kpa_on(config.probe.plate_area_mm2)))
        ear = ProbeEar(Line(probe, change))

        def give(event: Heard) -> None:
            for action in session.handle(event, probe.clock()):
                done.append(action)
                if isinstance(action, Press):
                    ear.press(action.target_kpa, action.ramp_s, action.hold_s)
                elif isinstance(action, Renew):
                    ear.renew()
                elif isinstance(action, Vent):
                    ear.release()
                elif isinstance(action, Begin):
                    give(Begun())

        probe.engine.submit(OWNER, AskStatus())
        for step in range(1800):
            probe.run(0.01, renew=False)
            if broken is not None and probe.engine.phase == "release":
                probe.simulated.hydraulics.faults = broken
            for heard in [*ear.poll(), FrameSeen(), *([Pushed(1)] if step == 30 else []), Tick()]:
                give(heard)
    return probe, done


def released(probe: SteppedProbe) -> Released:
    (event,) = [event for event in probe.seen.events if isinstance(event, Released)]
    return event


def refused_as(done: list[Action], reason: Reason) -> None:
    """One press, one record without a number, and nothing was ever analysed."""
    assert [type(action) for action in done if isinstance(action, Press | Analyse | Record)] == [Press, Record]
    (record,) = [action for action in done if isinstance(action, Record)]
    assert (record.result.status, record.result.reason) == (Result.NOT_MEASURABLE, reason)


def test_a_good_press_ends_without_a_fault_and_is_analysed(config: DeviceConfig) -> None:
    probe, done = measured(config, None)
    assert (released(probe).why, released(probe).fault) == ("held", None)
    assert released(probe).t_boot_ns is not None
    assert Analyse(1) in done
    assert not any(isinstance(action, Record) for action in done)


@pytest.mark.slow
@pytest.mark.parametrize(("code", "broken"), IN_RELEASE)
def test_a_fault_during_the_release_is_told_once_and_ends_the_press(
    config: DeviceConfig, code: FaultCode, broken: Faults
) -> None:
    probe, done = measured(config, broken)
    assert [event.code for event in probe.seen.events if isinstance(event, FaultRaised)] == [code]
    assert (released(probe).why, released(probe).fault) == ("held", code)
    refused_as(done, FAULTS[code].reason)


@pytest.mark.slow
@pytest.mark.parametrize(("code", "broken"), IN_RELEASE)
def test_no_reading_comes_of_it_although_the_fault_itself_was_not_heard(
    config: DeviceConfig, code: FaultCode, broken: Faults
) -> None:
    _, done = measured(config, broken, lambda event: None if isinstance(event, FaultRaised) else event)
    refused_as(done, FAULTS[code].reason)


def test_no_reading_comes_of_a_press_whose_release_was_not_seen(config: DeviceConfig) -> None:
    def unseen(event: Event) -> Event:
        return event.model_copy(update={"t_boot_ns": None}) if isinstance(event, Released) else event

    _, done = measured(config, None, unseen)
    refused_as(done, Reason.RELEASE_INCOMPLETE)


def test_a_fault_in_the_hold_is_the_fault_of_its_release(config: DeviceConfig) -> None:
    with SteppedProbe(config) as probe:
        probe.run(0.3)
        probe.press()
        probe.run(2.0)
        probe.faults.extra_leak_ml_s_per_kpa = 0.6
        probe.run(2.0)
    assert (released(probe).why, released(probe).fault) == ("fault", FaultCode.LEAK)


def test_the_fault_of_one_press_is_not_the_next_ones(config: DeviceConfig) -> None:
    with SteppedProbe(config) as probe:
        probe.run(0.3)
        probe.press()
        probe.run(2.0)
        probe.run(2.0, renew=False)
        probe.press(hold_s=1.0)
        probe.run(4.0)
    first, second = [event for event in probe.seen.events if isinstance(event, Released)]
    assert (first.why, first.fault) == ("fault", FaultCode.LEASE_LOST)
    assert (second.why, second.fault) == ("held", None)


def test_an_owner_that_leaves_once_it_is_vented_has_ended_nothing(config: DeviceConfig) -> None:
    with SteppedProbe(config) as probe:
        probe.run(0.3)
        probe.press(hold_s=1.0)
        while not any(isinstance(event, State) and event.phase == "release" for event in probe.seen.events):
            probe.run(0.01)
        probe.engine.submit(OWNER, Gone())
        probe.run(1.0, renew=False)
    assert (released(probe).why, released(probe).fault) == ("held", None)
    assert not any(isinstance(event, FaultRaised) for event in probe.seen.events)
