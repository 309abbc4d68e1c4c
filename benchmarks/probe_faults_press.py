"""One press with a fault in it, on the injected clock: real engine, drivers and session; all that is seen is kept.

Control steps come every 10 ms with the jitter of a Linux thread, the guard every 20 ms, frames every 33 ms, the
bedside's turn every 20 ms. The fault comes at its own instant, between steps.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from contract.reading import RefillResult, Status
from device.bedside_probe import ProbeEar
from device.probe.engine import Engine
from device.probe.hardware import open_outputs, open_pressure_sensor
from device.probe.inbox import Gone
from device.probe.messages import AskStatus, FaultRaised, Phase, Refused, Release, Released, Renew, State
from device.probe.messages import Event as Said
from device.probe.messages import Press as AskPress
from device.probe.ports import HardwareError, Sample
from device.session import Session
from device.session_memory import Plan
from device.session_words import (
    Action,
    Analyse,
    Analysed,
    Begin,
    Begun,
    Committed,
    Event,
    FrameSeen,
    Pushed,
    Record,
    Tick,
)
from device.session_words import Press as PressAction
from device.session_words import Release as ReleaseAction
from device.session_words import Renew as RenewAction
from firmware_config.device import DeviceConfig
from firmware_config.protocol import Protocol
from phantom.chamber import Body, Chamber
from phantom.probe_faults import BreakableHydraulics, BreakablePins, Injection, Probe

STEP_NS, TURN_NS, GUARD_NS, FRAME_NS = 10_000_000, 20_000_000, 20_000_000, 33_333_333
WARM_UP_S, AFTER_S, CAP_S = 0.5, 1.5, 60.0
"""Before the button is pushed; watched on once all is over; in case it never is."""
OWNER = 1
LEASE = "5" * 32
FALL_S = 0.06
"""A fault of the release comes within so long of the valve's opening."""
PHASES = ("rest", "ramp", "hold", "release", "after")
NUMBER = RefillResult(status=Status.MEASURED, crt_s=2.0, crt_ci95_s=(1.8, 2.2))


@dataclass(frozen=True)
class Case:
    """One press of the campaign. `where` from 0 to 1 is the moment within its phase."""

    number: int
    fault: str | None
    phase: str
    where: float
    body: Body
    chamber: Chamber
    target_kpa: float
    protocol: Protocol
    seed: int


@dataclass
class Seen:
    """All that one press showed. Instants are CLOCK_BOOTTIME in ns; pressures in kPa."""

    case: Case
    phase: str = ""
    """Where the press was when the fault came; empty where it never did."""
    injected_ns: int | None = None
    mended_ns: int | None = None
    true_kpa: list[tuple[int, float]] = field(default_factory=list)
    felt_kpa: list[tuple[int, float]] = field(default_factory=list)
    """What a whole sensor would have given, at each sample."""
    samples: list[Sample] = field(default_factory=list)
    ticks_ns: list[int] = field(default_factory=list)
    closed: list[tuple[int, bool]] = field(default_factory=list)
    """At each step of any thread: whether the probe asked for a closed valve or a running pump."""
    renewed_ns: list[int] = field(default_factory=list)
    write_failed_ns: int | None = None
    gone_ns: int | None = None
    said: list[Said] = field(default_factory=list)
    done: list[tuple[int, Action]] = field(default_factory=list)
    latched: str | None = None
    step_errors: int = 0

    @property
    def faults(self) -> list[FaultRaised]:
        """What the probe named, in order."""
        return [event for event in self.said if isinstance(event, FaultRaised)]

    @property
    def released(self) -> Released | None:
        """The end of the press; None where there was none."""
        return next((event for event in self.said if isinstance(event, Released)), None)

    @property
    def refused(self) -> Refused | None:
        """The refusal of the press, where it was."""
        return next((event for event in self.said if isinstance(event, Refused)), None)

    @property
    def record(self) -> tuple[int, Record] | None:
        """When the measurement was decided, and what came of it."""
        return next(((t_ns, done) for t_ns, done in self.done if isinstance(done, Record)), None)

    def since(self, phase: Phase) -> int | None:
        """Return when the probe said that it entered a phase."""
        return next((e.t_boot_ns for e in self.said if isinstance(e, State) and e.phase == phase), None)


class _Clock:
    def __init__(self) -> None:
        self.now_ns = 1_000_000_000_000

    def __call__(self) -> int:
        return self.now_ns


