"""The devices' calibration certificates, and the receipts for them."""

import sqlalchemy as sa
from alembic import op

from trial.append_only import NINTH, guards
from trial.tables import UtcTime

revision = "r0009"
down_revision = "r0008"
branch_labels = None
depends_on = None

ROW_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the tables and their triggers."""
    op.create_table(
        "certificate",
        sa.Column("id", ROW_ID, autoincrement=True),
        sa.Column("study", sa.String(63), nullable=False),
        sa.Column("certificate_id", sa.String(36), nullable=False),
        sa.Column("site", sa.String(4), nullable=False),
        sa.Column("device", sa.String(63), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("public_key", sa.String(44), nullable=False),
        sa.Column("signature", sa.String(88), nullable=False),
        sa.Column("previous_certificate_id", sa.String(36)),
        sa.Column("operator", sa.String(63), nullable=False),
        sa.Column("simulated", sa.Boolean, nullable=False),
        sa.Column("failed_steps", sa.Text, nullable=False),
        sa.Column("missing_steps", sa.Text, nullable=False),
        sa.Column("configuration_sha256", sa.String(64), nullable=False),
        sa.Column("software_version", sa.Text, nullable=False),
        sa.Column("made_at", UtcTime, nullable=False),
        sa.Column("due_at", UtcTime, nullable=False),
        sa.Column("sent_at", UtcTime, nullable=False),
        sa.Column("received_at", UtcTime, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_certificate"),
        sa.UniqueConstraint(*("study", "device", "certificate_id"), name="uq_certificate_study_device_certificate_id"),
    )
    op.create_index("ix_certificate_study_device", "certificate", ["study", "device"])
    op.create_table(
        "certificate_receipt",
        sa.Column("id", ROW_ID, autoincrement=True),
        sa.Column("study", sa.String(63), nullable=False),
        sa.Column("site", sa.String(4), nullable=False),
        sa.Column("device", sa.String(63), nullable=False),
        sa.Column("certificate_id", sa.String(36), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("outcome", sa.String(10), nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("received_at", UtcTime, nullable=False),
        sa.Column("issued_at", UtcTime, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_certificate_receipt"),
    )
    op.create_index("ix_certificate_receipt_certificate_id", "certificate_receipt", ["certificate_id"])
    for statement in guards(op.get_context().dialect.name, NINTH):
        op.execute(sa.text(statement.replace(":", r"\:")))
