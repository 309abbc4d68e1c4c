"""The schema: migrations, several processes at once, and tables that refuse any change."""

import hashlib
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from calibration_bench import came, certificate, message
from sqlalchemy import Engine, insert, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from trial_bench import (
    NOON,
    STUDY,
    a_database,
    amendment,
    corrected,
    mottling_reading,
    new_database,
    payload,
    reading,
)

import trial
from contract.reading import Reading
from trial import rows, tables
from trial.accounts import Account, open_account
from trial.amendments import decide
from trial.append_only import FIRST, KEYS, REBUILT, SECOND, THIRD, belonging, guards, statements
from trial.backup_manifest import facts
from trial.corrections import correct
from trial.crf.instances import allocate_all
from trial.database import DatabaseChoiceError, SchemaError, open_database, schema_version, upgrade, writing
from trial.enrolment import enrol
from trial.freezing import change as change_freeze
from trial.judge import Accepted, Refusal, anyone, judge
from trial.letters import replay
from trial.schedule.asked import code_missing, open_by_hand
from trial.store import Arrival, store
from trial.traces import pack

TOPIC = "refill/v1/demo/00/bedside-1/reading"
DONE = {"actor": "dm-1", "why": "as on paper"}


def refuse(engine: Engine) -> None:
    """Fill the tables of what was refused: nonsense, and a reading of a device that was not enrolled."""
    content = payload(reading(2))
    store(engine, [Arrival(TOPIC, b"nonsense", NOON, judge(TOPIC, b"nonsense", STUDY))], NOON)
    store(engine, [Arrival(TOPIC, content, NOON, judge(TOPIC, content, STUDY, lambda _: False))], NOON)


def act(engine: Engine, reading_id: str) -> None:
    """Do what people do: enrol a device, replay what was refused, correct an entry twice, number it for an export."""
    enrol(engine, study="demo", site="00", device="bedside-1", certificate_sha256=None, **DONE)
    assert [each.said for each in replay(engine, STUDY, anyone, reason=Refusal.DEVICE, **DONE)] == ["stored"]
    for side in ("right", "left"):
        correct(engine, STUDY, reading_id, "side", side, **DONE)
    allocate_all(engine, "odm", "demo", NOON)
    open_by_hand(engine, "demo", "00", "was it the left side?", NOON, actor="dm-1")
    code_missing(engine, "demo", ("00", "0007"), "inclusion", "knee", "not_done", NOON, actor="dm-1")
    open_account(engine, STUDY, Account("demo", "dm-2", "data_manager", None), "twelve plain words", **DONE)
    change_freeze(engine, "demo", ("00", "9999"), "frozen", NOON, **DONE)


def amend(engine: Engine) -> None:
    """Send what was said at a bedside, and decide about a part of it."""
    scored = mottling_reading(3, event="inclusion")
    said = [amendment(4, scored, mottling_score=3), corrected(5, scored, ("event", "inclusion", None))]
    unfit = corrected(6, scored, ("event", "day-1", "inclusion"))
    for content in map(payload, (scored, *said, unfit)):
        store(engine, [Arrival(TOPIC, content, NOON, judge(TOPIC, content, STUDY))], NOON)
    decide(engine, str(unfit.reading_id), **DONE)
    store(engine, [came(message(certificate()))], NOON)


def bring_trace(engine: Engine, reading_id: str) -> None:
    """Put a trace beside a reading."""
    row = {"sha256": "d" * 64, "bytes": 2, "packed": pack(b"{}"), "export_sha256": "e" * 64, "at": NOON}
    with writing(engine).begin() as connection:
        connection.execute(insert(tables.press_trace).values(reading_id=reading_id, number=1, actor="dm-1", **row))


def fill(engine: Engine) -> None:
    record = reading()
    content = payload(record)
    store(engine, [Arrival(TOPIC, content, NOON, judge(TOPIC, content, STUDY))], NOON)
    refuse(engine)
    act(engine, str(record.reading_id))
    amend(engine)
    bring_trace(engine, str(record.reading_id))


def receive_by_first_version(engine: Engine, seq: int = 1) -> str:
    """Fill the tables of r0001 as the program of that time did, with a reading. Returns its id."""
    content = payload(reading(seq))
    accepted = judge(TOPIC, content, STUDY)
    assert isinstance(accepted, Accepted)
    record = accepted.record
    assert isinstance(record, Reading)
    with writing(engine).begin() as connection:
        row = rows.reading_row(accepted, record, NOON)
        connection.execute(insert(tables.reading), {name: row[name] for name in row if name in tables.reading.c})
        connection.execute(insert(tables.press), rows.press_rows(record))
    return str(record.reading_id)


def act_in_second_version(engine: Engine, reading_id: str) -> None:
    """Fill the tables of r0002 as the program of that time did: a replay, and a correction that supersedes another."""
    enrol(engine, study="demo", site="00", device="bedside-1", certificate_sha256=None, **DONE)
    done = {"reading_id": reading_id, "at": NOON, **DONE}
    changes = [("left", "right", None), ("right", "left", 1)]
    with writing(engine).begin() as connection:
        connection.execute(insert(tables.replay), {"dead_letter_id": 2, "outcome": "stored", **done})
        for old, new, before in changes:
            row = {"field": "side", "old_value": old, "new_value": new, "supersedes": before}
            connection.execute(insert(tables.correction), done | row)


def migrate(engine: Engine, version: str) -> None:
    """Bring an empty database up to an older version, as the program of that time did."""
    config = Config()
    config.set_main_option("script_location", str(Path(trial.__file__).with_name("migrations")))
    with writing(engine).begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, version)


