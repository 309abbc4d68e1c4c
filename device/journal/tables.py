"""The main fields of each record, for a spreadsheet: one table for each kind. The records themselves are the source."""

from collections.abc import Mapping

from contract.amendment import Amendment
from contract.mottling import MottlingReading
from contract.reading import Reading
from contract.records import AnyRecord
from contract.source import Source

Row = dict[str, object]

WHOSE: tuple[str, ...] = (
    *("device_seq", "reading_id", "measured_at", "clock_synchronised", "study", "site", "inclusion", "event"),
)
READINGS: tuple[str, ...] = (
    *WHOSE,
    *("body_site", "side", "operator", "protocol", "simulated", "status", "reason", "crt_s", "crt_low_s", "crt_high_s"),
    *("crt_exceeds_s", "crt_spread", "presses"),
)
MOTTLING: tuple[str, ...] = (
    *WHOSE,
    *("side", "operator", "simulated", "status", "reason", "score", "max_supported", "at_least", "confidence"),
    *("mottled_area_cm2", "photo_sha256"),
)
AMENDMENTS: tuple[str, ...] = (
    *WHOSE,
    *("operator", "simulated", "about", "action", "mottling_score", "comment", "why", "changes"),
    *("stopwatch_s", "before_number"),
)
ADDED_LATER: frozenset[str] = frozenset({"stopwatch_s", "before_number"})
"""Columns that an export of older software goes without."""
TABLES: dict[str, tuple[str, ...]] = {
    "readings.csv": READINGS,
    "mottling.csv": MOTTLING,
    "amendments.csv": AMENDMENTS,
}
"""Files of an export and their columns."""


def table_of(record: AnyRecord) -> str:
    """Return the file in which a record has its row."""
    if isinstance(record, Reading):
        return "readings.csv"
    return "mottling.csv" if isinstance(record, MottlingReading) else "amendments.csv"


def main_fields(record: AnyRecord) -> Row:
    """Return the fields of a record that a person looks for in a table, in the table's order; None is an empty cell."""
    if isinstance(record, Reading):
        found = _reading(record)
    elif isinstance(record, MottlingReading):
        found = _mottling(record)
    else:
        found = _amendment(record)
    return {name: found[name] for name in TABLES[table_of(record)]}


def cells(row: Mapping[str, object]) -> dict[str, str]:
    """Return a row as a CSV file gives it back."""
    return {name: "" if value is None else str(value) for name, value in row.items()}


def _whose(record: Source) -> Row:
    return {
        "device_seq": record.device_seq,
        "reading_id": str(record.reading_id),
        "measured_at": record.measured.at.isoformat(),
        "clock_synchronised": record.measured.clock_synchronised,
        "study": record.study,
        "site": record.subject.site,
        "inclusion": record.subject.inclusion,
        "event": record.event,
        "side": record.side.value if record.side else None,
        "operator": record.operator,
        "simulated": record.simulated,
    }


def _reading(reading: Reading) -> Row:
    result = reading.result
    low_s, high_s = result.crt_ci95_s or (None, None)
    return _whose(reading) | {
        "body_site": reading.body_site.value,
        "protocol": reading.protocol.name,
        "status": result.status.value,
        "reason": result.reason.value if result.reason else None,
        "crt_s": result.crt_s,
        "crt_low_s": low_s,
        "crt_high_s": high_s,
        "crt_exceeds_s": result.crt_exceeds_s,
        "crt_spread": reading.crt_spread,
        "presses": len(reading.presses),
    }


def _mottling(reading: MottlingReading) -> Row:
    result = reading.result
    return _whose(reading) | {
        "status": result.status,
        "reason": result.reason.value if result.reason else None,
        "score": result.score,
        "max_supported": result.max_supported,
        "at_least": result.at_least,
        "confidence": result.confidence,
        "mottled_area_cm2": result.mottled_area_cm2,
        "photo_sha256": reading.photo_sha256,
    }


def _amendment(amendment: Amendment) -> Row:
    changes = [f"{each.field}: {each.old or '-'} > {each.new or '-'}" for each in amendment.changes]
    return _whose(amendment) | {
        "about": str(amendment.about),
        "action": amendment.action,
        "mottling_score": amendment.mottling_score,
        "comment": amendment.comment.value if amendment.comment else None,
        "why": amendment.why.value if amendment.why else None,
        "changes": "; ".join(changes) or None,
        "stopwatch_s": amendment.stopwatch_s,
        "before_number": amendment.before_number,
    }
