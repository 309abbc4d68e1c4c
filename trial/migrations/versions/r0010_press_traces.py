"""The traces of presses, brought from the devices' journals."""

import sqlalchemy as sa
from alembic import op

from trial.append_only import TENTH, guards
from trial.tables import UtcTime

revision = "r0010"
down_revision = "r0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table and its triggers."""
    op.create_table(
        "press_trace",
        sa.Column("reading_id", sa.String(36), nullable=False),
        sa.Column("number", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("packed", sa.LargeBinary, nullable=False),
        sa.Column("export_sha256", sa.String(64), nullable=False),
        sa.Column("at", UtcTime, nullable=False),
        sa.Column("actor", sa.String(63), nullable=False),
        sa.PrimaryKeyConstraint("reading_id", "number", name="pk_press_trace"),
        sa.ForeignKeyConstraint(["reading_id"], ["reading.reading_id"], name="fk_press_trace_reading_id"),
    )
    for statement in guards(op.get_context().dialect.name, TENTH):
        op.execute(sa.text(statement.replace(":", r"\:")))
