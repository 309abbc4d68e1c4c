"""Queries, what was said about each, and coded reasons for readings that are missing; append-only triggers."""

import sqlalchemy as sa
from alembic import op

from trial.append_only import FIFTH, guards
from trial.tables import UtcTime

revision = "r0005"
down_revision = "r0004"
branch_labels = None
depends_on = None

ROW_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the tables and their triggers."""
    op.create_table(
        "query",
        sa.Column("id", ROW_ID, autoincrement=True),
        sa.Column("study", sa.String(63), nullable=False),
        sa.Column("site", sa.String(4), nullable=False),
        sa.Column("stable_key", sa.String(160), nullable=False),
        sa.Column("code", sa.String(40), nullable=False),
        sa.Column("inclusion", sa.String(6)),
        sa.Column("reading_id", sa.String(36)),
        sa.Column("question", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_query"),
        sa.UniqueConstraint("study", "stable_key", name="uq_query_study_stable_key"),
    )
    op.create_index("ix_query_study_site", "query", ["study", "site"])
    op.create_table(
        "query_event",
        sa.Column("id", ROW_ID, autoincrement=True),
        sa.Column("query_id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), nullable=False),
        sa.Column("action", sa.String(10), nullable=False),
        sa.Column("at", UtcTime, nullable=False),
        sa.Column("actor", sa.String(63), nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_query_event"),
        sa.ForeignKeyConstraint(["query_id"], ["query.id"], name="fk_query_event_query_id"),
    )
    op.create_index("ix_query_event_query_id", "query_event", ["query_id"])
    op.create_table(
        "missing_reason",
        sa.Column("id", ROW_ID, autoincrement=True),
        sa.Column("study", sa.String(63), nullable=False),
        sa.Column("site", sa.String(4), nullable=False),
        sa.Column("inclusion", sa.String(6), nullable=False),
        sa.Column("event", sa.String(63), nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("code", sa.String(40), nullable=False),
        sa.Column("at", UtcTime, nullable=False),
        sa.Column("actor", sa.String(63), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_missing_reason"),
    )
    op.create_index("ix_missing_reason_study_site", "missing_reason", ["study", "site"])
    for statement in guards(op.get_context().dialect.name, FIFTH):
        op.execute(sa.text(statement.replace(":", r"\:")))
