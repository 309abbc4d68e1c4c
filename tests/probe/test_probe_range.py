"""A short seeded round of the probe's range, and its judgement on made-up outcomes."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.probe_range import TARGETS_KPA, RangeCase, RangeOutcome, cases, corners, last_crossing_ns, play
from benchmarks.probe_range_report import as_markdown, as_text, failures, held_share, plot, rows, verdicts
from firmware_config.device import DeviceConfig
from phantom.chamber import RANGE, Chamber

CASE = RangeCase("body", 3, "finger", "40 kPa", 40.0, 1.0, 5.0, Chamber(), 3)
GOOD = RangeOutcome(CASE, (), 500, 500, 500, 0.01, 1.2, 60.0, 58.0, 3.0)


def met(outcomes: list[RangeOutcome]) -> list[bool]:
    return [verdict.met for verdict in verdicts(outcomes)]


def test_every_body_is_pressed_by_its_protocols_and_to_every_target(config: DeviceConfig) -> None:
    asked = list(cases(6, 1, config))
    whats = Counter((case.body, case.what) for case in asked)
    assert {what for body, what in whats if body == "finger"} >= {"ait-oufella-15s", "andromeda-finger", "chiba-5n"}
    assert {what for body, what in whats if body == "knee"} >= {"ait-oufella-15s", "knee-10s"}
    assert {f"{kpa:g} kPa" for kpa in TARGETS_KPA} <= {what for _, what in whats}
    assert set(whats.values()) == {3}
    assert {case.target_kpa for case in asked} >= {5.0, 40.0, 60.0}
    assert asked == list(cases(6, 1, config))
    assert {case.number: case.chamber for case in asked} != {c.number: c.chamber for c in cases(6, 2, config)}


def test_the_corners_put_every_figure_at_both_ends_of_its_span() -> None:
    found = list(corners())
    assert len(found) == 512
    for body, spans in RANGE.items():
        for name, span in spans.items():
            assert {getattr(case.chamber, name) for case in found if case.body == body} == {span.low, span.high}
    assert {case.target_kpa for case in found if case.body == "knee"} == {5.0, 20.0, 40.0, 60.0}


def test_a_good_press_meets_everything() -> None:
    assert all(met([GOOD]))
    assert failures([GOOD]) == []


@pytest.mark.parametrize(
    ("index", "bad"),
    [
        (0, replace(GOOD, within=480)),
        (0, replace(GOOD, samples=0, within=0)),
        (1, replace(GOOD, overshoot=0.081)),
        (2, replace(GOOD, release_ms=150.5)),
        (2, replace(GOOD, release_ms=None)),
        (3, replace(GOOD, true_release_ms=150.5)),
        (4, replace(GOOD, faults=("leak",))),
        (5, replace(GOOD, instant_error_ms=8.5)),
        (5, replace(GOOD, instant_error_ms=-6.5)),
        (6, replace(GOOD, release_ms=78.5)),
    ],
)
def test_each_target_is_missed_by_the_press_that_misses_it(index: int, bad: RangeOutcome) -> None:
    assert not met([GOOD, bad])[index]


def test_what_is_missed_on_a_corner_is_told_apart_from_the_bodies() -> None:
    corner = replace(GOOD, case=replace(CASE, group="corner"), within=400, faults=("leak",))
    told = {verdict.target: verdict.met for verdict in verdicts([GOOD, corner])}
    assert told["no false fault on any body"]
    assert not told["no false fault on any corner"]
    assert not told["the same over all corners of the range"]
    assert failures([GOOD, corner]) == [corner.line]
    assert held_share([GOOD, corner]) == 0.9


def test_a_crossing_is_read_where_the_trace_last_fell_through() -> None:
    trace = [(0, 2.0), (10, 0.0), (20, 2.0), (30, 1.0), (40, 0.0)]
    assert last_crossing_ns(trace, 1.5) == 25.0
    assert last_crossing_ns(trace, 3.0) is None


@pytest.mark.slow
def test_tables_and_plot_are_written(tmp_path: Path) -> None:
    outcomes = [GOOD, replace(GOOD, case=replace(CASE, body="knee", target_kpa=5.0), instant_error_ms=None)]
    assert len(rows(outcomes)) == 2
    assert "40 kPa" in as_text(outcomes)
    assert "| vent_mm |" in as_markdown(outcomes, "python")
    plot(outcomes, tmp_path / "range.png")
    assert (tmp_path / "range.png").stat().st_size > 1000


@pytest.mark.slow
def test_a_seeded_round_over_fingers_knees_and_leaks_meets_every_target(config: DeviceConfig) -> None:
    """Within 5 % for 99 % of hold samples, overshoot <= 8 %, release <= 150 ms, no false fault, errors as stated."""
    outcomes = [play(replace(case, hold_s=min(case.hold_s, 5.0))) for case in cases(8, 77, config)]
    assert len(outcomes) > 50
    assert [verdict.line for verdict in verdicts(outcomes) if not verdict.met] == []


@pytest.mark.slow
def test_a_round_over_the_corners_of_the_range_keeps_every_ceiling() -> None:
    outcomes = [play(case) for case in corners(every=11)]
    assert len({case.body for case in (o.case for o in outcomes)}) == 2
    assert held_share(outcomes) >= 0.98
    assert max(o.overshoot for o in outcomes) <= 0.08
    assert max(o.release_ms or 999.0 for o in outcomes) <= 150.0


@pytest.mark.slow
def test_the_strongest_pump_on_the_smallest_finger_is_no_runaway() -> None:
    """The pump also starts at less duty than the device file says, so that it gives more than it seems to be told."""
    found = [play(case) for case in corners() if case.number in (22, 50, 148, 176)]
    assert [o.line for o in found if o.faults] == []
