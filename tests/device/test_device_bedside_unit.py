"""The bedside's unit: what systemd does for it, and that it fits the code and the device file."""

from pathlib import Path

import pytest

from device.bedside_life import ALIVE_S, TICKED_S
from firmware_config.device import Bedside, Storage
from tests.systemd.units_bench import Settings, settings

NAME = "refill-bedside.service"


@pytest.fixture(scope="module")
def service() -> Settings:
    return settings(NAME)


def test_it_starts_again_whatever_ends_it_but_a_wrong_configuration(service: Settings) -> None:
    assert service["Restart"] == ["always"]
    assert service["RestartPreventExitStatus"] == ["2"]


def test_the_watchdog_bites_after_both_loops_have_been_silent_and_not_before(service: Settings) -> None:
    watchdog_s = float(service["WatchdogSec"][0])
    assert watchdog_s == 5
    assert watchdog_s >= TICKED_S + 2 * ALIVE_S


def test_its_folders_are_those_of_the_device_file(service: Settings) -> None:
    assert Bedside().run_folder == Path("/run") / service["RuntimeDirectory"][0]
    assert Bedside().socket.parent == Bedside().run_folder
    assert Storage().journal_folder == Path("/var/lib") / service["StateDirectory"][0]
    assert service["RuntimeDirectoryPreserve"] == ["yes"]


def test_it_reaches_camera_and_pins_and_nothing_else(service: Settings) -> None:
    allowed = {rule.split()[0] for rule in service["DeviceAllow"]}
    assert allowed == {"char-video4linux", "char-media", "char-dma_heap", "char-gpiochip"}
    assert service["DevicePolicy"] == ["closed"]
    assert service["RestrictAddressFamilies"] == ["AF_UNIX AF_NETLINK"]
    assert service["CapabilityBoundingSet"] == [""]
    assert service["PrivateNetwork"] == ["yes"]
