"""What the watch sees in each phase, and what it leaves alone: on the whole probe with simulated hardware."""

import pytest

from device.probe.faults import FaultCode
from device.probe.link import FaultRaised, Refused, Released
from device.probe.messages import Phase
from firmware_config.device import DeviceConfig
from phantom.hydraulics import BODIES, Chamber, Faults
from refill.simulation import SteppedProbe

S = 1_000_000_000
STRONG = Chamber(pump_ml_s=25.0, vent_mm=0.9)
"""Its pump makes 2.3 kPa against its own open vent."""


def codes(probe: SteppedProbe) -> list[FaultCode]:
    return [event.code for event in probe.seen.events if isinstance(event, FaultRaised)]


def ends(probe: SteppedProbe) -> list[tuple[str, FaultCode | None]]:
    return [(event.why, event.fault) for event in probe.seen.events if isinstance(event, Released)]


def until(probe: SteppedProbe, phase: Phase, limit_s: float = 10.0) -> None:
    for _ in range(round(limit_s / 0.01)):
        if probe.engine.phase == phase:
            return
        probe.run(0.01)
    raise AssertionError(f"never {phase}")


def pressing(probe: SteppedProbe, hold_s: float = 3.0, target_kpa: float = 40.0, ramp_s: float = 1.0) -> None:
    probe.run(0.3)
    probe.press(target_kpa, ramp_s, hold_s)
    until(probe, "hold")


# ---- at rest


def test_a_pump_that_starts_to_run_at_rest_is_named_and_no_press_begins(config: DeviceConfig) -> None:
    with SteppedProbe(config, chamber=STRONG) as probe:
        probe.run(1.0)
        probe.faults.pump_stuck_on = True
        probe.run(0.9)
        assert codes(probe) == [FaultCode.PUMP_RUNAWAY]
        probe.press()
        probe.run(0.1)
        assert any(isinstance(event, Refused) for event in probe.seen.events)


def test_a_pump_that_has_run_from_the_start_is_named(config: DeviceConfig) -> None:
    with SteppedProbe(config, chamber=STRONG, faults=Faults(pump_stuck_on=True)) as probe:
        probe.run(1.5)
        assert codes(probe) == [FaultCode.PUMP_RUNAWAY]


def test_a_pump_whose_running_the_vent_hides_is_named_before_the_next_press_has_begun_to_pump(
    config: DeviceConfig,
) -> None:
    with SteppedProbe(config, faults=Faults(pump_stuck_on=True)) as probe:
        probe.run(2.0)
        assert codes(probe) == []
        probe.press()
        probe.run(2.0)
        assert codes(probe) == [FaultCode.PUMP_RUNAWAY]
        assert max(kpa for _, kpa in probe.seen.true_kpa) < 15


def test_a_sensor_that_falls_silent_at_rest_is_named_once(config: DeviceConfig) -> None:
    with SteppedProbe(config) as probe:
        probe.run(0.5)
        for _ in range(2):
            probe.faults.sensor = "stale"
            probe.run(1.0)
            probe.faults.sensor = "none"
            probe.run(1.0)
        assert codes(probe) == [FaultCode.SENSOR_STALE] * 2


# ---- in the ramp


@pytest.mark.slow
@pytest.mark.parametrize("ramp_s", [0.2, 0.3, 0.5])
@pytest.mark.parametrize("target_kpa", [20.0, 60.0])
@pytest.mark.parametrize("body", ["finger", "knee"])
def test_a_fast_ramp_is_no_leak(config: DeviceConfig, body: str, target_kpa: float, ramp_s: float) -> None:
    with SteppedProbe(config, chamber=BODIES["knee" if body == "knee" else "finger"]) as probe:
        pressing(probe, 3.0, target_kpa, ramp_s)
        probe.run(4.0)
        assert codes(probe) == []
        assert ends(probe) == [("held", None)]


def test_a_sensor_that_stands_still_for_long_is_stuck_once_the_pump_works_in_vain(config: DeviceConfig) -> None:
    with SteppedProbe(config) as probe:
        probe.run(0.5)
        probe.faults.sensor = "stuck"
        probe.press()
        probe.run(2.0)
        assert codes(probe) == [FaultCode.NO_RISE]
        probe.run(4.0)
        assert codes(probe) == [FaultCode.NO_RISE, FaultCode.SENSOR_STUCK]
        probe.press()
        probe.run(2.0)
        assert probe.engine.phase == "idle"
        assert max(kpa for _, kpa in probe.seen.true_kpa) < 15


def test_a_seal_that_opens_in_a_slow_ramp_is_named_long_before_its_deadline(config: DeviceConfig) -> None:
    with SteppedProbe(config) as probe:
        probe.run(0.3)
        probe.press(40.0, 5.0, 3.0)
        probe.run(2.5)
        probe.faults.extra_leak_ml_s_per_kpa = 20.0
        probe.run(0.3)
        assert codes(probe) == [FaultCode.LEAK]


