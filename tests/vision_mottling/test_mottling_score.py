"""The score is the extent, whatever the tone, the light, the way the leg lies and what else is on the skin."""

from functools import cache
from typing import Any

import cv2
import numpy as np
import pytest
from leg_bench import SHEETS, SKIN, Leg, draw, frame_of, mottled

from vision.mottling.assess import assess
from vision.mottling.levels import ZONES, Landmarks
from vision.mottling.result import Assessment

TOPS_MM: dict[int, float | None] = {0: None, 2: 12.0, 3: 130.0, 4: 290.0, 5: 440.0}
"""On a thigh of 360 mm above a kneecap edge at 25 mm."""
BASE = Leg(height_px=1000, width_px=460, knee_at=(0.5, 0.62), noise=0.005)

AS_FILE: dict[str, Any] = {"jpeg": 92, "mm_per_px": 0.5, "width_px": 920, "height_px": 2000}


@cache
def told(leg: Leg) -> Assessment:
    photo, landmarks = draw(leg)
    return assess(photo, landmarks, leg.mm_per_px)


@pytest.mark.slow
@pytest.mark.parametrize("score", TOPS_MM)
def test_each_level_is_told_by_how_far_the_net_reaches(score: int) -> None:
    found = told(BASE.with_(top_mm=TOPS_MM[score], seed=score + 1))
    assert (found.status, found.score, found.max_supported) == ("measured", score, 5)


def test_a_patch_of_a_coin_on_the_knee_is_a_one() -> None:
    assert told(BASE.with_(coin=True)).score == 1


@pytest.mark.slow
@pytest.mark.parametrize(("aside_mm", "along_mm"), [(9.0, 0.0), (-6.0, 7.0), (0.0, -9.0)])
def test_a_coin_stays_a_one_where_the_knee_was_tapped_beside_it(aside_mm: float, along_mm: float) -> None:
    photo, marks = draw(BASE.with_(coin=True))
    beside = Landmarks((marks.knee[0] + aside_mm, marks.knee[1] + along_mm), marks.patella, marks.groin)
    assert assess(photo, beside, 1.0).score == 1


@pytest.mark.slow
@pytest.mark.parametrize("tone", ["II", "V"])
def test_a_knee_of_another_colour_hides_nothing_of_the_leg(tone: str) -> None:
    found = told(BASE.with_(red_knee=0.5, tone=tone))
    assert (found.score, found.max_supported) == (0, 5)


@pytest.mark.slow
@pytest.mark.parametrize("tone", SKIN)
def test_every_tone_gets_the_same_score(tone: str) -> None:
    assert told(BASE.with_(tone=tone, top_mm=TOPS_MM[3], amplitude=0.16)).score == 3


@pytest.mark.slow
@pytest.mark.parametrize("tone", SKIN)
def test_unmottled_skin_of_every_tone_is_a_nought(tone: str) -> None:
    assert told(BASE.with_(tone=tone, gradient=0.5)).score == 0


@pytest.mark.slow
@pytest.mark.parametrize("sheet", SHEETS)
def test_the_sheet_under_the_leg_does_not_matter(sheet: str) -> None:
    found = told(BASE.with_(sheet=sheet, top_mm=TOPS_MM[4]))
    assert (found.score, found.max_supported) == (4, 5)


@pytest.mark.slow
@pytest.mark.parametrize(
    "what",
    [
        BASE.with_(freckles=900),
        BASE.with_(shadow=0.8),
        BASE.with_(red_knee=0.1),
        BASE.with_(bruise_mm=(160.0, 0.2, 22.0)),
        BASE.with_(freckles=400, shadow=0.5, red_knee=0.05, tone="IV", sheet="pink"),
    ],
    ids=["freckles", "shadow", "red knee", "bruise", "several"],
)
def test_what_is_not_mottling_is_not_scored(what: Leg) -> None:
    assert told(what).score == 0


@pytest.mark.slow
def test_a_bruise_beyond_the_net_does_not_raise_the_score() -> None:
    assert told(BASE.with_(top_mm=12.0, bruise_mm=(300.0, 0.1, 20.0))).score == 2


@pytest.mark.slow
@pytest.mark.parametrize("angle_deg", [-90.0, 0.0, 90.0, 180.0, -40.0, 130.0])
@pytest.mark.parametrize("mirrored", [False, True])
def test_the_leg_may_lie_in_any_direction(angle_deg: float, mirrored: bool) -> None:
    across = round(abs(np.cos(np.radians(angle_deg))), 2)
    knee = (0.5 - 0.14 * np.cos(np.radians(angle_deg)), 0.5 - 0.14 * np.sin(np.radians(angle_deg)))
    leg = Leg(
        top_mm=120.0,
        width_px=round(560 + 440 * across),
        height_px=round(1000 - 300 * across),
        knee_at=knee,
        angle_deg=angle_deg,
        mirrored=mirrored,
        thigh_mm=330.0,
        noise=0.005,
    )
    assert told(leg).score == 3