def contents(engine: Engine, names: set[str], without: tuple[str, ...] = ()) -> dict[str, list[Any]]:
    with engine.connect() as connection:
        kept = {name: [c for c in tables.metadata.tables[name].c if c.name not in without] for name in names}
        return {n: list(connection.execute(select(*c).order_by(text("1, 2"))).all()) for n, c in kept.items()}


@pytest.mark.slow
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
    assert not set(THIRD) & {*FIRST, *SECOND}
    assert set(REBUILT) < set(SECOND)
    for keys in (FIRST, SECOND, THIRD, REBUILT):
        with pytest.raises(ValueError, match="oracle"):
            guards("oracle", keys)


def is_as_the_code_wants_it(engine: Engine) -> bool:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return schema_version(connection) == "r0010" and compare_metadata(context, tables.metadata) == []


@pytest.mark.slow
def test_a_database_of_the_first_version_keeps_every_row_and_gets_the_new_tables(empty_url: str) -> None:
    engine = open_database(empty_url)
    migrate(engine, "r0001")
    reading_id = receive_by_first_version(engine)
    refuse(engine)
    kept = contents(engine, set(FIRST) | {"device_status"})
    assert len(kept["reading"]) == 1
    assert len(kept["dead_letter"]) == 2
    upgrade(engine)
    assert is_as_the_code_wants_it(engine)
    after = contents(engine, set(kept))
    assert {name: rows for name, rows in after.items() if name != "audit"} == {
        name: rows for name, rows in kept.items() if name != "audit"
    }
    assert after["audit"][: len(kept["audit"])] == kept["audit"]
    act(engine, reading_id)  # what was received before can be replayed and corrected now
    amend(engine)
    bring_trace(engine, reading_id)
    assert all(contents(engine, set(KEYS)).values())
    engine.dispose()


@pytest.mark.slow
def test_a_database_of_the_second_version_keeps_every_row_and_its_guards(empty_url: str) -> None:
    engine = open_database(empty_url)
    migrate(engine, "r0002")
    ids = [receive_by_first_version(engine, seq) for seq in (1, 2, 4)]
    refuse(engine)
    act_in_second_version(engine, ids[0])
    held = {*FIRST, *SECOND, "device_status"}
    kept = contents(engine, held, without=("amendment",))
    assert (len(kept["reading"]), len(kept["replay"]), len(kept["correction"])) == (3, 1, 2)
    upgrade(engine)
    assert is_as_the_code_wants_it(engine)
    after = contents(engine, held, without=("amendment",))
    assert {**after, "audit": after["audit"][: len(kept["audit"])]} == kept
    with engine.connect() as connection:
        stored = connection.execute(select(tables.record).order_by(tables.record.c.id)).all()
        guarded = set(facts(connection).guards)
    assert [(row.reading_id, row.kind, row.device_seq) for row in stored] == [
        (reading_id, "refill", seq) for reading_id, seq in zip(ids, (1, 2, 4), strict=True)
    ]
    of_reading = {row.reading_id: row for row in contents(engine, {"reading"})["reading"]}
    same = ("study", "site", "device", "device_seq", "sha256", "previous_sha256", "received_at")
    for row in stored:
        assert [getattr(row, name) for name in same] == [getattr(of_reading[row.reading_id], name) for name in same]
    assert guarded == set(
        re.findall(
            r"CREATE TRIGGER (\w+)", "\n".join(guards(engine.dialect.name, KEYS) + belonging(engine.dialect.name))
        )
    )
    made = correct(engine, STUDY, ids[0], "side", "right", **DONE)
    assert (made.old_value, made.supersedes) == ("left", kept["correction"][-1].id)
    with pytest.raises(DBAPIError), writing(engine).begin() as connection:
        connection.execute(insert(tables.correction), {**made.__dict__, "id": 99, "supersedes": 77})
    engine.dispose()


def test_an_ingester_from_before_the_upgrade_stores_nothing_that_would_be_missed(engine: Engine) -> None:
    wanted = OperationalError if engine.dialect.name == "postgresql" else IntegrityError
    with pytest.raises(wanted, match="this program is older than the database"):
        receive_by_first_version(engine)
    assert contents(engine, {"reading", "press"}) == {"reading": [], "press": []}


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


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def filled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A database with rows in every table: for tests that find that not one of them can be changed."""
    with ExitStack() as opened:
        if request.param == "sqlite":
            engine = new_database(tmp_path_factory.mktemp("filled") / "trial.sqlite3")
        else:
            server, template = (request.getfixturevalue(name) for name in ("postgresql", "with_tables"))
            engine = open_database(opened.enter_context(a_database(server.url, template)))
        fill(engine)
        yield engine
        engine.dispose()


@pytest.mark.parametrize("table", sorted(KEYS))
def test_a_stored_row_can_be_neither_changed_nor_deleted(filled: Engine, table: str) -> None:
    engine = filled
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


@pytest.mark.parametrize("filled", ["sqlite"], indirect=True)
@pytest.mark.parametrize("table", sorted(KEYS))
def test_sqlite_refuses_to_replace_a_row_without_a_word(filled: Engine, table: str) -> None:
    stored = tables.metadata.tables[table]
    with pytest.raises(DBAPIError, match="append-only"), writing(filled).begin() as connection:
        connection.execute(stored.insert().prefix_with("OR REPLACE").from_select(list(stored.c), select(stored)))


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
