"""`refill trial freeze` and `unfreeze`, and `reconcile --crf`, as a data manager types them."""

from pathlib import Path
from typing import Any

import pytest
from feed_bench import small_trial
from sqlalchemy import select
from trial_bench import NOON, new_database
from typer.testing import CliRunner

from benchmarks.feed_records import fill
from device.journal import Deliveries
from device.journal.export import export as export_journal
from refill.trial_cli import app
from trial import tables
from trial.database import open_database
from trial.freezing import standing
from trial.schedule.asked import open_by_hand

STUDY_FILE = (
    'name = "demo"\ntitle = "demo"\nsites = ["00", "01"]\naccept_simulated = true\nevents = ["inclusion", "day-1"]\n'
)
SIGNED = ("--by", "dm-1", "--why", "the site is clean")


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "trial.sqlite3"
    engine = new_database(path)
    small_trial(engine)
    open_by_hand(engine, "demo", "00", "which side?", NOON, actor="dm-1", inclusion="7")
    engine.dispose()
    (tmp_path / "studies").mkdir()
    (tmp_path / "studies" / "demo.toml").write_text(STUDY_FILE)
    return path


def run(database: Path, *arguments: object, code: int = 0) -> str:
    where = ("--study", "demo", "--database", database, "--config", database.parent)
    result = CliRunner().invoke(app, [str(each) for each in (*arguments, *where)])
    assert result.exit_code == code, result.output
    return result.output


def frozen(database: Path) -> set[Any]:
    engine = open_database(str(database))
    with engine.connect() as connection:
        found = set(standing(connection, "demo"))
    engine.dispose()
    return found


@pytest.mark.slow
@pytest.mark.parametrize(
    ("option", "value", "shown", "whose"),
    [("--site", "00", "site 00", ("00", None)), ("--subject", "00-7", "subject 00-7", ("00", "7"))],
)
def test_what_is_frozen_is_said_holds_until_it_is_unfrozen_and_stands_in_the_audit_trail(
    database: Path, option: str, value: str, shown: str, whose: tuple[str, str | None]
) -> None:
    assert run(database, "freeze", option, value, *SIGNED) == f"{shown} is frozen\n"
    assert frozen(database) == {whose}
    said = run(database, "queries", "answer", "1", "--why", "left", "--actor", "dm-1", code=1)
    assert said.startswith(f"{shown} is frozen since ")
    assert run(database, "freeze", option, value, *SIGNED, code=1) == f"{shown} is frozen already\n"
    assert run(database, "unfreeze", option, value, *SIGNED) == f"{shown} is unfrozen\n"
    assert run(database, "unfreeze", option, value, *SIGNED, code=1) == f"{shown} is not frozen\n"
    assert frozen(database) == set()
    assert run(database, "queries", "answer", "1", "--why", "left", "--actor", "dm-1") == "query 1 is answered\n"
    engine = open_database(str(database))
    with engine.connect() as connection:
        actions = list(connection.execute(select(tables.audit.c.action).order_by(tables.audit.c.id)).scalars())
    engine.dispose()
    assert [each for each in actions if each.startswith("data ")] == ["data frozen", "data unfrozen"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), "one of them"),
        (("--site", "00", "--subject", "00-7"), "one of them"),
        (("--site", "77"), "77 is not among the study's sites"),
        (("--subject", "77-7"), "77 is not among the study's sites"),
        (("--subject", "00-x"), "as in 12-0034"),
        (("--subject", "00-0007"), "there is no reading of subject 00-0007"),
        (("--site", "00", "--by", "dupont"), "could be a name"),
        (("--site", "00", "--why", " "), "a reason is needed"),
    ],
)
def test_what_cannot_be_frozen_is_said_in_one_line_and_nothing_is(
    database: Path, options: tuple[str, ...], words: str
) -> None:
    where = ("--study", "demo", "--database", str(database), "--config", str(database.parent))
    result = CliRunner().invoke(app, ["freeze", *SIGNED, *where, *options])
    assert result.exit_code in (1, 2)
    assert words in result.output
    assert len(result.output.splitlines()) == 1
    assert frozen(database) == set()


@pytest.mark.slow
def test_a_csv_alone_is_held_against_the_database_and_a_changed_row_is_named(database: Path, tmp_path: Path) -> None:
    out = tmp_path / "crf.csv"
    mottling = tmp_path / "mottling.csv"
    run(database, "export", "--out", out, "--mottling", mottling)
    said = run(database, "reconcile", "--crf", out)
    assert said == "demo refill CSV: 5 rows in the file, 5 in the database, 5 the same\n"
    assert "2 rows in the file, 2 in the database, 2 the same" in run(database, "reconcile", "--crf", mottling)
    header, *rows = out.read_bytes().splitlines(keepends=True)
    changed = next(row for row in rows if b",n14," in row)
    gone = next(row for row in rows if row != changed)
    kept = [row.replace(b",n14,", b",n15,") for row in rows if row != gone]
    out.write_bytes(header + b"".join(kept))
    lines = run(database, "reconcile", "--crf", out, code=1).splitlines()
    assert lines[0] == "demo refill CSV: 4 rows in the file, 5 in the database, 3 the same"
    assert [line.partition(": ")[2] for line in lines[1:]] == ["missing in the file", "different: operator"]


def test_journal_and_csv_are_compared_in_one_report(database: Path, tmp_path: Path) -> None:
    fill(tmp_path / "journal.sqlite", 2)
    with Deliveries.open(tmp_path / "journal.sqlite", read_only=True) as opened:
        export_journal(opened, tmp_path / "journal")
    out = tmp_path / "crf.csv"
    run(database, "export", "--out", out)
    said = run(database, "reconcile", "--journal-export", tmp_path / "journal", "--crf", out, code=1)
    assert "2 in the journal, 0 of them in the database" in said
    assert said.splitlines()[-1] == "demo refill CSV: 5 rows in the file, 5 in the database, 5 the same"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), "--journal-export, --crf, or both"),
        (("--crf", "none.csv"), "cannot be read"),
        (("--crf", "trial.toml"), "first line"),
        (("--crf", "crf.csv", "--import", "--by", "dm-1", "--why", "lost"), "--import needs --journal-export"),
    ],
)
def test_a_reconciliation_that_cannot_be_made_is_said_in_one_line(
    database: Path, tmp_path: Path, options: tuple[str, ...], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "trial.toml").write_text("a,b\n", encoding="utf-8")
    result = CliRunner().invoke(
        app, ["reconcile", "--study", "demo", "--database", str(database), "--config", str(tmp_path), *options]
    )
    assert result.exit_code in (1, 2)
    assert words in result.output
    assert len(result.output.splitlines()) == 1
