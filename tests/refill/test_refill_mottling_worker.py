"""The bedside's child that looks at a photo: what it finds is what `refill mottling` finds, in the record's words."""

import sys
from typing import Any

import cv2
import numpy as np
import pytest

from contract.mottling import LegLandmarks, MottlingReason
from device.photo_process import PhotoError, PhotoProcess
from refill.mottling_worker import PICTURE_PX, look_at
from vision.mottling.levels import Landmarks
from vision.mottling.reasons import Reason
from vision.mottling.result import Assessment, MottlingMap

MARKS = LegLandmarks(knee=(400.0, 1500.0), patella=(400.0, 1400.0), groin=(420.0, 300.0))
WORKER = [sys.executable, "-m", "refill.mottling_worker"]


def jpeg(width: int = 1200, height: int = 1800) -> bytes:
    picture = np.full((height, width, 3), (120, 150, 200), dtype=np.uint8)
    done, packed = cv2.imencode(".jpg", picture)
    assert done
    return packed.tobytes()


def found(photo: Any, landmarks: Landmarks | None, *_: object) -> Assessment:
    grid = np.zeros((photo.shape[0] // 4, photo.shape[1] // 4), dtype=bool)
    mottled = grid.copy()
    mottled[200:260, 80:120] = True
    return Assessment(
        score=2,
        max_supported=4,
        confidence=0.8765,
        zones={"knee_centre": 0.5, "knee": 0.25, "lower_thigh": 0.0, "upper_thigh": None, "beyond_groin": None},
        mottled_area_cm2=12.0,
        landmarks=landmarks,
        map=MottlingMap(4.0, ~grid, mottled, np.zeros(grid.shape, dtype=np.float32)),
    )


def test_a_score_comes_back_with_its_picture_and_the_landmarks_as_they_were_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("vision.mottling.assess.assess", found)
    look = look_at(jpeg(), MARKS)
    assert (look.result.status, look.result.score, look.result.max_supported) == ("measured", 2, 4)
    assert look.result.confidence == pytest.approx(0.88)
    assert look.result.zones is not None
    assert (look.result.zones.knee, look.result.zones.upper_thigh) == (0.25, None)
    assert look.result.mottled_area_cm2 is None, "no card, no scale, no area"
    assert look.landmarks == MARKS
    assert look.picture is not None
    picture = cv2.imdecode(np.frombuffer(look.picture, dtype=np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape[:2] == (PICTURE_PX, round(PICTURE_PX * 1200 / 1800))
    assert picture.std() > 10, "something is drawn on it"


def test_a_reason_comes_back_without_a_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vision.mottling.assess.assess", lambda *_: Assessment(reason=Reason.LANDMARKS_MISSING))
    look = look_at(jpeg(), None)
    assert (look.result.reason, look.result.zones) == (MottlingReason.LANDMARKS_MISSING, None)
    assert (look.landmarks, look.picture) == (None, None)


@pytest.mark.slow
@pytest.mark.parametrize("content", [b"\xff\xd8\xff not a photo", jpeg()[:2000], b""], ids=["rubbish", "cut", "empty"])
def test_a_photo_that_cannot_be_read_is_one_sentence(content: bytes) -> None:
    with pytest.raises(PhotoError, match=r"^The photo cannot be read: .*\.$"):
        PhotoProcess(WORKER)(content, MARKS)
