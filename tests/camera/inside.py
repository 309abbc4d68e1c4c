"""Runs in the camera root, on real picamera2 and libcamera: `inside.py CHECK` prints what it saw as one line of JSON.

The pictures are made here, so that what arrives is known. What libcamera's virtual pipeline lacks (controls, a sensor's
clock of 60 frames/s) is not claimed.
"""

import json
import os
import sys
import threading
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

sys.path[:0] = ["/opt/refill", str(Path(__file__).parent)]

PICTURES = Path("/opt/frames")
VIRTUAL = Path("/usr/share/libcamera/pipeline/virtual/virtual.yaml")
COLOURS = ((60, 40, 40), (200, 120, 100))
SIZES = ((640, 480), (652, 480), (320, 240))


def prepare(colours: tuple[tuple[int, int, int], ...]) -> None:
    """Give the virtual camera its sizes, and pictures of one colour each."""
    from PIL import Image

    PICTURES.mkdir(parents=True, exist_ok=True)
    for old in PICTURES.iterdir():
        old.unlink()
    for number, colour in enumerate(colours):
        Image.new("RGB", (640, 480), colour).save(PICTURES / f"{number}.jpg", quality=100, subsampling=0)
    formats = "".join(f"  - width: {w}\n    height: {h}\n    frame_rates: [60, 60]\n" for w, h in SIZES)
    VIRTUAL.parent.mkdir(parents=True, exist_ok=True)
    VIRTUAL.write_text(
        f'%YAML 1.1\n---\n"VirtualCamera":\n  supported_formats:\n{formats}'
        f'  frames:\n    path: "{PICTURES}/"\n  location: "CameraLocationExternal"\n  model: "virtual"\n'
    )


def camera(width: int = 640, height: int = 480, form: str = "nv12", *, allow_unlocked: bool = True) -> Any:
    """Return our adapter for the virtual camera."""
    from device.camera.pi import PiCamera
    from firmware_config.camera import Camera

    return PiCamera(
        Camera.model_validate({"form": form, "width": width, "height": height}), allow_unlocked=allow_unlocked
    )


def error_of(work: Callable[[], object]) -> str:
    """Return the kind and the sentence of the camera error that `work` ends in."""
    from device.ports import CameraError

    try:
        work()
    except CameraError as error:
        return f"{type(error).__name__}: {error}"
    return "none"


def frames() -> dict[str, Any]:
    """Thirty frames: shape, planes, times, and the linear light that vision makes of them."""
    from vision.grid import GridSampler

    found: dict[str, Any] = {}
    for colour in COLOURS:
        prepare((colour,))
        opened = camera()
        opened.start()
        sampler = GridSampler(640, 480, layout=opened.layout)
        taken = [opened.next_frame() for _ in range(30)]
        age_s = (time.clock_gettime_ns(time.CLOCK_BOOTTIME) - taken[-1].t_boot_ns) / 1e9
        for number, frame in enumerate(taken):
            sampler.add(frame.picture, number / 60)
        opened.close()
        picture = taken[-1].picture
        found[str(colour)] = {
            "shape": picture.shape,
            "luma": float(picture[:480].mean()),
            "u": float(picture[480:, 0::2].mean()),
            "v": float(picture[480:, 1::2].mean()),
            "linear": sampler.finish().cells[-1].mean(axis=(0, 1)).tolist(),
            "layout": repr(opened.layout),
            "simulated": opened.simulated,
            "increasing": all(b.t_boot_ns > a.t_boot_ns for a, b in pairwise(taken)),
            "age_s": age_s,
            "own_memory": taken[-1].picture.base is None or taken[-1].picture.flags.owndata,
        }
    return found


def sizes() -> dict[str, Any]:
    """Every size that the pipeline offers, of a picture with an upright edge: rows that are laid wrong would slant it.

    The pipeline pads no row, so padding is injected: of 652 columns the last twelve are taken for it.
    """
    from PIL import Image

    prepare(COLOURS[:1])
    edged = Image.new("RGB", (640, 480), COLOURS[0])
    edged.paste(COLOURS[1], (320, 0, 640, 480))
    edged.save(PICTURES / "0.jpg", quality=100, subsampling=0)
    found = {}
    for width, height in SIZES:
        opened = camera(width, height)
        opened.start()
        found[f"{width}x{height}"] = _rows(opened)
        if width == 652:
            opened.width = 640
            found["640 of 652"] = _rows(opened)
        opened.close()
    return found


