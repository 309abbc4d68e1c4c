"""The trial database's tables, for SQLite and PostgreSQL alike.

`record` has one row for everything that came in, whatever its kind: its place in its device's count and its hashes.
The record itself stands in the table of its kind (`reading`, `mottling`, `amendment`): `body` is its text, byte for
byte; the other columns are copies of what is queried. All tables but `device_status` are append-only, held by triggers
(`trial.append_only`). Times are UTC.
"""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)


class UtcTime(TypeDecorator[datetime]):
    """An unambiguous time: `timestamptz` in PostgreSQL; in SQLite, which has none, UTC without its offset.

    A time without offset is refused on the way in; what comes out always carries UTC.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Return the time in UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without offset cannot be stored")
        return value.astimezone(UTC)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Return the time with UTC attached."""
        if value is None:
            return None
        moment: datetime = value
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
metadata = MetaData(naming_convention=NAMES)
ROW_ID = BigInteger().with_variant(Integer, "sqlite")


def _refill_columns() -> list[Column[Any]]:
    """Return the columns of one refill result, the same for a reading and for a press."""
    return [
        Column("status", String(20), nullable=False),
        Column("reason", String(40)),
        Column("crt_s", Double),
        Column("crt_low_s", Double),
        Column("crt_high_s", Double),
        Column("crt_exceeds_s", Double),
        Column("t50_s", Double),
        Column("crt_90_10_s", Double),
        Column("crt_100_10_s", Double),
        Column("tau_s", Double),
        Column("delay_s", Double),
        Column("overshoot", Double),
    ]


