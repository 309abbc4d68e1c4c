"""Mottling for the case report form, as CSV: one row for each mottling reading, and beside it a data dictionary.

The device's score and the person's stand beside each other, each in its own column: neither replaces the other. Values
come from the stored records, as they stand after their corrections. The same database gives the same bytes.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, Engine, select

from contract.envelope import chain_sha256
from contract.mottling import MottlingReading, MottlingZones
from contract.reading import utc
from trial import corrections, remarks, tables
from trial.crf_files import AlteredError, CrfColumn, Value, write_export
from trial.remarks import Remark


@dataclass(frozen=True)
class Scored:
    """A mottling reading as it stands in the database, and what was said of it at the bedside."""

    reading: MottlingReading
    sha256: str
    sent_at: datetime
    received_at: datetime
    corrected: tuple[str, ...]
    remarks: tuple[Remark, ...]

    @property
    def by_person(self) -> Remark | None:
        """Return the last remark with a person's score, or None."""
        return remarks.scored(self.remarks)


def _of_result(name: str) -> Callable[[Scored], Value]:
    return lambda s: getattr(s.reading.result, name)


def _of_record(name: str) -> Callable[[Scored], Value]:
    return lambda s: getattr(s.reading, name)


def _of_device(name: str) -> Callable[[Scored], Value]:
    return lambda s: getattr(s.reading.device, name)


def _zone(name: str, where: str) -> CrfColumn[Scored]:
    meaning = f"mottled share of the visible skin {where}; blank where none of it can be seen"
    return CrfColumn(f"zone_{name}", meaning, "1", f"result.zones.{name}", lambda s: _share(s.reading, name))


def _share(reading: MottlingReading, name: str) -> Value:
    share: float | None = getattr(reading.result.zones or MottlingZones(), name)
    return share


