"""The bill of materials: parts by their kind, and what is asked of each. No shop knows better than the data sheet."""

from firmware_config.device import TRIP_FACTOR, DeviceConfig
from firmware_config.sensors import SENSORS, Sensor
from refill.hardware_pneumatic import RELIEF_KPA

SEES_BEYOND = 1.05
"""A sensor has to reach this many times the pressure at which the probe vents; the device file's rule says the same."""


def rows(device: DeviceConfig) -> list[tuple[str, str, str]]:
    """Return part, kind in the device file, what is asked of it."""
    return [*_computer(), *_pneumatic(device), *_electronics(), *_panel(), *_other()]


def as_markdown(device: DeviceConfig) -> str:
    """Return the table for the page."""
    table = [("part", "in the device file", "what is asked of it"), ("---",) * 3, *rows(device)]
    return "\n".join(f"| {' | '.join(row)} |" for row in table)


def _computer() -> list[tuple[str, str, str]]:
    cameras = [
        (
            sensor.module,
            f'`camera.sensor = "{name}"`',
            _camera(sensor),
        )
        for name, sensor in SENSORS.items()
    ]
    return [
        ("Raspberry Pi 4 or 5", "-", "64-bit system; the supply that its maker names"),
        ("card or disk", "`storage.journal_folder`", "a partition of its own for the data, better a disk of its own"),
        (
            "clock with a battery",
            "-",
            "Pi 4: a module on I2C (the Pi 5 has one and wants the cell). A wrong clock blocks nothing",
        ),
        *cameras,
        (
            "lamp",
            "`pins.light`, where it is switched",
            "white, steady: direct current, no PWM that a frame could see; polarised light lessens glare",
        ),
    ]


def _camera(sensor: Sensor) -> str:
    modes = ", ".join(f"{mode.width}x{mode.height} to {mode.largest_fps:.0f} fps" for mode in sensor.modes[:2])
    lens = "lens that moves, held still" if sensor.lens_moves else "fixed lens"
    return f"{modes}; {lens}, {'global' if sensor.global_shutter else 'rolling'} shutter"


def _pneumatic(device: DeviceConfig) -> list[tuple[str, str, str]]:
    limit_kpa = device.press_limits.pressure_kpa
    return [
        (
            "vent valve",
            "`pins.vent_valve`",
            "2/2, **normally open**; quick and wide: the simulation presumes 4 ms, and a way of 1.0 mm",
        ),
        (
            "pump",
            "`pins.pump`",
            "membrane; stalls above the limit, the less above it the better; simulation: 12 ml/s, with a damper",
        ),
        (
            "relief valve",
            "-",
            f"mechanical; {RELIEF_KPA[0]:g} to {RELIEF_KPA[1]:g} kPa, wide enough for the pump; no skin without it",
        ),
        (
            "pressure sensor, analogue",
            '`pressure_sensor.kind = "mcp3008"`',
            _analogue(limit_kpa),
        ),
        (
            "converter for it",
            '`pressure_sensor.kind = "mcp3008"`',
            "MCP3008 at 3.3 V on SPI, divider of 1 % resistors in front of it: 5 V never reach it",
        ),
        (
            "pressure sensor, digital",
            '`pressure_sensor.kind = "mprls"`',
            "Honeywell MPR on I2C, gauge, 25 psi (172 kPa), at 3.3 V, pull-ups on its board",
        ),
        ("tubes", "-", "short and stiff: the air in them, and what their walls give, makes the release slow"),
        (
            "probe head",
            "`probe.plate_area_mm2`",
            "window plate, chamber and clear cover as below; what touches skin is wiped with alcohol",
        ),
    ]


def _analogue(limit_kpa: float) -> str:
    reach_kpa = SEES_BEYOND * TRIP_FACTOR * limit_kpa
    half = int(50.0 / (SEES_BEYOND * TRIP_FACTOR))
    return (
        f"gauge, ratiometric at 5 V: MPX5100 (100 kPa); for a limit of {limit_kpa:g} kPa, {reach_kpa:.1f} or more. "
        f"MPX5050 (50 kPa) only with `press_limits.pressure_kpa` of {half} or less"
    )


def _electronics() -> list[tuple[str, str, str]]:
    return [
        (
            "2 n-MOSFETs",
            "`pins.pump_active_high`, `pins.vent_valve_active_high`",
            "logic level: fully on at 3.3 V; twice the current that pump and valve take when they start",
        ),
        ("2 diodes", "-", "across pump and valve coil; a fast one for the pump's PWM"),
        (
            "2 resistors 10 kΩ",
            "-",
            "gate to ground (to 3.3 V where a line is active low): **boot and a killed process are safe by them**",
        ),
        ("2 resistors 100 Ω", "-", "in front of the gates"),
        ("PWM of the pump", '`pump_pwm.kind = "software"`', "any line, 100 Hz, whole per cent"),
        (
            "PWM of the pump",
            '`pump_pwm.kind = "hardware"`',
            "GPIO 12, 13, 18 or 19; runs on when the probe is killed, until the outputs are put off",
        ),
        ("supply of pump and valve", "-", "of its own, ground in common; through the plug that a hand can pull"),
    ]


def _panel() -> list[tuple[str, str, str]]:
    return [
        ("push button", "`pins.button`", "to ground; large enough for gloves; can be wiped"),
        ("LED with 220 Ω", "`pins.status_light`", "some 6 mA; where the camera cannot see it"),
        ("buzzer, passive", '`panel.buzzer = "passive"`', "piezo disc with 100 Ω"),
        ("buzzer, active", '`panel.buzzer = "active"`', "with a transistor, 1 kΩ, 10 kΩ to ground"),
        ("display", "`screen`", "7 inch, touch; or a tablet over the network, with TLS and PINs"),
    ]


def _other() -> list[tuple[str, str, str]]:
    return [
        ("thermometer", '`temperature_sensor.kind = "ds18b20"`', "DS18B20 with 4.7 kΩ to 3.3 V; need not be there"),
        (
            "for commissioning",
            "-",
            "reference manometer to 100 kPa on a T-piece, a plug in place of the finger, a multimeter",
        ),
    ]
