"""An archive: whole, of one study only, checked years later with and without this program, altered in no way unseen."""

import json
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from feed_bench import DONE, LATER, STUDY, keep, small_trial
from sqlalchemy import Engine, select
from trace_bench import arrive, exported, records, unkept, unread
from trace_bench import keep as keep_presses
from trial_bench import NOON, journal, new_database, reading
from typer.testing import CliRunner

from contract.reading import Reading
from firmware_config.study import Study
from refill.trial_cli import app
from trial import tables
from trial.accounts import Account, open_account
from trial.archive import archive
from trial.archive_check import FORMAT, MANIFEST, SUMS, ArchiveError, verify
from trial.archive_tables import is_of, read_rows
from trial.backup_manifest import file_sha256
from trial.corrections import correct
from trial.freezing import change
from trial.judge import judge
from trial.schedule.asked import open_by_hand
from trial.store import Arrival, store
from trial.trace_import import bring

OLDER = Path(__file__).parent / "archives" / "format-1.tar.xz"
"""A small archive as the first format wrote it, with a backup of the whole database, at schema r0008."""
OTHER = Study(name="demo-two", title="two", sites=["00"], accept_simulated=True, events=["inclusion"])


def two_studies(engine: Engine) -> list[str]:
    """A small trial, and another study in the same database, with all that people do; returns the other's readings."""
    made = small_trial(engine)
    others = [reading(seq, study="demo-two", device="bed-9", operator="zz9", event="inclusion") for seq in (1, 2)]
    topic = "refill/v1/demo-two/00/bed-9/reading"
    sent = [*journal(*others), b"of the other study"]
    store(engine, [Arrival(topic, each, NOON, judge(topic, each, OTHER)) for each in sent], NOON)
    for study, entry in ((OTHER, others[0]), (STUDY, made["first"])):
        correct(engine, study, str(entry.reading_id), "norepinephrine_onset_at", NOON.isoformat(), **DONE)
        open_by_hand(engine, study.name, "00", f"of {study.name}?", NOON, actor="dm-1")
        change(engine, study.name, ("00", None), "frozen", LATER, **DONE)
        account = Account(study.name, f"m-{len(study.name)}", "monitor", None)
        open_account(engine, study, account, "seven blue horses", actor="lead", why="a test")
    for topic in ("refill/v1/demo/00/bedside-1/reading", "refill/v1/demo/nowhere", "refill/v1/demo-two/nowhere"):
        store(engine, [Arrival(topic, b"\xff none", NOON, judge(topic, b"\xff none", STUDY))], NOON)
    return [str(each.reading_id) for each in others]


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    engine = new_database(folder / "trial.sqlite3")
    small_trial(engine)
    archive(engine, STUDY, folder / "archive", LATER)
    with pytest.raises(ArchiveError, match="is there already"):
        archive(engine, STUDY, folder / "archive", LATER)
    engine.dispose()
    return folder / "archive"


@pytest.fixture
def made(made_once: Path, tmp_path: Path) -> Path:
    """An archive of a small trial, to be altered."""
    return Path(shutil.copytree(made_once, tmp_path / "archive"))


def summed_anew(folder: Path, name: str, content: bytes) -> None:
    """Alter a file and its line in the list: what somebody does who knows how it is checked."""
    old = file_sha256(folder / name)
    (folder / name).write_bytes(content)
    sums = (folder / SUMS).read_text(encoding="utf-8")
    (folder / SUMS).write_text(sums.replace(old, file_sha256(folder / name)), encoding="utf-8")


