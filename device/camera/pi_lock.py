"""What the camera is locked to: controls that are given before it starts, and what every frame must say of itself."""

from dataclasses import dataclass, replace
from typing import Any

from device.ports import FrameSettings
from firmware_config.camera import Camera

TOLERANCE: float = 0.02
"""How far a setting may be from what was asked: sensors round gains to steps, and exposure to lines, see there."""
HELD_WITHIN: float = 0.005
"""How far it may be from what it once was: nothing is rounded anew, and this much light is 0.002 of optical density."""
MUST_BE_LISTED: tuple[str, ...] = ("ExposureTime", "AnalogueGain", "ColourGains")
"""A camera that lists one of these not cannot be locked, and makes no reading of skin."""


@dataclass(frozen=True)
class Enums:
    """Values of libcamera's enumerations, which exist only where libcamera does."""

    noise_reduction_off: Any
    focus_manual: Any
    hdr_off: Any = None
    flicker_off: Any = None


def controls_of(camera: Camera, listed: set[str], enums: Enums) -> dict[str, Any]:
    """Return the controls to start with: of what we want those that the camera lists."""
    period_us = round(1e6 / camera.fps)
    lock = camera.lock
    wanted: dict[str, Any] = {
        "AeEnable": False,
        "AwbEnable": False,
        # Both together: exposure alone may leave the gain control running.
        "ExposureTime": lock.exposure_us,
        "AnalogueGain": lock.analogue_gain,
        "ColourGains": lock.colour_gains,
        "FrameDurationLimits": (period_us, period_us),
        "NoiseReductionMode": enums.noise_reduction_off,
        "Sharpness": 0.0,
        "Saturation": 1.0,
        "Contrast": 1.0,
        "Brightness": 0.0,
        "AeFlickerMode": enums.flicker_off,
        "HdrMode": enums.hdr_off,
    }
    # A lens that can move is told to stay, also where nobody has said where.
    wanted["AfMode"] = enums.focus_manual
    wanted["LensPosition"] = lock.lens_position
    return {name: value for name, value in wanted.items() if name in listed and value is not None}


def cannot_be_locked(listed: set[str]) -> str | None:
    """Return in one sentence why a camera cannot be locked; None where it can."""
    missing = [name for name in MUST_BE_LISTED if name not in listed]
    return f"The camera cannot be locked: it has no {', '.join(missing)}." if missing else None


def asked_of(camera: Camera, listed: set[str]) -> FrameSettings:
    """Return what frames have to say once the lock has taken hold; None where the camera has no such control."""
    lock = camera.lock

    def given(name: str, value: Any) -> Any:
        return value if name in listed else None

    return FrameSettings(
        exposure_us=given("ExposureTime", float(lock.exposure_us)),
        analogue_gain=given("AnalogueGain", lock.analogue_gain),
        colour_gains=given("ColourGains", lock.colour_gains),
        lens_position=given("LensPosition", lock.lens_position),
        frame_period_us=given("FrameDurationLimits", 1e6 / camera.fps),
    )


def reference_of(asked: FrameSettings, found: FrameSettings) -> FrameSettings:
    """Return what all later frames are held against: one that is as asked, with what the camera chose by itself."""
    return replace(found, frame_period_us=found.frame_period_us if asked.frame_period_us is not None else None)


def settings_of(metadata: dict[str, Any]) -> FrameSettings:
    """Return the settings that libcamera's metadata names."""
    gains = metadata.get("ColourGains")
    return FrameSettings(
        exposure_us=metadata.get("ExposureTime"),
        analogue_gain=metadata.get("AnalogueGain"),
        colour_gains=(float(gains[0]), float(gains[1])) if gains is not None else None,
        digital_gain=metadata.get("DigitalGain"),
        lens_position=metadata.get("LensPosition"),
        frame_period_us=metadata.get("FrameDuration"),
    )


def settings_agree(
    reference: FrameSettings, found: FrameSettings, within: float = TOLERANCE, exposure_step_us: float = 0.0
) -> bool:
    """Return whether a frame was taken with the reference's settings; a value that is not told does not agree.

    `within` is a share of the reference; exposure may be off by `exposure_step_us` where that is more.
    """
    pairs: list[tuple[float | None, float | None, float]] = [
        (reference.exposure_us, found.exposure_us, exposure_step_us),
        (reference.analogue_gain, found.analogue_gain, 0.0),
        (reference.digital_gain, found.digital_gain, 0.0),
        (reference.lens_position, found.lens_position, 0.0),
        (reference.frame_period_us, found.frame_period_us, 0.0),
    ]
    gains = zip(reference.colour_gains or (), found.colour_gains or (None, None), strict=False)
    pairs += [(wanted, given, 0.0) for wanted, given in gains]
    return all(
        wanted is None or (given is not None and abs(given - wanted) <= max(within * abs(wanted), step) + 1e-9)
        for wanted, given, step in pairs
    )