@pytest.mark.slow
@pytest.mark.parametrize("times", [0.6, 1.6])
def test_the_size_of_the_photo_does_not_change_the_score(times: float) -> None:
    photo, marks = draw(BASE.with_(top_mm=TOPS_MM[3], mesh_mm=16.0))
    other = cv2.resize(photo, None, fx=times, fy=times, interpolation=cv2.INTER_AREA)
    points = [(float((x + 0.5) * times - 0.5), float((y + 0.5) * times - 0.5)) for x, y in points_of(marks)]
    found = assess(np.asarray(other, dtype=np.uint8), Landmarks(*points), 1.0 / times)
    assert (found.score, found.max_supported) == (3, 5)


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes",
    [{"light": 0.45}, {"light": 1.15}, {"white": (1.15, 1.0, 0.85)}, {"white": (0.88, 1.0, 1.15)}, AS_FILE],
    ids=["dim", "bright", "warm", "cool", "file"],
)
@pytest.mark.parametrize("score", [0, 3])
def test_brightness_white_balance_and_the_file_do_not_change_the_score(changes: dict[str, Any], score: int) -> None:
    assert told(BASE.with_(top_mm=TOPS_MM[score], **changes)).score == score


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_marks_that_are_five_mm_off_do_not_change_a_score_away_from_its_limits(seed: int) -> None:
    photo, marks = draw(BASE.with_(top_mm=120.0))
    rng = np.random.default_rng(seed)
    moved = [
        (x + 5.0 * np.cos(a), y + 5.0 * np.sin(a))
        for (x, y), a in zip(points_of(marks), rng.uniform(0, 6, 3), strict=True)
    ]
    assert assess(photo, Landmarks(*[(float(x), float(y)) for x, y in moved]), 1.0).score == 3


@pytest.mark.slow
def test_more_extent_never_lowers_the_score() -> None:
    scores = [
        told(BASE.with_(top_mm=top_mm, seed=5)).score for top_mm in (None, 15.0, 60.0, 140.0, 250.0, 340.0, 440.0)
    ]
    assert scores == sorted(scores, key=lambda score: -1 if score is None else score)
    assert None not in scores


@pytest.mark.slow
def test_the_score_is_the_same_without_a_measured_scale_and_no_area_is_told() -> None:
    photo, marks = draw(BASE.with_(top_mm=TOPS_MM[3]))
    found = assess(photo, marks)
    assert (found.score, found.mottled_area_cm2) == (3, None)


@pytest.mark.slow
def test_the_area_and_the_shares_are_roughly_those_of_the_drawing() -> None:
    leg = BASE.with_(top_mm=TOPS_MM[4])
    frame, found = frame_of(leg), told(leg)
    true = (mottled(leg, frame) > 0.5) & frame.leg
    low = frame.leg & (frame.along_mm > 25.0) & (frame.along_mm <= 205.0)
    assert found.mottled_area_cm2 == pytest.approx(true.sum() / 100.0, rel=0.4)
    assert tuple(found.zones) == ZONES
    assert found.zones["beyond_groin"] == pytest.approx(0.0, abs=0.02)
    assert found.zones["lower_thigh"] == pytest.approx(true[low].mean(), abs=0.2)


@pytest.mark.slow
def test_a_card_takes_the_colour_of_the_light_out() -> None:
    light = (1.9, 1.0, 0.35)
    photo, marks = draw(BASE.with_(top_mm=TOPS_MM[3], white=light, light=0.5))
    found = assess(photo, marks, 1.0, 0.3 * np.array(light))
    assert found.score == 3


@pytest.mark.slow
def test_the_confidence_is_higher_in_the_middle_of_a_level_than_at_its_limit() -> None:
    middle, limit = (told(BASE.with_(top_mm=top_mm, seed=3)).confidence for top_mm in (120.0, 207.0))
    assert middle is not None
    assert limit is not None
    assert 0.0 <= limit <= middle <= 1.0


@pytest.mark.slow
def test_the_map_lies_over_the_photo_and_mottled_skin_is_skin() -> None:
    found = told(BASE.with_(top_mm=TOPS_MM[3]))
    assert found.map is not None
    assert found.map.skin.shape == (1000 // found.map.px, 460 // found.map.px)
    assert not (found.map.mottled & ~found.map.skin).any()
    assert (found.map.strength[~found.map.skin] == 0).all()


def points_of(marks: Landmarks) -> list[tuple[float, float]]:
    assert marks.groin is not None
    return [marks.knee, marks.patella, marks.groin]
