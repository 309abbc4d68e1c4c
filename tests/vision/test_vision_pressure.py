"""How a press was made, read off its pressure."""

from typing import Any

import numpy as np
import pytest

from phantom.pressure import pressure_nodes, sensor_series
from phantom.spec import PressSpec
from vision.pressure import PressProfile, PressureTrace, profile

BASE = PressSpec(pre_s=2.0, ramp_s=0.5, hold_s=6.0, release_s=0.06, post_s=6.0, pressure_kpa=40.0)


def _straight(hertz: float, *nodes: tuple[float, float], from_s: float = 0.0) -> PressureTrace:
    """Pressure that is straight between (s, kPa) nodes, without noise."""
    times, kpa = np.array(nodes).T
    at_s = np.arange(times[0], times[-1], 1 / hertz)
    return PressureTrace(at_s + from_s, np.interp(at_s, times, kpa))


def _sensed(**changes: Any) -> PressProfile:
    found = profile(PressureTrace(*sensor_series(BASE.with_(**changes), 15.0)))
    assert found is not None
    return found


PLAIN = ((0.0, 0.0), (2.0, 0.0), (2.5, 40.0), (8.0, 40.0), (8.1, 0.0), (14.0, 0.0))


def test_time_zero_is_the_half_of_the_hold_level_between_samples() -> None:
    for hertz in (50.0, 73.0, 100.0, 400.0):
        found = profile(_straight(hertz, *PLAIN))
        assert found is not None
        assert found.time_zero_s == pytest.approx(8.05, abs=1e-6), hertz


def test_time_zero_counts_from_the_unpressed_level_not_from_zero() -> None:
    lifted = _straight(100.0, *((time_s, kpa + 7.0) for time_s, kpa in PLAIN))
    found = profile(lifted)
    assert found is not None
    assert found.time_zero_s == pytest.approx(8.05, abs=1e-6)
    assert found.mean_hold_kpa == pytest.approx(40.0, rel=0.02)


def test_phases_of_a_plain_press() -> None:
    found = profile(_straight(100.0, *PLAIN))
    assert found is not None
    assert found.press_from_s == pytest.approx(2.0, abs=0.05)
    assert found.held_from_s == pytest.approx(2.45, abs=0.02)
    assert found.hold_s == pytest.approx(5.6, abs=0.05)
    assert found.release_s == pytest.approx(0.08, abs=0.02)
    assert (found.presses, found.released) == (1, True)
    assert found.residual_share == pytest.approx(0.0, abs=0.01)
    assert found.worst_hold_deviation < 0.03


@pytest.mark.parametrize("seed", range(6))
def test_sensor_noise_moves_time_zero_by_no_more_than_it_says(seed: int) -> None:
    spec = BASE.with_(seed=seed)
    found = _sensed(seed=seed)
    times, kpa = pressure_nodes(spec)
    true_s = float(np.interp(-20.0, -kpa[3:5], times[3:5]))
    assert abs(found.time_zero_s - true_s) < 3 * found.timing_sd_s
    assert (found.presses, found.released) == (1, True)
    assert found.mean_hold_kpa == pytest.approx(40.0, rel=0.02)
    assert found.press_from_s == pytest.approx(2.0, abs=0.1)


def test_an_offset_of_the_clock_moves_every_time_and_nothing_else() -> None:
    here, later = profile(_straight(100.0, *PLAIN)), profile(_straight(100.0, *PLAIN, from_s=1e5))
    assert here is not None
    assert later is not None
    for name in ("press_from_s", "held_from_s", "time_zero_s"):
        assert getattr(later, name) - 1e5 == pytest.approx(getattr(here, name), abs=1e-6)
    for name in ("hold_s", "mean_hold_kpa", "release_s"):
        assert getattr(later, name) == pytest.approx(getattr(here, name), abs=1e-6)


def test_a_leak_shows_as_deviation_of_the_hold() -> None:
    sound, leaking, much = _sensed(), _sensed(fault="pressure_leak", fault_size=0.5), _sensed(fault="pressure_leak")
    assert sound.worst_hold_deviation < 0.05 < leaking.worst_hold_deviation < much.worst_hold_deviation


def test_a_second_press_is_counted_and_time_zero_is_its_end() -> None:
    twice = _sensed(fault="second_press")
    assert twice.presses == 2
    assert twice.time_zero_s > _sensed().time_zero_s + 1.0


def test_a_dip_under_a_tenth_of_a_second_is_not_a_second_press() -> None:
    dip = _straight(200.0, *PLAIN[:3], (5.0, 40.0), (5.01, 5.0), (5.04, 5.0), (5.05, 40.0), *PLAIN[3:])
    found = profile(dip)
    assert found is not None
    assert found.presses == 1
    assert found.held_from_s == pytest.approx(2.45, abs=0.02)


@pytest.mark.parametrize("fall_s", [0.2, 0.5, 1.0, 3.0])
def test_a_slow_release_is_timed(fall_s: float) -> None:
    slow = profile(_straight(100.0, *PLAIN[:4], (8.0 + fall_s, 0.0), (14.0, 0.0)))
    assert slow is not None
    assert slow.release_s == pytest.approx(0.8 * fall_s, abs=0.03)
    assert slow.time_zero_s == pytest.approx(8.0 + 0.5 * fall_s, abs=0.02)


def test_a_partial_release_leaves_its_share() -> None:
    partial = profile(_straight(100.0, *PLAIN[:4], (8.1, 12.0), (14.0, 12.0)))
    assert partial is not None
    assert partial.residual_share == pytest.approx(0.3, abs=0.01)
    assert partial.release_s is None
    assert partial.released


def test_pressure_that_never_falls_is_not_released() -> None:
    held = profile(_straight(100.0, *PLAIN[:4]))
    assert held is not None
    assert not held.released


@pytest.mark.parametrize("kpa", [0.0, 1.0, 2.5])
def test_no_press_is_no_profile(kpa: float) -> None:
    assert profile(_straight(100.0, (0.0, 0.0), (2.0, 0.0), (2.5, kpa), (8.0, kpa), (8.1, 0.0), (14.0, 0.0))) is None
    assert profile(PressureTrace(*sensor_series(BASE.with_(fault="no_pressure"), 15.0))) is None


def test_a_handful_of_samples_is_no_press() -> None:
    assert profile(PressureTrace(np.arange(7.0), np.array([0, 0, 40, 40, 40, 0, 0.0]))) is None


def test_the_input_is_left_alone() -> None:
    trace = _straight(100.0, *PLAIN)
    kept = trace.time_s.copy(), trace.kpa.copy()
    profile(trace)
    assert np.array_equal(trace.time_s, kept[0])
    assert np.array_equal(trace.kpa, kept[1])


@pytest.mark.parametrize("kpa", [6.0, 16.0])
def test_pressure_that_comes_back_after_the_release_is_told_even_below_half(kpa: float) -> None:
    again = (*PLAIN[:-1], (9.0, 0.0), (9.05, kpa), (9.4, kpa), (9.45, 0.0), (14.0, 0.0))
    found = profile(_straight(100.0, *again))
    assert found is not None
    assert found.presses == 1
    assert found.again_share == pytest.approx(kpa / 40.0, rel=0.03)


def test_the_tail_of_a_release_is_no_pressure_that_comes_back() -> None:
    found = profile(_straight(100.0, *PLAIN[:-2], (8.06, 19.0), (8.5, 6.0), (9.5, 0.0), (14.0, 0.0)))
    assert found is not None
    assert found.again_share < 0.1
