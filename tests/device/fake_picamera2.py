"""What the Pi's adapter needs of picamera2 and libcamera, with their faults; tests look at the order of calls."""

import os
import sys
import threading
import types
from concurrent.futures import CancelledError
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from device.camera.pi import PiCamera
from firmware_config.camera import Camera

LISTED = (
    "AeEnable",
    "AwbEnable",
    "ExposureTime",
    "AnalogueGain",
    "ColourGains",
    "FrameDurationLimits",
    "NoiseReductionMode",
    "Sharpness",
    "AfMode",
    "LensPosition",
    "HdrMode",
    "AeFlickerMode",
)
LOCKED: dict[str, Any] = {
    "ExposureTime": 3990,
    "AnalogueGain": 1.2,
    "DigitalGain": 1.0,
    "ColourGains": (2.0, 1.6),
    "LensPosition": 1.0,
    "FrameDuration": 16667,
}
SYCC = ("Rec601", "Full")


class FakePicamera2:
    """One camera: `script` is the metadata of the frames to come, or what is raised in their place."""

    def __init__(self) -> None:
        self.present = True
        self.comes_up = False
        self.busy = False
        self.cameras: dict[int, Any] = {}
        self.stop_waits: threading.Event | None = None
        self.script: list[Any] = []
        self.calls: list[str] = []
        self.open_requests = 0
        self.listed = list(LISTED)
        self.model = "imx708"
        self.colour_space = SYCC
        self.given_format: str | None = None
        self.given_size: tuple[int, int] | None = None
        self.given_mode: dict[str, Any] | None = None
        self.padding = 0
        self.asked: dict[str, Any] = {}
        self.close_raises = False
        self.picture = np.zeros(0, np.uint8)
        self.t_ns = 123_000_000_000
        self.jobs: list[FakeJob] = []
        self.tuning: str | None = None
        self.tuning_at_first_look: str | None = None
        self.looked = False

    def open(self, *, tuning: str | None = None) -> None:
        """What picamera2 does as it is made: it has a pipe before it has a camera."""
        self.calls.append("open")
        self.tuning = tuning
        read, self.notifyme_w = os.pipe()
        self.notifymeread = os.fdopen(read, "rb")
        if self.busy:
            raise RuntimeError("Camera __init__ sequence did not complete.") from RuntimeError("it is taken")

    def global_camera_info(self) -> list[dict[str, str]]:
        if not self.looked:
            self.looked, self.tuning_at_first_look = True, os.environ.get("LIBCAMERA_RPI_TUNING_FILE")
        return [{"Model": self.model}] if self.present else []

    @property
    def camera_controls(self) -> dict[str, Any]:
        return dict.fromkeys(self.listed)

    @property
    def camera_properties(self) -> dict[str, Any]:
        return {"Model": self.model}

    def create_video_configuration(self, **asked: Any) -> dict[str, Any]:
        self.asked = asked
        return asked

    def configure(self, _: Any) -> None:
        self.calls.append("configure")

    def camera_configuration(self) -> dict[str, Any]:
        given: dict[str, Any] = {"sensor": self.given_mode or self.asked.get("sensor")}
        encoding, span = (types.SimpleNamespace(name=name) for name in self.colour_space)
        given["colour_space"] = types.SimpleNamespace(ycbcrEncoding=encoding, range=span)
        for name in ("main", "raw"):
            if name in self.asked:
                given[name] = {
                    "format": self.given_format or self.asked[name]["format"],
                    "size": self.given_size or self.asked[name]["size"],
                    "stride": self.stride(name),
                }
        return given

    def stride(self, name: str) -> int:
        width = int(self.asked[name]["size"][0])
        bytes_a_pixel = {"raw": 2, "main": 3 if self.asked["main"]["format"] == "RGB888" else 1}[name]
        return width * bytes_a_pixel + self.padding

    def start(self) -> None:
        self.calls.append("start")

    def capture_request(self, *, wait: bool) -> "FakeJob":
        assert wait is False
        self.jobs = [FakeJob(self, self.script.pop(0) if self.script else LOCKED)]
        return self.jobs[0]

    def cancel_all_and_flush(self) -> None:
        self.calls.append("flush")
        for job in self.jobs:
            job.cancel()

    def reset(self) -> None:
        """Cameras are listed anew."""
        self.calls.append("list")
        self.present = self.comes_up

    def stop(self) -> None:
        self.calls.append("stop")
        if self.stop_waits is not None:
            self.stop_waits.wait(10)
        if self.close_raises:
            raise RuntimeError("it is gone")

    def close(self) -> None:
        self.calls.append("close")
        self.notifymeread.close()
        os.close(self.notifyme_w)


