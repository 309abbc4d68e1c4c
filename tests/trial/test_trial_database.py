"""The schema: migrations, several processes at once, and tables that refuse any change."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, select, text
from sqlalchemy.exc import DBAPIError
from trial_bench import NOON, STUDY, payload, reading

from trial import tables
from trial.append_only import KEYS
from trial.database import DatabaseChoiceError, SchemaError, open_database, upgrade, writing
from trial.judge import judge
from trial.store import Arrival, store

TOPIC = "refill/v1/demo/00/bedside-1/reading"


def fill(engine: Engine) -> None:
    for content in (payload(reading()), b"nonsense"):
        store(engine, [Arrival(TOPIC, content, NOON, judge(TOPIC, content, STUDY))], NOON)


def test_the_migrations_make_exactly_the_tables_that_the_code_uses(engine: Engine) -> None:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, tables.metadata) == []


def test_the_guards_know_every_unique_key_of_every_append_only_table() -> None:
    assert set(KEYS) == set(tables.metadata.tables) - {"device_status"} == set(tables.APPEND_ONLY)
    for name, keys in KEYS.items():
        table = tables.metadata.tables[name]
        unique = {tuple(c.name for c in k.columns) for k in table.constraints if type(k).__name__ == "UniqueConstraint"}
        assert set(keys) == unique | {tuple(c.name for c in table.primary_key.columns)}


def test_upgrading_again_changes_nothing_and_the_first_time_is_in_the_audit_trail(engine: Engine) -> None:
    upgrade(engine)
    with engine.connect() as connection:
        actions = connection.execute(select(tables.audit.c.action)).scalars().all()
    assert actions == ["schema upgraded"]


def test_a_newer_schema_is_left_alone(engine: Engine) -> None:
    with writing(engine).begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'r9999'"))
    with pytest.raises(SchemaError, match="r9999"):
        upgrade(engine)


@pytest.mark.slow
def test_processes_that_start_at_once_make_one_schema(empty_url: str, tmp_path: Path) -> None:
    go = tmp_path / "go"
    code = (
        "import pathlib, sys, time\n"
        "from trial.database import open_database, upgrade\n"
        "engine = open_database(sys.argv[1])\n"
        "print('ready', flush=True)\n"
        "while not pathlib.Path(sys.argv[2]).exists(): time.sleep(0.001)\n"
        "upgrade(engine)\n"
    )
    command = [sys.executable, "-c", code, empty_url, str(go)]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    started = [subprocess.Popen(command, **pipes) for _ in range(4)]
    for process in started:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    go.touch()
    errors = [process.communicate(timeout=60)[1] for process in started]
    assert [process.returncode for process in started] == [0, 0, 0, 0], errors
    engine = open_database(empty_url)
    with engine.connect() as connection:
        assert len(connection.execute(select(tables.audit)).all()) == 1
    engine.dispose()


@pytest.mark.parametrize("table", sorted(KEYS))
def test_a_stored_row_can_be_neither_changed_nor_deleted(engine: Engine, table: str) -> None:
    fill(engine)
    stored, column = tables.metadata.tables[table], KEYS[table][0][0]
    with engine.connect() as connection:
        before = connection.execute(select(stored)).all()
    assert before
    commands: list[Any] = [stored.update().values({column: stored.c[column]}), stored.delete()]
    commands += [text(f"TRUNCATE {table} CASCADE")] if engine.dialect.name == "postgresql" else []
    for command in commands:
        with pytest.raises(DBAPIError, match="append-only"), writing(engine).begin() as connection:
            connection.execute(command)
    with engine.connect() as connection:
        assert connection.execute(select(stored)).all() == before


@pytest.mark.parametrize("table", sorted(KEYS))
def test_sqlite_refuses_to_replace_a_row_without_a_word(tmp_path: Path, table: str) -> None:
    engine = open_database(str(tmp_path / "trial.sqlite3"))
    upgrade(engine)
    fill(engine)
    stored = tables.metadata.tables[table]
    with pytest.raises(DBAPIError, match="append-only"), writing(engine).begin() as connection:
        connection.execute(stored.insert().prefix_with("OR REPLACE").from_select(list(stored.c), select(stored)))
    engine.dispose()


def test_sqlite_is_opened_so_that_a_commit_survives_a_power_cut(tmp_path: Path) -> None:
    engine = open_database(str(tmp_path / "trial.sqlite3"))
    with engine.connect() as connection:
        got = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous")]
        assert got == ["wal", 2]
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
    engine.dispose()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("sqlite://", "must be a file"),
        ("sqlite:///:memory:", "must be a file"),
        ("mysql://user:secret@host/db", "not supported"),
        ("://", "cannot be read"),
    ],
)
def test_a_database_that_cannot_be_used_is_said_in_one_line(url: str, words: str) -> None:
    with pytest.raises(DatabaseChoiceError, match=words) as caught:
        open_database(url)
    assert "secret" not in str(caught.value)
