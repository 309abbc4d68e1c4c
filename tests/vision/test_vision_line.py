"""What is not blood, or not one press: off the line that the press drew, at a wrong time, pressed again, never back."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from vision import quality, region
from vision.press import PressAnalysis, Settings, analyse_trace
from vision.pressure import PressureTrace
from vision.region import Region
from vision.trace import trace_from_light

Array = NDArray[np.float64]

TIME_S = np.arange(-9.0, 10.0, 1 / 30) + 0.004
BLOOD_LN = np.array([-0.03, -0.06, -0.054])
"""What the press takes from ln of R, G, B, with the sign of blood coming back."""
FREE = np.array([0.50, 0.25, 0.13])
PRESSED_S, CRT_S = -5.5, 2.0


def blood(crt_s: float = CRT_S, back_to: float = 1.0) -> Array:
    """Blood under the window: free, pressed at `PRESSED_S`, let go at 0, back to a level at last."""
    refilled = back_to * (1 - np.exp(-np.maximum(TIME_S, 0.0) * np.log(10) / crt_s))
    return np.where(TIME_S < PRESSED_S, 1.0, np.where(TIME_S > 0, refilled, 0.0))


def press(share: Array, tint_ln: Array | float = 0.0, noise: float = 2e-4, late_s: float = 0.0) -> PressAnalysis:
    """Analyse skin of this share of blood (n,), ln R, G, B changed by `tint_ln` (n, 3), its probe `late_s` late."""
    chance = np.random.default_rng(5).standard_normal((len(TIME_S), 3))
    light = FREE * np.exp((share[:, None] - 1) * BLOOD_LN + tint_ln + noise * chance)
    probe_s = np.arange(-9.0, 10.0, 0.01)
    kpa = 40.0 * np.clip((probe_s - PRESSED_S + 0.25) / 0.5, 0, 1) * (probe_s < 0)
    return analyse_trace(trace_from_light(TIME_S, light), PressureTrace(probe_s + late_s, kpa), Settings())


def growing(channel: int, size: float) -> Array:
    """One channel's gain growing by `size` (ln) over 4 s from the release on, (n, 3)."""
    ramp = size * np.clip(TIME_S / 4.0, 0.0, 1.0)
    return np.asarray(ramp[:, None] * np.eye(3)[channel])


def test_a_clean_press_is_measured() -> None:
    found = press(blood())
    assert found.status == "measured"
    assert found.crt_s == pytest.approx(CRT_S, rel=0.03)


@pytest.mark.slow
@pytest.mark.parametrize(("channel", "size"), [(0, 0.01), (0, -0.01), (2, 0.01), (1, 0.02)])
def test_a_white_balance_that_creeps_is_seen_though_it_never_jumps(channel: int, size: float) -> None:
    found = press(blood(), growing(channel, size))
    assert found.reason in ("camera_settings_moved", "light_changed"), (found.status, found.crt_s)
    near_miss = press(blood(), growing(channel, 0.02 * size))
    assert near_miss.crt_s == pytest.approx(CRT_S, abs=0.12)


def test_a_common_change_of_light_is_none_of_ours() -> None:
    common = 0.08 * np.clip(TIME_S / 6.0, 0.0, 1.0)[:, None] * np.ones(3)
    assert press(blood(), common).crt_s == pytest.approx(CRT_S, rel=0.04)


def test_a_tint_that_comes_and_goes_is_seen_though_the_colours_close() -> None:
    there_and_back = np.exp(-0.5 * ((TIME_S - 2.5) / 0.8) ** 2)[:, None] * np.array([0.0, 0.0, 1.0])
    assert press(blood(), 0.03 * there_and_back).reason == "light_changed"
    assert press(blood(), 0.002 * there_and_back).status == "measured"


@pytest.mark.slow
def test_what_moves_all_channels_alike_is_no_blood() -> None:
    grey = np.array([-0.19, -0.20, -0.18])
    share = blood()
    light = FREE * np.exp((share[:, None] - 1) * grey)
    profile = press(share).profile
    limits = Settings().limits
    assert quality.of_colour(trace_from_light(TIME_S, light), profile, 0.0, limits) == "not_a_refill"
    assert quality.of_colour(press(share).trace, profile, 0.0, limits) is None


