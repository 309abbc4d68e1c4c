"""Real brokers for the tests of the publisher, each on a port and in a folder of its own."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

KINDS = ("amqtt", "mosquitto")
AMQTT = "import sys; from trial.broker import run_broker; run_broker(port=int(sys.argv[1]))"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(true: Callable[[], bool], what: str, timeout_s: float = 60.0) -> None:
    end_s = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < end_s, f"waited {timeout_s} s in vain: {what}"
        time.sleep(0.02)


@contextmanager
def broker(kind: str, port: int, folder: Path, more: str = "") -> Iterator[subprocess.Popen[bytes]]:
    """`more` are further lines of mosquitto's configuration."""
    if kind == "amqtt":
        command = [sys.executable, "-c", AMQTT, str(port)]
    else:
        settings = folder / "mosquitto.conf"
        # As root it would become user mosquitto, who may not read a test's folder.
        user = "user root\n" if os.geteuid() == 0 else ""
        settings.write_text(f"{user}listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n{more}")
        command = ["mosquitto", "-c", str(settings)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def listens() -> bool:
        assert process.poll() is None, f"{kind} ended by itself"
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    try:
        until(listens, f"{kind} listens")
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


def or_skip(kind: str) -> str:
    """A kind of broker that is here; a build server must have both."""
    if kind == "mosquitto" and shutil.which("mosquitto") is None:
        assert not os.environ.get("CI"), "mosquitto is missing: the feed must be tried on it"
        pytest.skip("mosquitto is not installed here")
    return kind
