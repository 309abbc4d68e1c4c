"""What every source record says: whose it is, where, when and by what it was made."""

from enum import StrEnum
from uuid import UUID

from pydantic import Field

from contract.identifiers import Count, DeviceSeq, InclusionNumber, ReadingId, Sha256, SiteNumber, Slug, VersionText
from contract.record import SCHEMA_VERSION, Record, SchemaVersion
from contract.times import Time


class Side(StrEnum):
    """Which of the subject's sides."""

    LEFT = "left"
    RIGHT = "right"


class Subject(Record):
    """Site number and inclusion number, nothing else."""

    site: SiteNumber
    inclusion: InclusionNumber


class Device(Record):
    """What measured: hardware name, software, algorithm and configuration."""

    name: Slug
    software_version: VersionText
    algorithm_version: VersionText
    build: VersionText | None = Field(
        None, description="which commit was installed, as git describes it; null before 1.3, or not installed"
    )
    configuration_sha256: Sha256


class Measured(Record):
    """When: wall clock with offset, and the boot clock that intervals and ordering come from."""

    at: Time = Field(description="start of the measurement, UTC with offset")
    boot_id: UUID = Field(description="identifies the boot that boottime_ns counts from")
    boottime_ns: Count = Field(description="CLOCK_BOOTTIME at the same instant")
    clock_synchronised: bool = Field(description="whether the wall clock was synchronised")


class Source(Record):
    """One record of a device's journal, of whatever kind: each has a place in the device's gapless count."""

    schema_version: SchemaVersion = SCHEMA_VERSION
    reading_id: ReadingId
    device_seq: DeviceSeq
    study: Slug
    subject: Subject
    event: Slug | None = Field(None, description="study event, where one was chosen")
    side: Side | None = None
    operator: Slug | None = Field(None, description="operator code, never a name")
    norepinephrine_onset_at: Time | None = Field(
        None, description="start of norepinephrine, as it was entered; the study's window counts from it"
    )
    simulated: bool = Field(description="true from birth for anything that no skin was behind")
    calibration_id: UUID | None = Field(None, description="certificate in force; null means bench use")
    device: Device
    measured: Measured
