"""Each reason for no score: a photo that has it, and one that nearly has it and is scored."""

from functools import cache

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from leg_bench import Leg, draw, frame_of, smooth_noise
from numpy.typing import NDArray

from vision.mottling.assess import assess
from vision.mottling.levels import Landmarks
from vision.mottling.reasons import Reason
from vision.mottling.result import Assessment

Photo = NDArray[np.uint8]

BASE = Leg(height_px=1000, width_px=460, knee_at=(0.5, 0.62), noise=0.005, top_mm=120.0)


@cache
def drawn(leg: Leg = BASE) -> tuple[Photo, Landmarks]:
    return draw(leg)


def told(leg: Leg) -> Assessment:
    photo, landmarks = drawn(leg)
    return assess(photo, landmarks, leg.mm_per_px)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("leg", "reason"),
    [
        (BASE.with_(blur_px=7.0), Reason.BLURRED),
        (BASE.with_(light=0.008), Reason.DARK),
        (BASE.with_(light=4.5), Reason.OVER_EXPOSED),
        (BASE.with_(white=(0.35, 0.8, 1.0)), Reason.COLOUR_CAST),
    ],
    ids=["blurred", "dark", "over-exposed", "blue light"],
)
def test_a_photo_that_cannot_be_judged_is_refused_by_its_cause(leg: Leg, reason: Reason) -> None:
    found = told(leg)
    assert (found.status, found.reason, found.score, found.map) == ("not_measurable", reason, None, None)


@pytest.mark.slow
@pytest.mark.parametrize("angle_deg", [0, 45, 90, 120])
def test_a_hand_that_moved_is_blurred_whichever_way_it_moved(angle_deg: int) -> None:
    photo, marks = drawn()
    line = np.zeros((25, 25), dtype=np.float32)
    reach = 12 * np.array([np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))])
    ends = [(round(12 + sign * reach[0]), round(12 + sign * reach[1])) for sign in (-1, 1)]
    cv2.line(line, ends[0], ends[1], 1.0, 1)
    smeared = np.asarray(cv2.filter2D(photo, -1, line / line.sum()), dtype=np.uint8)
    assert assess(smeared, marks, 1.0).reason == Reason.BLURRED


@pytest.mark.slow
@pytest.mark.parametrize(
    "leg",
    [
        BASE.with_(blur_px=1.2, amplitude=0.3),
        BASE.with_(light=0.2, amplitude=0.3),
        BASE.with_(light=1.4),
        BASE.with_(white=(0.88, 1.0, 1.2)),
    ],
    ids=["soft", "dim", "bright", "cool light"],
)
def test_a_photo_that_is_only_poor_is_scored(leg: Leg) -> None:
    assert told(leg).score == 3


def test_no_landmarks_are_landmarks_missing() -> None:
    assert assess(drawn()[0], None).reason == Reason.LANDMARKS_MISSING


KNEE, PATELLA, GROIN = (230.0, 620.0), (230.0, 595.0), (230.0, 235.0)


@pytest.mark.parametrize(
    "marks",
    [
        Landmarks(KNEE, KNEE, GROIN),
        Landmarks(PATELLA, KNEE, GROIN),
        Landmarks(GROIN, PATELLA, KNEE),
        Landmarks(KNEE, (230.0, 420.0), GROIN),
        Landmarks(KNEE, PATELLA, (230.0, 560.0)),
        Landmarks((230.0, 2620.0), (230.0, 2595.0), GROIN),
        Landmarks((float("nan"), 620.0), PATELLA, GROIN),
        Landmarks(KNEE, PATELLA, (float("inf"), 0.0)),
        Landmarks(KNEE, PATELLA, PATELLA),
    ],
    ids=[
        "one point",
        "swapped",
        "upside down",
        "long kneecap",
        "short thigh",
        "far away",
        "nan",
        "inf",
        "groin on knee",
    ],
)
def test_landmarks_of_no_body_are_impossible(marks: Landmarks) -> None:
    assert assess(drawn()[0], marks, 1.0).reason == Reason.LANDMARKS_IMPOSSIBLE


@pytest.mark.slow
def test_landmarks_that_are_merely_off_are_taken() -> None:
    marks = Landmarks((236.0, 614.0), (226.0, 599.0), (238.0, 245.0))
    assert assess(drawn()[0], marks, 1.0).score == 3


@pytest.mark.slow
def test_a_knee_beyond_the_edge_of_the_photo_is_not_in_view() -> None:
    photo, marks = drawn()
    assert assess(photo[:600], marks, 1.0).reason == Reason.KNEE_NOT_IN_VIEW
    assert assess(photo[:700], marks, 1.0).score == 3