_WHOSE: tuple[CrfColumn[Scored], ...] = (
    CrfColumn("study", "study", "", "study", _of_record("study")),
    CrfColumn("site", "site number", "", "subject.site", lambda s: s.reading.subject.site),
    CrfColumn("inclusion", "inclusion number", "", "subject.inclusion", lambda s: s.reading.subject.inclusion),
    CrfColumn("event", "study event; blank where none was chosen", "", "event", _of_record("event")),
    CrfColumn(
        "measured_at",
        "when the photo was judged, by the device",
        "",
        "measured.at",
        lambda s: utc(s.reading.measured.at),
    ),
    CrfColumn(
        "clock_synchronised",
        "whether the device's clock was synchronised",
        "",
        "measured.clock_synchronised",
        lambda s: s.reading.measured.clock_synchronised,
    ),
    CrfColumn("side", "left or right; blank where not recorded", "", "side", _of_record("side")),
)
_FOUND: tuple[CrfColumn[Scored], ...] = (
    CrfColumn("status", "measured or not_measurable", "", "result.status", _of_result("status")),
    CrfColumn(
        "reason", "why there is no score; blank unless not_measurable", "", "result.reason", _of_result("reason")
    ),
    CrfColumn(
        "device_score",
        "0 to 5 by extent, as the device found it; blank unless measured",
        "",
        "result.score",
        _of_result("score"),
    ),
    CrfColumn(
        "person_score",
        "0 to 5 by extent, as a person confirmed it last; blank where nobody did",
        "",
        "amendment.mottling_score",
        lambda s: s.by_person.mottling_score if s.by_person else None,
    ),
    CrfColumn(
        "person_score_by",
        "code of whoever gave person_score",
        "",
        "amendment.operator",
        lambda s: s.by_person.operator if s.by_person else None,
    ),
    CrfColumn(
        "person_score_at",
        "when person_score was given, by the device, UTC",
        "",
        "amendment.measured.at",
        lambda s: utc(s.by_person.at) if s.by_person else None,
    ),
    CrfColumn(
        "max_supported",
        "the highest score that the photo can tell",
        "",
        "result.max_supported",
        _of_result("max_supported"),
    ),
    CrfColumn(
        "at_least",
        "true where mottling reaches the end of what can be seen",
        "",
        "result.at_least",
        _of_result("at_least"),
    ),
    CrfColumn(
        "confidence",
        "probability that device_score is right, as the device sees it",
        "1",
        "result.confidence",
        _of_result("confidence"),
    ),
    _zone("knee_centre", "at the centre of the knee"),
    _zone("knee", "of the knee, below the upper edge of the kneecap"),
    _zone("lower_thigh", "from the kneecap to the middle of the thigh"),
    _zone("upper_thigh", "from the middle of the thigh to the groin"),
    _zone("beyond_groin", "beyond the groin"),
    CrfColumn(
        "mottled_area_cm2",
        "mottled area; blank where no scale is known",
        "cm2",
        "result.mottled_area_cm2",
        _of_result("mottled_area_cm2"),
    ),
    CrfColumn("mm_per_px", "scale; blank where no card gave one", "mm", "result.mm_per_px", _of_result("mm_per_px")),
)
_HOW: tuple[CrfColumn[Scored], ...] = (
    CrfColumn(
        "landmarks_by",
        "person or card; blank without landmarks",
        "",
        "landmarks.given_by",
        lambda s: s.reading.landmarks.given_by if s.reading.landmarks else None,
    ),
    CrfColumn("photo_from", "camera or file", "", "photo_from", _of_record("photo_from")),
    CrfColumn(
        "photo_sha256", "hash of the photo; blank where none was kept", "", "photo_sha256", _of_record("photo_sha256")
    ),
    CrfColumn("operator", "operator's code; blank where not recorded", "", "operator", _of_record("operator")),
    CrfColumn(
        "calibration_id",
        "certificate in force; blank means bench use",
        "",
        "calibration_id",
        lambda s: str(s.reading.calibration_id) if s.reading.calibration_id else None,
    ),
    CrfColumn("simulated", "true where no skin was behind the reading", "", "simulated", _of_record("simulated")),
    CrfColumn("device", "device's name", "", "device.name", _of_device("name")),
    CrfColumn("device_seq", "gapless number of the record on its device", "1", "device_seq", _of_record("device_seq")),
    CrfColumn(
        "software_version",
        "version of the device's software",
        "",
        "device.software_version",
        _of_device("software_version"),
    ),
    CrfColumn(
        "algorithm_version",
        "version of the measuring algorithm",
        "",
        "device.algorithm_version",
        _of_device("algorithm_version"),
    ),
    CrfColumn(
        "configuration_sha256",
        "hash of the device's configuration",
        "",
        "device.configuration_sha256",
        _of_device("configuration_sha256"),
    ),
    CrfColumn("schema_version", "version of the record's format", "", "schema_version", _of_record("schema_version")),
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
)
_SAID: tuple[CrfColumn[Scored], ...] = (
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
        lambda s: ";".join(remarks.confirmed_by(s.remarks)) or None,
    ),
    CrfColumn(
        "comments",
        "codes of the comments that were made at the bedside, separated by semicolons",
        "",
        "amendment.comment",
        lambda s: ";".join(remarks.comments(s.remarks)) or None,
    ),
    CrfColumn(
        "build",
        "which commit was installed on the device; blank before version 1.3 of the record",
        "",
        "device.build",
        _of_device("build"),
    ),
)
COLUMNS: tuple[CrfColumn[Scored], ...] = (*_WHOSE, *_FOUND, *_HOW, *_SAID)
"""The order of the columns is part of the format."""


def mottling_readings(connection: Connection, study: str) -> Iterator[Scored]:
    """Yield a study's mottling readings, corrected, by site, subject as entered, time and id; raises `AlteredError`."""
    t, r = tables.mottling.c, tables.record.c
    made, said = corrections.of_study(connection, study), remarks.of_study(connection, study)
    query = select(t.reading_id, t.body, r.previous_sha256, r.sha256, t.sent_at, r.received_at)
    query = query.join(tables.record, r.reading_id == t.reading_id).where(t.study == study)
    for row in connection.execute(query.order_by(t.site, t.inclusion, t.measured_at, t.reading_id)):
        if chain_sha256(row.previous_sha256, row.body) != row.sha256:
            raise AlteredError(f"reading {row.reading_id} is not as its device sealed it: nothing was exported")
        mine = made.get(row.reading_id, [])
        yield Scored(
            corrections.corrected(MottlingReading.model_validate_json(row.body), mine),
            row.sha256,
            row.sent_at,
            row.received_at,
            tuple(sorted({each.field for each in mine})),
            tuple(said.get(row.reading_id, [])),
        )


def export_mottling(engine: Engine, study: str, out: Path) -> int:
    """Write the CSV to `out` and its data dictionary beside it; return the number of rows.

    Raises `AlteredError`, `OSError` and SQLAlchemy's errors.
    """
    with engine.connect() as connection:
        found = sorted(mottling_readings(connection, study), key=_subject)  # a corrected number moves its row
    return write_export(engine, out, COLUMNS, found, f"study {study}", "mottling csv exported")


def _subject(scored: Scored) -> tuple[str, str]:
    return scored.reading.subject.site, scored.reading.subject.inclusion
