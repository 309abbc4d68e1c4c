"""What can break on the probe, to be broken at any moment: sensor and tube, seal, vent, pump, the lines to them.

`Faults` of `phantom.hydraulics` are the simple ones. Here stand those that need a model of their own, and the table
`INJECTIONS` of all, each with its words and the action that breaks it. What is broken stays broken, unless `for_s` says
for how long it lasts; the link and the control loop are not the phantom's, so breaking those is the caller's.
"""

import errno
import os
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal

from gpiozero.pins.mock import MockPin

from firmware_config.device import DeviceConfig
from phantom.hydraulics import Hydraulics
from phantom.pins import ActuatorPin, SimulatedPinFactory

Line = Literal["pump", "vent_valve"]


@dataclass
class BreakableHydraulics(Hydraulics):
    """The model with a sensor that may lie, a vent that may clog, and a hand that may press on the chamber."""

    gain: float = 1.0
    """What the sensor makes of the pressure."""
    offset_kpa: float = 0.0
    pinched: bool = False
    """The sensor's tube is shut: it keeps what was in it."""
    coil_dead: bool = False
    """The vent valve has dropped open and does not close any more."""

    def __post_init__(self) -> None:
        """Start as the whole one does."""
        super().__post_init__()
        self._in_tube_kpa: float | None = None
        self._squeeze_kpa_per_s = 0.0
        self._squeeze_s = 0.0

    @property
    def felt_kpa(self) -> float:
        """What a sensor without noise and without a fault would give now."""
        with self._lock:
            self.advance()
            return self._sensor_kpa

    def sensed_kpa(self) -> float:
        """Return what the sensor gives, as the model does, through whatever is wrong with it."""
        with self._lock:
            felt_kpa = self.felt_kpa
            noise_kpa = super().sensed_kpa() - felt_kpa
            if not self.pinched:
                self._in_tube_kpa = None
            elif self._in_tube_kpa is None:
                self._in_tube_kpa = felt_kpa
            reaches_kpa = felt_kpa if self._in_tube_kpa is None else self._in_tube_kpa
            return self.gain * reaches_kpa + self.offset_kpa + noise_kpa

    def set_valve(self, closed: bool) -> None:
        """Energise or drop the valve; a dead coil does neither."""
        super().set_valve(closed and not self.coil_dead)

    def drop_open(self) -> None:
        """Let the valve's coil die."""
        with self._lock:
            self.coil_dead = True
            super().set_valve(closed=False)

    def clog(self, share: float) -> None:
        """Leave only this share of the vent's opening."""
        with self._lock:
            self.advance()
            self._vent *= share

    def squeeze(self, kpa: float, for_s: float) -> None:
        """Press on the chamber from outside, within `for_s`; with the vent open the air just leaves."""
        with self._lock:
            self.advance()
            self._squeeze_kpa_per_s, self._squeeze_s = kpa / for_s, for_s

    def _step(self, step_ns: int) -> None:
        pressed_s = min(max(step_ns, 0) / 1e9, self._squeeze_s)
        self._squeeze_s -= pressed_s
        if self._seat_closed:
            self._kpa += self._squeeze_kpa_per_s * pressed_s
        super()._step(step_ns)


class BreakablePin(ActuatorPin):
    """An output line that may stop to obey; every write to it then fails and changes nothing."""

    def __init__(self, *arguments: Any, obeys: Callable[[], bool], **named: Any) -> None:
        self._obeys = obeys
        super().__init__(*arguments, **named)

    def _change_state(self, value: float) -> bool:
        if not self._obeys():
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return super()._change_state(value)


class BreakablePins(SimulatedPinFactory):
    """The simulated board with lines that may stop to obey."""

    def __init__(self, hydraulics: Hydraulics, config: DeviceConfig) -> None:
        self._names: dict[int, Line] = {config.pins.pump: "pump", config.pins.vent_valve: "vent_valve"}
        self.broken: set[Line] = set()
        self.refused_ns: int | None = None
        """When a write first failed."""
        super().__init__(hydraulics, config.pins, config.pressure_sensor, config.pump_pwm, config.temperature_sensor)

    def pin(self, name: Any, pin_class: type[MockPin] | None = None, **named: Any) -> MockPin:
        """Return the pin; pump's and valve's may break."""
        wired = self._wired.get(name) if isinstance(name, int) else None
        if wired is None:
            return super().pin(name, pin_class=pin_class, **named)
        return super(SimulatedPinFactory, self).pin(
            name, pin_class=BreakablePin, switch=wired[0], active_high=wired[1], obeys=lambda: self._obeys(name)
        )

    def _obeys(self, name: int) -> bool:
        if self._names[name] not in self.broken:
            return True
        if self.refused_ns is None:
            self.refused_ns = self.hydraulics.clock()
        return False


@dataclass(frozen=True)
class Probe:
    """What there is to break."""

    hydraulics: BreakableHydraulics
    pins: BreakablePins


Break = Callable[[Probe, random.Random], Callable[[], None] | None]
"""Breaks something, its size drawn from the generator; returns what mends it, where that can be."""


@dataclass(frozen=True)
class Injection:
    """One way for the probe to break."""

    what: str
    breaks: Break | None
    """None: not the phantom's to break."""
    for_s: tuple[float, float] | None = None
    """It lasts so long, evenly drawn in its logarithm; None: for good."""


