"""Columns that every form of the case report form has: whose a record is, and where it came from.

Beside them each form has what it measured (`trial.crf_csv`, `trial.crf_mottling`).
"""

from datetime import datetime
from typing import Protocol

from contract.mottling import MottlingReading
from contract.reading import Reading, utc
from trial import corrections
from trial.crf_files import CrfColumn


class Kept(Protocol):
    """A record as it stands in the database, after its corrections, and what was said of it at the bedside."""

    @property
    def reading(self) -> Reading | MottlingReading:
        """The record."""

    @property
    def sha256(self) -> str:
        """Its hash in its device's chain."""

    @property
    def sent_at(self) -> datetime:
        """When the device sent it."""

    @property
    def received_at(self) -> datetime:
        """When the trial database received it."""

    @property
    def corrected(self) -> tuple[str, ...]:
        """Fields that are no longer as they were entered."""

    @property
    def confirmed_by(self) -> tuple[str, ...]:
        """Codes of those who confirmed it at the bedside."""

    @property
    def comments(self) -> tuple[str, ...]:
        """Codes of the comments made there."""


WHOSE: tuple[CrfColumn[Kept], ...] = (
    CrfColumn("study", "study", "", "study", lambda s: s.reading.study),
    CrfColumn("site", "site number", "", "subject.site", lambda s: s.reading.subject.site),
    CrfColumn("inclusion", "inclusion number", "", "subject.inclusion", lambda s: s.reading.subject.inclusion),
    CrfColumn("event", "study event; blank where none was chosen", "", "event", lambda s: s.reading.event),
)
ORIGIN: tuple[CrfColumn[Kept], ...] = (
    CrfColumn("operator", "operator's code; blank where not recorded", "", "operator", lambda s: s.reading.operator),
    CrfColumn(
        "calibration_id",
        "certificate in force; blank means bench use",
        "",
        "calibration_id",
        lambda s: str(s.reading.calibration_id) if s.reading.calibration_id else None,
    ),
    CrfColumn("simulated", "true where no skin was behind the reading", "", "simulated", lambda s: s.reading.simulated),
    CrfColumn("device", "device's name", "", "device.name", lambda s: s.reading.device.name),
    CrfColumn(
        "device_seq", "gapless number of the record on its device", "1", "device_seq", lambda s: s.reading.device_seq
    ),
    CrfColumn(
        "software_version",
        "version of the device's software",
        "",
        "device.software_version",
        lambda s: s.reading.device.software_version,
    ),
    CrfColumn(
        "algorithm_version",
        "version of the measuring algorithm",
        "",
        "device.algorithm_version",
        lambda s: s.reading.device.algorithm_version,
    ),
    CrfColumn(
        "configuration_sha256",
        "hash of the device's configuration",
        "",
        "device.configuration_sha256",
        lambda s: s.reading.device.configuration_sha256,
    ),
    CrfColumn(
        "schema_version", "version of the record's format", "", "schema_version", lambda s: s.reading.schema_version
    ),
    CrfColumn("reading_id", "the record's identifier", "", "reading_id", lambda s: str(s.reading.reading_id)),
    CrfColumn("sha256", "the record's hash in its device's chain", "", "envelope.sha256", lambda s: s.sha256),
    CrfColumn(
        "sent_at",
        "when the device sent the record that was stored, UTC",
        "",
        "envelope.sent_at",
        lambda s: utc(s.sent_at),
    ),
    CrfColumn(
        "received_at",
        "when the trial database received it, UTC",
        "",
        "receipt.received_at",
        lambda s: utc(s.received_at),
    ),
    CrfColumn(
        "norepinephrine_onset_at",
        "start of norepinephrine as it was entered; blank where not recorded",
        "",
        "norepinephrine_onset_at",
        lambda s: corrections.value(s.reading, "norepinephrine_onset_at"),
    ),
    CrfColumn(
        "corrected",
        "columns that a person has corrected, separated by semicolons: they show what stands now",
        "",
        "correction.field",
        lambda s: ";".join(s.corrected) or None,
    ),
    CrfColumn(
        "confirmed_by",
        "codes of those who confirmed the reading at the bedside, separated by semicolons",
        "",
        "amendment.operator",
        lambda s: ";".join(s.confirmed_by) or None,
    ),
    CrfColumn(
        "comments",
        "codes of the comments that were made at the bedside, separated by semicolons",
        "",
        "amendment.comment",
        lambda s: ";".join(s.comments) or None,
    ),
    CrfColumn(
        "build",
        "which commit was installed on the device; blank before version 1.3 of the record",
        "",
        "device.build",
        lambda s: s.reading.device.build,
    ),
)
