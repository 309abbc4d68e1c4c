"""From nurses' thumbs to the table that agreement takes: which times are pairs, and which are not."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from reading_bench import a_reading
from typer.testing import CliRunner

from contract.amendment import Amendment
from contract.identifiers import new_reading_id
from contract.reading import Reading
from contract.source import Source
from device.journal import Journal
from refill.cli import app


def add(journal: Journal, build: Callable[[int], Any]) -> Any:
    return journal.append(build).content


def timed(journal: Journal, about: Reading, rater: str, seconds: float, before: bool = True) -> None:
    same = about.model_dump(include=set(Source.model_fields) - {"reading_id", "device_seq", "operator"})
    given = {"about": about.reading_id, "action": "timed", "stopwatch_s": seconds, "before_number": before}
    add(
        journal,
        lambda seq: Amendment.model_validate(
            {**same, **given, "reading_id": new_reading_id(), "device_seq": seq, "operator": rater}
        ),
    )


@pytest.fixture
def data(tmp_path: Path) -> Path:
    with Journal.open(tmp_path / "journal.sqlite", "d") as journal:
        for inclusion in ("0001", "0002"):
            about = add(journal, lambda seq, whose=inclusion: a_reading(seq, whose, 2.5))
            timed(journal, about, "n1", 2.75)
            timed(journal, about, "n2", 3.0)
        timed(journal, about, "n3", 2.5, before=False)
        timed(journal, add(journal, lambda seq: a_reading(seq, "0003", None)), "n1", 4.0)
        timed(journal, add(journal, lambda seq: a_reading(seq, "0004", 5.0, body_site="knee")), "n1", 5.5)
        timed(journal, add(journal, lambda seq: a_reading(seq, "0005", 5.0, study="another")), "n1", 5.5)
    return tmp_path


def run(data: Path, *options: str) -> tuple[int, str, list[list[str]]]:
    out = data / "pairs.csv"
    done = CliRunner().invoke(
        app, ["calibrate", "pairs", "--data", str(data), "--study", "demo", "--out", str(out), "--simulate", *options]
    )
    rows = list(csv.reader(out.open(encoding="utf-8"))) if out.exists() else []
    return done.exit_code, done.output, rows


def test_times_that_were_stopped_unseen_are_pairs(data: Path) -> None:
    code, said, rows = run(data)
    assert code == 0
    assert rows == [
        ["subject", "rater", "device_s", "stopwatch_s"],
        *[["00-0001", "n1", "2.500", "2.750"], ["00-0001", "n2", "2.500", "3.000"]],
        *[["00-0002", "n1", "2.500", "2.750"], ["00-0002", "n2", "2.500", "3.000"]],
    ]
    assert "4 pairs, 2 subjects, 2 raters" in said
    assert "1 of a reading without a number" in said
    assert "1 stopped after the number was shown" in said


@pytest.mark.slow
def test_the_others_come_only_when_asked_for(data: Path) -> None:
    assert len(run(data, "--seen")[2]) == 6
    assert run(data, "--body-site", "knee")[2][1:] == [["00-0004", "n1", "5.000", "5.500"]]


def test_a_rater_who_times_the_same_reading_again_means_the_last_time(data: Path) -> None:
    with Journal.open(data / "journal.sqlite", "d") as journal:
        about = add(journal, lambda seq: a_reading(seq, "0006", 2.5))
        timed(journal, about, "n1", 0.9)
        timed(journal, about, "n1", 2.9)
    _, said, rows = run(data)
    assert [row[3] for row in rows if row[0] == "00-0006"] == ["2.900"]
    assert "1 replaced by the same rater" in said


@pytest.mark.slow
def test_what_cannot_be_written_leaves_nothing(data: Path) -> None:
    code, said, rows = run(data, "--body-site", "ear")
    assert (code, said.strip(), rows) == (2, "refill: --body-site ear: finger or knee", [])
    done = CliRunner().invoke(app, ["calibrate", "pairs", "--data", str(data), "--out", str(data), "--simulate"])
    assert (done.exit_code, "not the name of a file" in done.output) == (2, True)
    empty = data / "empty"
    with Journal.open(empty / "journal.sqlite", "d"):
        pass
    code, said, rows = run(empty)
    assert (code, "no pair of a finger" in said, rows) == (2, True, [])


def test_simulated_readings_are_no_pairs_of_a_device_on_people(data: Path) -> None:
    from refill.pairs_cli import paired_rows

    with Journal.open(data / "journal.sqlite", "d") as journal:
        records = [each.content for each in journal.records()]
    rows, left_out = paired_rows(records, "demo", "finger", seen=True, simulated=False)
    assert rows == []
    assert left_out == {"simulated": 5, "of a reading without a number": 1}
