"""Which browser drives. One does; the others look on, and may take over. Pure: the clock is given."""

from collections.abc import Callable
from typing import Final

GONE_S: Final = 15.0
"""A driver that was not seen for so long has gone: the next one that looks drives. Longer than a reload takes."""


class Wheel:
    """`tab` is what a browser's tab calls itself, the same after a reload."""

    def __init__(self, now_s: Callable[[], float]) -> None:
        self._now_s = now_s
        self._holder: str | None = None
        self._seen_s = 0.0

    def look(self, tab: str) -> bool:
        """Take note that a tab is there; returns whether it drives."""
        if self._holder is None or (self._holder != tab and self._now_s() - self._seen_s > GONE_S):
            self._holder = tab
        if self._holder != tab:
            return False
        self._seen_s = self._now_s()
        return True

    def take(self, tab: str) -> None:
        """Let this tab drive from now on; the one that did is told by its next look."""
        self._holder, self._seen_s = tab, self._now_s()
