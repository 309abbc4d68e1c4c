"""The probe's unit: what systemd does for it, and that it fits the code and the device file."""

from pathlib import Path

import pytest

from device.probe.process import DEAD_S, LAST_LOOK_S, WATCHDOG_NS
from firmware_config.device import Probe
from tests.systemd.units_bench import PROGRAM, Settings, seconds, settings

NAME = "refill-probe.service"


@pytest.fixture(scope="module")
def service() -> Settings:
    return settings(NAME)


def test_however_it_ends_its_outputs_are_put_off_and_it_starts_again(service: Settings) -> None:
    assert service["ExecStopPost"] == [f"{PROGRAM} probe off"]
    assert service["Restart"] == ["always"]
    # No prefix that would forgive a failure, run it as root or outside the sandbox.
    assert service["ExecStopPost"][0].startswith("/")


def test_it_runs_and_puts_off_and_nothing_else(service: Settings) -> None:
    assert [line.split()[1:] for line in service["ExecStart"] + service["ExecStopPost"]] == [
        ["probe", "run"],
        ["probe", "off"],
    ]


def test_the_watchdog_is_fed_often_enough_and_bites_soon(service: Settings) -> None:
    watchdog_s = seconds(service["WatchdogSec"][0])
    assert watchdog_s >= 2.5 * WATCHDOG_NS / 1e9
    assert watchdog_s > DEAD_S  # a thread that hangs is told by the process itself
    assert watchdog_s + seconds(service["TimeoutAbortSec"][0]) <= 5
    assert seconds(service["TimeoutStopSec"][0]) > LAST_LOOK_S + 2 * DEAD_S


def test_its_folders_are_those_of_the_device_file(service: Settings) -> None:
    defaults = Probe()
    assert defaults.socket.parent == Path("/run") / service["RuntimeDirectory"][0]
    assert defaults.state_folder == Path("/var/lib") / service["StateDirectory"][0]
    assert service["RuntimeDirectoryMode"] == ["0750"]


def test_it_reaches_its_buses_and_nothing_else(service: Settings) -> None:
    assert service["DevicePolicy"] == ["closed"]
    assert {rule.split()[0] for rule in service["DeviceAllow"]} == {"char-gpiochip", "char-spi", "char-i2c"}
    assert service["RestrictAddressFamilies"] == ["AF_UNIX"]
    assert service["CapabilityBoundingSet"] == [""]
