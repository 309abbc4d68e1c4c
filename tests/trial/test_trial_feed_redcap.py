"""The feed to REDCap, against a server that speaks its API over HTTP: nothing doubled, blanked or lost."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from feed_bench import DONE, LATER, STUDY, keep, small_trial
from redcap_server import TOKEN, RedcapServer, reading_ids, redcap_server
from sqlalchemy import Engine, select
from trial_bench import new_database, reading

from trial import tables
from trial.corrections import correct
from trial.crf.canonical import FORMS
from trial.crf.redcap import FeedError, Round, feed_once
from trial.crf.redcap_api import LONGEST_WAIT_S, RedcapApi, RedcapChoiceError, feed_on
from trial.crf.redcap_rows import data_dictionary, fields_of


@pytest.fixture
def project() -> Iterator[RedcapServer]:
    with redcap_server() as server:
        server.subject("00-7", "01-7")
        yield server


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = new_database(tmp_path / "trial.sqlite3")
    yield made
    made.dispose()


def feed(engine: Engine, project: RedcapServer, **options: Any) -> Round:
    return feed_once(engine, STUDY, RedcapApi(project.url, TOKEN, timeout_s=0.5), LATER, **options)


@pytest.mark.slow
def test_what_stands_is_sent_read_back_and_not_sent_again(engine: Engine, project: RedcapServer) -> None:
    trial = small_trial(engine)
    first = feed(engine, project)
    assert len(first.sent) == 6
    assert [each.why for each in first.skipped] == ["no event was chosen: REDCap has no place for it"]
    assert first.wrong == []
    stored = dict(project.rows)
    places = reading_ids(project)
    third, second = trial["third"], trial["second"]
    assert places[str(trial["first"].reading_id)] == ("00-7", "inclusion_arm_1", "1")
    assert places[str(third.reading_id)] == ("00-7", "inclusion_arm_1", "3")
    of_third = next(row for row in project.of_forms() if row.get("rf_reading_id") == str(third.reading_id))
    assert (of_third["rf_status"], of_third["rf_crt_exceeds_s"], "rf_crt_s" in of_third) == ("censored", "9.5", False)
    of_second = next(row for row in project.of_forms() if row.get("rf_reading_id") == str(second.reading_id))
    assert (of_second["rf_reason"], "rf_crt_s" in of_second) == ("moved", False)
    again = feed(engine, project)
    assert (again.sent, again.there, len(project.imports)) == ([], 6, 1)
    assert project.rows == stored


def test_a_dry_run_changes_nothing_on_either_side_and_says_the_same(engine: Engine, project: RedcapServer) -> None:
    small_trial(engine)
    dry = feed(engine, project, dry_run=True)
    assert project.imports == []
    with engine.connect() as connection:
        assert connection.execute(select(tables.feed_instance)).all() == []
    assert (dry.sent, dry.skipped) == ((wet := feed(engine, project)).sent, wet.skipped)


def test_rows_are_sent_as_a_list_that_blanks_nothing(engine: Engine, project: RedcapServer) -> None:
    small_trial(engine)
    feed(engine, project)
    sent = [asked for asked in project.requests if "data" in asked]
    assert sent
    assert all(asked["overwriteBehavior"] == "normal" and asked["data"].startswith("[") for asked in sent)
    assert all(value != "" for rows in project.imports for row in rows for value in row.values())


def test_a_late_reading_takes_the_next_repeat_and_overwrites_none(engine: Engine, project: RedcapServer) -> None:
    late, early = reading(5, event="inclusion"), reading(1, event="inclusion", device="bedside-2")
    keep_out_of_order(engine, project, late, early)
    assert reading_ids(project) == {
        str(late.reading_id): ("00-7", "inclusion_arm_1", "1"),
        str(early.reading_id): ("00-7", "inclusion_arm_1", "2"),
    }


def keep_out_of_order(engine: Engine, project: RedcapServer, late: Any, early: Any) -> None:
    keep(engine, late)
    feed(engine, project)
    keep(engine, early)
    assert feed(engine, project).sent == [str(early.reading_id)]


@pytest.mark.slow
def test_a_correction_is_sent_and_a_cleared_value_is_shown_to_a_person(engine: Engine, project: RedcapServer) -> None:
    trial = small_trial(engine)
    feed(engine, project)
    first, second = str(trial["first"].reading_id), str(trial["second"].reading_id)
    correct(engine, STUDY, first, "operator", "n99", **DONE)
    correct(engine, STUDY, second, "side", None, **DONE)
    result = feed(engine, project)
    assert set(result.sent) == {first, second}
    row = next(row for row in project.of_forms() if row.get("rf_reading_id") == first)
    assert row["rf_operator"] == "n99"
    [wrong] = result.wrong
    assert (wrong.reading_id, wrong.why.split(":")[0]) == (second, "rf_side")
    assert feed(engine, project).wrong == [wrong]  # until it is cleared there
    next(row for row in project.of_forms() if row.get("rf_reading_id") == second).pop("rf_side")
    assert feed(engine, project).wrong == []


@pytest.mark.slow
def test_a_moved_reading_gets_a_new_place_and_the_old_one_is_shown(engine: Engine, project: RedcapServer) -> None:
    trial = small_trial(engine)
    feed(engine, project)
    moved = str(trial["first"].reading_id)
    project.subject("00-0042")
    correct(engine, STUDY, moved, "inclusion", "0042", **DONE)
    result = feed(engine, project)
    assert result.sent == [moved]
    assert [(w.reading_id, "delete repeat 1 of 00-7" in w.why) for w in result.wrong] == [(moved, True)]
    del project.rows[("00-7", "inclusion_arm_1", "refill_reading", "1")]
    assert feed(engine, project).wrong == []
    assert reading_ids(project)[moved] == ("00-0042", "inclusion_arm_1", "1")


@pytest.mark.slow
@pytest.mark.parametrize("holds", ["another", "elsewhere", "by hand"])
def test_a_repeat_that_is_not_ours_is_never_touched(engine: Engine, project: RedcapServer, holds: str) -> None:
    mine = reading(1, event="inclusion")
    keep(engine, mine)
    number = "4" if holds == "elsewhere" else "1"
    field, value = {
        "another": ("rf_reading_id", "somebody-elses"),
        "elsewhere": ("rf_reading_id", str(mine.reading_id)),
        "by hand": ("rf_crt_s", "4"),
    }[holds]
    key = ("00-7", "inclusion_arm_1", "refill_reading", number)
    names = ("record_id", "redcap_event_name", "redcap_repeat_instrument", "redcap_repeat_instance")
    project.rows[key] = dict(zip(names, key, strict=True)) | {field: value}
    before = {at: dict(row) for at, row in project.rows.items()}
    result = feed(engine, project)
    assert (result.sent, len(result.wrong)) == ([], 1)
    assert "nothing was" in result.wrong[0].why
    assert project.rows == before


def test_a_subject_that_is_not_there_is_not_made(engine: Engine, project: RedcapServer) -> None:
    keep(engine, reading(1, event="inclusion", subject={"site": "00", "inclusion": "0099"}))
    result = feed(engine, project)
    assert [each.why for each in result.skipped] == ["subject 00-0099 is not in REDCap"]
    assert project.imports == []


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["500", "drop", "half", "lie", "count", "garbage", "late"])
def test_whatever_goes_wrong_the_next_round_ends_with_everything_once(
    engine: Engine, project: RedcapServer, fault: str
) -> None:
    small_trial(engine)
    project.faults = [fault]
    with pytest.raises(FeedError) as caught:
        feed(engine, project)
    assert TOKEN not in str(caught.value)
    project.release.set()
    after_fault = reading_ids(project)
    result = feed(engine, project)
    assert len(reading_ids(project)) == 6
    assert len(result.sent) == 6 - len(after_fault)
    assert after_fault.items() <= reading_ids(project).items()
    assert feed(engine, project).there == 6


def test_an_object_instead_of_a_list_is_seen_by_its_count(project: RedcapServer) -> None:
    api = RedcapApi(project.url, TOKEN)
    row = {"record_id": "00-7", "redcap_event_name": "inclusion_arm_1", "rf_reading_id": "x"}
    assert api._project.import_records(row)["count"] == 0  # the trap itself
    assert api.send([row]) == 1


def test_a_project_without_our_fields_is_refused_before_anything_is_sent(project: RedcapServer) -> None:
    api = RedcapApi(project.url, TOKEN)
    wanted = [field for form in FORMS for field in fields_of(form).values()]
    api.check(wanted)
    project.fields.remove("rf_crt_s")
    with pytest.raises(FeedError, match="lacks 1 fields, among them rf_crt_s"):
        RedcapApi(project.url, TOKEN).check(wanted)
    project.fields[0] = "study_id"
    with pytest.raises(FeedError, match="another project"):
        RedcapApi(project.url, TOKEN).check(wanted)


def test_a_wrong_token_is_said_without_it(engine: Engine, project: RedcapServer) -> None:
    with pytest.raises(FeedError, match="permissions") as caught:
        feed_once(engine, STUDY, RedcapApi(project.url, "F" * 32), LATER)
    assert "FFFF" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "http://redcap.example.org/api/",
        "ftp://127.0.0.1/",
        "https://u:p@redcap.example.org/api/",
        "redcap",
        "https://redcap.example.org/",
    ],
)
def test_an_address_that_would_show_the_token_is_refused(url: str) -> None:
    with pytest.raises(RedcapChoiceError, match="--url"):
        RedcapApi(url, TOKEN)


def test_a_token_that_is_none_is_refused_without_being_said() -> None:
    with pytest.raises(RedcapChoiceError) as caught:
        RedcapApi("https://redcap.example.org/api/", "secret")
    assert "secret" not in str(caught.value)


def test_the_loop_backs_off_and_recovers() -> None:
    outcomes: list[Round | FeedError] = [*(FeedError("away") for _ in range(10)), Round(), FeedError("away")]
    waits: list[float] = []
    left = iter(outcomes)

    def step() -> Round:
        outcome = next(left)
        if isinstance(outcome, FeedError):
            raise outcome
        return outcome

    def wait(seconds: float) -> bool:
        waits.append(seconds)
        return len(waits) == len(outcomes)

    heard: list[Round | FeedError] = []
    feed_on(step, wait, lambda result, _: heard.append(result), 300.0)
    assert waits == [10, 20, 40, 80, 160, 320, 640, 1280, LONGEST_WAIT_S, LONGEST_WAIT_S, 300, 10]
    assert heard == outcomes


def test_the_data_dictionary_names_every_field_that_is_sent() -> None:
    rows = list(csv.DictReader(io.StringIO(data_dictionary(STUDY))))
    names = [row["Variable / Field Name"] for row in rows]
    assert names == ["record_id", *(field for form in FORMS for field in fields_of(form).values())]
    assert all(len(name) <= 26 or name.isidentifier() for name in names)
    assert {row["Field Type"] for row in rows} == {"text"}
