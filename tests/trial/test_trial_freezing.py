"""Frozen data: people change nothing, devices still lose nothing; and a CSV held against the database."""

from datetime import timedelta
from pathlib import Path

import pytest
from feed_bench import DONE, LATER, STUDY, keep, small_trial
from sqlalchemy import Engine
from trial_bench import NOON, corrected, reading

from trial.corrections import CorrectionError, correct, of_reading
from trial.crf_csv import export
from trial.crf_mottling import export_mottling
from trial.freezing import FrozenError, Whose, change
from trial.reconcile_csv import CsvError, compare_csv
from trial.schedule.asked import AskedError, code_missing, open_by_hand, say
from trial.schedule.findings import findings

BEFORE = NOON - timedelta(hours=1)


def whole(whose: Whose, by_site: bool) -> Whose:
    return (whose[0], None) if by_site else whose


@pytest.mark.parametrize("by_site", [False, True])
def test_what_is_frozen_is_not_changed_by_people_until_it_is_unfrozen(engine: Engine, by_site: bool) -> None:
    made = small_trial(engine)
    entry = made["sixth"]
    subject = (entry.subject.site, entry.subject.inclusion)
    number = open_by_hand(engine, "demo", subject[0], "which side?", NOON, actor="dm-1", inclusion=subject[1])
    change(engine, "demo", whole(subject, by_site), "frozen", LATER, **DONE)
    with pytest.raises(FrozenError, match="frozen already"):
        change(engine, "demo", whole(subject, by_site), "frozen", LATER, **DONE)
    with pytest.raises(CorrectionError, match="is frozen since"):
        correct(engine, STUDY, str(entry.reading_id), "side", "right", **DONE)
    with pytest.raises(AskedError, match="is frozen since"):
        code_missing(engine, "demo", subject, "day-1", "knee", "not_done", LATER, actor="dm-1")
    with pytest.raises(AskedError, match="is frozen since"):
        say(engine, "demo", number, "answered", "the left", LATER, actor="dm-1", site=None)
    correct(engine, STUDY, str(made["other"].reading_id), "side", "right", **DONE)
    change(engine, "demo", whole(subject, by_site), "unfrozen", LATER, **DONE)
    with pytest.raises(FrozenError, match="not frozen"):
        change(engine, "demo", whole(subject, by_site), "unfrozen", LATER, **DONE)
    correct(engine, STUDY, str(entry.reading_id), "side", "right", **DONE)
    say(engine, "demo", number, "answered", "the left", LATER, actor="dm-1", site=None)


def test_what_comes_in_after_a_freeze_is_stored_and_asked_and_corrects_nothing(engine: Engine) -> None:
    entry = reading(1, event="inclusion")
    change(engine, "demo", (entry.subject.site, entry.subject.inclusion), "frozen", BEFORE, **DONE)
    keep(engine, entry, corrected(2, entry, ("side", entry.side, "right")))
    with engine.connect() as connection:
        asked = [each for each in findings(connection, STUDY, LATER) if each.code == "after-freeze"]
        assert [each.reading_id for each in asked] == [str(entry.reading_id)]
        assert of_reading(connection, str(entry.reading_id)) == []


def test_a_csv_is_held_against_the_database_row_by_row(engine: Engine, tmp_path: Path) -> None:
    made = small_trial(engine)
    out, mottling = tmp_path / "crf.csv", tmp_path / "mottling.csv"
    export(engine, "demo", out)
    export_mottling(engine, "demo", mottling)
    with engine.connect() as connection:
        whole_file = compare_csv(connection, "demo", out)
        assert (whole_file.agrees, whole_file.same, whole_file.in_file) == (True, 5, 5)
        assert compare_csv(connection, "demo", mottling).agrees
        lines = out.read_bytes().split(b"\r\n")
        gone = next(line for line in lines if str(made["sixth"].reading_id).encode() in line)
        stranger = gone.replace(str(made["sixth"].reading_id).encode(), b"00000000-0000-7000-8000-000000000000")
        content = b"\r\n".join([stranger if line == gone else line for line in lines])
        out.write_bytes(content.replace(b",n14,", b",n15,"))
        found = compare_csv(connection, "demo", out)
        assert found.missing == [str(made["sixth"].reading_id)]
        assert found.extra == ["00000000-0000-7000-8000-000000000000"]
        assert found.different == {str(made["third"].reading_id): ["operator"]}
        assert not found.agrees
        out.write_text("a,b\r\n", encoding="utf-8")
        with pytest.raises(CsvError, match="first line"):
            compare_csv(connection, "demo", out)
