"""Traces in the trial database: never altered unseen, backed up, counted, checked and handed out."""

from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError
from trace_bench import (
    DONE,
    PRESS,
    arrive,
    everything,
    exported,
    keep,
    pressed,
    records,
    three_readings,
)
from typer.testing import CliRunner

from refill.analyse_cli import analyse_stored
from refill.trial_cli import app
from trial import traces
from trial.backup import backup
from trial.backup_restore import restore
from trial.database import open_database, upgrade, writing
from trial.trace_import import bring


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return three_readings(tmp_path / "journal.sqlite")


@pytest.fixture
def folder(journal: Path, tmp_path: Path) -> Path:
    return exported(journal, tmp_path / "export")


def run(*arguments: object, code: int = 0) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.output
    return result.output


def test_a_stored_trace_can_be_neither_changed_nor_replaced_nor_removed(
    engine: Engine, journal: Path, folder: Path
) -> None:
    arrive(engine, records(journal))
    bring(engine, folder, **DONE)
    before = everything(engine)
    for statement in (
        "UPDATE press_trace SET actor = 'other'",
        "DELETE FROM press_trace",
        "INSERT INTO press_trace SELECT * FROM press_trace",
    ):
        with pytest.raises(DBAPIError), writing(engine).begin() as connection:
            connection.execute(text(statement))
    assert everything(engine) == before


def tampered(engine: Engine, statement: str, **values: Any) -> None:
    """Change a stored row as somebody could who owns the file."""
    with writing(engine).begin() as connection:
        connection.execute(text("DROP TRIGGER press_trace_no_update"))
        connection.execute(text(statement), values)


@pytest.mark.slow
@pytest.mark.parametrize("content", [b"another text", b""])
def test_a_trace_that_was_altered_in_the_database_is_never_handed_out(
    tmp_path: Path, journal: Path, folder: Path, content: bytes
) -> None:
    engine = open_database(str(tmp_path / "trial.sqlite3"))
    upgrade(engine)
    arrive(engine, records(journal))
    bring(engine, folder, **DONE)
    reading_id = str(records(journal)[0].reading.reading_id)
    packed = traces.pack(content) if content else b"\x00"
    row = {"packed": packed, "sha256": sha256(content).hexdigest(), "reading_id": reading_id}
    tampered(engine, "UPDATE press_trace SET packed = :packed, sha256 = :sha256 WHERE reading_id = :reading_id", **row)
    with engine.connect() as connection:
        assert len(list(traces.altered(connection, "demo"))) == 3
        with pytest.raises(traces.AlteredTraceError, match=f"reading {reading_id}: the trace of press 1"):
            traces.text_of(connection, reading_id, 1)
    arguments = ("--study", "demo", "--database", tmp_path / "trial.sqlite3")
    assert reading_id in run("traces", "status", "--check", *arguments, code=1)
    run("traces", "write", reading_id, "--out", tmp_path / "out", "--database", tmp_path / "trial.sqlite3", code=1)
    assert not (tmp_path / "out").exists()
    engine.dispose()


@pytest.mark.slow
def test_a_backup_and_what_is_restored_from_it_have_the_traces(tmp_path: Path, journal: Path, folder: Path) -> None:
    engine = open_database(str(tmp_path / "trial.sqlite3"))
    upgrade(engine)
    arrive(engine, records(journal))
    bring(engine, folder, **DONE)
    made = backup(engine, tmp_path / "one.backup")
    assert made.manifest.facts.tables["press_trace"] == 8
    again = open_database(str(tmp_path / "restored.sqlite3"))
    restore(made.path, again)
    assert everything(again)["press_trace"] == everything(engine)["press_trace"]
    with again.connect() as connection:
        assert list(traces.altered(connection, "demo")) == []
    for each in (engine, again):
        each.dispose()


@pytest.mark.slow
def test_the_commands_bring_count_check_and_hand_out(tmp_path: Path, journal: Path) -> None:
    real = keep(journal, [pressed(PRESS)])
    database = tmp_path / "trial.sqlite3"
    engine = open_database(str(database))
    upgrade(engine)
    arrive(engine, records(journal)[1:])
    folder = exported(journal, tmp_path / "export")
    asked = ("traces", "import", folder, "--database", database, "--why", "sent")
    run(*asked, "--by", "dupont", code=2)
    shown = run(*asked, "--by", "dm-1", code=1).splitlines()
    assert shown[0] == "bedside-1: 6 traces stored now, 0 were there already"
    assert shown[1].startswith("bedside-1: readings that have not come in: 1 (1); refill trial reconcile")
    arrive(engine, records(journal)[:1])
    assert run(*asked, "--by", "dm-1") == "bedside-1: 3 traces stored now, 6 were there already\n"
    status = run("traces", "status", "--check", "--study", "demo", "--database", database)
    assert status.splitlines()[1].split() == ["00", "bedside-1", "9", "9", "0"]
    assert "every stored trace is the one that its device hashed" in status
    out = ("traces", "write", real.reading_id, "--out", tmp_path / "out", "--database", database)
    path = Path(run(*out).strip())
    # The trace with the reading gives the reading again, to the last digit.
    analysis, doubt = analyse_stored(path, None, None)
    told = real.presses[0].result
    assert (analysis.crt_s, analysis.crt_ci95_s, doubt) == (told.crt_s, told.crt_ci95_s, None)
    assert "File exists" in run(*out, code=1)
    assert "no trace of a reading" in run("traces", "write", "0000", "--out", tmp_path, "--database", database, code=1)
    engine.dispose()
