"""What is wired to which pin of the header: a table and a drawing, made from the device file."""

from dataclasses import dataclass

from firmware_config.device import DeviceConfig
from firmware_config.hardware import I2C_LINES, HardwarePwm, MprlsSensor
from refill.svg import AIR, FAINT, INK, LIVE, PAPER, Drawing

HEADER: dict[int, int] = {
    2: 3, 3: 5, 4: 7, 17: 11, 27: 13, 22: 15, 10: 19, 9: 21, 11: 23, 5: 29, 6: 31, 13: 33, 19: 35, 26: 37,
    14: 8, 15: 10, 18: 12, 23: 16, 24: 18, 25: 22, 8: 24, 7: 26, 12: 32, 16: 36, 20: 38, 21: 40,
}  # fmt: skip
"""The pin of the 40-pin header for each GPIO line (Raspberry Pi documentation, GPIO and the 40-pin header)."""
POWER: dict[int, str] = {1: "3.3 V", 17: "3.3 V", 2: "5 V", 4: "5 V"}
GROUND: frozenset[int] = frozenset({6, 9, 14, 20, 25, 30, 34, 39})
_OFF_BY_A_PULL = "10 kΩ to {} at the gate"


@dataclass(frozen=True)
class Wire:
    """One line of the header: where its number comes from, what it goes to, and what it is while nobody drives it."""

    key: str
    gpio: int
    part: str
    to: str
    at_rest: str

    @property
    def pin(self) -> int:
        """Its pin of the header."""
        return HEADER[self.gpio]


def wires(device: DeviceConfig) -> list[Wire]:
    """Return every line in use, by pin of the header."""
    pins = device.pins
    pwm = ", PWM by the chip" if isinstance(device.pump_pwm, HardwarePwm) else ", PWM"
    found = [
        Wire("pins.pump", pins.pump, "pump", f"gate of its transistor{pwm}", _pull(pins.pump_active_high)),
        Wire(
            "pins.vent_valve",
            pins.vent_valve,
            "vent valve",
            "gate of its transistor; energised = closed",
            _pull(pins.vent_valve_active_high),
        ),
        Wire("pins.button", pins.button, "button", "to ground when pushed", "the chip's pull-up, or 4.7 kΩ to 3.3 V"),
        Wire("pins.status_light", pins.status_light, "status light", "220 Ω and LED to ground", "dark"),
        Wire("pins.buzzer", pins.buzzer, "buzzer", _buzzer(device), "silent"),
        *_sensor(device),
    ]
    if pins.light is not None:
        found.append(Wire("pins.light", pins.light, "light", "gate of its transistor", _pull(active_high=False)))
    if device.temperature_sensor is not None:
        gpio = device.temperature_sensor.gpio
        found.append(Wire("temperature_sensor.gpio", gpio, "thermometer", "data", "4.7 kΩ to 3.3 V"))
    return sorted(found, key=lambda wire: wire.pin)


def _pull(active_high: bool) -> str:
    return _OFF_BY_A_PULL.format("ground" if active_high else "3.3 V")


def _buzzer(device: DeviceConfig) -> str:
    return (
        "100 Ω and piezo disc to ground"
        if device.panel.buzzer == "passive"
        else "1 kΩ to a transistor; 10 kΩ to ground"
    )


def _sensor(device: DeviceConfig) -> list[Wire]:
    sensor = device.pressure_sensor
    if isinstance(sensor, MprlsSensor):
        lines = sorted(I2C_LINES.get(sensor.bus, ()))
        names = ("SDA", "SCL")
        return [
            Wire(f"pressure_sensor.bus = {sensor.bus}", gpio, "pressure sensor", name, "pull-up of the bus")
            for gpio, name in zip(lines, names, strict=False)
        ]
    key = "pressure_sensor.kind = mcp3008"
    rows = ((11, "CLK"), (9, "DOUT"), (10, "DIN"), (8, "CS"))
    return [Wire(key, gpio, "converter", f"{name} of the MCP3008", "-") for gpio, name in rows]


