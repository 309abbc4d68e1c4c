"""The supervisor of the demo: what dies is started again, what cannot run is named, and nothing outlives it."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from benchmarks.servers import answers, wait_for
from refill import supervisor as module
from refill.supervisor import Child, Supervisor

pytestmark = pytest.mark.slow


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def broker(folder: Path, name: str = "broker") -> Child:
    """A real process of the product that runs until it is told to end."""
    return Child(name, ["trial", "broker", "--port", str(free_port())], folder / f"{name}.log")


@pytest.fixture
def supervise() -> Iterator[Callable[..., Supervisor]]:
    made: list[Supervisor] = []

    def make(*children: Child, most_failures: int = 3) -> Supervisor:
        made.append(Supervisor(list(children), most_failures))
        made[-1].start()
        return made[-1]

    yield make
    for supervisor in made:
        supervisor.stop()


def pid_of(child: Child) -> int:
    assert child.process is not None
    return child.process.pid


def tick_until(supervisor: Supervisor, wanted: Callable[[], bool], limit_s: float = 30.0) -> Child | None:
    """Tick as the demo does; returns a child that was given up."""
    until_s = time.monotonic() + limit_s
    while time.monotonic() < until_s:
        given_up = supervisor.tick()
        if given_up is not None or wanted():
            return given_up
        time.sleep(0.02)
    raise AssertionError("it did not come to that")


def is_another(child: Child, former: int) -> bool:
    return pid_of(child) != former


def runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_process_that_is_killed_is_started_again_however_often(
    tmp_path: Path, supervise: Callable[..., Supervisor]
) -> None:
    child, other = broker(tmp_path), broker(tmp_path, "other")
    supervisor = supervise(child, other, most_failures=1)
    for _ in range(3):
        killed = pid_of(child)
        os.kill(killed, signal.SIGKILL)
        # Killed at once and more often than it may fail by itself: that is no reason to give it up.
        assert tick_until(supervisor, partial(is_another, child, killed)) is None
    assert child.restarts == 3
    assert (other.restarts, runs(pid_of(other))) == (0, True)


def test_one_that_fails_at_every_start_is_given_up_with_its_last_words(
    tmp_path: Path, supervise: Callable[..., Supervisor]
) -> None:
    child = Child("broker", ["trial", "broker", "--host", "192.0.2.1"], tmp_path / "broker.log")
    given_up = tick_until(supervise(child, most_failures=1), lambda: False)
    assert given_up is child
    assert child.restarts == 1
    assert "not a loopback address" in child.last_words()


def test_one_that_said_nothing_has_no_last_words(tmp_path: Path) -> None:
    assert Child("silent", [], tmp_path / "none.log").last_words() == "it said nothing"


def test_a_process_with_an_end_is_not_started_again_once_it_succeeded(
    tmp_path: Path, supervise: Callable[..., Supervisor]
) -> None:
    said: list[str] = []
    child = Child("version", ["version"], tmp_path / "version.log", lasting=False)
    child.on_output = said.extend
    supervisor = supervise(child)
    assert tick_until(supervisor, lambda: child.finished) is None
    assert (child.restarts, len(said)) == (0, 1)


def test_a_process_that_hangs_is_ended_for_good(
    tmp_path: Path, supervise: Callable[..., Supervisor], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "STOP_S", 0.5)
    child, other = broker(tmp_path), broker(tmp_path, "other")
    supervisor = supervise(child, other)
    # Before it listens for SIGTERM, one ends a stopped process too.
    assert wait_for(lambda: answers(int(child.arguments[-1])))
    os.kill(pid_of(child), signal.SIGSTOP)  # a stopped process hears no SIGTERM
    supervisor.stop()
    assert child.process is not None
    assert child.process.returncode == -signal.SIGKILL
    assert not runs(pid_of(other))


def test_children_do_not_outlive_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    script = (
        "import sys, time\nfrom pathlib import Path\nfrom refill.supervisor import Child, Supervisor\n"
        f"child = Child('broker', ['trial', 'broker', '--port', '{free_port()}'], Path({str(tmp_path)!r}) / 'log')\n"
        "Supervisor([child]).start()\nprint(child.process.pid, flush=True)\ntime.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    try:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        time.sleep(1.0)
        assert runs(child)
    finally:
        parent.kill()
        parent.wait(5)
    until_s = time.monotonic() + 8.0
    while runs(child) and time.monotonic() < until_s:
        time.sleep(0.05)
    assert not runs(child)
