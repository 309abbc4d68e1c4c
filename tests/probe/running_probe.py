"""The probe as a process of its own, for tests."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from device.probe.link import ProbeClient, ProbeUnreachableError, Status

START = "from refill.probe_cli import app; app()"


def simulated_run(socket: Path, world: Path, *options: str) -> list[str]:
    """Return the command line of a simulated probe."""
    return [sys.executable, "-c", START, "run", "--simulate", "--socket", str(socket), "--world", str(world), *options]


class RunningProbe:
    """`refill probe run --simulate` as a process of its own."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.socket = folder / "p.sock"
        self.world = folder / "world"
        self.log = folder / "log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                simulated_run(self.socket, self.world, *options),
                stdout=log,
                stderr=log,
                env={**os.environ, "NOTIFY_SOCKET": ""},
            )

    def wait_ready(self) -> None:
        client = ProbeClient(self.socket)
        end = time.monotonic() + 15
        while time.monotonic() < end:
            try:
                if any(isinstance(event, Status) for event in client.poll()):
                    client.close()
                    return
            except ProbeUnreachableError:
                pass
            assert self.process.poll() is None, self.log.read_text()
            time.sleep(0.02)
        raise AssertionError("the probe did not start")

    def end(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(10)
