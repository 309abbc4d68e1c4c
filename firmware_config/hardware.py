"""What the machine is wired to: pins, pressure sensor, pump PWM, temperature sensor. Sections of `device.toml`.

Where there is a choice of parts, `kind` names one, and only that part's keys are taken.
"""

from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import Field, Tag, model_validator

from firmware_config.loading import Section, by_kind
from firmware_config.wrong import refuse

Gpio = Annotated[int, Field(ge=2, le=27)]
Volts = Annotated[float, Field(gt=0, le=5)]

SPI_PINS: frozenset[int] = frozenset({7, 8, 9, 10, 11})
I2C_LINES: dict[int, frozenset[int]] = {
    1: frozenset({2, 3}),
    2: frozenset({4, 5}),
    5: frozenset({12, 13}),
    6: frozenset({22, 23}),
}
"""GPIO lines of an I2C bus, where there is one answer: bus 2 is the Pi 5's, 5 and 6 the Pi 4's; bus 3 has 4 and 5 on a
Pi 4 and 6 and 7 on a Pi 5, and bus 4 the SPI lines 8 and 9 (Raspberry Pi's overlays README, i2c2-pi5, i2c3 to i2c6)."""
PWM_CHANNELS: dict[int, frozenset[int]] = {
    12: frozenset({0}),
    13: frozenset({1}),
    18: frozenset({0, 2}),
    19: frozenset({1, 3}),
}
"""GPIO lines that can do PWM in hardware, with their channel: up to the Pi 4 the lower one, on the Pi 5 the higher."""
HIGHEST_AMBIENT_KPA: float = 104.0
"""What an absolute sensor may read while the probe is vented."""


class Pins(Section):
    """BCM numbers of the GPIO lines. The SPI lines (7 to 11) belong to the pressure sensor's converter."""

    pump: Gpio = Field(12, description="gate of the pump's transistor, PWM; 12, 13, 18 and 19 can do it in hardware")
    pump_active_high: bool = Field(
        True, description="a high line runs the pump; false: a low one does, and its line needs a pull-up"
    )
    vent_valve: Gpio = Field(17, description="gate of the vent valve's transistor; energised = closed")
    vent_valve_active_high: bool = Field(
        True, description="a high line energises the valve; false: a low one does, and needs a pull-up"
    )
    button: Gpio = Field(22, description="push button to ground")
    status_light: Gpio = Field(23, description="LED with its resistor to ground")
    buzzer: Gpio = Field(24, description="passive or active, as panel.buzzer has it")
    light: Gpio | None = Field(
        None,
        description="gate of the own light's transistor, high or pulled up = lit; null: the light is on the supply",
    )

    @property
    def lines(self) -> dict[str, int]:
        """Which line is whose; a part that is not wired has none."""
        return {name: pin for name, pin in self.model_dump().items() if pin is not None and not isinstance(pin, bool)}

    @model_validator(mode="after")
    def _one_line_one_use(self) -> Self:
        taken: dict[int, str] = {}
        wrong: list[str] = []
        for name, pin in self.lines.items():
            if pin in SPI_PINS:
                wrong.append(f"{name}: GPIO {pin} is an SPI line of the pressure sensor")
            elif pin in taken:
                wrong.append(f"{name}: GPIO {pin} is already {taken[pin]}")
            taken.setdefault(pin, name)
        refuse(wrong)
        return self


class CurvePoint(Section):
    """One point of an analogue sensor's curve: its output before the divider, and the pressure that gives it."""

    volts: Volts = Field(description="output of the sensor, before the divider")
    kpa: float = Field(ge=-100, le=500, description="pressure that gives it")


