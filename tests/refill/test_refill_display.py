"""What a newcomer sees while the demo measures: plain lines in a pipe, a picture that follows in a terminal."""

import io
import math
import time
from typing import Any

import pytest
from rich.console import Console

from refill.demo_display import ROWS, SMALLEST_SPAN, Display, curve_text, outcome, ruler_text

RESULT = {"crt_s": 2.4, "crt_ci95_s": [2.1, 2.7], "crt_exceeds_s": None}
READING = {"event": "reading", "device_seq": 7, "result": RESULT, "sentence": None}


def console(terminal: bool, width: int = 80) -> tuple[Console, io.StringIO]:
    out = io.StringIO()
    return Console(file=out, force_terminal=terminal, width=width, color_system=None), out


def at(state: str, kind: str = "progress", **values: object) -> dict[str, Any]:
    return {"event": kind, "state": state, "press": 1, "presses": 1, "remaining_s": None, "kpa": 0.0, **values}


def measurement() -> list[dict[str, Any]]:
    """The events of one press: blood out from 4 s on, back from 9 s on."""
    events = [at("idle", "state")]
    for number in range(180):
        time_s = number / 10
        state = "baseline" if time_s < 3 else "pressing" if time_s < 4 else "holding" if time_s < 9 else "refilling"
        changed = time_s in (0.0, 3.0, 4.0, 9.0)
        signal = 0.62 if state == "holding" else 0.75
        events.append(at(state, "state" if changed else "progress", time_s=time_s, signal=signal, remaining_s=1.5))
    return events


def test_in_a_pipe_every_step_is_one_plain_line() -> None:
    where, out = console(terminal=False)
    with Display(where) as display:
        for event in [*measurement(), READING]:
            display.hear(event)
    lines = out.getvalue().splitlines()
    assert [line.strip() for line in lines] == [
        "Ready. The simulated nurse pushes the button.",
        "Watching the skin before the press",
        "Pressing",
        "Holding: the blood is pressed out",
        "Released. Watching the colour come back",
        "reading 7 is in the journal: 2.40 s (95 % interval 2.10 to 2.70 s)",
    ]


def test_in_a_terminal_step_countdown_pressure_and_curve_are_drawn() -> None:
    where, out = console(terminal=True)
    with Display(where) as display:
        for event in measurement():
            if event["state"] != "refilling":
                display.hear({**event, "kpa": 40.0})
        time.sleep(0.4)  # the picture is drawn some ten times a second
    drawn = out.getvalue()
    assert "✓ watch   ✓ press   ● hold   ○ release   ○ result" in drawn
    assert "Holding: the blood is pressed out, 1.5 s to go" in drawn
    assert "40.0 kPa  ██████" in drawn
    assert "█" * 15 in drawn
    assert all(len(line) <= 80 for line in drawn.replace("\r", "\n").splitlines() if "\x1b" not in line)


def test_the_whole_curve_stays_on_the_terminal_with_its_result() -> None:
    where, out = console(terminal=True)
    with Display(where) as display:
        for event in measurement():
            display.hear(event)
        display.hear(READING)
        display.wait_for_receipts()
    kept = out.getvalue().rpartition("Refill time: 2.40 s (95 % interval 2.10 to 2.70 s)")[2]
    assert "│watch" in kept
    assert "│press and hold" in kept
    assert "│release" in kept
    assert "reading 7 is in the journal" in kept
    assert "waiting for the receipt" in kept


def test_an_interrupted_reading_of_an_earlier_start_draws_no_curve() -> None:
    where, out = console(terminal=True)
    told = {**READING, "result": {"crt_s": None, "crt_exceeds_s": None}, "sentence": "The measurement was interrupted."}
    with Display(where) as display:
        display.hear(told)
    assert "not measurable. The measurement was interrupted." in out.getvalue()
    assert "Refill time" not in out.getvalue()


def test_the_curve_is_high_where_blood_is_and_keeps_the_whole_press_in_view() -> None:
    samples = [(number / 10, 0.75 if number < 300 else 0.60) for number in range(600)]
    rows = curve_text(samples, 40).splitlines()
    assert len(rows) == ROWS
    assert max(map(len, rows)) == 40
    assert all(row[:19].strip() == "█" * 19 for row in rows)
    assert all(row[21:].strip() == "" for row in rows)
    ruler = ruler_text([(0.0, "watch"), (30.0, "release")], samples, 40)
    assert ruler == "│watch" + " " * 13 + "│release "


def test_noise_alone_does_not_look_like_a_curve() -> None:
    samples = [(number / 10, 0.7 + 0.1 * SMALLEST_SPAN * math.sin(number)) for number in range(100)]
    bottom = curve_text(samples, 60).splitlines()[ROWS // 2]
    assert set(bottom) == {"█"}


@pytest.mark.parametrize("samples", [[], [(0.0, 0.7)], [(0.0, 0.7), (0.0, 0.7)], [(-1.0, 0.7), (3.0, 0.7)]])
def test_too_little_to_draw_is_an_empty_or_flat_picture(samples: list[tuple[float, float]]) -> None:
    assert curve_text(samples, 40).count("\n") == ROWS - 1
    assert ruler_text([(0.0, "watch")], samples, 40) == "│watch "


@pytest.mark.parametrize("terminal", [False, True])
@pytest.mark.parametrize(
    "event",
    [
        {},
        {"event": None},
        {"event": "ghost", "state": "idle"},
        {"event": "problem"},
        {"event": "refused", "sentence": None},
        {"event": "state"},
        {"event": "state", "state": 3},
        {"event": "state", "state": "unheard of [bold]", "kpa": "high", "remaining_s": [], "press": None},
        {"event": "progress", "state": "holding", "kpa": -3.0, "time_s": math.nan, "signal": math.inf},
        {"event": "progress", "state": "holding", "kpa": 1e9, "time_s": 1e9, "signal": 1, "presses": True},
        {"event": "reading"},
        {"event": "reading", "result": [], "sentence": "[red]"},
        {"event": "reading", "result": {"crt_s": "2", "crt_exceeds_s": None}},
        {"event": "reading", "result": {"crt_s": 2.0, "crt_ci95_s": None}},
        {"event": "reading", "result": {"crt_s": 2.0, "crt_ci95_s": ["a", None]}},
    ],
)
def test_an_odd_event_stops_nothing(event: dict[str, Any], terminal: bool) -> None:
    where, out = console(terminal, width=20)
    with Display(where) as display:
        display.hear(at("baseline", "state", time_s=0.0, signal=0.7))
        display.hear(at("baseline", time_s=0.1, signal=0.7))
        display.hear(event)
        display.hear(at("idle", "state"))
        display.hear(READING)
        time.sleep(0.2 if terminal else 0.0)
    assert "reading 7 is in the journal" in out.getvalue()


@pytest.mark.parametrize(
    ("result", "words"),
    [
        ({"crt_s": 2.0}, "2.00 s"),
        ({"crt_s": None, "crt_exceeds_s": 30.0}, "longer than 30.0 s"),
        ({"crt_s": None, "crt_exceeds_s": None}, "not measurable. The hand moved."),
    ],
)
def test_every_kind_of_result_has_words(result: dict[str, Any], words: str) -> None:
    assert outcome({"result": result, "sentence": "The hand moved."}) == words
