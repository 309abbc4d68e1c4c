"""Traces brought from a device's journal: each once, whole, held against its reading, and what does not fit named."""

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest
from sqlalchemy import Engine
from trace_bench import (
    DONE,
    arrive,
    audited,
    everything,
    exported,
    here,
    keep,
    receipted,
    records,
    said,
    three_readings,
    unread,
)
from trial_bench import NOON, STUDY

from contract.envelope import chain_sha256
from device.clock import SystemClock
from device.journal.retention import OldTrace, remove
from trial import traces
from trial.corrections import CorrectionError, correct
from trial.freezing import change
from trial.people import UnsignedError
from trial.reconcile import ExportError
from trial.reconcile_csv import database_csv
from trial.trace_import import Taken, bring


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return three_readings(tmp_path / "journal.sqlite")


@pytest.fixture
def folder(journal: Path, tmp_path: Path) -> Path:
    return exported(journal, tmp_path / "export")


def test_every_trace_comes_in_once_as_the_device_hashed_it(engine: Engine, journal: Path, folder: Path) -> None:
    arrive(engine, records(journal))
    before = everything(engine, "audit", "press_trace")
    assert said(bring(engine, folder, **DONE)) == (8, 0, 0, [], [])
    assert said(bring(engine, folder, **DONE)) == (0, 8, 0, [], [])
    assert everything(engine, "audit", "press_trace") == before, "a trace is beside a reading and no part of it"
    with engine.connect() as connection:
        for record in records(journal):
            for press in record.reading.presses:
                found = traces.text_of(connection, str(record.reading.reading_id), press.number)
                name = f"traces/{record.device_seq:06}-{press.number}.json"
                if press.trace_sha256 is None:
                    assert found is None
                else:
                    assert found == (folder / name).read_bytes()
                    assert sha256(found).hexdigest() == press.trace_sha256
        assert list(traces.altered(connection, "demo")) == []
        assert [(each.named, each.here) for each in traces.standings(connection, "demo")] == [(8, 8)]
    begun, ended = audited(engine)[-4:-2]
    assert (begun[1], ended[1]) == ("trace import begun", "trace import done")
    assert begun[0].startswith("dm-1 ")
    assert DONE["why"] in begun[2]
    assert sha256((folder / "SHA256SUMS").read_bytes()).hexdigest() in begun[2]
    assert ended[2].startswith("study demo, device bedside-1")
    assert ended[2].endswith("8 stored")


def test_a_trace_of_a_reading_that_has_not_come_in_waits_and_is_named(
    engine: Engine, journal: Path, folder: Path
) -> None:
    arrive(engine, records(journal)[:1])
    assert said(bring(engine, folder, **DONE)) == (3, 0, 0, [2, 3], [])
    arrive(engine, records(journal)[1:])
    assert said(bring(engine, folder, **DONE)) == (5, 3, 0, [], [])


def replaced(folder: Path, name: str, content: bytes) -> None:
    """Put another file in the place of one, and its hash into the sums: what somebody does who knows of them."""
    path, sums = folder / name, folder / "SHA256SUMS"
    old = sha256(path.read_bytes()).hexdigest()
    path.write_bytes(content)
    sums.write_text(sums.read_text().replace(old, sha256(content).hexdigest()))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (
            lambda f: (f / "traces/000002-1.json").write_bytes(b"{}"),
            "traces/000002-1.json: is not the trace that record 2",
        ),
        (lambda f: replaced(f, "traces/000002-1.json", b"{}"), "traces/000002-1.json: is not the trace that record 2"),
        (
            lambda f: (f / "traces/000001-1.json").replace(f / "traces/000002-1.json"),
            "traces/000001-1.json: is missing, and record 1 names it",
        ),
        (lambda f: (f / "traces/000002-1.json").unlink(), "traces/000002-1.json: is missing, and record 2 names it"),
        (lambda f: (f / "traces/000009-1.json").write_bytes(b"{}"), "traces/000009-1.json: no record of the export"),
        (
            lambda f: (f / "traces/000002-1.json").write_bytes(b" " * (traces.MOST_BYTES + 1)),
            "traces/000002-1.json: is larger",
        ),
    ],
)
def test_a_trace_that_does_not_fit_is_named_and_stays_out_and_the_others_come_in(
    engine: Engine, journal: Path, folder: Path, damage: Callable[[Path], object], words: str
) -> None:
    arrive(engine, records(journal))
    damage(folder)
    taken = bring(engine, folder, **DONE)
    assert any(words in sentence for sentence in taken.refused), taken.refused
    sound = {
        (record.device_seq, press.number): str(record.reading.reading_id)
        for record in records(journal)
        for press in record.reading.presses
        if press.trace_sha256
    }
    wanted = {
        (seq, number): reading_id
        for (seq, number), reading_id in sound.items()
        if not any(f"{seq:06}-{number}" in sentence for sentence in taken.refused)
    }
    found = {(reading_id, number) for reading_id, numbers in here(engine).items() for number in numbers}
    assert found == {(reading_id, number) for (_, number), reading_id in wanted.items()}
    assert taken.stored == len(wanted) >= 6


