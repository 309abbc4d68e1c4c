"""Runs in the camera root, on real picamera2 and libcamera: `inside.py CHECK` prints what it saw as one line of JSON.

The pictures are made here, so that what arrives is known. What libcamera's virtual pipeline lacks (controls, a sensor's
clock of 60 frames/s) is not claimed.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import inside_life
from played import COLOURS, PICTURES, SIZES, camera, error_of, prepare


def frames() -> dict[str, Any]:
    """Thirty frames: shape, planes, times, and the linear light that vision makes of them.

    `linear` is in the colour space that the camera names, `as_made` in the one that the pipeline's converter uses.
    """
    from vision.frames import BT601_FULL, Yuv
    from vision.grid import GridSampler

    found: dict[str, Any] = {}
    for colour in COLOURS:
        prepare((colour,))
        opened = camera()
        opened.start()
        samplers = [GridSampler(640, 480, layout=each) for each in (opened.layout, Yuv("nv12", BT601_FULL))]
        taken = [opened.next_frame() for _ in range(30)]
        age_s = (time.clock_gettime_ns(time.CLOCK_BOOTTIME) - taken[-1].t_boot_ns) / 1e9
        for number, frame in enumerate(taken):
            for sampler in samplers:
                sampler.add(frame.picture, number / 60)
        opened.close()
        picture = taken[-1].picture
        found[str(colour)] = {
            "shape": picture.shape,
            "luma": float(picture[:480].mean()),
            "u": float(picture[480:, 0::2].mean()),
            "v": float(picture[480:, 1::2].mean()),
            "linear": samplers[0].finish().cells[-1].mean(axis=(0, 1)).tolist(),
            "as_made": samplers[1].finish().cells[-1].mean(axis=(0, 1)).tolist(),
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


CHECKS: dict[str, Callable[[], dict[str, Any]]] = {
    check.__name__: check for check in (frames, sizes, refusals, *inside_life.CHECKS)
}

if __name__ == "__main__":
    os.environ.setdefault("LIBCAMERA_LOG_LEVELS", "*:ERROR")
    name = sys.argv[1]
    prepare((COLOURS[0],))
    import shims

    shims.install()
    sys.stdout.write(json.dumps(CHECKS[name]()) + "\n")
