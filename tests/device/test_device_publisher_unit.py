"""The publisher's unit: what systemd does for it, and that it fits the code and the device file."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from typer.main import get_command

from device.journal.schema import BUSY_TIMEOUT_S
from device.publisher import ALIVE_S, Patience
from device.publisher_link import CONNECT_TIMEOUT_S
from firmware_config.device import Bedside, Storage
from refill.cli import app

SYSTEMD = Path(__file__).resolve().parents[2] / "systemd"
UNIT = SYSTEMD / "refill-publish.service"


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


def test_the_watchdog_waits_longer_than_any_turn_may_take(service: dict[str, list[str]]) -> None:
    assert service["Type"] == ["notify"]
    watchdog_s = float(service["WatchdogSec"][0])
    assert watchdog_s == 30
    assert watchdog_s > 2 * (BUSY_TIMEOUT_S + ALIVE_S + Patience().poll_s)
    assert float(service["TimeoutStopSec"][0]) > Patience().farewell_s + BUSY_TIMEOUT_S + Patience().poll_s


def test_it_shares_its_folders_with_the_bedside_and_neither_takes_them_away(service: dict[str, list[str]]) -> None:
    assert Bedside().run_folder == Path("/run") / service["RuntimeDirectory"][0]
    assert Storage().journal_folder == Path("/var/lib") / service["StateDirectory"][0]
    bedside = (SYSTEMD / "refill-bedside.service").read_text(encoding="utf-8")
    for line in ("RuntimeDirectory", "RuntimeDirectoryMode", "RuntimeDirectoryPreserve", "User", "Group"):
        assert f"\n{line}={service[line][0]}\n" in bedside, line
    assert service["RuntimeDirectoryPreserve"] == ["yes"]


def test_it_reaches_the_network_and_no_device(service: dict[str, list[str]]) -> None:
    assert set(service["RestrictAddressFamilies"][0].split()) == {"AF_INET", "AF_INET6", "AF_UNIX"}
    assert service["DevicePolicy"] == ["closed"]
    assert "DeviceAllow" not in service
    assert "SupplementaryGroups" not in service
    assert service["CapabilityBoundingSet"] == [""]
    assert CONNECT_TIMEOUT_S < 5


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")
def test_systemd_understands_every_line(verifiable: Path) -> None:
    verify = ["systemd-analyze", "verify", "--recursive-errors=yes", str(verifiable)]
    done = subprocess.run(verify, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    verifiable.write_text(verifiable.read_text(encoding="utf-8") + "\n[Service]\nWatchdogSecs=5\n")
    done = subprocess.run(verify, capture_output=True, text=True, timeout=60, check=False)
    assert "WatchdogSecs" in done.stderr  # a misspelt key would be seen


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")
def test_the_drop_in_that_it_shows_for_secrets_is_one(verifiable: Path) -> None:
    text = verifiable.read_text(encoding="utf-8")
    lines = re.findall(r"^#   (.+)$", text, re.MULTILINE)
    assert lines[0] == "[Service]"
    assert len(re.findall(r"^LoadCredential=[a-z-]+:/\S+$", "\n".join(lines), re.MULTILINE)) == 2
    assert "\nLoadCredential=" not in text, "a secret that is not there would keep the unit from starting"
    verifiable.write_text("\n".join([text, *lines, ""]), encoding="utf-8")
    verify = ["systemd-analyze", "verify", "--recursive-errors=yes", str(verifiable)]
    done = subprocess.run(verify, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")
def test_its_sandbox_is_tight(verifiable: Path) -> None:
    security = ["systemd-analyze", "security", "--offline=true", "--threshold=20", "--no-pager", str(verifiable)]
    done = subprocess.run(security, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout[-500:]
