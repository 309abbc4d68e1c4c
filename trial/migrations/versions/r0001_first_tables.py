"""The first tables: reading, press, dead letter, receipt, device status, audit; append-only triggers.

Written out in full: a migration tells what was, `trial.tables` tells what is, and a test compares the two.
"""

import sqlalchemy as sa
from alembic import op

from trial.append_only import statements
from trial.tables import UtcTime

revision = "r0001"
down_revision = None
branch_labels = None
depends_on = None

ROW_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def _refill_columns() -> list[sa.Column[float] | sa.Column[str]]:
    return [
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("reason", sa.String(40)),
        sa.Column("crt_s", sa.Double),
        sa.Column("crt_low_s", sa.Double),
        sa.Column("crt_high_s", sa.Double),
        sa.Column("crt_exceeds_s", sa.Double),
        sa.Column("t50_s", sa.Double),
        sa.Column("crt_90_10_s", sa.Double),
        sa.Column("crt_100_10_s", sa.Double),
        sa.Column("tau_s", sa.Double),
        sa.Column("delay_s", sa.Double),
        sa.Column("overshoot", sa.Double),
    ]


def _reading() -> None:
    op.create_table(
        "reading",
        sa.Column("id", ROW_ID, autoincrement=True),
        sa.Column("reading_id", sa.String(36), nullable=False),
        sa.Column("study", sa.String(63), nullable=False),
        sa.Column("site", sa.String(4), nullable=False),
        sa.Column("inclusion", sa.String(6), nullable=False),
        sa.Column("event", sa.String(63)),
        sa.Column("device", sa.String(63), nullable=False),
        sa.Column("device_seq", sa.BigInteger, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("previous_sha256", sa.String(64), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("body_site", sa.String(20), nullable=False),
        sa.Column("side", sa.String(20)),
        sa.Column("operator", sa.String(63)),
        sa.Column("simulated", sa.Boolean, nullable=False),
        sa.Column("calibration_id", sa.String(36)),
        sa.Column("protocol_name", sa.String(63), nullable=False),
        sa.Column("protocol_version", sa.Text, nullable=False),
        sa.Column("protocol_sha256", sa.String(64), nullable=False),
        sa.Column("software_version", sa.Text, nullable=False),
        sa.Column("algorithm_version", sa.Text, nullable=False),
        sa.Column("configuration_sha256", sa.String(64), nullable=False),
        *_refill_columns(),
        sa.Column("crt_spread", sa.Double),
        sa.Column("measured_at", UtcTime, nullable=False),
        sa.Column("clock_synchronised", sa.Boolean, nullable=False),
        sa.Column("boot_id", sa.String(36), nullable=False),
        sa.Column("boottime_ns", sa.BigInteger, nullable=False),
        sa.Column("sent_at", UtcTime, nullable=False),
        sa.Column("received_at", UtcTime, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_reading"),
        sa.UniqueConstraint("reading_id", name="uq_reading_reading_id"),
        sa.UniqueConstraint("study", "device", "device_seq", name="uq_reading_study_device_device_seq"),
    )
    op.create_index("ix_reading_study_site_inclusion", "reading", ["study", "site", "inclusion"])


def _press() -> None:
    op.create_table(
        "press",
        sa.Column("reading_id", sa.String(36), nullable=False),
        sa.Column("position", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        *_refill_columns(),
        sa.Column("target_kpa", sa.Double, nullable=False),
        sa.Column("mean_hold_kpa", sa.Double),
        sa.Column("hold_s", sa.Double),
        sa.Column("release_s", sa.Double),
        sa.Column("time_zero_from", sa.String(20)),
        sa.Column("blanch_step", sa.Double),
        sa.Column("baseline", sa.Double),
        sa.Column("frames", sa.BigInteger, nullable=False),
        sa.Column("frames_dropped", sa.BigInteger, nullable=False),
        sa.Column("trace_sha256", sa.String(64)),
        sa.PrimaryKeyConstraint("reading_id", "position", name="pk_press"),
        sa.ForeignKeyConstraint(["reading_id"], ["reading.reading_id"], name="fk_press_reading_id"),
    )


def _dead_letter() -> None:
    op.create_table(
        "dead_letter",
        sa.Column("id", ROW_ID, autoincrement=True),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("topic", sa.Text, nullable=False),
        sa.Column("payload", sa.LargeBinary, nullable=False),
        sa.Column("payload_bytes", sa.BigInteger, nullable=False),
        sa.Column("payload_sha256", sa.String(64), nullable=False),
        sa.Column("reason", sa.String(20), nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("study", sa.String(63)),
        sa.Column("site", sa.String(4)),
        sa.Column("device", sa.String(63)),
        sa.Column("reading_id", sa.String(36)),
        sa.Column("device_seq", sa.BigInteger),
        sa.Column("sha256", sa.String(64)),
        sa.Column("received_at", UtcTime, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_dead_letter"),
        sa.UniqueConstraint("fingerprint", name="uq_dead_letter_fingerprint"),
    )
    op.create_index("ix_dead_letter_study_device_device_seq", "dead_letter", ["study", "device", "device_seq"])


def _receipt() -> None:
    op.create_table(
        "receipt",
        sa.Column("id", ROW_ID, autoincrement=True),
        sa.Column("study", sa.String(63), nullable=False),
        sa.Column("site", sa.String(4), nullable=False),
        sa.Column("device", sa.String(63), nullable=False),
        sa.Column("reading_id", sa.String(36), nullable=False),
        sa.Column("device_seq", sa.BigInteger, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("outcome", sa.String(10), nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("received_at", UtcTime, nullable=False),
        sa.Column("issued_at", UtcTime, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_receipt"),
    )
    op.create_index("ix_receipt_reading_id", "receipt", ["reading_id"])


def _device_status() -> None:
    op.create_table(
        "device_status",
        sa.Column("study", sa.String(63), nullable=False),
        sa.Column("site", sa.String(4), nullable=False),
        sa.Column("device", sa.String(63), nullable=False),
        sa.Column("session_id", sa.String(36), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("at", UtcTime, nullable=False),
        sa.Column("software_version", sa.Text, nullable=False),
        sa.Column("unsent_readings", sa.BigInteger, nullable=False),
        sa.Column("problem", sa.Text),
        sa.Column("received_at", UtcTime, nullable=False),
        sa.PrimaryKeyConstraint("study", "site", "device", name="pk_device_status"),
    )


def _audit() -> None:
    op.create_table(
        "audit",
        sa.Column("id", ROW_ID, autoincrement=True),
        sa.Column("at", UtcTime, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("action", sa.String(40), nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
    )


def upgrade() -> None:
    """Make the tables and their triggers."""
    for table in (_reading, _press, _dead_letter, _receipt, _device_status, _audit):
        table()
    for statement in statements(op.get_context().dialect.name):
        op.execute(sa.text(statement.replace(":", r"\:")))
