"""What the device file names is opened, or refused in one line before anything is touched."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from device.probe.hardware import open_outputs, open_pressure_sensor, refuse_undriven
from device.probe.link import Released
from device.probe.mcp3008 import is_clipped, kpa_of
from device.probe.ports import HardwareError
from device.probe.process import run
from firmware_config.device import DeviceConfig, load_device
from phantom.pins import counts_at
from refill.probe_cli import app
from refill.simulation import SimulatedProbe, SteppedClock, SteppedProbe

NAMED = 'name = "bed-7"\nsite = "012"\n'
UNDRIVEN = [
    ("[pressure_sensor]\nkind = 'mprls'", "pressure_sensor.kind = mprls"),
    ("[pump_pwm]\nkind = 'hardware'\nchip = 0\nchannel = 0", "pump_pwm.kind = hardware"),
    ("[pins]\npump_active_high = false", "pins.pump_active_high = false"),
    ("[pins]\nvent_valve_active_high = false", "pins.vent_valve_active_high = false"),
    ("[temperature_sensor]\nid = '28-0123456789ab'", "temperature_sensor"),
]
CURVE = """
[pressure_sensor]
points = [
    { volts = 0.25, kpa = -2.0 },
    { volts = 0.4, kpa = 2.0 },
    { volts = 2.2, kpa = 38 },
    { volts = 4.9, kpa = 102 },
]
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "device.toml"
    path.write_text(NAMED + text)
    return path


def test_the_packaged_device_has_drivers_for_all_that_it_names(config: DeviceConfig) -> None:
    refuse_undriven(config)


@pytest.mark.parametrize(("text", "named"), UNDRIVEN)
def test_a_part_without_a_driver_is_refused_before_anything_is_opened(
    short_folder: Path, text: str, named: str
) -> None:
    config = load_device(written(short_folder, text))
    factory = SimulatedProbe(config, clock=SteppedClock()).pin_factory
    socket, pins = short_folder / "p.sock", set(factory.pins)
    for start in (
        lambda: run(config, factory, socket, simulated=True),
        lambda: open_outputs(config, factory),
        lambda: open_pressure_sensor(config, factory, SteppedClock()),
    ):
        with pytest.raises(HardwareError) as caught:
            start()
        assert str(caught.value) == f"device file: no driver yet for {named}"
    assert not socket.exists()
    assert set(factory.pins) == pins


@pytest.mark.parametrize(("text", "named"), UNDRIVEN)
def test_the_command_says_so_in_one_line(short_folder: Path, text: str, named: str) -> None:
    path = written(short_folder, text)
    options = ["--config", str(path), "--socket", str(short_folder / "p.sock"), "--world", str(short_folder / "w")]
    ended = CliRunner().invoke(app, ["run", "--simulate", *options])
    assert ended.exit_code == 1
    assert ended.stderr == f"device file: no driver yet for {named}\n"


def test_all_that_has_no_driver_is_named_at_once(short_folder: Path) -> None:
    config = load_device(written(short_folder, "\n".join(text for text, _ in UNDRIVEN[:2] + UNDRIVEN[4:])))
    with pytest.raises(HardwareError, match=r"kind = mprls, pump_pwm\.kind = hardware, temperature_sensor$"):
        refuse_undriven(config)


def test_a_measured_curve_is_read_both_ways(short_folder: Path) -> None:
    sensor = load_device(written(short_folder, CURVE)).pressure_sensor
    for tenth in range(-30, 1020):
        assert kpa_of(counts_at(tenth / 10, sensor), sensor) == pytest.approx(tenth / 10, abs=0.07)


def test_a_press_with_a_measured_curve_holds_the_true_pressure(short_folder: Path) -> None:
    with SteppedProbe(load_device(written(short_folder, CURVE))) as probe:
        probe.run(0.3)
        probe.press(40.0, 1.0, 3.0)
        probe.run(3.5)
        assert probe.seen.true_kpa[-1][1] == pytest.approx(40.0, rel=0.02)
        probe.run(2.0)
        (released,) = [event for event in probe.seen.events if isinstance(event, Released)]
        assert (released.why, released.fault) == ("held", None)


def test_only_the_ends_of_the_converters_range_are_clipped() -> None:
    assert [counts for counts in range(1024) if is_clipped(counts)] == [0, 1, 1022, 1023]
