"""The camera: which sensor, which of its modes, in what form its frames come, and what it is locked to."""

from typing import Literal

from pydantic import Field

from firmware_config.loading import Section


class CameraLock(Section):
    """What every frame must have been taken with. Values come from the site's calibration."""

    exposure_us: int = Field(4000, ge=20, le=60_000)
    analogue_gain: float = Field(1.0, ge=1, le=64)
    colour_gains: tuple[float, float] = Field((2.0, 1.6), description="of red and blue")
    lens_position: float | None = Field(None, ge=0, le=32, description="dioptres; only where the lens can move")


class Camera(Section):
    """What the camera adapter needs to know."""

    sensor: Literal["imx708", "imx477", "imx219", "imx296"] = "imx708"
    form: Literal["yuv420", "nv12", "bgr", "bayer"] = Field("yuv420", description="how its frames are laid out")
    fps: int = Field(60, ge=15, le=240)
    width: int = Field(640, ge=160, le=4608, description="pixels")
    height: int = Field(480, ge=120, le=2592, description="pixels")
    lock: CameraLock = Field(default_factory=CameraLock)
