"""Corrections: what a person entered can be put right, nothing else, and the entry stays."""

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select
from trial_bench import NOON, STUDY, new_database, payload, reading
from typer.testing import CliRunner

from contract.reading import Reading, RefillResult
from firmware_config.study import Inclusion
from refill.trial_cli import app
from trial import tables
from trial.corrections import FIELDS, CorrectionError, correct, corrected, of_reading, shown, value
from trial.crf_csv import export
from trial.history import history
from trial.judge import anyone, judge
from trial.letters import replay
from trial.people import UnsignedError
from trial.store import Arrival, store

TOPIC = "refill/v1/demo/00/bedside-1/reading"
STRICT = STUDY.model_copy(
    update={
        "events": ["inclusion", "day-1"],
        "sides": True,
        "inclusion": Inclusion(least_digits=4, most_digits=5, check_digit="luhn"),
        "operator_pattern": r"n[0-9]+",
    }
)
DONE: dict[str, Any] = {"actor": "dm-1", "why": "as on the paper form"}
SUBJECT = {"site": "00", "inclusion": "0018"}


def keep(engine: Engine, seq: int = 1, **changes: Any) -> str:
    record = reading(seq, subject=SUBJECT, event="inclusion", operator="n12", **changes)
    content = payload(record)
    store(engine, [Arrival(TOPIC, content, NOON, judge(TOPIC, content, STUDY))], NOON)
    return str(record.reading_id)


def entry(engine: Engine, reading_id: str) -> Any:
    with engine.connect() as connection:
        return connection.execute(select(tables.reading).where(tables.reading.c.reading_id == reading_id)).one()


def stands(engine: Engine, reading_id: str) -> Reading:
    with engine.connect() as connection:
        return corrected(
            Reading.model_validate_json(entry(engine, reading_id).body), of_reading(connection, reading_id)
        )


MENDED: list[tuple[str, str | None, str | None]] = [
    ("inclusion", "0018", "0026"),
    ("event", "inclusion", "day-1"),
    ("event", "inclusion", None),
    ("body_site", "finger", "knee"),
    ("side", "left", "right"),
    ("operator", "n12", "n7"),
    ("operator", "n12", None),
    ("norepinephrine_onset_at", None, "2026-11-23T03:00:00.000000+01:00"),
]


def test_what_a_person_entered_is_put_right_and_the_entry_stays(engine: Engine) -> None:
    for seq, (field, old, to) in enumerate(MENDED, start=1):
        reading_id = keep(engine, seq)
        before = entry(engine, reading_id)
        made = correct(engine, STRICT, reading_id, field, to, **DONE)
        after = stands(engine, reading_id)
        assert (made.old_value, made.new_value, value(after, field)) == (old, to, to)
        assert (made.actor, made.why, made.supersedes) == ("dm-1", "as on the paper form", None)
        assert entry(engine, reading_id) == before
        first = Reading.model_validate_json(before.body)
        way = FIELDS[field][0]
        assert after.model_dump(exclude={way}) == first.model_dump(exclude={way})
        assert after.subject.site == first.subject.site
        with engine.connect() as connection:
            t = tables.audit.c
            [detail] = connection.execute(
                select(t.detail).where(t.detail.startswith(f"reading {reading_id}"))
            ).scalars()
        assert detail.endswith(f" to {shown(to)}: as on the paper form")


def test_nothing_that_was_measured_or_says_how_can_be_corrected(engine: Engine) -> None:
    reading_id = keep(engine)
    never = [*RefillResult.model_fields, *(set(Reading.model_fields) - set(FIELDS)), "result.crt_s", "subject.site", ""]
    for field in never:
        with pytest.raises(CorrectionError, match="were entered by a person"):
            correct(engine, STRICT, reading_id, field, "1", **DONE)
    with engine.connect() as connection:
        assert of_reading(connection, reading_id) == []


