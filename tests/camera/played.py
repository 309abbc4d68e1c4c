"""What every check in the camera root needs: pictures for the virtual camera, our adapter, and what stays open."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path[:0] = ["/opt/refill"]

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
