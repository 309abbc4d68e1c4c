"""A bedside process, for tests that look at it from outside."""

import json
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

CHOSEN = ("--subject", "00-0001", "--protocol", "demo")


class Bedside:
    """One bedside process and the events that it wrote; `chosen` are the options that name who is measured."""

    def __init__(self, folder: Path, *options: str, chosen: tuple[str, ...] | None = CHOSEN) -> None:
        command = [
            *(sys.executable, "-m", "refill", "bedside", "--simulate", "--events", "-"),
            *("--socket", str(folder / "p.sock"), "--world", str(folder / "world"), "--data", str(folder / "data")),
            *("--console", str(folder / "b.sock"), *(chosen or ()), *options),
        ]
        self.events: list[dict[str, Any]] = []
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.events.append(json.loads(line))

    def until(self, limit_s: float = 60, **wanted: object) -> dict[str, Any]:
        end_s = time.monotonic() + limit_s
        while time.monotonic() < end_s:
            over = self.process.poll() is not None
            if over:
                # What it said last may still be on its way here.
                self._reader.join(5)
            for event in list(self.events):
                if all(event.get(key) == value for key, value in wanted.items()):
                    return event
            assert not over, self.process.stderr.read() if self.process.stderr else ""
            time.sleep(0.02)
        raise AssertionError(f"{wanted} did not come: {[e for e in self.events if e['event'] != 'progress']}")

    def end(self, limit_s: float = 60) -> int:
        code = self.process.wait(limit_s)
        self._reader.join(5)
        return code