def as_markdown(device: DeviceConfig) -> str:
    """Return the table of the wires."""
    head = ("header pin", "GPIO", "part", "goes to", "while nobody drives it", "set by")
    rows = [
        (str(wire.pin), str(wire.gpio), wire.part, wire.to, wire.at_rest, f"`{wire.key}`") for wire in wires(device)
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ("---",) * len(head), *rows))


ROW, TOP = 26, 90
LEFT, RIGHT = 470, 500


def drawing(device: DeviceConfig) -> str:
    """Return the header with what each of its pins goes to, and beneath it how a transistor is wired, as SVG."""
    picture = Drawing(970, 880, "Wiring of the header")
    picture.words(
        (485, 30), "40-pin header, seen from above; pin 1 is at the board's corner", anchor="middle", bold=True
    )
    picture.words(
        (485, 54), f"as in the device file of {device.name}; bold: GPIO, small: pin of the header", anchor="middle"
    )
    picture.box((LEFT - 18, TOP - 18), (RIGHT - LEFT + 36, 20 * ROW + 10), fill=AIR)
    used = {wire.pin: wire for wire in wires(device)}
    for pin in range(1, 41):
        _pin(picture, pin, used.get(pin))
    _transistor(picture, TOP + 20 * ROW + 40)
    return picture.text


def _pin(picture: Drawing, pin: int, wire: Wire | None) -> None:
    odd = pin % 2 == 1
    x, y = (LEFT if odd else RIGHT), TOP + ROW * ((pin - 1) // 2)
    fill = LIVE if pin in POWER else INK if pin in GROUND else "#f2b632" if wire is not None else PAPER
    away = -1 if odd else 1
    what = POWER.get(pin, "ground" if pin in GROUND else "")
    anchor = "end" if odd else "start"
    if wire is not None:
        end = x + 60 * away
        picture.line([(x, y), (end, y)], width=2)
        picture.box((end - 390 if odd else end, y - 11), (390, 22), fill=FAINT)
        inner = f"{wire.part}: {wire.to}"
        picture.words((end + 8 * away, y), inner, anchor=anchor)
        picture.words((x + 36 * away, y - 8), f"{wire.gpio}", anchor="middle", size=11, bold=True)
    elif what:
        picture.words((x + 34 * away, y), what, anchor=anchor, size=11)
    picture.dot((x, y), 7, fill=fill)
    picture.words((x + 22 * away, y + 8 if wire is not None else y), str(pin), anchor="middle", size=10)


def _transistor(picture: Drawing, top: float) -> None:
    """How pump and valve are switched: the same for both, for a line that switches on by being high."""
    picture.words((40, top + 10), "Pump and vent valve, each (a line that is high switches on):", bold=True)
    gate = top + 110
    picture.words((40, gate), "GPIO line")
    picture.line([(110, gate), (170, gate)])
    picture.box((170, gate - 13), (80, 26), ["100 Ω"], bold_first=False)
    picture.line([(250, gate), (400, gate)])
    picture.dot((320, gate), 3)
    picture.line([(320, gate), (320, gate + 20)])
    picture.box((285, gate + 20), (70, 26), ["10 kΩ"], bold_first=False)
    picture.line([(320, gate + 46), (320, gate + 75)])
    picture.box((400, gate - 30), (150, 60), ["n-MOSFET", "on at 3.3 V"])
    picture.line([(475, gate + 30), (475, gate + 75)])
    picture.line([(290, gate + 75), (560, gate + 75)], width=2.5)
    picture.words((570, gate + 75), "ground, common with the Pi's")
    picture.line([(475, gate - 30), (475, gate - 50), (640, gate - 50), (640, gate - 20)])
    picture.box((585, gate - 20), (110, 46), ["pump or", "valve coil"], bold_first=False)
    picture.line([(640, gate + 26), (640, gate + 40), (850, gate + 40)])
    picture.words((858, gate + 40), "supply of its own", size=12)
    picture.line([(640, gate - 50), (780, gate - 50), (780, gate - 20)])
    picture.box((730, gate - 20), (100, 46), ["diode,", "to supply"], bold_first=False)
    picture.line([(780, gate + 26), (780, gate + 40)])
