"""One control step: read, look for faults, decide, drive. Also what commands do. No threads and no sockets here.

Everything here runs on the control thread; commands arrive through an inbox, so there is nothing to lock between a
press and the step that carries it out.
"""

import math
from collections import deque

from device.probe import refusals
from device.probe.control import Controller, Order
from device.probe.faults import FAULTS, FaultCode
from device.probe.gate import Gate
from device.probe.inbox import Gone, Inbox
from device.probe.injection import Injection
from device.probe.latch import Memory
from device.probe.messages import (
    AskStatus,
    ClearFault,
    Clock,
    Command,
    CommandKind,
    Event,
    FaultCleared,
    FaultRaised,
    Inject,
    Injected,
    Phase,
    Press,
    Refusal,
    Refused,
    Release,
    Renew,
    State,
    Status,
)
from device.probe.ports import HardwareError, OutputPort, Sample, SensorPort, Thermometer
from device.probe.refusals import CLEAR_WELL_S, SPARE_S
from device.probe.safety import RELEASED, STALL_S, Arbiter, Limits
from device.probe.watch import STALE_S, ZERO_KPA, Doing, Watch
from firmware_config.device import DeviceConfig
from firmware_config.loading import content_sha256


class Engine:
    """The probe without its threads: `submit` commands, `tick` at the sensor's rate, take `outbox` and `samples`."""

    def __init__(
        self,
        config: DeviceConfig,
        sensor: SensorPort,
        outputs: OutputPort,
        clock: Clock,
        *,
        simulated: bool,
        memory: Memory | None = None,
        thermometer: Thermometer | None = None,
    ) -> None:
        """`memory` is what an earlier process left behind."""
        now_ns = clock()
        self._config = config
        self._config_sha256 = content_sha256(config)
        self._simulated = simulated
        self._clock = clock
        self._started_ns = now_ns
        self._sensor = sensor
        self._thermometer = thermometer
        self._limits = Limits.of(config)
        memory = memory or Memory()
        self._arbiter = Arbiter(self._limits, memory.latched, memory.presses_ns, injected=memory.injected)
        self._watch = Watch(self._limits, now_ns, config.probe.pump_start_duty)
        self._control = Controller(config.probe.pump_start_duty)
        self._injection = Injection()
        self._inbox = Inbox()
        self._owner: int | None = None
        self._told: tuple[str, str | None] = ("idle", None)
        self._faulty = False
        self._told_faults: set[FaultCode] = set()
        self._last: Sample | None = None
        self._count = 0
        self._worst_gap_ns = 0
        self.gate = Gate(outputs, self._arbiter, now_ns)
        self.outbox: deque[tuple[int | None, Event]] = deque(maxlen=4096)
        """What to tell, and whom: a connection's number, or None for everybody."""
        self.samples: deque[Sample] = deque(maxlen=4096)
        self.faults_kept = False
        """Whether a latched fault outlives this process; whoever keeps it says so here."""

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
        return self._inbox.put(peer, command)

    @property
    def latched(self) -> FaultCode | None:
        """The latched fault; any thread."""
        return self._arbiter.latched

    @property
    def injected(self) -> bool:
        """Whether only a raised reading showed the latched fault; any thread."""
        return self._arbiter.injected

    @property
    def presses_ns(self) -> tuple[int, ...]:
        """When the last presses were granted; any thread."""
        return self._arbiter.presses_ns

    def tick(self) -> None:
        """Do one control step."""
        sample = self._sensor.read()
        now_ns = self._clock()
        gap_ns = now_ns - self.gate.beat_ns if self._count else 0
        self._worst_gap_ns = max(self._worst_gap_ns, gap_ns)
        self.gate.beat_ns = now_ns
        doing = self._doing()
        while self.gate.guarded:
            self._fail(now_ns, self.gate.guarded.popleft())
        if gap_ns > STALL_S * 1e9 and doing.phase != "idle":
            # The guard sees it only while the valve is closed; a release that nobody watched counts as well.
            self._fail(now_ns, FaultCode.CONTROL_STALLED)
        fault = self._watch.step(now_ns, sample, doing) or self._arbiter.overdue(now_ns)
        if fault is not None:
            self._fail(now_ns, fault)
        elif (raised := self._injection.step(now_ns, sample, doing)) is not None:
            self._fail(now_ns, raised, injected=True)
        elif self._watch.well_for_s(now_ns) > CLEAR_WELL_S:
            self._told_faults.clear()
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
        self._inbox.put(0, Release())
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
            hold_s=order.hold_s if order else 0.0,
            ramp_limit_s=self._limits.press_s - order.hold_s - SPARE_S if order else 0.0,
            hold_kpa=control.level_kpa,
        )

    def _fail(self, now_ns: int, code: FaultCode, *, injected: bool = False) -> None:
        """Vent first, tell after: a press's first, up to its full release; one at rest; a graver one that latches."""
        already, by_injection = self._arbiter.latched, self._arbiter.injected
        self._arbiter.trip(code, injected=injected)
        try:
            self.gate.vent()
        except HardwareError:
            self._arbiter.trip(FaultCode.OUTPUT_FAILED)
            code, injected = FaultCode.OUTPUT_FAILED, False
        first = self._control.fail(now_ns, code)
        self._faulty = self._faulty or first
        self._owner = None
        if self._control.phase == "idle":
            first = already is None and code not in self._told_faults
        self._told_faults.add(code)
        if first or (self._arbiter.latched, self._arbiter.injected) != (already, by_injection):
            lease = self._control.order.lease if self._control.order else None
            latched = FAULTS[code].latched
            told = FaultRaised(t_boot_ns=now_ns, code=code, latched=latched, lease=lease, injected=injected)
            self.outbox.append((None, told))

    def _drive(self, now_ns: int, sample: Sample | None) -> None:
        # One missing sample keeps the last outputs and value; the watch calls the sensor stale soon after.
        wanted = self.gate.now
        if sample is not None:
            wanted = self._control.step(now_ns, sample.t_ns, sample.kpa)
        if self._control.phase not in ("ramp", "hold"):
            self._arbiter.end()
            self._injection.end()
            wanted = RELEASED
        judged = None if self._last is None else self._injection.raised(self._last)
        try:
            self.gate.write(self._clock(), wanted, None if judged is None else judged.kpa)
        except HardwareError:
            self._fail(now_ns, FaultCode.OUTPUT_FAILED)

    def _tell(self, now_ns: int) -> None:
        order = self._control.order
        self._tell_phase(now_ns, order.lease if order else None)
        # Not told before the pressure is gone, or somebody has said why it is not: a fault until then belongs to it.
        watching = self._control.phase == "release" and not (self._watch.vented or self._faulty)
        released = None if watching else self._control.finished(now_ns)
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
        for peer, command in self._inbox.take():
            if isinstance(command, Gone):
                # Once vented there is no lease to lose: an owner that leaves during the release has ended nothing.
                if peer == self._owner and self._control.phase in ("ramp", "hold"):
                    self._fail(now_ns, FaultCode.LEASE_LOST)
            elif isinstance(command, AskStatus):
                self.outbox.append((peer, self._status(now_ns)))
            elif isinstance(command, Press):
                self._press(now_ns, peer, command)
            elif isinstance(command, Renew):
                self._renew(now_ns, peer, command)
            elif isinstance(command, ClearFault):
                self._clear(now_ns, peer, command)
            elif isinstance(command, Inject):
                self._inject(now_ns, peer, command)
            else:
                self._control.release(now_ns, "asked")

    def _press(self, now_ns: int, peer: int, press: Press) -> None:
        why = refusals.of_press(self._moment(now_ns), press)
        if why is None and not self._arbiter.grant(now_ns, press.sent_ns, press.target_kpa):
            why = (Refusal.NOT_READY, "the probe is ending, or has just tripped")
        if why is not None:
            self._refuse(peer, "press", why)
            return
        self._owner = peer
        self._faulty = False
        self._control.start(now_ns, Order(press.lease, press.target_kpa, press.ramp_s, press.hold_s, press.still_s))

    def _renew(self, now_ns: int, peer: int, renew: Renew) -> None:
        if self._control.order is None or self._control.phase not in ("ramp", "hold"):
            # Renewals that cross the end of a press on their way are no mistake.
            return
        moment = self._moment(now_ns)
        if not moment.is_its(peer, renew.lease):
            self._refuse(peer, "renew", (Refusal.NOT_OWNER, "the press that is on is another's"))
        elif moment.timely(renew.sent_ns):
            self._arbiter.renew(now_ns, renew.sent_ns)

    def _inject(self, now_ns: int, peer: int, inject: Inject) -> None:
        why = refusals.of_inject(self._moment(now_ns), peer, inject)
        if why is not None:
            self._refuse(peer, "inject", why)
            return
        self._injection.begin(now_ns, inject.kpa_per_s, self._watch)
        self.outbox.append((None, Injected(t_boot_ns=now_ns, kpa_per_s=inject.kpa_per_s, lease=inject.lease)))

    def _clear(self, now_ns: int, peer: int, command: ClearFault) -> None:
        code = self._arbiter.latched
        if code is None:
            return
        why = refusals.of_clear(self._moment(now_ns), code, command)
        if why is not None:
            self._refuse(peer, "clear_fault", why)
            return
        self._arbiter.clear()
        self.outbox.append((None, FaultCleared(t_boot_ns=now_ns, code=code, operator=command.operator)))

    def _refuse(self, peer: int, command: CommandKind, why: refusals.Why) -> None:
        self.outbox.append((peer, Refused(command=command, why=why[0], sentence=why[1])))

    def _moment(self, now_ns: int) -> refusals.Moment:
        return refusals.Moment(
            now_ns=now_ns,
            limits=self._limits,
            phase=self._control.phase,
            order=self._control.order,
            owner=self._owner,
            latched=self._arbiter.latched,
            too_often=self._arbiter.too_often(now_ns),
            at_rest=self._watch.at_rest,
            well_for_s=self._watch.well_for_s(now_ns),
            last_kpa=None if self._last is None else self._last.kpa,
            injecting=self._injection.on,
        )

    def _fresh(self, now_ns: int) -> bool:
        return self._last is not None and now_ns - self._last.t_ns < STALE_S * 1e9

    def _status(self, now_ns: int) -> Status:
        last = self._last if self._fresh(now_ns) else None
        return Status(
            t_boot_ns=now_ns,
            device=self._config.name,
            simulated=self._simulated,
            config_sha256=self._config_sha256,
            phase=self._control.phase,
            pressure_kpa=last.kpa if last is not None and math.isfinite(last.kpa) else None,
            fault=self._arbiter.latched,
            fault_injected=self._arbiter.injected,
            faults_kept=self.faults_kept,
            lease_s=self._limits.lease_s,
            pressure_limit_kpa=self._limits.pressure_kpa,
            hold_limit_s=self._limits.hold_s,
            samples=self._count,
            worst_gap_ms=self._worst_gap_ns / 1e6,
            uptime_s=(now_ns - self._started_ns) / 1e9,
            temperature_c=self._thermometer.celsius() if self._thermometer is not None else None,
        )