@pytest.mark.slow
def test_cloth_over_the_knee_covers_the_leg_and_above_it_only_limits() -> None:
    assert told(BASE.with_(gown_mm=-30.0, sheet="blue")).reason in {Reason.LEG_COVERED, Reason.NOT_A_LEG}
    photo, marks = drawn()
    dressed = photo.copy()
    cv2.circle(dressed, (230, 620), 40, (240, 240, 238), -1)
    assert assess(dressed, marks, 1.0).reason == Reason.LEG_COVERED
    assert told(BASE.with_(gown_mm=160.0, sheet="blue")).score == 3


@pytest.mark.slow
def test_a_glaring_gown_is_no_glaring_leg() -> None:
    photo, marks = drawn()
    dressed = photo.copy()
    dressed[:380] = 255
    found = assess(dressed, marks, 1.0)
    assert (found.score, found.max_supported) == (3, 4)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("gown_mm", "most"), [(28.0, 2), (110.0, 3), (190.0, 3), (260.0, 4), (360.0, 4), (None, 5)], ids=str
)
def test_skin_has_to_be_seen_beyond_a_level_for_its_score(gown_mm: float | None, most: int) -> None:
    found = told(BASE.with_(gown_mm=gown_mm, sheet="green", top_mm=5.0))
    assert (found.score, found.max_supported) == (2, most)


@pytest.mark.slow
def test_without_a_groin_three_is_the_most_and_mottling_that_goes_on_is_said() -> None:
    photo, marks = drawn(BASE.with_(top_mm=440.0))
    found = assess(photo, Landmarks(marks.knee, marks.patella), 1.0)
    assert (found.score, found.max_supported, found.at_least) == (3, 3, True)
    assert not told(BASE).at_least


@pytest.mark.slow
@pytest.mark.parametrize("sheet", [255, 2], ids=["glaring", "black"])
def test_marks_beside_the_leg_are_on_no_leg_however_bright_what_lies_there_is(sheet: int) -> None:
    photo, marks = drawn(BASE.with_(width_px=700, knee_at=(0.7, 0.62)))
    photo = photo.copy()
    photo[:, :360] = sheet
    beside = Landmarks(*((x - 300.0, y) for x, y in (marks.knee, marks.patella, marks.groin or marks.knee)))
    assert assess(photo, marks, 1.0).score == 3
    assert assess(photo, beside, 1.0).reason == Reason.NOT_A_LEG


@pytest.mark.slow
@pytest.mark.parametrize(("light", "reason"), [(4.5, Reason.OVER_EXPOSED), (0.008, Reason.DARK)])
@pytest.mark.parametrize("sheet", ["white", "pink"])
def test_a_leg_in_bad_light_is_still_taken_for_one(light: float, sheet: str, reason: Reason) -> None:
    assert told(BASE.with_(light=light, sheet=sheet, width_px=800)).reason == reason


@pytest.mark.slow
@pytest.mark.parametrize("white", [(0.35, 0.8, 1.0), (0.25, 1.2, 0.3)], ids=["blue", "green"])
@pytest.mark.parametrize("tone", ["I", "III", "V"])
def test_coloured_light_is_told_on_a_sheet_as_red_as_skin(white: tuple[float, float, float], tone: str) -> None:
    assert told(BASE.with_(white=white, tone=tone, sheet="pink", light=0.8)).reason == Reason.COLOUR_CAST


@pytest.mark.slow
def test_white_cloth_over_a_leg_on_a_coloured_sheet_is_no_coloured_light() -> None:
    photo, marks = drawn(BASE.with_(sheet="blue", light=0.5))
    photo = photo.copy()
    photo[:, 100:360] = np.clip(200 + 5 * smooth_noise((1000, 260), 15.0, 1), 0, 255)[..., None]
    assert assess(photo, marks, 1.0).reason in {Reason.NOT_A_LEG, Reason.LEG_COVERED}


def _side_by_side(marked: Leg, other: Leg, gap_mm: float) -> tuple[Photo, Landmarks]:
    """The photo of one leg with another one to its right, and the marks of the first."""
    other = other.with_(knee_at=(marked.knee_at[0] + (115.0 + gap_mm) / (marked.width_px - 1), marked.knee_at[1]))
    photo, marks = draw(marked)
    drawn_there = frame_of(other).leg & ~frame_of(marked).leg
    return np.where(drawn_there[..., None], draw(other)[0], photo), marks


@pytest.mark.slow
@pytest.mark.parametrize("gap_mm", [2.0, 40.0])
@pytest.mark.parametrize(("marked_mm", "other_mm", "score"), [(None, 300.0, 0), (130.0, None, 3), (130.0, 340.0, 3)])
def test_of_two_legs_the_marked_one_is_scored(
    gap_mm: float, marked_mm: float | None, other_mm: float | None, score: int
) -> None:
    leg = BASE.with_(width_px=640, knee_at=(0.35, 0.62), top_mm=marked_mm)
    photo, marks = _side_by_side(leg, leg.with_(top_mm=other_mm, seed=4), gap_mm)
    assert assess(photo, marks, 1.0).score == score


