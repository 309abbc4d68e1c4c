"""The console: requests come in whole or not at all, everybody is told, and nobody can hold up the loop."""

import contextlib
import json
import os
import random
import socket
import stat
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.reading import BodySite, Subject
from device.console import FULL, MAX_CONNECTIONS, Console, ConsoleError
from device.console_client import ConsoleClient
from device.console_socket import MAX_LINE, Lines, LineTooLongError
from device.console_words import Abort, Asked, Choice, Choose, Forget, NotARequestError, Request, parse_request

CHOICE = Choice(
    study="demo", subject=Subject(site="00", inclusion="0042"), body_site=BodySite.FINGER, protocol="demo", event=None
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run" / "bedside.sock"


@pytest.fixture
def console(path: Path) -> Iterator[Console]:
    opened = Console(path)
    yield opened
    opened.close()


class Raw:
    """A connection that says anything, and hears what the server has written so far."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.connect(str(path))
        self.socket.setblocking(False)
        self.closed = False
        self._lines = Lines(10**6)

    def say(self, data: bytes) -> None:
        with contextlib.suppress(OSError):
            self.socket.send(data)

    def hear(self) -> list[dict[str, Any]]:
        heard: list[dict[str, Any]] = []
        while not self.closed:
            try:
                data = self.socket.recv(65_536)
            except BlockingIOError:
                break
            except OSError:
                data = b""
            self.closed = not data
            heard += [json.loads(line) for line in self._lines.feed(data)]
        return heard


@pytest.fixture
def caller(path: Path, console: Console) -> Iterator[Raw]:
    raw = Raw(path)
    console.poll()
    yield raw
    raw.socket.close()


@contextlib.contextmanager
def serving(
    console: Console, refusal: str | None = None, *, news: deque[dict[str, object]] | None = None
) -> Iterator[list[Request]]:
    """The loop of a bedside that answers everything alike. `news` is told by it too: a console has one thread."""
    stop, asked = threading.Event(), list[Request]()

    def loop() -> None:
        while not stop.wait(0.005):
            while news:
                console.tell(news.popleft())
            for one in console.poll():
                asked.append(one.request)
                console.answer(one, refusal)

    thread = threading.Thread(target=loop)
    thread.start()
    try:
        yield asked
    finally:
        stop.set()
        thread.join()


def test_one_word_measures_and_only_whom_it_names() -> None:
    words = {word.model_fields["ask"].default for word in get_args(Request)}
    assert words == {"choose", "forget", "measure", "abort", "amend", "mottling"}
    for ask in ("press", "start", "push", "release"):
        with pytest.raises(NotARequestError):
            parse_request(json.dumps({"ask": ask}).encode())
    with pytest.raises(NotARequestError, match="choice"):
        parse_request(b'{"ask": "measure"}')


def test_no_command_line_asks_for_a_measurement() -> None:
    commands = Path(__file__).resolve().parents[2] / "refill"
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
    began_s = time.perf_counter()
    turns = [console.poll() for _ in range(50)]
    assert time.perf_counter() - began_s < 0.5
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
    slowest_s, heard = 0.0, 0
    for _ in range(1500):
        began_s = time.perf_counter()
        console.tell(event)
        slowest_s = max(slowest_s, time.perf_counter() - began_s)
        heard += len(reader.hear())
    assert heard == 1501  # the greeting too
    assert slowest_s < 0.1
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


def test_a_client_asks_and_is_told_and_loses_nothing_meanwhile(console: Console, path: Path) -> None:
    console.tell({"event": "state", "state": "idle"})
    news: deque[dict[str, object]] = deque()
    with serving(console, news=news) as asked, ConsoleClient(path) as client:
        assert client.ask(Choose(choice=CHOICE)) is None
        assert client.ask(Forget()) is None
        assert asked == [Choose(choice=CHOICE), Forget()]
        news.append({"event": "reading", "device_seq": 7})
        events = client.events(5.0)
        assert [next(events)["event"] for _ in range(2)] == ["state", "reading"]


def test_a_client_is_told_the_refusal(console: Console, path: Path) -> None:
    with serving(console, "Choose the subject first."), ConsoleClient(path) as client:
        assert client.ask(Abort()) == "Choose the subject first."


def test_a_client_says_that_nobody_is_there_or_answers(console: Console, path: Path, tmp_path: Path) -> None:
    with pytest.raises(ConsoleError, match=r"There is no bedside program at .*: No such file"):
        ConsoleClient(tmp_path / "none.sock")
    with pytest.raises(ConsoleError, match="does not answer"):
        ConsoleClient(path, timeout_s=0.1)
    with serving(console):
        client = ConsoleClient(path, timeout_s=0.2)
    with pytest.raises(ConsoleError, match="does not answer"):
        client.ask(Abort())
    console.close()
    with pytest.raises(ConsoleError, match="has ended the connection"):
        next(client.events(1.0))
    with pytest.raises(ConsoleError, match="has ended the connection"):
        client.poll()


def test_a_bedside_that_takes_nobody_does_not_answer(console: Console, path: Path) -> None:
    waiting = [Raw(path) for _ in range(MAX_CONNECTIONS + 1)]
    with pytest.raises(ConsoleError, match="does not answer"):
        ConsoleClient(path, timeout_s=0.1)
    for caller in waiting:
        caller.socket.close()


@pytest.mark.parametrize(
    ("said", "words"), [(b'{"console": 2}\n', "speaks version 2"), (b"SSH-2.0\n", "does not speak as a bedside does")]
)
def test_a_client_notices_another_language(path: Path, said: bytes, words: str) -> None:
    path.parent.mkdir()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
        listener.listen()

        def speak() -> None:
            connection, _ = listener.accept()
            connection.send(said)
            time.sleep(0.2)
            connection.close()

        thread = threading.Thread(target=speak)
        thread.start()
        with pytest.raises(ConsoleError, match=words):
            ConsoleClient(path, timeout_s=2)
        thread.join()


def test_a_turn_of_an_idle_console_costs_next_to_nothing(console: Console, caller: Raw) -> None:
    turns = 2000
    began_s = time.process_time()
    for _ in range(turns):
        console.poll()
    assert (time.process_time() - began_s) / turns < 200e-6  # at 67 turns a second: 1.3 % of a core at the very most


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
