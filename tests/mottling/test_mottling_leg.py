"""`refill mottling` on a simulated leg, from the file to the words: landmarks by hand, and by card and pointers."""

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from mottling_card_bench import Camera, Photo, with_card, with_pointer
from mottling_photo_bench import called, saved, told

from phantom.leg.photo import LegPhoto, take
from phantom.leg.spec import LegSpec

pytestmark = pytest.mark.slow


@cache
def leg() -> LegPhoto:
    """A leg that lies along the picture, mottled to below the middle of the thigh."""
    return take(LegSpec(seed=3, reach=0.35, intensity=0.8))


def marks(path: Path) -> Path:
    truth = leg().truth.landmarks
    groin = None if truth.groin is None else [float(part) for part in truth.groin]
    knee, patella = ([float(part) for part in point] for point in (truth.knee, truth.patella))
    path.write_text(json.dumps({"knee": knee, "patella": patella, "groin": groin}))
    return path


def with_paper() -> Photo:
    """The same photo with pointers on the leg and the card beside it."""
    truth = leg().truth
    assert truth.landmarks.groin is not None
    height, width = leg().photo.shape[:2]
    camera = Camera(width, height, 1000.0 / truth.mm_per_px, 1000.0)

    def on_plane(point: tuple[float, float]) -> tuple[float, float]:
        return (point[0] - width / 2 + 0.5) * truth.mm_per_px, (point[1] - height / 2 + 0.5) * truth.mm_per_px

    photo = leg().photo
    points = (truth.landmarks.knee, truth.landmarks.patella, truth.landmarks.groin)
    for number, point, from_deg in zip((10, 11, 12), points, (215.0, 145.0, 180.0), strict=True):
        photo = with_pointer(photo, camera, number, on_plane(point), from_deg)
    return with_card(photo, camera, (0.0, -170.0))


def test_a_mottled_leg_is_scored_by_landmarks_given(tmp_path: Path) -> None:
    photo = saved(tmp_path / "leg.jpg", leg().photo)
    answer = told(photo, "--landmarks", marks(tmp_path / "leg.json"))
    assert (answer["status"], answer["score"]) == ("measured", leg().truth.score)
    assert answer["max_supported"] == leg().truth.max_supported
    assert answer["mottled_area_cm2"] is None
    assert "A person confirms or changes this score." in called(photo, "--landmarks", tmp_path / "leg.json").stdout


def test_the_same_leg_is_scored_by_card_and_pointers_with_its_area(tmp_path: Path) -> None:
    answer = told(saved(tmp_path / "leg.jpg", with_paper()), "--map", tmp_path / "map.png")
    assert (answer["status"], answer["score"], answer["landmarks_from"]) == ("measured", leg().truth.score, "card")
    assert answer["mm_per_px"] == pytest.approx(leg().truth.mm_per_px, rel=0.01)
    for name in ("knee", "patella", "groin"):
        off = np.subtract(answer["landmarks"][name], getattr(leg().truth.landmarks, name))
        assert np.hypot(*off) * leg().truth.mm_per_px < 1.5
    assert answer["mottled_area_cm2"] > 50.0
    assert (tmp_path / "map.png").is_file()


def test_a_leg_turned_by_the_camera_is_scored_the_same(tmp_path: Path) -> None:
    upright = told(saved(tmp_path / "leg.png", with_paper()))
    lying = told(saved(tmp_path / "turned.png", np.ascontiguousarray(np.rot90(with_paper()))))
    assert (lying["score"], lying["max_supported"]) == (upright["score"], upright["max_supported"])
    assert lying["mottled_area_cm2"] == pytest.approx(upright["mottled_area_cm2"], rel=0.1)