@pytest.mark.slow
def test_an_archive_is_whole_and_whatever_is_altered_in_it_is_found(made: Path) -> None:
    found = verify(made)
    assert (found.wrong, found.not_compared) == ([], None)
    names = {path.relative_to(made).as_posix() for path in made.rglob("*")}
    wanted = {"crf.csv", "mottling.csv", "odm-snapshot.xml", "fhir-r5.ndjson", "study.json", "schema.json"}
    assert wanted | {"README.txt", "archive.json", SUMS, "tables/audit.jsonl", "tables/reading.jsonl"} < names
    (made / "tables" / "stranger").write_text("x", encoding="utf-8")
    assert verify(made).wrong == ["tables/stranger: is not in SHA256SUMS"]
    (made / "tables" / "stranger").unlink()
    whole = (made / "crf.csv").read_bytes()
    (made / "crf.csv").write_bytes(whole.replace(b",n14,", b",n15,"))
    assert verify(made).wrong == ["crf.csv: was altered: its hash does not match"]
    (made / "crf.csv").write_bytes(whole)
    summed_anew(made, "crf.csv", whole.replace(b",n14,", b",n15,"))
    assert verify(made).wrong == ["crf.csv: is not what the archived database gives"]
    summed_anew(made, "crf.csv", whole)
    rows = (made / "tables/reading.jsonl").read_bytes()
    summed_anew(made, "tables/reading.jsonl", rows.replace(b'\\"crt_s\\":2.5', b'\\"crt_s\\":3.5', 1))
    assert "is not as its device sealed it" in verify(made).wrong[0]
    summed_anew(made, "tables/reading.jsonl", rows.splitlines(keepends=True)[0])
    with pytest.raises(ArchiveError, match="its rows cannot be read"):
        verify(made)
    (made / "crf.csv").unlink()
    assert "crf.csv: is missing" in verify(made).wrong
    (made / SUMS).unlink()
    with pytest.raises(ArchiveError, match="is no archive"):
        verify(made)


@pytest.mark.slow
def test_it_holds_all_of_its_study_and_nothing_of_another(engine: Engine, tmp_path: Path) -> None:
    others = two_studies(engine)
    archive(engine, STUDY, tmp_path / "archive", LATER)
    assert verify(tmp_path / "archive").wrong == []
    schema = json.loads((tmp_path / "archive/schema.json").read_text(encoding="utf-8"))
    kept = {each["table"]: list(read_rows(tmp_path / "archive", each)) for each in schema["tables"]}
    assert set(kept) == set(tables.metadata.tables)
    everything = b"".join(path.read_bytes() for path in sorted((tmp_path / "archive").rglob("*")) if path.is_file())
    for strange in (*others, "demo-two", "bed-9", "zz9", "argon2", "m-8"):
        assert strange.encode() not in everything, strange
    with engine.connect() as connection:
        for table in (tables.record, tables.reading, tables.mottling, tables.query, tables.account, tables.receipt):
            of_study = select(table.c.id).where(table.c.study == "demo")
            assert len(kept[table.name]) == len(connection.execute(of_study).all()) > 0, table.name
        counts = {name: len(connection.execute(select(tables.metadata.tables[name])).all()) for name in kept}
    assert {name for name, rows in kept.items() if not rows} <= {name for name, count in counts.items() if not count}
    assert len(kept["press"]) == len(kept["reading"]) == 5
    assert [row["action"] for row in kept["data_freeze"]] == ["frozen"]
    # Neither was read; a topic that is none of ours names no study, but begins as its study's do.
    letters = [(row["topic"], row["study"], row["payload"]) for row in kept["dead_letter"]]
    assert letters == [
        ("refill/v1/demo/00/bedside-1/reading", "demo", b"\xff none"),
        ("refill/v1/demo/nowhere", None, b"\xff none"),
    ]
    actions = {row["action"] for row in kept["audit"]}
    assert {"schema upgraded", "reading corrected", "query opened", "data frozen", "account opened"} <= actions
    assert sum(row["action"] == "reading corrected" for row in kept["audit"]) == 4


