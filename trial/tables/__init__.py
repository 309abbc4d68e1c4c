"""The trial database's tables, for SQLite and PostgreSQL alike.

`record` has one row for everything that came in, whatever its kind: its place in its device's count and its hashes.
The record itself stands in the table of its kind (`reading`, `mottling`, `amendment`): `body` is its text, byte for
byte; the other columns are copies of what is queried. All tables but `device_status` are append-only, held by triggers
(`trial.append_only`). Times are UTC. A table stands with those of its purpose: what devices measured (`records`), what
a bedside added (`amendments`), the feed (`feed`), people (`people`); use them from here.
"""

from trial.tables.amendments import amendment, amendment_change, amendment_decision
from trial.tables.base import NAMES, ROW_ID, UtcTime, metadata
from trial.tables.feed import (
    certificate,
    certificate_receipt,
    dead_letter,
    device_status,
    enrolment,
    feed_instance,
    receipt,
    replay,
)
from trial.tables.people import account, audit, correction, data_freeze, missing_reason, query, query_event
from trial.tables.records import mottling, press, press_trace, reading, record

__all__ = [
    "APPEND_ONLY",
    "NAMES",
    "ROW_ID",
    "UtcTime",
    "account",
    "amendment",
    "amendment_change",
    "amendment_decision",
    "audit",
    "certificate",
    "certificate_receipt",
    "correction",
    "data_freeze",
    "dead_letter",
    "device_status",
    "enrolment",
    "feed_instance",
    "metadata",
    "missing_reason",
    "mottling",
    "press",
    "press_trace",
    "query",
    "query_event",
    "reading",
    "receipt",
    "record",
    "replay",
]

APPEND_ONLY = (
    *("record", "reading", "press", "mottling", "amendment", "amendment_change", "amendment_decision", "dead_letter"),
    *("receipt", "audit", "enrolment", "account", "replay", "correction", "feed_instance"),
    *("query", "query_event", "missing_reason", "data_freeze", "certificate", "certificate_receipt", "press_trace"),
)
