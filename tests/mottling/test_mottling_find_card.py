"""The printed card in a photo: scale, landmarks and the light's colour, and what is said where it cannot be used."""

from functools import cache

import cv2
import numpy as np
import pytest
from mottling_card_bench import Camera, Photo, cloth, drawn, laid, lit, pointed, with_card, with_pointer

from calibration.card import CARD_OUTLINE, CORNERS, card, geometry, patches
from vision.mottling.card_colour import lab
from vision.mottling.find_card import CardProblem, find_card
from vision.tone import srgb_to_linear

SCALE_WITHIN = 0.01
TIP_WITHIN_MM = 1.5
"""Less than a gloved tap is off by; the most is the camera's perspective over a pointer at 20 degrees."""
TIPS = {"knee": (-60.0, 60.0), "patella": (-15.0, 60.0), "groin": (250.0, 80.0)}
AT_MM = (60.0, -90.0)
CARD = geometry()


@cache
def straight() -> Photo:
    return with_card(cloth(Camera()), Camera())


@pytest.mark.slow
@pytest.mark.parametrize("tilt_deg", [0.0, 10.0, 20.0])
@pytest.mark.parametrize(("towards_deg", "turn_deg"), [(0.0, 0.0), (90.0, 35.0), (-140.0, 180.0), (45.0, -100.0)])
def test_the_scale_is_within_a_hundredth_however_the_camera_leans(
    tilt_deg: float, towards_deg: float, turn_deg: float
) -> None:
    camera = Camera(tilt_deg=tilt_deg, tilt_towards_deg=towards_deg, turn_deg=turn_deg)
    photo = lit(with_card(cloth(camera), camera, AT_MM), noise=2.0)
    found = find_card(photo, CARD)
    assert (found.problem, found.corners, found.scale_from) == (None, 4, "card")
    assert found.mm_per_px == pytest.approx(camera.mm_per_px(*AT_MM), rel=SCALE_WITHIN)
    at_knee = find_card(photo, CARD, camera.seen(-60.0, 40.0))
    assert at_knee.mm_per_px == pytest.approx(camera.mm_per_px(-60.0, 40.0), rel=SCALE_WITHIN)


@pytest.mark.parametrize("sigma_px", [0.8, 1.5, 2.5])
def test_a_blurred_card_keeps_its_scale_as_long_as_it_is_found(sigma_px: float) -> None:
    found = find_card(cv2.GaussianBlur(straight(), (0, 0), sigma_px), CARD)
    assert found.mm_per_px == pytest.approx(Camera().mm_per_px(0.0, 0.0), rel=SCALE_WITHIN)


def test_a_card_that_is_all_blur_says_nothing() -> None:
    found = find_card(cv2.GaussianBlur(straight(), (0, 0), 12.0), CARD)
    assert (found.mm_per_px, found.landmarks, found.grey, found.colour) == (None, None, None, None)


@pytest.mark.slow
@pytest.mark.parametrize(("width", "height", "focal_px"), [(4000, 3000, 3750.0), (1632, 1224, 1500.0)])
def test_card_and_pointers_are_found_over_a_whole_leg_at_12_and_at_2_megapixels(
    width: int, height: int, focal_px: float
) -> None:
    camera = Camera(width, height, focal_px, distance_mm=950.0)
    tips = {"knee": (-200.0, 0.0), "patella": (-175.0, 0.0), "groin": (260.0, 20.0)}
    photo = with_card(cloth(camera), camera, (-60.0, -170.0))
    # Knee and kneecap are closer than the papers are wide: the pointers are slanted.
    for number, name, side_deg in ((10, "knee", 215.0), (11, "patella", 145.0), (12, "groin", 180.0)):
        photo = with_pointer(photo, camera, number, tips[name], side_deg)
    found = find_card(lit(photo, noise=3.0), CARD)
    assert found.corners == 4
    assert found.landmarks is not None
    for name, tip in tips.items():
        there = getattr(found.landmarks, name)
        assert np.hypot(*np.subtract(there, camera.seen(*tip))) * camera.mm_per_px(*tip) < TIP_WITHIN_MM


@pytest.mark.slow
@pytest.mark.parametrize("side_deg", [0.0, 180.0, 150.0, 30.0])
@pytest.mark.parametrize(
    ("tilt_deg", "towards_deg", "turn_deg"), [(0.0, 0.0, 0.0), (20.0, 110.0, 70.0), (20.0, -20.0, -150.0)]
)
def test_the_arrows_tips_are_the_landmarks(
    side_deg: float, tilt_deg: float, towards_deg: float, turn_deg: float
) -> None:
    camera = Camera(tilt_deg=tilt_deg, tilt_towards_deg=towards_deg, turn_deg=turn_deg, distance_mm=900.0)
    found = find_card(lit(pointed(camera, TIPS, from_deg=side_deg), noise=2.0), CARD)
    assert found.landmarks is not None
    for name, tip in TIPS.items():
        there = getattr(found.landmarks, name)
        assert np.hypot(*np.subtract(there, camera.seen(*tip))) * camera.mm_per_px(*tip) < TIP_WITHIN_MM


