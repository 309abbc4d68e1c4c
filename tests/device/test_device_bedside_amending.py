"""Confirm, comment and correct at a whole bedside: into the journal, told, into the verdict; never mid-measurement."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from bedside_bench import Bench, choice

from contract.amendment import Amendment
from contract.reading import Reading
from device.bedside import MEASURES
from device.console_words import Amend
from device.journal import JournalFullError

FULL = JournalFullError("The disk is full.")


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.close()


def measured(bench: Bench) -> Reading:
    bench.measure()
    bench.wait(0.2)
    content = bench.contents()[-1]
    assert isinstance(content, Reading)
    return content


def word(about: Reading | UUID, **content: Any) -> Amend:
    about_id = about if isinstance(about, UUID) else about.reading_id
    return Amend.model_validate({"about": about_id, "operator": "n9", "action": "confirmed"} | content)


def inclusion(old: str, new: str) -> dict[str, Any]:
    change = {"field": "inclusion", "old": old, "new": new}
    return {"action": "corrected", "why": "chosen_wrong", "changes": [change]}


def test_what_is_added_is_in_the_journal_before_it_is_told(bench: Bench) -> None:
    reading = measured(bench)
    assert bench.ask(word(reading)) is None
    assert bench.ask(word(reading, action="commented", comment="cold_skin")) is None
    assert bench.ask(word(reading, **inclusion("0001", "0002"))) is None
    told = [(event["about"], event["device_seq"], event["action"]) for event in bench.said("amended")]
    actions = ("confirmed", "commented", "corrected")
    assert told == [(str(reading.reading_id), seq, action) for seq, action in enumerate(actions, start=2)]
    added = bench.contents()[1:]
    assert [each.action for each in added if isinstance(each, Amendment)] == list(actions)
    assert [each.device_seq for each in added] == [2, 3, 4]


def test_a_refusal_writes_and_tells_nothing(bench: Bench) -> None:
    reading = measured(bench)
    assert bench.ask(word(uuid4())) == "This device holds no such reading."
    assert bench.ask(word(reading, **inclusion("0009", "0002"))) == (
        "Something else stands there by now. Look again before you correct it."
    )
    assert (len(bench.contents()), bench.said("amended")) == (1, [])


def test_an_amendment_is_itself_no_reading_that_could_be_amended(bench: Bench) -> None:
    reading = measured(bench)
    bench.ask(word(reading))
    assert bench.ask(word(bench.contents()[1].reading_id)) == "This device holds no such reading."


def test_nothing_is_written_down_while_the_probe_is_at_work(bench: Bench) -> None:
    reading = measured(bench)
    bench.push()
    for state in ("baseline", "pressing", "holding", "refilling"):
        bench.until(state)
        assert bench.ask(word(reading)) == MEASURES
    bench.until("done")
    bench.wait(0.2)
    assert bench.ask(word(reading)) is None
    assert [type(each) for each in bench.contents()] == [Reading, Reading, Amendment]


def test_what_the_disk_does_not_take_is_kept_told_once_it_does_and_holds_up_the_button_until_then(bench: Bench) -> None:
    reading = measured(bench)
    bench.disk = FULL
    assert bench.ask(word(reading)) == "The disk is full."
    assert bench.said("amended") == []
    assert bench.ask(word(reading)) == "The disk is full.", "and it is not kept twice"
    bench.push()
    assert (bench.state, bench.sentences("refused")) == ("done", ["The disk is full."])
    bench.disk = None
    bench.wait(1.2)
    assert [event["action"] for event in bench.said("amended")] == ["confirmed"]
    assert [type(each) for each in bench.contents()] == [Reading, Amendment]
    bench.push()
    assert bench.state == "baseline"


def test_an_amendment_that_waits_for_the_disk_is_given_a_last_time_at_the_end(bench: Bench) -> None:
    reading = measured(bench)
    bench.disk = FULL
    bench.ask(word(reading))
    bench.close()
    assert [type(each) for each in bench.contents()] == [Reading, Amendment]


def test_an_amendment_starts_no_measurement_and_is_counted_as_none(bench: Bench) -> None:
    reading = measured(bench)
    bench.ask(word(reading))
    bench.wait(0.5)
    assert (bench.state, bench.probe.presses) == ("done", 1)
    assert bench.bedside._teller.completed == 1


def verdicts(bench: Bench) -> list[dict[str, Any]]:
    return [dict(event) for event in bench.said("verdict")]


def test_a_reading_that_is_moved_to_another_subject_leaves_the_verdict_of_the_first(bench: Bench) -> None:
    bench.crt_s = 5.0
    reading = measured(bench)
    assert [found["answer"] for found in verdicts(bench)] == ["yes"]
    bench.ask(word(reading, **inclusion("0001", "0002")))
    bench.wait(0.2)
    assert len(verdicts(bench)) == 1, "the other subject's verdict is told to nobody who looks at this one"
    bench.crt_s = 2.0
    measured(bench)
    bench.wait(0.2)
    assert verdicts(bench)[-1]["answer"] != "yes", "the moved reading is this subject's no more"


def test_a_reading_that_is_moved_to_the_chosen_subject_enters_the_verdict(bench: Bench) -> None:
    from device.console_words import Choose

    bench.crt_s = 5.0
    reading = measured(bench)
    assert bench.ask(Choose(choice=choice(subject={"site": "00", "inclusion": "0002"}))) is None
    bench.wait(0.2)
    bench.ask(word(reading, **inclusion("0001", "0002")))
    bench.wait(0.2)
    assert (verdicts(bench)[-1]["answer"], verdicts(bench)[-1]["reading_id"]) == ("yes", str(reading.reading_id))


def test_the_bedside_comes_up_again_with_everything_that_was_added(bench: Bench, tmp_path: Path) -> None:
    reading = measured(bench)
    bench.ask(word(reading))
    bench.close()
    again = Bench(tmp_path)
    assert again.ask(word(reading, action="commented", comment="oedema")) is None
    again.wait(0.2)
    assert again.bedside._teller.completed == 1
    assert [each.device_seq for each in again.contents()] == [1, 2, 3]
    again.close()
