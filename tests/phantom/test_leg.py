"""Simulated legs: what they are said to show is what they show, by either renderer."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from phantom.leg.bad_photos import KINDS, bad_photo
from phantom.leg.drawn_at_random import spec_of
from phantom.leg.no_legs import NO_LEGS, no_leg
from phantom.leg.photo import NEAR, PAST, LegPhoto, max_supported, take
from phantom.leg.spec import RENDERERS, LegSpec, Renderer
from refill.cli import app

pytestmark = pytest.mark.slow


def small(**changes: object) -> LegSpec:
    return replace(LegSpec(7, width_px=800, height_px=600, turn_deg=2.0), **changes)  # type: ignore[arg-type]


def colour_at(leg: LegPhoto, mottled: bool) -> np.ndarray:
    """Mean B, G, R of the thigh's mottled or clean skin."""
    grid = leg.truth.mottled
    photo = leg.photo[:: leg.photo.shape[0] // grid.shape[0] or 1][: grid.shape[0], : grid.shape[1]]
    where = grid[: photo.shape[0], : photo.shape[1]]
    middle = np.zeros_like(where)
    middle[
        int(0.42 * where.shape[0]) : int(0.58 * where.shape[0]), int(0.3 * where.shape[1]) : int(0.6 * where.shape[1])
    ] = 1
    return np.asarray(photo[(where if mottled else ~where) & middle].mean(axis=0))


@pytest.mark.parametrize("renderer", RENDERERS)
@pytest.mark.parametrize(
    ("changes", "score"),
    [
        ({}, 0),
        ({"coin_mm": 10.0}, 1),
        ({"reach": -0.02}, 2),
        ({"reach": 0.3}, 3),
        ({"reach": 0.8}, 4),
        ({"reach": 1.15}, 5),
    ],
)
def test_mottling_that_reaches_so_far_has_that_score(renderer: Renderer, changes: dict[str, float], score: int) -> None:
    assert take(small(renderer=renderer, **changes)).truth.score == score


@pytest.mark.parametrize(
    ("changes", "most"),
    [
        ({}, 5),
        ({"view": "to_groin"}, 4),
        ({"view": "no_groin"}, 3),
        ({"view": "half_thigh"}, 3),
        ({"groin_given": False}, 3),
        ({"covered_from": 0.8}, 4),
        ({"covered_from": 0.3}, 3),
    ],
)
def test_what_is_out_of_the_picture_or_covered_cannot_be_scored(changes: dict[str, object], most: int) -> None:
    leg = take(small(reach=1.15, **changes))
    assert (leg.truth.max_supported, leg.truth.score) == (most, most)


@pytest.mark.parametrize(
    ("seen", "most"),
    [
        (0.005, (2, 2, 2)),
        (0.02, (2, 3, 2)),
        (0.3, (3, 3, 3)),
        (0.52, (3, 4, 3)),
        (0.56, (4, 4, 3)),
        (0.6, (4, 4, 4)),
        (1.02, (4, 5, 4)),
        (1.06, (5, 5, 4)),
        (1.2, (5, 5, 5)),
    ],
)
def test_near_a_level_more_is_in_view_than_the_rule_says_and_less_is_sure(
    seen: float, most: tuple[int, int, int]
) -> None:
    assert tuple(max_supported(seen, PAST + more, groin_known=True) for more in (0.0, -NEAR, NEAR)) == most
    assert max_supported(seen, PAST, groin_known=False) == min(most[0], 3)


def test_a_picture_that_ends_at_the_groin_leaves_it_in_view_and_not_sure() -> None:
    truth = take(small(view="to_groin", turn_deg=0.0)).truth
    assert (truth.max_supported, truth.most_in_view, truth.most_surely) == (4, 5, 4)


def test_a_plaster_beside_which_skin_goes_on_ends_nothing() -> None:
    spec = replace(spec_of(26111, "optics"), width_px=800, height_px=600, covered_from=0.94)
    assert {"plaster", "tube"} <= spec.distractors
    assert take(spec).truth.max_supported == 4


def test_a_second_leg_lies_beside_the_marked_one_and_leaves_its_truth_alone() -> None:
    spec = small(second_leg_mm=30.0, second_leg_reach=0.9, tone="III")
    one, two = take(replace(spec, second_leg_mm=None)), take(spec)
    changed = (one.photo != two.photo).any(axis=2)
    assert 0.1 < float(changed.mean()) < 0.5
    assert (two.truth.score, two.truth.zones) == (one.truth.score, one.truth.zones)


@pytest.mark.parametrize("renderer", RENDERERS)
def test_mottled_skin_is_darker_and_less_green_than_the_skin_beside_it(renderer: Renderer) -> None:
    leg = take(small(renderer=renderer, reach=0.9, intensity=1.0, pattern="patchy", width_px=1200, height_px=900))
    mottled, clean = colour_at(leg, mottled=True), colour_at(leg, mottled=False)
    assert (mottled < clean).all()
    assert mottled[1] / clean[1] < mottled[2] / clean[2]


@pytest.mark.parametrize("renderer", RENDERERS)
def test_the_same_number_is_the_same_photo(renderer: Renderer) -> None:
    spec = replace(spec_of(12, renderer), width_px=800, height_px=600)
    assert np.array_equal(take(spec).photo, take(spec).photo)


def test_a_nurses_marks_lie_some_millimetres_beside_the_true_ones() -> None:
    off = []
    for number in range(12):
        truth = take(replace(small(), seed=number)).truth
        off.append(np.hypot(*np.subtract(truth.landmarks.knee, truth.landmarks_tapped.knee)) * truth.mm_per_px)
    assert 1.0 < float(np.mean(off)) < 6.0


def test_a_mirrored_leg_has_its_marks_where_the_leg_is() -> None:
    plain, mirrored = take(small()), take(small(mirrored=True))
    assert mirrored.truth.landmarks.knee[0] == pytest.approx(799 - plain.truth.landmarks.knee[0], abs=1.0)


@pytest.mark.parametrize("kind", KINDS)
def test_every_way_to_spoil_a_photo_can_be_drawn(kind: str) -> None:
    bad = bad_photo(kind, 3, "optics")
    assert bad.photo.dtype == np.uint8
    assert bad.reasons


@pytest.mark.parametrize("name", NO_LEGS)
def test_every_picture_that_is_no_leg_can_be_drawn(name: str) -> None:
    assert no_leg(name, 1).shape[2] == 3


def test_a_photo_is_written_with_its_marks_and_its_truth(tmp_path: Path) -> None:
    file = tmp_path / "leg.jpg"
    made = CliRunner().invoke(app, ["phantom", "leg", str(file), "--score", "4", "--tone", "VI", "--width", "800"])
    assert made.exit_code == 0, made.output
    truth = json.loads((tmp_path / "leg.truth.json").read_text())
    assert (truth["score"], truth["tone"], truth["simulated"]) == (4, "VI", True)
    assert set(json.loads((tmp_path / "leg.landmarks.json").read_text())) == {"knee", "patella", "groin"}


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["leg.gif"], "ends in .jpg"),
        (["leg.jpg", "--tone", "VII"], "--tone VII"),
        (["leg.jpg", "--renderer", "x"], "--renderer x"),
    ],
)
def test_a_leg_that_cannot_be_drawn_is_refused_in_one_line(arguments: list[str], word: str) -> None:
    made = CliRunner().invoke(app, ["phantom", "leg", *arguments])
    assert made.exit_code == 2
    assert word in made.output
