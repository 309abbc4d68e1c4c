"""The bound against a closed form, finite differences and an estimator that reaches it; a short round of the rungs."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks import cramer_rao
from benchmarks import cramer_rao_model as model
from benchmarks.cramer_rao import OURS, Draw, RungResult
from benchmarks.cramer_rao_model import RUNGS, Truth
from benchmarks.cramer_rao_peers import PEERS, least_squares

WHITE, PULSE, DRIFT, OUTLIERS, ALL = RUNGS
TRUTH = Truth(0.5, 0.0, 0.0, 1.2, np.zeros((3, 2)))


def test_the_white_bound_agrees_with_its_closed_form() -> None:
    # Sums as integrals, exp(-window / tau) as 0; level, step and tau unknown, onset known.
    rate, tau, step = model.RATE_HZ, TRUTH.tau_s, model.STEP
    information = rate * np.array(
        [
            [step**2 / (4 * tau), -step, -0.75 * step],
            [-step, model.WINDOW_S + model.HOLD_S, model.WINDOW_S - tau],
            [-0.75 * step, model.WINDOW_S - tau, model.WINDOW_S - 1.5 * tau],
        ]
    )
    variance = np.linalg.inv(information)[0, 0] * (model.NOISE * step) ** 2
    time_s = (np.arange(780) + 0.5) / rate - model.HOLD_S
    assert model.bound_s2(WHITE, TRUTH, time_s, 1e-7, everything=False) == pytest.approx(
        model.LN10**2 * variance, rel=0.01
    )


def test_the_derivatives_agree_with_finite_differences() -> None:
    rng = np.random.default_rng(5)
    truth, time_s = model.draw(ALL, 0.9, rng), model.sample_times_s(rng)

    def moved(by: float) -> list[Truth]:
        waves = [truth.waves + by * np.eye(6)[index].reshape(2, 3).T for index in range(6)]
        return [
            replace(truth, tau_s=truth.tau_s + by),
            replace(truth, onset_s=truth.onset_s + by),
            replace(truth, level=truth.level + by),
            replace(truth, step=truth.step + by),
            replace(truth, slope=truth.slope + by),
            replace(truth, share=truth.share + by),
            replace(truth, rate_hz=truth.rate_hz + by),
            *(replace(truth, waves=changed) for changed in waves),
        ]

    tiny = 1e-6
    pairs = zip(moved(tiny), moved(-tiny), strict=True)
    numeric = [(model.signal(up, time_s) - model.signal(down, time_s)) / (2 * tiny) for up, down in pairs]
    np.testing.assert_allclose(model.jacobian(ALL, truth, time_s), np.stack(numeric, axis=1), rtol=1e-4, atol=1e-6)


def test_what_is_unknown_raises_the_bound() -> None:
    rng = np.random.default_rng(1)
    truth, time_s = model.draw(ALL, 1.0, rng), model.sample_times_s(rng)
    plain, *others = (model.bound_s2(rung, truth, time_s, everything=False) for rung in (WHITE, DRIFT, OUTLIERS, ALL))
    assert all(other > plain for other in others)
    onset_known, onset_free = (model.bound_s2(WHITE, truth, time_s, sd_s, everything=False) for sd_s in (1e-7, 1.0))
    assert onset_known < plain < onset_free
    assert model.bound_s2(OUTLIERS, truth, time_s, everything=False) < 1.06 * plain
    # Nobody knows beforehand that there is neither drift nor pulse.
    assert model.bound_s2(WHITE, truth, time_s) > model.bound_s2(DRIFT, truth, time_s, everything=False)


@pytest.mark.slow
def test_least_squares_on_white_noise_comes_to_its_bound() -> None:
    rng = np.random.default_rng(2)
    squares, bounds = [], []
    for _ in range(200):
        truth, time_s = replace(model.draw(WHITE, 1.0, rng), onset_s=0.0), model.sample_times_s(rng)
        signal = model.signal(truth, time_s) + model.noise(WHITE, len(time_s), rng)
        squares.append((least_squares(time_s, signal)[0] - truth.t90_s) ** 2)
        bounds.append(model.bound_s2(WHITE, truth, time_s, 10.0, everything=False))
    # The mean of 200 squared errors has a standard error of a tenth.
    assert 0.7 < np.mean(bounds) / np.mean(squares) < 1.3


@pytest.mark.slow
@pytest.mark.parametrize("method", PEERS)
def test_every_peer_finds_a_clean_exponential(method: str) -> None:
    rng = np.random.default_rng(3)
    truth, time_s = replace(TRUTH, tau_s=1.0), model.sample_times_s(rng)
    signal = model.signal(truth, time_s) + 0.1 * model.noise(WHITE, len(time_s), rng)
    middle_s, half_s = PEERS[method](time_s, signal)
    assert middle_s == pytest.approx(truth.t90_s, abs=0.15)
    assert np.isnan(half_s) or 0 < half_s < 0.3


def test_efficiency_is_bound_over_mean_squared_error() -> None:
    errors = [0.02, -0.02, 0.02, -0.02]
    draws = [Draw(3e-4, 2e-4, {OURS: error}, {OURS: 1.0}) for error in errors]
    result = RungResult(WHITE, 1.0, draws)
    assert result.efficiency() == pytest.approx((0.75, 0.0))
    assert result.bound_s(onset_known=True) == pytest.approx(np.sqrt(2e-4))
    assert not cramer_rao.verdict([result]).met
    missing = RungResult(WHITE, 1.0, [*draws, Draw(3e-4, 2e-4, {OURS: np.nan}, {OURS: 0.0})])
    assert missing.efficiency() == (0.0, 0.0)


@pytest.mark.slow
def test_a_short_round_is_the_same_twice_and_near_its_bound() -> None:
    asked = [(rung, 1.0, 1, number) for rung in RUNGS for number in range(4)]
    first, second = [[cramer_rao.play(one) for one in asked] for _ in range(2)]
    assert repr(first) == repr(second)
    results = [RungResult(WHITE, 1.0, first[:4])]
    assert results[0].efficiency()[0] > 0.05
    text = cramer_rao.as_markdown(results, "python -m benchmarks.accuracy")
    assert "| white | 1 |" in text
