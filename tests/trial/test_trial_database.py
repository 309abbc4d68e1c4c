"""The schema: migrations, several processes at once, and tables that refuse any change."""

import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Engine, select, text
from sqlalchemy.exc import DBAPIError
from trial_bench import NOON, STUDY, payload, reading

import trial
from trial import tables
from trial.append_only import FIRST, KEYS, SECOND, guards, statements
from trial.corrections import correct
from trial.database import DatabaseChoiceError, SchemaError, open_database, schema_version, upgrade, writing
from trial.enrolment import enrol
from trial.judge import Refusal, anyone, judge
from trial.letters import replay
from trial.store import Arrival, store

TOPIC = "refill/v1/demo/00/bedside-1/reading"
DONE = {"actor": "dm-1", "why": "as on paper"}


def receive(engine: Engine) -> str:
    """Fill the tables of r0001: a reading, nonsense, and a reading that was refused. Returns the reading's id."""
    record = reading()
    for content in (payload(record), b"nonsense"):
        store(engine, [Arrival(TOPIC, content, NOON, judge(TOPIC, content, STUDY))], NOON)
    content = payload(reading(2))
    store(engine, [Arrival(TOPIC, content, NOON, judge(TOPIC, content, STUDY, lambda _: False))], NOON)
    return str(record.reading_id)


def act(engine: Engine, reading_id: str) -> None:
    """Fill the tables of r0002."""
    enrol(engine, study="demo", site="00", device="bedside-1", certificate_sha256=None, **DONE)
    assert [each.said for each in replay(engine, STUDY, anyone, reason=Refusal.DEVICE, **DONE)] == ["stored"]
    for side in ("right", "left"):
        correct(engine, STUDY, reading_id, "side", side, **DONE)


def fill(engine: Engine) -> None:
    act(engine, receive(engine))


def migrate(engine: Engine, version: str) -> None:
    """Bring an empty database up to an older version, as the program of that time did."""
    config = Config()
    config.set_main_option("script_location", str(Path(trial.__file__).with_name("migrations")))
    with writing(engine).begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, version)


def contents(engine: Engine, names: set[str]) -> dict[str, list[Any]]:
    with engine.connect() as connection:
        ordered = {name: select(tables.metadata.tables[name]).order_by(text("1, 2")) for name in names}
        return {name: list(connection.execute(query).all()) for name, query in ordered.items()}


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


@pytest.mark.parametrize(
    ("dialect", "sha256"),
    [
        ("sqlite", "303753ac8df057f27af5fe1d06d00770520e7a24da7117fa6d5cde6740c7f87d"),
        ("postgresql", "ed6c95ad0a191dceeb0d85a36e11b6af6e833117ea2ccc3acd78f0f1bb452731"),
    ],
)
def test_the_first_migration_still_does_what_it_did_when_it_was_released(dialect: str, sha256: str) -> None:
    assert hashlib.sha256("\n".join(statements(dialect)).encode()).hexdigest() == sha256


def test_no_table_is_guarded_twice_and_no_other_database_is_guarded_at_all() -> None:
    assert not set(FIRST) & set(SECOND)
    for keys in (FIRST, SECOND):
        with pytest.raises(ValueError, match="oracle"):
            guards("oracle", keys)


def test_a_database_of_the_first_version_keeps_every_row_and_gets_the_new_tables(empty_url: str) -> None:
    engine = open_database(empty_url)
    migrate(engine, "r0001")
    reading_id = receive(engine)
    kept = contents(engine, set(FIRST) | {"device_status"})
    assert len(kept["reading"]) == 1
    assert len(kept["dead_letter"]) == 2
    upgrade(engine)
    with engine.connect() as connection:
        assert schema_version(connection) == "r0002"
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, tables.metadata) == []
    after = contents(engine, set(kept))
    assert {name: rows for name, rows in after.items() if name != "audit"} == {
        name: rows for name, rows in kept.items() if name != "audit"
    }
    assert after["audit"][: len(kept["audit"])] == kept["audit"]
    act(engine, reading_id)  # what was received before can be replayed and corrected now
    assert all(contents(engine, set(KEYS)).values())
    engine.dispose()


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
    changes: list[Any] = [stored.update().values({column: stored.c[column]}), stored.delete()]
    changes += [text(f"TRUNCATE {table} CASCADE")] if engine.dialect.name == "postgresql" else []
    for change in changes:
        with pytest.raises(DBAPIError, match="append-only"), writing(engine).begin() as connection:
            connection.execute(change)
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
