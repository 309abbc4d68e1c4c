"""Mottling readings and what was said of a reading, as a data manager sees them: export, history, lists, backup."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from amendments_bench import DAYS, DONE, arrive
from sqlalchemy import Engine
from trial_bench import amendment, corrected, mottling_reading, new_database, reading
from typer.testing import CliRunner

from contract.mottling import MottlingReading
from contract.reading import Reading
from refill.trial_cli import app
from trial import crf_csv, crf_mottling
from trial.amendments import queries as unsettled
from trial.backup import backup
from trial.backup_restore import restore
from trial.corrections import correct
from trial.crf_files import AlteredError, dictionary_path
from trial.crf_mottling import export_mottling
from trial.database import open_database, writing
from trial.queries import devices


def rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))


def run(*arguments: object, code: int = 0) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.output
    return result.output


class Ward:
    """A database with a refill reading and two mottling readings, and what nurses said of them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.engine = new_database(path)
        self.refill: Reading = reading(1, event="inclusion")
        self.scored: MottlingReading = mottling_reading(2, score=2, event="inclusion")
        self.blurred: MottlingReading = mottling_reading(3, score=None)
        self.unfit = corrected(9, self.refill, ("event", "day-2", "day-1"), operator="n7")
        said = [
            amendment(4, self.refill, operator="n7"),
            amendment(5, self.refill, action="commented", comment="oedema"),
            amendment(6, self.scored, mottling_score=4),
            amendment(7, self.scored, mottling_score=3, operator="n7"),
            corrected(8, self.scored, ("side", "left", "right")),
            self.unfit,
        ]
        self.records = [self.refill, self.scored, self.blurred, *said]
        assert arrive(self.engine, *self.records) == ["stored"] * 9


@pytest.fixture
def ward(tmp_path: Path) -> Iterator[Ward]:
    made = Ward(tmp_path / "trial.sqlite3")
    yield made
    made.engine.dispose()


@pytest.mark.slow
def test_the_devices_score_and_the_persons_stand_beside_each_other(ward: Ward, tmp_path: Path) -> None:
    out = tmp_path / "mottling.csv"
    assert export_mottling(ward.engine, "demo", out) == 2
    scored, blurred = rows(out)
    assert (scored["device_score"], scored["person_score"], scored["person_score_by"]) == ("2", "3", "n7")
    assert (scored["max_supported"], scored["confidence"], scored["at_least"]) == ("5", "0.9", "false")
    assert (scored["zone_knee_centre"], scored["zone_knee"], scored["zone_lower_thigh"]) == ("0.4", "0.25", "")
    assert (scored["side"], scored["corrected"], scored["confirmed_by"]) == ("right", "side", "n12;n7")
    assert (scored["photo_sha256"], scored["photo_from"]) == ("c" * 64, "camera")
    assert (blurred["status"], blurred["reason"]) == ("not_measurable", "blurred")
    assert (blurred["device_score"], blurred["person_score"], blurred["zone_knee"]) == ("", "", "")
    described = rows(dictionary_path(out))
    assert [line["column"] for line in described] == list(scored)
    assert all(line["meaning"] and line["source"] for line in described)


def test_refill_rows_say_who_confirmed_and_what_was_commented_in_columns_at_their_end(
    ward: Ward, tmp_path: Path
) -> None:
    out = tmp_path / "crf.csv"
    assert crf_csv.export(ward.engine, "demo", out) == 1
    [row] = rows(out)
    assert list(row)[-4:] == ["corrected", "confirmed_by", "comments", "build"]
    assert (row["confirmed_by"], row["comments"], row["corrected"]) == ("n7", "oedema", "")


def test_what_was_said_changes_no_older_column_of_the_export_by_a_byte(tmp_path: Path) -> None:
    engine = new_database(tmp_path / "trial.sqlite3")
    record = reading(1)
    arrive(engine, record)
    exports = []
    for said in (
        (),
        (amendment(2, record), mottling_reading(3), amendment(4, record, action="commented", comment="other")),
    ):
        arrive(engine, *said)
        crf_csv.export(engine, "demo", tmp_path / "crf.csv")
        exports.append(
            [
                {name: row[name] for name in row if name not in ("confirmed_by", "comments")}
                for row in rows(tmp_path / "crf.csv")
            ]
        )
    assert exports[0] == exports[1]
    engine.dispose()


@pytest.mark.slow
def test_records_that_come_in_the_opposite_order_give_the_same_rows(ward: Ward, tmp_path: Path) -> None:
    engine = new_database(tmp_path / "other.sqlite3")
    assert arrive(engine, *reversed(ward.records)) == ["stored"] * 9
    told = []
    for each in (ward.engine, engine):
        export_mottling(each, "demo", tmp_path / "mottling.csv")
        crf_csv.export(each, "demo", tmp_path / "crf.csv")
        found = rows(tmp_path / "mottling.csv") + rows(tmp_path / "crf.csv")
        told.append([{name: row[name] for name in row if name != "sent_at"} for row in found])
    assert told[0] == told[1]
    engine.dispose()


def unguarded(engine: Engine, statement: str) -> None:
    """Change what no program of ours would, as the owner of the file can."""
    with writing(engine).begin() as connection:
        for table in ("mottling", "amendment"):
            connection.exec_driver_sql(f"DROP TRIGGER {table}_no_update")
        connection.exec_driver_sql(statement)