def test_without_a_card_the_scale_is_that_of_the_pointers() -> None:
    found = find_card(pointed(Camera(), TIPS), CARD)
    assert (found.corners, found.scale_from, found.grey, found.colour) == (0, "pointers", None, None)
    assert found.mm_per_px == pytest.approx(Camera().facing_mm_per_px(0.0, 0.0), rel=SCALE_WITHIN)


def test_pointers_on_the_card_s_plane_leave_the_scale_to_the_card() -> None:
    camera = Camera(tilt_deg=15.0, tilt_towards_deg=60.0)
    found = find_card(pointed(camera, TIPS, with_card(cloth(camera), camera, AT_MM)), CARD)
    assert found.scale_from == "card"
    assert found.mm_per_px == pytest.approx(camera.mm_per_px(*TIPS["knee"]), rel=SCALE_WITHIN)


def test_a_card_that_lies_lower_than_the_leg_leaves_the_scale_to_the_pointers() -> None:
    bed, skin = Camera(distance_mm=900.0), Camera(distance_mm=820.0)
    found = find_card(pointed(skin, TIPS, with_card(cloth(bed), bed, AT_MM)), CARD)
    assert found.scale_from == "pointers"
    assert found.mm_per_px == pytest.approx(skin.facing_mm_per_px(0.0, 0.0), rel=SCALE_WITHIN)


@pytest.mark.parametrize("missing", [("knee",), ("patella",), ("knee", "patella")])
def test_knee_and_kneecap_have_to_be_pointed_at(missing: tuple[str, ...]) -> None:
    assert (
        find_card(pointed(Camera(), {name: TIPS[name] for name in TIPS if name not in missing}), CARD).landmarks is None
    )


def test_the_groin_may_be_left_out() -> None:
    found = find_card(pointed(Camera(), {name: TIPS[name] for name in ("knee", "patella")}), CARD)
    assert found.landmarks is not None
    assert found.landmarks.groin is None


def _covered(photo: Photo, camera: Camera, *numbers: int) -> Photo:
    """The card with a hand's worth of cloth over these corners."""
    photo = photo.copy()
    middle = np.mean(CARD_OUTLINE, axis=0)
    for number in numbers:
        x, y = camera.seen(*(np.array(CORNERS[number]) - middle))
        reach = round(22 / camera.mm_per_px(0.0, 0.0))
        photo[max(0, round(y) - reach) : round(y) + reach, max(0, round(x) - reach) : round(x) + reach] = (
            120,
            140,
            190,
        )
    return photo


@pytest.mark.slow
@pytest.mark.parametrize("corner", [0, 1, 2, 3])
@pytest.mark.parametrize("tilt_deg", [0.0, 20.0])
def test_three_corners_are_enough(corner: int, tilt_deg: float) -> None:
    camera = Camera(tilt_deg=tilt_deg, tilt_towards_deg=25.0)
    found = find_card(_covered(with_card(cloth(camera), camera), camera, corner), CARD)
    assert (found.corners, found.problem) == (3, None)
    assert found.mm_per_px == pytest.approx(camera.mm_per_px(0.0, 0.0), rel=SCALE_WITHIN)


@pytest.mark.parametrize("corners", [(0, 1), (1, 3), (0, 1, 2)])
def test_fewer_than_three_corners_give_no_scale(corners: tuple[int, ...]) -> None:
    found = find_card(_covered(straight(), Camera(), *corners), CARD)
    assert (found.problem, found.mm_per_px, found.grey) == (CardProblem.COVERED, None, None)


def test_no_card_no_word() -> None:
    found = find_card(cloth(Camera()), CARD)
    assert (found.problem, found.corners, found.mm_per_px, found.landmarks) == (None, 0, None, None)


def test_two_cards_are_not_used() -> None:
    camera = Camera(distance_mm=1200.0)
    both = with_card(with_card(cloth(camera), camera, (-150.0, 0.0)), camera, (150.0, 60.0))
    found = find_card(both, CARD)
    assert (found.problem, found.mm_per_px, found.grey) == (CardProblem.TWO_CARDS, None, None)


def test_two_pointers_of_one_kind_are_not_used() -> None:
    camera = Camera(distance_mm=1000.0)
    photo = with_pointer(pointed(camera, TIPS), camera, 10, (150.0, -50.0))
    found = find_card(photo, CARD)
    assert (found.problem, found.landmarks) == (CardProblem.TWO_CARDS, None)


def test_a_mirrored_photo_is_named() -> None:
    mirrored = np.ascontiguousarray(straight()[:, ::-1])
    found = find_card(mirrored, CARD)
    assert (found.problem, found.mm_per_px, found.landmarks) == (CardProblem.MIRRORED, None, None)