REFUSED: list[tuple[str, str | None, str]] = [
    ("inclusion", None, "subject.inclusion"),
    ("inclusion", "7", "has 4 to 5 digits"),
    ("inclusion", "00018", "zeros in front"),
    ("inclusion", "0019", "check digit"),
    ("inclusion", "abcd", "subject.inclusion"),
    ("event", "day-9", "has no event day-9; it has: inclusion, day-1"),
    ("event", "Day 1", "event: "),
    ("body_site", "toe", "body_site"),
    ("body_site", None, "body_site"),
    ("side", "middle", "side"),
    ("side", None, "wants one with every measurement"),
    ("operator", "Jane Doe", "operator"),
    ("operator", "x12", "no operator's code"),
    ("norepinephrine_onset_at", "yesterday", "norepinephrine_onset_at"),
    ("norepinephrine_onset_at", "2026-11-23T03:00:00", "norepinephrine_onset_at"),
    ("norepinephrine_onset_at", "2999-01-01T00:00:00Z", "lies in the future"),
    ("norepinephrine_onset_at", "0001-01-01T00:00:00+14:00", "out of range"),
    ("side", "left", "is left already"),
]


def test_a_value_that_could_not_have_been_entered_is_refused(engine: Engine) -> None:
    reading_id = keep(engine)
    for field, to, words in REFUSED:
        with pytest.raises(CorrectionError, match=words) as caught:
            correct(engine, STRICT, reading_id, field, to, **DONE)
        assert len(str(caught.value).splitlines()) == 1
    with engine.connect() as connection:
        assert of_reading(connection, reading_id) == []


def test_an_operator_with_more_than_four_letters_is_refused_whatever_the_study_says(engine: Engine) -> None:
    loose = STRICT.model_copy(update={"operator_pattern": ".*"})
    with pytest.raises(CorrectionError, match="operator"):
        correct(engine, loose, keep(engine), "operator", "duval", **DONE)


def test_a_correction_supersedes_the_one_before_and_starts_from_what_stands(engine: Engine) -> None:
    reading_id = keep(engine)
    first = correct(engine, STRICT, reading_id, "inclusion", "0026", **DONE)
    correct(engine, STRICT, reading_id, "side", "right", **DONE)
    second = correct(engine, STRICT, reading_id, "inclusion", "0034", **DONE)
    assert (second.old_value, second.new_value, second.supersedes) == ("0026", "0034", first.id)
    back = correct(engine, STRICT, reading_id, "inclusion", "0018", **DONE)
    assert back.supersedes == second.id
    assert value(stands(engine, reading_id), "inclusion") == "0018"
    assert value(stands(engine, reading_id), "side") == "right"


def test_a_correction_that_was_overtaken_by_another_is_refused(engine: Engine) -> None:
    reading_id = keep(engine)
    correct(engine, STRICT, reading_id, "side", "right", stood="left", **DONE)
    with pytest.raises(CorrectionError, match="side of this reading is right now, not left"):
        correct(engine, STRICT, reading_id, "side", "left", stood="left", **DONE)
    correct(engine, STRICT, reading_id, "norepinephrine_onset_at", "2026-11-23T02:00:00Z", stood="", **DONE)
    with pytest.raises(CorrectionError, match="now, not nothing"):
        correct(engine, STRICT, reading_id, "norepinephrine_onset_at", None, stood="", **DONE)


def test_the_same_time_in_another_zone_is_no_correction(engine: Engine) -> None:
    reading_id = keep(engine, norepinephrine_onset_at="2026-11-23T02:00:00Z")
    with pytest.raises(CorrectionError, match="already"):
        correct(engine, STRICT, reading_id, "norepinephrine_onset_at", "2026-11-23T03:00:00+01:00", **DONE)


def test_a_correction_is_signed_and_is_of_a_reading_of_the_study(engine: Engine) -> None:
    reading_id = keep(engine)
    for signed in ({"actor": "Jane Doe"}, {"why": " "}):
        with pytest.raises(UnsignedError):
            correct(engine, STRICT, reading_id, "side", "right", **DONE | signed)
    with pytest.raises(CorrectionError, match="is of study demo, not of other"):
        correct(engine, STRICT.model_copy(update={"name": "other"}), reading_id, "side", "right", **DONE)
    with pytest.raises(CorrectionError, match="there is no reading nobody"):
        correct(engine, STRICT, "nobody", "side", "right", **DONE)


def exported(engine: Engine, out: Path) -> list[dict[str, str]]:
    export(engine, "demo", out)
    return list(csv.DictReader(io.StringIO(out.read_text(encoding="utf-8"))))


