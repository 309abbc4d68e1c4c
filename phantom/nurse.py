"""A simulated nurse: pushes the button of a simulated panel whenever the bedside is ready, until enough is measured."""

import threading
from typing import Protocol

READY_STATES: frozenset[str] = frozenset({"idle", "done", "aborted", "probe_fault", "camera_fault", "analysis_fault"})
"""States of the bedside's progress events in which a push starts a measurement. In all others she waits: also while the
presses are made again, and while a reading waits for the disk."""

LONGEST_PAUSE_S: float = 30.0


class ButtonPin(Protocol):
    """What the nurse touches: gpiozero's mock pin of a button to ground."""

    def drive_low(self) -> None:
        """Close the contact."""

    def drive_high(self) -> None:
        """Open the contact."""


class Nurse:
    """Hears the bedside's progress events (`hear`) and pushes from a thread of its own.

    `pause_s` passes between the bedside being ready and the push, `push_s` is how long a push lasts. A push that brings
    nothing (refused, or lost) is repeated after a pause that doubles each time, up to `LONGEST_PAUSE_S`.
    """

    def __init__(self, button: ButtonPin, measurements: int, pause_s: float = 1.0, push_s: float = 0.15) -> None:
        self._button = button
        self._wanted = measurements
        self._pause_s = pause_s
        self._push_s = push_s
        self._completed = 0
        self._ready = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="nurse", daemon=True)
        self.pushes = 0

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def stop(self) -> None:
        """Push no more; the button is let go."""
        self._stop.set()
        self._ready.set()
        self._thread.join(2.0)

    def hear(self, event: dict[str, object]) -> None:
        """Take one progress event of the bedside."""
        completed = event.get("completed")
        if isinstance(completed, int):
            self._completed = completed
        if "state" in event:
            if event["state"] in READY_STATES and self._completed < self._wanted:
                self._ready.set()
            else:
                self._ready.clear()

    def _work(self) -> None:
        in_vain = 0
        while not self._stop.is_set():
            if not self._ready.is_set():
                in_vain = 0
                self._ready.wait()
            if self._stop.wait(min(self._pause_s * 2.0**in_vain, LONGEST_PAUSE_S)):
                return
            if not self._ready.is_set():
                continue
            self.pushes += 1
            in_vain += 1
            self._button.drive_low()
            try:
                self._stop.wait(self._push_s)
            finally:
                self._button.drive_high()