def test_a_card_folded_in_the_middle_is_not_used() -> None:
    camera = Camera()
    paper = drawn(card(), CARD_OUTLINE[0], CARD_OUTLINE[2])
    middle, left, right, down = paper.shape[1] // 2, -85.0, 0.0, 60.0
    flat = laid(
        cloth(camera), paper[:, :middle], np.array([left, -down]), camera.to_photo(), _rectangle(left, 0.0, down)
    )
    # The right half leans away from the camera by half a right angle.
    lean = np.radians(45.0)
    bent = camera.to_photo() @ np.array([[np.cos(lean), 0, 0], [0, 1, 0], [0, 0, 1]])
    bent[:, 0] += np.array([camera.width / 2 - 0.5, camera.height / 2 - 0.5, 1.0]) * np.sin(lean)
    folded = laid(flat, paper[:, middle:], np.array([right, -down]), bent, _rectangle(0.0, 85.0, down))
    found = find_card(folded, CARD)
    assert (found.problem, found.mm_per_px) == (CardProblem.BENT, None)


def _rectangle(left: float, right: float, down: float) -> np.ndarray:
    return np.array([[left, -down], [right, -down], [right, down], [left, down]])


def test_pointers_of_two_sizes_are_not_those_of_one_leg() -> None:
    near, far = Camera(distance_mm=500.0), Camera(distance_mm=1100.0)
    photo = with_pointer(with_pointer(cloth(near), near, 10, (-60.0, 0.0)), far, 11, (120.0, 0.0))
    found = find_card(photo, CARD)
    assert (found.problem, found.landmarks) == (CardProblem.POINTERS_DISAGREE, None)


@pytest.mark.slow
@pytest.mark.parametrize("gains", [(1.0, 1.0, 1.0), (1.0, 0.8, 0.5), (0.6, 0.8, 1.0), (0.3, 0.3, 0.3)])
def test_the_greys_tell_the_colour_of_the_light(gains: tuple[float, float, float]) -> None:
    found = find_card(lit(straight(), gains, noise=2.0), CARD)
    assert found.grey is not None
    assert found.grey / found.grey.max() == pytest.approx(np.array(gains) / max(gains), rel=0.02)


@pytest.mark.slow
@pytest.mark.parametrize("gains", [(0.9, 0.8, 0.5), (0.5, 0.7, 0.9)])
def test_the_matrix_takes_the_patches_back_to_their_colours(gains: tuple[float, float, float]) -> None:
    found = find_card(lit(straight(), gains), CARD)
    assert found.colour is not None
    assert found.colour.patches == len(patches())
    assert found.colour.delta_e < 1.0
    known = srgb_to_linear(np.array([[205.0, 157.0, 126.0], [130.0, 75.0, 95.0]]))
    back = known * gains @ found.colour.matrix
    assert np.linalg.norm(lab(back) - lab(known), axis=1).max() < 1.0


def test_delta_e_tells_of_a_camera_that_mixes_colours_in_a_way_no_matrix_undoes() -> None:
    photo = straight()
    curve = np.rint(255 * (np.arange(256) / 255) ** 2.0).astype(np.uint8)
    bent = np.stack([photo[..., 0], photo[..., 1], curve[photo[..., 2]]], axis=-1)
    plain, odd = find_card(photo, CARD).colour, find_card(bent, CARD).colour
    assert plain is not None
    assert odd is not None
    assert odd.delta_e > plain.delta_e + 2.0


def test_over_exposed_patches_are_left_out() -> None:
    found = find_card(lit(straight(), (1.5, 1.5, 1.5)), CARD)
    assert found.colour is not None
    assert 8 <= found.colour.patches < len(patches())
    assert found.grey is not None
    assert found.grey == pytest.approx([0.3, 0.3, 0.3], rel=0.03)


def test_a_shadow_over_a_part_of_the_card_does_not_change_what_the_rest_says() -> None:
    photo = straight().astype(np.float64)
    edge = round(Camera().seen(-25.0, 0.0)[0])
    photo[:, :edge] = 255 * (photo[:, :edge] / 255 * 0.5)
    found = find_card(np.rint(photo).astype(np.uint8), CARD)
    assert found.colour is not None
    assert found.colour.patches < len(patches())
    assert found.colour.delta_e < 1.0
    assert found.grey == pytest.approx([0.2, 0.2, 0.2], rel=0.03)


@pytest.mark.parametrize("size", [(1, 1), (5, 4000), (24, 24), (0, 10), (300, 200)])
def test_a_picture_without_room_for_a_card_is_no_error(size: tuple[int, int]) -> None:
    assert find_card(np.zeros((*size, 3), np.uint8), CARD).mm_per_px is None


@pytest.mark.slow
def test_noise_is_no_card() -> None:
    chance = np.random.default_rng(5)
    for sigma_px in (0.0, 2.0, 6.0):
        noise = chance.normal(0, 1, (900, 1200, 3))
        smooth = noise if sigma_px == 0 else cv2.GaussianBlur(noise, (0, 0), sigma_px)
        photo = np.clip(128 + 60 * smooth / smooth.std(), 0, 255).astype(np.uint8)
        found = find_card(photo, CARD)
        assert (found.mm_per_px, found.landmarks, found.grey) == (None, None, None)


def test_the_photo_is_left_alone() -> None:
    photo = straight().copy()
    photo.flags.writeable = False
    find_card(photo, CARD)
    assert (photo == straight()).all()
