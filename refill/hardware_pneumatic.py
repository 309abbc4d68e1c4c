"""The way of the air: a drawing, and what is safe when which part or wire fails, each with the test that shows it."""

import math
from dataclasses import dataclass

from firmware_config.device import TRIP_FACTOR, DeviceConfig
from firmware_config.protocol import CEILING_KPA
from phantom.chamber import Chamber
from refill.svg import AIR, PAPER, SKIN, Drawing

RELIEF_KPA: tuple[float, float] = (CEILING_KPA * TRIP_FACTOR, 80.0)
"""The relief valve opens above the pressure at which the probe vents by itself, and below the second."""
FAULTS = "tests/probe/test_probe_faults.py"
WATCH = "tests/probe/test_probe_watch.py"


@dataclass(frozen=True)
class Failure:
    """A part or wire that fails: what happens, what makes it safe, and what shows that.

    `shown` is a test, a command, or "bench N": procedure N of docs/probe.md.
    """

    what: str
    happens: str
    safe: str
    shown: str


FAILURES: tuple[Failure, ...] = (
    Failure("power", "pump stands, valve falls open", "the valve is open without power", "bench 5"),
    Failure(
        "vent valve: coil, wire or transistor open",
        "cannot close: no pressure comes",
        "vented; `no_rise` ends the press",
        f"{FAULTS}::test_a_press_that_does_not_rise_is_ended",
    ),
    Failure(
        "vent valve stuck closed, its transistor shorted, its tube pinched",
        "the pressure stays after a press",
        "pump off; `blocked_vent` is told as a danger, presses are refused until repair; the finger is taken out",
        f"{FAULTS}::test_a_blocked_vent_is_a_danger_that_only_a_restart_clears",
    ),
    Failure(
        "vent valve or its tube narrow with dirt",
        "releases slowly",
        "`slow_release`: no reading is made of the press",
        f"{WATCH}::test_a_vent_that_has_become_narrow_is_named",
    ),
    Failure(
        "pump: dead, or its wire",
        "no pressure, or one that sags",
        "`no_rise` or `leak` ends the press",
        f"{WATCH}::test_a_dead_pump_in_a_tight_hold_is_named_where_the_pressure_is_held_no_more",
    ),
    Failure(
        "pump's transistor shorted",
        "runs for good; against the open vent only a little pressure stands",
        "`pump_runaway`: no press begins; the relief valve beyond that",
        f"{WATCH}::test_a_pump_that_starts_to_run_at_rest_is_named_and_no_press_begins",
    ),
    Failure(
        "pump runs on in mid-hold",
        "the pressure rises",
        "vented as `overshoot` before it is `overpressure`",
        f"{FAULTS}::test_a_fault_in_mid_hold_is_named_and_vents",
    ),
    Failure(
        "wire from line to gate",
        "the gate's pull takes it to rest: valve open, pump off",
        "as a dead valve or pump",
        f"{FAULTS}::test_a_press_that_does_not_rise_is_ended",
    ),
    Failure(
        "gate's pull missing",
        "before boot, and after a kill, the gate is where its charge is",
        "the chip's own pull from `config.txt` on; not before it",
        "bench 6",
    ),
    Failure(
        "sensor: wire, supply or converter",
        "reads nothing, or the end of its range",
        "`sensor_stale` or `sensor_clipped`: vents",
        f"{FAULTS}::test_a_fault_in_mid_hold_is_named_and_vents",
    ),
    Failure(
        "sensor on I2C: any fault of the part or the bus",
        "no value, or one at an end",
        "named, vents",
        "tests/probe/test_probe_drivers_mprls.py::test_every_fault_of_the_i2c_sensor_vents_and_is_named",
    ),
    Failure(
        "a bus that hangs",
        "the control loop stands",
        "the guard vents without it",
        "tests/probe/test_probe_guard.py::test_a_bus_that_hangs_in_mid_press_is_vented_by_the_guard",
    ),
    Failure(
        "sensor stuck, or its tube off or pinched",
        "the pump works in vain, unseen pressure rises",
        "`sensor_stuck` or `no_rise`: vents; the relief valve beyond that",
        f"{FAULTS}::test_a_stuck_sensor_never_lets_the_true_pressure_run_away",
    ),
    Failure(
        "sensor's gain wrong",
        "presses harder or softer than it says",
        "**not seen by the probe**: calibration against a manometer; the relief valve",
        "bench 9",
    ),
    Failure(
        "seal, tube or chamber leaks",
        "the pressure sags",
        "`leak`: vents",
        f"{WATCH}::test_a_seal_that_opens_in_a_slow_ramp_is_named_long_before_its_deadline",
    ),
    Failure(
        "relief valve stuck open",
        "no pressure comes",
        "`no_rise` ends the press",
        f"{FAULTS}::test_a_press_that_does_not_rise_is_ended",
    ),
    Failure(
        "relief valve stuck closed",
        "nothing, until something else fails",
        "**not seen by the probe**: tried at commissioning and at every service",
        "bench 7",
    ),
    Failure(
        "all electronics, pump at full power, valve closed",
        "the pressure rises",
        "the relief valve",
        "bench 7",
    ),
    Failure(
        "camera's cable",
        "no frames",
        "the press ends, released, by that name",
        "tests/device/test_device_bedside_camera.py::"
        "test_a_camera_unplugged_in_mid_hold_ends_it_by_that_name_and_measures_once_it_is_back",
    ),
    Failure(
        "button stuck, or its wire to ground",
        "starts nothing",
        "told on the screen",
        "tests/device/test_device_panel.py::test_a_push_that_lasts_across_the_start_is_a_stuck_button_until_it_is_over",
    ),
    Failure(
        "thermometer",
        "no temperature in the records",
        "nothing waits for it",
        "tests/probe/test_probe_drivers_temperature.py::"
        "test_none_is_opened_where_none_is_fitted_and_one_that_is_gone_is_no_error",
    ),
    Failure(
        "status light or buzzer",
        "dark, silent",
        "**not seen by the software**: the screen says the same",
        "refill panel try",
    ),
)


