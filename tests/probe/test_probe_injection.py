"""A reading that calibration makes rise: the probe lets go of a real press by it, and never later than without it."""

from collections.abc import Callable
from typing import TypeVar

import pytest

from device.probe.faults import FaultCode
from device.probe.latch import Memory, as_text, from_text
from device.probe.link import FaultRaised, Injected, Refusal, Refused, Released, Status
from device.probe.messages import AskStatus, ClearFault, Inject
from device.probe.safety import TRIP_FACTOR
from device.probe.watch import Watch
from firmware_config.device import DeviceConfig
from phantom.hydraulics import Faults
from refill.simulation import LEASE, SteppedProbe

Kind = TypeVar("Kind")
OWNER = 1
HOLD_S = 4.0
NOISE_KPA = 0.5


def pressed(probe: SteppedProbe, target_kpa: float = 60.0) -> None:
    """Press, and be half a second in the hold."""
    probe.run(0.3)
    probe.press(target_kpa, 1.5, HOLD_S)
    while probe.engine.phase != "hold":
        probe.run(0.01)
    probe.run(0.5)


def inject(probe: SteppedProbe, kpa_per_s: float = 5.0, **other: object) -> None:
    asked = Inject.model_validate({"lease": LEASE, "sent_ns": probe.clock(), "kpa_per_s": kpa_per_s, **other})
    probe.engine.submit(OWNER, asked)


def of(probe: SteppedProbe, kind: type[Kind]) -> list[Kind]:
    return [event for event in probe.seen.events if isinstance(event, kind)]


@pytest.mark.slow
@pytest.mark.parametrize("limit_kpa", [60.0, 45.0])
def test_the_probe_lets_go_of_a_real_press_where_its_limit_is(config: DeviceConfig, limit_kpa: float) -> None:
    limits = config.press_limits.model_copy(update={"pressure_kpa": limit_kpa})
    with SteppedProbe(config.model_copy(update={"press_limits": limits})) as probe:
        pressed(probe, limit_kpa)
        inject(probe)
        probe.run(3.0)
        (injected,), (fault,), (released,) = of(probe, Injected), of(probe, FaultRaised), of(probe, Released)
        assert fault.code is released.fault is FaultCode.OVERPRESSURE
        assert fault.injected
        added_kpa = 5.0 * (fault.t_boot_ns - injected.t_boot_ns) / 1e9
        before = [kpa for t_ns, kpa in probe.seen.true_kpa if t_ns <= released.valve_open_ns]
        assert before[-1] + added_kpa == pytest.approx(limit_kpa * TRIP_FACTOR, abs=NOISE_KPA)
        assert before[-1] == pytest.approx(limit_kpa, abs=1.0), "the pressure itself was never raised"
        assert probe.seen.true_kpa[-1][1] < 0.5


@pytest.mark.slow
def test_what_is_told_is_what_was_read_and_the_press_is_driven_by_it(config: DeviceConfig) -> None:
    told = []
    for rate in (None, 5.0):
        with SteppedProbe(config) as probe:
            pressed(probe)
            if rate is not None:
                inject(probe, rate)
            probe.run(0.8)
            told.append((probe.seen.hold_kpa, probe.seen.true_kpa))
    assert told[0] == told[1]


def test_the_second_layer_lets_go_as_well(config: DeviceConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    with SteppedProbe(config) as probe:
        pressed(probe)
        inject(probe)
        monkeypatch.setattr(Watch, "step", lambda *_: None)
        probe.run(1.5)
        assert not probe.engine.gate.now.valve_closed


BROKEN = {
    "leak": Faults(extra_leak_ml_s_per_kpa=0.6),
    "dead pump and leak": Faults(pump_dead=True, extra_leak_ml_s_per_kpa=0.05),
    "stuck": Faults(sensor="stuck"),
    "stale": Faults(sensor="stale"),
    "clipped": Faults(sensor="clipped_high"),
    "nothing": Faults(),
}


@pytest.mark.slow
@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize("kpa_per_s", [0.1, 4.0, 50.0])
def test_nothing_that_would_end_a_press_is_hidden_by_what_is_added(
    config: DeviceConfig, broken: Faults, kpa_per_s: float
) -> None:
    opened_ns = []
    for rate in (None, kpa_per_s):
        with SteppedProbe(config) as probe:
            pressed(probe, 40.0)
            if rate is not None:
                inject(probe, rate)
            probe.run(0.01)
            probe.simulated.hydraulics.faults = broken
            probe.run(HOLD_S + 1.0)
            opened_ns += [event.valve_open_ns for event in of(probe, Released)]
    without_ns, with_ns = opened_ns
    assert with_ns <= without_ns


@pytest.mark.slow
def test_it_is_gone_with_its_press(config: DeviceConfig) -> None:
    with SteppedProbe(config) as probe:
        pressed(probe, 40.0)
        inject(probe, 0.1)
        probe.run(HOLD_S + 2.0)
        assert [event.why for event in of(probe, Released)] == ["held"]
        probe.press(40.0, 1.0, 1.0)
        probe.run(4.0)
        assert [(event.why, event.fault) for event in of(probe, Released)] == [("held", None)] * 2


def twice(probe: SteppedProbe) -> None:
    inject(probe)
    inject(probe)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda probe: inject(probe, lease="0" * 32), Refusal.NOT_OWNER),
        (
            lambda probe: probe.engine.submit(2, Inject(lease=LEASE, sent_ns=probe.clock(), kpa_per_s=5.0)),
            Refusal.NOT_OWNER,
        ),
        (lambda probe: inject(probe, sent_ns=probe.clock() - 600_000_000), Refusal.TOO_LATE),
        (twice, Refusal.NOT_READY),
    ],
    ids=["another lease", "another connection", "held up on its way", "twice"],
)
def test_only_the_owner_raises_its_reading_once_and_in_time(
    config: DeviceConfig, spoil: Callable[[SteppedProbe], object], why: Refusal
) -> None:
    with SteppedProbe(config) as probe:
        pressed(probe, 40.0)
        spoil(probe)
        probe.run(0.1)
        assert [(event.command, event.why) for event in of(probe, Refused)] == [("inject", why)]
        assert probe.engine.phase == "hold", "what is refused changes nothing"


