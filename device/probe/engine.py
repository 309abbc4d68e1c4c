"""One control step: read, look for faults, decide, drive. Also what commands do. No threads and no sockets here.

Everything but `Gate.guard` runs on the control thread; commands arrive through a queue, so there is nothing to lock
between a press and the step that carries it out.
"""

import threading
from collections import deque
from dataclasses import dataclass

from device.probe.control import Controller, Order
from device.probe.drivers import HardwareError, OutputPort, SensorPort
from device.probe.faults import FAULTS, FaultCode
from device.probe.messages import (
    AskStatus,
    ClearFault,
    Clock,
    Command,
    Event,
    FaultCleared,
    FaultRaised,
    Phase,
    Press,
    Refusal,
    Refused,
    Release,
    Renew,
    State,
    Status,
)
from device.probe.safety import RELEASED, STALL_S, Arbiter, Limits, Outputs
from device.probe.watch import STALE_S, ZERO_KPA, Doing, Sample, Watch
from firmware_config.device import DeviceConfig
from firmware_config.loading import content_sha256

CLEAR_WELL_S = 0.5
"""The sensor has to have been sane and at zero for this long before a fault is cleared."""
QUEUE = 256
SPARE_S = 0.3
"""A rise has to be over so much before the hold would run into the ceiling of the press."""
SLOWEST_RAMP = 1.1
_LOCK_S = 0.02


@dataclass(frozen=True)
class Gone:
    """A connection ended; what it owned ends with it."""


class Gate:
    """The only way to the outputs. `write` is the control thread's, `guard` the guard thread's."""

    def __init__(self, outputs: OutputPort, arbiter: Arbiter, now_ns: int) -> None:
        self._outputs = outputs
        self._arbiter = arbiter
        self._lock = threading.Lock()
        self.now = RELEASED
        self.beat_ns = now_ns
        """When the control loop last ticked."""
        self.guarded: deque[FaultCode] = deque(maxlen=8)
        """What the guard has tripped on, for the control thread to tell."""

    def write(self, now_ns: int, wanted: Outputs, kpa: float | None) -> None:
        """Drive what the arbiter allows of `wanted`; raises `HardwareError` where an output does not obey."""
        with self._lock:
            self.now = self._arbiter.allow(now_ns, wanted, kpa)
            self._outputs.apply(self.now)

    def guard(self, now_ns: int) -> None:
        """Vent where the lease has run out or the control loop has stalled; again at each call while that lasts.

        Never waits for long: a control thread that hangs inside a driver holds the lock, and venting without the lock
        is safe, since nothing can be closed any more once the arbiter has tripped.
        """
        code = self._arbiter.overdue(now_ns)
        stalled = now_ns - self.beat_ns > STALL_S * 1e9
        if code is None and not stalled:
            return
        if stalled and self.now.valve_closed:
            code = FaultCode.CONTROL_STALLED
        if code is not None:
            self._arbiter.trip(code)
        if self.now != RELEASED or stalled:
            self.vent()
        if code is not None:
            self.guarded.append(code)

    def vent(self) -> None:
        """Release the outputs, now; raises `HardwareError` where they do not obey."""
        locked = self._lock.acquire(timeout=_LOCK_S)
        try:
            self._outputs.apply(RELEASED)
            self.now = RELEASED
        finally:
            if locked:
                self._lock.release()