class Mcp3008Sensor(Section):
    """A ratiometric analogue sensor behind a divider, read by an MCP3008. Defaults are those of an MPX5100 at 5 V.

    Its curve is the straight line of `zero_v`, `span_v` and `span_kpa`, or the `points` that take the line's place.
    """

    kind: Literal["mcp3008"] = Field("mcp3008", description="analogue sensor behind an MCP3008 on SPI")
    channel: int = Field(0, ge=0, le=7, description="input of the converter that the sensor is wired to")
    zero_v: Volts = Field(0.2, description="output of the sensor at 0 kPa, before the divider")
    span_v: Volts = Field(4.5, description="rise of the output over span_kpa, before the divider")
    span_kpa: float = Field(100.0, ge=20, le=500, description="pressure at which the output has risen by span_v")
    points: tuple[CurvePoint, ...] | None = Field(
        None, min_length=2, description="measured curve, rising in volts and kPa, in place of the straight line"
    )
    divider: float = Field(0.66, gt=0, le=1, description="share of the sensor's output that reaches the converter")
    reference_v: float = Field(3.3, gt=0, le=5, description="reference of the converter")
    zero_kpa: float = Field(0.0, ge=-5, le=5, description="what the curve gives when vented; from calibration")
    gain: float = Field(
        1.0, ge=0.8, le=1.25, description="by which what is left over the zero is multiplied; from calibration"
    )
    rate_hz: int = Field(100, ge=50, le=250, description="readings a second")

    @model_validator(mode="after")
    def _line_or_points(self) -> Self:
        if self.points is None:
            return self
        # By value, not by what was set: a configuration has to survive being dumped and read again.
        line = ("zero_v", "span_v", "span_kpa")
        unused = [key for key in line if getattr(self, key) != type(self).model_fields[key].default]
        if unused:
            raise ValueError(f"points take the place of {', '.join(unused)}")
        if any(b.volts <= a.volts or b.kpa <= a.kpa for a, b in pairwise(self.points)):
            raise ValueError("points have to rise in volts and in kPa")
        if self.points[0].kpa > 0:
            raise ValueError(f"points begin at {self.points[0].kpa:g} kPa; they have to begin at 0 kPa or below")
        return self

    @model_validator(mode="after")
    def _converter_sees_the_range(self) -> Self:
        volts, kpa = self.curve[-1]
        top_v = volts * self.divider
        if top_v > self.reference_v:
            raise ValueError(f"{kpa:g} kPa gives {top_v:.2f} V, above reference_v = {self.reference_v:g}")
        return self

    @property
    def curve(self) -> tuple[tuple[float, float], ...]:
        """The curve's points as (volts, kPa), rising; two where it is a straight line."""
        if self.points is not None:
            return tuple((point.volts, point.kpa) for point in self.points)
        return (self.zero_v, 0.0), (self.zero_v + self.span_v, self.span_kpa)

    @property
    def reach_kpa(self) -> float:
        """Highest gauge pressure that the sensor can see."""
        return self.curve[-1][1] * self.gain

    def kpa_at(self, volts: float) -> float:
        """Return the gauge pressure at `volts` before the divider; beyond its ends the curve goes straight on."""
        return (_between(volts, self.curve) - self.zero_kpa) * self.gain

    def volts_at(self, kpa: float) -> float:
        """Return the output before the divider at a gauge pressure: the inverse of `kpa_at`."""
        return _between(kpa / self.gain + self.zero_kpa, tuple((there, volts) for volts, there in self.curve))


def _between(x: float, points: tuple[tuple[float, float], ...]) -> float:
    """Return y at `x` on the line through `points`, which rise in both."""
    (x0, y0), (x1, y1) = next((pair for pair in pairwise(points) if x <= pair[1][0]), (points[-2], points[-1]))
    return y0 + (x - x0) / (x1 - x0) * (y1 - y0)


class MprlsSensor(Section):
    """A Honeywell MicroPressure (MPR) digital sensor on I2C. Defaults are those of a 25 psi gauge part."""

    kind: Literal["mprls"] = Field(description="digital sensor on I2C")
    bus: int = Field(1, ge=0, le=15, description="I2C bus; 1 is GPIO 2 and 3")
    address: int = Field(0x18, ge=0x08, le=0x77, description="on the bus; 0x18 as most parts come")
    measures: Literal["gauge", "absolute"] = Field(
        "gauge", description="absolute: what it reads when the probe starts, vented, is taken off"
    )
    low_kpa: float = Field(0.0, ge=-100, le=100, description="pressure at the low end of the part's range")
    high_kpa: float = Field(172.4, ge=20, le=500, description="pressure at the high end; 25 psi is 172.4 kPa")
    transfer: Literal["A", "B", "C"] = Field(
        "A", description="share of 2^24 counts over the range: A 10 to 90 %, B 2.5 to 22.5 %, C 20 to 80 %"
    )
    zero_kpa: float = Field(0.0, ge=-5, le=5, description="what a gauge part gives when vented; from calibration")
    gain: float = Field(
        1.0, ge=0.8, le=1.25, description="by which what is left over the zero is multiplied; from calibration"
    )
    rate_hz: int = Field(100, ge=50, le=150, description="a conversion takes about 5 ms")

    @model_validator(mode="after")
    def _range_in_order(self) -> Self:
        if self.low_kpa >= self.high_kpa:
            raise ValueError(f"low_kpa = {self.low_kpa:g} is not below high_kpa = {self.high_kpa:g}")
        return self

    @property
    def reach_kpa(self) -> float:
        """Highest gauge pressure that the sensor can see, whatever the weather."""
        return (self.high_kpa - (HIGHEST_AMBIENT_KPA if self.measures == "absolute" else 0.0)) * self.gain


