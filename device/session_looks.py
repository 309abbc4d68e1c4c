"""How long one refill is watched: when it is looked at, whether an answer ends it, and when the answer is believed.

Pure, like the session that asks it. Instants are CLOCK_BOOTTIME in ns.
"""

from contract.reading import RefillResult, Status
from contract.reasons import Reason
from device.session_words import Analysed
from firmware_config.protocol import Protocol

ANALYSIS_LIMIT_S: float = 30.0
VOUCHED_S: float = 0.7
"""The probe takes up to 0.5 s to name what goes wrong while it is vented: so long after the end of the window that was
looked at, silence means that nothing did. An analysis that takes longer than this costs no time more."""
QUIET_S: float = 0.15
"""Silence is believed this soon where the probe's samples reach so far behind the window and show an empty chamber. A
lost sensor it names in 0.1 s; whatever it names later shows in the samples from its beginning."""
LOOK_AGAIN_S: float = 1.0
"""A window that is not yet known to be long enough is looked at again this long after the answer, up to `observe_s`."""
EXTEND_S: float = 3.0
"""A refill that has not settled is looked at again after this long, up to the protocol's limit."""
UNSETTLED: frozenset[Reason | None] = frozenset({Reason.NOT_SETTLED, Reason.WINDOW_TOO_SHORT})


class Looks:
    """The looks at the refill of one press, released at `released_ns`. One is under way at a time."""

    def __init__(self, protocol: Protocol, released_ns: int) -> None:
        self._protocol = protocol
        self._released_ns = released_ns
        self._window_end_ns: int | None = None
        self.at_s = protocol.least_observe_s if protocol.early_stop else protocol.observe_s
        """How much of the refill the next look waits for."""
        self.answer: RefillResult | None = None
        """What ends the press, once the probe has nothing against its window."""

    @property
    def under_way(self) -> bool:
        """Whether a look has begun and is not answered."""
        return self._window_end_ns is not None and self.answer is None

    @property
    def whole(self) -> bool:
        """Whether the look under way sees all of the window that every press is watched for."""
        return self._window_s() >= self._protocol.observe_s

    def overdue(self, now_ns: int) -> bool:
        """Return whether the look under way has lasted so long that no answer is to come."""
        return self.under_way and (now_ns - (self._window_end_ns or 0)) / 1e9 > ANALYSIS_LIMIT_S

    def due(self, now_ns: int) -> bool:
        """Return whether to look now."""
        return self._window_end_ns is None and self._gone_s(now_ns) >= self.at_s

    def begin(self, now_ns: int) -> None:
        """Look at what has been watched up to now."""
        self._window_end_ns = now_ns

    def take(self, event: Analysed, now_ns: int) -> None:
        """Take the answer of the look under way: it ends the press, or says when to look again."""
        again_s = self._again_s(event, self._window_s(), now_ns)
        if again_s is None:
            self.answer = event.result
        else:
            self._window_end_ns, self.at_s = None, again_s

    def failed(self) -> None:
        """Give up the look under way; the whole window is looked at all the same."""
        self._window_end_ns, self.at_s = None, self._protocol.observe_s

    def vouched(self, now_ns: int, empty_until_ns: int) -> bool:
        """Return whether the answer stands: a number only once the probe would have said what was wrong behind it.

        `empty_until_ns`: up to when the probe's samples show an empty chamber without a break.
        """
        if self.answer is None or self.answer.status is Status.NOT_MEASURABLE:
            return self.answer is not None
        end_ns = self._window_end_ns or 0
        return now_ns - end_ns >= VOUCHED_S * 1e9 or empty_until_ns - end_ns >= QUIET_S * 1e9

    def _gone_s(self, now_ns: int) -> float:
        return (now_ns - self._released_ns) / 1e9

    def _window_s(self) -> float:
        """Return how much of the refill the look under way has seen, s; 0 where none is under way."""
        return 0.0 if self._window_end_ns is None else self._gone_s(self._window_end_ns)

    def _again_s(self, event: Analysed, window_s: float, now_ns: int) -> float | None:
        """Return when to look again after an answer about the first `window_s`; None where the answer ends the press.

        Before `observe_s` only a number that is established ends it. A refusal waits: more of the window may mend it.
        """
        protocol, result, gone_s = self._protocol, event.result, self._gone_s(now_ns)
        if window_s < protocol.observe_s:
            if event.established and result.status is Status.MEASURED:
                return None
            again_s = gone_s + LOOK_AGAIN_S
            # A look that takes as long as this one took must be over when the whole window is due.
            answered_s = again_s + gone_s - window_s
            return again_s if answered_s < protocol.observe_s else protocol.observe_s
        unsettled = result.status is Status.CENSORED or result.reason in UNSETTLED
        if unsettled and window_s < protocol.observe_limit_s:
            return min(window_s + EXTEND_S, protocol.observe_limit_s)
        return None
