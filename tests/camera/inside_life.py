"""The life of a camera, in the camera root: late, hung, taken, absent, gone, and opened again and again."""

import threading
import time
from typing import Any

from played import COLOURS, VIRTUAL, camera, error_of, footprint, prepare


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


def closed_blind() -> dict[str, Any]:
    """picamera2's own thread is dead, and nobody has noticed: its `stop` waits for it without an end."""
    prepare((COLOURS[0],))
    opened = camera()
    opened.start()

    def broken(_: Any) -> None:
        raise RuntimeError("unplugged")

    opened._camera.pre_callback = broken
    threading.excepthook = lambda _: None
    time.sleep(0.5)
    began_s = time.monotonic()
    opened.close()
    return {"closed_s": time.monotonic() - began_s, "again": error_of(opened.start)}


def taken() -> dict[str, Any]:
    """A camera that somebody else has, tried again and again as the bedside does; then it is free."""
    prepare((COLOURS[0],))
    first = camera()
    first.start()
    second, seen, said = camera(), [], set()
    for number in range(30):
        said.add(error_of(second.start))
        if number % 10 == 9:
            seen.append(footprint())
    first.close()
    then = error_of(second.start)
    second.close()
    return {"said": sorted(said), "seen": seen, "then": then}


def absent() -> dict[str, Any]:
    """No camera at all, looked for again and again: libcamera lists what there is at every try."""
    VIRTUAL.unlink()
    opened, seen, said = camera(), [], set()
    for number in range(15):
        said.add(error_of(opened.start))
        if number % 5 == 4:
            seen.append(footprint())
    return {"said": sorted(said), "seen": seen}


def comes_up() -> dict[str, Any]:
    """A camera that came up after libcamera had listed what there is.

    The empty list is injected: a virtual pipeline that found no camera finds none later in the same process.
    """
    import types

    import picamera2

    prepare((COLOURS[0],))
    picamera2.Picamera2._cm._cms = types.SimpleNamespace(cameras=[])
    opened = camera()
    found = {"said": error_of(opened.start), "then": error_of(opened.next_frame)}
    opened.close()
    return found


def bedside() -> dict[str, Any]:
    """The bedside's camera loop: idle, recording, failing under it, and its end."""
    from device.bedside_recorder import Recorder
    from device.clock import SystemClock

    prepare((COLOURS[0],))
    heard: list[str] = []
    opened = camera()
    recorder = Recorder(opened, SystemClock(), lambda event: heard.append(type(event).__name__))
    recorder.start()
    time.sleep(1.0)
    idle = len(heard)
    recorder.begin()
    time.sleep(0.5)
    kept = recorder.so_far()
    recorder.end()
    found = {"idle": idle, "kept": len(kept.time_s) if kept else 0, "recording": len(heard) - idle}

    def broken(_: Any) -> None:
        raise RuntimeError("unplugged")

    threading.excepthook = lambda _: None
    opened._camera.pre_callback = broken
    time.sleep(2.0)
    return {**found, "last": heard[-1], "hung": recorder.hung, "trouble": recorder.trouble, "closed": recorder.close()}


def calibrating() -> dict[str, Any]:
    """The camera of a calibration: pictures under its lock, under another one and under its own again, and a film."""
    import numpy as np

    from device.calibrating.camera import BenchCamera, Looked
    from device.camera.pi import PiCamera
    from device.clock import SystemClock
    from firmware_config.camera import Camera

    prepare((COLOURS[0],))
    config, clock, opened = Camera.model_validate({"form": "nv12"}), SystemClock(), []

    def unlocked(config: Camera) -> PiCamera:
        opened.append(config.lock.exposure_us)
        return PiCamera(config, allow_unlocked=True)

    bench = BenchCamera(config, unlocked, clock, simulated=True)
    other = config.lock.model_copy(update={"exposure_us": 2000})
    found: dict[str, Any] = {"taken": [], "seen": []}
    for lock in (None, other, None):
        time.sleep(0.3)
        asked_ns = clock.boottime_ns()
        taken = bench.pictures(4, lock)
        found["taken"].append(
            {
                "exposure_us": taken.lock.exposure_us,
                "after_the_call": bool(taken.t_boot_ns[0] >= asked_ns),
                "increasing": bool((np.diff(taken.t_boot_ns) > 0).all()),
                "luma": [float(frame[:480].mean()) for frame in taken.frames],
                "layout": repr(taken.layout),
            }
        )
        found["seen"].append(footprint())
    looked = Looked(lambda picture, _: np.array([picture[:480].mean()]), bench.layout)
    for number, frame in enumerate(bench.frames()):
        looked.add(frame)
        if number == 9:
            break
    bench.close()
    return {**found, "opened": opened, "film": looked.film().seen[:, 0].tolist()}


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


CHECKS = (time_out, one_late, listener_dies, closed_blind, taken, absent, comes_up, bedside, calibrating, reopen)
