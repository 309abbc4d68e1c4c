"""The console's client: asks, is told, and says so where nobody answers."""

import socket
import threading
import time
from collections import deque
from pathlib import Path

import pytest
from console_bench import CHOICE, Raw, serving

from device.console import MAX_CONNECTIONS, Console, ConsoleError
from device.console_client import ConsoleClient
from device.console_words import Abort, Choose, Forget


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
