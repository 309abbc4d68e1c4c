"""What people do: enrolment of devices, replay of dead letters, correction of entries; append-only triggers."""

import sqlalchemy as sa
from alembic import op

from trial.append_only import SECOND, guards
from trial.tables import UtcTime

revision = "r0002"
down_revision = "r0001"
branch_labels = None
depends_on = None

ROW_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def _enrolment() -> None:
    op.create_table(
        "enrolment",
        sa.Column("id", ROW_ID, autoincrement=True),
        sa.Column("study", sa.String(63), nullable=False),
        sa.Column("site", sa.String(4), nullable=False),
        sa.Column("device", sa.String(63), nullable=False),
        sa.Column("action", sa.String(10), nullable=False),
        sa.Column("certificate_sha256", sa.String(64)),
        sa.Column("at", UtcTime, nullable=False),
        sa.Column("actor", sa.String(63), nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_enrolment"),
    )
    op.create_index("ix_enrolment_study_device", "enrolment", ["study", "device"])


def _replay() -> None:
    op.create_table(
        "replay",
        sa.Column("id", ROW_ID, autoincrement=True),
        sa.Column("dead_letter_id", ROW_ID, nullable=False),
        sa.Column("reading_id", sa.String(36), nullable=False),
        sa.Column("outcome", sa.String(10), nullable=False),
        sa.Column("at", UtcTime, nullable=False),
        sa.Column("actor", sa.String(63), nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_replay"),
        sa.UniqueConstraint("dead_letter_id", name="uq_replay_dead_letter_id"),
        sa.ForeignKeyConstraint(["dead_letter_id"], ["dead_letter.id"], name="fk_replay_dead_letter_id"),
        sa.ForeignKeyConstraint(["reading_id"], ["reading.reading_id"], name="fk_replay_reading_id"),
    )


def _correction() -> None:
    op.create_table(
        "correction",
        sa.Column("id", ROW_ID, autoincrement=True),
        sa.Column("reading_id", sa.String(36), nullable=False),
        sa.Column("field", sa.String(40), nullable=False),
        sa.Column("old_value", sa.Text),
        sa.Column("new_value", sa.Text),
        sa.Column("supersedes", ROW_ID),
        sa.Column("at", UtcTime, nullable=False),
        sa.Column("actor", sa.String(63), nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_correction"),
        sa.UniqueConstraint("supersedes", name="uq_correction_supersedes"),
        sa.ForeignKeyConstraint(["reading_id"], ["reading.reading_id"], name="fk_correction_reading_id"),
        sa.ForeignKeyConstraint(["supersedes"], ["correction.id"], name="fk_correction_supersedes"),
    )
    op.create_index("ix_correction_reading_id", "correction", ["reading_id"])


def upgrade() -> None:
    """Make the tables and their triggers."""
    for table in (_enrolment, _replay, _correction):
        table()
    for statement in guards(op.get_context().dialect.name, SECOND):
        op.execute(sa.text(statement.replace(":", r"\:")))
