"""The camera: which sensor, in what form its frames come, how many, and what it is locked to."""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from firmware_config.loading import Section
from firmware_config.sensors import SENSORS, SensorMode, SensorName
from firmware_config.wrong import refuse


class CameraLock(Section):
    """What every frame must have been taken with. Values come from the site's calibration."""

    exposure_us: int = Field(4000, ge=9, le=60_000, description="less than a frame; the sensor takes it in steps")
    analogue_gain: float = Field(1.2, ge=1, le=251, description="within the range of the sensor")
    colour_gains: tuple[float, float] = Field((2.0, 1.6), description="of red and blue")
    lens_position: float | None = Field(None, ge=0, le=32, description="dioptres; only where the lens can move")

    @model_validator(mode="after")
    def _gains_are_gains(self) -> Self:
        if not all(0.1 <= gain <= 32 for gain in self.colour_gains):
            raise ValueError(f"colour_gains = {list(self.colour_gains)} are not within 0.1 to 32")
        return self


class Camera(Section):
    """What the camera adapter needs to know. Width and height are even: chroma and mosaic come in pairs."""

    sensor: SensorName = Field("imx708", description="on the camera module; docs/camera.md has its modes")
    form: Literal["yuv420", "nv12", "bgr", "bayer"] = Field(
        "yuv420", description="how frames are laid out; bayer is the raw mosaic, whose size is that of a sensor mode"
    )
    fps: int = Field(
        60, ge=15, le=240, description="frames a second; the sensor needs a mode that has them at this size"
    )
    width: int = Field(640, ge=160, le=4608, multiple_of=2, description="pixels")
    height: int = Field(480, ge=120, le=2592, multiple_of=2, description="pixels")
    tuning_file: Path | None = Field(
        None, description="libcamera's tuning as `refill config boot --tuning` writes it; null is the sensor's own"
    )
    delay_ms: float = Field(
        0.0,
        ge=-100,
        le=100,
        description="how much later than the start of its exposure a frame is stamped, taken off every stamp; "
        "from calibration",
    )
    lock: CameraLock = Field(default_factory=CameraLock)

    @property
    def mode(self) -> SensorMode:
        """The sensor mode that pictures come from; it is asked for by name, and never changed within a measurement."""
        mode = SENSORS[self.sensor].mode_for(self.width, self.height, self.fps)
        if mode is None:  # the model would not have been made
            raise ValueError(self._no_mode())
        return mode

    def _no_mode(self) -> str:
        modes = ", ".join(f"{m.width}x{m.height} to {m.largest_fps:g} fps" for m in SENSORS[self.sensor].modes)
        return f"fps = {self.fps} at {self.width}x{self.height}: {self.sensor} has no such mode; it has {modes}"

    @model_validator(mode="after")
    def _the_sensor_can(self) -> Self:
        sensor, lock = SENSORS[self.sensor], self.lock
        mode = sensor.mode_for(self.width, self.height, self.fps)
        if mode is None:
            raise ValueError(self._no_mode())
        wrong = []
        if self.form == "bayer" and (mode.width, mode.height) != (self.width, self.height):
            wrong.append(f"form = bayer has the size of a sensor mode: {mode.width}x{mode.height}")
        if not mode.shortest_exposure_us <= lock.exposure_us < 1e6 / self.fps:
            wrong.append(
                f"lock.exposure_us = {lock.exposure_us}: {self.sensor} at {self.fps} fps takes "
                f"{mode.shortest_exposure_us} to {round(1e6 / self.fps) - 1}"
            )
        if not sensor.smallest_gain <= lock.analogue_gain <= sensor.largest_gain:
            wrong.append(
                f"lock.analogue_gain = {lock.analogue_gain:g}: {self.sensor} takes "
                f"{sensor.smallest_gain:g} to {sensor.largest_gain:g}"
            )
        if lock.lens_position is not None and not sensor.lens_moves:
            wrong.append(f"lock.lens_position: the lens of {self.sensor} does not move")
        refuse(wrong)
        return self
