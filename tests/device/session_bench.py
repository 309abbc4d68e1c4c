"""What the tests of the session share: a protocol with a fixed window, one that ends early, a played measurement."""

from device_bench import measured

from contract.reading import RefillResult, Status
from device.session import Session
from device.session_memory import Plan
from device.session_words import (
    Action,
    Analysed,
    Begin,
    Begun,
    ChamberEmpty,
    Event,
    FrameSeen,
    ProbePhase,
    ProbeReady,
    ProbeReleased,
    Pushed,
    Record,
    State,
    Tick,
)
from firmware_config.protocol import Protocol

PROTOCOL = Protocol.model_validate(
    {
        "name": "test",
        "version": "1",
        "source": "test",
        "body_sites": ["finger"],
        "target_kpa": 40,
        "ramp_s": 1,
        "hold_s": 5,
        "baseline_s": 2,
        "presses": 3,
        "spacing_s": 10,
        "early_stop": False,
        "observe_s": 8,
        "observe_limit_s": 12,
    }
)
EARLY = PROTOCOL.model_copy(update={"early_stop": True})
CENSORED = RefillResult(status=Status.CENSORED, crt_exceeds_s=12.0)


class Script:
    """Plays a measurement: time passes in steps of 50 ms with a frame and a tick each."""

    def __init__(self, protocol: Protocol = PROTOCOL, *, ready: bool = True) -> None:
        self.session = Session()
        self.session.follow(Plan(protocol, protocol.target_kpa_on(120.0)))
        self.now_ns = 10**12
        self.actions: list[Action] = []
        self.frames = True
        self.vouched = True
        """Whether an answer is followed by the time in which the probe says nothing against its window."""
        self.journal = True
        """Whether the draft of a measurement is committed at once."""
        self.samples = False
        """Whether the probe's samples show an empty chamber all the time."""
        if ready:
            self.tell(ProbeReady(), ProbePhase("idle"), FrameSeen())

    def tell(self, *events: Event) -> list[Action]:
        said: list[Action] = []
        for event in events:
            heard = self.session.handle(event, self.now_ns)
            if self.journal and Begin() in heard:
                heard += self.session.handle(Begun(), self.now_ns)
            said += heard
        self.actions += said
        while self.vouched and self.session.answered:
            said += self.wait(0.05)
        return said

    def wait(self, seconds: float) -> list[Action]:
        said: list[Action] = []
        for _ in range(round(seconds / 0.05)):
            self.now_ns += 50_000_000
            said += self.tell(*self._comes(), Tick())
        return said

    def _comes(self) -> list[Event]:
        frame: list[Event] = [FrameSeen()] if self.frames else []
        return [*frame, ChamberEmpty(self.now_ns)] if self.samples else frame

    def until(self, wanted: State, limit_s: float = 60) -> None:
        for _ in range(round(limit_s / 0.05)):
            if self.session.state is wanted:
                return
            self.wait(0.05)
        raise AssertionError(f"still {self.session.state}, not {wanted}")

    def press(self) -> None:
        """From baseline through the press to the first instant of refilling."""
        self.until(State.PRESSING)
        self.tell(ProbePhase("ramp"))
        self.wait(1.0)
        self.tell(ProbePhase("hold"))
        self.wait(5.0)
        self.tell(ProbePhase("release"), ProbeReleased("held", self.now_ns), ProbePhase("idle"))

    def reach(self, state: State) -> None:
        """Go to an active state by the ordinary way."""
        self.tell(Pushed(1))
        if state is State.BASELINE:
            return
        self.until(State.PRESSING)
        self.tell(ProbePhase("ramp"))
        if state is State.PRESSING:
            return
        self.tell(ProbePhase("hold"))
        if state is State.HOLDING:
            return
        self.wait(5.0)
        self.tell(ProbePhase("release"), ProbeReleased("held", self.now_ns), ProbePhase("idle"))
        if state is State.REFILLING:
            return
        self.wait(8.1)
        self.tell(Analysed(1, measured(2.0)))
        assert self.session.state is State.RESTING
        if state is State.REPEATING:
            for number, crt_s in ((2, 2.0), (3, 4.0)):
                self.press()
                self.wait(8.1)
                self.tell(Analysed(number, measured(crt_s)))
            assert self.session.state is State.REPEATING

    def records(self) -> list[Record]:
        return [action for action in self.actions if isinstance(action, Record)]
