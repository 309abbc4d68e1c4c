"""The bedside's child that looks at one photo of a leg: `python -m refill.mottling_worker` (`device.photo_process`)."""

import contextlib
import ctypes
import os
import signal
import sys
from typing import TYPE_CHECKING

from device.child_pipe import receive, send
from device.photo_process import PhotoLook

if TYPE_CHECKING:
    from contract.mottling import LegLandmarks, MottlingResult
    from refill.mottling_cli import Told
    from refill.mottling_files import Picture
    from vision.mottling.levels import Landmarks

PR_SET_PDEATHSIG: int = 1
NICE: int = 15
PICTURE_PX: int = 1000
"""Longest side of the picture with what was found."""
QUALITY: int = 85


def main() -> None:
    """Answer one request: a photo's file and landmarks come, what was found goes, or a sentence why it cannot be."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    with contextlib.suppress(PermissionError):
        # Behind camera, probe and the analysis of presses.
        os.nice(NICE)
    content, landmarks = receive(sys.stdin.buffer)
    try:
        answer: PhotoLook | str = look_at(content, landmarks)
    except ValueError as error:
        answer = f"The photo cannot be read: {error}."
    send(sys.stdout.buffer, answer)


def look_at(content: bytes, landmarks: "LegLandmarks | None") -> PhotoLook:
    """Return what a photo's file comes to; raises `ValueError` where it is no photo that can be read."""
    from refill.mottling_cli import assess_photo
    from refill.mottling_files import photo_of
    from refill.mottling_map import draw_map

    photo = photo_of(content)
    told = assess_photo(photo, None if landmarks is None else _marks(landmarks), None)
    picture = None
    if told.assessment.map is not None:
        picture = _packed(draw_map(photo.whole(), told.assessment, told.mm_per_px))
    return PhotoLook(_result(told), _as_recorded(told, landmarks), picture)


def _marks(given: "LegLandmarks") -> "Landmarks":
    from vision.mottling.levels import Landmarks

    return Landmarks(given.knee, given.patella, given.groin)


def _as_recorded(told: "Told", given: "LegLandmarks | None") -> "LegLandmarks | None":
    from contract.mottling import LegLandmarks

    found = told.landmarks
    if given is not None or found is None:
        return given
    return LegLandmarks(knee=found.knee, patella=found.patella, groin=found.groin, given_by="card")


def _result(told: "Told") -> "MottlingResult":
    from contract.mottling import MottlingResult
    from refill.mottling_cli import as_json

    said = as_json(told)
    names = ("status", "reason", "score", "max_supported", "at_least", "confidence", "mottled_area_cm2", "mm_per_px")
    scored = {"zones": said["zones"]} if said["status"] == "measured" else {}
    return MottlingResult.model_validate({name: said[name] for name in names} | scored)


def _packed(picture: "Picture") -> bytes:
    import cv2

    height, width = picture.shape[:2]
    scale = min(1.0, PICTURE_PX / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    done, packed = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    if not done:
        raise RuntimeError("the picture could not be packed")
    return packed.tobytes()


if __name__ == "__main__":
    main()