def _sensor(kind: Literal["stale", "stuck", "clipped_low", "clipped_high", "jumps"]) -> Break:
    def broken(probe: Probe, _: random.Random) -> Callable[[], None]:
        probe.hydraulics.faults.sensor = kind
        return lambda: setattr(probe.hydraulics.faults, "sensor", "none")

    return broken


def _set(name: str, low: float, high: float) -> Break:
    """Set a figure of the model, evenly drawn."""

    def broken(probe: Probe, rng: random.Random) -> None:
        setattr(probe.hydraulics, name, rng.uniform(low, high))

    return broken


def _fault(name: str, low: float = 0.0, high: float = 0.0) -> Break:
    """Set one of `Faults`: to a size drawn evenly in its logarithm, or to true."""

    def broken(probe: Probe, rng: random.Random) -> None:
        size = low * (high / low) ** rng.random() if low > 0 else True
        setattr(probe.hydraulics.faults, name, size)

    return broken


def _lines(*lines: Line) -> Break:
    def broken(probe: Probe, _: random.Random) -> Callable[[], None]:
        probe.pins.broken.update(lines)
        return probe.pins.broken.clear

    return broken


def _clog(probe: Probe, rng: random.Random) -> None:
    probe.hydraulics.clog(0.02 * (0.5 / 0.02) ** rng.random())


def _squeeze(probe: Probe, rng: random.Random) -> None:
    probe.hydraulics.squeeze(rng.uniform(10.0, 40.0), 0.01 * (0.3 / 0.01) ** rng.random())


def _pinch(probe: Probe, _: random.Random) -> None:
    probe.hydraulics.pinched = True


def _drop_open(probe: Probe, _: random.Random) -> None:
    probe.hydraulics.drop_open()


INJECTIONS: Final[dict[str, Injection]] = {
    "sensor_silent": Injection("the converter does not answer any more", _sensor("stale")),
    "sensor_hiccup": Injection("the converter does not answer for 0.02 to 1 s", _sensor("stale"), for_s=(0.02, 1.0)),
    "sensor_stuck": Injection("the value read does not move any more", _sensor("stuck")),
    "sensor_low_end": Injection("the sensor's line is at ground", _sensor("clipped_low")),
    "sensor_high_end": Injection("the sensor's line is at the supply", _sensor("clipped_high")),
    "sensor_jumps": Injection("every other value is 43 kPa too high", _sensor("jumps")),
    "sensor_jump_up": Injection("the sensor reads 16 to 30 kPa too much", _set("offset_kpa", 16.0, 30.0)),
    "sensor_jump_down": Injection("the sensor reads 11 to 30 kPa too little", _set("offset_kpa", -30.0, -11.0)),
    "leak": Injection("a leak of 0.03 to 3 ml/s for each kPa", _fault("extra_leak_ml_s_per_kpa", 0.03, 3.0)),
    "seal_lost": Injection(
        "the finger is out: a leak of 5 to 50 ml/s for each kPa", _fault("extra_leak_ml_s_per_kpa", 5, 50)
    ),
    "vent_blocked": Injection("the vent lets nothing out", _fault("blocked_vent")),
    "vent_slow": Injection("2 to 50 % of the vent's opening are left", _clog),
    "valve_open": Injection("the valve drops open and does not close again", _drop_open),
    "valve_line_dead": Injection("writes to the valve's line fail", _lines("vent_valve")),
    "pump_line_dead": Injection("writes to the pump's line fail", _lines("pump")),
    "lines_hiccup": Injection(
        "writes to both lines fail for 0.02 to 0.4 s", _lines("vent_valve", "pump"), for_s=(0.02, 0.4)
    ),
    "pump_dead": Injection("the pump does not turn", _fault("pump_dead")),
    "pump_runs_on": Injection("the pump runs at full speed whatever it is told", _fault("pump_stuck_on")),
    "squeezed": Injection("a hand closes on the chamber: 10 to 40 kPa more within 0.01 to 0.3 s", _squeeze),
    "owner_silent": Injection("the measuring process renews no more, or not for 0.1 to 3 s", None, for_s=(0.1, 3.0)),
    "owner_gone": Injection("the measuring process's connection ends", None),
    "control_stalled": Injection("the control loop does not run for 0.03 to 2 s", None, for_s=(0.03, 2.0)),
}
"""What a probe has to find by itself."""

BEYOND_ONE_SENSOR: Final[dict[str, Injection]] = {
    "sensor_reads_low": Injection("the sensor shows 30 to 80 % of the pressure", _set("gain", 0.3, 0.8)),
    "sensor_reads_high": Injection("the sensor shows 125 to 300 % of the pressure", _set("gain", 1.25, 3.0)),
    "zero_moved_up": Injection("the sensor reads 3 to 8 kPa too much", _set("offset_kpa", 3.0, 8.0)),
    "zero_moved_down": Injection("the sensor reads 3 to 8 kPa too little", _set("offset_kpa", -8.0, -3.0)),
    "tube_pinched": Injection("the sensor's tube is shut and keeps what was in it", _pinch),
}
"""What one sensor alone cannot always know."""
