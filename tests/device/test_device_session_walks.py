"""Whatever happens in whatever order: one measurement at a time, each with one record, no finger left pressed."""

from device_bench import measured, not_measurable
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from session_bench import CENSORED, EARLY, PROTOCOL

from contract.reasons import Reason
from device.session import Session
from device.session_memory import Plan
from device.session_words import (
    ACTIVE,
    STARTABLE,
    AbortAsked,
    Action,
    Analyse,
    Analysed,
    AnalysisFailed,
    Begin,
    Begun,
    CameraFailed,
    ChamberEmpty,
    Committed,
    Event,
    FrameSeen,
    Held,
    JournalFailed,
    KeepPress,
    Press,
    ProbeFailed,
    ProbeNotReady,
    ProbePhase,
    ProbeReady,
    ProbeReleased,
    Pushed,
    Record,
    Refuse,
    Release,
    SettingsMoved,
    StartRecording,
    State,
    Tick,
)

BOUND_S = 150
"""Longer than any state of this protocol and all that can follow it where nothing more comes."""
RESULTS = st.sampled_from([measured(2.0), measured(2.1), measured(4.0), CENSORED, not_measurable()])
DEAD = JournalFailed("The disk is full.")


class Walk(RuleBasedStateMachine):
    """A session in a world that may say anything at any time; only the journal answers as journals do."""

    @initialize(early=st.booleans())
    def begin(self, early: bool) -> None:
        protocol = (EARLY if early else PROTOCOL).model_copy(update={"repeat_sets": 1, "repeat_after_s": 60.0})
        self.session = Session()
        self.session.follow(Plan(protocol, 40.0))
        self.now_ns = 10**12
        self.pushes = 0
        self.disk = True
        self.open = False
        """Whether a draft is in the journal whose record has not been asked for."""
        self.owed = False
        """Whether a record has been asked for that the disk has not taken."""
        self.begun = self.recorded = 0
        self.pressed = False
        self.tell(ProbeReady(), ProbePhase("idle"), FrameSeen())

    def tell(self, *events: Event) -> list[Action]:
        said: list[Action] = []
        for event in events:
            actions = self.session.handle(event, self.now_ns)
            said += actions
            for action in actions:
                said += self.do(action)
        return said

    def do(self, action: Action) -> list[Action]:
        if isinstance(action, Begin):
            assert not self.open, "a second measurement began"
            assert not self.owed
            self.open = self.disk
            self.begun += self.disk
            return self.tell(Begun() if self.disk else DEAD)
        if isinstance(action, StartRecording | Press | Analyse | KeepPress):
            assert self.open, f"{action} outside a measurement"
        if isinstance(action, Press):
            self.pressed = True
        if isinstance(action, Release):
            self.pressed = False
        if isinstance(action, KeepPress) and not self.disk:
            return self.tell(DEAD)
        if isinstance(action, Record):
            assert self.open, "a record of nothing"
            self.open, self.owed = False, not self.disk
            self.recorded += 1
            return self.tell(Committed() if self.disk else DEAD)
        return []

    @rule()
    def push(self) -> None:
        self.pushes += 1
        before = self.session.state
        said = self.tell(Pushed(self.pushes))
        if before in ACTIVE:
            assert said == [], "a push during a measurement"
        else:
            assert Begin() in said or any(isinstance(action, Refuse) for action in said)

    @precondition(lambda self: self.session.state in STARTABLE)
    @rule()
    def push_where_all_is_well(self) -> None:
        self.disk = True
        self.tell(ProbeReady(), ProbePhase("idle"), FrameSeen())
        self.pushes += 1
        assert Begin() in self.tell(Pushed(self.pushes)), f"no next measurement after {self.session.state}"

    @rule(screen=st.booleans())
    def abort(self, screen: bool) -> None:
        before = self.session.state
        self.pushes += 1
        said = self.tell(AbortAsked() if screen else Held(self.pushes))
        if before in ACTIVE:
            assert Release() in said
            assert Record(not_measurable(Reason.ABORTED), None) in said
        else:
            assert not any(isinstance(action, Record) for action in said)

    @rule(seconds=st.floats(0.01, 12), frames=st.sampled_from([True, True, True, False]), empty=st.booleans())
    def wait(self, seconds: float, frames: bool, empty: bool) -> None:
        for _ in range(max(1, round(seconds / 0.2))):
            self.now_ns += 200_000_000
            if frames:
                self.tell(FrameSeen())
            if empty:
                self.tell(ChamberEmpty(self.now_ns))
            self.tell(Tick())

    @rule(result=RESULTS)
    def press_as_it_should_be(self, result: object) -> None:
        """Go the ordinary way to the end of a press, for as long as nothing is wrong, to get far enough."""
        kept = len(self.session.results)
        for _ in range(2000):
            state = self.session.state
            if state not in ACTIVE or state is State.REPEATING or len(self.session.results) > kept:
                return
            if state is State.PRESSING:
                self.tell(ProbePhase("ramp"), ProbePhase("hold"))
            elif state is State.HOLDING:
                self.wait(5.0, True, True)
                self.pressed = False
                self.tell(ProbeReleased("held", self.now_ns), ProbePhase("idle"))
            elif state is State.REFILLING:
                self.tell(Analysed(self.session.press, result, established=True))  # type: ignore[arg-type]  # RESULTS
            self.wait(0.2, True, True)

    @precondition(lambda self: self.session.state in STARTABLE)
    @rule()
    def a_set_that_disagrees(self) -> None:
        """Start a measurement and go as far as the rest before its presses are made again, where nothing is wrong."""
        self.push_where_all_is_well()
        for crt_s in (2.0, 2.1, 4.0):
            self.press_as_it_should_be(measured(crt_s))

    @rule(
        event=st.one_of(
            st.just(SettingsMoved()),
            st.just(CameraFailed()),
            st.sampled_from(["idle", "ramp", "hold", "release"]).map(ProbePhase),  # type: ignore[arg-type]  # the phases
            st.builds(
                ProbeReleased,
                st.sampled_from(["held", "asked", "fault"]),
                st.one_of(st.none(), st.just(10**12)),
                st.one_of(st.none(), st.just(ProbeFailed(Reason.RELEASE_INCOMPLETE, "x"))),
            ),
            st.builds(ProbeFailed, st.sampled_from(Reason), st.just("x"), st.booleans(), st.booleans()),
            st.just(ProbeNotReady("not 0 kPa")),
            st.just(ProbeReady()),
            st.builds(Analysed, st.integers(1, 6), RESULTS, st.booleans()),
            st.just(AnalysisFailed()),
        )
    )
    def anything(self, event: Event) -> None:
        self.tell(event)

    @rule(serves=st.booleans())
    def disk_changes(self, serves: bool) -> None:
        self.disk = serves

    @precondition(lambda self: self.owed and self.disk)
    @rule()
    def disk_takes_what_waits(self) -> None:
        assert self.session.state is State.JOURNAL_FAULT
        self.owed = False
        self.tell(Committed())
        assert self.session.state in STARTABLE

    @invariant()
    def one_record_for_each_that_began(self) -> None:
        if not hasattr(self, "session"):
            return
        assert self.begun == self.recorded + self.open
        assert self.open == (self.session.state in ACTIVE)
        assert self.owed == (self.session.state is State.JOURNAL_FAULT)

    @invariant()
    def nothing_is_pressed_outside_a_measurement(self) -> None:
        if hasattr(self, "session") and self.session.state not in ACTIVE:
            assert not self.pressed

    def teardown(self) -> None:
        """Left alone, with a world in which nothing more comes, every measurement ends."""
        if not hasattr(self, "session"):
            return
        for _ in range(BOUND_S * 5):
            if self.session.state not in ACTIVE:
                break
            self.now_ns += 200_000_000
            self.tell(FrameSeen(), Tick())
        assert self.session.state not in ACTIVE, "a measurement without end"
        assert self.begun == self.recorded


Walk.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestWalk = Walk.TestCase