def test_a_reading_that_stands_as_another_one_takes_no_trace(engine: Engine, journal: Path, tmp_path: Path) -> None:
    """The same reading_id from another device: the export's chain is whole, the database knows it otherwise."""
    other = tmp_path / "other.sqlite"
    stolen = str(records(journal)[0].reading.reading_id)
    keep(other, [unread(number, 1) for number in (1, 2, 3)], "bedside-2", reading_id=stolen)
    arrive(engine, records(journal)[:1])
    taken = bring(engine, exported(other, tmp_path / "other"), **DONE)
    assert taken.refused == [f"record 1: reading {stolen} is another one in the database"]
    assert here(engine) == {}


def test_a_record_of_a_newer_version_is_named_and_the_others_bring_their_traces(
    engine: Engine, journal: Path, folder: Path
) -> None:
    arrive(engine, records(journal))
    lines = (folder / "records.jsonl").read_text(encoding="utf-8").splitlines()
    row = json.loads(lines[-1])
    row["body"] = row["body"].replace('"schema_version":"1.4"', '"schema_version":"1.9"')
    row["sha256"] = chain_sha256(row["previous_sha256"], row["body"])
    replaced(folder, "records.jsonl", "".join(f"{line}\n" for line in (*lines[:-1], json.dumps(row))).encode())
    taken = bring(engine, folder, **DONE)
    assert taken.stored == 5
    assert taken.refused == ["record 3: is no record that this version knows"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda f: (f / "SHA256SUMS").unlink(), "no whole export"),
        (lambda f: (f / "removals.jsonl").unlink(), "no whole export"),
        (lambda f: (f / "records.jsonl").open("a").write("\n"), "records.jsonl was altered"),
        (lambda f: replaced(f, "records.jsonl", b"[]\n"), "no whole export"),
        (lambda f: replaced(f, "journal.json", b"{}"), "'device' is missing"),
        (lambda f: replaced(f, "journal.json", b'{"device": "bedside-9", "first_seq": 1}'), "not number 1 of device"),
        (lambda f: replaced(f, "records.jsonl", last_altered(f)), "record 3 was altered"),
    ],
)
def test_an_export_that_is_not_as_it_was_made_brings_nothing_at_all(
    engine: Engine, journal: Path, folder: Path, damage: Callable[[Path], object], words: str
) -> None:
    arrive(engine, records(journal))
    before = everything(engine)
    damage(folder)
    with pytest.raises(ExportError, match=words) as caught:
        bring(engine, folder, **DONE)
    assert "\n" not in str(caught.value)
    assert everything(engine) == before


def last_altered(folder: Path) -> bytes:
    """The records with another number in the last: whole lines, whose last does not have its hash."""
    lines = (folder / "records.jsonl").read_text(encoding="utf-8").splitlines()
    row = json.loads(lines[-1])
    row["body"] = row["body"].replace('"crt_s":2.5', '"crt_s":2.6')
    return "".join(f"{line}\n" for line in (*lines[:-1], json.dumps(row))).encode()


def test_what_retention_removed_on_the_device_is_counted_and_no_fault(
    engine: Engine, journal: Path, tmp_path: Path
) -> None:
    arrive(engine, records(journal))
    third = records(journal)[2]
    receipted(journal, third)
    sha256_of = third.reading.presses[1].trace_sha256
    assert sha256_of is not None
    remove(journal, [OldTrace(3, str(third.reading.reading_id), 2, sha256_of, 20, False)], "n12", SystemClock())
    assert said(bring(engine, exported(journal, tmp_path / "later"), **DONE)) == (7, 0, 1, [], [])


