"""The calibration campaign: its cards, its truth, what it counts; and a short round of it runs."""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from benchmarks.calibration import Asked, as_markdown
from benchmarks.calibration_cases import AREA_OF, AREAS, NAMED, Case, cases, dealt
from benchmarks.calibration_play import Done, play, read
from benchmarks.calibration_plot import plot
from benchmarks.calibration_readings import SETTABLE, Reading, of, readings
from benchmarks.calibration_report import by_error, by_figure, figures, passes, verdicts
from benchmarks.calibration_truth import FINDS, KNOWN, OF_AN_ERROR
from contract.certificate import StepName as S

GOOD: Final = Case(8000, end_to_end=False)
WRONG: Final = Case(8001, ("offset", "vignette", "delay"), end_to_end=False)
STEPS: Final = frozenset({S.PRESSURE_ZERO, S.PRESSURE_SPAN, S.CAMERA_DARK, S.CAMERA_LOCK, S.CAMERA_FLAT_FIELD})
ASKED: Final = Asked(1, 1, 8000, 4, 1, 0, 3)


def test_every_named_error_is_dealt_ten_times_and_every_other_one_too() -> None:
    for seed in (7500, 1, 2):
        devices = dealt(100, seed)
        count = Counter(error for own in devices for error in own)
        assert set(count) == set(AREA_OF)
        assert min(count[error] for error in NAMED) >= 10
        assert all(own and len({AREA_OF[error] for error in own}) == len(own) for own in devices)


def test_every_hidden_error_of_every_area_has_figures_with_a_truth() -> None:
    assert set(FINDS) == {error for errors, _ in AREAS.values() for error in errors}
    assert {named for figures in FINDS.values() for named in figures} <= {*KNOWN, *OF_AN_ERROR}


def test_one_device_of_four_and_every_wrong_clock_is_measured_from_end_to_end() -> None:
    every = cases(8, 100, 7500, 4)
    assert sum(case.end_to_end for case in every if not case.wrong) == 2
    assert all(case.end_to_end for case in every if "clock" in case.wrong)
    assert 25 <= sum(case.end_to_end for case in every if case.wrong) <= 35


@pytest.fixture(scope="module")
def devices(tmp_path_factory: pytest.TempPathFactory) -> list[Done]:
    """Two devices by a few steps, as they were kept and read again; what is kept is not done again."""
    raw = tmp_path_factory.mktemp("campaign") / "raw.jsonl"
    done = play([GOOD, WRONG], 1, raw, only=STEPS | {S.TIMING_OFFSET})
    assert play([GOOD, WRONG], 1, raw) == read(raw)
    assert [case for case, _ in read(raw)] == [case for case, _ in done]
    return read(raw)


@pytest.mark.slow
def test_errors_are_found_with_their_size_and_what_can_be_corrected_is(devices: list[Done]) -> None:
    found = {each.error: each for each in by_error(devices) if each.count}
    assert set(found) == set(WRONG.wrong)
    assert all((each.found, each.measured, each.held) == (1, 1, 1) for each in found.values())
    assert {error: each.verified for error, each in found.items()} == {"offset": 1, "vignette": 0, "delay": 1}
    assert passes(devices) == (1, 1, 0)
    [wrong] = [done for case, done in devices if case.wrong]
    assert [what.split()[0] for what in wrong.failed] == ["camera_flat_field"]


@pytest.mark.slow
def test_figures_are_held_against_the_truth_of_their_own_device(devices: list[Done]) -> None:
    shown = {each.named: each for each in by_figure(devices)}
    assert sum(each.held for each in shown.values()) >= 0.9 * sum(len(each.off) for each in shown.values()) > 20
    swapped = [(replace(case, seed=case.seed + 10), done) for case, done in devices]
    others = {each.named: each for each in by_figure(swapped)}
    assert sum(each.held for each in others.values()) < 0.7 * sum(len(each.off) for each in others.values())
    assert not next(verdict for verdict in verdicts(swapped, []) if "size" in verdict.target).met


@pytest.mark.slow
def test_a_device_that_is_set_wrongly_reads_better_once_it_is_calibrated(devices: list[Done], tmp_path: Path) -> None:
    found = readings(1, 0, 3, 8000, 1)
    before, after = (figures(of(found, SETTABLE, after)) for after in (False, True))
    assert after.refused == 0
    assert after.within == 1.0
    assert after.count == before.count == 3
    page = as_markdown(devices, found, ASKED, None)
    assert "Simulated devices" in page
    assert page.count("| set wrongly |") == 2
    assert "| **vignette** | camera_flat_field | 1 | 1 | 1 of 1 |" in page
    plot(devices, found, tmp_path / "calibration.png")
    assert (tmp_path / "calibration.png").stat().st_size > 10_000


def reading(error_s: float | None, after: bool) -> Reading:
    crt_s = None if error_s is None else 2.0 + error_s
    interval = None if crt_s is None else (crt_s - 0.05, crt_s + 0.05)
    return Reading(SETTABLE, 1, after, after, "III", 2.0, crt_s, interval, "measured" if crt_s else "saturated")


def test_readings_are_judged_by_bias_error_and_refusals() -> None:
    sound = [reading(error_s, True) for error_s in (-0.02, 0.0, 0.02)] * 20
    before = [reading(0.2, False), reading(0.22, False), reading(None, False)]
    told = figures(before)
    assert (told.count, told.refused, told.within, told.covered) == (3, 1, 0.0, 0.0)
    assert told.bias_s == pytest.approx(0.21)
    good = [verdict.met for verdict in verdicts([], [*before, *sound]) if "after" in verdict.target]
    assert good == [True, True, True]
    late = [reading(error_s + 0.11, True) for error_s in (-0.02, 0.0, 0.02)] + [reading(None, True)]
    assert not any(verdict.met for verdict in verdicts([], [*before, *late]) if "after" in verdict.target)
