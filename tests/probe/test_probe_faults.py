"""Every fault vents, is named, and is cleared the way its row says."""

from dataclasses import replace

import pytest

from device.probe.faults import FAULTS, FaultCode
from device.probe.link import FaultCleared, FaultRaised, Refusal, Refused, Released, State
from device.probe.messages import ClearFault, Press, Release
from firmware_config.device import DeviceConfig
from phantom.hydraulics import Faults
from refill.simulation import LEASE, SteppedProbe

IN_HOLD = [
    (FaultCode.SENSOR_STALE, Faults(sensor="stale")),
    (FaultCode.SENSOR_CLIPPED, Faults(sensor="clipped_low")),
    (FaultCode.SENSOR_CLIPPED, Faults(sensor="clipped_high")),
    (FaultCode.SENSOR_IMPLAUSIBLE, Faults(sensor="jumps")),
    (FaultCode.SENSOR_STUCK, Faults(sensor="stuck")),
    (FaultCode.LEAK, Faults(extra_leak_ml_s_per_kpa=0.6)),
    (FaultCode.LEAK, Faults(pump_dead=True, extra_leak_ml_s_per_kpa=0.01)),
    (FaultCode.OVERSHOOT, Faults(pump_stuck_on=True)),
]


def codes(probe: SteppedProbe) -> list[FaultCode]:
    return [event.code for event in probe.seen.events if isinstance(event, FaultRaised)]


def holding(probe: SteppedProbe, hold_s: float = 8.0) -> None:
    probe.run(0.3)
    probe.press(40.0, 1.0, hold_s)
    probe.run(2.0)
    assert probe.engine.phase == "hold"
    assert probe.seen.true_kpa[-1][1] > 38


@pytest.mark.slow
@pytest.mark.parametrize(("code", "broken"), IN_HOLD)
def test_a_fault_in_mid_hold_is_named_and_vents(config: DeviceConfig, code: FaultCode, broken: Faults) -> None:
    with SteppedProbe(config) as probe:
        holding(probe)
        probe.simulated.hydraulics.faults = broken
        probe.run(6.0)
        assert codes(probe)[0] == code
        assert not probe.engine.gate.now.valve_closed
        assert probe.engine.gate.now.pump_duty == 0
        raised_ns = next(event.t_boot_ns for event in probe.seen.events if isinstance(event, FaultRaised))
        if not broken.pump_stuck_on:
            later = [kpa for t_ns, kpa in probe.seen.true_kpa if t_ns > raised_ns + 150_000_000]
            assert max(later) < 2.0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("code", "broken"),
    [
        (FaultCode.NO_RISE, Faults(pump_dead=True)),
        (FaultCode.NO_RISE, Faults(extra_leak_ml_s_per_kpa=3.0)),
        (FaultCode.LEAK, Faults(extra_leak_ml_s_per_kpa=0.22)),
    ],
)
def test_a_press_that_does_not_rise_is_ended(config: DeviceConfig, code: FaultCode, broken: Faults) -> None:
    with SteppedProbe(config, faults=broken) as probe:
        probe.run(0.3)
        probe.press(40.0, 1.0, 3.0)
        probe.run(8.0)
        assert codes(probe) == [code]
        assert probe.seen.true_kpa[-1][1] < 0.5


def test_a_stuck_sensor_never_lets_the_true_pressure_run_away(config: DeviceConfig) -> None:
    with SteppedProbe(config, faults=Faults(sensor="stuck")) as probe:
        probe.run(0.3)
        probe.press(40.0, 1.0, 3.0)
        probe.run(4.0)
        assert max(kpa for _, kpa in probe.seen.true_kpa) < 40.0


@pytest.mark.slow
def test_a_blocked_vent_is_a_danger_that_only_a_restart_clears(config: DeviceConfig) -> None:
    with SteppedProbe(config) as probe:
        holding(probe, hold_s=2.0)
        probe.faults.blocked_vent = True
        probe.run(3.0)
        assert codes(probe) == [FaultCode.BLOCKED_VENT]
        assert FAULTS[FaultCode.BLOCKED_VENT].severity == "danger"
        probe.faults.blocked_vent = False
        probe.run(2.0)
        probe.engine.submit(1, ClearFault())
        probe.press()
        probe.run(0.1)
        refused = [event.why for event in probe.seen.events if isinstance(event, Refused)]
        assert refused == [Refusal.NOT_CLEARABLE, Refusal.FAULT]


def test_too_much_pressure_vents_at_once_and_latches(config: DeviceConfig) -> None:
    low = config.model_copy(update={"press_limits": config.press_limits.model_copy(update={"pressure_kpa": 40.0})})
    with SteppedProbe(low) as probe:
        holding(probe)
        probe.faults.pump_stuck_on = True
        probe.run(1.0)
        assert codes(probe)[0] == FaultCode.OVERPRESSURE
        assert max(kpa for _, kpa in probe.seen.true_kpa) < 40 * 1.10 + 3


