"""The Pi's camera by picamera2: locked before it starts, checked at every frame, never waited for without a limit."""

import logging
from concurrent.futures import CancelledError
from typing import Any

import numpy as np

from device.camera.pi_lock import (
    HELD_WITHIN,
    Enums,
    asked_of,
    cannot_be_locked,
    controls_of,
    reference_of,
    settings_agree,
    settings_of,
)
from device.camera.pi_open import collect, ended, leave, opened
from device.camera.pi_planes import FORMATS, bayer_layout, copy_frame, yuv_layout
from device.ports import CameraError, CameraHungError, Frame, FrameSettings
from firmware_config.camera import Camera
from firmware_config.sensors import SENSORS
from vision.frames import BGR, Layout, Yuv

log = logging.getLogger(__name__)

FRAME_WAIT_S: float = 0.5
SETTLING_FRAMES: int = 90
"""Frames within which the controls given at the start must have taken hold; a second and a half at 60 frames/s."""
SETTLED_FRAMES: int = 5
"""So many in a row have to be alike: what was not asked for, as digital gain, may follow later than what was."""
BUFFERS: int = 6
DROPPED_AT_PERIODS: float = 1.5
"""Frames are missing where two sensor times are further apart than this; sequence numbers do not tell it."""


class PiCamera:
    """A Pi camera at one mode. picamera2 and libcamera are imported when it starts: they exist only where apt put them.

    A camera that cannot be locked is refused; with `allow_unlocked` it is used all the same, as a simulated one.
    """

    def __init__(self, config: Camera, *, allow_unlocked: bool = False) -> None:
        self.width, self.height = config.width, config.height
        self._config = config
        self._sensor = SENSORS[config.sensor]
        self._allow_unlocked = allow_unlocked
        self._camera: Any = None
        self._mapped_array: Any = None
        self._layout: Layout | None = None
        self._stream = "raw" if config.form == "bayer" else "main"
        self._given: dict[str, Any] = {}
        self._asked = FrameSettings()
        self._reference: FrameSettings | None = None
        self._last_ns: int | None = None
        self._hung = False
        self.simulated = False
        self.sensor_c: float | None = None
        """Temperature of the sensor at the last frame, where it tells one."""

    @property
    def layout(self) -> Layout:
        """How its frames are laid out; before the first start, how they are expected to be."""
        if self._layout is not None:
            return self._layout
        if self._config.form == "bgr":
            return BGR
        if self._config.form == "bayer":
            raise CameraError("The camera's raw layout is not known before it has started.")
        return Yuv("i420" if self._config.form == "yuv420" else "nv12")

    @property
    def given(self) -> dict[str, Any]:
        """What the camera said it delivers: format, size and stride of the stream; empty before the first start."""
        return dict(self._given)

    @property
    def asked(self) -> FrameSettings:
        """What frames have to say of themselves, where the camera can say it; all None before the first start."""
        return self._asked

    @property
    def reference(self) -> FrameSettings | None:
        """What every frame is held against; None before the lock has taken hold."""
        return self._reference

    def start(self) -> None:
        """Open, configure, lock and start; discard frames until the lock has taken hold. Raises `CameraError`."""
        if self._hung:
            raise CameraHungError("The camera has hung: only a new process can use it again.")
        try:
            import libcamera
            from picamera2 import MappedArray, Picamera2
        except ImportError as error:
            raise CameraError(f"picamera2 is not installed on this machine: {error}.") from error
        self._mapped_array = MappedArray
        self._reference = self._last_ns = None
        try:
            self._camera = opened(Picamera2, self._config.tuning_file)
            self._configure(libcamera)
            self._camera.start()
            self._settle()
        except CameraHungError:
            raise
        except (CameraError, RuntimeError, OSError, IndexError, KeyError, ValueError) as error:
            self.close()
            if isinstance(error, CameraError):
                raise
            # picamera2 says that it could not, and libcamera why.
            why = str(error.__cause__ or error).rstrip(".")
            raise CameraError(f"The camera does not start: {why}.") from error

    def _configure(self, libcamera: Any) -> None:
        config, listed = self._config, set(self._camera.camera_controls)
        refusal = cannot_be_locked(listed)
        if refusal is not None and not self._allow_unlocked:
            raise CameraError(refusal)
        self.simulated = refusal is not None
        self._asked = FrameSettings() if self.simulated else asked_of(config, listed)
        streams: dict[str, Any] = {
            "main": {"size": (self.width, self.height), "format": FORMATS.get(config.form, "YUV420")}
        }
        if config.form == "bayer":
            streams["raw"] = {
                "size": (self.width, self.height),
                "format": f"S{self._sensor.pattern}{config.mode.bit_depth}",
            }
        if not self.simulated:
            self._check_model()
            mode = config.mode
            streams["sensor"] = {"output_size": (mode.width, mode.height), "bit_depth": mode.bit_depth}
        self._camera.configure(
            self._camera.create_video_configuration(
                **streams,
                # Full range, and the sRGB curve: what vision takes encoded values for.
                colour_space=libcamera.ColorSpace.Sycc(),
                controls=controls_of(config, listed, enums_of(libcamera.controls)),
                buffer_count=BUFFERS,
                # A queued old frame would be handed over late; order and times come from the sensor all the same.
                queue=True,
            )
        )
        self._take_given()

    def _check_model(self) -> None:
        """Refuse another sensor than the configured one: its modes and limits would be another's."""
        model = str(self._camera.camera_properties.get("Model", "unknown"))
        # A variant of the module says so after the sensor's name: imx708_wide, imx708_noir.
        if model.split("_")[0] != self._config.sensor:
            raise CameraError(f"The camera is an {model}, and camera.sensor is {self._config.sensor}.")

    def _take_given(self) -> None:
        """Take what the camera says it will deliver; raises `CameraError` where that is not what was asked."""
        given = self._camera.camera_configuration()
        mode, sensor = self._config.mode, given.get("sensor") or {}
        read_out = (sensor.get("output_size"), sensor.get("bit_depth"))
        if not self.simulated and read_out != ((mode.width, mode.height), mode.bit_depth):
            hdr = ", as it does where its own HDR was left on" if self._sensor.own_hdr else ""
            raise CameraError(f"The camera reads its sensor out as {read_out}, not as the mode that was asked{hdr}.")
        stream = dict(given[self._stream])
        wanted = FORMATS.get(self._config.form)
        if tuple(stream["size"]) != (self.width, self.height) or (wanted and stream["format"] != wanted):
            raise CameraError(f"The camera delivers {stream['format']} at {stream['size']}, not what was asked.")
        self._given = {key: stream[key] for key in ("format", "size", "stride")}
        if self._config.form == "bgr":
            self._layout = BGR
        elif self._config.form != "bayer":
            self._layout = yuv_layout(self._config.form, given["colour_space"])

    def _settle(self) -> None:
        """Wait until frames are as asked, and stay so: that is what all later ones are held against."""
        first, alike = FrameSettings(), 0
        for _ in range(SETTLING_FRAMES):
            frame, metadata = self._next(look=False)
            if not settings_agree(self._asked, frame.settings, exposure_step_us=self._config.mode.exposure_step_us):
                alike = 0
                continue
            if not alike or not settings_agree(first, frame.settings, HELD_WITHIN):
                first, alike = frame.settings, 0
            alike += 1
            if alike == SETTLED_FRAMES:
                self._reference = reference_of(self._asked, first)
                self._take_levels(metadata)
                return
        raise CameraError("The camera does not keep the settings that it was given.")

    def _take_levels(self, metadata: dict[str, Any]) -> None:
        """Take the layout of a mosaic, which a frame only tells."""
        if self._config.form == "bayer":
            self._layout = bayer_layout(
                str(self._given["format"]),
                metadata.get("SensorBlackLevels"),
                self._sensor,
                self._config.mode.bit_depth,
            )

    def next_frame(self, *, look: bool = True) -> Frame:
        """Wait for the next frame, twice at most 0.5 s; raises `CameraError`, and `CameraHungError` after that."""
        return self._next(look=look)[0]

    def _next(self, *, look: bool) -> tuple[Frame, dict[str, Any]]:
        if self._camera is None:
            raise CameraError("The camera is not started.")
        try:
            request = self._request()
        except (RuntimeError, OSError, ValueError, CancelledError) as error:
            raise CameraError(f"The camera gave no frame: {error!r}.") from error
        # Metadata and picture of one request: asked for apart they are two frames.
        try:
            metadata = request.get_metadata()
            picture = self._copy(request) if look else None
        except (RuntimeError, OSError, ValueError) as error:
            raise CameraError(f"The camera gave a frame that cannot be read: {error}.") from error
        finally:
            request.release()
        if metadata.get("SensorTimestamp") is None:
            raise CameraError("The camera gives frames without a sensor time.")
        t_boot_ns = int(metadata["SensorTimestamp"]) - round(self._config.delay_ms * 1e6)
        settings = settings_of(metadata)
        held = self._reference is None or settings_agree(self._reference, settings, HELD_WITHIN)
        self.sensor_c = metadata.get("SensorTemperature")
        return Frame(t_boot_ns, picture, settings, held, self._dropped_before(t_boot_ns)), metadata

    def _request(self) -> Any:
        waiting = self._camera.capture_request(wait=False)
        try:
            return waiting.get_result(timeout=FRAME_WAIT_S)
        except TimeoutError:
            log.warning("no frame within %.1f s; the camera's queue is flushed", FRAME_WAIT_S)
        self._camera.cancel_all_and_flush()
        try:
            # It may have come at that very moment: a request that nobody takes is a buffer lost.
            return waiting.get_result(timeout=FRAME_WAIT_S)
        except CancelledError:
            pass
        try:
            return self._camera.capture_request(wait=False).get_result(timeout=FRAME_WAIT_S)
        except TimeoutError as error:
            self._hung = True
            raise CameraHungError("The camera delivers no more frames.") from error

    def _copy(self, request: Any) -> Any:
        if self._layout is None:
            raise CameraError("The camera's layout is not known.")
        with self._mapped_array(request, self._stream, reshape=False, write=False) as mapped:
            buffer = np.asarray(mapped.array, dtype=np.uint8).reshape(-1)
            return copy_frame(buffer, self._layout, self.width, self.height, int(self._given["stride"]))

    def _dropped_before(self, t_boot_ns: int) -> int:
        last_ns, self._last_ns = self._last_ns, t_boot_ns
        if last_ns is None:
            return 0
        periods = (t_boot_ns - last_ns) * self._config.fps / 1e9
        return max(0, round(periods) - 1) if periods > DROPPED_AT_PERIODS else 0

    def close(self) -> None:
        """Stop and close, whatever state it is in. One that hangs is left behind: the process has to end."""
        camera, self._camera = self._camera, None
        if camera is None:
            return
        self._hung = self._hung or not ended(camera)
        if self._hung:
            leave(camera)
            return
        del camera
        collect()


def enums_of(controls: Any) -> Enums:
    """Return what of libcamera's enumerations is used; versions differ in where they stand."""
    draft = getattr(controls, "draft", None)
    noise = getattr(draft, "NoiseReductionModeEnum", None) or getattr(controls, "NoiseReductionModeEnum", None)
    return Enums(
        noise_reduction_off=getattr(noise, "Off", None),
        focus_manual=getattr(getattr(controls, "AfModeEnum", None), "Manual", None),
        hdr_off=getattr(getattr(controls, "HdrModeEnum", None), "Off", None),
        flicker_off=getattr(getattr(controls, "AeFlickerModeEnum", None), "FlickerOff", None)
        or getattr(getattr(controls, "AeFlickerModeEnum", None), "Off", None),
    )
