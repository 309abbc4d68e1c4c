"""PostgreSQL's own tools: no password as an argument, and what they left out is found."""

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from backup_bench import put
from sqlalchemy import text
from trial_bench import chain

from trial import backup_postgresql
from trial.backup import backup
from trial.backup_manifest import BackupError, manifest_path
from trial.database import open_database, upgrade

pytestmark = pytest.mark.slow


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
