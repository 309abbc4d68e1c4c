"""The ladder's arithmetic on made-up outcomes, and a short seeded round of the campaign itself."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks import accuracy_ladder as ladder
from benchmarks.accuracy import as_markdown, play
from benchmarks.accuracy_csv import HEAD, as_csv
from benchmarks.accuracy_ladder import GROUPS, KINDS, MAIN, TONES, Case, Outcome, cases, measure, spec_of, tolerance_s
from benchmarks.accuracy_report import by_stratum, censored_text, figures, ours, peers, refused_text, verdicts
from benchmarks.pycrt_peer import PeerResult
from phantom.spec import PressSpec
from phantom.trace import simulate
from vision.pressure import PressureTrace
from vision.trace import Trace

MADE_UP = Outcome(
    case=Case(MAIN, 0, 1),
    spec=PressSpec(step_ln_g=0.2),
    with_surround=True,
    truth_s=2.0,
    ended="measured",
    crt_s=2.05,
    interval_s=(1.9, 2.2),
    exceeds_s=None,
    watched_s=10.0,
    peer=PeerResult(tau_s=1.0, tau_uncertainty_s=0.05, slice_start_s=0.0),
)
REFUSED = replace(MADE_UP, ended="moved", crt_s=None, interval_s=None)
CENSORED = replace(REFUSED, ended="censored", exceeds_s=9.0, truth_s=12.0)


ERRORS_S = [0.09, -0.09, 0.2, 0.4]


def test_figures_are_bias_limits_and_shares_of_what_was_measured() -> None:
    truth = np.array([1.0, 1.0, 4.0, 4.0])
    measured = truth + np.array(ERRORS_S)
    told = figures(5, truth, measured, measured - 0.15, measured + 0.15)
    assert (told.n, told.measured) == (5, 4)
    assert told.bias_s == pytest.approx(0.15)
    spread = 1.96 * np.std(ERRORS_S, ddof=1)
    assert told.limits_s == pytest.approx((0.15 - spread, 0.15 + spread))
    assert told.median_s == pytest.approx(0.145)
    assert told.p95_s == pytest.approx(np.quantile(np.abs(ERRORS_S), 0.95))
    assert told.within == 0.75  # 6 % of 4 s is 0.24 s
    assert told.covered == 0.5
    assert told.covered_se == pytest.approx(np.sqrt(0.25 / 8))
    assert told.covered_95 == pytest.approx((0.5 - 1.96 * told.covered_se, 0.5 + 1.96 * told.covered_se))


def test_figures_of_nothing_are_no_numbers() -> None:
    told = ours([REFUSED])
    assert (told.n, told.measured) == (1, 0)
    assert np.isnan(told.bias_s)


def test_the_error_allowed_is_a_tenth_of_a_second_or_6_percent() -> None:
    assert tolerance_s(1.0) == 0.10
    assert tolerance_s(5.0) == pytest.approx(0.30)


def test_refusals_are_told_with_their_reasons_and_censoring_apart() -> None:
    found = [MADE_UP, REFUSED, REFUSED, replace(REFUSED, ended="glare"), CENSORED]
    assert refused_text(found) == "3 (2 moved, 1 glare)"
    assert censored_text(found) == "1"
    assert refused_text([MADE_UP]) == "0"


def test_a_censored_press_is_right_where_it_took_longer_than_was_said() -> None:
    assert CENSORED.bound_holds
    wrong = replace(CENSORED, truth_s=8.0)
    assert not wrong.bound_holds
    assert censored_text([CENSORED, wrong]) == "2 (1 wrong)"


def test_who_is_censored_though_the_skin_had_refilled_counts_as_refused() -> None:
    assert not CENSORED.refused  # 12 s of refill, watched for 10 s
    assert replace(CENSORED, truth_s=9.5).refused
    assert REFUSED.refused
    assert not MADE_UP.refused


def test_the_peer_is_judged_on_what_it_does_not_reject() -> None:
    rejected = replace(MADE_UP, peer=replace(MADE_UP.peer, tau_uncertainty_s=0.13))
    failed = replace(MADE_UP, peer=PeerResult(np.nan, np.nan, np.nan, "RuntimeError"))
    told = peers([MADE_UP, rejected, failed])
    assert (told.n, told.measured) == (3, 1)
    assert told.bias_s == pytest.approx(np.log(10.0) - 2.0)


def test_strata_hold_what_their_names_say_and_harder_groups_stand_alone() -> None:
    small = replace(MADE_UP, spec=PressSpec(step_ln_g=0.04, tone="VI", kind="biexp", crt_s=0.7, fps=24.0, pulse=0.1))
    hard = replace(MADE_UP, case=Case("slow", 0, 1))
    strata = by_stratum([MADE_UP, small, hard])
    assert strata["all"] == [MADE_UP, small]
    for name in ("step 0.03 to 0.05", "tone VI", "curve biexp", "refill 0.5 to 1 s", "24 frames/s", "pulse 8 to 12 %"):
        assert strata[name] == [small]
    assert strata[GROUPS["slow"].title] == [hard]
    assert "tone I" not in strata


def test_targets_are_met_or_not_by_the_figures() -> None:
    many = [replace(MADE_UP, crt_s=2.0 + e, interval_s=(2.0, 2.1)) for e in np.linspace(-0.01, 0.01, 19)]
    many.append(replace(MADE_UP, crt_s=2.0, interval_s=(2.01, 2.1)))
    judged = {verdict.target: verdict.met for verdict in verdicts(by_stratum(many))}
    assert all(judged.values()), judged
    bad = (
        [replace(o, crt_s=2.2, interval_s=(2.1, 2.3)) for o in many] + [REFUSED] * 4 + [replace(CENSORED, truth_s=1.0)]
    )
    judged = {verdict.target: verdict.met for verdict in verdicts(by_stratum(bad))}
    assert not any(judged.values()), judged


def test_the_report_names_every_target_and_stratum() -> None:
    found = [MADE_UP, REFUSED, CENSORED]
    text = as_markdown(found, verdicts(by_stratum(found)), "python -m benchmarks.accuracy")
    tables = [line for line in text.splitlines() if line.startswith("| ")]
    assert len({line.count("|") for line in tables}) == 2  # ours and pyCRT's, each of one width
    assert "NOT MET" in text
    assert "| curve exp | 3 |" in text


def test_one_line_a_press_has_every_column() -> None:
    lines = as_csv([MADE_UP, REFUSED, replace(MADE_UP, peer=PeerResult(np.nan, np.nan, np.nan, "x"))]).splitlines()
    assert {line.count(",") for line in lines} == {HEAD.count(",")}


def test_cases_are_the_same_for_the_same_seed_and_cover_every_pair_of_tone_and_curve() -> None:
    asked = [case for case in cases(240, seed=3) if case.group == MAIN]
    specs = [spec_of(case)[0] for case in asked]
    assert len({(spec.tone, spec.kind) for spec in specs}) == len(TONES) * len(KINDS)
    assert spec_of(asked[5]) == spec_of(asked[5])
    assert spec_of(asked[5]) != spec_of(replace(asked[5], seed=4))
    for case in asked:
        spec, _ = spec_of(case)
        spec.check()
        assert 2.4 * spec.crt_s < spec.window_s <= 30.0
    # Surround and frame rate do not go with the tone.
    assert len({(spec_of(c)[1], spec.tone, spec.fps) for c, spec in zip(asked, specs, strict=True)}) > 40


@pytest.mark.parametrize(("ready_s", "watched_s"), [(4.0, 4.0), (6.5, 7.0), (40.0, 30.0)])
def test_the_early_stop_is_the_first_look_that_says_established(
    monkeypatch: pytest.MonkeyPatch, ready_s: float, watched_s: float
) -> None:
    press = simulate(PressSpec(post_s=30.0, fps=10.0, hold_s=2.0, pre_s=1.0))
    zero_s = float(press.truth["t0"])

    def told(trace: Trace, pressure: PressureTrace | None, _: object) -> SimpleNamespace:
        assert pressure is not None
        assert pressure.time_s[-1] <= trace.time_s[-1] + 0.2
        return SimpleNamespace(established=trace.time_s[-1] - zero_s >= ready_s - 0.2)

    monkeypatch.setattr(ladder, "analyse_trace", told)
    _, seen_s = ladder._analyse(press, ladder.trace_of(press, False), GROUPS["early"])
    assert seen_s == pytest.approx(watched_s, abs=0.2)


@pytest.mark.slow
def test_a_short_round_gives_the_same_digits_in_any_process_and_sound_figures() -> None:
    asked = [case for case in cases(12, seed=1) if case.group == MAIN]
    here = [measure(case) for case in asked]
    elsewhere = play(asked, jobs=2)
    assert [repr(outcome) for outcome in here] == [repr(outcome) for outcome in elsewhere]
    told = ours(here)
    assert told.measured >= 10
    assert told.median_s < 0.15
    assert told.covered >= 0.6
    assert not any(outcome.censored and not outcome.bound_holds for outcome in here)
