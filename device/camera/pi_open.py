"""picamera2 opened and ended: what it would leave open by itself, and what it would wait for without an end."""

import atexit
import gc
import logging
import os
import threading
from typing import Any

from device.ports import CameraError

log = logging.getLogger(__name__)

END_S: float = 2.0
"""How long a camera may take to stop and close. picamera2 has no limit of its own there."""


def opened(picamera2: Any) -> Any:
    """Return picamera2 on the first camera. Raises `CameraError`, and `RuntimeError` where it cannot be had."""
    if not picamera2.global_camera_info():
        _look_again(picamera2)
        if not picamera2.global_camera_info():
            raise CameraError("There is no camera.")
    # Made in two steps: of one that fails half-way picamera2 keeps a pipe, and nobody could close it.
    camera = picamera2.__new__(picamera2)
    try:
        picamera2.__init__(camera)
    except RuntimeError:
        _discard(camera)
        raise
    return camera


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
