"""The mottling campaign: its figures are right, and a short round of it runs."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks import mottling_accuracy
from benchmarks.mottling_accuracy import as_markdown, run, write_csv
from benchmarks.mottling_cases import LegCase, LegOutcome, RefusalOutcome
from benchmarks.mottling_report import (
    confusion,
    exact_of,
    false_alarms,
    most_wrong,
    plot,
    verdicts,
    weighted_kappa,
)


def outcome(truth: int, score: int | None, **changes: object) -> LegOutcome:
    given = {
        "case": LegCase(1, "optics"),
        "tone": "III",
        "pattern": "reticular",
        "intensity": 0.6,
        "distractors": 1,
        "truth": truth,
        "most": 5,
        "most_in_view": 5,
        "most_surely": 5,
        "score": score,
        "reason": None if score is not None else "blurred",
        "told_most": 5,
        "confidence": 0.9,
        "at_least": False,
        "zone_errors": {"knee": 0.1},
        "peer": 0,
        "seconds": 0.5,
    }
    return LegOutcome(**(given | changes))  # type: ignore[arg-type]


def test_the_weighted_kappa_is_that_of_a_known_table() -> None:
    # J. Cohen, Psychol Bull 1968;70:213: with quadratic weights kappa is the intraclass correlation; by hand here.
    pairs = [(0, 0)] * 4 + [(5, 5)] * 4 + [(0, 5)] + [(5, 0)]
    assert weighted_kappa(confusion(pairs)) == pytest.approx(0.6)
    assert weighted_kappa(confusion([(3, 3)] * 5)) == 1.0


def test_a_refused_photo_is_not_exact_and_no_false_alarm() -> None:
    given = [outcome(0, 0), outcome(0, None), outcome(0, 2), outcome(3, 3), outcome(0, 1, distractors=0)]
    assert exact_of(given) == pytest.approx(0.4)
    assert false_alarms(given) == (1, 3)


def test_a_max_supported_is_too_high_too_low_or_beside_the_rule_near_a_level() -> None:
    near = {"most_in_view": 5, "most_surely": 4}
    given = [
        outcome(2, 2),
        outcome(2, 2, most=4, most_in_view=4, most_surely=4),
        outcome(2, 2, told_most=3, **near),
        outcome(2, 2, told_most=4, **near),
        outcome(2, 2, most=4, **near),
        outcome(2, None, told_most=None),
    ]
    assert most_wrong(given) == (1, 1, 2)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("legs", "bad", "none", "missed"),
    [
        ([], [], [], None),
        ([outcome(2, 2, told_most=4)], [], [], "max_supported"),
        ([outcome(2, 2, most=4, most_in_view=4, most_surely=4)], [], [], "max_supported"),
        ([outcome(2, 2, told_most=4, most_surely=4)], [], [], None),
        ([], [RefusalOutcome("dark", ("dark",), "blurred", None)], [], "bad photos"),
        ([], [RefusalOutcome("dark", ("dark",), None, 0)], [], "bad photos"),
        ([], [], [RefusalOutcome("wall", (), None, 0)], "no leg"),
        ([outcome(0, 1)] * 3, [], [], "unmottled"),
    ],
)
def test_what_misses_a_target_is_named(
    legs: list[LegOutcome], bad: list[RefusalOutcome], none: list[RefusalOutcome], missed: str | None
) -> None:
    tones = ("I", "II", "III", "IV", "V", "VI")
    sound = [outcome(truth, truth, tone=tone) for truth in range(6) for tone in tones] * 4
    told = [verdict.target for verdict in verdicts([*sound, *legs], bad, none) if not verdict.met]
    assert len(told) == (missed is not None)
    assert missed is None or missed in told[0]


def test_the_figure_beside_kappa_is_its_interval() -> None:
    sound = [outcome(truth, truth, tone=tone) for truth in range(6) for tone in ("I", "II", "III", "IV", "V", "VI")]
    kappa = next(verdict for verdict in verdicts([*sound, outcome(0, 5)], [], []) if "weighted kappa" in verdict.target)
    low, high = (float(part) for part in kappa.figure.partition("(")[2].rstrip(")").split(" to "))
    assert 0.4 < low < float(kappa.figure.split()[0]) < high <= 1.0


@pytest.mark.slow
def test_a_short_round_runs_and_writes_its_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # One real photo: tests/vision_mottling/test_mottling_photos.py has them all.
    monkeypatch.setattr(mottling_accuracy, "NAMES", mottling_accuracy.NAMES[:1])
    legs, bad, none = run(12, 1, 2)
    page = as_markdown(legs, bad, none, (1.0, 300.0), "python -m benchmarks.mottling_accuracy", 1.0)
    assert "Simulation" in page
    assert len(legs) == 12
    assert exact_of(legs) >= 0.7
    assert np.mean([each.right for each in bad]) >= 0.9
    assert all(each.score is None for each in none)
    write_csv(legs, tmp_path / "mottling.csv")
    plot(legs, tmp_path / "mottling.png")
    assert (tmp_path / "mottling.csv").read_text().count("\n") == 13
