"""The case report form as CSV: complete, repeatable, harmless in a spreadsheet."""

import csv
import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from sqlalchemy import Connection, Engine, select
from trial_bench import NOON, STUDY, chain, payload, reading

from trial import tables
from trial.crf_csv import COLUMNS, export, readings
from trial.crf_files import AlteredError, csv_text, dictionary_path
from trial.judge import judge
from trial.store import Arrival, store

TOPIC = "refill/v1/demo/00/bedside-1/reading"


def keep(engine: Engine, contents: list[bytes]) -> None:
    store(engine, [Arrival(TOPIC, content, NOON, judge(TOPIC, content, STUDY)) for content in contents], NOON)


def rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))


def test_each_reading_is_one_row_and_every_column_is_explained(engine: Engine, tmp_path: Path) -> None:
    first, second = reading(1, event="inclusion"), reading(2, crt_s=None)
    keep(engine, [payload(first), payload(second)])
    out = tmp_path / "crf.csv"
    assert export(engine, "demo", out) == 2
    one, two = rows(out)
    assert (one["crt_s"], one["crt_low_s"], one["crt_high_s"], one["status"]) == ("2.5", "2.3", "2.7", "measured")
    assert (one["event"], one["simulated"], one["presses"], one["press_crt_s"]) == ("inclusion", "true", "1", "2.5")
    assert (one["reading_id"], one["device_seq"], one["side"]) == (str(first.reading_id), "1", "left")
    assert one["measured_at"] == "2026-11-23T12:00:01.000000+00:00"
    assert (two["status"], two["reason"], two["crt_s"]) == ("not_measurable", "moved", "")
    described = rows(dictionary_path(out))
    assert [line["column"] for line in described] == list(one)
    assert all(line["meaning"] and line["source"] for line in described)
    assert all(line["unit"] == "s" for line in described if line["column"].endswith("_s"))


def test_the_order_of_arrival_does_not_change_a_byte(engine: Engine, tmp_path: Path) -> None:
    contents = [sealed.model_dump_json().encode() for _, sealed in chain(15)]
    keep(engine, contents[::-1])
    first, second = tmp_path / "one.csv", tmp_path / "two.csv"
    export(engine, "demo", first)
    keep(engine, contents)
    export(engine, "demo", second)
    assert first.read_bytes() == second.read_bytes()
    assert [row["device_seq"] for row in rows(first)] == [str(n) for n in range(1, 16)]


def test_an_export_is_in_the_audit_trail_with_the_hash_of_what_was_written(engine: Engine, tmp_path: Path) -> None:
    keep(engine, [payload(reading())])
    export(engine, "demo", tmp_path / "crf.csv")
    with engine.connect() as connection:
        details = connection.execute(select(tables.audit.c.detail)).scalars().all()
    assert any("1 rows" in detail for detail in details)


def test_a_failed_export_leaves_the_earlier_file_and_no_rubbish(engine: Engine, tmp_path: Path) -> None:
    keep(engine, [payload(reading())])
    out = tmp_path / "crf.csv"
    export(engine, "demo", out)
    before = out.read_bytes()
    taken = tmp_path / "taken.dictionary.csv"
    taken.mkdir()
    with pytest.raises(OSError, match="taken"):
        export(engine, "demo", tmp_path / "taken.csv")
    assert out.read_bytes() == before
    names = {path.name for path in tmp_path.iterdir() if not path.name.startswith("trial.sqlite3")}
    assert names == {"crf.csv", "crf.dictionary.csv", "taken.dictionary.csv"}


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\t=1", "\r=1"])
def test_a_text_that_a_spreadsheet_would_run_is_disarmed(text: str) -> None:
    [cell] = list(csv.reader(io.StringIO(csv_text(["a"], iter([[text]])), newline="")))[1]
    assert cell == f"'{text}"


def test_numbers_below_zero_stay_numbers() -> None:
    assert csv_text(["a", "b"], iter([[-0.25, None]])) == "a,b\r\n-0.25,\r\n"


def test_no_column_is_named_twice() -> None:
    names = [column.name for column in COLUMNS]
    assert len(names) == len(set(names))


def test_a_reading_that_was_altered_in_the_database_stops_the_export(engine: Engine, tmp_path: Path) -> None:
    record = reading()
    keep(engine, [payload(record)])
    with engine.connect() as connection:
        assert len(list(readings(connection, "demo"))) == 1
        altered = SimpleNamespace(execute=lambda query: [_altered(row) for row in connection.execute(query)])
        with pytest.raises(AlteredError, match=str(record.reading_id)):
            list(readings(cast(Connection, altered), "demo"))


def _altered(row: Any) -> SimpleNamespace:
    """The row as somebody with the owner's rights might leave it: another number in the body, the hash as it was."""
    return SimpleNamespace(**dict(row._mapping) | {"body": row.body.replace('"crt_s":2.5', '"crt_s":2.4')})
