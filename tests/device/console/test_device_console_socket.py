"""The console's socket: floods, noise and connections, and nobody can hold up the loop."""

import contextlib
import os
import random
import socket
import stat
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from console_bench import CHOICE, Raw, serving
from hypothesis import given, settings
from hypothesis import strategies as st

from device.console import FULL, MAX_CONNECTIONS, Console, ConsoleError
from device.console_client import ConsoleClient
from device.console_socket import MAX_LINE, Lines, LineTooLongError
from device.console_words import Abort, Choose, Forget


def test_a_line_without_an_end_is_told_and_let_go(console: Console, caller: Raw) -> None:
    caller.hear()
    caller.say(b"x" * (MAX_LINE + 1))
    for _ in range(3):
        console.poll()
    (answer,) = caller.hear()
    assert "too long" in answer["refusal"]
    assert caller.closed


def test_a_flood_takes_its_turn(console: Console, caller: Raw, path: Path) -> None:
    other = Raw(path)
    caller.say(b'{"ask": "abort"}\n' * 1000)
    other.say(b'{"ask": "forget"}\n')
    turns = [console.poll() for _ in range(50)]
    assert max(len(turn) for turn in turns) <= 2
    assert sum(one.request == Forget() for turn in turns for one in turn) == 1
    assert sum(one.request == Abort() for turn in turns for one in turn) >= 49


def test_of_a_flood_no_more_is_taken_in_than_is_taken_up(console: Console, caller: Raw) -> None:
    taken = 0
    for _ in range(400):
        with contextlib.suppress(BlockingIOError):
            taken += caller.socket.send(b'{"ask": "abort"}\n' * 240)
        console.poll()
    assert taken < 600_000, "the rest waits with the one who sends it"


def test_a_reader_that_does_not_read_is_dropped_and_nobody_waits(console: Console, caller: Raw, path: Path) -> None:
    reader = Raw(path)
    console.poll()
    event = {"event": "progress", "signal": "x" * 1000}
    heard = 0
    for _ in range(1500):
        console.tell(event)  # a call that waited for the one who does not read would wait for ever
        heard += len(reader.hear())
    assert heard == 1501  # the greeting too
    caller.hear()
    assert caller.closed
    assert not reader.closed
    reader.say(b'{"ask": "abort"}\n')
    assert len(console.poll()) == 1


def test_a_hundred_connections_are_refused_but_for_eight_which_are_served(console: Console, path: Path) -> None:
    callers: list[Raw] = []
    for _ in range(100):
        callers.append(Raw(path))
        console.poll()
    heard = [caller.hear() for caller in callers]
    assert sum(caller.closed for caller in callers) == 100 - MAX_CONNECTIONS
    assert all(said[0].get("refusal") == FULL for said, caller in zip(heard, callers, strict=True) if caller.closed)
    with pytest.raises(ConsoleError, match="Too many screens"), serving(console):
        ConsoleClient(path)
    callers[0].say(b'{"ask": "abort"}\n')
    assert len(console.poll()) == 1
    callers[1].socket.close()
    console.poll()
    last = Raw(path)
    console.poll()
    assert "refusal" not in last.hear()[0]
    assert not last.closed


@pytest.mark.slow
@settings(max_examples=60, deadline=None, database=None)
@given(pieces=st.lists(st.binary(max_size=300) | st.sampled_from([b"\n", b'{"ask":"abort"}\n', b"{", b"\x00" * 5000])))
def test_whatever_comes_in_others_are_served(pieces: list[bytes], tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("fuzz") / "c.sock"
    console = Console(path)
    try:
        good, bad = Raw(path), Raw(path)
        for piece in pieces:
            bad.say(piece)
            for one in console.poll():
                assert one.request == Abort()
                console.answer(one, None)
        bad.socket.close()
        good.say(b'{"ask": "forget"}\n')
        asked = [one for _ in range(3) for one in console.poll()]
        assert Forget() in [one.request for one in asked]
        assert not good.closed
    finally:
        console.close()


@given(data=st.binary(max_size=400), cuts=st.lists(st.integers(0, 400)))
def test_lines_do_not_depend_on_how_they_were_cut(data: bytes, cuts: list[int]) -> None:
    bounds = [0, *sorted(cuts), len(data)]
    lines = Lines(10_000)
    pieces = [line for a, b in pairwise(bounds) for line in lines.feed(data[a : max(a, b)])]
    assert pieces == [line for line in data.split(b"\n")[:-1] if line.strip()]


def test_no_more_is_held_of_a_line_than_it_may_have() -> None:
    lines = Lines(10)
    assert lines.feed(b"0123456789") == []
    with pytest.raises(LineTooLongError):
        lines.feed(b"x")


def test_the_socket_is_for_owner_and_group_and_gone_at_the_end(console: Console, path: Path) -> None:
    assert stat.S_IMODE(path.stat().st_mode) == 0o660
    assert stat.S_IMODE(path.parent.stat().st_mode) & 0o007 == 0
    console.close()
    assert not path.exists()
    console.close()


def test_a_name_left_behind_is_taken_over_but_not_a_living_one(path: Path) -> None:
    path.parent.mkdir()
    left = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    left.bind(str(path))
    left.close()
    with contextlib.closing(Console(path)):
        with pytest.raises(ConsoleError, match="another bedside process is running"):
            Console(path)
        Raw(path).socket.close()
    path.write_text("a file")
    with pytest.raises(ConsoleError, match="is not a socket"):
        Console(path)
    assert path.read_text() == "a file"


def test_a_folder_where_anybody_may_write_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "open"
    folder.mkdir()
    folder.chmod(0o777)
    with pytest.raises(ConsoleError, match="anybody may write there"):
        Console(folder / "c.sock")


def test_a_connection_is_logged_by_its_users_number(
    console: Console, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO"):
        Raw(path)
        console.poll()
    assert caplog.messages == [f"console 1: connected by user {os.getuid()}"]


def test_a_turn_of_an_idle_console_costs_next_to_nothing(console: Console, caller: Raw) -> None:
    console.poll()
    calls: list[str] = []

    def note(_frame: object, event: str, called: object) -> None:
        if event in ("call", "c_call"):
            calls.append(str(called))

    sys.setprofile(note)
    try:
        for _ in range(100):
            console.poll()
    finally:
        sys.setprofile(None)
    assert len(calls) < 20 * 100  # ten a turn when this was written


@pytest.mark.slow
def test_a_server_lives_through_ten_seconds_of_noise(console: Console, path: Path) -> None:
    dice = random.Random(5)
    noise: list[Callable[[], bytes]] = [
        lambda: dice.randbytes(dice.randrange(3000)),
        lambda: b'{"ask": "abort"}\n' * dice.randrange(40),
        lambda: b'{"ask": "cho',
        lambda: b"\n" * 4000,
        lambda: Choose(choice=CHOICE).model_dump_json().encode() + b"\n",
    ]
    callers: list[Raw] = []
    with serving(console):
        end_s = time.monotonic() + 10
        while time.monotonic() < end_s:
            if len(callers) < 100 and dice.random() < 0.3:
                with contextlib.suppress(OSError):
                    callers.append(Raw(path))
            if callers:
                one = dice.choice(callers)
                one.say(dice.choice(noise)())
                if dice.random() < 0.2:
                    one.socket.close()
                    callers.remove(one)
            time.sleep(0.002)
        for one in callers:
            one.socket.close()
        time.sleep(0.1)
        with ConsoleClient(path) as client:
            assert client.ask(Abort()) is None
