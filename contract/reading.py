"""The reading: the source record that a measurement ends in, also when the answer is "not measurable".

Numbers carry their unit in the name. A field is null where it has no value; floats are always finite.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from contract.identifiers import Count, DeviceSeq, ReadingId, Sha256, Slug, VersionText
from contract.reasons import Reason
from contract.record import SCHEMA_VERSION, Record, SchemaVersion
from contract.source import Device, Measured, Side, Source, Subject
from contract.times import Time

__all__ = [
    "BodySite",
    "Device",
    "Measured",
    "PressRecord",
    "ProtocolRef",
    "Reading",
    "Receipt",
    "RefillResult",
    "Side",
    "Status",
    "Subject",
    "utc",
]

Seconds = Annotated[float, Field(ge=0, le=120, allow_inf_nan=False)]
Fraction = Annotated[float, Field(allow_inf_nan=False)]
Interval = tuple[Seconds, Seconds]


class Status(StrEnum):
    """How a press or a measurement ended."""

    MEASURED = "measured"
    CENSORED = "censored"
    NOT_MEASURABLE = "not_measurable"


class BodySite(StrEnum):
    """Where the probe sat."""

    FINGER = "finger"
    KNEE = "knee"


class ProtocolRef(Record):
    """Which protocol was followed: its name, version and the hash of its effective content."""

    name: Slug
    version: VersionText
    sha256: Sha256


class RefillResult(Record):
    """The published end points of one refill curve, or why there are none.

    `crt_s` is time zero to the first instant from which the pulse-free signal has recovered 90 % of the step from
    blanched to refilled. `tau_s` is never compared with a threshold on `crt_s`: 90 % is 2.3 tau.
    """

    status: Status
    reason: Reason | None = None
    crt_s: Seconds | None = None
    crt_ci95_s: Interval | None = Field(None, description="95 % interval of crt_s, low and high")
    crt_exceeds_s: Seconds | None = Field(None, description="censored only: refill took longer than this")
    t50_s: Seconds | None = None
    crt_90_10_s: Seconds | None = None
    crt_100_10_s: Seconds | None = None
    tau_s: Annotated[float, Field(gt=0, le=600)] | None = None
    delay_s: Seconds | None = None
    overshoot: Fraction | None = Field(None, description="peak above the refilled level, as a fraction of the step")

    @model_validator(mode="after")
    def _number_and_status_agree(self) -> Self:
        measured = self.status is Status.MEASURED
        if measured != (self.crt_s is not None) or measured != (self.crt_ci95_s is not None):
            raise ValueError("crt_s and crt_ci95_s stand exactly when status is measured")
        if (self.status is Status.NOT_MEASURABLE) != (self.reason is not None):
            raise ValueError("a reason stands exactly when status is not_measurable")
        if (self.status is Status.CENSORED) != (self.crt_exceeds_s is not None):
            raise ValueError("crt_exceeds_s stands exactly when status is censored")
        if self.crt_ci95_s is not None and not self.crt_ci95_s[0] <= self.crt_ci95_s[1]:
            raise ValueError("crt_ci95_s is not in order")
        if self.crt_s is not None and self.crt_ci95_s is not None:
            low, high = self.crt_ci95_s
            if not low <= self.crt_s <= high:
                raise ValueError("crt_s lies outside crt_ci95_s")
        return self


class PressRecord(Record):
    """One press: its result, how it was made, and the hash of the trace that gives the result again."""

    number: int = Field(ge=1, le=100)
    set_number: int = Field(
        1,
        ge=1,
        le=10,
        description="presses of one set are judged together; a later set repeats one that disagreed",
    )
    result: RefillResult
    target_kpa: float = Field(gt=0)
    mean_hold_kpa: float | None = None
    hold_s: Seconds | None = None
    release_s: Seconds | None = Field(None, description="90 % to 10 % of the hold level")
    time_zero_from: Literal["pressure", "picture"] | None = None
    blanch_step: float | None = Field(None, description="step of the haemoglobin signal, ln units")
    baseline: float | None = Field(None, description="haemoglobin signal before the press, ln units")
    frames: Count
    frames_dropped: Count
    trace_sha256: Sha256 | None = None


class Reading(Source):
    """The record of one measurement. `result` is the measurement's: the median of its presses, or why there is none."""

    kind: Literal["refill"] = "refill"
    body_site: BodySite
    protocol: ProtocolRef
    result: RefillResult
    presses: list[PressRecord]
    crt_spread: Fraction | None = Field(None, description="(largest - smallest) / median of the presses' crt_s")


class Receipt(Record):
    """The trial database's word on one record. Only this clears the journal's outbox."""

    schema_version: SchemaVersion = SCHEMA_VERSION
    reading_id: ReadingId
    device_seq: DeviceSeq
    sha256: Sha256 = Field(description="the record's own hash, as received")
    outcome: Literal["stored", "refused"] = Field(description="refused: kept as a dead letter, not in the trial data")
    reason: str | None = Field(None, max_length=500)
    received_at: Time


def utc(moment: datetime) -> str:
    """Return a time as it is written in records and tables: ISO 8601 with offset, microseconds."""
    return moment.isoformat(timespec="microseconds")