def test_who_and_why_are_asked_for(engine: Engine, folder: Path) -> None:
    before = everything(engine)
    for actor, why in (("dm-1", " "), ("", "sent")):
        with pytest.raises(UnsignedError):
            bring(engine, folder, actor=actor, why=why)
    assert everything(engine) == before


def test_one_study_of_a_journal_of_two(engine: Engine, journal: Path, tmp_path: Path) -> None:
    other = STUDY.model_copy(update={"name": "demo-two"})
    keep(journal, [unread(1, 9)], study="demo-two")
    arrive(engine, records(journal)[:3])
    arrive(engine, records(journal)[3:], other)
    folder = exported(journal, tmp_path / "export")
    assert said(bring(engine, folder, study="demo-two", **DONE)) == (1, 0, 0, [], [])
    assert [detail.split(",")[0] for _, action, detail in audited(engine) if "trace" in action] == [
        "study demo-two"
    ] * 2
    assert said(bring(engine, folder, **DONE)) == (8, 1, 0, [], [])
    with engine.connect() as connection:
        assert [(reading_id, number) for reading_id, number, _ in traces.of_study(connection, "demo-two")] == [
            (str(records(journal)[3].reading.reading_id), 1)
        ]


def test_a_trace_is_added_to_a_frozen_reading_and_changes_nothing_of_it(
    engine: Engine, journal: Path, folder: Path
) -> None:
    arrive(engine, records(journal))
    change(engine, "demo", ("00", None), "frozen", NOON, actor="dm-1", why="clean")
    reading_id = str(records(journal)[0].reading.reading_id)
    with engine.connect() as connection:
        stood = database_csv(connection, "demo", "refill")
    begun_at = datetime.now(UTC)
    assert bring(engine, folder, **DONE).stored == 8
    with engine.connect() as connection:
        assert database_csv(connection, "demo", "refill") == stood
        kept = traces.kept(connection, reading_id)
    assert {number: each.actor for number, each in kept.items()} == {1: "dm-1", 2: "dm-1", 3: "dm-1"}
    assert all(each.at >= begun_at for each in kept.values()), "it shows that it came after the freeze"
    with pytest.raises(CorrectionError, match="site 00 is frozen"):
        correct(engine, STUDY, reading_id, "side", "right", **DONE)


@pytest.mark.slow
def test_two_imports_at_once_store_each_trace_once(engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "many.sqlite"
    for seed in range(30):
        keep(path, [unread(1, seed)])
    arrive(engine, records(path))
    folder = exported(path, tmp_path / "export")
    done: list[Taken] = []
    both = [threading.Thread(target=lambda: done.append(bring(engine, folder, **DONE))) for _ in range(2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join(60)
    assert [taken.refused for taken in done] == [[], []]
    assert sum(taken.stored for taken in done) == 30
    assert sum(taken.there for taken in done) == 30


@pytest.mark.slow
def test_an_import_that_was_killed_shows_and_is_ended_by_the_next(engine: Engine, journal: Path, folder: Path) -> None:
    arrive(engine, records(journal))
    code = (
        "import os, pathlib, signal, sys\n"
        "from trial import trace_import\n"
        "from trial.database import open_database\n"
        "store, calls = trace_import._Bringing._insert, []\n"
        "def dying(*arguments):\n"
        "    calls.append(1)\n"
        "    return os.kill(os.getpid(), signal.SIGKILL) if len(calls) > 1 else store(*arguments)\n"
        "trace_import._Bringing._insert, trace_import._AT_ONCE = dying, 1\n"
        "trace_import.bring(open_database(sys.argv[1]), pathlib.Path(sys.argv[2]), actor='dm-1', why='sent')\n"
    )
    command = [sys.executable, "-c", code, engine.url.render_as_string(hide_password=False), str(folder)]
    assert subprocess.run(command, timeout=60, check=False).returncode == -9
    assert sorted(map(len, here(engine).values())) == [3], "the traces of one reading, whole"
    assert audited(engine)[-1][1] == "trace import begun"
    assert said(bring(engine, folder, **DONE)) == (5, 3, 0, [], [])
    assert audited(engine)[-1][1] == "trace import done"
