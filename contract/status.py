"""The status of a device: whether it is there, how its parts do, and what needs a person."""

from enum import StrEnum
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from contract.identifiers import Count, VersionText
from contract.record import SCHEMA_VERSION, Record, SchemaVersion
from contract.times import Time

Line = Annotated[str, Field(min_length=1, max_length=500, description="one sentence, never about a person")]


class PartName(StrEnum):
    """The parts whose health is told."""

    CAMERA = "camera"
    PROBE = "probe"
    CALIBRATION = "calibration"
    CLOCK = "clock"
    DISK = "disk"
    JOURNAL = "journal"
    BROKER = "broker"
    FEED = "feed"
    TEMPERATURE = "temperature"


class Condition(StrEnum):
    """How a part does. Unknown is never taken for ok."""

    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"
    UNKNOWN = "unknown"


class PartHealth(Record):
    """One part: its condition, the sentence that says what to do, and the number behind it where there is one."""

    part: PartName
    condition: Condition
    sentence: Line | None = Field(None, description="stands for every condition but ok")
    value: float | None = Field(None, description="in the part's unit")
    unit: Literal["MB", "degC", "records", "s", "fps", "days"] | None = None


class DeviceStatus(Record):
    """Retained on the broker; the last will is the same with `state` "lost"."""

    schema_version: SchemaVersion = SCHEMA_VERSION
    session_id: UUID = Field(description="one per connection of the publisher: a late last will is told by it")
    state: Literal["ready", "lost", "stopped"]
    at: Time
    software_version: VersionText
    unsent_readings: Count
    problem: str | None = Field(None, max_length=500, description="one sentence, where something needs a person")
    health: list[PartHealth] | None = Field(None, description="the parts of the bedside machine; null where not known")
