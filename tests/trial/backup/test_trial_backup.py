"""Backup and restore: one file, whole or not there, read back, and the same database again."""

import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from backup_bench import audited, bodies, everything, put, run
from sqlalchemy import Engine, insert, select
from sqlalchemy.exc import DBAPIError
from trial_bench import NOON, chain, wait_for

from contract.topics import Topic
from trial import backup_sqlite, rows, tables
from trial.append_only import KEYS
from trial.backup import backup
from trial.backup_manifest import BackupError, read_manifest
from trial.backup_restore import restore
from trial.database import _migrations, open_database, upgrade, writing
from trial.judge import Accepted


@pytest.mark.slow
def test_what_was_restored_is_what_was_backed_up_and_still_refuses_any_change(
    filled: Engine, elsewhere: Engine, tmp_path: Path
) -> None:
    made = backup(filled, tmp_path / "one.backup", verify=True)
    ends = [(end.device, end.readings, end.last_seq) for end in made.manifest.facts.devices]
    assert ends == [("bedside-1", 7, 7), ("bedside-2", 3, 3)]
    assert made.manifest.facts.tables["press"] == 10
    assert made.manifest.missing_guards == []
    before = {name: everything(filled, name) for name in tables.metadata.tables if name != "audit"}
    restore(made.path, elsewhere)
    assert {name: everything(elsewhere, name) for name in before} == before  # measured, sent, received: all of it
    # The line about the backup itself came after it.
    assert audited(filled)[-1] == "backup made"
    assert audited(elsewhere) == [*audited(filled)[:-1], "backup restored"]
    for table in sorted(KEYS):
        stored, column = tables.metadata.tables[table], KEYS[table][0][0]
        with elsewhere.connect() as connection:
            there = connection.execute(select(stored)).all()
        changes: list[Any] = [stored.update().values({column: stored.c[column]}), stored.delete()]
        for change in changes if there else []:
            with pytest.raises(DBAPIError, match="append-only"), writing(elsewhere).begin() as connection:
                connection.execute(change)
    assert upgrade(elsewhere)[0] == upgrade(elsewhere)[1]
    put(elsewhere, chain(8)[7:])
    assert len(bodies(elsewhere)) == 11


def test_only_an_empty_database_is_restored_into(filled: Engine, tmp_path: Path) -> None:
    made = backup(filled, tmp_path / "one.backup")
    before = bodies(filled)
    with pytest.raises(BackupError, match="is not empty"):
        restore(made.path, filled)
    assert bodies(filled) == before
    upgrade(filled)  # no mark was left


@pytest.mark.slow
def test_a_backup_is_of_one_moment_while_others_write(filled: Engine, elsewhere: Engine, tmp_path: Path) -> None:
    """Its own manifest agrees with it, though the database has grown meanwhile."""
    writer = open_database(filled.url.render_as_string(hide_password=False))
    records, stop = chain(400, device="bedside-3"), threading.Event()

    def write() -> None:
        for entry in records:
            if stop.is_set():
                return
            put(writer, [entry])

    thread = threading.Thread(target=write)
    thread.start()
    try:
        assert wait_for(lambda: len(bodies(filled)) > 12)
        made = backup(filled, tmp_path / "one.backup")
    finally:
        stop.set()
        thread.join()
        writer.dispose()
    assert 12 < made.manifest.facts.tables["reading"] <= len(bodies(filled))
    restore(made.path, elsewhere)
    assert len(bodies(elsewhere)) == made.manifest.facts.tables["reading"]


def test_commits_during_the_copy_neither_stop_it_nor_come_into_it(
    sqlite_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backup_sqlite, "_PAGES_AT_ONCE", 1)
    engine, other = open_database(str(sqlite_file)), open_database(str(sqlite_file))
    records, steps = iter(chain(4, device="bedside-2")), []

    def progress(words: str) -> None:
        if "pages" in words:
            steps.append(words)
            for record in [next(records, None)]:
                put(other, [record] if record else [])

    made = backup(engine, tmp_path / "one.backup", progress=progress)
    assert len(steps) > 10
    assert len(bodies(engine)) == 7
    assert made.manifest.facts.tables["reading"] == 3
    for each in (engine, other):
        each.dispose()


def test_the_files_are_private_one_each_and_never_written_over(sqlite_file: Path, tmp_path: Path) -> None:
    engine, out = open_database(str(sqlite_file)), tmp_path / "backups" / "one.backup"
    out.parent.mkdir()
    backup(engine, out)
    assert sorted(path.name for path in out.parent.iterdir()) == ["one.backup", "one.backup.manifest.json"]
    assert {path.stat().st_mode & 0o777 for path in out.parent.iterdir()} == {0o600}
    content = {path: path.read_bytes() for path in out.parent.iterdir()}
    with pytest.raises(BackupError, match="is there already"):
        backup(engine, out)
    out.rename(out.with_name("moved"))
    with pytest.raises(BackupError, match=r"manifest\.json: is there already"):
        backup(engine, out)
    out.with_name("moved").rename(out)
    assert {path: path.read_bytes() for path in out.parent.iterdir()} == content
    engine.dispose()


@pytest.mark.slow
def test_an_altered_reading_and_a_lost_trigger_are_backed_up_and_said(sqlite_file: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(sqlite_file)) as owner, owner:
        owner.execute("DROP TRIGGER reading_no_update")
        (altered,) = owner.execute("SELECT reading_id FROM reading WHERE device_seq = 2").fetchone()
        owner.execute("UPDATE reading SET body = replace(body, '2.5', '1.5') WHERE device_seq = 2")
    said = run("backup", tmp_path / "one.backup", "--database", sqlite_file, code=1)
    assert f"1 records are not as their devices sealed them: {altered}" in said
    manifest = read_manifest(tmp_path / "one.backup")
    assert (manifest.facts.altered, manifest.missing_guards) == ([altered], ["reading_no_update"])
    run("restore", tmp_path / "one.backup", "--database", tmp_path / "new.sqlite3")


@pytest.mark.slow
def test_an_older_backup_is_restored_as_it_is_and_brought_up_by_the_next_step(
    sqlite_file: Path, tmp_path: Path
) -> None:
    old = tmp_path / "old.sqlite3"
    engine = open_database(str(old))
    config = _migrations()
    with writing(engine).begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "r0001")
        for record, sealed in chain(3):
            row = rows.reading_row(Accepted(Topic("demo", "00", "bedside-1", "reading"), sealed, record), record, NOON)
            connection.execute(insert(tables.reading), {name: row[name] for name in row if name in tables.reading.c})
    said = run("backup", tmp_path / "one.backup", "--database", old)
    assert "3 records of 1 devices" in said
    run("restore", tmp_path / "one.backup", "--database", tmp_path / "new.sqlite3")
    assert "was r0001" in run("upgrade", "--database", tmp_path / "new.sqlite3")
    assert "nothing to do" in run("upgrade", "--database", tmp_path / "new.sqlite3")
    engine.dispose()
