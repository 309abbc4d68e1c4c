"""The screen's unit: what systemd does for it, and that the bedside's own unit keeps without a network."""

import pytest

from device.screen.server import ALIVE_S
from tests.systemd.units_bench import SYSTEMD, Settings, settings


@pytest.fixture(scope="module")
def service() -> Settings:
    return settings("refill-screen.service")


def test_the_page_has_a_network_and_the_bedside_none(service: Settings) -> None:
    bedside = (SYSTEMD / "refill-bedside.service").read_text(encoding="utf-8")
    assert "PrivateNetwork=yes" in bedside
    assert "refill-screen" not in bedside, "nothing that measures waits for the page"
    assert "AF_INET" in service["RestrictAddressFamilies"][0]
    assert (service["User"], service["DevicePolicy"]) == (["refill"], ["closed"])
    assert "StateDirectory" not in service, "it only reads"


def test_it_comes_back_and_gives_way(service: Settings) -> None:
    assert (service["Restart"], service["RestartPreventExitStatus"]) == (["always"], ["2"])
    assert float(service["WatchdogSec"][0]) > 5 * ALIVE_S
    bedside = settings("refill-bedside.service")
    assert 10 * int(service["CPUWeight"][0]) < int(bedside["CPUWeight"][0])
    assert "refill-screen.service" in settings("refill.target", "[Unit]")["Wants"][0]
