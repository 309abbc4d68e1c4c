"""The button means what the nurse meant: bounces are one push, a long push stops, a stuck one means nothing."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device.panel import Pushes
from device.panel.pushes import STUCK
from device.session_words import Held, Pushed

MS = 1_000_000
DEBOUNCE_MS, HOLD_MS, STUCK_MS = 30, 1500, 10_000
POLL_MS = 20

Edges = list[tuple[int, bool]]
Meant = list[tuple[int, Pushed | Held]]


def play(edges: Edges, until_ms: int, pushes: Pushes | None = None, poll_ms: int = 10) -> Meant:
    """Feed edges (time in ms, level), polled with the level as it is; returns what was meant, and when."""
    pushes = pushes or Pushes()
    meant: Meant = []
    waiting, down = list(edges), False
    for now_ms in range(0, until_ms, poll_ms):
        while waiting and waiting[0][0] <= now_ms:
            at_ms, down = waiting.pop(0)
            meant += [(now_ms, item) for item in pushes.level(down, at_ms * MS)]
        meant += [(now_ms, item) for item in pushes.look(down, now_ms * MS)]
    return meant


def items(meant: Meant) -> list[Pushed | Held]:
    return [item for _, item in meant]


def test_a_clean_push_is_one_push_when_it_goes_down() -> None:
    assert play([(100, True), (300, False)], 2000) == [(130, Pushed(1))]


def test_bounces_are_one_push() -> None:
    bouncing = [(100, True), (104, False), (107, True), (111, False), (115, True)]
    release = [(400, False), (403, True), (409, False)]
    assert items(play(bouncing + release, 2000)) == [Pushed(1)]


def test_a_gloved_finger_that_chatters_for_100_ms_is_one_push() -> None:
    chatter = [(100 + 10 * n, n % 2 == 0) for n in range(11)]
    assert chatter[-1] == (200, True)
    assert play([*chatter, (600, False)], 2000) == [(230, Pushed(1))]


def test_a_glitch_is_no_push() -> None:
    assert play([(100, True), (120, False), (500, True), (515, False)], 3000) == []


def test_a_long_push_is_told_once_while_it_lasts() -> None:
    assert play([(100, True), (5000, False)], 6000) == [(130, Pushed(1)), (1600, Held(1))]


def test_a_contact_that_opens_for_an_instant_does_not_end_a_push() -> None:
    meant = play([(100, True), (1000, False), (1010, True), (3000, False)], 4000)
    assert items(meant) == [Pushed(1), Held(1)]


def test_pushes_are_numbered() -> None:
    meant = play([(100, True), (200, False), (500, True), (2500, False)], 4000)
    assert items(meant) == [Pushed(1), Pushed(2), Held(2)]


def test_two_pushes_within_half_a_second_are_two() -> None:
    meant = play([(100, True), (200, False), (300, True), (400, False)], 1000)
    assert meant == [(130, Pushed(1)), (330, Pushed(2))]


def test_a_push_that_came_and_went_between_two_polls_is_told() -> None:
    assert items(play([(105, True), (195, False)], 600, poll_ms=200)) == [Pushed(1)]
    assert items(play([(105, True), (2000, False)], 3000, poll_ms=2500)) == [Pushed(1), Held(1)]


def test_a_button_that_is_down_at_the_start_means_nothing_until_it_has_been_up() -> None:
    pushes = Pushes(down=True)
    assert pushes.trouble == STUCK
    assert [item for t in range(0, 20_000, 20) for item in pushes.look(True, t * MS)] == []
    assert pushes.trouble == STUCK
    pushes.level(False, 20_000 * MS)
    assert pushes.passed(20_029 * MS) == []
    assert pushes.trouble == STUCK
    pushes.passed(20_030 * MS)
    assert pushes.trouble is None
    pushes.level(True, 21_000 * MS)
    assert pushes.passed(21_030 * MS) == [Pushed(1)]


def test_a_button_that_does_not_come_up_is_stuck_after_ten_seconds() -> None:
    pushes = Pushes()
    assert items(play([(0, True)], STUCK_MS, pushes)) == [Pushed(1), Held(1)]
    assert pushes.trouble is None
    assert pushes.passed(STUCK_MS * MS) == []
    assert pushes.trouble == STUCK
    pushes.level(False, 11_000 * MS)
    pushes.passed(11_030 * MS)
    assert pushes.trouble is None


def test_a_contact_that_never_comes_to_rest_is_stuck_and_starts_nothing_even_when_it_does() -> None:
    pushes = Pushes()
    chatter = [(n * 10, n % 2 == 0) for n in range(1001)]
    assert play(chatter, 10_020, pushes) == []
    assert pushes.trouble == STUCK
    assert pushes.look(True, 10_500 * MS) == []
    pushes.level(False, 10_600 * MS)
    pushes.look(False, 10_700 * MS)
    assert pushes.trouble is None


def test_an_edge_that_never_was_counts_for_nothing_also_where_nobody_polled_for_long() -> None:
    pushes = Pushes()
    pushes.look(False, 0)
    assert pushes.level(True, 100 * MS) == []
    assert pushes.look(False, 600 * MS) == []
    assert pushes.level(True, 700 * MS) == []
    assert pushes.look(True, 800 * MS) == [Pushed(1)]


def test_a_release_that_was_not_told_of_is_not_taken_for_a_long_push() -> None:
    pushes = Pushes()
    pushes.level(True, 100 * MS)
    assert pushes.look(True, 140 * MS) == [Pushed(1)]
    assert pushes.look(False, 1700 * MS) == []
    assert pushes.look(False, 1800 * MS) == []


def test_time_that_runs_back_between_edge_and_poll_does_no_harm() -> None:
    pushes = Pushes()
    pushes.look(True, 100 * MS)
    assert pushes.level(True, 99 * MS) == []
    assert pushes.look(True, 129 * MS) == []
    assert pushes.look(True, 130 * MS) == [Pushed(1)]


short_ms = st.integers(1, DEBOUNCE_MS - 1)
chatter_ms = st.lists(short_ms, max_size=24)


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(chatter_ms, st.integers(DEBOUNCE_MS, 4000), chatter_ms, st.integers(5, 60))
def test_one_physical_push_is_one_push_however_it_chatters(
    closing: list[int], closed_ms: int, opening: list[int], poll_ms: int
) -> None:
    """No level of the chatter lasts as long as the debounce; it begins and ends with the contact closed."""
    lengths_ms = [*closing[: len(closing) // 2 * 2], closed_ms, *opening[: len(opening) // 2 * 2]]
    edges, now_ms = [], 100
    for number, length_ms in enumerate([*lengths_ms, 0]):
        edges.append((now_ms, number % 2 == 0))
        now_ms += length_ms
    meant = items(play(edges, now_ms + 200, poll_ms=poll_ms))
    assert meant[:1] == [Pushed(1)]
    # The hold counts from the steady contact on; chatter after it belongs to the push.
    at_most_ms = sum(lengths_ms[len(closing) // 2 * 2 :])
    assert meant[1:] in ([], [Held(1)])
    assert Held(1) in meant or closed_ms < HOLD_MS
    assert Held(1) not in meant or at_most_ms >= HOLD_MS


def told_by_rule(edges: Edges, end_ms: int) -> list[Pushed | Held]:
    """What a contact means by the definition alone, from the whole course of it: slow, and without any state."""
    ends = [*(at for at, _ in edges), end_ms][1:]
    spans = [(at, end, down) for (at, down), end in zip(edges, ends, strict=True)]
    meant: list[Pushed | Held] = []
    push, told, held = 0, None, False
    for start, end, down in spans:
        lasts = end - start
        if not down:
            if lasts >= DEBOUNCE_MS:
                told = None
            continue
        if told is None and lasts >= DEBOUNCE_MS:
            push, told, held = push + 1, start, False
            meant.append(Pushed(push))
        if told is not None and not held and end - told >= HOLD_MS:
            held = True
            meant.append(Held(push))
    return meant


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(1, 90) | st.integers(1200, 1800), max_size=40), st.integers(5, 60))
def test_any_course_of_the_contact_means_what_the_rule_says(lengths_ms: list[int], poll_ms: int) -> None:
    edges, now_ms, touched_ms = [], 100, 100
    for number, length_ms in enumerate(lengths_ms):
        edges.append((now_ms, number % 2 == 0))
        now_ms += length_ms
        if number % 2 and length_ms >= DEBOUNCE_MS:
            touched_ms = now_ms
        if now_ms - touched_ms > STUCK_MS - 100:
            break
    if edges and edges[-1][1]:
        edges.append((now_ms, False))
    end_ms = now_ms + 200
    assert items(play(edges, end_ms, poll_ms=poll_ms)) == told_by_rule(edges, now_ms)


phantom_ms = st.lists(st.integers(0, 3000), max_size=60).map(sorted)


@settings(max_examples=100, deadline=None)
@given(phantom_ms, st.booleans(), st.integers(0, 19))
def test_edges_that_never_were_neither_make_a_push_nor_break_one(at_ms: list[int], down: bool, phase_ms: int) -> None:
    """The level is as it is all the time, and polled; edges alternate, as gpiozero passes them on, and none is true."""
    pushes = Pushes()
    meant = pushes.level(True, 0) if down else []
    waiting, told = list(at_ms), down
    for now_ms in range(phase_ms, 4000, POLL_MS):
        while waiting and waiting[0] <= now_ms:
            told = not told
            meant += pushes.level(told, waiting.pop(0) * MS)
        meant += pushes.look(down, now_ms * MS)
    assert meant == ([Pushed(1), Held(1)] if down else [])


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(80, 3000), st.integers(80, 500)), max_size=6), st.randoms(use_true_random=False))
def test_lost_edges_lose_no_push_that_polls_can_see(spans_ms: list[tuple[int, int]], random: "object") -> None:
    """Pushes of 80 ms and more, 80 ms and more apart, polled every 20 ms; any of their edges may be lost."""
    pushes, edges, now_ms = Pushes(), [], 100
    for closed_ms, open_ms in spans_ms:
        edges += [(now_ms, True), (now_ms + closed_ms, False)]
        now_ms += closed_ms + open_ms
    kept = [edge for edge in edges if random.random() < 0.5]  # type: ignore[attr-defined]  # hypothesis's Random
    meant: list[Pushed | Held] = []
    for poll_ms in range(0, now_ms + 200, POLL_MS):
        while kept and kept[0][0] <= poll_ms:
            at_ms, down = kept.pop(0)
            meant += pushes.level(down, at_ms * MS)
        level = next((down for at_ms, down in reversed(edges) if at_ms <= poll_ms), False)
        meant += pushes.look(level, poll_ms * MS)
    assert [item.push for item in meant if isinstance(item, Pushed)] == list(range(1, len(spans_ms) + 1))
    held = {item.push for item in meant if isinstance(item, Held)}
    for number, (closed_ms, _) in enumerate(spans_ms, 1):
        if closed_ms < HOLD_MS - POLL_MS or closed_ms > HOLD_MS + 2 * POLL_MS:
            assert (number in held) == (closed_ms > HOLD_MS)