@pytest.mark.slow
@pytest.mark.parametrize(
    ("red", "green", "blue"), [(-0.02, -0.1, 0.06), (0.1, -0.1, -0.1), (-0.1, -0.1, -0.1), (0.02, -0.1, -0.2)]
)
def test_without_a_pressure_trace_the_refill_itself_must_move_the_colours_as_blood_does(
    red: float, green: float, blue: float
) -> None:
    tinted = trace_from_light(TIME_S, FREE * np.exp((blood()[:, None] - 1) * np.array([red, green, blue])))
    limits = Settings().limits
    assert quality.of_colour(tinted, None, 0.0, limits) == "not_a_refill"
    assert quality.of_colour(press(blood()).trace, None, 0.0, limits) is None


@pytest.mark.slow
@pytest.mark.parametrize("times", [0.5, 1.0, 2.0, 4.0])
def test_real_skin_before_a_camera_with_colours_of_its_own_is_no_tint(times: float) -> None:
    # Region means of pyCRT's own recording of skin: blue moves hardly more than red.
    real = np.array([-0.023, -0.055, -0.011])
    seen = trace_from_light(TIME_S, FREE * np.exp((blood()[:, None] - 1) * times * real))
    limits = Settings().limits
    assert quality.of_colour(seen, None, 0.0, limits) is None
    assert quality.of_colour(seen, press(blood()).profile, 0.0, limits) is None


@pytest.mark.slow
@pytest.mark.parametrize(("dims", "reason"), [(0.16, "light_changed"), (0.03, None)])
def test_a_shadow_that_passes_slowly_is_refused_where_its_tint_may_matter(dims: float, reason: str | None) -> None:
    passing = np.exp(-0.5 * ((TIME_S - 1.0) / 1.0) ** 2)[:, None] * np.array([0.97, 1.0, 1.0])
    assert press(blood(), -dims * passing).reason == reason


@pytest.mark.slow
@pytest.mark.parametrize("late_s", [-3.0, -1.0, 0.4, 1.0])
def test_skin_cannot_pale_before_it_is_pressed_nor_long_after(late_s: float) -> None:
    assert press(blood(), late_s=late_s).status != "measured"
    assert press(blood(), late_s=0.02 * np.sign(late_s)).status == "measured"


@pytest.mark.slow
def test_blood_that_comes_back_in_the_hold_is_a_leak_whatever_the_sensor_says() -> None:
    in_hold = np.where((TIME_S > -3.0) & (TIME_S < 0), (TIME_S + 3.0) / 3.0, 0.0)
    assert press(blood() + 0.3 * in_hold).reason == "pressure_not_held"
    assert press(blood() + 0.03 * in_hold).status == "measured"


@pytest.mark.slow
def test_a_press_in_the_window_that_the_sensor_did_not_see() -> None:
    again = np.exp(-0.5 * ((TIME_S - 5.0) / 0.4) ** 2)
    assert press(blood() - 0.35 * again).reason in ("second_press", "moved")
    assert press(blood() - 0.03 * again).status == "measured"


@pytest.mark.slow
def test_skin_that_settles_far_paler_than_it_was_has_not_settled() -> None:
    assert press(blood(back_to=0.6)).reason == "not_settled"
    assert press(blood(back_to=0.9)).status == "measured"


def test_skin_that_paled_and_does_not_come_back_is_a_finding() -> None:
    found = press(blood(crt_s=400.0))
    assert found.status == "censored"
    assert found.crt_exceeds_s is not None
    assert found.crt_exceeds_s > 9.0
    assert press(np.ones(len(TIME_S))).reason == "no_blanch"


def test_a_refill_that_a_longer_window_may_show_slower_is_given_no_number() -> None:
    found = press(blood(crt_s=9.0))
    assert found.status == "censored" or found.reason == "not_settled"


def test_the_end_is_established_only_well_behind_the_refilled_level() -> None:
    found = press(blood())
    assert found.established
    assert found.crt_s is not None
    cut = found.trace.time_s < 1.5 * found.crt_s
    assert not replace(found, trace=found.trace.only(cut)).established
    assert not replace(found, crt_ci95_s=(0.7 * found.crt_s, 1.4 * found.crt_s)).established
    assert not replace(found, status="censored", crt_s=None, crt_ci95_s=None).established


def test_a_sliver_at_the_border_is_no_region() -> None:
    step = np.ones((12, 16))
    sliver, whole = np.zeros((12, 16), np.bool_), np.zeros((12, 16), np.bool_)
    sliver[2:9, 15] = True
    whole[2:9, 5:12] = True
    assert region.is_cut_off(Region(sliver, ~sliver, step))
    assert not region.is_cut_off(Region(whole, ~whole, step))
