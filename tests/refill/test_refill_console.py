"""`refill choose`, `forget`, `abort`, `watch`, `health`: what they ask, what they print, how they end."""

import contextlib
import io
import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console as Terminal
from typer.testing import CliRunner

from contract.reading import BodySite, Side, Subject
from contract.status import Condition
from device.console import Console
from device.console_words import Abort, Choose, Forget, Request
from device.health import DiskFacts, Facts, judge
from refill.cli import app
from refill.console_display import Display, progress_line

FULL = judge(Facts(clock_synchronised=True, disk=DiskFacts(100.4, 200, writable=True)))


@dataclass
class Loop:
    """A bedside's loop that answers everything alike; `told` is told once somebody is there."""

    path: Path
    refusal: str | None = None
    asked: list[Request] = field(default_factory=list)


@pytest.fixture
def loop(tmp_path: Path) -> Iterator[Loop]:
    bedside = Loop(tmp_path / "bedside.sock")
    console = Console(bedside.path)
    console.tell({"event": "state", "state": "idle"})
    console.tell({"event": "health", "parts": [part.model_dump(mode="json") for part in FULL]})
    stop = threading.Event()

    def run() -> None:
        while not stop.wait(0.005):
            for asked in console.poll():
                bedside.asked.append(asked.request)
                console.answer(asked, bedside.refusal)
        console.close()

    thread = threading.Thread(target=run)
    thread.start()
    yield bedside
    stop.set()
    thread.join()


def called(loop: Loop, *arguments: str) -> Any:
    return CliRunner().invoke(app, [*arguments, "--simulate", "--socket", str(loop.path)])


def test_choose_asks_for_everything_that_was_named_and_prints_it(loop: Loop) -> None:
    result = called(
        loop,
        *("choose", "--subject", "01-0042", "--body-site", "knee", "--side", "left", "--event", "inclusion"),
        *("--operator", "ab", "--onset", "2026-11-26T03:00+01:00", "--protocol", "knee-10s", "--study", "i-micro"),
    )
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == (
        "chosen: i-micro 01-0042, left knee, knee-10s, event inclusion, operator ab, "
        "norepinephrine since 2026-11-26 03:00 +0100\n"
    )
    (asked,) = loop.asked
    assert isinstance(asked, Choose)
    assert asked.choice.subject == Subject(site="01", inclusion="0042")
    assert (asked.choice.body_site, asked.choice.side) == (BodySite.KNEE, Side.LEFT)
    assert asked.choice.norepinephrine_onset_at is not None
    assert asked.choice.norepinephrine_onset_at.isoformat() == "2026-11-26T03:00:00+01:00"


@pytest.mark.slow
def test_choose_takes_study_and_protocol_from_device_and_study_file(loop: Loop) -> None:
    assert called(loop, "choose", "--subject", "00-0007").exit_code == 0
    assert called(loop, "choose", "--subject", "01-1", "--study", "i-micro", "--body-site", "knee").exit_code == 0
    choices = [asked.choice for asked in loop.asked if isinstance(asked, Choose)]
    assert [(choice.study, choice.protocol) for choice in choices] == [("demo", "demo"), ("i-micro", "knee-10s")]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--subject", "0042"], "--subject: site and inclusion number, for example 00-0001"),
        (["--subject", "00-jean"], "subject.inclusion: String should match pattern"),
        (["--subject", "00-1", "--study", "none-such"], "none-such"),
        (["--subject", "00-1", "--onset", "2026-11-26T03:00"], "norepinephrine_onset_at"),
        (["--subject", "00-1", "--operator", "Jean Dupont"], "operator: String should match pattern"),
    ],
)
def test_what_cannot_be_chosen_is_one_line_and_is_not_asked(loop: Loop, arguments: list[str], words: str) -> None:
    result = called(loop, "choose", *arguments)
    assert result.exit_code == 2
    assert words in result.stderr
    assert result.stderr.count("\n") == 1
    assert "jean" not in result.stderr.lower()
    assert loop.asked == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["choose", "--subject", "00-1"], "chosen: "), (["forget"], "nobody is chosen"), (["abort"], "told to stop")],
)
def test_a_refusal_is_printed_and_ends_with_1(loop: Loop, arguments: list[str], said: str) -> None:
    assert said in called(loop, *arguments).stdout
    loop.refusal = "A measurement is under way. Wait for its end, or stop it."
    result = called(loop, *arguments)
    assert (result.exit_code, result.stdout, result.stderr) == (1, "", f"{loop.refusal}\n")
    assert [type(asked) for asked in loop.asked] == [
        {"choose": Choose, "forget": Forget, "abort": Abort}[arguments[0]]
    ] * 2


@pytest.mark.slow
@pytest.mark.parametrize("command", [["choose", "--subject", "00-1"], ["forget"], ["abort"], ["watch"], ["health"]])
def test_where_no_bedside_runs_that_is_said(tmp_path: Path, command: list[str]) -> None:
    result = called(Loop(tmp_path / "none.sock"), *command)
    assert result.exit_code == 1
    assert result.stderr == f"There is no bedside program at {tmp_path / 'none.sock'}: No such file or directory.\n"


