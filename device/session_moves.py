"""What a measurement does at each event: the moves that `device.session_table` names.

A move takes its event and returns what to do, in order.
"""

from contract.reasons import Reason
from device.session_looks import Looks
from device.session_memory import FRAME_FRESH_S, FRAME_LOST_S, Memory
from device.session_verdict import verdict, without_number
from device.session_words import (
    STILL_RELEASING,
    Action,
    Analyse,
    Analysed,
    Begin,
    CameraFailed,
    Event,
    Held,
    JournalFailed,
    KeepPress,
    Press,
    ProbeFailed,
    ProbePhase,
    ProbeReleased,
    Pushed,
    Record,
    Refuse,
    Release,
    Renew,
    StartRecording,
    State,
)

RAMP_MARGIN_S: float = 4.0
HOLD_MARGIN_S: float = 2.0
RELEASE_MARGIN_S: float = 3.0
VENTED_MARGIN_S: float = 30.0
"""The probe watches itself and is quicker; these only keep a session from waiting for ever. The last is for a probe
that is not vented when the next press is due, which a press from the bench may cause."""
PRESS_TRIES: int = 3
TRY_AGAIN_S: float = 1.0
"""A probe that is not ready for a press is asked again after this long."""


class Moves(Memory):
    """One measurement after the other, each from its push to its record."""

    def start(self, event: Pushed) -> list[Action]:
        """Start a measurement, or say in one sentence why not."""
        refusal = self.refusal(self._now_ns)
        if refusal is None and not self._probe_idle:
            refusal = STILL_RELEASING
        if refusal is not None:
            return [Refuse(refusal)]
        self._started_by, self._before = event.push, self.state
        self.plan = self._next
        self.press, self.set_number, self.results = 0, 1, []
        self._ends_in = State.DONE
        self._enter(State.BEGINNING)
        return [Begin()]

    def begun(self, _: Event) -> list[Action]:
        """Go on to the first press: the draft is in the journal."""
        return self._next_press()

    def not_begun(self, event: JournalFailed) -> list[Action]:
        """Press nothing: the journal does not take the draft. Back to where the push came."""
        self._enter(self._before)
        return [Refuse(event.sentence)]

    def _next_press(self) -> list[Action]:
        self.press += 1
        self._enter(State.BASELINE)
        return [StartRecording(self.press)]

    def abort(self, event: Event) -> list[Action]:
        """End it: vented, with a record. The push that started it, held on by a gloved hand, is no wish to stop it."""
        if isinstance(event, Held) and event.push == self._started_by:
            return []
        return self._end(State.ABORTED, Reason.ABORTED)

    def vent(self, _: Event) -> list[Action]:
        """Vent, which it is already; the reading that is on its way into the journal stands."""
        return [Release()]

    def _end(self, state: State, reason: Reason) -> list[Action]:
        """End without a number: vented, and with a record."""
        self._enter(state)
        self._looks = None
        self._waits = False
        return [Release(), Record(without_number(reason), None)]

    def baseline_tick(self, _: Event) -> list[Action]:
        """Press once the skin has been watched for long enough."""
        if self._frame_age_s() > FRAME_LOST_S:
            return self.camera_failed(CameraFailed())
        if self._elapsed_s() < self._protocol.baseline_s:
            return []
        self._tries = 0
        return self._ask_for_press()

    def _ask_for_press(self) -> list[Action]:
        plan = self._running()
        self._tries += 1
        self._waits = False
        self._enter(State.PRESSING)
        return [Press(plan.target_kpa, plan.protocol.ramp_s, plan.protocol.hold_s)]

    def press_not_ready(self, _: Event) -> list[Action]:
        """Ask again in a moment, `PRESS_TRIES` times in all; nothing is pressed meanwhile."""
        if self._waits:
            return []
        if self._tries >= PRESS_TRIES:
            return self._end(State.PROBE_FAULT, Reason.PROBE_FAULT)
        self._enter(State.PRESSING)
        self._waits = True
        return []

    def pressed_tick(self, _: Event) -> list[Action]:
        """Renew the lease while frames come in; give up on a probe that does not go on."""
        if self._frame_age_s() > FRAME_LOST_S:
            return self.camera_failed(CameraFailed())
        if self._waits:
            return self._ask_for_press() if self._elapsed_s() >= TRY_AGAIN_S else []
        limit_s = (
            self._protocol.ramp_s + RAMP_MARGIN_S
            if self.state is State.PRESSING
            else self._protocol.hold_s + HOLD_MARGIN_S + RELEASE_MARGIN_S
        )
        if self._elapsed_s() > limit_s:
            return self._end(State.PROBE_FAULT, Reason.PROBE_FAULT)
        return [Renew()] if self._frame_age_s() < FRAME_FRESH_S else []

    def phase(self, event: ProbePhase) -> list[Action]:
        """Go on to holding once the probe holds."""
        if event.phase == "hold":
            self._enter(State.HOLDING)
        return []

    def released(self, event: ProbeReleased) -> list[Action]:
        """Watch the refill of a hold of full time whose release was seen and had no fault; end on any other."""
        if event.fault is not None:
            return self.probe_failed(event.fault)
        if event.why == "asked":
            # Somebody vented by the bench command: a wish to stop, whoever had it.
            return self._end(State.ABORTED, Reason.ABORTED)
        if event.why == "fault":
            return self._end(State.PROBE_FAULT, Reason.PROBE_FAULT)
        if event.t_ns is None:
            # The refill counts from this instant; when it was told of is no stand-in for it.
            return self._end(State.PROBE_FAULT, Reason.RELEASE_INCOMPLETE)
        self._enter(State.REFILLING)
        self._since_ns = event.t_ns
        self._looks = Looks(self._protocol, event.t_ns)
        return []

    def refilling_tick(self, _: Event) -> list[Action]:
        """Look when a look is due; take the answer once the probe has nothing against it."""
        looks = self._watched()
        if looks.answer is not None:
            return self._vouched(looks)
        if looks.under_way:
            # What is analysed is recorded already: a camera that the analysis keeps from its turn costs no reading.
            return self.analysis_failed(_) if looks.overdue(self._now_ns) else []
        if self._frame_age_s() > FRAME_LOST_S:
            return self.camera_failed(CameraFailed())
        if not looks.due(self._now_ns):
            return []
        looks.begin(self._now_ns)
        return [Analyse(self.press, self.set_number)]

    def _watched(self) -> Looks:
        if self._looks is None:
            raise RuntimeError("no refill is watched")
        return self._looks

    def analysed(self, event: Analysed) -> list[Action]:
        """Take the answer of the look under way: it ends the press, or says when to look again."""
        looks = self._watched()
        if event.number != self.press or not looks.under_way:
            return []
        looks.take(event, self._now_ns)
        return self._vouched(looks)

    def _vouched(self, looks: Looks) -> list[Action]:
        """Keep a press whose answer stands, and go on: rest, judge, or make all presses again."""
        answer = looks.answer
        if answer is None or not looks.vouched(self._now_ns, self._empty_until_ns):
            return []
        self._looks = None
        self.results.append(answer)
        protocol = self._protocol
        if len(self.results) < protocol.presses:
            self._enter(State.RESTING)
            return [KeepPress(self.press)]
        result, spread = verdict(self.results, protocol.presses, protocol.agreement)
        if result.reason is Reason.PRESSES_DISAGREE and self.set_number <= protocol.repeat_sets:
            self._enter(State.REPEATING)
            return [KeepPress(self.press)]
        self._enter(State.JUDGING)
        return [KeepPress(self.press), Record(result, spread)]

    def resting_tick(self, _: Event) -> list[Action]:
        """Begin the next press once the skin has rested and the probe is vented."""
        return self._rested(self._protocol.spacing_s)

    def repeating_tick(self, _: Event) -> list[Action]:
        """Begin the next set once the skin has rested for longer; what the last set came to is not looked at again."""
        actions = self._rested(self._protocol.repeat_after_s)
        if self.state is State.BASELINE:
            self.set_number += 1
            self.results = []
        return actions

    def _rested(self, rest_s: float) -> list[Action]:
        if self._frame_age_s() > FRAME_LOST_S:
            return self.camera_failed(CameraFailed())
        if self._elapsed_s() < rest_s:
            return []
        if self._probe_idle:
            return self._next_press()
        overdue = self._elapsed_s() > rest_s + VENTED_MARGIN_S
        return self._end(State.PROBE_FAULT, Reason.RELEASE_INCOMPLETE) if overdue else []

    def committed(self, _: Event) -> list[Action]:
        """Be done: the reading is in the journal."""
        self._enter(self._ends_in)
        return []

    def journal_stops_it(self, event: JournalFailed) -> list[Action]:
        """End a measurement whose journal takes no more; its record waits for the disk."""
        self._journal_problem = event.sentence
        return self._end(State.JOURNAL_FAULT, Reason.INTERRUPTED)

    def journal_waits(self, event: JournalFailed) -> list[Action]:
        """Wait for the disk: the measurement has ended, and nothing of it is shown before it is in the journal."""
        self._journal_problem = event.sentence
        if self.state is not State.JOURNAL_FAULT:
            self._ends_in = State.DONE if self.state is State.JUDGING else self.state
            self._enter(State.JOURNAL_FAULT)
        return [Release()]

    def journal_refuses(self, _: Event) -> list[Action]:
        """Say why nothing is started."""
        return [Refuse(self._journal_problem)]

    def camera_failed(self, _: Event) -> list[Action]:
        """End it by that name."""
        return self._end(State.CAMERA_FAULT, Reason.CAMERA_FAULT)

    def settings_moved(self, _: Event) -> list[Action]:
        """End it by that name."""
        return self._end(State.CAMERA_FAULT, Reason.CAMERA_SETTINGS_MOVED)

    def probe_failed(self, event: ProbeFailed) -> list[Action]:
        """End it by the probe's reason, or the camera's where the lease ran out because frames stopped."""
        if event.lease_lost and self._frame_age_s() >= FRAME_FRESH_S:
            return self.camera_failed(CameraFailed())
        return self._end(State.PROBE_FAULT, event.reason)

    def look_failed(self, event: Event) -> list[Action]:
        """Lose no reading to a look that came too early: the whole window is looked at all the same."""
        looks = self._watched()
        if looks.answer is not None:
            return []
        if not looks.under_way or looks.whole:
            return self.analysis_failed(event)
        looks.failed()
        return []

    def analysis_failed(self, _: Event) -> list[Action]:
        """End it: the analysis gave no answer."""
        return self._end(State.ANALYSIS_FAULT, Reason.INTERRUPTED)