@pytest.mark.slow
def test_it_is_checked_without_this_program(made: Path) -> None:
    check = ["sha256sum", "-c", SUMS]
    done = subprocess.run(check, cwd=made, capture_output=True, text=True, timeout=60, check=False)
    lines = done.stdout.splitlines()
    files = [path for path in made.rglob("*") if path.is_file()]
    assert (done.returncode, len(lines)) == (0, len(files) - 1)
    assert all(line.endswith(": OK") for line in lines)
    readme = (made / "README.txt").read_text(encoding="utf-8")
    assert f"sha256sum -c {SUMS}" in readme
    assert all(path.name in readme for path in files if path.suffix == ".jsonl")
    # What the README says of the chain, done by hand with the files alone.
    by_id = {}
    for name in ("reading", "mottling", "amendment"):
        for line in (made / f"tables/{name}.jsonl").read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            by_id[row["reading_id"]] = row["body"]
    records = [json.loads(line) for line in (made / "tables/record.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len(records) == 9
    for row in records:
        sealed = f"{row['previous_sha256']}\n{by_id[row['reading_id']]}".encode()
        assert sha256(sealed).hexdigest() == row["sha256"]


@pytest.fixture
def with_traces(tmp_path: Path) -> tuple[Path, Reading]:
    """An archive with the traces of a reading, of which another study in the same database has some too."""
    engine = new_database(tmp_path / "trial.sqlite3")
    journal_of_both = tmp_path / "journal.sqlite"
    kept_reading = keep_presses(journal_of_both, [unread(1, 1), unread(2, 1), unkept(3)])
    keep_presses(journal_of_both, [unread(1, 2)], study="demo-two")
    arrive(engine, records(journal_of_both)[:1])
    arrive(engine, records(journal_of_both)[1:], OTHER)
    assert bring(engine, exported(journal_of_both, tmp_path / "export"), **DONE).stored == 3
    archive(engine, STUDY, tmp_path / "archive", LATER)
    engine.dispose()
    return tmp_path / "archive", kept_reading


@pytest.mark.slow
def test_an_archive_has_the_traces_as_their_device_hashed_them(with_traces: tuple[Path, Reading]) -> None:
    folder, entry = with_traces
    assert verify(folder).wrong == []
    files = sorted(path.name for path in (folder / "traces").iterdir())
    assert files == [f"{entry.reading_id}-1.json", f"{entry.reading_id}-2.json"]
    # By hand, with the list of sums and the body of the reading alone.
    body = json.loads(json.loads((folder / "tables/reading.jsonl").read_text(encoding="utf-8"))["body"])
    for press in body["presses"][:2]:
        name = f"traces/{entry.reading_id}-{press['number']}.json"
        assert f"{press['trace_sha256']}  {name}" in (folder / SUMS).read_text(encoding="utf-8").splitlines()
        assert file_sha256(folder / name) == press["trace_sha256"]
    assert "packed" not in (folder / "tables/press_trace.jsonl").read_text(encoding="utf-8")
    assert json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["rows"]["traces"] == 2
    assert "trace import done" in (folder / "tables/audit.jsonl").read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_trace_that_is_altered_or_foreign_in_an_archive_is_found(with_traces: tuple[Path, Reading]) -> None:
    folder, entry = with_traces
    name = f"traces/{entry.reading_id}-1.json"
    whole = (folder / name).read_bytes()
    (folder / name).write_bytes(whole + b" ")
    assert verify(folder).wrong == [f"{name}: was altered: its hash does not match"]
    (folder / name).write_bytes(whole)
    summed_anew(folder, name, whole + b" ")
    assert verify(folder).wrong == [f"{name}: is not the trace that its reading names"]
    summed_anew(folder, name, whole)
    stranger = f"traces/{entry.reading_id}-7.json"
    (folder / stranger).write_bytes(b"{}")
    with (folder / SUMS).open("a", encoding="utf-8") as sums:
        sums.write(f"{file_sha256(folder / stranger)}  {stranger}\n")
    assert verify(folder).wrong == [f"{stranger}: is a trace of no reading"]
    (folder / stranger).unlink()
    (folder / name).unlink()
    assert f"{name}: is missing" in verify(folder).wrong


@pytest.fixture
def older(tmp_path: Path) -> Path:
    with tarfile.open(OLDER) as packed:
        packed.extractall(tmp_path, filter="data")
    return tmp_path / "format-1"


def test_an_archive_of_the_first_format_is_still_checked(older: Path) -> None:
    found = verify(older)
    assert (found.files, found.wrong, found.not_compared) == (13, [], None)
    summed_anew(older, "crf.csv", (older / "crf.csv").read_bytes().replace(b",n14,", b",n15,"))
    assert verify(older).wrong == ["crf.csv: is not what the archived database gives"]


@pytest.mark.slow
def test_an_export_with_the_columns_of_an_earlier_version_is_compared_by_those(made: Path) -> None:
    lines = (made / "crf.csv").read_bytes().splitlines()
    header = lines[0].rpartition(b",")[0]
    earlier = b"".join(line.rpartition(b",")[0] + b"\r\n" for line in lines)
    assert b"reading_id" in header
    summed_anew(made, "crf.csv", earlier)
    assert verify(made).wrong == []
    summed_anew(made, "crf.csv", earlier.replace(b",n14,", b",n15,"))
    assert verify(made).wrong == ["crf.csv: is not what the archived database gives"]


def changed(folder: Path, **values: Any) -> None:
    content = json.loads((folder / MANIFEST).read_text(encoding="utf-8")) | values
    summed_anew(folder, MANIFEST, json.dumps(content).encode())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("damage", "code", "words"),
    [
        (lambda _: None, 0, "the CSV equals what the archived rows give"),
        (lambda f: changed(f, schema_version="r9999"), 0, "not made again: its schema r9999 is newer"),
        (lambda f: changed(f, format=FORMAT + 1), 1, f"is of format {FORMAT + 1}, a newer one"),
        (lambda f: (f / "crf.csv").write_text("x"), 1, "crf.csv: was altered"),
        (lambda f: (f / MANIFEST).write_text("[]"), 1, "is no archive"),
        (shutil.rmtree, 1, "is no archive"),
    ],
)
def test_the_command_says_what_it_found_and_ends_with_its_code(
    made: Path, damage: Callable[[Path], object], code: int, words: str
) -> None:
    damage(made)
    result = CliRunner().invoke(app, ["archive-verify", str(made)])
    assert (result.exit_code, words in result.output) == (code, True), result.output
    assert code == 0 or len(result.output.splitlines()) == 1


@pytest.mark.slow
def test_the_command_writes_an_archive_and_its_hash_stands_in_the_audit_trail(tmp_path: Path) -> None:
    database = tmp_path / "trial.sqlite3"
    engine = new_database(database)
    keep(engine, reading(1, event="inclusion"))
    arguments = ["archive", "--study", "demo", "--database", str(database), "--out", str(tmp_path / "archive")]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    known = file_sha256(tmp_path / "archive" / SUMS)
    assert known in result.output
    assert known in CliRunner().invoke(app, ["archive-verify", str(tmp_path / "archive")]).output
    with engine.connect() as connection:
        said = connection.execute(select(tables.audit.c.detail).where(tables.audit.c.action == "archive made"))
        assert known in said.scalar_one()
    engine.dispose()
    again = CliRunner().invoke(app, arguments)
    assert (again.exit_code, "is there already" in again.output) == (1, True)
    nowhere = CliRunner().invoke(app, [*arguments[:-1], str(tmp_path / "none" / "archive")])
    assert (nowhere.exit_code, len(nowhere.output.splitlines())) == (1, 1)
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize(
    ("action", "detail", "is_ours"),
    [
        ("data frozen", "study demo, site 00: done", True),
        ("query opened", "demo, query 3: study demo-two", True),
        ("query opened", "demo-two, query 3: study demo, or not", False),
        ("reading corrected", "reading 00000000-0000-7000-8000-000000000001: side", True),
        ("reading corrected", "reading 00000000-0000-7000-8000-000000000002: side", False),
        ("backup made", "x.backup, 12 records", True),
        ("something new", "whose it is nobody knows", False),
    ],
)
def test_a_line_of_the_audit_trail_is_of_the_study_that_it_begins_with(action: str, detail: str, is_ours: bool) -> None:
    assert is_of(action, detail, "demo", {"00000000-0000-7000-8000-000000000001"}) is is_ours