class Engine:
    """The probe without its threads: `submit` commands, `tick` at the sensor's rate, take `outbox` and `samples`."""

    def __init__(
        self, config: DeviceConfig, sensor: SensorPort, outputs: OutputPort, clock: Clock, *, simulated: bool
    ) -> None:
        now_ns = clock()
        self._config = config
        self._config_sha256 = content_sha256(config)
        self._simulated = simulated
        self._clock = clock
        self._sensor = sensor
        self._limits = Limits.of(config)
        self._arbiter = Arbiter(self._limits)
        self._watch = Watch(self._limits, now_ns)
        self._control = Controller(config.probe.pump_start_duty)
        self._inbox: deque[tuple[int, Command | Gone]] = deque()
        self._owner: int | None = None
        self._told: tuple[str, str | None] = ("idle", None)
        self._last: Sample | None = None
        self._count = 0
        self._worst_gap_ns = 0
        self.gate = Gate(outputs, self._arbiter, now_ns)
        self.outbox: deque[tuple[int | None, Event]] = deque(maxlen=4096)
        """What to tell, and whom: a connection's number, or None for everybody."""
        self.samples: deque[Sample] = deque(maxlen=4096)

    @property
    def pressed(self) -> bool:
        """Whether the last sample shows more than a vented probe would."""
        return self._last is not None and self._last.kpa > ZERO_KPA

    @property
    def phase(self) -> Phase:
        """Where in a press the probe is."""
        return self._control.phase

    def submit(self, peer: int, command: Command | Gone) -> bool:
        """Queue a command of connection `peer`; False where too many wait already. Any thread."""
        if len(self._inbox) >= QUEUE and not isinstance(command, Gone):
            return False
        self._inbox.append((peer, command))
        return True

    def tick(self) -> None:
        """Do one control step."""
        sample = self._sensor.read()
        now_ns = self._clock()
        self._worst_gap_ns = max(self._worst_gap_ns, now_ns - self.gate.beat_ns) if self._count else 0
        self.gate.beat_ns = now_ns
        doing = self._doing()
        while self.gate.guarded:
            self._fail(now_ns, self.gate.guarded.popleft())
        fault = self._watch.step(now_ns, sample, doing) or self._arbiter.overdue(now_ns)
        if fault is not None:
            self._fail(now_ns, fault)
        if sample is not None:
            self._last = sample
            self._count += 1
            self.samples.append(sample)
        self._obey(now_ns)
        self._drive(now_ns, sample)
        self._tell(now_ns)

    def tell_stalled(self, now_ns: int) -> None:
        """Tell that control has stalled, where the control thread cannot do so itself; any thread."""
        self._arbiter.trip(FaultCode.CONTROL_STALLED)
        told = FaultRaised(t_boot_ns=now_ns, code=FaultCode.CONTROL_STALLED, latched=True, lease=None)
        self.outbox.append((None, told))

    def close(self) -> None:
        """Vent for good; any thread. Ticks after this still follow the pressure down and tell the release."""
        self._arbiter.close()
        self._inbox.append((0, Release()))
        self.gate.vent()

    def _doing(self) -> Doing:
        control = self._control
        order = control.order
        return Doing(
            phase=control.phase,
            since_ns=control.since_ns,
            outputs=self.gate.now,
            target_kpa=order.target_kpa if order else 0.0,
            ramp_s=order.ramp_s if order else 1.0,
            ramp_limit_s=self._limits.press_s - order.hold_s - SPARE_S if order else 0.0,
            hold_kpa=control.level_kpa,
        )

    def _fail(self, now_ns: int, code: FaultCode) -> None:
        """Vent first, tell after. A latched fault that goes on is told once."""
        pressing = self._control.phase in ("ramp", "hold")
        already = self._arbiter.latched
        self._arbiter.trip(code)
        try:
            self.gate.vent()
        except HardwareError:
            self._arbiter.trip(FaultCode.OUTPUT_FAILED)
            code = FaultCode.OUTPUT_FAILED
        self._control.release(now_ns, "fault")
        self._owner = None
        if pressing or self._arbiter.latched != already:
            lease = self._control.order.lease if self._control.order else None
            told = FaultRaised(t_boot_ns=now_ns, code=code, latched=FAULTS[code].latched, lease=lease)
            self.outbox.append((None, told))

    def _drive(self, now_ns: int, sample: Sample | None) -> None:
        # One missing sample keeps the last outputs and value; the watch calls the sensor stale soon after.
        wanted = self.gate.now
        if sample is not None:
            wanted = self._control.step(now_ns, sample.t_ns, sample.kpa)
        if self._control.phase not in ("ramp", "hold"):
            self._arbiter.end()
            wanted = RELEASED
        try:
            self.gate.write(self._clock(), wanted, self._last.kpa if self._last is not None else None)
        except HardwareError:
            self._fail(now_ns, FaultCode.OUTPUT_FAILED)

    def _tell(self, now_ns: int) -> None:
        order = self._control.order
        self._tell_phase(now_ns, order.lease if order else None)
        released = self._control.finished(now_ns)
        if released is not None:
            self._owner = None
            self.outbox.append((None, released))
            self._tell_phase(now_ns, None)

    def _tell_phase(self, now_ns: int, lease: str | None) -> None:
        state = (self._control.phase, lease)
        if state != self._told:
            self._told = state
            self.outbox.append((None, State(t_boot_ns=now_ns, phase=self._control.phase, lease=lease)))

    def _obey(self, now_ns: int) -> None:
        for _ in range(len(self._inbox)):
            peer, command = self._inbox.popleft()
            if isinstance(command, Gone):
                if peer == self._owner:
                    self._fail(now_ns, FaultCode.LEASE_LOST)
            elif isinstance(command, AskStatus):
                self.outbox.append((peer, self._status(now_ns)))
            elif isinstance(command, Press):
                self._press(now_ns, peer, command)
            elif isinstance(command, Renew):
                self._renew(now_ns, peer, command)
            elif isinstance(command, ClearFault):
                self._clear(now_ns, peer)
            else:
                self._control.release(now_ns, "asked")

    def _press(self, now_ns: int, peer: int, press: Press) -> None:
        refusal = self._against(now_ns, press)
        if refusal is not None:
            self.outbox.append((peer, Refused(command="press", why=refusal[0], sentence=refusal[1])))
            return
        self._owner = peer
        self._arbiter.grant(now_ns, press.sent_ns)
        self._control.start(now_ns, Order(press.lease, press.target_kpa, press.ramp_s, press.hold_s))

    def _against(self, now_ns: int, press: Press) -> tuple[Refusal, str] | None:
        limits = self._limits
        if press.target_kpa > limits.pressure_kpa:
            return Refusal.OVER_LIMIT, f"{press.target_kpa:g} kPa asked, at most {limits.pressure_kpa:g} allowed"
        if press.hold_s > limits.hold_s:
            return Refusal.OVER_LIMIT, f"a hold of {press.hold_s:g} s asked, at most {limits.hold_s:g} allowed"
        press_s = press.ramp_s * SLOWEST_RAMP + press.hold_s + SPARE_S
        if press_s > limits.press_s:
            return Refusal.OVER_LIMIT, f"a press of {press_s:g} s asked, at most {limits.press_s:g} allowed"
        if self._arbiter.latched is not None:
            return Refusal.FAULT, f"{self._arbiter.latched}: {FAULTS[self._arbiter.latched].english}"
        if self._control.phase != "idle":
            return Refusal.BUSY, "a press is going on"
        if not self._timely(now_ns, press.sent_ns):
            return Refusal.TOO_LATE, "the command was held up on its way"
        if self._arbiter.too_often(now_ns):
            return Refusal.TOO_OFTEN, f"at most {limits.presses_per_minute} presses a minute"
        if not self._watch.at_rest:
            reads = "nothing" if self._last is None else f"{self._last.kpa:.1f} kPa"
            return Refusal.NOT_READY, f"the vented sensor reads {reads}, not 0 kPa"
        return None

    def _renew(self, now_ns: int, peer: int, renew: Renew) -> None:
        order = self._control.order
        if peer != self._owner or order is None or order.lease != renew.lease:
            # Renewals that cross the end of a press on their way are no mistake.
            return
        if self._timely(now_ns, renew.sent_ns) and self._control.phase in ("ramp", "hold"):
            self._arbiter.renew(now_ns, renew.sent_ns)

    def _fresh(self, now_ns: int) -> bool:
        return self._last is not None and now_ns - self._last.t_ns < STALE_S * 1e9

    def _timely(self, now_ns: int, sent_ns: int) -> bool:
        return 0 <= now_ns - sent_ns < self._limits.lease_s * 1e9

    def _clear(self, now_ns: int, peer: int) -> None:
        code = self._arbiter.latched
        if code is None:
            return
        if FAULTS[code].clear != "command":
            why = f"{code}: only a repair and a restart clear it"
        elif self._control.phase != "idle" or self._watch.well_for_s(now_ns) < CLEAR_WELL_S:
            why = f"{code}: the probe has to be vented and its sensor sane first"
        else:
            self._arbiter.clear()
            self.outbox.append((None, FaultCleared(t_boot_ns=now_ns, code=code)))
            return
        self.outbox.append((peer, Refused(command="clear_fault", why=Refusal.NOT_CLEARABLE, sentence=why)))

    def _status(self, now_ns: int) -> Status:
        return Status(
            t_boot_ns=now_ns,
            device=self._config.name,
            simulated=self._simulated,
            config_sha256=self._config_sha256,
            phase=self._control.phase,
            pressure_kpa=self._last.kpa if self._fresh(now_ns) and self._last is not None else None,
            fault=self._arbiter.latched,
            lease_s=self._limits.lease_s,
            pressure_limit_kpa=self._limits.pressure_kpa,
            hold_limit_s=self._limits.hold_s,
            samples=self._count,
            worst_gap_ms=self._worst_gap_ns / 1e6,
        )
