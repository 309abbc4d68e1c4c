"""The simulated probe as a process beside a campaign's bedside: as it is, or one that can be broken."""

import contextlib
import json
import signal
import subprocess
import sys
import time
from typing import IO, Any

from benchmarks.bedside_place import CampaignError, Place
from device.probe.link import ProbeClient, ProbeUnreachableError
from device.probe.messages import Event, FaultCleared
from device.probe.pressing import BenchError, first_status
from refill.supervisor import Child

START_S: float = 30.0
STOP_S: float = 15.0
CLEAR_S: float = 15.0
OPERATOR: str = "campaign"


class SimulatedProbe:
    """`refill probe run --simulate` as a process; ends with its starter, also where that is killed."""

    def __init__(self, place: Place, *options: str) -> None:
        self._place = place
        arguments = ["probe", "run", "--simulate", "--socket", str(place.socket), "--world", str(place.world), *options]
        self._child = Child("probe", arguments, place.folder / "probe.log")

    def start(self) -> None:
        """Start it and wait until it answers; raises `CampaignError`."""
        self._child.start()
        _until_it_answers(self._place)

    @property
    def pid(self) -> int:
        """Its process id."""
        return 0 if self._child.process is None else self._child.process.pid

    def kill(self) -> None:
        """SIGKILL."""
        if self._child.process is not None:
            self._child.process.kill()
            self._child.process.wait(STOP_S)

    def stop(self) -> None:
        """End it gently, then for good."""
        end(self._child.process)


class BreakableProbe:
    """`benchmarks.bedside_probe_child` as a process: the same probe, to be broken and mended while it runs."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._process: subprocess.Popen[str] | None = None
        self._log: IO[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers; raises `CampaignError`."""
        log = self._log = (self._place.folder / "probe.log").open("ab")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.bedside_probe_child", str(self._place.socket), str(self._place.world)],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            encoding="utf-8",
        )
        _until_it_answers(self._place)

    def tell(self, **command: Any) -> None:
        """Send it a command; one to a process that has ended is lost."""
        if self._process is not None and self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.write(json.dumps(command) + "\n")
                self._process.stdin.flush()

    def kill(self) -> None:
        """SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(STOP_S)
        self._let_go()

    def stop(self) -> None:
        """End it gently, then for good."""
        end(self._process)
        self._let_go()

    def _let_go(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()
        if self._log is not None:
            self._log.close()


def clear_fault(place: Place) -> str | None:
    """Clear what the probe has latched, as the engineer does; returns what it was, None where nothing was.

    Raises `CampaignError` where the probe does not let it be cleared.
    """
    with contextlib.closing(ProbeClient(place.socket)) as client:
        end_s = time.monotonic() + CLEAR_S
        said: list[Event] = []
        while time.monotonic() < end_s:
            try:
                client.clear_fault(OPERATOR)
                time.sleep(0.3)
                said += client.poll()
            except ProbeUnreachableError:
                time.sleep(0.3)
                continue
            if client.last_status is not None and client.last_status.fault is None:
                return None
            cleared = [event for event in said if isinstance(event, FaultCleared)]
            if cleared:
                return str(cleared[-1].code)
        raise CampaignError(f"the probe's fault cannot be cleared: {said[-3:]}")


def _until_it_answers(place: Place) -> None:
    end_s = time.monotonic() + START_S
    while time.monotonic() < end_s:
        with contextlib.suppress(BenchError):
            first_status(place.socket)
            return
        time.sleep(0.05)
    words = (place.folder / "probe.log").read_text(encoding="utf-8", errors="replace").strip().splitlines()
    raise CampaignError(f"the probe does not start: {words[-1] if words else 'it said nothing'}")


def end(process: "subprocess.Popen[str] | None") -> int | None:
    """End a process gently, then for good; returns its exit code, None where it had to be killed."""
    if process is None or process.poll() is not None:
        return None if process is None else process.returncode
    process.send_signal(signal.SIGTERM)
    try:
        return process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(STOP_S)
        return None
