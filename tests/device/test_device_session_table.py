"""The table of the session: every pair of state and event stands in it once, and the page says what the code does."""

from pathlib import Path
from typing import get_args

from device.session_table import EVENTS, IGNORED, MOVES, NOTED, cell
from device.session_words import Event, State
from refill.session_docs import PAGE, written


def test_every_event_has_a_column() -> None:
    assert set(EVENTS) == set(get_args(Event))
    assert len(EVENTS) == len(set(EVENTS))


def test_every_pair_has_a_move_or_says_why_not() -> None:
    pairs = {(state, event) for state in State for event in EVENTS}
    assert set(MOVES) | set(IGNORED) | {(state, event) for state in State for event in NOTED} == pairs
    assert not set(MOVES) & set(IGNORED)
    assert not {event for _, event in IGNORED} & set(NOTED), "what is noted everywhere is ignored nowhere"
    assert all(reason.strip() for reason in IGNORED.values())


def test_every_cell_says_something() -> None:
    for state in State:
        for event in EVENTS:
            assert cell(state, event).split(": ", 1)[1].strip()


def test_the_page_holds_the_table_of_the_code() -> None:
    page = (Path(__file__).resolve().parents[2] / PAGE).read_text(encoding="utf-8")
    assert written(page) == page, "renew it: python -m refill.session_docs"
