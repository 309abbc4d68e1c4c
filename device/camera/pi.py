"""The Pi's camera by picamera2: locked before it starts, checked at every frame, never waited for without a limit."""

import logging
from dataclasses import dataclass
from typing import Any

import numpy as np

from device.ports import CameraError, Frame, FrameSettings
from vision.frames import BGR

log = logging.getLogger(__name__)

FORMAT = "RGB888"
"""picamera2's name for bytes in the order B, G, R."""
FRAME_WAIT_S: float = 0.5
SETTLING_FRAMES: int = 90
"""Frames within which the controls given at the start must have taken hold; a second and a half at 60 frames/s."""
TOLERANCE: float = 0.02
"""Sensors round exposure to lines and gains to steps; a control loop that moves them moves them further."""


@dataclass(frozen=True)
class Lock:
    """What the camera is locked to; values come from the site's calibration."""

    exposure_us: int = 4000
    analogue_gain: float = 1.0
    colour_gains: tuple[float, float] = (2.0, 1.6)
    lens_position: float | None = None


class PiCamera:
    """A Pi camera at one mode. `picamera2` is imported when it starts: it exists only on the Pi."""

    layout = BGR
    simulated = False

    def __init__(self, width: int, height: int, fps: int, lock: Lock | None = None) -> None:
        self.width, self.height = width, height
        self._fps = fps
        self._lock = lock or Lock()
        self._camera: Any = None
        self._mapped_array: Any = None
        self._reference: FrameSettings | None = None

    def start(self) -> None:
        """Open, configure, lock and start; discard frames until the lock has taken hold. Raises `CameraError`."""
        try:
            from libcamera import controls
            from picamera2 import MappedArray, Picamera2
        except ImportError as error:
            raise CameraError(f"picamera2 is not installed on this machine: {error}.") from error
        try:
            self._mapped_array = MappedArray
            self._camera = Picamera2()
            configuration = self._camera.create_video_configuration(
                main={"size": (self.width, self.height), "format": FORMAT},
                controls=self._controls(controls),
                buffer_count=6,
                # A queued old frame would be handed over late; order and times come from the sensor all the same.
                queue=True,
            )
            self._camera.configure(configuration)
            given = self._camera.camera_configuration()["main"]
            if given["format"] != FORMAT or tuple(given["size"]) != (self.width, self.height):
                raise CameraError(f"The camera delivers {given['format']} at {given['size']}, not what was asked.")
            self._camera.start()
        except (RuntimeError, OSError, IndexError, ValueError) as error:
            self.close()
            raise CameraError(f"The camera does not start: {error}.") from error
        self._settle()

    def _controls(self, controls: Any) -> dict[str, Any]:
        period_us = round(1e6 / self._fps)
        lock = self._lock
        asked: dict[str, Any] = {
            "AeEnable": False,
            "AwbEnable": False,
            # Both together: exposure alone may leave the gain control running.
            "ExposureTime": lock.exposure_us,
            "AnalogueGain": lock.analogue_gain,
            "ColourGains": lock.colour_gains,
            "FrameDurationLimits": (period_us, period_us),
            "NoiseReductionMode": controls.draft.NoiseReductionModeEnum.Off,
            "Sharpness": 0.0,
        }
        if lock.lens_position is not None:
            asked["AfMode"] = controls.AfModeEnum.Manual
            asked["LensPosition"] = lock.lens_position
        return asked

    def _settle(self) -> None:
        """Take the settings of the first frame that is as asked for as the reference for all later ones."""
        asked = FrameSettings(self._lock.exposure_us, self._lock.analogue_gain, self._lock.colour_gains)
        for _ in range(SETTLING_FRAMES):
            frame = self.next_frame()
            if settings_agree(asked, frame.settings):
                self._reference = frame.settings
                return
        self.close()
        raise CameraError("The camera does not keep the settings that it was given.")

    def next_frame(self, *, look: bool = True) -> Frame:  # noqa: ARG002 - to come
        """Wait for the next frame, twice at most 0.5 s; raises `CameraError` when there is none.

        After a second time-out the process should end: a loose cable can leave picamera2 blocked for good.
        """
        if self._camera is None:
            raise CameraError("The camera is not started.")
        try:
            request = self._camera.capture_request(wait=FRAME_WAIT_S)
        except TimeoutError:
            log.warning("no frame within %.1f s; the camera's queue is flushed", FRAME_WAIT_S)
            self._camera.cancel_all_and_flush()
            try:
                request = self._camera.capture_request(wait=FRAME_WAIT_S)
            except TimeoutError as error:
                raise CameraError("The camera delivers no more frames.") from error
        # Metadata and picture of one request: asked for apart they are two frames.
        try:
            metadata = request.get_metadata()
            with self._mapped_array(request, "main", write=False) as mapped:
                picture = np.array(mapped.array, dtype=np.uint8, order="C", copy=True)
        except (RuntimeError, OSError, ValueError) as error:
            raise CameraError(f"The camera gave a frame that cannot be read: {error}.") from error
        finally:
            request.release()
        settings = settings_of(metadata)
        if "SensorTimestamp" not in metadata:
            raise CameraError("The camera gives frames without a sensor time.")
        held = self._reference is None or settings_agree(self._reference, settings)
        return Frame(int(metadata["SensorTimestamp"]), picture, settings, held)

    def close(self) -> None:
        """Stop and close, whatever state it is in."""
        camera, self._camera = self._camera, None
        if camera is None:
            return
        try:
            camera.cancel_all_and_flush()
            camera.stop()
            camera.close()
        except (RuntimeError, OSError) as error:
            log.warning("the camera did not close cleanly: %s", error)


def settings_of(metadata: dict[str, Any]) -> FrameSettings:
    """Return the settings that libcamera's metadata names."""
    gains = metadata.get("ColourGains")
    return FrameSettings(
        exposure_us=metadata.get("ExposureTime"),
        analogue_gain=metadata.get("AnalogueGain"),
        colour_gains=(float(gains[0]), float(gains[1])) if gains is not None else None,
    )


def settings_agree(reference: FrameSettings, found: FrameSettings) -> bool:
    """Return whether a frame was taken with the reference's settings; a value that is not told does not agree."""
    pairs = [(reference.exposure_us, found.exposure_us), (reference.analogue_gain, found.analogue_gain)]
    pairs += zip(reference.colour_gains or (), found.colour_gains or (None, None), strict=False)
    return all(
        wanted is None or (given is not None and abs(given - wanted) <= TOLERANCE * abs(wanted))
        for wanted, given in pairs
    )
