"""The console: requests come in whole or not at all, and everybody is told."""

import json
from pathlib import Path
from typing import get_args

import pytest
from console_bench import CHOICE, Raw

from device.console import Console
from device.console_words import Abort, Asked, Choose, Forget, NotARequestError, Request, parse_request


def test_one_word_measures_and_only_whom_it_names() -> None:
    words = {word.model_fields["ask"].default for word in get_args(Request)}
    assert words == {"choose", "forget", "measure", "abort", "amend", "mottling"}
    for ask in ("press", "start", "push", "release"):
        with pytest.raises(NotARequestError):
            parse_request(json.dumps({"ask": ask}).encode())
    with pytest.raises(NotARequestError, match="choice"):
        parse_request(b'{"ask": "measure"}')


def test_no_command_line_asks_for_a_measurement() -> None:
    commands = Path(__file__).resolve().parents[3] / "refill"
    assert not [path.name for path in commands.glob("*.py") if "Measure(" in path.read_text(encoding="utf-8")]


def test_who_connects_is_greeted_and_told_how_things_stand(console: Console, path: Path) -> None:
    for event in (
        {"event": "reading", "device_seq": 1},
        {"event": "progress", "kpa": 3},
        {"event": "state", "state": "idle"},
        {"event": "choice", "choice": None},
        {"event": "reading", "device_seq": 2},
        {"event": "health", "parts": []},
    ):
        console.tell(event)
    late = Raw(path)
    console.poll()
    hello, *told = late.hear()
    assert hello["console"] == 1
    assert [event["event"] for event in told] == ["state", "health", "choice", "reading"]
    assert told[-1]["device_seq"] == 2
    console.tell({"event": "progress", "kpa": 4})
    assert late.hear() == [{"event": "progress", "kpa": 4}]


def test_a_reading_is_not_taken_for_the_next_patients(console: Console, path: Path) -> None:
    def told() -> list[object]:
        late = Raw(path)
        console.poll()
        return [event.get("event") for event in late.hear()[1:]]

    console.tell({"event": "reading", "device_seq": 1})
    console.tell({"event": "verdict", "answer": "no"})
    assert told() == ["reading", "verdict"]
    console.tell({"event": "reading", "device_seq": 2})
    assert told() == ["reading"], "nor a verdict as that of a newer reading"
    console.tell({"event": "verdict", "answer": "yes"})
    console.tell({"event": "choice", "choice": CHOICE.model_dump(mode="json")})
    assert told() == ["choice"]
    console.tell({"event": "reading", "device_seq": 3})
    console.tell({"event": "verdict", "answer": "no"})
    console.tell({"event": "mottling", "device_seq": 4})
    console.tell({"event": "amended", "device_seq": 5})
    assert told() == ["choice", "reading", "mottling"], "an amendment is news for those who listen only"
    console.tell({"event": "choice", "choice": None})
    assert told() == ["choice"], "nor a photo's score as the next patient's"


def test_a_request_comes_in_once_it_is_whole_and_its_answer_names_it(console: Console, caller: Raw) -> None:
    whole = Choose(choice=CHOICE).model_dump_json().encode() + b"\n"
    for cut in (whole[:7], whole[7:40], whole[40:-1]):
        caller.say(cut)
        assert console.poll() == []
    caller.say(whole[-1:] + b'{"ask": "forget"}\n\n{"ask": "abort"}\n')
    asked = [console.poll() for _ in range(4)]
    assert [[one.request for one in turn] for turn in asked] == [[Choose(choice=CHOICE)], [Forget()], [Abort()], []]
    assert [one.number for turn in asked for one in turn] == [1, 2, 3]
    caller.hear()
    console.answer(asked[1][0], None)
    console.answer(asked[0][0], "A measurement is under way.")
    assert caller.hear() == [
        {"event": "answer", "number": 2, "refusal": None},
        {"event": "answer", "number": 1, "refusal": "A measurement is under way."},
    ]


def test_an_answer_to_one_who_has_left_goes_nowhere(console: Console, caller: Raw) -> None:
    caller.say(b'{"ask": "abort"}\n')
    asked = console.poll()
    caller.socket.close()
    console.poll()
    console.answer(asked[0], None)
    console.answer(Asked(Abort(), 99, 1), None)
    console.tell({"event": "state", "state": "idle"})


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"hello", "Not understood: "),
        (b'{"ask": "press"}', "Not understood: "),
        (b'{"ask": "abort", "now": true}', "abort.now: Extra inputs"),
        (b'{"ask": "choose"}', "choose.choice: Field required"),
        (b'{"ask": "choose", "choice": {"inclusion": "Jeanne"}}', "Not understood: choose.choice"),
        (b"\xff\xfe\x00", "Not understood: "),
        (b"[" * 4000, "Not understood: "),
    ],
)
def test_a_line_that_is_no_request_is_answered_and_does_nothing(
    console: Console, caller: Raw, line: bytes, words: str
) -> None:
    caller.hear()
    caller.say(line + b'\n{"ask": "abort"}\n')
    assert console.poll() == []
    (answer,) = caller.hear()
    assert answer["number"] == 1
    assert words in answer["refusal"]
    assert "Jeanne" not in answer["refusal"]
    assert [one.number for one in console.poll()] == [2]