@pytest.mark.slow
def test_an_altered_mottling_reading_is_not_exported_and_named_by_a_backup(ward: Ward, tmp_path: Path) -> None:
    unguarded(ward.engine, """UPDATE mottling SET body = replace(body, '"score":2', '"score":1')""")
    with pytest.raises(AlteredError, match="nothing was exported"):
        export_mottling(ward.engine, "demo", tmp_path / "mottling.csv")
    assert not (tmp_path / "mottling.csv").exists()
    said = run("backup", tmp_path / "copy.sqlite3", "--database", ward.path, code=1)
    assert f"1 records are not as their devices sealed them: {ward.scored.reading_id}" in said


def test_an_amendment_that_was_altered_is_named_by_a_backup(ward: Ward, tmp_path: Path) -> None:
    unguarded(ward.engine, "UPDATE amendment SET body = replace(body, 'n7', 'n8') WHERE action = 'corrected'")
    made = backup(ward.engine, tmp_path / "copy.sqlite3")
    assert made.manifest.facts.altered == [str(ward.unfit.reading_id)]


@pytest.mark.slow
def test_records_of_every_kind_come_back_with_a_restore(ward: Ward, tmp_path: Path) -> None:
    made = backup(ward.engine, tmp_path / "copy.sqlite3")
    [end] = made.manifest.facts.devices
    assert (end.readings, end.last_seq, made.manifest.facts.records) == (9, 9, 9)
    engine = open_database(str(tmp_path / "back.sqlite3"))
    restore(made.path, engine)
    for path, one in (("a.csv", ward.engine), ("b.csv", engine)):
        export_mottling(one, "demo", tmp_path / path)
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    with engine.connect() as connection:
        assert len(unsettled(connection)) == 1
    engine.dispose()


@pytest.mark.slow
def test_both_files_are_exported_by_one_command_and_never_over_each_other(ward: Ward, tmp_path: Path) -> None:
    out, other = tmp_path / "crf.csv", tmp_path / "mottling.csv"
    asked = ("export", "--study", "demo", "--database", ward.path, "--out", out)
    said = run(*asked, "--mottling", other)
    assert (f"{out}: 1 readings" in said, f"{other}: 2 readings" in said) == (True, True)
    assert (len(rows(out)), len(rows(other))) == (1, 2)
    for clash in (out, dictionary_path(out)):
        assert "two files" in run(*asked, "--mottling", clash, code=2)
    assert len(rows(out)) == 1


@pytest.mark.slow
def test_the_history_of_a_reading_shows_what_was_confirmed_commented_and_corrected(ward: Ward) -> None:
    lines = run("history", ward.scored.reading_id, "--database", ward.path).splitlines()
    assert lines[1].endswith("measured, mottling score 2 by the device")
    assert "entered side: left" in lines
    assert not any(line.startswith("entered body_site") for line in lines)
    said = [line.split("Z ")[1] for line in lines if line.startswith("confirmed")]
    assert said == ["by n12: mottling score 4 by the person", "by n7: mottling score 3 by the person"]
    assert any("by n12@bedside-1: side from left to right: typed_wrong" in line for line in lines)
    refill = run("history", ward.refill.reading_id, "--database", ward.path)
    assert "by n12: oedema" in refill
    assert "corrected 2026-11-23 12:00:09Z by n7: typed_wrong" in refill, "what was asked and not made is shown too"
    assert f"it is an amendment of {ward.refill.reading_id}" in run(
        "history", ward.unfit.reading_id, "--database", ward.path, code=1
    )


@pytest.mark.slow
def test_what_waits_for_a_person_is_listed_until_it_is_decided(ward: Ward) -> None:
    said = run("amendments", "--database", ward.path, code=1)
    assert f"{ward.unfit.reading_id} about {ward.refill.reading_id}, corrected by n7" in said
    assert "event from day-2 to day-1: event: is inclusion, not day-2" in said
    assert "1 to decide, 0 wait" in said
    assert "amendments to decide: 1" in run("status", "--database", ward.path)
    asked = ("decide", ward.unfit.reading_id, "--database", ward.path, "--why", "the entry is right")
    assert "could be a name" in run(*asked, "--by", "janedoe", code=2)
    run(*asked, "--by", "dm-1")
    assert run("amendments", "--database", ward.path) == ("0 to decide, 0 wait for the reading that they are about\n")
    assert "amendments to decide" not in run("status", "--database", ward.path)
    assert "no amendment that waits" in run(*asked, "--by", "dm-1", code=1)


def test_an_amendment_of_what_has_not_come_is_listed_and_needs_nobody(ward: Ward) -> None:
    arrive(ward.engine, amendment(11, reading(10)))
    said = run("amendments", "--database", ward.path, code=1)
    assert "what it is about has not come" in said
    assert "1 to decide, 1 wait" in said


@pytest.mark.slow
def test_a_mottling_reading_is_corrected_by_command_but_not_where_the_probe_sat(ward: Ward) -> None:
    correct(ward.engine, DAYS, str(ward.blurred.reading_id), "event", "day-1", **DONE)
    asked = ("correct", ward.blurred.reading_id, "--by", "dm-1", "--why", "as on paper", "--database", ward.path)
    assert "side: left is now right" in run(*asked, "--field", "side", "--to", "right")
    assert "a mottling reading has none" in run(*asked, "--field", "body_site", "--to", "knee", code=1)


def test_the_devices_readings_and_amendments_are_counted_apart(ward: Ward) -> None:
    with ward.engine.connect() as connection:
        [device] = devices(connection)
    assert (device.readings, device.measured, device.amendments, device.last_seq) == (3, 2, 6, 9)


def test_no_column_stands_twice_in_an_export() -> None:
    for columns in (crf_csv.COLUMNS, crf_mottling.COLUMNS):
        names = [column.name for column in columns]
        assert len(names) == len(set(names))
