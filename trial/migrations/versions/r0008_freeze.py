"""What is frozen: sites and subjects whose data people no longer change."""

import sqlalchemy as sa
from alembic import op

from trial.append_only import EIGHTH, guards
from trial.tables import UtcTime

revision = "r0008"
down_revision = "r0007"
branch_labels = None
depends_on = None

ROW_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the table and its triggers."""
    op.create_table(
        "data_freeze",
        sa.Column("id", ROW_ID, autoincrement=True),
        sa.Column("study", sa.String(63), nullable=False),
        sa.Column("site", sa.String(4), nullable=False),
        sa.Column("inclusion", sa.String(6)),
        sa.Column("action", sa.String(10), nullable=False),
        sa.Column("at", UtcTime, nullable=False),
        sa.Column("actor", sa.String(63), nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_data_freeze"),
    )
    op.create_index("ix_data_freeze_study_site", "data_freeze", ["study", "site"])
    for statement in guards(op.get_context().dialect.name, EIGHTH):
        op.execute(sa.text(statement.replace(":", r"\:")))
