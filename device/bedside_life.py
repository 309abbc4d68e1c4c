"""What the bedside says of itself: to systemd that it lives, to screens and the publisher how its parts do."""

from collections.abc import Callable
from pathlib import Path

from device import health_file
from device.bedside_telling import Teller
from device.clock import Clock
from device.health import Facts, judge
from device.probe.notify import notify

ALIVE_S: float = 1.0
TICKED_S: float = 2.0
"""The watchdog is fed only while control loop and camera loop have both ticked within this."""
HEALTH_S: float = 2.0


class Life:
    """Feeds the watchdog and tells the health. Called at every turn of the loop, which is how that one ticks."""

    def __init__(self, clock: Clock, teller: Teller, run_folder: Path, language: str) -> None:
        self._clock = clock
        self._teller = teller
        self._run_folder = run_folder
        self._language = language
        self._ready = False
        self._alive_ns: int | None = None
        self._told_ns: int | None = None

    def ticks(self, camera_ticked_ns: int | None, says: str, facts: Callable[[], Facts]) -> None:
        """Say what is due: `says` in one sentence what systemd shows, `facts` are asked for every few seconds."""
        now_ns = self._clock.boottime_ns()
        ticked = camera_ticked_ns is not None and now_ns - camera_ticked_ns < TICKED_S * 1e9
        if ticked and not self._ready:
            self._ready = True
            notify(f"READY=1\nSTATUS={says}")
        if ticked and _due(self._alive_ns, now_ns, ALIVE_S):
            self._alive_ns = now_ns
            notify(f"WATCHDOG=1\nSTATUS={says}")
        if _due(self._told_ns, now_ns, HEALTH_S):
            self._told_ns = now_ns
            found = facts()
            # The wire speaks English, whatever the screen does.
            health_file.write(self._run_folder, judge(found), self._clock)
            health = judge(found, self._language)
            self._teller.tell("health", parts=[part.model_dump(mode="json") for part in health])

    def ends(self) -> None:
        """Say that the process ends in order."""
        notify("STOPPING=1")


def _due(last_ns: int | None, now_ns: int, every_s: float) -> bool:
    return last_ns is None or now_ns - last_ns >= every_s * 1e9
