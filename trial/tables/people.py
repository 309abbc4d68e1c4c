"""What people do at the trial: accounts, the audit trail, corrections, queries, reasons, freezes."""

from sqlalchemy import Column, ForeignKey, Index, String, Table, Text, UniqueConstraint

from trial.tables.base import ROW_ID, UtcTime, metadata

audit = Table(
    "audit",
    metadata,
    Column("id", ROW_ID, primary_key=True, autoincrement=True),
    Column("at", UtcTime, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", String(40), nullable=False),
    Column("detail", Text, nullable=False),
)

account = Table(
    "account",
    metadata,
    Column("id", ROW_ID, primary_key=True, autoincrement=True),
    Column("study", String(63), nullable=False),
    Column("name", String(16), nullable=False),
    Column("role", String(20), nullable=False),
    Column("site", String(4)),
    Column("action", String(10), nullable=False),
    Column("password_hash", Text),
    Column("at", UtcTime, nullable=False),
    Column("actor", String(63), nullable=False),
    Column("why", Text, nullable=False),
    Index(None, "study", "name"),
)

data_freeze = Table(
    "data_freeze",
    metadata,
    Column("id", ROW_ID, primary_key=True, autoincrement=True),
    Column("study", String(63), nullable=False),
    Column("site", String(4), nullable=False),
    Column("inclusion", String(6)),
    Column("action", String(10), nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("actor", String(63), nullable=False),
    Column("why", Text, nullable=False),
    Index(None, "study", "site"),
)
"""What people no longer change: a subject, or a whole site where `inclusion` is null; the last word of each stands."""

correction = Table(
    "correction",
    metadata,
    Column("id", ROW_ID, primary_key=True, autoincrement=True),
    Column("reading_id", ForeignKey("record.reading_id"), nullable=False),
    Column("field", String(40), nullable=False),
    Column("old_value", Text),
    Column("new_value", Text),
    Column("supersedes", ForeignKey("correction.id"), unique=True),
    Column("at", UtcTime, nullable=False),
    Column("actor", String(127), nullable=False),
    Column("why", Text, nullable=False),
    Column("amendment", ForeignKey("amendment.reading_id")),
    UniqueConstraint("amendment", "field"),
    Index(None, "reading_id"),
)
"""`amendment` is the record of the bedside that it comes from; null where it was made here. The actor is then
operator@device, else a code."""

query = Table(
    "query",
    metadata,
    Column("id", ROW_ID, primary_key=True, autoincrement=True),
    Column("study", String(63), nullable=False),
    Column("site", String(4), nullable=False),
    Column("stable_key", String(160), nullable=False),
    Column("code", String(40), nullable=False),
    Column("inclusion", String(6)),
    Column("reading_id", String(36)),
    Column("question", Text, nullable=False),
    UniqueConstraint("study", "stable_key"),
    Index(None, "study", "site"),
)
"""A question about data. `stable_key` says what it is about: the same finding never asks twice."""

query_event = Table(
    "query_event",
    metadata,
    Column("id", ROW_ID, primary_key=True, autoincrement=True),
    Column("query_id", ForeignKey("query.id"), nullable=False),
    Column("action", String(10), nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("actor", String(63), nullable=False),
    Column("why", Text, nullable=False),
    Index(None, "query_id"),
)

missing_reason = Table(
    "missing_reason",
    metadata,
    Column("id", ROW_ID, primary_key=True, autoincrement=True),
    Column("study", String(63), nullable=False),
    Column("site", String(4), nullable=False),
    Column("inclusion", String(6), nullable=False),
    Column("event", String(63), nullable=False),
    Column("kind", String(10), nullable=False),
    Column("code", String(40), nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("actor", String(63), nullable=False),
    Index(None, "study", "site"),
)
"""Why an expected reading is missing, as a person coded it; the last one stands."""
