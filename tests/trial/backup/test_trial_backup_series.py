"""A folder of backups: the newest are kept, only of their own database, and only once the next is good."""

import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from backup_bench import audited
from sqlalchemy import select

from trial import backup_sqlite, tables
from trial.backup import backup
from trial.backup_files import alone_in, name_in_series
from trial.backup_manifest import BackupError, manifest_path
from trial.database import open_database


@pytest.mark.slow
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
