"""The bedside's unit: what systemd does for it, and that it fits the code and the device file."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from typer.main import get_command

from device.bedside_life import ALIVE_S, TICKED_S
from firmware_config.device import Bedside, Storage
from refill.cli import app

UNIT = Path(__file__).resolve().parents[2] / "systemd" / "refill-bedside.service"


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


def test_it_starts_again_whatever_ends_it_but_a_wrong_configuration(service: dict[str, list[str]]) -> None:
    assert service["Restart"] == ["always"]
    assert service["RestartPreventExitStatus"] == ["2"]
    assert "StartLimitIntervalSec=0" in UNIT.read_text(encoding="utf-8")
    (command,) = service["ExecStart"]
    assert command.split()[1] in get_command(app).commands  # type: ignore[attr-defined]  # a group


def test_the_watchdog_bites_after_both_loops_have_been_silent_and_not_before(service: dict[str, list[str]]) -> None:
    watchdog_s = float(service["WatchdogSec"][0])
    assert watchdog_s == 5
    assert watchdog_s >= TICKED_S + 2 * ALIVE_S


def test_its_folders_are_those_of_the_device_file(service: dict[str, list[str]]) -> None:
    assert Bedside().run_folder == Path("/run") / service["RuntimeDirectory"][0]
    assert Bedside().socket.parent == Bedside().run_folder
    assert Storage().journal_folder == Path("/var/lib") / service["StateDirectory"][0]
    assert service["RuntimeDirectoryPreserve"] == ["yes"]


def test_it_reaches_camera_and_pins_and_nothing_else(service: dict[str, list[str]]) -> None:
    allowed = {rule.split()[0] for rule in service["DeviceAllow"]}
    assert allowed == {"char-video4linux", "char-media", "char-dma_heap", "char-gpiochip"}
    assert service["DevicePolicy"] == ["closed"]
    assert service["RestrictAddressFamilies"] == ["AF_UNIX AF_NETLINK"]
    assert service["CapabilityBoundingSet"] == [""]
    assert service["PrivateNetwork"] == ["yes"]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")
def test_systemd_understands_every_line(verifiable: Path) -> None:
    verify = ["systemd-analyze", "verify", "--recursive-errors=yes", str(verifiable)]
    done = subprocess.run(verify, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")
def test_its_sandbox_is_tight(verifiable: Path) -> None:
    security = ["systemd-analyze", "security", "--offline=true", "--threshold=15", "--no-pager", str(verifiable)]
    done = subprocess.run(security, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout[-500:]
