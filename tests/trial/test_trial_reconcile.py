"""A device's journal against the trial database: what a restore has lost comes back from the device's own record."""

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select
from trial_bench import NOON
from trial_bench import STUDY as BENCH
from typer.testing import CliRunner

from benchmarks.feed_records import fill
from contract.envelope import Envelope
from contract.reading import Receipt
from device.journal import Deliveries, JournalRecord
from device.journal.export import export
from firmware_config.study import Study
from refill.trial_cli import app
from trial import queries, tables
from trial.backup import backup
from trial.backup_restore import restore
from trial.database import open_database, upgrade
from trial.judge import judge
from trial.people import UnsignedError
from trial.reconcile import ExportError, compare, import_missing, read_export
from trial.store import Arrival, store

STUDY = BENCH.model_copy(update={"devices": "any"})
SIGNED = {"actor": "dm-1", "why": "the disk of the database was lost"}


def records(journal: Path) -> list[JournalRecord]:
    with Deliveries.open(journal, read_only=True) as opened:
        return list(opened.records())


def arrive(engine: Engine, sent: list[JournalRecord], study: Study = STUDY) -> None:
    """Have records stored as the ingester does."""
    for record in sent:
        sealed = Envelope(sent_at=NOON, previous_sha256=record.previous_sha256, sha256=record.sha256, body=record.body)
        topic, payload = "refill/v1/demo/00/bedside-1/reading", sealed.model_dump_json().encode()
        store(engine, [Arrival(topic, payload, NOON, judge(topic, payload, study))], NOON)


def receipted(journal: Path, seqs: range) -> None:
    """Note that the trial database has said that it holds these."""
    with Deliveries.open(journal) as opened:
        for seq in seqs:
            record = opened.record(seq)
            assert record is not None
            assert opened.note(
                Receipt(
                    reading_id=record.reading.reading_id,
                    device_seq=seq,
                    sha256=record.sha256,
                    outcome="stored",
                    received_at=NOON,
                )
            )


def exported(journal: Path, folder: Path) -> Path:
    with Deliveries.open(journal, read_only=True) as opened:
        export(opened, folder)
    return folder


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """A journal with 10 records of a device."""
    path = tmp_path / "journal.sqlite"
    fill(path, 10)
    return path


@pytest.fixture
def folder(journal: Path, tmp_path: Path) -> Path:
    """Its export: the device has a receipt for the first 8."""
    receipted(journal, range(1, 9))
    return exported(journal, tmp_path / "export")


def audited(engine: Engine) -> list[tuple[str, str, str]]:
    with engine.connect() as connection:
        t = tables.audit.c
        return [tuple(row) for row in connection.execute(select(t.actor, t.action, t.detail).order_by(t.id))]


def run(*arguments: object, code: int = 0) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.output
    return result.output


def test_what_came_after_the_backup_comes_back_from_the_journal(
    engine: Engine, journal: Path, folder: Path, tmp_path: Path
) -> None:
    """The case that no gap shows: the numbers at the end are lost, and the device has its receipts."""
    sent = records(journal)
    arrive(engine, sent[:6])
    with engine.connect() as connection:
        assert queries.gaps(connection) == []
        [found] = compare(connection, read_export(folder))
    assert [record.device_seq for record in found.missing] == [7, 8, 9, 10]
    assert [record.receipted for record in found.missing] == [True, True, False, False]
    assert (found.exported, found.same, found.different, found.unknown, found.beyond) == (10, 6, [], [], 0)
    before = datetime.now(UTC)
    done = import_missing(engine, read_export(folder), found, STUDY, **SIGNED)
    assert (done.stored, done.again, done.refused) == (4, 0, [])
    with engine.connect() as connection:
        [now] = compare(connection, read_export(folder))
        r = tables.reading.c
        times = connection.execute(select(r.measured_at, r.sent_at, r.received_at).where(r.device_seq == 10)).one()
    assert now.agrees
    assert times.measured_at == sent[9].reading.measured.at  # the device's, as it was
    assert times.sent_at == times.received_at
    assert times.received_at >= before
    arrive(engine, sent)  # the device sends again, at another time: the first times stay
    with engine.connect() as connection:
        again = connection.execute(select(r.measured_at, r.sent_at, r.received_at).where(r.device_seq == 10)).one()
    assert tuple(again) == tuple(times)
    begun, ended = audited(engine)[-2:]
    assert begun[0].startswith("dm-1 ")
    assert (begun[1], ended[1]) == ("journal import begun", "journal import done")
    assert "4 records" in begun[2]
    assert SIGNED["why"] in begun[2]
    assert read_export(folder).sums_sha256 in begun[2]
    assert "4 stored, 0 there already, 0 refused" in ended[2]