def test_health_is_a_table_and_a_fault_ends_with_1(loop: Loop) -> None:
    result = called(loop, "health")
    assert result.exit_code == 1
    rows = [line.split() for line in result.stdout.splitlines()]
    assert rows[0][:3] == ["part", "condition", "number"]
    assert [row[0] for row in rows if row and row[0] in {part.part.value for part in FULL}] == [
        part.part.value for part in FULL
    ]
    disk = next(row for row in rows if row[0] == "disk")
    assert disk[1:4] == ["fault", "100", "MB"]
    assert next(row for row in rows if row[0] == "clock")[1:] == ["ok"]


def test_health_for_a_program_is_what_the_bedside_said(loop: Loop) -> None:
    result = called(loop, "health", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout) == [part.model_dump(mode="json") for part in FULL]


def test_health_without_a_fault_ends_well(tmp_path: Path) -> None:
    parts = [part for part in FULL if part.condition is not Condition.FAULT]
    bedside = Loop(tmp_path / "bedside.sock")
    with contextlib.closing(Console(bedside.path)) as console:
        console.tell({"event": "health", "parts": [part.model_dump(mode="json") for part in parts]})
        thread = threading.Thread(target=lambda: [(console.poll(), time.sleep(0.01)) for _ in range(30)])
        thread.start()
        assert called(bedside, "health").exit_code == 0
        thread.join()


EVENTS: list[tuple[dict[str, Any], str]] = [
    ({"event": "state", "state": "pressing"}, "pressing"),
    ({"event": "press", "number": 1, "result": {"crt_s": 2.345}}, "press 1: 2.35 s"),
    ({"event": "press", "number": 2, "result": {"crt_s": None, "reason": "moved"}}, "press 2: moved"),
    (
        {"event": "reading", "device_seq": 7, "sentence": None, "result": {"crt_s": 2.0, "crt_ci95_s": [1.9, 2.1]}},
        "reading 7: 2.00 s (1.90 to 2.10)",
    ),
    (
        {"event": "reading", "device_seq": 8, "sentence": None, "result": {"crt_s": None, "crt_exceeds_s": 12.0}},
        "reading 8: > 12.0 s",
    ),
    (
        {"event": "reading", "device_seq": 9, "sentence": "The hand moved.", "result": {"crt_s": None}},
        "reading 9: The hand moved.",
    ),
    ({"event": "problem", "sentence": "The camera does not answer."}, "The camera does not answer."),
    ({"event": "refused", "sentence": "Choose the subject first."}, "Choose the subject first."),
    ({"event": "choice", "choice": None}, "nobody is chosen"),
    (
        {"event": "verdict", "answer": "undetermined", "note": "not calibrated"},
        "poor perfusion by the study: undetermined (not calibrated)",
    ),
    ({"event": "progress", "state": "holding", "kpa": 40.0}, ""),
    ({"event": "of a later version"}, ""),
]


@pytest.mark.parametrize(("event", "line"), EVENTS)
def test_an_event_is_a_line(event: dict[str, Any], line: str) -> None:
    paper = io.StringIO()
    with Display(Terminal(file=paper, width=200)) as display:
        display.show(event)
    assert paper.getvalue() == (f"{line}\n" if line else "")


def test_a_problem_is_told_once_until_it_changes() -> None:
    paper = io.StringIO()
    bad = {"event": "health", "parts": [part.model_dump(mode="json") for part in FULL]}
    with Display(Terminal(file=paper, width=200)) as display:
        for event in (bad, bad, {"event": "health", "parts": []}, bad):
            display.show(event)
    assert [line.split(":")[0] for line in paper.getvalue().splitlines()] == [
        "The disk is full",
        "all parts are well",
        "The disk is full",
    ]


def test_progress_says_how_far_it_is() -> None:
    event = {"state": "holding", "press": 2, "presses": 3, "remaining_s": 4.2, "kpa": 39.96}
    assert progress_line(event).plain == "holding  press 2 of 3  4 s  40.0 kPa"


def test_on_a_terminal_the_progress_moves_and_leaves_nothing(loop: Loop) -> None:
    paper = io.StringIO()
    with Display(Terminal(file=paper, width=80, force_terminal=True)) as display:
        display.show({"event": "progress", "state": "holding", "remaining_s": 4.2})
    assert "holding  4 s" in paper.getvalue()
    assert paper.getvalue().endswith("\x1b[2K") or "\x1b[2K" in paper.getvalue()


@pytest.mark.slow
@pytest.mark.parametrize("as_json", [False, True])
def test_watch_shows_and_ends_on_ctrl_c(loop: Loop, as_json: bool) -> None:
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "refill", "watch", "--simulate", "--socket", str(loop.path)),
            *(["--json"] if as_json else []),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    first, second = process.stdout.readline(), process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=10)
    assert (process.returncode, errors) == (0, "")
    if as_json:
        assert json.loads(first) == {"event": "state", "state": "idle"}
        assert json.loads(second)["event"] == "health"
    else:
        assert first == "idle\n"
        assert second.startswith("The disk is full")
