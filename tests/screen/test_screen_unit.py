"""The screen's unit: what systemd does for it, and that the bedside's own unit keeps without a network."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from device.screen.server import ALIVE_S

SYSTEMD = Path(__file__).resolve().parents[2] / "systemd"
UNIT = SYSTEMD / "refill-screen.service"


@pytest.fixture(scope="module")
def service() -> dict[str, str]:
    return dict(re.findall(r"^(\w+)=(.*)$", UNIT.read_text(encoding="utf-8"), re.MULTILINE))


@pytest.fixture
def verifiable(tmp_path: Path) -> Path:
    """The unit with a program that is there."""
    copy = tmp_path / UNIT.name
    copy.write_text(UNIT.read_text(encoding="utf-8").replace("/opt/refill/.venv/bin/refill", "/bin/true"))
    return copy


def test_the_page_has_a_network_and_the_bedside_none(service: dict[str, str]) -> None:
    bedside = (SYSTEMD / "refill-bedside.service").read_text(encoding="utf-8")
    assert "PrivateNetwork=yes" in bedside
    assert "refill-screen" not in bedside, "nothing that measures waits for the page"
    assert "AF_INET" in service["RestrictAddressFamilies"]
    assert (service["User"], service["DevicePolicy"]) == ("refill", "closed")
    assert "StateDirectory" not in service, "it only reads"


def test_it_comes_back_and_gives_way(service: dict[str, str]) -> None:
    assert (service["Restart"], service["RestartPreventExitStatus"]) == ("always", "2")
    assert float(service["WatchdogSec"]) > 5 * ALIVE_S
    assert int(service["Nice"]) > 0
    assert "refill-screen.service" in (SYSTEMD / "refill.target").read_text(encoding="utf-8")


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")
def test_systemd_understands_every_line_and_finds_it_tight(verifiable: Path) -> None:
    verify = ["systemd-analyze", "verify", "--recursive-errors=yes", str(verifiable)]
    done = subprocess.run(verify, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    security = ["systemd-analyze", "security", "--offline=true", "--threshold=20", "--no-pager", str(verifiable)]
    done = subprocess.run(security, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout[-500:]
