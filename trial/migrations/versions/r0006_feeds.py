"""Repeat numbers of readings in the case report form; append-only triggers."""

import sqlalchemy as sa
from alembic import op

from trial.append_only import SIXTH, guards
from trial.tables import UtcTime

revision = "r0006"
down_revision = "r0005"
branch_labels = None
depends_on = None

ROW_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")
PLACE = ("study", "route", "site", "inclusion", "event", "form")


def upgrade() -> None:
    """Make the table and its triggers."""
    op.create_table(
        "feed_instance",
        sa.Column("id", ROW_ID, autoincrement=True),
        sa.Column("study", sa.String(63), nullable=False),
        sa.Column("route", sa.String(10), nullable=False),
        sa.Column("site", sa.String(4), nullable=False),
        sa.Column("inclusion", sa.String(6), nullable=False),
        sa.Column("event", sa.String(63), nullable=False),
        sa.Column("form", sa.String(10), nullable=False),
        sa.Column("instance", sa.Integer, nullable=False),
        sa.Column("reading_id", sa.String(36), nullable=False),
        sa.Column("at", UtcTime, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_feed_instance"),
        sa.ForeignKeyConstraint(["reading_id"], ["record.reading_id"], name="fk_feed_instance_reading_id"),
        sa.UniqueConstraint(*PLACE, "instance", name="uq_feed_instance_number"),
        sa.UniqueConstraint(*PLACE, "reading_id", name="uq_feed_instance_reading"),
    )
    op.create_index("ix_feed_instance_reading_id", "feed_instance", ["reading_id"])
    for statement in guards(op.get_context().dialect.name, SIXTH):
        op.execute(sa.text(statement.replace(":", r"\:")))
