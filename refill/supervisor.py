"""Keeps the demo's processes running, as systemd does on the Pi: starts, restarts, stops them.

A child never outlives its supervisor: the kernel sends it SIGTERM when the supervisor dies, however that happens.
"""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO

RESTART_PAUSE_S: float = 0.5
STOP_S: float = 5.0
SETTLED_S: float = 10.0
"""A child that ran for so long before it ended was up: what it ended by is a new trouble, not the old one again."""
MOST_FAILURES: int = 10
PR_SET_PDEATHSIG: int = 1
_LIBC = ctypes.CDLL(None, use_errno=True)


def _end_with_parent(parent: int) -> None:
    _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # the parent died before the kernel knew what to do then
        os._exit(1)


@dataclass
class Child:
    """One process of the product: its name, its `refill` arguments, and how it is doing.

    `lasting` processes are started again whenever they end; another one only when it ends in any way but success.
    `on_output` is called in the supervisor's thread and must return at once.
    """

    name: str
    arguments: list[str]
    log: Path
    lasting: bool = True
    on_output: Callable[[IO[str]], None] | None = None
    process: subprocess.Popen[str] | None = None
    restarts: int = 0
    failures: int = 0
    """How often in a row it gave up by itself soon after its start; one that was killed did not."""
    started_s: float = 0.0
    not_before_s: float = 0.0
    finished: bool = False

    def start(self) -> None:
        """Start it; what it writes goes to its log, its standard output to `on_output` where there is one."""
        parent = os.getpid()
        self.started_s = time.monotonic()
        with self.log.open("a", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "refill", *self.arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if self.on_output else log,
                stderr=log,
                encoding="utf-8",
                errors="replace",  # a kill cuts its last line anywhere
                # Of its own group: Ctrl-C is the supervisor's, which then stops its children in order.
                process_group=0,
                preexec_fn=partial(_end_with_parent, parent),  # noqa: PLW1509 - it takes no lock that a thread may hold
            )
        if self.on_output is not None and self.process.stdout is not None:
            self.on_output(self.process.stdout)

    def last_words(self) -> str:
        """Return the last line of its log, for an error message."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").strip().splitlines() if self.log.exists() else []
        return lines[-1] if lines else "it said nothing"


@dataclass
class Supervisor:
    """Runs children in the order given; see the module."""

    children: list[Child] = field(default_factory=list)
    most_failures: int = MOST_FAILURES

    def start(self) -> None:
        """Start every child."""
        for child in self.children:
            child.start()

    def tick(self) -> Child | None:
        """Start again what has ended; returns a child that fails at every start, or None."""
        now_s = time.monotonic()
        for child in self.children:
            if child.finished or child.process is None or child.process.poll() is None:
                continue
            if not child.lasting and child.process.returncode == 0:
                child.finished = True
            elif child.not_before_s == 0.0:
                child.not_before_s = now_s + RESTART_PAUSE_S
                by_itself_soon = child.process.returncode >= 0 and now_s - child.started_s < SETTLED_S
                child.failures = child.failures + 1 if by_itself_soon else 0
                if child.failures > self.most_failures:
                    return child
            elif now_s >= child.not_before_s:
                child.not_before_s = 0.0
                child.restarts += 1
                child.start()
        return None

    def stop(self) -> None:
        """End the children, last started first, each gently and then for good: the broker outlives who speaks to it."""
        for child in reversed(self.children):
            if child.process is None or child.process.poll() is not None:
                continue
            child.process.terminate()
            try:
                child.process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                child.process.kill()
                child.process.wait()
