"""The case report form as CSV: one row for each refill reading, and beside it a data dictionary.

Every value comes from the stored record itself, not from a copy, as it stands after its corrections. The same database
gives the same bytes. Mottling has a file of its own (`trial.crf_mottling`).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, Engine, select

from contract.envelope import chain_sha256
from contract.reading import Reading, utc
from trial import corrections, remarks, tables
from trial.crf_columns import ORIGIN, WHOSE
from trial.crf_files import AlteredError, CrfColumn, Value, write_export


@dataclass(frozen=True)
class Stored:
    """A reading as it stands in the database. `corrected` are the fields that are no longer as they were entered."""

    reading: Reading
    sha256: str
    sent_at: datetime
    received_at: datetime
    corrected: tuple[str, ...] = ()
    confirmed_by: tuple[str, ...] = ()
    comments: tuple[str, ...] = ()


def _interval(end: int) -> Callable[[Stored], Value]:
    return lambda s: s.reading.result.crt_ci95_s[end] if s.reading.result.crt_ci95_s is not None else None


def _result(name: str) -> Callable[[Stored], Value]:
    return lambda s: getattr(s.reading.result, name)


_ONLY_MEASURED = "blank unless status is measured"

COLUMNS: tuple[CrfColumn[Stored], ...] = (
    *WHOSE,
    CrfColumn(
        "measured_at",
        "start of the measurement, as the device had it",
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
    CrfColumn("body_site", "finger or knee", "", "body_site", lambda s: s.reading.body_site),
    CrfColumn("side", "left or right; blank where not recorded", "", "side", lambda s: s.reading.side),
    CrfColumn("status", "measured, censored or not_measurable", "", "result.status", _result("status")),
    CrfColumn(
        "reason",
        "why there is no number; blank unless status is not_measurable",
        "",
        "result.reason",
        _result("reason"),
    ),
    CrfColumn(
        "crt_s", f"capillary refill time, 90 % recovery; {_ONLY_MEASURED}", "s", "result.crt_s", _result("crt_s")
    ),
    CrfColumn(
        "crt_low_s", f"95 % interval of crt_s, low end; {_ONLY_MEASURED}", "s", "result.crt_ci95_s[0]", _interval(0)
    ),
    CrfColumn(
        "crt_high_s", f"95 % interval of crt_s, high end; {_ONLY_MEASURED}", "s", "result.crt_ci95_s[1]", _interval(1)
    ),
    CrfColumn(
        "crt_exceeds_s",
        "refill took longer than this; blank unless status is censored",
        "s",
        "result.crt_exceeds_s",
        _result("crt_exceeds_s"),
    ),
    CrfColumn("t50_s", "time to 50 % recovery; blank where not determined", "s", "result.t50_s", _result("t50_s")),
    CrfColumn(
        "crt_90_10_s",
        "end point 90 % to 10 %; blank where not determined",
        "s",
        "result.crt_90_10_s",
        _result("crt_90_10_s"),
    ),
    CrfColumn(
        "crt_100_10_s",
        "end point 100 % to 10 %; blank where not determined",
        "s",
        "result.crt_100_10_s",
        _result("crt_100_10_s"),
    ),
    CrfColumn(
        "tau_s",
        "time constant of the exponential fit, never compared with a threshold on crt_s; blank where not determined",
        "s",
        "result.tau_s",
        _result("tau_s"),
    ),
    CrfColumn(
        "delay_s",
        "dead time before refill starts; blank where not determined",
        "s",
        "result.delay_s",
        _result("delay_s"),
    ),
    CrfColumn(
        "overshoot",
        "peak above the refilled level, fraction of the step; blank where not determined",
        "1",
        "result.overshoot",
        _result("overshoot"),
    ),
    CrfColumn("presses", "number of presses made", "1", "presses", lambda s: len(s.reading.presses)),
    CrfColumn(
        "press_crt_s",
        "crt_s of each press in order, separated by semicolons; empty between them where a press has none",
        "s",
        "presses[].result.crt_s",
        lambda s: _presses(s.reading),
    ),
    CrfColumn(
        "crt_spread",
        "(largest - smallest) / median of the presses' crt_s; blank where not determined",
        "1",
        "crt_spread",
        lambda s: s.reading.crt_spread,
    ),
    CrfColumn("protocol", "protocol's name", "", "protocol.name", lambda s: s.reading.protocol.name),
    CrfColumn("protocol_version", "protocol's version", "", "protocol.version", lambda s: s.reading.protocol.version),
    CrfColumn(
        "protocol_sha256", "hash of the protocol's content", "", "protocol.sha256", lambda s: s.reading.protocol.sha256
    ),
    *ORIGIN,
)
"""The order of the columns is part of the format."""


def readings(connection: Connection, study: str) -> Iterator[Stored]:
    """Yield a study's readings, corrected, by site, subject as entered, time and id; raises `AlteredError`."""
    t = tables.reading.c
    made, said = corrections.of_study(connection, study), remarks.of_study(connection, study)
    query = select(t.reading_id, t.body, t.previous_sha256, t.sha256, t.sent_at, t.received_at).where(t.study == study)
    for row in connection.execute(query.order_by(t.site, t.inclusion, t.measured_at, t.reading_id)):
        if chain_sha256(row.previous_sha256, row.body) != row.sha256:
            raise AlteredError(f"reading {row.reading_id} is not as its device sealed it: nothing was exported")
        entry, mine = Reading.model_validate_json(row.body), made.get(row.reading_id, [])
        fields, of_it = tuple(sorted({each.field for each in mine})), said.get(row.reading_id, [])
        yield Stored(
            corrections.corrected(entry, mine),
            row.sha256,
            row.sent_at,
            row.received_at,
            fields,
            tuple(remarks.confirmed_by(of_it)),
            tuple(remarks.comments(of_it)),
        )


def export(engine: Engine, study: str, out: Path) -> int:
    """Write the CSV to `out` and its data dictionary beside it; return the number of rows.

    Each file appears whole or not at all. The export is noted in the audit trail with the hash of its content.
    Raises `AlteredError`, `OSError` and SQLAlchemy's errors.
    """
    with engine.connect() as connection:
        found = sorted(readings(connection, study), key=_subject)  # a corrected number moves its row to its subject
    return write_export(engine, out, COLUMNS, found, f"study {study}", "crf csv exported")


def _subject(stored: Stored) -> tuple[str, str]:
    return stored.reading.subject.site, stored.reading.subject.inclusion


def _presses(reading: Reading) -> str:
    return ";".join("" if p.result.crt_s is None else repr(p.result.crt_s) for p in reading.presses)
