"""The data managers' page: its accounts, and the indexes by which its lists and counts are answered."""

import sqlalchemy as sa
from alembic import op

from trial.append_only import SEVENTH, guards
from trial.tables import UtcTime

revision = "r0007"
down_revision = "r0006"
branch_labels = None
depends_on = None

ROW_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the table and its triggers."""
    op.create_table(
        "account",
        sa.Column("id", ROW_ID, autoincrement=True),
        sa.Column("study", sa.String(63), nullable=False),
        sa.Column("name", sa.String(16), nullable=False),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("site", sa.String(4)),
        sa.Column("action", sa.String(10), nullable=False),
        sa.Column("password_hash", sa.Text),
        sa.Column("at", UtcTime, nullable=False),
        sa.Column("actor", sa.String(63), nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_account"),
    )
    op.create_index("ix_account_study_name", "account", ["study", "name"])
    # By time for the lists; the others hold all that the overview counts, so that no reading's text is read for it.
    op.create_index("ix_reading_study_measured_at_reading_id", "reading", ["study", "measured_at", "reading_id"])
    op.create_index("ix_mottling_study_measured_at_reading_id", "mottling", ["study", "measured_at", "reading_id"])
    counted = ["study", "site", "inclusion", "status", "measured_at", "received_at"]
    op.create_index("ix_reading_counted", "reading", counted)
    pooled = ["study", "event", "body_site", "site", "crt_s", "crt_exceeds_s"]
    op.create_index("ix_reading_pooled", "reading", pooled)
    for statement in guards(op.get_context().dialect.name, SEVENTH):
        op.execute(sa.text(statement.replace(":", r"\:")))
