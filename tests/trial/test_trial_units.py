"""The trial side's units: what systemd does for them, and that they fit the code."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from typer.main import get_command

from refill.cli import app
from trial.ingest import STALL_S

SYSTEMD = Path(__file__).resolve().parents[2] / "systemd"
SERVICES = ("refill-trial-ingest.service", "refill-trial-backup.service")
TIMER = "refill-trial-backup.timer"
PROGRAM = "/opt/refill/.venv/bin/refill"


def settings(name: str, section: str = "[Service]") -> dict[str, list[str]]:
    values: dict[str, list[str]] = {}
    here = ""
    for line in (SYSTEMD / name).read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            here = line
        elif here == section and re.match(r"\w+=", line):
            key, _, value = line.partition("=")
            values.setdefault(key, []).append(value)
    return values


@pytest.fixture
def verifiable(tmp_path: Path) -> Path:
    """The units with a program that is there, in a folder of their own."""
    for name in (*SERVICES, TIMER):
        (tmp_path / name).write_text((SYSTEMD / name).read_text(encoding="utf-8").replace(PROGRAM, "/bin/true"))
    return tmp_path


@pytest.mark.parametrize("name", SERVICES)
def test_it_starts_a_command_that_there_is_with_options_that_there_are(name: str) -> None:
    (line,) = settings(name)["ExecStart"]
    program, *words = shlex.split(line)
    assert program == PROGRAM
    command = get_command(app)
    while words and hasattr(command, "commands"):
        command = command.commands[words.pop(0)]
    options = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= options
    assert "--config" in words


def test_the_ingester_starts_again_whatever_ends_it_but_a_wrong_configuration() -> None:
    service = settings(SERVICES[0])
    assert service["Restart"] == ["always"]
    assert service["RestartPreventExitStatus"] == ["2"]
    assert settings(SERVICES[0], "[Unit]")["StartLimitIntervalSec"] == ["0"]
    assert float(service["TimeoutStopSec"][0]) > 2 * STALL_S


def test_backups_lie_in_a_folder_of_their_own_and_old_ones_go() -> None:
    service = settings(SERVICES[1])
    (line,) = service["ExecStart"]
    words = shlex.split(line)
    assert words[3].removeprefix("/var/lib/") in service["StateDirectory"][0].split()
    assert int(words[words.index("--keep") + 1]) >= 14
    assert service["Type"] == ["oneshot"]
    assert "Restart" not in service
    assert settings(TIMER, "[Timer]")["Persistent"] == ["true"]


@pytest.mark.parametrize("name", SERVICES)
def test_they_reach_the_network_and_no_device_and_keep_trial_data_to_themselves(name: str) -> None:
    service = settings(name)
    assert set(service["RestrictAddressFamilies"][0].split()) == {"AF_INET", "AF_INET6", "AF_UNIX"}
    assert service["PrivateDevices"] == ["yes"]
    assert "DeviceAllow" not in service
    assert "SupplementaryGroups" not in service
    assert service["CapabilityBoundingSet"] == [""]
    assert (service["UMask"], service["StateDirectoryMode"]) == (["0077"], ["0700"])
    assert "refill-trial" in service["StateDirectory"][0].split()
    assert service["User"] == ["refill-trial"]
    secret = re.compile(r"://\w+:|password|secret", re.IGNORECASE)
    lines = (SYSTEMD / name).read_text(encoding="utf-8").splitlines()
    assert not [line for line in lines if not line.startswith("#") and secret.search(line)]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")
@pytest.mark.parametrize("name", [*SERVICES, TIMER])
def test_systemd_understands_every_line(verifiable: Path, name: str) -> None:
    unit = verifiable / name
    verify = ["systemd-analyze", "verify", "--recursive-errors=yes", str(unit)]
    done = subprocess.run(verify, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    unit.write_text(unit.read_text(encoding="utf-8") + "\n[Unit]\nDescribtion=x\n")
    done = subprocess.run(verify, capture_output=True, text=True, timeout=60, check=False)
    assert "Describtion" in done.stderr  # a misspelt key would be seen


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")
@pytest.mark.parametrize("name", SERVICES)
def test_their_sandbox_is_tight(verifiable: Path, name: str) -> None:
    security = ["systemd-analyze", "security", "--offline=true", "--threshold=20", "--no-pager", str(verifiable / name)]
    done = subprocess.run(security, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout[-500:]
