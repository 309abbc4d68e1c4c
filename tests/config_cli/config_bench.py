"""Wrong files by hand, and a board that notices when anybody touches it."""

from pathlib import Path
from typing import Any

import typer.main
from click.testing import CliRunner, Result
from gpiozero.pins.mock import MockFactory

from device.probe.ports import HardwareError
from refill.cli import app

NAMED = 'name = "bed-7"\nsite = "012"\n'
MPRLS = "[pressure_sensor]\nkind = 'mprls'\n"
HARDWARE = "[pump_pwm]\nkind = 'hardware'\nchip = 0\n"
DS18B20 = "[temperature_sensor]\nid = '28-0123456789ab'\n"

WRONG_DEVICE: tuple[tuple[str, str], ...] = (
    ("", "name"),
    ('site = "012"', "name"),
    ('name = "bed"', "site"),
    ('name = "Bed 7"\nsite = "012"', "name"),
    ('name = "bed/#"\nsite = "012"', "name"),
    ('name = 7\nsite = "012"', "name"),
    ('name = "bed"\nsite = 12', "site"),
    ('name = "bed"\nsite = "1"', "site"),
    (NAMED + "language = 'de'", "language"),
    (NAMED + "colour = 1", "colour"),
    (NAMED + "[pin]\npump = 12", "pin"),
    (NAMED + "pins = 12", "pins"),
    (NAMED + "[pins]\npump = 17", "pins.vent_valve"),
    (NAMED + "[pins]\npump = '12'", "pins.pump"),
    (NAMED + "[pins]\npump = 12.5", "pins.pump"),
    (NAMED + "[pins]\npump = -1", "pins.pump"),
    (NAMED + "[pins]\nvent_valve = 28", "pins.vent_valve"),
    (NAMED + "[pins]\nbutton = 9", "pins.button"),
    (NAMED + "[pins]\nbuton = 22", "pins.buton"),
    (NAMED + "[pins]\nbuzzer = 23", "pins.buzzer"),
    (NAMED + "[pins]\nvent_valve_active_high = 'no idea'", "pins.vent_valve_active_high"),
    (NAMED + MPRLS + "[pins]\nbuzzer = 3", "pins.buzzer"),
    (NAMED + MPRLS + "bus = 5", "pins.pump"),
    (NAMED + DS18B20 + "gpio = 12", "temperature_sensor.gpio"),
    (NAMED + DS18B20 + "gpio = 10", "temperature_sensor.gpio"),
    (NAMED + DS18B20.replace("28-", "3b-"), "temperature_sensor.id"),
    (NAMED + "[pump_pwm]\nkind = 'magic'", "pump_pwm.kind"),
    (NAMED + "[pump_pwm]\nfrequency_hz = 5", "pump_pwm.frequency_hz"),
    (NAMED + "[pump_pwm]\nfrequency_khz = 1", "pump_pwm.frequency_khz"),
    (NAMED + HARDWARE, "pump_pwm.channel"),
    (NAMED + HARDWARE + "channel = 1", "pump_pwm.channel"),
    (NAMED + HARDWARE + "channel = 0\n[pins]\npump = 16", "pump_pwm.kind"),
    (NAMED + HARDWARE + "channel = 0\n[pins]\npump_active_high = false", "pump_pwm.kind"),
    (NAMED + "[pressure_sensor]\nkind = 'hx711'", "pressure_sensor.kind"),
    (NAMED + "[pressure_sensor]\nchannel = 8", "pressure_sensor.channel"),
    (NAMED + "[pressure_sensor]\nrate_hz = 20", "pressure_sensor.rate_hz"),
    (NAMED + "[pressure_sensor]\nzero_kpa = 40", "pressure_sensor.zero_kpa"),
    (NAMED + "[pressure_sensor]\nspan_psi = 14.5", "pressure_sensor.span_psi"),
    (NAMED + "[pressure_sensor]\ndivider = 1.0", "pressure_sensor"),
    (NAMED + "[pressure_sensor]\nspan_kpa = 50", "pressure_sensor"),
    (NAMED + "[pressure_sensor]\npoints = [{ volts = 1, kpa = 0 }]", "pressure_sensor.points"),
    (NAMED + MPRLS + "address = 0x80", "pressure_sensor.address"),
    (NAMED + MPRLS + "low_kpa = 50\nhigh_kpa = 40", "pressure_sensor"),
    (NAMED + "[press_limits]\npressure_kpa = 60.1", "press_limits.pressure_kpa"),
    (NAMED + "[press_limits]\npressure_kpa = nan", "press_limits.pressure_kpa"),
    (NAMED + "[press_limits]\npressure_kpa = 0", "press_limits.pressure_kpa"),
    (NAMED + "[press_limits]\npressure_mmhg = 300", "press_limits.pressure_mmhg"),
    (NAMED + "[press_limits]\nhold_s = 20.001", "press_limits.hold_s"),
    (NAMED + "[press_limits]\nhold_s = '10 s'", "press_limits.hold_s"),
    (NAMED + "[press_limits]\nhold_ms = 10000", "press_limits.hold_ms"),
    (NAMED + "[press_limits]\npress_s = 26.5", "press_limits.press_s"),
    (NAMED + "[press_limits]\npress_s = 10\nhold_s = 10", "press_limits"),
    (NAMED + "[press_limits]\npresses_per_minute = 7", "press_limits.presses_per_minute"),
    (NAMED + "[probe]\nlease_s = 0.6", "probe.lease_s"),
    (NAMED + "[probe]\nlease_s = inf", "probe.lease_s"),
    (NAMED + "[probe]\nplate_area_mm2 = 1", "probe.plate_area_mm2"),
    (NAMED + "[probe]\nsocket = 'probe.sock'", "probe.socket"),
    (NAMED + f"[probe]\nsocket = '/{'x' * 110}'", "probe.socket"),
    (NAMED + "[probe]\nstate_folder = '/var/lib/refill'", "probe.state_folder"),
    (NAMED + "[bedside]\nsocket = '/run/refill-probe/probe.sock'", "bedside.socket"),
    (NAMED + "[camera]\nsensor = 'ov5647'", "camera.sensor"),
    (NAMED + "[camera]\nfps = 200", "camera"),
    (NAMED + "[camera]\nwidth = 641", "camera.width"),
    (NAMED + "[camera.lock]\nexposure_us = 20000", "camera"),
    (NAMED + "[camera.lock]\nanalogue_gain = 1.0", "camera"),
    (NAMED + "[camera.lock]\ncolour_gains = [2.0]", "camera.lock.colour_gains.1"),
    (NAMED + "[camera]\nsensor = 'imx477'\n[camera.lock]\nlens_position = 2", "camera.lock.lens_position"),
    (NAMED + "[panel]\nnight_from = 21", "panel.night_from"),
    (NAMED + "[panel]\nday = { volume = 0.5, brightness = 0 }", "panel.day.brightness"),
    (NAMED + "[screen]\nhost = '0.0.0.0'", "screen"),
    (NAMED + "[screen]\nport = 80", "screen.port"),
    (NAMED + "[screen]\nport = 1883", "screen.port"),
    (NAMED + "[storage]\njournal_folder = 'here'", "storage.journal_folder"),
    (NAMED + "[storage]\ntrace_retention_days = 3", "storage.trace_retention_days"),
    (NAMED + "[mqtt]\nhost = 'broker.example'", "mqtt.tls"),
    (NAMED + "[mqtt]\npassword = 'secret'", "mqtt.password"),
    (NAMED + "[mqtt]\nusername = 'bed'", "mqtt"),
    (NAMED + "[mqtt.tls]\nca_file = '/c/ca'\nkey_file = '/c/key'", "mqtt.tls"),
    (NAMED + "[mqtt]\nstudy = 'I-MICRO'", "mqtt.study"),
    (NAMED + "[clock]\nservers = ['Time Server']", "clock.servers.0"),
    (NAMED + "[clock]\nserver = 'ntp.example'", "clock.server"),
    (NAMED + "[pins]\npump = 12\npump = 13", "not TOML"),
    (NAMED + "[pins\npump = 12", "not TOML"),
    (NAMED + "language = en", "not TOML"),
)
"""Device files, each wrong in one place, and the key that has to be named."""

