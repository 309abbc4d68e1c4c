"""The calibration certificate: what was measured of a device, against which limit, when, by whom, until when it holds.

It is signed by the device and crosses the wire on the `calibration` topic; readings name it by `certificate_id`.
"""

from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import Field, model_validator

from contract.identifiers import Sha256, SiteNumber, Slug
from contract.record import Record, SchemaVersion
from contract.source import Device
from contract.times import Time

Key = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*$", max_length=80)]
"""A key of `device.toml` with its sections: `pressure_sensor.zero_kpa`."""
Label = Annotated[str, Field(min_length=1, max_length=80)]
LONGEST_CURVE: int = 400
LONGEST_BODY: int = 200_000
"""Characters of a certificate's text."""


class StepName(StrEnum):
    """The steps of a calibration, in the order in which they are done."""

    PRESSURE_ZERO = "pressure_zero"
    PRESSURE_SPAN = "pressure_span"
    PRESSURE_LEAK = "pressure_leak"
    PRESSURE_RELEASE = "pressure_release"
    PRESSURE_CEILING = "pressure_ceiling"
    LIGHT_WARM_UP = "light_warm_up"
    LIGHT_AMBIENT = "light_ambient"
    LIGHT_FLICKER = "light_flicker"
    CAMERA_DARK = "camera_dark"
    CAMERA_LOCK = "camera_lock"
    CAMERA_LINEARITY = "camera_linearity"
    CAMERA_NOISE = "camera_noise"
    CAMERA_FLAT_FIELD = "camera_flat_field"
    CAMERA_COLOUR = "camera_colour"
    CAMERA_GLARE = "camera_glare"
    SCALE = "scale"
    FOCUS = "focus"
    TIMING_FRAMES = "timing_frames"
    TIMING_OFFSET = "timing_offset"
    END_TO_END = "end_to_end"


class Figure(Record):
    """One measured value, its expanded uncertainty (k = 2) and its limits, all in `unit`."""

    name: Slug
    value: float
    unit: str = Field("", max_length=16)
    uncertainty: float | None = Field(None, ge=0, description="expanded, k = 2; null for counts and verdicts")
    at_least: float | None = None
    at_most: float | None = None

    @property
    def passed(self) -> bool:
        """Whether the value is within its limits; a figure without a limit informs and passes."""
        low = float("-inf") if self.at_least is None else self.at_least
        high = float("inf") if self.at_most is None else self.at_most
        return low <= self.value <= high


class Curve(Record):
    """Points for a plot, and to compare with the last certificate."""

    name: Slug
    x_label: Label
    y_label: Label
    x: tuple[float, ...] = Field(max_length=LONGEST_CURVE)
    y: tuple[float, ...] = Field(max_length=LONGEST_CURVE)

    @model_validator(mode="after")
    def _as_long_as_each_other(self) -> "Curve":
        if len(self.x) != len(self.y):
            raise ValueError(f"{len(self.x)} x and {len(self.y)} y")
        return self


class StepOutcome(Record):
    """What one step came to. With `trouble`, one sentence, it has not passed, whatever its figures say."""

    step: StepName
    at: Time
    figures: tuple[Figure, ...] = ()
    curves: tuple[Curve, ...] = ()
    corrections: dict[Key, float | int | tuple[float, ...]] = Field(
        default_factory=dict, description="what the configuration has to say from now on"
    )
    trouble: str | None = Field(None, max_length=300)

    @property
    def passed(self) -> bool:
        """Whether it was measured, and every figure is within its limits."""
        return self.trouble is None and all(figure.passed for figure in self.figures)


class Certificate(Record):
    """One calibration of one device. It holds while `configuration_sha256` is what the device is set to."""

    schema_version: SchemaVersion | None = Field(None, description="version that it was made by; null before 1.4")
    certificate_id: UUID
    device: Device
    site: SiteNumber | None
    study: Slug
    operator: Slug = Field(description="operator code, never a name")
    simulated: bool
    made_at: Time
    due_at: Time
    configuration_sha256: Sha256 = Field(
        description="of the sections that calibration depends on, as they are in force"
    )
    previous_certificate_id: UUID | None = None
    steps: tuple[StepOutcome, ...] = Field(min_length=1, max_length=len(StepName))

    @property
    def passed(self) -> bool:
        """Whether every step has passed."""
        return all(step.passed for step in self.steps)


class SignedCertificate(Record):
    """A certificate as the exact text that was signed: Ed25519 over its UTF-8 bytes, key and signature in base 64."""

    body: str = Field(max_length=LONGEST_BODY)
    public_key: str = Field(pattern=r"^[A-Za-z0-9+/]{43}=$")
    signature: str = Field(pattern=r"^[A-Za-z0-9+/]{86}==$")