@pytest.mark.slow
def test_the_whole_way_backup_loss_restore_reconcile(tmp_path: Path, journal: Path, folder: Path) -> None:
    database, again = tmp_path / "trial.sqlite3", tmp_path / "restored.sqlite3"
    engine = open_database(str(database))
    upgrade(engine)
    arrive(engine, records(journal)[:6])
    made = backup(engine, tmp_path / "one.backup")
    arrive(engine, records(journal)[6:])
    engine.dispose()
    database.unlink()
    restored = open_database(str(again))
    restore(made.path, restored)
    said = run("reconcile", "--journal-export", folder, "--database", again, code=1)
    assert said.splitlines() == [
        "demo bedside-1: 10 in the journal, 6 of them in the database as they are there",
        "demo bedside-1: missing 7 to 10 (4): 2 of them have a receipt and will not come by themselves, 0 were refused",
    ]
    asked = ["reconcile", "--journal-export", folder, "--database", again, "--import"]
    run(*asked, code=2)
    run(*asked, "--by", "dupont", "--why", "x", code=2)
    said = run(*asked, "--by", "dm-1", "--why", "disk lost")
    assert "4 stored now, 0 had come meanwhile" in said
    run(*asked, "--by", "dm-1", "--why", "disk lost")
    assert [action for _, action, _ in audited(restored)].count("journal import begun") == 1  # nothing was missing
    with restored.connect() as connection:
        assert (queries.gaps(connection), queries.chain_breaks(connection)) == ([], [])
    restored.dispose()


def test_what_a_device_sends_meanwhile_is_stored_once(engine: Engine, journal: Path, folder: Path) -> None:
    sent = records(journal)
    arrive(engine, sent[:6])
    with engine.connect() as connection:
        [found] = compare(connection, read_export(folder))
    arrive(engine, sent[8:])  # unsent ones come by themselves
    done = import_missing(engine, read_export(folder), found, STUDY, **SIGNED)
    assert (done.stored, done.again) == (2, 2)
    with engine.connect() as connection:
        assert len(connection.execute(select(tables.reading.c.id)).all()) == 10


def test_what_the_wire_would_refuse_stays_out_and_is_named(engine: Engine, folder: Path) -> None:
    clinical = STUDY.model_copy(update={"accept_simulated": False})
    with engine.connect() as connection:
        [found] = compare(connection, read_export(folder))
    done = import_missing(engine, read_export(folder), found, clinical, **SIGNED)
    assert (done.stored, len(done.refused)) == (0, 10)
    assert "simulated" in done.refused[0][1]
    strangers = STUDY.model_copy(update={"devices": "enrolled"})
    done = import_missing(engine, read_export(folder), found, strangers, **SIGNED)
    assert (done.stored, len(done.refused)) == (0, 10)
    with engine.connect() as connection:
        assert connection.execute(select(tables.reading.c.id)).all() == []
        assert connection.execute(select(tables.dead_letter.c.id)).all() == []


