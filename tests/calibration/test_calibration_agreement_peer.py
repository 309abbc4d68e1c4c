"""The agreement's figures against statsmodels, which has them by other ways: mixed models, tables, moments."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from statsmodels.stats.inter_rater import cohens_kappa as peers_kappa
from statsmodels.stats.weightstats import DescrStatsW

from calibration.agreement.limits import limits_of_agreement
from calibration.agreement.pairs import Pair, Pairs, paired
from calibration.agreement.raters import icc_agreement, icc_consistency
from calibration.agreement.threshold import cohens_kappa

pytestmark = pytest.mark.slow  # importing the peer takes longer than asking it


def pairs(seed: int, subjects: int = 30, repeats: int = 3) -> Pairs:
    rng = np.random.default_rng(seed)
    true = rng.uniform(1.5, 6.0, subjects)
    own = rng.normal(0.2, 0.4, subjects)
    return paired(
        Pair(f"{subject:02}", "abc"[i % 3], true[subject] + own[subject] + rng.normal(0, 0.3), true[subject])
        for subject in range(subjects)
        for i in range(repeats)
    )


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_spreads_within_and_between_subjects_are_those_of_a_mixed_model(seed: int) -> None:
    given = pairs(seed)
    frame = pd.DataFrame({"difference": given.difference_s, "subject": given.subject})
    peer = smf.mixedlm("difference ~ 1", frame, groups="subject").fit(reml=True)
    found = limits_of_agreement(given)
    assert found.within_sd_s**2 == pytest.approx(float(peer.scale), rel=1e-3)
    assert found.between_sd_s**2 == pytest.approx(float(peer.cov_re.iloc[0, 0]), rel=1e-3)
    assert found.bias_s == pytest.approx(float(peer.fe_params.iloc[0]), abs=1e-6)
    half = 1.96 * np.sqrt(float(peer.scale) + float(peer.cov_re.iloc[0, 0]))
    assert (found.low_s, found.high_s) == pytest.approx((found.bias_s - half, found.bias_s + half), abs=1e-3)


def test_the_bias_of_single_pairs_has_the_confidence_of_a_t_interval() -> None:
    given = pairs(4, repeats=1)
    found = limits_of_agreement(given)
    assert found.bias_ci95_s == pytest.approx(DescrStatsW(given.difference_s).tconfint_mean(), rel=1e-9)


def test_the_growth_of_the_difference_is_that_of_ordinary_least_squares() -> None:
    given = pairs(5, repeats=1)
    frame = pd.DataFrame({"difference": given.difference_s, "mean": given.mean_s})
    peer = smf.ols("difference ~ mean", frame).fit()
    found = limits_of_agreement(given)
    assert found.grows == pytest.approx(float(peer.params["mean"]))
    assert found.grows_ci95 == pytest.approx(tuple(peer.conf_int().loc["mean"]))


@pytest.mark.parametrize("seed", [6, 7])
def test_the_correlations_are_those_of_two_way_analysis_of_variance(seed: int) -> None:
    rng = np.random.default_rng(seed)
    table = rng.uniform(1, 6, (25, 1)) + rng.normal(0, 0.3, (1, 4)) + rng.normal(0, 0.5, (25, 4))
    n, k = table.shape
    frame = pd.DataFrame({"s": table.ravel(), "subject": np.repeat(np.arange(n), k), "rater": np.tile(np.arange(k), n)})
    fit = smf.ols("s ~ C(subject) + C(rater)", frame).fit()
    squares = {
        name: float(fit.wald_test_terms(scalar=True).table.loc[f"C({name})", "statistic"])
        for name in ("subject", "rater")
    }
    error = float(fit.mse_resid)
    rows, columns = squares["subject"] * error, squares["rater"] * error
    agreement = (rows - error) / (rows + (k - 1) * error + k * (columns - error) / n)
    assert icc_agreement(table).value == pytest.approx(agreement)
    assert icc_consistency(table).value == pytest.approx((rows - error) / (rows + (k - 1) * error))


@pytest.mark.parametrize("cells", [[[20, 3], [4, 40]], [[5, 1], [2, 60]], [[30, 10], [12, 28]]])
def test_kappa_and_its_interval_are_those_of_a_contingency_table(cells: list[list[int]]) -> None:
    table = np.array(cells, dtype=np.float64)
    kappa, interval = cohens_kappa(table)
    peer = peers_kappa(table)
    assert kappa == pytest.approx(peer.kappa)
    assert interval == pytest.approx((peer.kappa_low, min(peer.kappa_upp, 1.0)), rel=1e-6)
