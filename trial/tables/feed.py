"""The feed itself: what was refused, receipted or played again, devices and their certificates, places in the CRF."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from trial.tables.base import ROW_ID, UtcTime, metadata

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