class FakeJob:
    """A frame that is waited for: metadata, what is raised, or `Late` metadata that come as the queue is flushed."""

    def __init__(self, camera: FakePicamera2, entry: Any) -> None:
        self.camera, self.entry = camera, entry

    def cancel(self) -> None:
        if isinstance(self.entry, Late):
            self.entry = self.entry.metadata
        elif isinstance(self.entry, TimeoutError):
            self.entry = CancelledError()

    def get_result(self, *, timeout: float) -> "FakeRequest":
        assert timeout == 0.5, "a wait without a limit blocks for good"
        if isinstance(self.entry, Late):
            raise TimeoutError
        if isinstance(self.entry, Exception):
            raise self.entry
        self.camera.open_requests += 1
        self.camera.t_ns += 16_666_667
        return FakeRequest(self.camera, {"SensorTimestamp": self.camera.t_ns, **self.entry})


@dataclass
class Late:
    """A frame that comes half a second late, as the queue is flushed."""

    metadata: dict[str, Any]


class FakeRequest:
    """One completed request, to be given back once."""

    def __init__(self, camera: FakePicamera2, metadata: dict[str, Any]) -> None:
        self.camera, self.metadata = camera, metadata

    def get_metadata(self) -> dict[str, Any]:
        if "raises" in self.metadata:
            raise RuntimeError(self.metadata["raises"])
        return self.metadata

    def release(self) -> None:
        self.camera.open_requests -= 1


class FakeMappedArray:
    """The camera's own memory: flat, and another frame's as soon as the request is given back."""

    def __init__(self, request: FakeRequest, stream: str, *, reshape: bool, write: bool) -> None:
        assert (reshape, write) == (False, False)
        assert stream in request.camera.asked
        self.array = request.camera.picture

    def __enter__(self) -> "FakeMappedArray":
        return self

    def __exit__(self, *_: object) -> None:
        return None


class Named:
    """A member of an enumeration."""

    def __init__(self, name: str) -> None:
        self.name = name


def modules(camera: FakePicamera2) -> dict[str, types.ModuleType]:
    """Return `picamera2` and `libcamera` as modules around one camera."""
    picamera2, libcamera = types.ModuleType("picamera2"), types.ModuleType("libcamera")
    made = {
        "_cm": camera,
        "global_camera_info": camera.global_camera_info,
        "__new__": lambda _: camera,
        "__init__": FakePicamera2.open,
    }
    vars(picamera2).update(Picamera2=type("Picamera2", (), made), MappedArray=FakeMappedArray)
    off, manual = Named("Off"), Named("Manual")
    vars(libcamera).update(
        ColorSpace=types.SimpleNamespace(Sycc=lambda: "sYCC"),
        controls=types.SimpleNamespace(
            draft=types.SimpleNamespace(NoiseReductionModeEnum=types.SimpleNamespace(Off=off)),
            AfModeEnum=types.SimpleNamespace(Manual=manual),
            HdrModeEnum=types.SimpleNamespace(Off=off),
            AeFlickerModeEnum=types.SimpleNamespace(Off=off),
        ),
    )
    return {"picamera2": picamera2, "libcamera": libcamera}


WIDTH, HEIGHT = 160, 120


def configured(**changes: Any) -> Camera:
    return Camera.model_validate({"width": WIDTH, "height": HEIGHT, "form": "nv12", **changes})


def started(**changes: Any) -> PiCamera:
    camera = PiCamera(configured(**changes))
    camera.start()
    return camera


def installed(monkeypatch: pytest.MonkeyPatch) -> FakePicamera2:
    """Put a fake camera behind the names that the adapter imports."""
    camera = FakePicamera2()
    camera.picture = np.zeros(WIDTH * HEIGHT * 3, np.uint8)
    for name, module in modules(camera).items():
        monkeypatch.setitem(sys.modules, name, module)
    return camera