def test_a_record_that_contradicts_what_is_stored_is_named_and_never_imported(
    engine: Engine, folder: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.sqlite"
    fill(other, 3)
    arrive(engine, records(other))
    with engine.connect() as connection:
        [found] = compare(connection, read_export(folder))
    assert (found.same, found.different, len(found.missing)) == (0, [1, 2, 3], 7)
    assert not found.agrees
    longer = tmp_path / "longer"
    fill(other, 2)
    with engine.connect() as connection:
        [backwards] = compare(connection, read_export(exported(other, longer)))
    assert [record.device_seq for record in backwards.missing] == [4, 5]


def test_records_that_the_journal_does_not_have_and_those_after_it_are_told_apart(
    engine: Engine, journal: Path, folder: Path
) -> None:
    fill(journal, 2)
    arrive(engine, records(journal))
    with engine.connect() as connection:
        [found] = compare(connection, read_export(folder))
    assert (found.same, found.beyond, found.unknown, found.agrees) == (10, 2, [], True)


def test_refused_records_are_told_from_lost_ones(engine: Engine, journal: Path, folder: Path) -> None:
    arrive(engine, records(journal)[:2], STUDY.model_copy(update={"accept_simulated": False}))
    arrive(engine, records(journal)[2:9])
    with engine.connect() as connection:
        [found] = compare(connection, read_export(folder))
    assert ([record.device_seq for record in found.missing], found.refused) == ([1, 2, 10], [1, 2])


def test_who_and_why_are_asked_for(engine: Engine, folder: Path) -> None:
    with engine.connect() as connection:
        [found] = compare(connection, read_export(folder))
    for signature in ({"actor": "dm-1", "why": " "}, {"actor": "", "why": "lost"}):
        with pytest.raises(UnsignedError):
            import_missing(engine, read_export(folder), found, STUDY, **signature)
    with engine.connect() as connection:
        assert connection.execute(select(tables.reading.c.id)).all() == []


def sealed_again(folder: Path, name: str, change: Callable[[str], str]) -> None:
    """Alter a file of an export, and its line in the sums as well."""
    path, sums = folder / name, folder / "SHA256SUMS"
    old = sha256(path.read_bytes()).hexdigest()
    path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")
    sums.write_text(sums.read_text().replace(old, sha256(path.read_bytes()).hexdigest()))


def first_line_gone(text: str) -> str:
    return "".join(text.splitlines(keepends=True)[1:])


def other_number(text: str) -> str:
    rows = [json.loads(line) for line in text.splitlines()]
    rows[4]["body"] = rows[4]["body"].replace('"crt_s":', '"crt_s":1')
    return "".join(json.dumps(row) + "\n" for row in rows)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda f: (f / "records.jsonl").open("a").write("\n"), "records.jsonl was altered"),
        (lambda f: (f / "SHA256SUMS").unlink(), "no whole export"),
        (lambda f: (f / "receipts.jsonl").unlink(), "no whole export"),
        (lambda f: sealed_again(f, "records.jsonl", first_line_gone), "record 2 is not number 1"),
        (lambda f: sealed_again(f, "records.jsonl", other_number), "record 5 was altered"),
        (lambda f: sealed_again(f, "records.jsonl", lambda _: "[]\n"), "no whole export"),
        (lambda f: sealed_again(f, "journal.json", lambda text: text.replace("bedside-1", "bedside-2")), "bedside-2"),
        (lambda f: sealed_again(f, "journal.json", lambda _: "{}"), "'device' is missing"),
    ],
)
def test_an_export_that_is_not_as_it_was_made_is_refused_in_one_line(folder: Path, damage: Any, words: str) -> None:
    damage(folder)
    with pytest.raises(ExportError, match=words):
        read_export(folder)
    said = run("reconcile", "--journal-export", folder, code=1)
    assert len(said.splitlines()) == 1


def test_an_empty_journal_says_so(tmp_path: Path) -> None:
    engine = open_database(str(tmp_path / "trial.sqlite3"))
    upgrade(engine)
    engine.dispose()
    fill(tmp_path / "journal.sqlite", 0)
    folder = exported(tmp_path / "journal.sqlite", tmp_path / "export")
    said = run("reconcile", "--journal-export", folder, "--database", tmp_path / "trial.sqlite3")
    assert said == "bedside-1: the journal has no records\n"


@pytest.mark.slow
def test_an_import_that_was_killed_shows_and_is_ended_by_the_next(engine: Engine, folder: Path) -> None:
    code = (
        "import os, pathlib, signal, sys\n"
        "from trial import reconcile\n"
        "from trial.database import open_database\n"
        "from firmware_config.study import Study\n"
        "engine, store, calls = open_database(sys.argv[1]), reconcile.store, []\n"
        "def dying(*arguments):\n"
        "    calls.append(1)\n"
        "    return os.kill(os.getpid(), signal.SIGKILL) if len(calls) > 2 else store(*arguments)\n"
        "reconcile.store, reconcile._AT_ONCE = dying, 3\n"
        "export = reconcile.read_export(pathlib.Path(sys.argv[2]))\n"
        "with engine.connect() as connection: found = reconcile.compare(connection, export)[0]\n"
        "study = Study.model_validate_json(sys.argv[3])\n"
        "reconcile.import_missing(engine, export, found, study, actor='dm-1', why='lost')\n"
    )
    url = engine.url.render_as_string(hide_password=False)
    command = [sys.executable, "-c", code, url, str(folder), STUDY.model_dump_json()]
    assert subprocess.run(command, timeout=60, check=False).returncode == -9
    with engine.connect() as connection:
        [found] = compare(connection, read_export(folder))
    assert found.same == 6
    assert audited(engine)[-1][1] == "journal import begun"
    import_missing(engine, read_export(folder), found, STUDY, **SIGNED)
    with engine.connect() as connection:
        assert compare(connection, read_export(folder))[0].agrees
    assert audited(engine)[-1][1] == "journal import done"
