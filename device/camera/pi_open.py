"""picamera2 opened and ended: what it would leave open by itself, and what it would wait for without an end."""

import atexit
import gc
import json
import logging
import os
import threading
from pathlib import Path
from typing import Any

from device.ports import CameraError
from firmware_config.camera_tuning import TuningError, tuned

log = logging.getLogger(__name__)

END_S: float = 2.0
"""How long a camera may take to stop and close. picamera2 has no limit of its own there."""
TUNING_VARIABLE = "LIBCAMERA_RPI_TUNING_FILE"
"""Where libcamera looks for a tuning file, once, as it lists its cameras."""


def opened(picamera2: Any, tuning_file: Path | None = None) -> Any:
    """Return picamera2 on the first camera, with a tuning file of one's own or the sensor's.

    Raises `CameraError`, and `RuntimeError` where it cannot be had.
    """
    tuning = None if tuning_file is None else _still(tuning_file)
    if tuning is not None:
        # Before the first look for cameras: picamera2 sets it only as it is made, and libcamera has read it by then.
        os.environ[TUNING_VARIABLE] = tuning
    if not picamera2.global_camera_info():
        _look_again(picamera2)
        if not picamera2.global_camera_info():
            raise CameraError("There is no camera.")
    # Made in two steps: of one that fails half-way picamera2 keeps a pipe, and nobody could close it.
    camera = picamera2.__new__(picamera2)
    try:
        # By name once more: without one, picamera2 takes the variable away.
        picamera2.__init__(camera, tuning=tuning)
    except RuntimeError:
        _discard(camera)
        raise
    return camera


def _still(path: Path) -> str:
    """Return the path of a tuning file in which all is still that has to be; raises `CameraError`.

    libcamera falls back on nothing where it cannot read the file: the camera would be missing without a reason.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        still = tuned(content) == content
    except OSError as error:
        raise CameraError(f"camera.tuning_file: {path}: {error.strerror}.") from error
    except (ValueError, TuningError) as error:
        raise CameraError(f"camera.tuning_file: {path}: {error}.") from error
    if not still:
        raise CameraError(f"camera.tuning_file: {path}: is not what `refill config boot --tuning` writes.")
    return str(path)


def _look_again(picamera2: Any) -> None:
    """Let libcamera look for cameras anew: it lists them once, and a sensor may come up after us."""
    manager = picamera2._cm
    if not manager.cameras:
        manager.reset()


def _discard(camera: Any) -> None:
    """Close what a picamera2 that was not completed holds: its own `close` does nothing then."""
    if getattr(camera, "is_open", False):
        camera.camera.release()
    if hasattr(camera, "notifymeread"):
        camera.notifymeread.close()
        os.close(camera.notifyme_w)


def ended(camera: Any) -> bool:
    """Stop and close; returns False where that does not come back, as after a dead thread of picamera2's own.

    What goes wrong on the way is logged, and the rest is done all the same.
    """
    ending = threading.Thread(target=_end, args=(camera,), name="camera end", daemon=True)
    ending.start()
    ending.join(END_S)
    return not ending.is_alive()


def _end(camera: Any) -> None:
    for end in (camera.cancel_all_and_flush, camera.stop, camera.close):
        try:
            end()
        except (RuntimeError, OSError) as error:
            log.warning("the camera did not close cleanly: %s", error)


def collect() -> None:
    """Collect what was closed: picamera2 leaves itself in a circle of references, with open files in it."""
    gc.collect()


def leave(camera: Any) -> None:
    """Let picamera2 be. A loose cable can leave it blocked for good, and it closes itself as the process ends."""
    atexit.unregister(camera.close)
    camera.close = lambda: None