STUDY = 'name = "x"\ntitle = "t"\nsites = ["12"]\n'
PROTOCOL = 'name = "p"\nversion = "1"\nsource = "s"\nbody_sites = ["finger"]\ntarget_kpa = 40\nhold_s = 10\n'
BROKER = 'hosts = ["mq.example"]\n'
TLS = "[mqtt.tls]\nca_file = '/c/ca'\ncertificate_file = '/c/crt'\nkey_file = '/c/key'\n"
TO_THE_BROKER = "host = 'mq.example'\nport = 8884\n" + TLS
IN_A_STUDY = NAMED.replace("012", "12") + "[mqtt]\nstudy = 'i-micro'\n"

WRONG_TOGETHER: tuple[tuple[dict[str, str], str], ...] = (
    ({"device.toml": NAMED + "[mqtt]\nstudy = 'i-mcro'"}, "device.toml: mqtt.study"),
    ({"device.toml": NAMED + "[mqtt]\nstudy = 'i-micro'"}, "device.toml: site"),
    ({"device.toml": NAMED + "[mqtt]\n" + TO_THE_BROKER, "broker.toml": BROKER}, "device.toml: mqtt.port"),
    ({"studies/x.toml": STUDY.replace('"x"', '"y"')}, "x.toml: name"),
    ({"studies/x.toml": STUDY + "events = ['day-1', 'day-1']"}, "x.toml: events"),
    ({"studies/x.toml": STUDY + "protocols = { finger = 'knee-10s' }"}, "x.toml: protocols.finger"),
    ({"studies/x.toml": STUDY + "protocols = { finger = 'nowhere' }"}, "x.toml: protocols.finger"),
    ({"studies/x.toml": STUDY + "window = { from_h = 24, to_h = 6 }"}, "x.toml: window"),
    ({"studies/x.toml": STUDY + "window = { events = ['day-9'] }"}, "x.toml: window.events"),
    ({"studies/x.toml": STUDY + "operator_pattern = '['"}, "x.toml: operator_pattern"),
    ({"protocols/p.toml": PROTOCOL + "target_n = 5"}, "p.toml: file"),
    ({"protocols/p.toml": PROTOCOL.replace("= 40", "= 61")}, "p.toml: target_kpa"),
    ({"protocols/p.toml": PROTOCOL.replace('"p"', '"q"')}, "p.toml: name"),
    ({"device.toml": IN_A_STUDY + "[press_limits]\nhold_s = 8"}, "device.toml: press_limits.hold_s"),
    ({"device.toml": IN_A_STUDY + "[press_limits]\npressure_kpa = 30"}, "device.toml: press_limits.pressure_kpa"),
    ({"device.toml": IN_A_STUDY + "[press_limits]\nhold_s = 10\npress_s = 11.3"}, "device.toml: press_limits.press_s"),
    (
        {"device.toml": IN_A_STUDY + "[press_limits]\npresses_per_minute = 1"},
        "device.toml: press_limits.presses_per_minute",
    ),
    (
        {"device.toml": IN_A_STUDY.replace("i-micro", "x"), "studies/x.toml": STUDY.replace('"12"', '"13"')},
        "device.toml: site",
    ),
    ({"device.toml": IN_A_STUDY.replace("i-micro", "y"), "studies/x.toml": STUDY}, "device.toml: mqtt.study"),
    (
        {"device.toml": IN_A_STUDY, "protocols/knee-10s.toml": PROTOCOL.replace('"p"', '"knee-10s"')},
        "device.toml: mqtt.study",
    ),
    ({"trial.toml": "study = 'x'\ndatabase = 'a.sqlite3'"}, "trial.toml: study"),
    ({"trial.toml": "database = 'postgresql://a:b@h/x'"}, "trial.toml: database"),
    ({"broker.toml": BROKER + "port = 0"}, "broker.toml: port"),
    ({"devices.toml": NAMED}, "devices.toml: file"),
)
"""Folders whose files do not fit each other, or are none, and what has to be named."""


class TouchedError(HardwareError):
    """Somebody asked the board for a line or a bus."""


class Board(MockFactory):  # type: ignore[misc]  # gpiozero has no types
    """A board that nobody may touch: it notes who asks for a line or a bus, and gives none."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[Any] = []

    def pin(self, name: Any) -> Any:
        self.asked.append(name)
        raise TouchedError(f"line {name}")

    def spi(self, **asked: Any) -> Any:
        self.asked.append(asked)
        raise TouchedError("SPI")

    def i2c(self, bus: int, address: int) -> Any:
        self.asked.append((bus, address))
        raise TouchedError("I2C")


REFILL = typer.main.get_command(app)
"""Made once: making all of its commands takes longer than most tests here."""


def refill(*arguments: object) -> Result:
    return CliRunner().invoke(REFILL, [str(argument) for argument in arguments])


def written(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder
