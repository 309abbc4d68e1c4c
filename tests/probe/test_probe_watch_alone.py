"""What the watch says of a sequence of samples, without a probe around it."""

import dataclasses
import math

import pytest

from device.probe.faults import FaultCode
from device.probe.ports import Sample
from device.probe.safety import RELEASED, Limits, Outputs
from device.probe.watch import Doing, Watch
from firmware_config.device import DeviceConfig

S = 1_000_000_000


def bare(config: DeviceConfig) -> tuple[Watch, int]:
    now_ns = 1000 * S
    watch = Watch(Limits.of(config), now_ns, config.probe.pump_start_duty)
    return watch, now_ns


def at_rest(now_ns: int) -> Doing:
    return Doing("idle", now_ns - S, RELEASED)


def hold_of(config: DeviceConfig, values: list[float]) -> list[FaultCode | None]:
    """What the watch says of a hold at 40 kPa with these samples; the last is the one it would end on."""
    watch, now_ns = bare(config)
    for step in range(40):
        now_ns += S // 100
        doing = Doing("ramp", now_ns - S // 2, Outputs(True, 1.0), target_kpa=40.0, ramp_s=0.5)
        assert watch.step(now_ns, Sample(now_ns, 1.0 * step), doing) is None
    began_ns, told = now_ns, []
    doing = Doing("hold", began_ns, Outputs(True, 0.0), target_kpa=40.0, hold_s=len(values) / 100)
    for value in values:
        now_ns += S // 100
        told.append(watch.step(now_ns, Sample(now_ns, value), doing))
    return told


def steady(count: int, at_kpa: float = 40.0) -> list[float]:
    """So many live samples."""
    return [at_kpa + 0.1 * (step % 3 - 1) for step in range(count)]


def test_a_hand_that_is_laid_down_is_no_fault(config: DeviceConfig) -> None:
    watch, now_ns = bare(config)
    for step in range(300):
        bump_kpa = 3.0 if 100 <= step < 140 else 0.0
        now_ns += S // 100
        assert watch.step(now_ns, Sample(now_ns, 0.1 * (step % 2) + bump_kpa), at_rest(now_ns)) is None


@pytest.mark.parametrize(("kpa", "code"), [(-2.6, FaultCode.SENSOR_IMPLAUSIBLE), (2.6, FaultCode.SENSOR_IMPLAUSIBLE)])
def test_a_zero_that_creeps_away_is_named_and_not_only_refused(
    config: DeviceConfig, kpa: float, code: FaultCode
) -> None:
    watch, now_ns = bare(config)
    told = []
    for step in range(12_000):
        now_ns += S // 100
        told.append(watch.step(now_ns, Sample(now_ns, kpa * min(step / 10_000, 1.0)), at_rest(now_ns)))
    assert {one for one in told if one} == {code}


def test_a_sensor_that_follows_no_more_does_not_have_the_pump_press_on(config: DeviceConfig) -> None:
    """Its tube pinched a little below the target: the value moves with its noise, and the pump works on."""
    watch, now_ns = bare(config)
    for step in range(40):
        now_ns += S // 100
        doing = Doing("ramp", now_ns - S // 2, Outputs(True, 1.0), target_kpa=40.0, ramp_s=0.5)
        assert watch.step(now_ns, Sample(now_ns, 1.0 * step), doing) is None
    began_ns, told = now_ns, None
    for step in range(1500):
        now_ns += S // 100
        drive = 0.03 * max(step / 100 - 2.0, 0.0)
        doing = Doing("hold", began_ns, Outputs(True, 0.1 + 0.9 * drive), target_kpa=40.0, hold_s=20.0)
        told = watch.step(now_ns, Sample(now_ns, 39.8 + 0.1 * (step % 3)), doing)
        if told:
            break
    assert told == FaultCode.LEAK
    assert (now_ns - began_ns) / S < 7.0


def test_a_hold_does_not_end_on_a_clipped_sample(config: DeviceConfig) -> None:
    watch, now_ns = bare(config)
    doing = Doing("hold", now_ns - S, Outputs(True, 0.1), target_kpa=40.0, hold_s=1.0)
    assert watch.step(now_ns + S // 100, Sample(now_ns + S // 100, 40.0, clipped=True), doing) == (
        FaultCode.SENSOR_CLIPPED
    )


def test_one_clipped_sample_in_mid_hold_ends_nothing(config: DeviceConfig) -> None:
    watch, now_ns = bare(config)
    doing = Doing("hold", now_ns, Outputs(True, 0.1), target_kpa=40.0, hold_s=1.0)
    now_ns += S // 100
    assert watch.step(now_ns, Sample(now_ns, 40.0, clipped=True), doing) is None


def test_thresholds_are_those_of_the_phase_and_one_press_leaves_nothing_to_the_next(config: DeviceConfig) -> None:
    watch, now_ns = bare(config)
    for _ in range(2):
        began_ns = now_ns
        for step in range(2):
            now_ns += S // 100
            doing = Doing("ramp", began_ns, Outputs(True, 0.5), target_kpa=40.0, ramp_s=1.0)
            assert watch.step(now_ns, Sample(now_ns, 9.0 + step), doing) is None
        now_ns += S // 100
        over = dataclasses.replace(doing, phase="idle", outputs=RELEASED)
        watch.step(now_ns, Sample(now_ns, 0.1), over)


@pytest.mark.parametrize(
    ("off_kpa", "code"), [(34.5, FaultCode.LEAK), (45.5, FaultCode.OVERSHOOT), (37.0, None), (43.0, None)]
)
def test_the_last_samples_are_judged_before_a_hold_is_called_held(
    config: DeviceConfig, off_kpa: float, code: FaultCode | None
) -> None:
    told = hold_of(config, [*steady(200), *steady(5, off_kpa)])
    assert told[:-1] == [None] * 204
    assert told[-1] == code


def test_two_samples_off_at_the_end_are_noise(config: DeviceConfig) -> None:
    assert set(hold_of(config, [*steady(200), *steady(2, 35.0)])) == {None}


def test_a_hold_that_was_off_time_and_again_is_not_held(config: DeviceConfig) -> None:
    told = hold_of(config, [*(steady(20) + steady(8, 35.0)) * 8, *steady(20)])
    assert set(told[:-1]) == {None}
    assert told[-1] is not None


@pytest.mark.parametrize(
    ("tau_s", "code"), [(0.05, None), (0.118, FaultCode.SLOW_RELEASE), (0.2, FaultCode.SLOW_RELEASE)]
)
def test_a_fall_to_a_tenth_may_take_a_quarter_of_a_second(
    config: DeviceConfig, tau_s: float, code: FaultCode | None
) -> None:
    watch, now_ns = bare(config)
    began_ns, told = now_ns, []
    for _ in range(60):
        now_ns += S // 100
        kpa = 20.0 * math.exp(-(now_ns - began_ns) / S / tau_s)
        told.append(watch.step(now_ns, Sample(now_ns, kpa), Doing("release", began_ns, RELEASED, hold_kpa=20.0)))
    assert next((one for one in told if one), None) == code
    if code:
        assert told.index(code) == 25
