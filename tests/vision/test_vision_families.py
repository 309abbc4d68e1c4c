"""The families of refill curves, and the times read off them."""

from dataclasses import replace

import numpy as np
import pytest

from vision.families import EXPONENTIALS, FAMILIES, Family
from vision.landmarks import HORIZON_S, crossing_s, time_grid_s, time_recovered_s, weighted_quantiles

NAMES = [family.name for family in FAMILIES]
RISING = [
    family
    for family in FAMILIES
    if family.name.split(",")[0]
    in ("exponential", "two exponentials", "Weibull", "cascade", "logistic", "finished", "uneven")
]
FAR_S = np.array([1e7])


def _prior(family: Family, count: int = 60, spread: float = 1.5) -> np.ndarray:
    chance = np.random.default_rng(5).standard_normal((len(family.mean), count))
    return family.mean[:, None] + spread * family.sd[:, None] * chance


def test_families_have_names_of_their_own_and_priors_of_their_size() -> None:
    assert len(set(NAMES)) == len(NAMES)
    for family in FAMILIES:
        assert family.mean.shape == family.sd.shape == (len(family.prior_mean) + 1,)
        assert (family.sd > 0).all()


@pytest.mark.parametrize("family", FAMILIES, ids=NAMES)
def test_nothing_is_recovered_until_the_onset(family: Family) -> None:
    theta = _prior(family)
    onset_s = family.onset_s(theta)
    for index in range(theta.shape[1]):
        column = theta[:, index : index + 1]
        before = onset_s[index] - np.array([10.0, 0.1, 0.0])
        assert (family.curve(before, column) == 0.0).all()
    assert (family.curve(np.array([-1e6]), theta) == 0.0).all()


@pytest.mark.parametrize("family", FAMILIES, ids=NAMES)
def test_the_curve_starts_at_its_onset_without_a_step(family: Family) -> None:
    theta = family.mean[:, None]
    just_after = family.onset_s(theta) + 1e-6
    assert float(family.curve(just_after, theta)[0, 0]) == pytest.approx(0.0, abs=1e-3)


@pytest.mark.parametrize("family", FAMILIES, ids=NAMES)
def test_every_curve_settles_at_one(family: Family) -> None:
    assert family.curve(FAR_S, _prior(family, spread=0.7)) == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize("family", RISING, ids=[family.name for family in RISING])
def test_a_refill_without_overshoot_never_falls(family: Family) -> None:
    curves = family.curve(np.linspace(-1.0, 30.0, 3000), _prior(family))
    assert np.diff(curves, axis=0).min() > -1e-9
    assert curves.max() <= 1.0 + 1e-9


def test_rising_families_are_among_them() -> None:
    assert len(RISING) >= 5


def test_an_overshoot_goes_beyond_one_and_comes_back() -> None:
    for family in FAMILIES:
        if family.name.split(",")[0] in ("overshoot", "hump"):
            curve = family.curve(np.linspace(0.0, 60.0, 6000), family.mean[:, None])[:, 0]
            assert 1.01 < curve.max() < 1.5
            assert curve[-1] == pytest.approx(1.0, abs=0.01)


HUMP = next(family for family in FAMILIES if family.name == "hump")
SHARPEST = 1.6
"""The logarithm of a bump's order beyond which it would be a heart beat."""


@pytest.mark.parametrize("ln_order", [-1.0, 0.0, 0.7, 1.5, SHARPEST, 5.0])
def test_a_hump_is_an_exponential_and_a_gamma_bump(ln_order: float) -> None:
    """(u / p)^n exp(n (1 - u / p)): of its height at its peak p, and the gamma density's shape around it."""
    rise_s, peak_s, height, onset_s = 0.4, 1.2, 0.2, 0.02
    theta = np.array([np.log(rise_s), np.log(peak_s / rise_s), np.log(height), ln_order, onset_s])[:, None]
    u = np.array([0.01, 0.3, 0.6, peak_s, 2.0, 4.0])
    order = np.exp(min(ln_order, SHARPEST))
    bump = HUMP.curve(u + onset_s, theta)[:, 0] - (1 - np.exp(-u / rise_s))
    assert bump[3] == pytest.approx(height, rel=1e-12)
    gamma = (u / peak_s) ** order * np.exp(order * (1 - u / peak_s))
    assert bump == pytest.approx(height * gamma, rel=1e-9, abs=1e-12)
    fine = np.linspace(0.01, 4.0, 4000)
    fine_bump = HUMP.curve(fine + onset_s, theta)[:, 0] - (1 - np.exp(-fine / rise_s))
    assert fine[np.argmax(fine_bump)] == pytest.approx(peak_s, abs=0.002)


def test_shares_are_finite_and_a_delay_is_a_quarter_as_likely() -> None:
    by_name = {family.name: family for family in FAMILIES}
    for family in FAMILIES:
        assert np.isfinite(family.log_share), family.name
        if family.delayed:
            prompt = by_name[family.name.removesuffix(", delayed")]
            assert prompt.log_share - family.log_share == pytest.approx(np.log(4.0))
    assert max(FAMILIES, key=lambda family: family.log_share) is EXPONENTIALS[0]


def test_only_a_prompt_family_s_onset_follows_its_sd() -> None:
    for family in FAMILIES:
        wider = replace(family, onset_sd_s=0.2)
        assert wider.sd[-1] == (family.sd[-1] if family.delayed else 0.2)
        assert np.array_equal(wider.sd[:-1], family.sd[:-1])