def test_outside_a_hold_there_is_nothing_to_raise(config: DeviceConfig) -> None:
    with SteppedProbe(config) as probe:
        probe.run(0.3)
        inject(probe)
        probe.run(0.1)
        probe.press(60.0, 1.5, 1.0)
        probe.run(0.5)
        inject(probe)
        probe.run(3.5)
        assert [event.why for event in of(probe, Refused)] == [Refusal.NOT_READY] * 2
        assert [(event.why, event.fault) for event in of(probe, Released)] == [("held", None)]


@pytest.mark.slow
def test_the_fault_that_it_latches_is_cleared_as_any_other(config: DeviceConfig) -> None:
    with SteppedProbe(config) as probe:
        pressed(probe)
        inject(probe)
        probe.run(3.0)
        assert probe.engine.latched is FaultCode.OVERPRESSURE
        probe.press(40.0, 1.0, 1.0)
        probe.run(0.1)
        assert of(probe, Refused)[-1].why is Refusal.FAULT
        probe.engine.submit(OWNER, ClearFault())
        probe.press(40.0, 1.0, 1.0)
        probe.run(4.0)
        assert [event.fault for event in of(probe, Released)] == [FaultCode.OVERPRESSURE, None]


def test_a_real_overpressure_is_never_told_as_injected_though_a_reading_is_raised(config: DeviceConfig) -> None:
    with SteppedProbe(config) as probe:
        pressed(probe, 40.0)
        inject(probe, 0.1)
        probe.run(0.05)
        probe.simulated.hydraulics.faults = Faults(sensor="clipped_high")
        probe.run(1.0)
        (fault,) = of(probe, FaultRaised)
        assert (fault.latched, fault.injected, probe.engine.injected) == (True, False, False)


@pytest.mark.slow
def test_a_real_fault_behind_an_injected_one_takes_its_place_and_is_told(config: DeviceConfig) -> None:
    """A vent that is blocked just then must not hide behind a fault that calibration clears by itself."""
    with SteppedProbe(config) as probe:
        pressed(probe)
        inject(probe)
        while probe.engine.latched is None:
            probe.run(0.01)
        assert probe.engine.injected
        probe.simulated.hydraulics.faults = Faults(blocked_vent=True)
        probe.run(3.0)
        told = [(fault.code, fault.injected) for fault in of(probe, FaultRaised)]
        assert told == [(FaultCode.OVERPRESSURE, True), (FaultCode.BLOCKED_VENT, False)]
        assert (probe.engine.latched, probe.engine.injected) == (FaultCode.BLOCKED_VENT, False)


def test_what_a_killed_calibration_left_is_told_apart_over_a_restart_and_in_the_status(config: DeviceConfig) -> None:
    left = Memory(latched=FaultCode.OVERPRESSURE, injected=True)
    assert from_text(as_text(left)) == left
    assert "injected" not in as_text(Memory(latched=FaultCode.OVERPRESSURE)), "older versions read every other file"
    for memory in (left, left.model_copy(update={"injected": False})):
        with SteppedProbe(config, memory=memory) as probe:
            probe.run(0.1)
            probe.engine.submit(OWNER, AskStatus())
            probe.run(0.02)
            status = of(probe, Status)[-1]
            assert (status.fault, status.fault_injected) == (FaultCode.OVERPRESSURE, memory.injected)
