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
from trial.crf_columns import ORIGIN, WHOSE
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

    @property
    def confirmed_by(self) -> tuple[str, ...]:
        """Return the codes of those who confirmed it."""
        return tuple(remarks.confirmed_by(self.remarks))

    @property
    def comments(self) -> tuple[str, ...]:
        """Return the codes of the comments on it."""
        return tuple(remarks.comments(self.remarks))


def _of_result(name: str) -> Callable[[Scored], Value]:
    return lambda s: getattr(s.reading.result, name)


def _of_record(name: str) -> Callable[[Scored], Value]:
    return lambda s: getattr(s.reading, name)


def _zone(name: str, where: str) -> CrfColumn[Scored]:
    meaning = f"mottled share of the visible skin {where}; blank where none of it can be seen"
    return CrfColumn(f"zone_{name}", meaning, "1", f"result.zones.{name}", lambda s: _share(s.reading, name))


def _share(reading: MottlingReading, name: str) -> Value:
    share: float | None = getattr(reading.result.zones or MottlingZones(), name)
    return share


_WHEN: tuple[CrfColumn[Scored], ...] = (
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
)
COLUMNS: tuple[CrfColumn[Scored], ...] = (*WHOSE, *_WHEN, *_FOUND, *_HOW, *ORIGIN)
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
