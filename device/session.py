"""One measurement as an explicit state machine: events and the time in, actions out. No I/O, no clock of its own.

    idle > baseline > pressing > holding > refilling > resting > (next press) > judging > done

A fault, a time-out or a long push in any running state releases the probe and ends in a named state with a record.
"""

from collections.abc import Callable
from typing import Any

from contract.reading import RefillResult, Status
from contract.reasons import Reason
from device.session_verdict import verdict, without_number
from device.session_words import (
    ACTIVE,
    STARTABLE,
    Action,
    Analyse,
    Analysed,
    AnalysisFailed,
    Begin,
    CameraFailed,
    Committed,
    Event,
    FrameSeen,
    Held,
    KeepPress,
    Press,
    ProbeFailed,
    ProbePhase,
    ProbeReady,
    ProbeReleased,
    Pushed,
    Record,
    Refuse,
    Release,
    Renew,
    SettingsMoved,
    StartRecording,
    State,
    Tick,
)
from firmware_config.protocol import Protocol

FRAME_FRESH_S: float = 0.25
"""The lease is renewed only while the last frame is younger than this."""
FRAME_LOST_S: float = 1.0
"""Without a frame for this long the camera has failed."""
RAMP_MARGIN_S: float = 4.0
HOLD_MARGIN_S: float = 2.0
RELEASE_MARGIN_S: float = 3.0
"""The probe watches itself and is quicker; these only keep a session from waiting for ever."""
ANALYSIS_LIMIT_S: float = 30.0
VOUCHED_S: float = 0.7
"""The probe takes up to 0.5 s to name what goes wrong while it is vented: so long after the end of the window that was
looked at, silence means that nothing did. An analysis that takes longer than this costs no time more."""
LOOK_AGAIN_S: float = 1.0
"""A window that is not yet known to be long enough is looked at again this long after the answer, up to `observe_s`."""
EXTEND_S: float = 3.0
"""A refill that has not settled is looked at again after this long, up to the protocol's limit."""
UNSETTLED: frozenset[Reason | None] = frozenset({Reason.NOT_SETTLED, Reason.WINDOW_TOO_SHORT})

NO_PROBE = "The probe does not answer. Call the study engineer."
STILL_RELEASING = "The probe is still releasing. Wait a moment and press again."
NO_CAMERA = "The camera does not answer. Call the study engineer."


