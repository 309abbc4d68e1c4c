"""What a bedside added to a reading later, and what was decided of it."""

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, String, Table, Text

from trial.tables.base import ROW_ID, UtcTime, metadata

amendment = Table(
    "amendment",
    metadata,
    Column("id", ROW_ID, primary_key=True, autoincrement=True),
    Column("reading_id", ForeignKey("record.reading_id"), nullable=False, unique=True),
    Column("about", String(36), nullable=False),
    Column("body", Text, nullable=False),
    Column("action", String(10), nullable=False),
    Column("mottling_score", Integer),
    Column("comment", String(40)),
    Column("why", String(40)),
    Column("operator", String(63), nullable=False),
    Column("problem", Text),
    Column("measured_at", UtcTime, nullable=False),
    Column("clock_synchronised", Boolean, nullable=False),
    Column("sent_at", UtcTime, nullable=False),
    Index(None, "about"),
)
"""No key holds `about`: what it is about may come later. `problem` is why the study does not know a value of its."""

amendment_change = Table(
    "amendment_change",
    metadata,
    Column("reading_id", ForeignKey("amendment.reading_id"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("field", String(40), nullable=False),
    Column("old_value", Text),
    Column("new_value", Text),
)

amendment_decision = Table(
    "amendment_decision",
    metadata,
    Column("id", ROW_ID, primary_key=True, autoincrement=True),
    Column("amendment", ForeignKey("amendment.reading_id"), nullable=False, unique=True),
    Column("at", UtcTime, nullable=False),
    Column("actor", String(63), nullable=False),
    Column("why", Text, nullable=False),
)