# ---- in the hold


@pytest.mark.slow
@pytest.mark.parametrize("before_s", [0.05, 0.1, 0.2, 0.3])
def test_a_seal_lost_just_before_the_end_is_no_held_press(config: DeviceConfig, before_s: float) -> None:
    with SteppedProbe(config) as probe:
        pressing(probe, 2.0)
        probe.run(2.0 - before_s)
        probe.faults.extra_leak_ml_s_per_kpa = 1.0
        probe.run(2.0)
        assert codes(probe) == [FaultCode.LEAK]
        assert ends(probe) == [("fault", FaultCode.LEAK)]


@pytest.mark.slow
def test_a_dead_pump_in_a_tight_hold_is_named_where_the_pressure_is_held_no_more(config: DeviceConfig) -> None:
    with SteppedProbe(config, chamber=Chamber(leak_ml_s_per_kpa=0.01)) as probe:
        pressing(probe, 15.0)
        probe.faults.pump_dead = True
        probe.run(10.0)
        assert codes(probe) == [FaultCode.LEAK]
        told_ns = next(event.t_boot_ns for event in probe.seen.events if isinstance(event, FaultRaised))
        assert max(kpa for t_ns, kpa in probe.seen.true_kpa if t_ns >= told_ns) > 40 * 0.85


# ---- in the release, and after it


@pytest.mark.slow
@pytest.mark.parametrize("before_s", [0.0, 0.05, 0.1])
def test_a_pump_that_does_not_stop_at_the_end_of_the_hold_is_named(config: DeviceConfig, before_s: float) -> None:
    with SteppedProbe(config, chamber=STRONG) as probe:
        pressing(probe, 2.0)
        probe.run(2.0 - before_s)
        probe.faults.pump_stuck_on = True
        probe.run(2.0)
        assert codes(probe)[-1] == FaultCode.PUMP_RUNAWAY
        (end,) = ends(probe)
        assert end[1] in (FaultCode.PUMP_RUNAWAY, FaultCode.OVERSHOOT)


def test_a_vent_that_has_become_narrow_is_named(config: DeviceConfig) -> None:
    with SteppedProbe(config, chamber=Chamber(vent_mm=0.35)) as probe:
        pressing(probe, 1.0)
        probe.run(3.0)
        assert codes(probe)[0] == FaultCode.SLOW_RELEASE
        assert ends(probe) == [("held", FaultCode.SLOW_RELEASE)]
        assert probe.seen.true_kpa[-1][1] < 0.5


@pytest.mark.slow
@pytest.mark.parametrize("at_s", [0.0, 0.01, 0.02])
def test_a_sensor_that_sticks_in_the_fall_leaves_no_held_press(config: DeviceConfig, at_s: float) -> None:
    with SteppedProbe(config, chamber=Chamber(air_ml=6.0)) as probe:
        pressing(probe, 1.0)
        until(probe, "release")
        probe.run(at_s)
        probe.faults.sensor = "stuck"
        probe.run(3.0)
        assert codes(probe)[0] in (FaultCode.SENSOR_STUCK, FaultCode.PUMP_RUNAWAY)
        assert ends(probe) == [("held", codes(probe)[0])]


@pytest.mark.slow
@pytest.mark.parametrize(("stalled_s", "code"), [(0.08, FaultCode.SENSOR_STALE), (0.4, FaultCode.CONTROL_STALLED)])
def test_a_fall_that_nobody_watched_gives_no_time_zero(config: DeviceConfig, stalled_s: float, code: FaultCode) -> None:
    with SteppedProbe(config) as probe:
        pressing(probe, 1.0)
        until(probe, "release")
        probe.clock.now_ns += round(stalled_s * S)
        probe.run(2.0)
        assert codes(probe) == [code]
        assert ends(probe) == [("held", code)]


def test_the_release_is_told_only_once_the_pressure_is_gone(config: DeviceConfig) -> None:
    """Down to a tenth of 60 kPa is not yet down."""
    with SteppedProbe(config) as probe:
        pressing(probe, 1.0, 60.0)
        while not ends(probe):
            probe.run(0.01)
        assert probe.seen.true_kpa[-1][1] < 1.5


def test_what_stays_after_a_stuck_sensor_is_taken_for_a_blocked_vent(config: DeviceConfig) -> None:
    """Nobody knows that such a probe has released: the nurse has to be told the worse."""
    with SteppedProbe(config) as probe:
        pressing(probe, 2.0)
        probe.run(1.8)
        probe.faults.sensor = "stuck"
        probe.run(4.0)
        assert codes(probe) == [FaultCode.SENSOR_STUCK, FaultCode.BLOCKED_VENT]