@pytest.mark.slow
def test_an_arm_that_is_marked_like_a_leg_is_none() -> None:
    photo, marks = drawn(BASE.with_(top_mm=None))
    thin = np.asarray(cv2.resize(photo, None, fx=0.5, fy=1.0, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    points = [(0.5 * x, y) for x, y in (marks.knee, marks.patella, marks.groin or marks.knee)]
    assert assess(thin, Landmarks(*points), 1.0).reason == Reason.NOT_A_LEG


@pytest.mark.slow
def test_skin_that_goes_on_to_one_side_is_a_face_or_a_trunk() -> None:
    photo = wall((150, 170, 205), 8)
    photo[:, :170] = 225
    assert assess(photo, Landmarks(KNEE, PATELLA, GROIN), 1.0).reason == Reason.NOT_A_LEG


def test_a_thumbnail_is_too_small() -> None:
    photo, marks = drawn()
    small = np.asarray(cv2.resize(photo, (60, 130), interpolation=cv2.INTER_AREA), dtype=np.uint8)
    points = [(x * 0.13, y * 0.13) for x, y in (marks.knee, marks.patella, marks.groin or (0.0, 0.0))]
    assert assess(small, Landmarks(*points)).reason == Reason.TOO_SMALL


def wall(colour: tuple[float, float, float], texture: float) -> Photo:
    noise = texture * smooth_noise((1000, 460), 15.0, 1)[..., None] + 2 * smooth_noise((1000, 460), 0.5, 2)[..., None]
    return np.asarray(np.clip(np.array(colour) + noise, 0, 255), dtype=np.uint8)


def grain() -> Photo:
    lines = np.repeat(smooth_noise((1, 460), 6.0, 3), 1000, axis=0)[..., None] * np.array([10.0, 14.0, 18.0])
    return np.asarray(np.clip(np.array([90.0, 130.0, 180.0]) + lines, 0, 255), dtype=np.uint8)


def page() -> Photo:
    paper = np.full((1000, 460, 3), 235, dtype=np.uint8)
    for row in range(20, 1000, 22):
        cv2.putText(
            paper, "no leg is to be seen on this page", (10, row), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (20, 20, 20), 2
        )
    return paper


@pytest.mark.slow
@pytest.mark.parametrize(
    "photo",
    [wall((150, 170, 205), 8), wall((200, 205, 208), 6), wall((140, 120, 60), 6), grain(), page()],
    ids=["skin-coloured wall", "grey wall", "blue wall", "grain of wood", "text"],
)
def test_what_is_no_leg_gets_no_score(photo: Photo) -> None:
    assert assess(photo, Landmarks(KNEE, PATELLA, GROIN), 1.0).score is None


@pytest.mark.slow
def test_the_photo_is_not_changed_and_the_same_photo_gives_the_same_answer() -> None:
    photo, marks = drawn()
    before = photo.copy()
    first, second = (assess(photo, marks, 1.0) for _ in range(2))
    assert np.array_equal(photo, before)
    assert (first.score, first.confidence, first.zones) == (second.score, second.confidence, second.zones)


def test_the_leg_is_drawn_where_the_bench_says() -> None:
    frame = frame_of(BASE)
    assert frame.landmarks.thigh_px == pytest.approx(BASE.thigh_mm / BASE.mm_per_px)


POINTS = st.tuples(st.floats(-50, 150), st.floats(-50, 150))


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(arrays(np.uint8, array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=70)), POINTS, POINTS, POINTS)
def test_any_array_gives_a_reason_and_no_exception(
    photo: Photo, knee: tuple[float, float], patella: tuple[float, float], groin: tuple[float, float]
) -> None:
    assert assess(photo, Landmarks(knee, patella, groin)).reason is not None
    assert assess(photo, None).reason == Reason.LANDMARKS_MISSING


@pytest.mark.slow
@settings(max_examples=10, deadline=None)
@given(st.integers(0, 255), st.integers(0, 2**32 - 1), st.booleans())
def test_a_picture_of_one_grey_or_of_noise_is_no_leg(grey: int, seed: int, noisy: bool) -> None:
    rng = np.random.default_rng(seed)
    shape = (300, 200, 3)
    photo = rng.integers(0, 256, shape, dtype=np.uint8) if noisy else np.full(shape, grey, dtype=np.uint8)
    assert assess(photo, Landmarks((100.0, 200.0), (100.0, 185.0), (100.0, 20.0))).score is None
