"""Records of three kinds: what came in, mottling readings, amendments; corrections that come from the bedside.

`record` gets a row for every reading that is there. Replays and corrections may be of any kind of record from now on:
SQLite cannot change a foreign key, so there the two tables are made anew, with every row and their guards.
"""

import sqlalchemy as sa
from alembic import op

from trial.append_only import REBUILT, THIRD, belonging, guards
from trial.tables import UtcTime

revision = "r0003"
down_revision = "r0002"
branch_labels = None
depends_on = None

ROW_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def _record() -> None:
    op.create_table(
        "record",
        sa.Column("id", ROW_ID, autoincrement=True),
        sa.Column("reading_id", sa.String(36), nullable=False),
        sa.Column("study", sa.String(63), nullable=False),
        sa.Column("site", sa.String(4), nullable=False),
        sa.Column("device", sa.String(63), nullable=False),
        sa.Column("device_seq", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("previous_sha256", sa.String(64), nullable=False),
        sa.Column("received_at", UtcTime, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_record"),
        sa.UniqueConstraint("reading_id", name="uq_record_reading_id"),
        sa.UniqueConstraint("study", "device", "device_seq", name="uq_record_study_device_device_seq"),
    )
    op.execute(
        "INSERT INTO record"
        " (reading_id, study, site, device, device_seq, kind, sha256, previous_sha256, received_at)"
        " SELECT reading_id, study, site, device, device_seq, 'refill', sha256, previous_sha256, received_at"
        " FROM reading ORDER BY id"
    )


def _mottling() -> None:
    op.create_table(
        "mottling",
        sa.Column("id", ROW_ID, autoincrement=True),
        sa.Column("reading_id", sa.String(36), nullable=False),
        sa.Column("study", sa.String(63), nullable=False),
        sa.Column("site", sa.String(4), nullable=False),
        sa.Column("inclusion", sa.String(6), nullable=False),
        sa.Column("event", sa.String(63)),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("side", sa.String(20)),
        sa.Column("operator", sa.String(63)),
        sa.Column("simulated", sa.Boolean, nullable=False),
        sa.Column("calibration_id", sa.String(36)),
        sa.Column("software_version", sa.Text, nullable=False),
        sa.Column("algorithm_version", sa.Text, nullable=False),
        sa.Column("configuration_sha256", sa.String(64), nullable=False),
        *_mottling_result(),
        sa.Column("photo_sha256", sa.String(64)),
        sa.Column("photo_from", sa.String(10), nullable=False),
        sa.Column("measured_at", UtcTime, nullable=False),
        sa.Column("clock_synchronised", sa.Boolean, nullable=False),
        sa.Column("boot_id", sa.String(36), nullable=False),
        sa.Column("boottime_ns", sa.BigInteger, nullable=False),
        sa.Column("sent_at", UtcTime, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_mottling"),
        sa.UniqueConstraint("reading_id", name="uq_mottling_reading_id"),
        sa.ForeignKeyConstraint(["reading_id"], ["record.reading_id"], name="fk_mottling_reading_id"),
    )
    op.create_index("ix_mottling_study_site_inclusion", "mottling", ["study", "site", "inclusion"])


def _mottling_result() -> list[sa.Column[str] | sa.Column[int] | sa.Column[bool] | sa.Column[float]]:
    return [
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("reason", sa.String(40)),
        sa.Column("score", sa.Integer),
        sa.Column("max_supported", sa.Integer),
        sa.Column("at_least", sa.Boolean, nullable=False),
        sa.Column("confidence", sa.Double),
        sa.Column("knee_centre", sa.Double),
        sa.Column("knee", sa.Double),
        sa.Column("lower_thigh", sa.Double),
        sa.Column("upper_thigh", sa.Double),
        sa.Column("beyond_groin", sa.Double),
        sa.Column("mottled_area_cm2", sa.Double),
        sa.Column("mm_per_px", sa.Double),
    ]


def _amendment() -> None:
    op.create_table(
        "amendment",
        sa.Column("id", ROW_ID, autoincrement=True),
        sa.Column("reading_id", sa.String(36), nullable=False),
        sa.Column("about", sa.String(36), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("action", sa.String(10), nullable=False),
        sa.Column("mottling_score", sa.Integer),
        sa.Column("comment", sa.String(40)),
        sa.Column("why", sa.String(40)),
        sa.Column("operator", sa.String(63), nullable=False),
        sa.Column("problem", sa.Text),
        sa.Column("measured_at", UtcTime, nullable=False),
        sa.Column("clock_synchronised", sa.Boolean, nullable=False),
        sa.Column("sent_at", UtcTime, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_amendment"),
        sa.UniqueConstraint("reading_id", name="uq_amendment_reading_id"),
        sa.ForeignKeyConstraint(["reading_id"], ["record.reading_id"], name="fk_amendment_reading_id"),
    )
    op.create_index("ix_amendment_about", "amendment", ["about"])


def _amendment_change() -> None:
    op.create_table(
        "amendment_change",
        sa.Column("reading_id", sa.String(36), nullable=False),
        sa.Column("position", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("field", sa.String(40), nullable=False),
        sa.Column("old_value", sa.Text),
        sa.Column("new_value", sa.Text),
        sa.PrimaryKeyConstraint("reading_id", "position", name="pk_amendment_change"),
        sa.ForeignKeyConstraint(["reading_id"], ["amendment.reading_id"], name="fk_amendment_change_reading_id"),
    )


def _amendment_decision() -> None:
    op.create_table(
        "amendment_decision",
        sa.Column("id", ROW_ID, autoincrement=True),
        sa.Column("amendment", sa.String(36), nullable=False),
        sa.Column("at", UtcTime, nullable=False),
        sa.Column("actor", sa.String(63), nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_amendment_decision"),
        sa.UniqueConstraint("amendment", name="uq_amendment_decision_amendment"),
        sa.ForeignKeyConstraint(["amendment"], ["amendment.reading_id"], name="fk_amendment_decision_amendment"),
    )


def _change_postgresql() -> None:
    for table in ("replay", "correction"):
        op.drop_constraint(f"fk_{table}_reading_id", table, type_="foreignkey")
        op.create_foreign_key(f"fk_{table}_reading_id", table, "record", ["reading_id"], ["reading_id"])
    op.alter_column("correction", "actor", type_=sa.String(127), existing_nullable=False)
    op.add_column("correction", sa.Column("amendment", sa.String(36)))
    op.create_foreign_key("fk_correction_amendment", "correction", "amendment", ["amendment"], ["reading_id"])
    op.create_unique_constraint("uq_correction_amendment_field", "correction", ["amendment", "field"])


def _rebuild_replay() -> None:
    op.create_table(
        "replay_new",
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
        sa.ForeignKeyConstraint(["reading_id"], ["record.reading_id"], name="fk_replay_reading_id"),
    )
    names = "id, dead_letter_id, reading_id, outcome, at, actor, why"
    _take_over("replay", names)


def _rebuild_correction() -> None:
    op.create_table(
        "correction_new",
        sa.Column("id", ROW_ID, autoincrement=True),
        sa.Column("reading_id", sa.String(36), nullable=False),
        sa.Column("field", sa.String(40), nullable=False),
        sa.Column("old_value", sa.Text),
        sa.Column("new_value", sa.Text),
        sa.Column("supersedes", ROW_ID),
        sa.Column("at", UtcTime, nullable=False),
        sa.Column("actor", sa.String(127), nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("amendment", sa.String(36)),
        sa.PrimaryKeyConstraint("id", name="pk_correction"),
        sa.UniqueConstraint("supersedes", name="uq_correction_supersedes"),
        sa.UniqueConstraint("amendment", "field", name="uq_correction_amendment_field"),
        sa.ForeignKeyConstraint(["reading_id"], ["record.reading_id"], name="fk_correction_reading_id"),
        sa.ForeignKeyConstraint(["supersedes"], ["correction_new.id"], name="fk_correction_supersedes"),
        sa.ForeignKeyConstraint(["amendment"], ["amendment.reading_id"], name="fk_correction_amendment"),
    )
    names = "id, reading_id, field, old_value, new_value, supersedes, at, actor, why"
    _take_over("correction", names)
    op.create_index("ix_correction_reading_id", "correction", ["reading_id"])


def _take_over(table: str, names: str) -> None:
    """Move every row into the table's new form, which then has its name; what refers to itself follows the name."""
    op.execute(f"INSERT INTO {table}_new ({names}) SELECT {names} FROM {table} ORDER BY id")  # noqa: S608 - both stand above
    op.drop_table(table)
    op.rename_table(f"{table}_new", table)


def upgrade() -> None:
    """Make the tables and their triggers, and bring what is there into them."""
    dialect = op.get_context().dialect.name
    if dialect == "postgresql":
        op.execute("SET LOCAL statement_timeout = 0")  # a row for each of a trial's readings may take its time
        op.execute("LOCK TABLE reading IN SHARE ROW EXCLUSIVE MODE")  # what an older ingester adds now would be missed
    for table in (_record, _mottling, _amendment, _amendment_change, _amendment_decision):
        table()
    made = guards(dialect, THIRD) + belonging(dialect)
    if dialect == "postgresql":
        _change_postgresql()
    else:
        _rebuild_replay()
        _rebuild_correction()
        made += guards(dialect, REBUILT)
    for statement in made:
        op.execute(sa.text(statement.replace(":", r"\:")))
