"""What a session remembers, and what can be asked of it: why nothing could be started, and how long a state lasts."""

from dataclasses import dataclass

from contract.reading import RefillResult
from device.session_looks import Looks
from device.session_words import (
    NO_CAMERA,
    NO_PROBE,
    NOBODY_CHOSEN,
    ChamberEmpty,
    Event,
    FrameSeen,
    ProbeFailed,
    ProbePhase,
    ProbeReady,
    State,
)
from firmware_config.protocol import Protocol

FRAME_FRESH_S: float = 0.25
"""The lease is renewed only while the last frame is younger than this."""
FRAME_LOST_S: float = 1.0
"""Without a frame for this long the camera has failed."""


@dataclass(frozen=True)
class Plan:
    """How the next measurement is made: the protocol, and its target on this device's plate."""

    protocol: Protocol
    target_kpa: float


class Memory:
    """What stands between two events."""

    def __init__(self) -> None:
        self.state = State.IDLE
        self.press = 0
        """Running number of the press under way, from 1 through all sets; 0 before the first."""
        self.set_number = 1
        """Which set of presses is under way: 1, and one more each time they are made again."""
        self.results: list[RefillResult] = []
        """What the presses of the set under way came to."""
        self.plan: Plan | None = None
        """The measurement's that is under way, or the last one's."""
        self._next: Plan | None = None
        self._now_ns = 0
        self._since_ns = 0
        self._frame_ns: int | None = None
        self._empty_until_ns = 0
        self._looks: Looks | None = None
        self._tries = 0
        self._waits = False
        """Whether the probe was not ready and is to be asked again."""
        self._started_by: int | None = None
        self._before = State.IDLE
        self._ends_in = State.DONE
        self._journal_problem = ""
        self._probe_problem: str | None = NO_PROBE
        self._probe_idle = True

    def follow(self, plan: Plan | None) -> None:
        """Make the next measurement so; None: nobody is chosen. One that is under way keeps its own plan."""
        self._next = plan

    def refusal(self, now_ns: int) -> str | None:
        """Return in one sentence what lasting trouble keeps a measurement from being started, or None."""
        self._now_ns = now_ns
        if self.state is State.JOURNAL_FAULT:
            return self._journal_problem
        if self._probe_problem is not None:
            return self._probe_problem
        if self._frame_age_s() > FRAME_LOST_S:
            return NO_CAMERA
        return NOBODY_CHOSEN if self._next is None else None

    def remaining_s(self, now_ns: int) -> float | None:
        """Return how long the state is expected to last from now, for the countdown; None where that is open."""
        if self.plan is None:
            return None
        protocol, gone_s = self.plan.protocol, (now_ns - self._since_ns) / 1e9
        lasts_s = {
            State.BASELINE: protocol.baseline_s,
            State.PRESSING: protocol.ramp_s,
            State.HOLDING: protocol.hold_s,
            State.REFILLING: max(self._looks.at_s if self._looks else 0.0, protocol.observe_s),
            State.RESTING: protocol.spacing_s,
            State.REPEATING: protocol.repeat_after_s,
        }.get(self.state)
        return None if lasts_s is None else max(0.0, lasts_s - gone_s)

    def camera_ticks(self, now_ns: int) -> bool:
        """Return whether frames come in."""
        return self._frame_ns is not None and (now_ns - self._frame_ns) / 1e9 < FRAME_LOST_S

    @property
    def answered(self) -> bool:
        """Whether a press has its answer, and waits for the probe to have nothing against the window."""
        return self.state is State.REFILLING and self._looks is not None and self._looks.answer is not None

    @property
    def probe_problem(self) -> str | None:
        """One sentence while the probe does not answer or has a latched fault."""
        return self._probe_problem

    def _note(self, event: Event) -> None:
        """Remember what counts in every state."""
        if isinstance(event, FrameSeen):
            self._frame_ns = self._now_ns
        elif isinstance(event, ProbePhase):
            self._probe_idle = event.phase == "idle"
        elif isinstance(event, ProbeReady):
            self._probe_problem = None
        elif isinstance(event, ProbeFailed) and event.latched:
            self._probe_problem = event.sentence
        elif isinstance(event, ChamberEmpty):
            self._empty_until_ns = max(self._empty_until_ns, event.until_ns)

    def _enter(self, state: State) -> None:
        self.state = state
        self._since_ns = self._now_ns

    def _elapsed_s(self) -> float:
        return (self._now_ns - self._since_ns) / 1e9

    def _frame_age_s(self) -> float:
        return float("inf") if self._frame_ns is None else (self._now_ns - self._frame_ns) / 1e9

    @property
    def _protocol(self) -> Protocol:
        return self._running().protocol

    def _running(self) -> Plan:
        if self.plan is None:
            raise RuntimeError("a measurement runs without a plan")
        return self.plan
