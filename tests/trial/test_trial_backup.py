"""Backup and restore: one file, whole or not there, read back, and the same database again."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from sqlalchemy import Engine, insert, select, text
from sqlalchemy.exc import DBAPIError
from trial_bench import NOON, chain, wait_for
from typer.testing import CliRunner

from contract.topics import Topic
from refill.trial_cli import app
from trial import backup_postgresql, backup_sqlite, rows, tables
from trial.append_only import KEYS
from trial.backup import backup
from trial.backup_files import alone_in, name_in_series
from trial.backup_manifest import BackupError, manifest_path, read_manifest
from trial.backup_postgresql import tool_for
from trial.backup_restore import restore
from trial.database import (
    RESTORE_MARK,
    UnfinishedRestoreError,
    _migrations,
    open_database,
    restoring_path,
    upgrade,
    writing,
)
from trial.judge import Accepted
from trial.keeping import keep

Records = list[tuple[Any, Any]]


def put(engine: Engine, records: Records) -> None:
    """Store records as the ingester does, each with its press."""
    for record, sealed in records:
        topic = Topic(record.study, record.subject.site, record.device.name, "reading")
        with writing(engine).begin() as connection:
            keep(connection, [(Accepted(topic, sealed, record), NOON)], NOON, alone=True, awaited=set())


def audited(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        return list(connection.execute(select(tables.audit.c.action).order_by(tables.audit.c.id)).scalars())


def bodies(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        return list(connection.execute(select(tables.reading.c.body).order_by(tables.reading.c.id)).scalars())


def everything(engine: Engine, name: str) -> list[Any]:
    with engine.connect() as connection:
        return sorted(connection.execute(select(tables.metadata.tables[name])).all(), key=str)


def run(*arguments: object, code: int = 0) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.output
    return result.output


@pytest.fixture
def filled(engine: Engine) -> Engine:
    """A database with 7 records of one device and 3 of another."""
    put(engine, chain(7) + chain(3, device="bedside-2"))
    return engine


@pytest.fixture
def elsewhere(request: pytest.FixtureRequest, filled: Engine, tmp_path: Path) -> Iterator[Engine]:
    """An empty database of the same kind."""
    if filled.dialect.name == "sqlite":
        engine = open_database(str(tmp_path / "restored.sqlite3"))
        yield engine
        engine.dispose()
        return
    name = f"e{os.urandom(6).hex()}"
    admin = filled.execution_options(isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine = open_database(filled.url.set(database=name).render_as_string(hide_password=False))
    yield engine
    engine.dispose()
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("made") / "trial.sqlite3"
    engine = open_database(str(path))
    upgrade(engine)
    put(engine, chain(3))
    engine.dispose()
    return path


@pytest.fixture
def sqlite_file(made_once: Path, tmp_path: Path) -> Path:
    """A SQLite database with 3 records, closed."""
    return Path(shutil.copy(made_once, tmp_path))


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


def test_a_series_keeps_the_newest_of_its_own_database(sqlite_file: Path, tmp_path: Path) -> None:
    folder, engine = tmp_path / "backups", open_database(str(sqlite_file))
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    other = sqlite_file.with_name("other.sqlite3")
    shutil.copy(sqlite_file, other)
    foreign, names = open_database(str(other)), []
    for age_h in (3, 2, 1):
        name = name_in_series(datetime.now(UTC) - timedelta(hours=age_h), "sqlite")
        names.append(backup(engine, folder / name).path.name)
    foreign_name = name_in_series(datetime.now(UTC) - timedelta(hours=4), "sqlite")
    backup(foreign, folder / foreign_name)
    made = backup(engine, folder, keep=2)
    assert made.pruned == names[:2]
    left = {path.name for path in folder.iterdir()}
    whole = {foreign_name, names[2], made.path.name}
    assert left == whole | {f"{name}.manifest.json" for name in whole} | {"notes.txt"}
    with engine.connect() as connection:
        last = connection.execute(select(tables.audit.c.detail).order_by(tables.audit.c.id.desc())).scalars().first()
    assert last is not None
    assert names[0] in last
    for each in (engine, foreign):
        each.dispose()


def test_a_removal_that_was_cut_off_is_ended_by_the_next(sqlite_file: Path, tmp_path: Path) -> None:
    folder, engine = tmp_path / "backups", open_database(str(sqlite_file))
    folder.mkdir()
    old = backup(engine, folder / name_in_series(datetime.now(UTC) - timedelta(hours=2), "sqlite")).path
    old.unlink()
    made = backup(engine, folder, keep=1)
    assert made.pruned == []
    assert {path.name for path in folder.iterdir()} == {made.path.name, manifest_path(made.path).name}
    engine.dispose()


def test_nothing_is_pruned_where_the_new_backup_fails(
    sqlite_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, engine = tmp_path / "backups", open_database(str(sqlite_file))
    folder.mkdir()
    old = backup(engine, folder / name_in_series(datetime.now(UTC) - timedelta(hours=2), "sqlite")).path

    def lossy(connection: Any, part: Path, progress: Any) -> None:
        whole(connection, part, progress)
        with closing(sqlite3.connect(part)) as copied, copied:
            copied.execute("DROP TRIGGER press_no_delete")
            copied.execute("DELETE FROM press WHERE reading_id = (SELECT MAX(reading_id) FROM press)")

    whole = backup_sqlite.copy
    monkeypatch.setattr(backup_sqlite, "copy", lossy)
    with pytest.raises(BackupError, match="rows of press: 3 was told, 2 was found"):
        backup(engine, folder, keep=1)
    assert {path.name for path in folder.iterdir()} == {old.name, manifest_path(old).name}
    assert audited(engine).count("backup made") == 1
    engine.dispose()


def test_one_backup_at_a_time_in_a_folder_and_what_a_killed_one_left_goes(sqlite_file: Path, tmp_path: Path) -> None:
    engine = open_database(str(sqlite_file))
    folder = tmp_path / "backups"
    folder.mkdir()
    left = folder / ".one.backup.refill-part"
    left.write_text("half")
    with alone_in(folder), pytest.raises(BackupError, match="another backup or restore is at work"):
        backup(engine, folder / "one.backup")
    backup(engine, folder / "one.backup")
    assert not left.exists()
    engine.dispose()


def damage_end(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def damage_middle(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def other_count(path: Path) -> None:
    beside = manifest_path(path)
    content = json.loads(beside.read_text())
    content["facts"]["tables"]["reading"] += 1
    beside.write_text(json.dumps(content))


def other_key(path: Path) -> None:
    beside = manifest_path(path)
    beside.write_text(json.dumps(json.loads(beside.read_text()) | {"why": "because"}))


def no_manifest(path: Path) -> None:
    manifest_path(path).unlink()


def unknown_schema(path: Path) -> None:
    rewritten(path, schema_version="r9999")


def told_wrong(path: Path) -> None:
    """A manifest written anew, with its own hash: still not what the file holds."""
    manifest = read_manifest(path)
    rewritten(path, tables=manifest.facts.tables | {"reading": 4})


def rewritten(path: Path, **changed: Any) -> None:
    manifest = read_manifest(path)
    other = manifest.model_copy(update={"facts": manifest.facts.model_copy(update=changed)})
    manifest_path(path).write_text(other.json_text)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (damage_end, "cut short or altered"),
        (damage_middle, "sha256: it is not the file"),
        (other_count, "manifest_sha256: it is not as it was written"),
        (other_key, "why: Extra inputs"),
        (no_manifest, "there is none"),
        (unknown_schema, "r9999 is unknown"),
        (told_wrong, "rows of reading: 4 was told, 3 was found"),
        (Path.unlink, "No such file"),
    ],
)
def test_what_is_not_as_it_was_made_is_refused_in_one_line_and_nothing_is_left(
    sqlite_file: Path, tmp_path: Path, damage: Any, words: str
) -> None:
    made, target = tmp_path / "one.backup", tmp_path / "new" / "trial.sqlite3"
    target.parent.mkdir()
    run("backup", made, "--database", sqlite_file)
    damage(made)
    said = run("restore", made, "--database", target, code=1)
    assert words in said
    assert len(said.splitlines()) == 1
    assert list(target.parent.iterdir()) == []


def test_a_database_s_leftovers_are_never_read_into_the_restored_one(sqlite_file: Path, tmp_path: Path) -> None:
    """A WAL that was left beside a lost file would be played into the one that takes its name."""
    made, target = tmp_path / "one.backup", tmp_path / "new" / "trial.sqlite3"
    target.parent.mkdir()
    run("backup", made, "--database", sqlite_file)
    wal = target.with_name("trial.sqlite3-wal")
    wal.write_text("of another")
    assert "trial.sqlite3-wal: belongs to a database" in run("restore", made, "--database", target, code=1)
    wal.unlink()
    run("restore", made, "--database", target)


def test_an_unfinished_restore_is_recognised_and_a_second_one_ends_it(sqlite_file: Path, tmp_path: Path) -> None:
    made, target = tmp_path / "one.backup", tmp_path / "new.sqlite3"
    run("backup", made, "--database", sqlite_file)
    restoring_path(target).write_bytes(made.read_bytes()[:5000])
    engine = open_database(str(target))
    with pytest.raises(UnfinishedRestoreError, match="restore` again"):
        upgrade(engine)
    assert not target.exists()
    said = run("restore", made, "--database", target)
    assert "demo bedside-1: 3 records, up to number 3" in said
    assert "refill trial reconcile" in said
    assert not restoring_path(target).exists()
    assert len(bodies(engine)) == 3
    upgrade(engine)
    engine.dispose()


def killed_when(words: str, chunk: int, backup_file: Path, url: str) -> None:
    """Restore in a process that ends itself with SIGKILL when it says `words`, or, for "", before it compares."""
    code = (
        "import os, signal, sys, pathlib\n"
        "from trial import backup_postgresql, backup_restore\n"
        "from trial.database import open_database\n"
        "backup_postgresql._CHUNK = backup_restore._CHUNK = int(sys.argv[2])\n"
        "die = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "backup_restore.difference = die\n"
        "said = lambda words: die() if sys.argv[1] and sys.argv[1] in words else None\n"
        "backup_restore.restore(pathlib.Path(sys.argv[3]), open_database(sys.argv[4]), said)\n"
    )
    command = [sys.executable, "-c", code, words, str(chunk), str(backup_file), url]
    assert subprocess.run(command, timeout=60, check=False).returncode == -signal.SIGKILL


@pytest.mark.slow
@pytest.mark.parametrize(("words", "chunk"), [("MB restored", 500), ("", 1 << 20)])
def test_a_restore_that_was_killed_is_recognised_and_a_second_one_ends_it(
    filled: Engine, elsewhere: Engine, tmp_path: Path, words: str, chunk: int
) -> None:
    made = backup(filled, tmp_path / "one.backup")
    other = backup(filled, tmp_path / "other.backup")
    killed_when(words, chunk, made.path, elsewhere.url.render_as_string(hide_password=False))
    with pytest.raises(UnfinishedRestoreError):
        upgrade(elsewhere)
    with pytest.raises(BackupError, match="nothing to back up"):
        backup(elsewhere, tmp_path / "third.backup")
    if elsewhere.dialect.name == "postgresql" and not words:  # all is there, and was not compared
        with pytest.raises(BackupError, match="another backup was begun"):
            restore(other.path, elsewhere)
    restore(made.path, elsewhere)
    assert bodies(elsewhere) == bodies(filled)
    upgrade(elsewhere)
    with elsewhere.connect() as connection:
        assert not elsewhere.dialect.has_table(connection, RESTORE_MARK)
    assert audited(elsewhere)[-1] == "backup restored"


@pytest.mark.slow
def test_a_backup_that_was_killed_has_no_name_and_the_next_one_goes(filled: Engine, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    code = (
        "import os, pathlib, signal, sys\n"
        "from trial import backup\n"
        "from trial.database import open_database\n"
        "backup.write_private = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "backup.backup(open_database(sys.argv[1]), pathlib.Path(sys.argv[2]))\n"
    )
    url, out = filled.url.render_as_string(hide_password=False), folder / "one.backup"
    ended = subprocess.run([sys.executable, "-c", code, url, str(out)], timeout=60, check=False)
    assert ended.returncode == -signal.SIGKILL
    assert [path.name for path in folder.iterdir()] == [".one.backup.refill-part"]
    backup(filled, out)
    assert sorted(path.name for path in folder.iterdir()) == ["one.backup", "one.backup.manifest.json"]


@pytest.mark.slow
def test_postgresql_s_tools_never_get_the_password_as_an_argument(
    postgresql: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[list[str], dict[str, str]]] = []
    start = subprocess.Popen

    def spy(command: list[str], **options: Any) -> Any:
        seen.append((command, options.get("env") or {}))
        return start(command, **options)

    engine = open_database(postgresql.url.replace("postgres@", "postgres:hush-hush@"))
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        connection.execute(text("CREATE DATABASE quiet"))
    hushed = open_database(engine.url.set(database="quiet").render_as_string(hide_password=False))
    upgrade(hushed)
    monkeypatch.setattr(subprocess, "Popen", spy)
    backup(hushed, tmp_path / "one.backup", verify=True)
    tools = [(command, env) for command, env in seen if "--version" not in command]
    assert {Path(command[0]).name for command, _ in tools} == {"pg_dump", "pg_restore"}
    assert all("hush" not in " ".join(command) for command, _ in seen)
    assert [env.get("PGPASSWORD") for command, env in tools if "--file=-" not in command] == ["hush-hush"] * 2
    assert "hush" not in manifest_path(tmp_path / "one.backup").read_text()
    for each in (engine, hushed):
        each.dispose()


@pytest.mark.slow
def test_a_dump_that_misses_rows_or_is_cut_short_is_found_when_it_is_read_back(
    postgresql: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin = open_database(postgresql.url).execution_options(isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text("CREATE DATABASE lossy"))
    engine = open_database(admin.url.set(database="lossy").render_as_string(hide_password=False))
    upgrade(engine)
    put(engine, chain(5))
    whole = backup_postgresql.dump

    def cut(connection: Any, part: Path, progress: Any) -> str:
        made_with = whole(connection, part, progress)
        os.truncate(part, part.stat().st_size - 300)
        return made_with

    def later(connection: Any, part: Path, progress: Any) -> str:
        put(engine, chain(1, device="bedside-2"))
        with engine.connect() as another:  # not the moment that was counted
            return whole(another, part, progress)

    for broken, words in ((cut, "pg_restore ended with"), (later, "rows of press: 5 were told, 6 found")):
        monkeypatch.setattr(backup_postgresql, "dump", broken)
        with pytest.raises(BackupError, match=words):
            backup(engine, tmp_path / "one.backup")
        assert list(tmp_path.iterdir()) == []
    engine.dispose()
    admin.dispose()


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


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["backup", "x", "--database", "missing.sqlite3"], "no such database"),
        (["backup", "x", "--keep", "3"], "no such database"),
        (["backup", "no/folder/x"], "No such file or directory"),
        (["backup", "x", "--keep", "3"], "is no folder"),
        (["restore", "missing", "--database", "new.sqlite3"], "there is none"),
        (["restore", "missing", "--database", "mysql://u:secret@h/d"], "not supported"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    arguments: list[str], words: str, sqlite_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(sqlite_file.parent)
    if words not in ("no such database",):
        sqlite_file.rename("refill-trial.sqlite3")
    said = run(*arguments, code=1)
    assert words in said
    assert len(said.splitlines()) == 1
    assert "secret" not in said


def test_a_tool_that_is_too_old_or_not_there_is_said_with_the_package(tmp_path: Path, monkeypatch: Any) -> None:
    old = tmp_path / "pg_dump"
    old.write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 9.6.2'\n")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("trial.backup_postgresql._PLACES", str(tmp_path / "none"))
    assert tool_for("pg_dump", 9) == (str(old), "pg_dump (PostgreSQL) 9.6.2")
    with pytest.raises(BackupError, match=r"of version 15 .* only version 9 is here: .*postgresql-client-15"):
        tool_for("pg_dump", 15)
    with pytest.raises(BackupError, match="none is here"):
        tool_for("pg_restore", 15)