class Session:
    """Follows a measurement through `handle`. After the end of one, a push starts the next."""

    def __init__(self, protocol: Protocol, target_kpa: float) -> None:
        """`target_kpa`: the protocol's target on this device's plate."""
        self.protocol = protocol
        self._target_kpa = target_kpa
        self.state = State.IDLE
        self.press = 0
        """Number of the press under way, from 1; 0 before the first."""
        self.results: list[RefillResult] = []
        self._now_ns = 0
        self._since_ns = 0
        self._frame_ns: int | None = None
        self._released_ns = 0
        self._analysing_since_ns: int | None = None
        self._answer: RefillResult | None = None
        self._analyse_at_s = 0.0
        self._started_by: int | None = None
        self._probe_problem: str | None = NO_PROBE
        self._probe_idle = True

    def handle(self, event: Event, now_ns: int) -> list[Action]:
        """Take an event at `now_ns` (CLOCK_BOOTTIME) and return what to do, in order.

        Whatever the state has no row for is ignored: a late message must not start or end anything.
        """
        self._now_ns = now_ns
        self._note(event)
        row = _TABLE.get((self.state, type(event)))
        if row is None and self.state in ACTIVE:
            row = _WHILE_ACTIVE.get(type(event))
        return row(self, event) if row is not None else []

    def remaining_s(self, now_ns: int) -> float | None:
        """Return how long the state is expected to last from now, for the countdown; None where that is open."""
        protocol, gone_s = self.protocol, (now_ns - self._since_ns) / 1e9
        lasts_s = {
            State.BASELINE: protocol.baseline_s,
            State.PRESSING: protocol.ramp_s,
            State.HOLDING: protocol.hold_s,
            State.REFILLING: max(self._analyse_at_s, protocol.observe_s),
            State.RESTING: protocol.spacing_s,
        }.get(self.state)
        return None if lasts_s is None else max(0.0, lasts_s - gone_s)

    def camera_ticks(self, now_ns: int) -> bool:
        """Return whether frames come in."""
        return self._frame_ns is not None and (now_ns - self._frame_ns) / 1e9 < FRAME_LOST_S

    @property
    def answered(self) -> bool:
        """Whether a press has its answer, and waits for the probe to have nothing against the window."""
        return self._answer is not None

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

    def _enter(self, state: State) -> None:
        self.state = state
        self._since_ns = self._now_ns

    def _elapsed_s(self) -> float:
        return (self._now_ns - self._since_ns) / 1e9

    def _frame_age_s(self) -> float:
        return float("inf") if self._frame_ns is None else (self._now_ns - self._frame_ns) / 1e9

    def _start(self, event: Pushed) -> list[Action]:
        if self._probe_problem is not None:
            return [Refuse(self._probe_problem)]
        if not self._probe_idle:
            return [Refuse(STILL_RELEASING)]
        if self._frame_age_s() > FRAME_LOST_S:
            return [Refuse(NO_CAMERA)]
        self._started_by = event.push
        self.press, self.results = 0, []
        return [Begin(), *self._next_press()]

    def _next_press(self) -> list[Action]:
        self.press += 1
        self._enter(State.BASELINE)
        return [StartRecording(self.press)]

    def _abort(self, event: Held) -> list[Action]:
        # The push that started a measurement, held on by a gloved hand, is no wish to stop it.
        return [] if event.push == self._started_by else self._end(State.ABORTED, Reason.ABORTED)

    def _end(self, state: State, reason: Reason) -> list[Action]:
        """End without a number: vented, and with a record."""
        self._enter(state)
        self._analysing_since_ns = self._answer = None
        return [Release(), Record(without_number(reason), None)]

    def _baseline_tick(self, _: Event) -> list[Action]:
        if self._frame_age_s() > FRAME_LOST_S:
            return self._camera_failed(CameraFailed())
        if self._elapsed_s() < self.protocol.baseline_s:
            return []
        self._enter(State.PRESSING)
        return [Press(self._target_kpa, self.protocol.ramp_s, self.protocol.hold_s)]

    def _pressed_tick(self, _: Event) -> list[Action]:
        """Renew while frames come in; give up on a probe that does not go on."""
        if self._frame_age_s() > FRAME_LOST_S:
            return self._camera_failed(CameraFailed())
        limit_s = (
            self.protocol.ramp_s + RAMP_MARGIN_S
            if self.state is State.PRESSING
            else self.protocol.hold_s + HOLD_MARGIN_S + RELEASE_MARGIN_S
        )
        if self._elapsed_s() > limit_s:
            return self._end(State.PROBE_FAULT, Reason.PROBE_FAULT)
        return [Renew()] if self._frame_age_s() < FRAME_FRESH_S else []

    def _phase(self, event: ProbePhase) -> list[Action]:
        if event.phase == "hold" and self.state is State.PRESSING:
            self._enter(State.HOLDING)
        return []

    def _released(self, event: ProbeReleased) -> list[Action]:
        if event.fault is not None:
            return self._probe_failed(event.fault)
        if event.why == "asked":
            # Somebody vented by the bench command: a wish to stop, whoever had it.
            return self._end(State.ABORTED, Reason.ABORTED)
        if event.why == "fault":
            return self._end(State.PROBE_FAULT, Reason.PROBE_FAULT)
        if event.t_ns is None:
            # The refill counts from this instant; when it was told of is no stand-in for it.
            return self._end(State.PROBE_FAULT, Reason.RELEASE_INCOMPLETE)
        self._enter(State.REFILLING)
        self._released_ns = event.t_ns
        self._since_ns = self._released_ns
        self._analyse_at_s = self.protocol.least_observe_s if self.protocol.early_stop else self.protocol.observe_s
        return []

    def _refilling_tick(self, _: Event) -> list[Action]:
        if self._answer is not None:
            return self._vouched(self._answer)
        if self._analysing_since_ns is not None:
            # What is analysed is recorded already: a camera that the analysis keeps from its turn costs no reading.
            if (self._now_ns - self._analysing_since_ns) / 1e9 > ANALYSIS_LIMIT_S:
                return self._end(State.ANALYSIS_FAULT, Reason.INTERRUPTED)
            return []
        if self._frame_age_s() > FRAME_LOST_S:
            return self._camera_failed(CameraFailed())
        if self._elapsed_s() < self._analyse_at_s:
            return []
        self._analysing_since_ns = self._now_ns
        return [Analyse(self.press)]

    def _window_s(self) -> float:
        """Return how much of the refill the look under way has seen, s; 0 where none is under way."""
        return 0.0 if self._analysing_since_ns is None else (self._analysing_since_ns - self._released_ns) / 1e9

    def _analysed(self, event: Analysed) -> list[Action]:
        if event.number != self.press or self._analysing_since_ns is None or self._answer is not None:
            return []
        look_again_s = self._look_again_s(event, self._window_s())
        if look_again_s is not None:
            self._analysing_since_ns = None
            self._analyse_at_s = look_again_s
            return []
        self._answer = event.result
        return self._vouched(event.result)

    def _vouched(self, result: RefillResult) -> list[Action]:
        """Take an answer; a number only once the probe would have said what was wrong with the window behind it."""
        gone_s = (self._now_ns - (self._analysing_since_ns or 0)) / 1e9
        if result.status is not Status.NOT_MEASURABLE and gone_s < VOUCHED_S:
            return []
        self._analysing_since_ns = self._answer = None
        self.results.append(result)
        if self.press < self.protocol.presses:
            self._enter(State.RESTING)
            return [KeepPress(self.press)]
        self._enter(State.JUDGING)
        result, spread = verdict(self.results, self.protocol.presses, self.protocol.agreement)
        return [KeepPress(self.press), Record(result, spread)]

    def _look_again_s(self, event: Analysed, window_s: float) -> float | None:
        """Return when to look again after an answer about the first `window_s`; None where the answer ends the press.

        Before `observe_s` only a number that is established ends it. A refusal waits: more of the window may mend it.
        """
        protocol, result = self.protocol, event.result
        if window_s < protocol.observe_s:
            if event.established and result.status is Status.MEASURED:
                return None
            again_s = self._elapsed_s() + LOOK_AGAIN_S
            # A look that takes as long as this one took must be over when the whole window is due.
            answered_s = again_s + self._elapsed_s() - window_s
            return again_s if answered_s < protocol.observe_s else protocol.observe_s
        unsettled = result.status is Status.CENSORED or result.reason in UNSETTLED
        if unsettled and window_s < protocol.observe_limit_s:
            return min(window_s + EXTEND_S, protocol.observe_limit_s)
        return None

    def _resting_tick(self, _: Event) -> list[Action]:
        if self._frame_age_s() > FRAME_LOST_S:
            return self._camera_failed(CameraFailed())
        return self._next_press() if self._elapsed_s() >= self.protocol.spacing_s and self._probe_idle else []

    def _committed(self, _: Event) -> list[Action]:
        self._enter(State.DONE)
        return []

    def _camera_failed(self, _: Event) -> list[Action]:
        return self._end(State.CAMERA_FAULT, Reason.CAMERA_FAULT)

    def _settings_moved(self, _: Event) -> list[Action]:
        # While resting nothing is recorded, and the next press starts from a fresh baseline.
        return [] if self.state is State.RESTING else self._end(State.CAMERA_FAULT, Reason.CAMERA_SETTINGS_MOVED)

    def _probe_failed(self, event: ProbeFailed) -> list[Action]:
        if event.lease_lost and self._frame_age_s() >= FRAME_FRESH_S:
            # The lease ran out because frames stopped: that is what the nurse and the engineer must hear.
            return self._camera_failed(CameraFailed())
        return self._end(State.PROBE_FAULT, event.reason)

    def _look_failed(self, event: Event) -> list[Action]:
        """Lose no reading to a look that came too early: the whole window is looked at all the same."""
        if self._answer is not None:
            return []
        if self._analysing_since_ns is None or self._window_s() >= self.protocol.observe_s:
            return self._analysis_failed(event)
        self._analysing_since_ns = None
        self._analyse_at_s = self.protocol.observe_s
        return []

    def _analysis_failed(self, _: Event) -> list[Action]:
        return self._end(State.ANALYSIS_FAULT, Reason.INTERRUPTED)


Row = Callable[[Session, Any], list[Action]]

_TABLE: dict[tuple[State, type[Event]], Row] = {
    **{(state, Pushed): Session._start for state in sorted(STARTABLE)},
    (State.BASELINE, Tick): Session._baseline_tick,
    (State.PRESSING, Tick): Session._pressed_tick,
    (State.PRESSING, ProbePhase): Session._phase,
    (State.PRESSING, ProbeReleased): Session._released,
    (State.HOLDING, Tick): Session._pressed_tick,
    (State.HOLDING, ProbeReleased): Session._released,
    (State.REFILLING, Tick): Session._refilling_tick,
    (State.REFILLING, Analysed): Session._analysed,
    (State.REFILLING, AnalysisFailed): Session._look_failed,
    (State.RESTING, Tick): Session._resting_tick,
    (State.JUDGING, Committed): Session._committed,
}
_WHILE_ACTIVE: dict[type[Event], Row] = {
    Held: Session._abort,
    ProbeFailed: Session._probe_failed,
    CameraFailed: Session._camera_failed,
    SettingsMoved: Session._settings_moved,
    AnalysisFailed: Session._analysis_failed,
}
