"""A backup or restore that is killed is recognised, and the next one ends or removes it."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from backup_bench import audited, bodies, run
from sqlalchemy import Engine

from trial.backup import backup
from trial.backup_manifest import BackupError
from trial.backup_restore import restore
from trial.database import RESTORE_MARK, UnfinishedRestoreError, open_database, restoring_path, upgrade

pytestmark = pytest.mark.slow


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