def as_markdown() -> str:
    """Return the table of failures."""
    head = ("fails", "what happens", "what makes it safe", "shown by")
    rows = [(each.what, each.happens, each.safe, _shown(each.shown)) for each in FAILURES]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ("---",) * len(head), *rows))


def _shown(shown: str) -> str:
    bench, _, number = shown.partition(" ")
    return f"on a Pi: procedure {number} of [probe.md](probe.md)" if bench == "bench" else f"`{shown}`"


def dimensions(device: DeviceConfig) -> str:
    """Return the window's dimensions and what follows from them, as a table."""
    area_mm2, limit_kpa = device.probe.plate_area_mm2, device.press_limits.pressure_kpa
    chamber = Chamber()

    def newton(kpa: float) -> str:
        return f"{kpa * area_mm2 / 1000:.1f} N"

    rows = [
        ("what", "value", "from"),
        ("---",) * 3,
        ("area of the plate that presses", f"{area_mm2:g} mm²", "`probe.plate_area_mm2`"),
        ("diameter, where it is round", f"{math.sqrt(4 * area_mm2 / math.pi):.2f} mm", "the area"),
        ("force at 40 kPa, the target of the finger's protocols", newton(40.0), "area · pressure"),
        (f"force at the limit, {limit_kpa:g} kPa", newton(limit_kpa), "`press_limits.pressure_kpa`"),
        (
            f"force where the probe vents, {limit_kpa * TRIP_FACTOR:g} kPa",
            newton(limit_kpa * TRIP_FACTOR),
            "`TRIP_FACTOR`",
        ),
        (f"force at the relief valve's {RELIEF_KPA[1]:g} kPa", newton(RELIEF_KPA[1]), "below this it has to open"),
        ("air in chamber, tubes, pump and valve", f"{chamber.air_ml:g} ml", "presumed by the simulation"),
        ("way out through the open vent, as a sharp hole", f"{chamber.vent_mm:g} mm", "presumed by the simulation"),
        (
            "pump, free flow; stall",
            f"{chamber.pump_ml_s:g} ml/s; {chamber.pump_stall_kpa:g} kPa",
            "presumed by the simulation",
        ),
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def drawing(device: DeviceConfig) -> str:
    """Return the way of the air as SVG."""
    picture = Drawing(940, 470, "The way of the air")
    tube = 270
    picture.line([(150, tube), (690, tube)], width=6, colour="#6b8fb0")
    picture.box((30, tube - 35), (130, 70), ["pump", f"GPIO {device.pins.pump}, PWM"])
    picture.box((195, tube - 30), (100, 60), ["damper", "a few ml"])
    for x, lines, opens in (
        (375, ["vent valve", "normally open", f"GPIO {device.pins.vent_valve}"], True),
        (505, ["relief valve", f"above {RELIEF_KPA[0]:g},", f"below {RELIEF_KPA[1]:g} kPa"], True),
        (635, ["pressure", "sensor", device.pressure_sensor.kind], False),
    ):
        picture.line([(x, tube), (x, 200)], width=6, colour="#6b8fb0")
        picture.box((x - 58, 130), (116, 70), lines)
        picture.dot((x, tube), 5)
        if opens:
            picture.arrow((x, 130), (x, 90))
            picture.words((x, 76), "air", anchor="middle")
    _window(picture, device, tube)
    picture.words((30, 40), "Without power the pump stands and the vent valve is open: nothing presses.", bold=True)
    picture.words((30, 430), "Closed while the probe's lease is renewed, and no longer: the vent valve.")
    picture.words((30, 452), "Blue: tubes. The relief valve is mechanical and knows nothing of the software.")
    return picture.text


def _window(picture: Drawing, device: DeviceConfig, tube: float) -> None:
    left, wide = 690, 200
    picture.box((left, tube - 45), (wide, 90), ["air chamber", "clear cover"], fill=AIR)
    picture.box((left + 20, tube + 45), (wide - 40, 16), fill=PAPER)
    picture.box((left - 10, tube + 61), (wide + 20, 50), ["finger or knee"], fill=SKIN, bold_first=False)
    picture.words((left - 60, tube + 53), f"window plate, {device.probe.plate_area_mm2:g} mm²", anchor="end")
    picture.line([(left - 54, tube + 53), (left + 20, tube + 53)])
    picture.box((left + 40, 60), (wide - 80, 56), ["camera, lamp", device.camera.sensor])
    for above, below in ((left + 50, left + 26), (left + wide - 50, left + wide - 26)):
        picture.line([(above, 116), (below, tube + 45)], dashed=True)
