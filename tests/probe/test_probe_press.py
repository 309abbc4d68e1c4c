"""What a press is like, on the whole probe with simulated hardware and a stepped clock."""

import statistics

import pytest

from device.probe.link import FaultRaised, Released, State
from firmware_config.device import DeviceConfig
from phantom.hydraulics import BODIES, Chamber
from refill.simulation import SteppedProbe

SKINS = {
    "finger": BODIES["finger"],
    "knee": BODIES["knee"],
    "small leak": Chamber(leak_ml_s_per_kpa=0.02),
    "worn pump": Chamber(pump_ml_s=8.0),
    "small stiff finger": Chamber(compliance_ml_per_kpa=0.06),
}


def pressed(
    config: DeviceConfig, skin: Chamber, target_kpa: float, ramp_s: float, hold_s: float, seed: int = 0
) -> SteppedProbe:
    with SteppedProbe(config, chamber=skin, seed=seed) as probe:
        probe.run(0.2)
        probe.press(target_kpa, ramp_s, hold_s)
        probe.run(1.5 * ramp_s + hold_s + 3)
    return probe


@pytest.mark.parametrize("skin", SKINS)
@pytest.mark.parametrize(("target_kpa", "ramp_s"), [(40.0, 1.0), (20.0, 1.0), (60.0, 1.0), (40.0, 0.2), (41.7, 3.0)])
def test_a_press_holds_its_target_without_overshoot_and_lets_go_fast(
    config: DeviceConfig, skin: str, target_kpa: float, ramp_s: float
) -> None:
    probe = pressed(config, SKINS[skin], target_kpa, ramp_s, 5.0)
    released = [event for event in probe.seen.events if isinstance(event, Released)]
    assert [event for event in probe.seen.events if isinstance(event, FaultRaised)] == []
    assert len(released) == 1
    assert released[0].why == "held"
    assert 4.98 <= released[0].held_s <= 5.02
    held = probe.seen.hold_kpa
    assert len(held) > 480
    assert sum(abs(kpa / target_kpa - 1) <= 0.05 for kpa in held) / len(held) >= 0.99
    true_peak = max(kpa for _, kpa in probe.seen.true_kpa)
    assert true_peak / target_kpa - 1 <= 0.08
    assert released[0].release_s is not None
    assert released[0].release_s <= 0.150
    assert probe.seen.true_kpa[-1][1] < 0.1


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("body", ["finger", "knee"])
def test_figures_of_the_release_are_those_of_the_true_pressure(config: DeviceConfig, body: str, seed: int) -> None:
    probe = pressed(config, BODIES["finger" if body == "finger" else "knee"], 40.0, 1.0, 3.0, seed)
    released = next(event for event in probe.seen.events if isinstance(event, Released))
    assert released.t_boot_ns is not None
    assert released.hold_mean_kpa is not None
    assert released.release_s is not None
    assert released.hold_mean_kpa == pytest.approx(statistics.fmean(probe.seen.hold_kpa), abs=0.02)

    def true_crossing_ns(share: float) -> float:
        level = share * released.hold_mean_kpa
        last = max(i for i, (_, kpa) in enumerate(probe.seen.true_kpa) if kpa >= level)
        (t0, kpa0), (t1, kpa1) = probe.seen.true_kpa[last : last + 2]
        return t0 + (kpa0 - level) / (kpa0 - kpa1) * (t1 - t0)

    assert abs(released.t_boot_ns - true_crossing_ns(0.5)) < 1.5e6
    assert abs(released.release_s - (true_crossing_ns(0.1) - true_crossing_ns(0.9)) / 1e9) < 0.012


def test_phases_come_in_order_and_name_their_press(config: DeviceConfig) -> None:
    probe = pressed(config, BODIES["finger"], 40.0, 1.0, 1.0)
    states = [(event.phase, event.lease) for event in probe.seen.events if isinstance(event, State)]
    lease = states[0][1]
    assert lease is not None
    assert states == [("ramp", lease), ("hold", lease), ("release", lease), ("idle", None)]


def test_released_comes_before_idle_is_told(config: DeviceConfig) -> None:
    probe = pressed(config, BODIES["finger"], 40.0, 1.0, 1.0)
    kinds = [type(event).__name__ for event in probe.seen.events]
    assert kinds[-2:] == ["Released", "State"]
