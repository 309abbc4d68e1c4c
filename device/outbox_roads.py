"""A road: one topic that records go to, open or closed. No I/O; times are in s on any steady clock."""

from dataclasses import dataclass


@dataclass
class Road:
    """Closed after a failure: then one record at a time tries it, from `closed_until_s` on, until one is answered."""

    topic: str
    trouble: str | None = None
    """The table's row of why the broker refuses it; None while it is open, and where nobody answers on it."""
    failures: int = 0
    """In a row. What is sent together fails together, and counts once."""
    heard_s: float = float("-inf")
    """When the trial database last answered on it."""
    closed_until_s: float = float("-inf")
    probe: int | None = None
    """The record that tries it now."""
    passed_over: int | None = None
    """The first record that was not sent because the road was closed."""

    @property
    def is_open(self) -> bool:
        """Whether nothing has failed since the last answer."""
        return self.failures == 0

    def may_try(self, now_s: float) -> bool:
        """Return whether the road is closed and one record may try it now."""
        return not self.is_open and self.probe is None and now_s >= self.closed_until_s

    def fails(self, seq: int) -> bool:
        """Count that a record came to nothing; False where that is known already, from one sent with it."""
        if not self.is_open and seq != self.probe:
            return False
        self.failures += 1
        self.probe = None
        return True

    def close(self, until_s: float, trouble: str | None = None) -> None:
        """Let nothing through until then."""
        self.closed_until_s, self.trouble = until_s, trouble

    def open(self) -> int | None:
        """Let everything through again; return the first record that was passed over."""
        self.failures, self.trouble, self.probe, self.closed_until_s = 0, None, None, float("-inf")
        return self.come_back()

    def pass_over(self, seq: int) -> None:
        """Remember where to come back to."""
        self.passed_over = seq if self.passed_over is None else min(self.passed_over, seq)

    def come_back(self) -> int | None:
        """Return the first record that was passed over, once."""
        seq, self.passed_over = self.passed_over, None
        return seq


def wait_s(times: int, first_s: float, longest_s: float) -> float:
    """Return how long to wait after the n-th time: twice as long each time, up to the longest."""
    return float(min(first_s * 2.0 ** min(max(times, 1) - 1, 30), longest_s))