@pytest.mark.parametrize("family", FAMILIES, ids=NAMES)
def test_every_curve_rises_from_nothing_to_one(family: Family) -> None:
    curve = family.curve(np.linspace(-1.0, 300.0, 60_000), family.mean[:, None])[:, 0]
    assert curve[0] == 0.0
    assert curve.min() == pytest.approx(0.0, abs=1e-9)
    assert curve[-1] == pytest.approx(1.0, abs=1e-3)
    assert np.count_nonzero(np.diff((curve > 0.5).astype(int))) == 1


@pytest.mark.parametrize("family", FAMILIES, ids=NAMES)
@pytest.mark.parametrize("spread", [5.0, 50.0, 1000.0])
def test_extreme_parameters_stay_finite(family: Family, spread: float) -> None:
    time_s = np.array([-10.0, 0.0, 1e-9, 0.1, 1.0, 60.0, 1000.0])
    theta = np.clip(_prior(family, 200, spread), -700.0, 700.0)
    with np.errstate(all="raise", under="ignore"):
        curves = family.curve(time_s, theta)
    assert np.isfinite(curves).all()


def test_the_exponential_is_the_closed_form() -> None:
    time_s = np.linspace(-1, 10, 500)
    curve = EXPONENTIALS[0].curve(time_s, np.array([[np.log(1.3)], [0.2]]))[:, 0]
    expected = np.where(time_s > 0.2, 1 - np.exp(-(time_s - 0.2) / 1.3), 0.0)
    assert curve == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("tau_s", [0.05, 0.3, 1.0, 4.0, 12.0])
@pytest.mark.parametrize("fraction", [0.1, 0.5, 0.9])
def test_the_time_to_a_fraction_of_an_exponential_is_the_closed_form(tau_s: float, fraction: float) -> None:
    theta = np.array([[np.log(tau_s)], [0.0]])
    expected_s = -tau_s * np.log(1 - fraction)
    assert time_recovered_s(EXPONENTIALS[0], theta, fraction)[0] == pytest.approx(expected_s, rel=2e-3, abs=5e-4)


def test_a_delay_moves_the_time_by_itself() -> None:
    theta = np.array([[0.0, 0.0], [np.log(0.5), np.log(1.5)]])
    times_s = time_recovered_s(EXPONENTIALS[1], theta, 0.9)
    assert times_s == pytest.approx([0.5 + np.log(10), 1.5 + np.log(10)], abs=5e-3)


def test_the_last_crossing_counts() -> None:
    grid_s = np.arange(6.0)
    dips = np.array([0.0, 1.0, 0.2, 0.8, 1.0, 1.0])[:, None]
    assert crossing_s(grid_s, dips, 0.9)[0] == pytest.approx(3.5)


def test_a_curve_that_never_gets_there_counts_at_the_last_time() -> None:
    grid_s = np.arange(6.0)
    assert crossing_s(grid_s, np.full((6, 1), 0.5), 0.9).tolist() == [5.0]
    slow = np.array([[np.log(1e4)], [0.0]])
    assert time_recovered_s(EXPONENTIALS[0], slow, 0.9)[0] == HORIZON_S


def test_a_curve_that_is_there_from_the_start_counts_at_the_first_time() -> None:
    assert crossing_s(np.arange(6.0), np.ones((6, 1)), 0.9).tolist() == [0.0]


def test_many_curves_are_read_as_one_by_one() -> None:
    family = FAMILIES[2]
    theta = _prior(family, 30)
    together = time_recovered_s(family, theta, 0.9)
    alone = [time_recovered_s(family, theta[:, index : index + 1], 0.9)[0] for index in range(30)]
    assert together.tolist() == alone


def test_the_grid_of_times_increases_and_reaches_the_horizon() -> None:
    grid_s = time_grid_s()
    assert (np.diff(grid_s) > 0).all()
    assert (grid_s[0], grid_s[-1]) == (0.0, HORIZON_S)


def test_weighted_quantiles_of_a_known_sample() -> None:
    chance = np.random.default_rng(1)
    values = chance.normal(3.0, 2.0, 40_000)
    low, middle, high = weighted_quantiles(values, np.ones(40_000), (0.025, 0.5, 0.975))
    assert (low, middle, high) == pytest.approx((3 - 3.92, 3.0, 3 + 3.92), abs=0.1)
    # Weighting a wide sample down to the narrow one gives the narrow one's quantiles.
    wide = chance.normal(3.0, 4.0, 40_000)
    weights = np.exp(-0.5 * ((wide - 3) / 2) ** 2 + 0.5 * ((wide - 3) / 4) ** 2)
    assert weighted_quantiles(wide, weights, (0.025, 0.975)) == pytest.approx([3 - 3.92, 3 + 3.92], abs=0.15)
    assert weighted_quantiles(np.array([7.0]), np.array([2.0]), (0.025, 0.5)) == [7.0, 7.0]


def test_an_uneven_refill_is_the_mean_of_places_that_begin_one_after_the_other() -> None:
    uneven = next(family for family in FAMILIES if family.name == "uneven")
    each_s, spread = 0.8, 2.5
    time_s = np.linspace(0.0, 12.0, 200)
    starts_s = (np.arange(4000) + 0.5) / 4000 * spread * each_s
    places = 1 - np.exp(-np.maximum(time_s[:, None] - starts_s, 0.0) / each_s)
    told = uneven.curve(time_s, np.array([[np.log(each_s)], [np.log(spread)], [0.0]]))[:, 0]
    assert told == pytest.approx(places.mean(axis=1), abs=1e-4)