@pytest.mark.slow
def test_a_latched_fault_refuses_presses_until_it_is_cleared_with_a_sane_sensor(config: DeviceConfig) -> None:
    with SteppedProbe(config) as probe:
        probe.run(0.3)
        probe.faults.sensor = "clipped_low"
        probe.run(0.3)
        assert codes(probe) == [FaultCode.SENSOR_CLIPPED]
        probe.engine.submit(1, ClearFault())
        probe.press()
        probe.run(0.1)
        assert [event.why for event in probe.seen.events if isinstance(event, Refused)] == [
            Refusal.NOT_CLEARABLE,
            Refusal.FAULT,
        ]
        probe.faults.sensor = "none"
        probe.run(1.0)
        probe.engine.submit(1, ClearFault())
        probe.run(0.1)
        assert any(isinstance(event, FaultCleared) for event in probe.seen.events)
        probe.press(hold_s=1.0)
        probe.run(4.0)
        assert any(isinstance(event, Released) and event.why == "held" for event in probe.seen.events)


@pytest.mark.slow
def test_a_sensor_that_falls_silent_vents_and_the_next_press_works_once_it_speaks(config: DeviceConfig) -> None:
    with SteppedProbe(config) as probe:
        holding(probe)
        probe.faults.sensor = "stale"
        probe.run(2.0)
        assert codes(probe) == [FaultCode.SENSOR_STALE]
        assert probe.seen.true_kpa[-1][1] < 2.0
        probe.press()
        probe.run(0.1)
        assert [event.why for event in probe.seen.events if isinstance(event, Refused)] == [Refusal.NOT_READY]
        probe.faults.sensor = "none"
        probe.run(1.0)
        probe.press(hold_s=1.0)
        probe.run(4.0)
        assert any(isinstance(event, Released) and event.why == "held" for event in probe.seen.events)


@pytest.mark.slow
def test_a_passing_fault_lets_the_nurse_press_again(config: DeviceConfig) -> None:
    with SteppedProbe(config) as probe:
        holding(probe)
        probe.faults.extra_leak_ml_s_per_kpa = 0.6
        probe.run(3.0)
        assert codes(probe) == [FaultCode.LEAK]
        probe.faults.extra_leak_ml_s_per_kpa = 0.0
        probe.press(hold_s=1.0)
        probe.run(4.0)
        assert any(isinstance(event, Released) and event.why == "held" for event in probe.seen.events)


def test_a_silent_owner_loses_its_press_within_the_lease(config: DeviceConfig) -> None:
    with SteppedProbe(config) as probe:
        holding(probe)
        silent_ns = probe.clock()
        probe.run(2.0, renew=False)
        assert codes(probe) == [FaultCode.LEASE_LOST]
        high = max(t_ns for t_ns, kpa in probe.seen.true_kpa if kpa > 0.05 * 40)
        assert (high - silent_ns) / 1e9 < 0.7


def test_the_probe_vents_when_asked_also_while_the_sensor_is_silent(config: DeviceConfig) -> None:
    with SteppedProbe(config) as probe:
        holding(probe)
        probe.faults.sensor = "stale"
        probe.engine.submit(7, Release())
        probe.run(0.01)
        assert not probe.engine.gate.now.valve_closed


@pytest.mark.slow
def test_a_press_longer_than_its_ceiling_is_ended_by_the_arbiter(config: DeviceConfig) -> None:
    short = config.model_copy(
        update={"press_limits": config.press_limits.model_copy(update={"press_s": 3.0, "hold_s": 2.5})}
    )
    with SteppedProbe(short) as probe:
        probe.run(0.3)
        probe.engine.submit(1, Press(lease=LEASE, sent_ns=probe.clock(), target_kpa=40, ramp_s=0.2, hold_s=2.4))
        probe.run(8.0)
        closed = [t_ns for t_ns, kpa in probe.seen.true_kpa if kpa > 4]
        assert (closed[-1] - closed[0]) / 1e9 < 3.2


@pytest.mark.slow
def test_a_hold_that_control_does_not_end_is_ended_and_named(config: DeviceConfig) -> None:
    short = config.model_copy(
        update={"press_limits": config.press_limits.model_copy(update={"press_s": 4.0, "hold_s": 2.5})}
    )
    with SteppedProbe(short) as probe:
        holding(probe, hold_s=2.0)
        order = probe.engine._control.order
        assert order is not None
        probe.engine._control.order = replace(order, hold_s=1000.0)
        probe.run(5.0)
        assert codes(probe) == [FaultCode.HOLD_TOO_LONG]
        assert probe.seen.true_kpa[-1][1] < 0.5


def test_every_row_of_the_table_speaks_both_languages_and_says_what_to_do() -> None:
    assert set(FAULTS) == set(FaultCode)
    assert len({fault.english for fault in FAULTS.values()}) == len(FAULTS)
    for fault in FAULTS.values():
        assert fault.english.endswith(".")
        assert fault.french.endswith(".")
        assert fault.english != fault.french
        assert fault.english.count(".") >= 2


def test_severity_latch_and_clearing_go_together() -> None:
    for code, fault in FAULTS.items():
        assert fault.latched == (fault.clear != "itself"), code
        assert (fault.severity == "notice") == (not fault.latched), code
        assert (fault.severity == "danger") == ("Take the finger out" in fault.english), code
        assert (fault.severity == "danger") == ("Retirez le doigt, éteignez" in fault.french), code
        assert fault.clear != "restart" or fault.severity == "danger", code


def test_only_presses_are_told_their_phases(config: DeviceConfig) -> None:
    with SteppedProbe(config) as probe:
        probe.run(1.0)
        assert [event for event in probe.seen.events if isinstance(event, State)] == []
