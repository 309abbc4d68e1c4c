"""What the device file names is opened, or refused in one line before anything is touched."""

import contextlib
import os
import signal
import threading
import time
from pathlib import Path

import pytest
from gpiozero.pins.mock import MockFactory
from typer.testing import CliRunner

from device.probe.hardware import (
    open_outputs,
    open_pressure_sensor,
    open_thermometer,
    outputs_off,
    refuse_unreachable,
)
from device.probe.link import ProbeClient, Released, Status
from device.probe.mcp3008 import is_clipped, kpa_of
from device.probe.ports import HardwareError
from device.probe.process import run
from firmware_config.device import load_device
from phantom.pins import counts_at
from refill.probe_cli import app
from refill.simulation import SimulatedProbe, SteppedClock, SteppedProbe

NAMED = 'name = "bed-7"\nsite = "012"\n'
BESIDE_PINS = [
    ("[pressure_sensor]\nkind = 'mprls'", "I2C, for pressure_sensor.kind = mprls"),
    ("[pump_pwm]\nkind = 'hardware'\nchip = 0\nchannel = 0", "/sys, for pump_pwm.kind = hardware"),
    ("[temperature_sensor]\nid = '28-0123456789ab'", "/sys, for temperature_sensor"),
]
EVERYTHING = "\n".join(text for text, _ in BESIDE_PINS) + "\n[pins]\nvent_valve_active_high = false\n"
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


@pytest.mark.parametrize(("text", "named"), BESIDE_PINS)
def test_what_a_board_has_no_way_to_is_refused_before_anything_is_opened(
    short_folder: Path, text: str, named: str
) -> None:
    config, pins_only = load_device(written(short_folder, text)), MockFactory()
    socket = short_folder / "p.sock"
    for start in (
        lambda: run(config, pins_only, socket, simulated=True),
        lambda: open_outputs(config, pins_only),
        lambda: outputs_off(config, pins_only),
        lambda: open_pressure_sensor(config, pins_only, SteppedClock()),
        lambda: open_thermometer(config, pins_only, SteppedClock()),
    ):
        with pytest.raises(HardwareError) as caught:
            start()
        assert str(caught.value) == f"device file: MockFactory has no {named}"
    assert not socket.exists()
    assert pins_only.pins == {}


def test_all_that_a_board_has_no_way_to_is_named_at_once(short_folder: Path) -> None:
    config = load_device(written(short_folder, EVERYTHING))
    with pytest.raises(HardwareError, match=r"no I2C, for .* = mprls; no /sys, .* = hardware; no /sys, .*sensor$"):
        refuse_unreachable(config, MockFactory())


def test_i2c_pwm_and_thermometer_of_a_pi_are_out_of_reach_unless_lgpio_is_named(
    short_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GPIOZERO_PIN_FACTORY", "mock")
    path = written(short_folder, EVERYTHING)
    ended = CliRunner().invoke(app, ["run", "--config", str(path), "--socket", str(short_folder / "p.sock")])
    assert ended.exit_code == 1
    assert ended.stderr.startswith("GPIOZERO_PIN_FACTORY must be lgpio, not 'mock'")
    assert ended.stderr.count("\n") == 1
    assert not (short_folder / "p.sock").exists()


def test_a_simulated_board_never_touches_the_machines_own_buses(
    short_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def touched(*_: object, **__: object) -> None:
        raise AssertionError("a real bus was opened")

    for real in ("KernelI2c.__init__", "KernelFiles.read", "KernelFiles.write"):
        monkeypatch.setattr(f"device.probe.kernel.{real}", touched)
    config = load_device(written(short_folder, EVERYTHING))
    with SteppedProbe(config) as probe:
        probe.run(0.3)
        probe.press(20.0, 1.0, 1.0)
        probe.run(3.0)
        assert max(kpa for _, kpa in probe.seen.true_kpa) > 19


def test_a_probe_of_every_other_part_presses_and_says_its_temperature(short_folder: Path) -> None:
    config = load_device(written(short_folder, EVERYTHING))
    simulated = SimulatedProbe(config)
    simulated.pin_factory.sysfs.celsius = 31.25
    socket, found = short_folder / "p.sock", list[Status]()

    def look() -> None:
        with contextlib.closing(ProbeClient(socket)) as client:
            end = time.monotonic() + 5
            while time.monotonic() < end and not (found and found[-1].temperature_c):
                client.status()
                time.sleep(0.05)
                found.extend(event for event in client.poll() if isinstance(event, Status))
        os.kill(os.getpid(), signal.SIGTERM)

    watcher = threading.Thread(target=look)
    run(config, simulated.pin_factory, socket, simulated=True, ready=watcher.start)
    watcher.join(5)
    assert found[-1].temperature_c == 31.25
    assert found[-1].pressure_kpa == pytest.approx(0.0, abs=0.5)


def test_a_measured_curve_is_read_both_ways(short_folder: Path) -> None:
    sensor = load_device(written(short_folder, CURVE)).pressure_sensor
    for tenth in range(-30, 1020):
        assert kpa_of(counts_at(tenth / 10, sensor), sensor) == pytest.approx(tenth / 10, abs=0.07)


@pytest.mark.slow
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
