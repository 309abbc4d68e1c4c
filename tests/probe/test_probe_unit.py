"""The probe's unit: what systemd does for it, and that it fits the code and the device file."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from typer.main import get_command

from device.probe.process import DEAD_S, LAST_LOOK_S, WATCHDOG_NS
from firmware_config.device import Probe
from refill.cli import app

UNIT = Path(__file__).resolve().parents[2] / "systemd" / "refill-probe.service"


@pytest.fixture(scope="module")
def service() -> dict[str, list[str]]:
    values: dict[str, list[str]] = {}
    section = ""
    for line in UNIT.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            section = line
        elif section == "[Service]" and re.match(r"\w+=", line):
            key, _, value = line.partition("=")
            values.setdefault(key, []).append(value)
    return values


@pytest.fixture
def verifiable(tmp_path: Path) -> Path:
    """The unit with a program that is there."""
    copy = tmp_path / UNIT.name
    copy.write_text(UNIT.read_text(encoding="utf-8").replace("/opt/refill/.venv/bin/refill", "/bin/true"))
    return copy


def seconds(text: str) -> float:
    return float(text.removesuffix("s"))


def test_however_it_ends_its_outputs_are_put_off_and_it_starts_again(service: dict[str, list[str]]) -> None:
    assert service["ExecStopPost"] == ["/opt/refill/.venv/bin/refill probe off"]
    assert service["Restart"] == ["always"]
    assert "StartLimitIntervalSec=0" in UNIT.read_text(encoding="utf-8")
    # No prefix that would forgive a failure, run it as root or outside the sandbox.
    assert service["ExecStopPost"][0].startswith("/")


def test_the_commands_of_the_unit_exist(service: dict[str, list[str]]) -> None:
    for line in service["ExecStart"] + service["ExecStopPost"]:
        command = get_command(app)
        for word in line.split()[1:]:
            command = command.commands[word]  # type: ignore[attr-defined]  # a group, else the unit is wrong
        assert command.name in ("run", "off")


def test_the_watchdog_is_fed_often_enough_and_bites_soon(service: dict[str, list[str]]) -> None:
    watchdog_s = seconds(service["WatchdogSec"][0])
    assert watchdog_s >= 2.5 * WATCHDOG_NS / 1e9
    assert watchdog_s > DEAD_S  # a thread that hangs is told by the process itself
    assert watchdog_s + seconds(service["TimeoutAbortSec"][0]) <= 5
    assert seconds(service["TimeoutStopSec"][0]) > LAST_LOOK_S + 2 * DEAD_S


def test_its_folders_are_those_of_the_device_file(service: dict[str, list[str]]) -> None:
    defaults = Probe()
    assert defaults.socket.parent == Path("/run") / service["RuntimeDirectory"][0]
    assert defaults.state_folder == Path("/var/lib") / service["StateDirectory"][0]
    assert service["RuntimeDirectoryMode"] == ["0750"]


def test_it_reaches_its_buses_and_nothing_else(service: dict[str, list[str]]) -> None:
    assert service["DevicePolicy"] == ["closed"]
    assert {rule.split()[0] for rule in service["DeviceAllow"]} == {"char-gpiochip", "char-spi", "char-i2c"}
    assert service["RestrictAddressFamilies"] == ["AF_UNIX"]
    assert service["CapabilityBoundingSet"] == [""]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")
def test_systemd_understands_every_line(verifiable: Path) -> None:
    verify = ["systemd-analyze", "verify", "--recursive-errors=yes", str(verifiable)]
    done = subprocess.run(verify, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    verifiable.write_text(verifiable.read_text(encoding="utf-8") + "\n[Service]\nWatchdogSecs=5\n")
    done = subprocess.run(verify, capture_output=True, text=True, timeout=60, check=False)
    assert "WatchdogSecs" in done.stderr  # a misspelt key would be seen


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")
def test_its_sandbox_is_tight(verifiable: Path) -> None:
    security = ["systemd-analyze", "security", "--offline=true", "--threshold=15", "--no-pager", str(verifiable)]
    done = subprocess.run(security, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout[-500:]
