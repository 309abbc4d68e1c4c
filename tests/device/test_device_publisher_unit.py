"""The publisher's unit: what systemd does for it, and that it fits the code and the device file."""

import re
import shutil
from pathlib import Path

import pytest

from device.journal.schema import BUSY_TIMEOUT_S
from device.publisher import ALIVE_S, Patience
from device.publisher_link import CONNECT_TIMEOUT_S
from firmware_config.device import Bedside, Storage
from tests.systemd.units_bench import Settings, complaints, settings, verifiable
from trial.site_bundle import CREDENTIAL

NAME = "refill-publish.service"


@pytest.fixture(scope="module")
def service() -> Settings:
    return settings(NAME)


def test_it_starts_again_whatever_ends_it_but_a_wrong_configuration(service: Settings) -> None:
    assert service["Restart"] == ["always"]
    assert service["RestartPreventExitStatus"] == ["2"]


def test_the_watchdog_waits_longer_than_any_turn_may_take(service: Settings) -> None:
    assert service["Type"] == ["notify"]
    watchdog_s = float(service["WatchdogSec"][0])
    assert watchdog_s == 30
    assert watchdog_s > 2 * (BUSY_TIMEOUT_S + ALIVE_S + Patience().poll_s)
    assert float(service["TimeoutStopSec"][0]) > Patience().farewell_s + BUSY_TIMEOUT_S + Patience().poll_s


def test_it_shares_its_folders_with_the_bedside_and_neither_takes_them_away(service: Settings) -> None:
    assert Bedside().run_folder == Path("/run") / service["RuntimeDirectory"][0]
    assert Storage().journal_folder == Path("/var/lib") / service["StateDirectory"][0]
    bedside = settings("refill-bedside.service")
    for key in ("RuntimeDirectory", "RuntimeDirectoryMode", "RuntimeDirectoryPreserve", "User", "Group"):
        assert service[key] == bedside[key], key
    assert service["RuntimeDirectoryPreserve"] == ["yes"]


def test_it_reaches_the_network_and_no_device(service: Settings) -> None:
    assert set(service["RestrictAddressFamilies"][0].split()) == {"AF_INET", "AF_INET6", "AF_UNIX"}
    assert service["DevicePolicy"] == ["closed"]
    assert "DeviceAllow" not in service
    assert "SupplementaryGroups" not in service
    assert service["CapabilityBoundingSet"] == [""]
    assert CONNECT_TIMEOUT_S < 5


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")
def test_a_bundles_key_is_handed_over_by_the_unit_or_by_the_drop_in_that_it_shows(
    service: Settings, tmp_path: Path
) -> None:
    assert service["LoadCredential"] == [CREDENTIAL, "broker-password"]
    unit = verifiable(NAME, tmp_path)
    text = unit.read_text(encoding="utf-8")
    lines = re.findall(r"^#   (.+)$", text, re.MULTILINE)
    assert lines == ["[Service]", f"LoadCredential={CREDENTIAL}:/etc/refill/tls/client.key"]
    unit.write_text("\n".join([text, *lines, ""]), encoding="utf-8")
    assert complaints(unit) == ""