PressureSensor = Annotated[
    Annotated[Mcp3008Sensor, Tag("mcp3008")] | Annotated[MprlsSensor, Tag("mprls")], by_kind("mcp3008")
]


class SoftwarePwm(Section):
    """PWM by lgpio's own thread, on any line, in whole per cent."""

    kind: Literal["software"] = Field("software", description="PWM by a thread, on any line")
    frequency_hz: int = Field(100, ge=10, le=1000, description="periods a second")


class HardwarePwm(Section):
    """PWM by the chip, through /sys/class/pwm; needs its overlay in config.txt, and a pump that a high line runs.

    The chip runs on when the probe is killed, until the outputs are put off.
    """

    kind: Literal["hardware"] = Field(description="PWM by the chip")
    chip: int = Field(ge=0, le=15, description="N of /sys/class/pwm/pwmchipN")
    channel: int = Field(
        ge=0,
        le=3,
        description="of GPIO 12, 13, 18, 19: up to the Pi 4 0, 1, 0, 1; on the Pi 5 0, 1, 2, 3",
    )
    frequency_hz: int = Field(1000, ge=10, le=50_000, description="periods a second")


PumpPwm = Annotated[
    Annotated[SoftwarePwm, Tag("software")] | Annotated[HardwarePwm, Tag("hardware")], by_kind("software")
]


class TemperatureSensor(Section):
    """A DS18B20 on the 1-wire bus. It informs; nothing waits for it."""

    kind: Literal["ds18b20"] = Field("ds18b20", description="the only kind")
    id: str = Field(pattern=r"^28-[0-9a-f]{12}$", description="its name in /sys/bus/w1/devices")
    gpio: Gpio = Field(4, description="line of the bus, as dtoverlay=w1-gpio has it")
    measures: Literal["skin", "room"] = Field("skin", description="what it lies on; recorded with each reading")


def wiring_conflicts(
    pins: Pins,
    sensor: Mcp3008Sensor | MprlsSensor,
    pwm: SoftwarePwm | HardwarePwm,
    thermometer: TemperatureSensor | None,
) -> list[str]:
    """Return in a line each, beginning with its key, what cannot be wired like that."""
    whose = {pin: f"pins.{name}" for name, pin in pins.lines.items()}
    wrong: list[str] = []
    if isinstance(sensor, MprlsSensor):
        taken = I2C_LINES.get(sensor.bus, frozenset())
        wrong += [
            f"{whose[pin]}: GPIO {pin} is an I2C line of the pressure sensor" for pin in sorted(taken & set(whose))
        ]
        whose |= dict.fromkeys(taken, "an I2C line of the pressure sensor")
    whose |= dict.fromkeys(SPI_PINS, "an SPI line of the pressure sensor")
    if thermometer is not None and thermometer.gpio in whose:
        wrong.append(f"temperature_sensor.gpio: GPIO {thermometer.gpio} is already {whose[thermometer.gpio]}")
    if isinstance(pwm, HardwarePwm):
        wrong += _pwm_conflicts(pins, pwm)
    return wrong


def _pwm_conflicts(pins: Pins, pwm: HardwarePwm) -> list[str]:
    wrong: list[str] = []
    if not pins.pump_active_high:
        # A channel that is not enabled, as from boot on, is low: the pump would run until the probe comes up.
        wrong.append("pump_pwm.kind: the chip's PWM is low while it is off, so pins.pump_active_high has to be true")
    channels = PWM_CHANNELS.get(pins.pump)
    if channels is None:
        wrong.append(f"pump_pwm.kind: GPIO {pins.pump} of pins.pump has no PWM in hardware; 12, 13, 18 and 19 have")
    elif pwm.channel not in channels:
        fitting = " or ".join(map(str, sorted(channels)))
        wrong.append(f"pump_pwm.channel: GPIO {pins.pump} of pins.pump is channel {fitting}, not {pwm.channel}")
    return wrong
