"""The one place where simulated hardware is wired in: phantom pins below the probe's real drivers."""

import random
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from device.probe.engine import Engine
from device.probe.hardware import open_outputs, open_pressure_sensor
from device.probe.latch import Memory
from device.probe.messages import Clock, Event, Press, Renew, boot_ns
from device.probe.ports import Sample
from firmware_config.device import DeviceConfig
from phantom.hydraulics import BODIES, Body, Chamber, Faults, Hydraulics
from phantom.pins import SimulatedPinFactory
from phantom.world import PressureWorldWriter

LEASE = "5" * 32
"""Names the press of a `SteppedProbe`."""
_OWNER = 1


class SimulatedProbe:
    """Pins with a hydraulic model behind them, writing its true pressure into the world file where one is named."""

    def __init__(
        self,
        config: DeviceConfig,
        *,
        body: Body = "finger",
        chamber: Chamber | None = None,
        seed: int = 0,
        world: Path | None = None,
        faults: Faults | None = None,
        clock: Clock = boot_ns,
    ) -> None:
        """`chamber` goes before `body`. Raises `WorldError` where the world file cannot be used."""
        self._writer = PressureWorldWriter(world) if world is not None else None
        if self._writer is not None:
            # The drivers claim their lines at rest: what a killed process left on is off from here.
            self._writer.lines(valve_closed=False, duty=0.0)
        self.hydraulics = Hydraulics(
            chamber=chamber or BODIES[body],
            clock=clock,
            seed=seed,
            record=self._writer.write if self._writer is not None else None,
            lines=self._writer.lines if self._writer is not None else None,
            faults=faults or Faults(),
        )
        self.pin_factory = SimulatedPinFactory(
            self.hydraulics, config.pins, config.pressure_sensor, config.pump_pwm, config.temperature_sensor
        )

    def __enter__(self) -> "SimulatedProbe":
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go of the world file."""
        if self._writer is not None:
            self.hydraulics.record = self.hydraulics.lines = None
            self._writer.close()


@dataclass
class SteppedClock:
    """A clock that stands still until it is moved."""

    now_ns: int = 1_000_000_000_000

    def __call__(self) -> int:
        """Return the time it was moved to, in ns."""
        return self.now_ns


@dataclass
class Stepped:
    """What a stepped probe has told and shown so far."""

    events: list[Event] = field(default_factory=list)
    true_kpa: list[tuple[int, float]] = field(default_factory=list)
    """True pressure at every control step."""
    finely_kpa: deque[tuple[int, float]] = field(default_factory=lambda: deque(maxlen=20_000))
    """True pressure as the model moved, about every 2 ms; the last 40 s of it."""
    hold_kpa: list[float] = field(default_factory=list)
    """Sensor samples of the hold phase."""
    samples: deque[Sample] = field(default_factory=lambda: deque(maxlen=4096))
    """Sensor samples of every phase, the last 40 s of them."""


class SteppedProbe:
    """The whole probe on simulated hardware, without threads, at the pace of a stepped clock."""

    def __init__(
        self,
        config: DeviceConfig,
        *,
        body: Body = "finger",
        chamber: Chamber | None = None,
        seed: int = 0,
        faults: Faults | None = None,
        memory: Memory | None = None,
        late: random.Random | None = None,
    ) -> None:
        """`memory` is what an earlier probe process left behind; `late` makes the loop as uneven as Linux does.

        That is 0.4 ms (SD) about its period, and one step in 300 a whole period late, as `benchmarks.probe_loop` finds.
        """
        self.clock = SteppedClock()
        self.simulated = SimulatedProbe(config, body=body, chamber=chamber, seed=seed, faults=faults, clock=self.clock)
        factory = self.simulated.pin_factory
        self._outputs = open_outputs(config, factory)
        self._sensor = open_pressure_sensor(config, factory, self.clock)
        self.engine = Engine(config, self._sensor, self._outputs, self.clock, simulated=True, memory=memory)
        self.seen = Stepped()
        self.simulated.hydraulics.record = lambda t_ns, kpa: self.seen.finely_kpa.append((t_ns, kpa))
        self._period_ns = round(1e9 / config.pressure_sensor.rate_hz)
        self._late = late

    def __enter__(self) -> "SteppedProbe":
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go of the simulated pins."""
        self._outputs.close()
        self._sensor.close()

    @property
    def faults(self) -> Faults:
        """What is broken; change at any time."""
        return self.simulated.hydraulics.faults

    def press(self, target_kpa: float = 40.0, ramp_s: float = 1.0, hold_s: float = 3.0, still_s: float = 0.0) -> None:
        """Ask for a press as its owner, its pump at rest in the hold's last `still_s`."""
        self.engine.submit(
            _OWNER,
            Press(
                lease=LEASE,
                sent_ns=self.clock(),
                target_kpa=target_kpa,
                ramp_s=ramp_s,
                hold_s=hold_s,
                still_s=still_s,
            ),
        )

    def run(self, for_s: float, *, renew: bool = True) -> None:
        """Let time pass, step by step, renewing the lease or falling silent."""
        for _ in range(round(for_s * 1e9 / self._period_ns)):
            self.clock.now_ns += self._next_ns()
            if renew:
                self.engine.submit(_OWNER, Renew(lease=LEASE, sent_ns=self.clock()))
            self.engine.tick()
            self._look()

    def _next_ns(self) -> int:
        late = self._late
        if late is None:
            return self._period_ns
        lost_ns = self._period_ns if late.random() < 1 / 300 else 0
        return max(self._period_ns + lost_ns + round(late.gauss(0.0, 0.4e6)), self._period_ns // 2)

    def _look(self) -> None:
        status_phase = self.engine.phase
        self.seen.true_kpa.append((self.clock(), self.simulated.hydraulics.pressure_kpa()))
        while self.engine.samples:
            sample = self.engine.samples.popleft()
            self.seen.samples.append(sample)
            if status_phase == "hold":
                self.seen.hold_kpa.append(sample.kpa)
        while self.engine.outbox:
            self.seen.events.append(self.engine.outbox.popleft()[1])
