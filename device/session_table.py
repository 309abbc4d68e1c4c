"""The session as one table: for every state and every event the move that it makes, or why it is ignored.

`as_markdown` prints it for docs/session.md; a test holds that every pair stands here exactly once.
"""

import textwrap
from collections.abc import Callable, Iterable
from typing import Any

from device.session_moves import Moves
from device.session_words import (
    ACTIVE,
    STARTABLE,
    WAITING,
    AbortAsked,
    Action,
    Analysed,
    AnalysisFailed,
    Begun,
    CameraFailed,
    ChamberEmpty,
    Committed,
    Event,
    FrameSeen,
    Held,
    JournalFailed,
    ProbeFailed,
    ProbeNotReady,
    ProbePhase,
    ProbeReady,
    ProbeReleased,
    Pushed,
    SettingsMoved,
    State,
    Tick,
)

Move = Callable[[Any, Any], list[Action]]
Pair = tuple[State, type[Event]]

EVENTS: tuple[type[Event], ...] = (
    Pushed,
    Held,
    AbortAsked,
    Tick,
    FrameSeen,
    SettingsMoved,
    CameraFailed,
    ProbeReady,
    ProbePhase,
    ProbeNotReady,
    ProbeReleased,
    ProbeFailed,
    ChamberEmpty,
    Analysed,
    AnalysisFailed,
    Begun,
    Committed,
    JournalFailed,
)
PRESSED = frozenset({State.PRESSING, State.HOLDING})
RESTS = frozenset({State.RESTING, State.REPEATING})
ENDED = frozenset({State.ABORTED, State.PROBE_FAULT, State.CAMERA_FAULT, State.ANALYSIS_FAULT})
EVERY = frozenset(State)


def _each(states: Iterable[State], event: type[Event], move: Move) -> dict[Pair, Move]:
    return {(state, event): move for state in states}


MOVES: dict[Pair, Move] = {
    **_each(STARTABLE, Pushed, Moves.start),
    (State.JOURNAL_FAULT, Pushed): Moves.journal_refuses,
    **_each(ACTIVE, Held, Moves.abort),
    **_each(ACTIVE, AbortAsked, Moves.abort),
    (State.JUDGING, Held): Moves.vent,
    (State.JUDGING, AbortAsked): Moves.vent,
    (State.BASELINE, Tick): Moves.baseline_tick,
    **_each(PRESSED, Tick, Moves.pressed_tick),
    (State.REFILLING, Tick): Moves.refilling_tick,
    (State.RESTING, Tick): Moves.resting_tick,
    (State.REPEATING, Tick): Moves.repeating_tick,
    **_each(ACTIVE - RESTS, SettingsMoved, Moves.settings_moved),
    **_each(ACTIVE, CameraFailed, Moves.camera_failed),
    (State.PRESSING, ProbePhase): Moves.phase,
    (State.PRESSING, ProbeNotReady): Moves.press_not_ready,
    **_each(PRESSED, ProbeReleased, Moves.released),
    **_each(ACTIVE, ProbeFailed, Moves.probe_failed),
    (State.REFILLING, Analysed): Moves.analysed,
    **_each(ACTIVE - {State.REFILLING}, AnalysisFailed, Moves.analysis_failed),
    (State.REFILLING, AnalysisFailed): Moves.look_failed,
    (State.BEGINNING, Begun): Moves.begun,
    (State.BEGINNING, JournalFailed): Moves.not_begun,
    (State.JUDGING, Committed): Moves.committed,
    (State.JOURNAL_FAULT, Committed): Moves.committed,
    **_each(ACTIVE, JournalFailed, Moves.journal_stops_it),
    **_each(ENDED | {State.JUDGING, State.JOURNAL_FAULT}, JournalFailed, Moves.journal_waits),
}

NOTED: dict[type[Event], str] = {
    FrameSeen: "when the last frame came",
    ProbeReady: "that the probe is well",
    ProbePhase: "whether it is vented",
    ProbeFailed: "a fault that is latched: no push starts anything before it is cleared",
    ChamberEmpty: "up to when the chamber was empty",
}
"""What is remembered in every state, whatever move comes on top of it."""


def _why(states: Iterable[State], event: type[Event], reason: str) -> dict[Pair, str]:
    return {(state, event): reason for state in states}


IGNORED: dict[Pair, str] = {
    **_why(ACTIVE, Pushed, "a push during a measurement never starts a second one"),
    **_why({State.BEGINNING, State.JUDGING}, Pushed, "a measurement is under way"),
    **_why(STARTABLE, Held, "nothing runs that could be stopped"),
    **_why(STARTABLE, AbortAsked, "nothing runs that could be stopped"),
    **_why({State.BEGINNING}, Held, "nothing is pressed; the draft is on its way into the journal"),
    **_why({State.BEGINNING}, AbortAsked, "nothing is pressed; the draft is on its way into the journal"),
    **_why({State.JOURNAL_FAULT}, Held, "it has ended already; its record waits for the disk"),
    **_why({State.JOURNAL_FAULT}, AbortAsked, "it has ended already; its record waits for the disk"),
    **_why(STARTABLE | WAITING, Tick, "nothing is timed here"),
    **_why(RESTS, SettingsMoved, "nothing is recorded; the next press starts from a fresh baseline"),
    **_why(STARTABLE | WAITING, SettingsMoved, "nothing is recorded"),
    **_why(STARTABLE | WAITING, CameraFailed, "the next push finds that no frames come"),
    **_why(EVERY - {State.PRESSING}, ProbeNotReady, "no press was asked for just now"),
    **_why(EVERY - PRESSED, ProbeReleased, "no press is on: it comes late"),
    **_why(EVERY - {State.REFILLING}, Analysed, "no look is under way: it comes late"),
    **_why(STARTABLE | WAITING, AnalysisFailed, "no look is under way: it comes late"),
    **_why(EVERY - {State.BEGINNING}, Begun, "nothing waits for it"),
    **_why(EVERY - {State.JUDGING, State.JOURNAL_FAULT}, Committed, "the state has its name already"),
    **_why({State.IDLE, State.DONE}, JournalFailed, "nothing of a measurement waits for the journal"),
}
"""Pairs without a move, and why."""


def row(state: State, event: Event) -> Move | None:
    """Return the move of a state at an event; None where it is ignored or only noted."""
    return MOVES.get((state, type(event)))


def as_markdown() -> str:
    """Return the table for the page: a section for each state, a line for each event."""
    noted = [f"| `{event.__name__}` | {what} |" for event, what in NOTED.items()]
    parts = ["Remembered in every state:\n", "| event | what is noted |", "| --- | --- |", *noted]
    for state in State:
        parts += [f"\n### `{state.value}`\n", "| event | what happens |", "| --- | --- |"]
        parts += [f"| `{event.__name__}` | {cell(state, event)} |" for event in EVENTS]
    return "\n".join(parts) + "\n"


def cell(state: State, event: type[Event]) -> str:
    """Return what the table says of one pair; raises `KeyError` where it says nothing."""
    move = MOVES.get((state, event))
    if move is not None:
        first = textwrap.dedent(move.__doc__ or "").strip().split("\n\n")[0]
        return f"**{move.__name__}**: {' '.join(first.split())}"
    if (state, event) in IGNORED:
        return f"ignored: {IGNORED[state, event]}"
    return f"noted: {NOTED[event]}"