def _rows(opened: Any) -> dict[str, Any]:
    picture, height = opened.next_frame().picture, opened.height
    return {
        "stride": opened.given["stride"],
        "shape": picture.shape,
        "upright": bool((picture[:height] == picture[0]).all() and (picture[height:] == picture[height]).all()),
        "left_right": [int(picture[0, 0]), int(picture[0, -1])],
    }


def refusals() -> dict[str, str]:
    """A format that silently becomes another, a camera that cannot be locked, a second owner, a closed camera."""
    prepare((COLOURS[0],))
    first = camera()
    first.start()
    found = {
        "bgr": "",
        "unlocked": "",
        "second_owner": error_of(camera().start),
        "still_delivers": error_of(first.next_frame),
    }
    first.close()
    found["bgr"] = error_of(camera(form="bgr").start)
    found["unlocked"] = error_of(camera(allow_unlocked=False).start)
    found["closed"] = error_of(first.next_frame)
    found["never_started"] = error_of(camera().next_frame)
    first.start()
    found["started_again"] = error_of(first.next_frame)
    first.close()
    return found


def every_buffer(opened: Any) -> list[Any]:
    """Take requests until none is left: then libcamera has nothing to fill."""
    held = []
    try:
        while True:
            held.append(opened._camera.capture_request(wait=0.5))
    except TimeoutError:
        opened._camera.cancel_all_and_flush()
    return held


def time_out() -> dict[str, Any]:
    """All buffers held, as by a camera that delivers no more: two waits of half a second, then it has hung.

    They stay held: nothing but leaving picamera2 behind lets this process end.
    """
    prepare((COLOURS[0],))
    opened = camera()
    opened.start()
    held = every_buffer(opened)
    began_s = time.monotonic()
    said = error_of(opened.next_frame)
    waited_s = time.monotonic() - began_s
    opened.close()
    closed_s = time.monotonic() - began_s - waited_s
    return {
        "held": len(held),
        "said": said,
        "waited_s": waited_s,
        "closed_s": closed_s,
        "after": error_of(opened.next_frame),
        "again": error_of(opened.start),
    }


def one_late() -> dict[str, Any]:
    """A first wait in vain, and frames after it: the flush brings the camera back."""
    prepare((COLOURS[0],))
    opened = camera()
    opened.start()
    held = every_buffer(opened)
    threading.Timer(0.7, lambda: [request.release() for request in held]).start()
    said = error_of(opened.next_frame)
    then = error_of(opened.next_frame)
    opened.close()
    return {"said": said, "then": then}


def listener_dies() -> dict[str, Any]:
    """An exception in picamera2's own thread, as a cable that comes off has made: no wait without an end."""
    prepare((COLOURS[0],))
    opened = camera()
    opened.start()

    def broken(_: Any) -> None:
        raise RuntimeError("unplugged")

    opened._camera.pre_callback = broken
    threading.excepthook = lambda _: None
    began_s = time.monotonic()
    said = ""
    while time.monotonic() - began_s < 10 and not said.startswith("Camera"):
        said = error_of(opened.next_frame)
    waited_s = time.monotonic() - began_s
    opened.close()
    return {"said": said, "waited_s": waited_s, "closed_s": time.monotonic() - began_s - waited_s}


def footprint() -> dict[str, int]:
    """Open descriptors, mapped frame buffers and threads (libcamera's too), and allocators that were not closed."""
    import shims

    maps = Path("/proc/self/maps").read_text(encoding="ascii")
    return {
        "descriptors": len(list(Path("/proc/self/fd").iterdir())),
        "frame_maps": maps.count("memfd:frame"),
        "threads": len(list(Path("/proc/self/task").iterdir())),
        "allocators": len(shims.LIVE),
    }


def reopen() -> dict[str, Any]:
    """Fifty times open, five frames, closed, in every state that a close can meet."""
    prepare((COLOURS[0],))
    seen = []
    for number in range(50):
        opened = camera()
        if number % 5 != 4:  # one in five is closed without ever having been started
            opened.start()
            for _ in range(number % 5):
                opened.next_frame(look=bool(number % 2))
        opened.close()
        opened.close()
        if number % 10 == 9:
            seen.append(footprint())
    return {"seen": seen}


CHECKS: dict[str, Callable[[], dict[str, Any]]] = {
    check.__name__: check for check in (frames, sizes, refusals, time_out, one_late, listener_dies, reopen)
}

if __name__ == "__main__":
    os.environ.setdefault("LIBCAMERA_LOG_LEVELS", "*:ERROR")
    name = sys.argv[1]
    prepare((COLOURS[0],))
    import shims

    shims.install()
    sys.stdout.write(json.dumps(CHECKS[name]()) + "\n")
