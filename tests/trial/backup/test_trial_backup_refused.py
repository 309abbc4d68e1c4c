"""What is no whole backup, or cannot be done, is refused in one line, and nothing is left."""

import json
from pathlib import Path
from typing import Any

import pytest
from backup_bench import run

from trial.backup_manifest import BackupError, manifest_path, read_manifest
from trial.backup_postgresql import tool_for


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


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
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
