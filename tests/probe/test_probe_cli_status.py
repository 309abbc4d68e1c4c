"""`refill probe status` and `refill probe clear`."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
from served_probe import served_probe
from typer.testing import CliRunner

from device.probe.faults import FAULTS, FaultCode
from device.probe.messages import Status
from firmware_config.device import DeviceConfig, load_device
from refill.probe_cli import app
from refill.probe_status import Report, as_json, as_lines, loop_figures


def called(command: str, socket: Path, *options: str, answer: str | None = None) -> Any:
    return CliRunner().invoke(app, [command, "--simulate", "--socket", str(socket), *options], input=answer)


def report(**changed: Any) -> Report:
    told = {
        "t_boot_ns": 1,
        "device": "bed-7",
        "simulated": False,
        "config_sha256": "0" * 64,
        "phase": "idle",
        "pressure_kpa": 0.1,
        "fault": None,
        "faults_kept": True,
        "lease_s": 0.5,
        "pressure_limit_kpa": 60.0,
        "hold_limit_s": 20.0,
        "samples": 10,
        "worst_gap_ms": 12.0,
        "uptime_s": 3723.0,
    }
    return Report(Status.model_validate(told | changed), None, True, "mcp3008", "skin")


def test_periods_are_those_between_the_samples() -> None:
    stamps = [0, *(10_000_000 * n for n in range(1, 100)), 1_020_000_000]
    figures = loop_figures(stamps)
    assert figures is not None
    assert figures.period_ms == pytest.approx(10.2)
    assert figures.longest_ms == pytest.approx(30.0)
    assert figures.samples == 101
    assert loop_figures(stamps[:5]) is None


@pytest.mark.parametrize(
    ("code", "how"),
    [
        (FaultCode.SENSOR_STUCK, "refill probe clear --operator CODE, once vented"),
        (FaultCode.BLOCKED_VENT, "refill probe clear --operator CODE, after the repair"),
    ],
)
def test_a_latched_fault_is_said_with_its_sentence_and_how_to_clear_it(code: FaultCode, how: str) -> None:
    text = "\n".join(as_lines(report(fault=code)))
    assert FAULTS[code].english in text
    assert how in text
    assert "latched: presses are refused; kept over a restart" in text
    told = as_json(report(fault=code))
    assert (told["fault"]["code"], told["fault"]["french"]) == (code, FAULTS[code].french)


def test_temperature_uptime_and_a_missing_pressure_are_said() -> None:
    text = "\n".join(as_lines(report(temperature_c=31.25, pressure_kpa=None)))
    assert "skin      31.2 °C" in text
    assert "uptime    1 h 02 min 03 s" in text
    assert "pressure  no value" in text
    assert "°C" not in "\n".join(as_lines(report()))


@pytest.mark.parametrize("command", ["status", "press", "clear"])
def test_without_a_probe_there_is_one_line_and_an_exit_code(short_folder: Path, command: str) -> None:
    options = {"press": ["--protocol", "demo"], "clear": ["--operator", "op-1"]}.get(command, [])
    ended = called(command, short_folder / "none.sock", *options)
    assert ended.exit_code == (4 if command == "press" else 1)
    assert ended.stdout.strip() == ""
    assert ended.stderr.count("\n") == 1
    assert ended.stderr.startswith("no probe at")


def test_a_name_is_no_operator_code(short_folder: Path) -> None:
    ended = called("clear", short_folder / "none.sock", "--operator", "Dr Jane Doe")
    assert ended.exit_code == 2
    assert "is no operator code" in ended.stderr


@pytest.mark.slow
def test_status_of_a_running_probe_for_person_and_program(config: DeviceConfig, short_folder: Path) -> None:
    socket = short_folder / "p.sock"
    other = short_folder / "device.toml"
    other.write_text('name = "bed-7"\nsite = "012"\n')
    with served_probe(config, socket):
        plain = called("status", socket)
        told = json.loads(called("status", socket, "--json").stdout)
        foreign = called("status", socket, "--config", str(other))
    assert plain.exit_code == 0
    assert "sensor    mcp3008, channel 0, to 100 kPa, 100 Hz" in plain.stdout
    assert "fault     none" in plain.stdout
    assert told["same_device_file"] is True
    assert told["lease_s"] == 0.5
    # The loop keeps a rate of 100 Hz on average unless it is held up; how well, `make probe-loop` says.
    assert told["loop"]["samples"] > 100
    assert told["loop"]["period_ms"] > 9.5
    assert told["uptime_s"] > 2.0
    assert "sensor    unknown: it runs with another device file" in foreign.stdout
    assert load_device(other).name == "bed-7"


@pytest.mark.slow
def test_a_latched_fault_is_cleared_by_an_operator_who_was_asked(config: DeviceConfig, short_folder: Path) -> None:
    socket = short_folder / "p.sock"
    with served_probe(config, socket) as simulated:
        time.sleep(0.3)
        assert called("clear", socket, "--operator", "op-1").stdout == "no fault is latched\n"
        simulated.hydraulics.faults.sensor = "clipped_low"
        time.sleep(0.3)
        latched = called("status", socket)
        refused = called("clear", socket, "--operator", "op-1", "--yes")
        simulated.hydraulics.faults.sensor = "none"
        time.sleep(0.8)
        unwilling = called("clear", socket, "--operator", "op-1", answer="n\n")
        still = called("status", socket)
        cleared = called("clear", socket, "--operator", "op-1", answer="y\n")
        after = called("status", socket)
    assert latched.exit_code == 3
    assert FAULTS[FaultCode.SENSOR_CLIPPED].english in latched.stdout
    assert refused.exit_code == 4
    assert "has to be vented and its sensor sane first" in refused.stderr
    assert unwilling.exit_code == 1
    assert still.exit_code == 3
    assert cleared.exit_code == 0
    assert "sensor_clipped cleared by op-1" in cleared.stdout
    assert after.exit_code == 0