def test_the_case_report_form_shows_what_stands_and_says_that_it_was_corrected(engine: Engine, tmp_path: Path) -> None:
    first, second = keep(engine, 1), keep(engine, 2)
    before = exported(engine, tmp_path / "one.csv")
    correct(engine, STRICT, first, "inclusion", "0026", **DONE)
    correct(engine, STRICT, first, "event", None, **DONE)
    correct(engine, STRICT, first, "norepinephrine_onset_at", "2026-11-23T02:00:00Z", **DONE)
    after = exported(engine, tmp_path / "two.csv")
    assert [row["reading_id"] for row in before] == [first, second]
    assert [row["reading_id"] for row in after] == [second, first], "a row stands with its subject"
    assert after[0] == before[1]
    changed = {name: text for name, text in after[1].items() if text != before[0][name]}
    assert changed == {
        "inclusion": "0026",
        "event": "",
        "norepinephrine_onset_at": "2026-11-23T02:00:00.000000+00:00",
        "corrected": "event;inclusion;norepinephrine_onset_at",
    }
    assert before[0]["corrected"] == ""


def test_the_history_of_a_reading_is_whole(engine: Engine) -> None:
    record = reading(1, subject=SUBJECT)
    content, reading_id = payload(record), str(record.reading_id)
    store(engine, [Arrival(TOPIC, content, NOON, judge(TOPIC, content, STUDY, lambda _: False))], NOON)
    list(replay(engine, STUDY, anyone, **DONE))
    store(engine, [Arrival(TOPIC, content, NOON, judge(TOPIC, content, STUDY))], NOON)
    made = correct(engine, STRICT, reading_id, "side", "right", **DONE)
    with engine.connect() as connection:
        known = history(connection, reading_id)
    assert known.entry == record
    assert known.corrections == (made,)
    assert [outcome for _, outcome in known.receipts] == ["refused", "stored"]
    assert known.replay is not None
    assert (known.replay[0], known.replay[2]) == (1, "dm-1")


@pytest.fixture
def database(tmp_path: Path) -> tuple[Path, str]:
    path = tmp_path / "trial.sqlite3"
    engine = new_database(path)
    reading_id = keep(engine)
    engine.dispose()
    return path, reading_id


def run(*arguments: object, code: int = 0) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.output
    return result.output


BY = ("--by", "dm-1", "--why", "as on the paper form")


@pytest.mark.slow
def test_a_reading_is_corrected_and_its_history_shown_by_command(database: tuple[Path, str]) -> None:
    path, reading_id = database
    at = ("--database", path)
    said = run("correct", reading_id, "--field", "side", "--from", "left", "--to", "right", *BY, *at)
    assert said == "side: left is now right\n"
    assert run("correct", reading_id, "--field", "operator", "--to", "", *BY, *at) == "operator: n12 is now nothing\n"
    lines = run("history", reading_id, *at).splitlines()
    assert lines[0] == f"reading {reading_id}: study demo, site 00, bedside-1"
    assert "entered side: left" in lines
    assert "entered norepinephrine_onset_at: nothing" in lines
    assert any(line.endswith("Z by dm-1: side from left to right: as on the paper form") for line in lines)
    assert lines[-1].endswith(": stored")


WRONG: list[tuple[list[str], int, str]] = [
    (["--field", "crt_s", "--to", "2.9", *BY], 1, "only inclusion, event"),
    (["--field", "side", "--to", "left", *BY], 1, "is left already"),
    (["--field", "side", "--from", "right", "--to", "right", *BY], 1, "is left now, not right"),
    (["--field", "side", "--to", "right", "--by", "anna-smith", "--why", "x"], 2, "could be a name"),
]


@pytest.mark.slow
def test_what_cannot_be_corrected_is_said_in_one_line(database: tuple[Path, str]) -> None:
    path, reading_id = database
    for arguments, code, words in WRONG:
        output = run("correct", reading_id, *arguments, "--database", path, code=code)
        assert words in output
        assert len(output.splitlines()) == 1


def test_a_reading_that_is_not_there_is_said_in_one_line(database: tuple[Path, str]) -> None:
    for command in (["history", "nobody"], ["correct", "nobody", "--field", "side", "--to", "left", *BY]):
        assert run(*command, "--database", database[0], code=1) == "there is no reading nobody\n"
