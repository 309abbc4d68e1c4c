"""A bedside process for the campaigns, seen from outside: its events, its readiness, its button.

Instants are CLOCK_BOOTTIME in ns, as the events'.
"""

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from benchmarks.bedside_place import CampaignError, Place
from benchmarks.bedside_probes import START_S, STOP_S, end
from device.probe.messages import boot_ns
from device.session_words import ACTIVE

PUSH_S: float = 0.15
HEARD_S: float = 3.0
"""A push that has brought neither a measurement nor a refusal by then was not heard."""
PUSHES: int = 12
"""So often a push is repeated: after a start or a fault the bedside may have to hear the probe first."""
PRESSES_A_MINUTE: int = 6
MINUTE_NS: int = 60_500_000_000
ACTIVE_WORDS: frozenset[str] = frozenset(state.value for state in ACTIVE)

Told = dict[str, Any]


class BedsideEndedError(CampaignError):
    """The process is not there any more."""


class Bedside:
    """One bedside process, started at once: its events, its readiness, its button."""

    def __init__(self, place: Place, *options: str) -> None:
        self.place = place
        self.events: list[Told] = []
        self.ready_ns: int | None = None
        """When it said READY=1 to its service manager."""
        self.watchdog_ns: list[int] = []
        self._news = threading.Condition()
        self._notified = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._notify = place.folder / f"n{time.monotonic_ns() % 10**9}"
        self._notified.bind(str(self._notify))
        self._log = (place.folder / "bedside.log").open("ab")
        command = [
            *(sys.executable, "-m", "benchmarks.bedside_child", json.dumps(place.picture)),
            *("bedside", "--simulate", "--events", "-", "--data", str(place.data)),
            *("--socket", str(place.socket), "--world", str(place.world), "--console", str(place.console)),
            *(*place.options, *options),
        ]
        self.started_ns = boot_ns()
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            encoding="utf-8",
            errors="replace",
            env={**os.environ, "NOTIFY_SOCKET": str(self._notify)},
        )
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._read, self._hear_notices)]
        for thread in self._threads:
            thread.start()

    def tell(self, **command: Any) -> None:
        """Send the child a command; one to a process that has ended is lost."""
        if self.process.stdin is not None:
            with contextlib.suppress(OSError):
                self.process.stdin.write(json.dumps(command) + "\n")
                self.process.stdin.flush()

    def push(self, for_s: float = PUSH_S) -> int:
        """Push the button; returns how many events there were before."""
        seen = len(self.events)
        self.tell(push_s=for_s)
        return seen

    @property
    def state(self) -> str:
        """The state that it told last."""
        return next((event["state"] for event in reversed(self.events) if "state" in event), "")

    def until(self, wanted: Callable[[Told], bool], limit_s: float, since: int = 0) -> Told | None:
        """Wait for an event from number `since` on; None where none comes in time, or the process ends before."""
        end_s = time.monotonic() + limit_s
        looked = since
        with self._news:
            while True:
                for event in self.events[looked:]:
                    if wanted(event):
                        return event
                looked = len(self.events)
                left_s = end_s - time.monotonic()
                if left_s <= 0 or (self.process.poll() is not None and not self._threads[0].is_alive()):
                    return None
                self._news.wait(min(left_s, 0.2))

    def until_ready(self) -> None:
        """Wait for READY=1 and the first state; raises `CampaignError`."""
        self.until(lambda _: self.ready_ns is not None, START_S)
        end_s = time.monotonic() + START_S
        while self.ready_ns is None or not self.state:
            if time.monotonic() > end_s or self.process.poll() is not None:
                raise CampaignError(f"the bedside does not get ready: {self.last_words()}")
            time.sleep(0.01)

    def begin(self) -> int:
        """Push until a measurement begins; returns the number of the event that says so. Raises `CampaignError`."""
        for _ in range(PUSHES):
            if self.process.poll() is not None:
                raise BedsideEndedError(f"the bedside has ended: {self.last_words()}")
            seen = self.push()
            told = self.until(lambda event: event.get("state") in ACTIVE_WORDS or is_refusal(event), HEARD_S, seen)
            if told is not None and not is_refusal(told):
                return self.events.index(told, seen)
            time.sleep(0.3)
        raise CampaignError(f"pushed {PUSHES} times and no measurement began: {self.last_words()}")

    def reading(self, since: int, limit_s: float = 90.0) -> Told | None:
        """Wait for a reading told from event number `since` on."""
        return self.until(lambda event: event["event"] == "reading", limit_s, since)

    def kill(self) -> None:
        """SIGKILL."""
        self.process.kill()
        self._wait()

    def stop(self) -> int | None:
        """End it gently, then for good; returns its exit code, None where it had to be killed."""
        code = end(self.process)
        self._wait()
        return code

    def last_words(self) -> str:
        """Return the last line that it logged, or its last event."""
        lines = (self.place.folder / "bedside.log").read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return lines[-1] if lines else str(self.events[-1:])

    def _wait(self) -> None:
        self.process.wait(STOP_S)
        self._threads[0].join(2.0)
        if self.process.stdin is not None:
            with contextlib.suppress(OSError):
                self.process.stdin.close()
        self._notified.close()
        self._notify.unlink(missing_ok=True)
        self._log.close()

    def _read(self) -> None:
        if self.process.stdout is None:
            return
        for line in self.process.stdout:
            try:
                event = json.loads(line)
            except ValueError:
                continue  # a line cut short by a kill
            with self._news:
                self.events.append(event | {"heard_ns": boot_ns()})
                self._news.notify_all()

    def _hear_notices(self) -> None:
        while True:
            try:
                notice = self._notified.recv(4096)
            except OSError:
                return
            if b"READY=1" in notice:
                self.ready_ns = boot_ns()
            if b"WATCHDOG=1" in notice:
                self.watchdog_ns.append(boot_ns())


def is_refusal(event: Told) -> bool:
    """Whether an event says why nothing was started."""
    return bool(event["event"] == "refused")


class Pace:
    """Keeps a machine within what the probe allows in a minute."""

    def __init__(self) -> None:
        self._pressed_ns: set[int] = set()

    def note(self, events: Sequence[Told]) -> None:
        """Take note of the presses in some events; one that is seen twice counts once."""
        self._pressed_ns |= {event["t_boot_ns"] for event in events if is_press(event)}

    def wait_for(self, presses: int) -> None:
        """Wait until so many more presses are within the limit."""
        while True:
            fresh = sorted(at_ns for at_ns in self._pressed_ns if boot_ns() - at_ns < MINUTE_NS)
            over = len(fresh) + presses - PRESSES_A_MINUTE
            if over <= 0:
                return
            time.sleep(max((fresh[over - 1] + MINUTE_NS - boot_ns()) / 1e9, 0.01))


def is_press(event: Told) -> bool:
    """Whether an event tells that the probe was asked for a press."""
    return event["event"] == "state" and event["state"] == "pressing"