class _Link:
    """The engine as the bedside's port; `silent` while its renewals do not arrive."""

    def __init__(self, engine: Engine, clock: _Clock, seen: Seen) -> None:
        self._engine, self._clock, self._seen = engine, clock, seen
        self._heard = 0
        self.silent = False

    def poll(self) -> list[Said]:
        while self._engine.outbox:
            self._seen.said.append(self._engine.outbox.popleft()[1])
        fresh = self._seen.said[self._heard :]
        self._heard += len(fresh)
        return fresh

    def press(self, target_kpa: float, ramp_s: float, hold_s: float) -> str:
        asked = AskPress(lease=LEASE, sent_ns=self._clock(), target_kpa=target_kpa, ramp_s=ramp_s, hold_s=hold_s)
        self._seen.renewed_ns.append(self._clock())
        self._engine.submit(OWNER, asked)
        return LEASE

    def renew(self) -> None:
        if not self.silent:
            self._seen.renewed_ns.append(self._clock())
            self._engine.submit(OWNER, Renew(lease=LEASE, sent_ns=self._clock()))

    def release(self) -> None:
        self._engine.submit(OWNER, Release())

    def close(self) -> None:
        pass


class _Played:
    """One press under way."""

    def __init__(self, case: Case, injection: Injection | None, config: DeviceConfig) -> None:
        self.case, self.injection = case, injection
        self.rng = random.Random(case.seed)  # noqa: S311  # simulated presses
        self.clock = _Clock()
        self.seen = Seen(case)
        self.hydraulics = BreakableHydraulics(
            chamber=case.chamber,
            clock=self.clock,
            seed=case.seed,
            record=lambda t_ns, kpa: self.seen.true_kpa.append((t_ns, kpa)),
        )
        self.pins = BreakablePins(self.hydraulics, config)
        self.outputs = open_outputs(config, self.pins)
        self.sensor = open_pressure_sensor(config, self.pins, self.clock)
        self.engine = Engine(config, self.sensor, self.outputs, self.clock, simulated=True)
        self.link = _Link(self.engine, self.clock, self.seen)
        self.ear = ProbeEar(self.link)
        self.session = Session()
        self.session.follow(Plan(case.protocol, case.target_kpa))
        self.started_ns = self.clock()
        self.answer_ns: int | None = None
        self.stalled = False
        self.over_ns: int | None = None
        self.pushed_ns: int | None = None

    def run(self) -> Seen:
        """Play until some time after the measurement is decided."""
        self.engine.submit(OWNER, AskStatus())
        due: list[tuple[int, Callable[[], int]]] = [
            (self.started_ns + STEP_NS, self._step),
            (self.started_ns + GUARD_NS // 4, self._guard),
            (self.started_ns + TURN_NS // 3, self._turn),
            (self.started_ns + FRAME_NS // 2, self._frame),
            (self.started_ns + round(WARM_UP_S * 1e9), self._push),
        ]
        end_ns = self.started_ns + round(CAP_S * 1e9)
        while self.clock.now_ns < end_ns and not self._over():
            self._plan()
            index = min(range(len(due)), key=lambda i: due[i][0])
            at_ns, what = due[index]
            for change in self._changes(at_ns):
                change()
            self.clock.now_ns = max(self.clock.now_ns, at_ns)
            due[index] = (self.clock.now_ns + what(), what)
        self.link.poll()
        self.seen.latched = self.engine.latched
        self.seen.write_failed_ns = self.pins.refused_ns
        self.pins.broken.clear()
        self.outputs.close()
        self.sensor.close()
        return self.seen

    def _over(self) -> bool:
        return self.over_ns is not None and self.clock.now_ns > self.over_ns + round(AFTER_S * 1e9)

    # ---- the fault

    def _plan(self) -> None:
        """Set the fault's moment once its phase has begun."""
        case, protocol, seen = self.case, self.case.protocol, self.seen
        if self.injection is None or seen.injected_ns is not None:
            return
        begun = {
            "rest": (self.pushed_ns, protocol.baseline_s),
            "ramp": (self._since("ramp"), protocol.ramp_s),
            "hold": (self._since("hold"), protocol.hold_s),
            "release": (self._since("release"), FALL_S),
            "after": (self._since("idle"), protocol.least_observe_s),
        }
        since_ns, lasts_s = begun[case.phase]
        if since_ns is not None:
            seen.injected_ns = max(since_ns + round(case.where * lasts_s * 1e9), self.clock.now_ns)
            if self.injection.for_s is not None:
                low, high = self.injection.for_s
                seen.mended_ns = seen.injected_ns + round(low * (high / low) ** self.rng.random() * 1e9)

    def _since(self, phase: Phase) -> int | None:
        said = [*self.seen.said, *(event for _, event in self.engine.outbox)]
        return next((e.t_boot_ns for e in said if isinstance(e, State) and e.phase == phase), None)

    def _changes(self, until_ns: int) -> list[Callable[[], None]]:
        seen = self.seen
        changes: list[Callable[[], None]] = []
        if seen.injected_ns is not None and not seen.phase and seen.injected_ns <= until_ns:
            changes.append(self._break)
        if seen.mended_ns is not None and seen.phase and self.clock.now_ns < seen.mended_ns <= until_ns:
            changes.append(self._mend)
        return changes

    def _break(self) -> None:
        seen, injection = self.seen, self.injection
        self.clock.now_ns = max(self.clock.now_ns, seen.injected_ns or 0)
        pressed = self._since("ramp") is not None
        named = {"idle": "after" if pressed else "rest"}
        seen.phase = named.get(self.engine.phase, self.engine.phase)
        fault = self.case.fault
        self.mend: Callable[[], None] | None = None
        if fault == "owner_silent":
            self.link.silent = True
            self.mend = lambda: setattr(self.link, "silent", False)
        elif fault == "control_stalled":
            self.stalled = True
            self.mend = lambda: setattr(self, "stalled", False)
        elif fault == "owner_gone":
            seen.gone_ns = self.clock()
            self.engine.submit(OWNER, Gone())
        elif injection is not None and injection.breaks is not None:
            self.mend = injection.breaks(Probe(self.hydraulics, self.pins), self.rng)

    def _mend(self) -> None:
        self.clock.now_ns = max(self.clock.now_ns, self.seen.mended_ns or 0)
        if self.mend is not None:
            self.mend()

    # ---- what runs; each returns ns until it runs again

    def _step(self) -> int:
        if not self.stalled:
            self.engine.tick()
            seen = self.seen
            seen.ticks_ns.append(self.clock())
            while self.engine.samples:
                seen.samples.append(self.engine.samples.popleft())
                seen.felt_kpa.append((self.clock(), self.hydraulics.felt_kpa))
            self._look()
        return STEP_NS + round(self.rng.gauss(0, 300_000))

    def _guard(self) -> int:
        try:
            self.engine.gate.guard(self.clock())
        except HardwareError:
            self.seen.step_errors += 1
        self._look()
        return GUARD_NS

    def _look(self) -> None:
        now = self.engine.gate.now
        self.hydraulics.advance()
        self.seen.closed.append((self.clock(), now.valve_closed or now.pump_duty > 0))

    def _frame(self) -> int:
        self._tell(FrameSeen())
        return FRAME_NS

    def _push(self) -> int:
        self.pushed_ns = self.clock()
        self._tell(Pushed(1))
        return round(CAP_S * 1e9)

    def _turn(self) -> int:
        for event in self.ear.poll():
            self._tell(event)
        if self.answer_ns is not None and self.clock() >= self.answer_ns:
            self.answer_ns = None
            self._tell(Analysed(1, NUMBER, established=True))
        self._tell(Tick())
        return TURN_NS

    def _tell(self, event: Event) -> None:
        for action in self.session.handle(event, self.clock()):
            self.seen.done.append((self.clock(), action))
            if isinstance(action, PressAction):
                self.ear.press(action.target_kpa, action.ramp_s, action.hold_s)
            elif isinstance(action, RenewAction):
                self.ear.renew()
            elif isinstance(action, ReleaseAction):
                self.ear.release()
            elif isinstance(action, Begin):
                self._tell(Begun())
            elif isinstance(action, Analyse):
                self.answer_ns = self.clock() + round(self.rng.uniform(0.2, 1.5) * 1e9)
            elif isinstance(action, Record):
                self.over_ns = self.over_ns or self.clock()
                self._tell(Committed())


def play(case: Case, injection: Injection | None, config: DeviceConfig) -> Seen:
    """Play one press; what is random in it comes from the case's seed."""
    return _Played(case, injection, config).run()