record = Table(
    "record",
    metadata,
    Column("id", ROW_ID, primary_key=True, autoincrement=True),
    Column("reading_id", String(36), nullable=False, unique=True),
    Column("study", String(63), nullable=False),
    Column("site", String(4), nullable=False),
    Column("device", String(63), nullable=False),
    Column("device_seq", BigInteger, nullable=False),
    Column("kind", String(10), nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("previous_sha256", String(64), nullable=False),
    Column("received_at", UtcTime, nullable=False),
    UniqueConstraint("study", "device", "device_seq"),
)

reading = Table(
    "reading",
    metadata,
    Column("id", ROW_ID, primary_key=True, autoincrement=True),
    Column("reading_id", String(36), nullable=False, unique=True),
    Column("study", String(63), nullable=False),
    Column("site", String(4), nullable=False),
    Column("inclusion", String(6), nullable=False),
    Column("event", String(63)),
    Column("device", String(63), nullable=False),
    Column("device_seq", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("previous_sha256", String(64), nullable=False),
    Column("body", Text, nullable=False),
    Column("body_site", String(20), nullable=False),
    Column("side", String(20)),
    Column("operator", String(63)),
    Column("simulated", Boolean, nullable=False),
    Column("calibration_id", String(36)),
    Column("protocol_name", String(63), nullable=False),
    Column("protocol_version", Text, nullable=False),
    Column("protocol_sha256", String(64), nullable=False),
    Column("software_version", Text, nullable=False),
    Column("algorithm_version", Text, nullable=False),
    Column("configuration_sha256", String(64), nullable=False),
    *_refill_columns(),
    Column("crt_spread", Double),
    Column("measured_at", UtcTime, nullable=False),
    Column("clock_synchronised", Boolean, nullable=False),
    Column("boot_id", String(36), nullable=False),
    Column("boottime_ns", BigInteger, nullable=False),
    Column("sent_at", UtcTime, nullable=False),
    Column("received_at", UtcTime, nullable=False),
    UniqueConstraint("study", "device", "device_seq"),
    Index(None, "study", "site", "inclusion"),
    Index(None, "study", "measured_at", "reading_id"),
    Index("ix_reading_counted", "study", "site", "inclusion", "status", "measured_at", "received_at"),
    Index("ix_reading_pooled", "study", "event", "body_site", "site", "crt_s", "crt_exceeds_s"),
)

press = Table(
    "press",
    metadata,
    Column("reading_id", ForeignKey("reading.reading_id"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("number", BigInteger, nullable=False),
    *_refill_columns(),
    Column("target_kpa", Double, nullable=False),
    Column("mean_hold_kpa", Double),
    Column("hold_s", Double),
    Column("release_s", Double),
    Column("time_zero_from", String(20)),
    Column("blanch_step", Double),
    Column("baseline", Double),
    Column("frames", BigInteger, nullable=False),
    Column("frames_dropped", BigInteger, nullable=False),
    Column("trace_sha256", String(64)),
)

press_trace = Table(
    "press_trace",
    metadata,
    Column("reading_id", ForeignKey("reading.reading_id"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("sha256", String(64), nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("packed", LargeBinary, nullable=False),
    Column("export_sha256", String(64), nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("actor", String(63), nullable=False),
)
"""The trace of a press, brought here in the export of a device's journal. `packed` is the text that the device hashed,
by zlib; `sha256` and `bytes` are of the text. Which export, when and by whom: a reading may be frozen already."""

mottling = Table(
    "mottling",
    metadata,
    Column("id", ROW_ID, primary_key=True, autoincrement=True),
    Column("reading_id", ForeignKey("record.reading_id"), nullable=False, unique=True),
    Column("study", String(63), nullable=False),
    Column("site", String(4), nullable=False),
    Column("inclusion", String(6), nullable=False),
    Column("event", String(63)),
    Column("body", Text, nullable=False),
    Column("side", String(20)),
    Column("operator", String(63)),
    Column("simulated", Boolean, nullable=False),
    Column("calibration_id", String(36)),
    Column("software_version", Text, nullable=False),
    Column("algorithm_version", Text, nullable=False),
    Column("configuration_sha256", String(64), nullable=False),
    Column("status", String(20), nullable=False),
    Column("reason", String(40)),
    Column("score", Integer),
    Column("max_supported", Integer),
    Column("at_least", Boolean, nullable=False),
    Column("confidence", Double),
    Column("knee_centre", Double),
    Column("knee", Double),
    Column("lower_thigh", Double),
    Column("upper_thigh", Double),
    Column("beyond_groin", Double),
    Column("mottled_area_cm2", Double),
    Column("mm_per_px", Double),
    Column("photo_sha256", String(64)),
    Column("photo_from", String(10), nullable=False),
    Column("measured_at", UtcTime, nullable=False),
    Column("clock_synchronised", Boolean, nullable=False),
    Column("boot_id", String(36), nullable=False),
    Column("boottime_ns", BigInteger, nullable=False),
    Column("sent_at", UtcTime, nullable=False),
    Index(None, "study", "measured_at", "reading_id"),
    Index(None, "study", "site", "inclusion"),
)

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

dead_letter = Table(
    "dead_letter",
    metadata,
    Column("id", ROW_ID, primary_key=True, autoincrement=True),
    Column("fingerprint", String(64), nullable=False, unique=True),
    Column("topic", Text, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("payload_bytes", BigInteger, nullable=False),
    Column("payload_sha256", String(64), nullable=False),
    Column("reason", String(20), nullable=False),
    Column("detail", Text, nullable=False),
    Column("study", String(63)),
    Column("site", String(4)),
    Column("device", String(63)),
    Column("reading_id", String(36)),
    Column("device_seq", BigInteger),
    Column("sha256", String(64)),
    Column("received_at", UtcTime, nullable=False),
    Index(None, "study", "device", "device_seq"),
)

receipt = Table(
    "receipt",
    metadata,
    Column("id", ROW_ID, primary_key=True, autoincrement=True),
    Column("study", String(63), nullable=False),
    Column("site", String(4), nullable=False),
    Column("device", String(63), nullable=False),
    Column("reading_id", String(36), nullable=False),
    Column("device_seq", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("outcome", String(10), nullable=False),
    Column("reason", Text),
    Column("received_at", UtcTime, nullable=False),
    Column("issued_at", UtcTime, nullable=False),
    Index(None, "reading_id"),
)

certificate = Table(
    "certificate",
    metadata,
    Column("id", ROW_ID, primary_key=True, autoincrement=True),
    Column("study", String(63), nullable=False),
    Column("certificate_id", String(36), nullable=False),
    Column("site", String(4), nullable=False),
    Column("device", String(63), nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("body", Text, nullable=False),
    Column("public_key", String(44), nullable=False),
    Column("signature", String(88), nullable=False),
    Column("previous_certificate_id", String(36)),
    Column("operator", String(63), nullable=False),
    Column("simulated", Boolean, nullable=False),
    Column("failed_steps", Text, nullable=False),
    Column("missing_steps", Text, nullable=False),
    Column("configuration_sha256", String(64), nullable=False),
    Column("software_version", Text, nullable=False),
    Column("made_at", UtcTime, nullable=False),
    Column("due_at", UtcTime, nullable=False),
    Column("sent_at", UtcTime, nullable=False),
    Column("received_at", UtcTime, nullable=False),
    UniqueConstraint("study", "device", "certificate_id"),
    Index(None, "study", "device"),
)
"""Certificates of devices, each as it was signed: `body` is the text, byte for byte. Study and site are those that it
was sent to. `failed_steps` and `missing_steps` are names with a comma between them, as judged when it came in."""

certificate_receipt = Table(
    "certificate_receipt",
    metadata,
    Column("id", ROW_ID, primary_key=True, autoincrement=True),
    Column("study", String(63), nullable=False),
    Column("site", String(4), nullable=False),
    Column("device", String(63), nullable=False),
    Column("certificate_id", String(36), nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("outcome", String(10), nullable=False),
    Column("reason", Text),
    Column("received_at", UtcTime, nullable=False),
    Column("issued_at", UtcTime, nullable=False),
    Index(None, "certificate_id"),
)

device_status = Table(
    "device_status",
    metadata,
    Column("study", String(63), primary_key=True),
    Column("site", String(4), primary_key=True),
    Column("device", String(63), primary_key=True),
    Column("session_id", String(36), nullable=False),
    Column("state", String(10), nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("software_version", Text, nullable=False),
    Column("unsent_readings", BigInteger, nullable=False),
    Column("problem", Text),
    Column("received_at", UtcTime, nullable=False),
)

audit = Table(
    "audit",
    metadata,
    Column("id", ROW_ID, primary_key=True, autoincrement=True),
    Column("at", UtcTime, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", String(40), nullable=False),
    Column("detail", Text, nullable=False),
)

enrolment = Table(
    "enrolment",
    metadata,
    Column("id", ROW_ID, primary_key=True, autoincrement=True),
    Column("study", String(63), nullable=False),
    Column("site", String(4), nullable=False),
    Column("device", String(63), nullable=False),
    Column("action", String(10), nullable=False),
    Column("certificate_sha256", String(64)),
    Column("at", UtcTime, nullable=False),
    Column("actor", String(63), nullable=False),
    Column("why", Text, nullable=False),
    Index(None, "study", "device"),
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

replay = Table(
    "replay",
    metadata,
    Column("id", ROW_ID, primary_key=True, autoincrement=True),
    Column("dead_letter_id", ForeignKey("dead_letter.id"), nullable=False, unique=True),
    Column("reading_id", ForeignKey("record.reading_id"), nullable=False),
    Column("outcome", String(10), nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("actor", String(63), nullable=False),
    Column("why", Text, nullable=False),
)

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

feed_instance = Table(
    "feed_instance",
    metadata,
    Column("id", ROW_ID, primary_key=True, autoincrement=True),
    Column("study", String(63), nullable=False),
    Column("route", String(10), nullable=False),
    Column("site", String(4), nullable=False),
    Column("inclusion", String(6), nullable=False),
    Column("event", String(63), nullable=False),
    Column("form", String(10), nullable=False),
    Column("instance", Integer, nullable=False),
    Column("reading_id", ForeignKey("record.reading_id"), nullable=False),
    Column("at", UtcTime, nullable=False),
    # PostgreSQL would cut the usual names: they are longer than 63 characters.
    UniqueConstraint(
        *("study", "route", "site", "inclusion", "event", "form", "instance"), name="uq_feed_instance_number"
    ),
    UniqueConstraint(
        *("study", "route", "site", "inclusion", "event", "form", "reading_id"), name="uq_feed_instance_reading"
    ),
    Index(None, "reading_id"),
)
"""Which repeat of a form a reading is in the CRF, for ever: a number is given once, and never to another reading.
`event` is "" where none was chosen. A reading that a correction moves gets a second row, at its new place."""

APPEND_ONLY = (
    *("record", "reading", "press", "mottling", "amendment", "amendment_change", "amendment_decision", "dead_letter"),
    *("receipt", "audit", "enrolment", "account", "replay", "correction", "feed_instance"),
    *("query", "query_event", "missing_reason", "data_freeze", "certificate", "certificate_receipt", "press_trace"),
)
