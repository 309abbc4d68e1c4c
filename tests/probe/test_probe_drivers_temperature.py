"""The thermometer: a value about once a second, none where it fails, and never in anybody's way."""

import errno
import threading

import pytest

from device.probe.hardware import open_thermometer
from device.probe.temperature import FRESH_NS, Ds18b20
from firmware_config.device import DeviceConfig
from firmware_config.hardware import TemperatureSensor
from phantom.sysfs import SimulatedSysfs
from refill.simulation import SimulatedProbe, SteppedClock

FITTED = TemperatureSensor(id="28-0123456789ab")


@pytest.mark.parametrize("celsius", [31.25, 0.0, -9.9375, 59.9375])
def test_what_the_kernel_says_is_the_temperature(celsius: float) -> None:
    sysfs = SimulatedSysfs(thermometer=FITTED)
    sysfs.celsius = celsius
    thermometer = Ds18b20(FITTED, sysfs, SteppedClock())
    assert thermometer.celsius() is None
    thermometer.read()
    assert thermometer.celsius() == pytest.approx(celsius, abs=0.001)


@pytest.mark.parametrize("celsius", [None, 85.0, 125.0, -55.0])
def test_a_reading_that_fails_or_cannot_be_true_is_no_value(celsius: float | None) -> None:
    sysfs = SimulatedSysfs(thermometer=FITTED)
    thermometer = Ds18b20(FITTED, sysfs, SteppedClock())
    thermometer.read()
    assert thermometer.celsius() == 32.0
    sysfs.celsius = celsius
    thermometer.read()
    assert thermometer.celsius() is None


@pytest.mark.parametrize("text", ["", "warm", "3.2", "32000 C"])
def test_what_is_no_number_is_no_value(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sysfs = SimulatedSysfs(thermometer=FITTED)
    monkeypatch.setattr(sysfs, "read", lambda _: text)
    thermometer = Ds18b20(FITTED, sysfs, SteppedClock())
    thermometer.read()
    assert thermometer.celsius() is None


def test_a_value_does_not_outlive_five_seconds() -> None:
    clock = SteppedClock()
    thermometer = Ds18b20(FITTED, SimulatedSysfs(thermometer=FITTED), clock)
    thermometer.read()
    clock.now_ns += FRESH_NS - 1
    assert thermometer.celsius() == 32.0
    clock.now_ns += 1
    assert thermometer.celsius() is None


class SlowBus:
    """A bus whose first reading hangs until let go."""

    def __init__(self) -> None:
        self.asked, self.go = threading.Event(), threading.Event()

    def read(self, _name: str) -> str:
        self.asked.set()
        assert self.go.wait(5)
        return "30000"

    def write(self, _name: str, _text: str) -> None:
        raise OSError(errno.EACCES, "read-only")


def test_a_bus_that_hangs_holds_up_nobody_who_asks_or_closes() -> None:
    bus = SlowBus()
    thermometer = Ds18b20(FITTED, bus, SteppedClock()).start()
    assert bus.asked.wait(5)
    assert thermometer.celsius() is None
    thermometer.close()
    assert thermometer._thread.is_alive()
    bus.go.set()
    thermometer._thread.join(5)
    assert not thermometer._thread.is_alive()
    assert thermometer.celsius() == 30.0


def test_none_is_opened_where_none_is_fitted_and_one_that_is_gone_is_no_error(config: DeviceConfig) -> None:
    board = SimulatedProbe(config, clock=SteppedClock()).pin_factory
    assert open_thermometer(config, board, SteppedClock()) is None
    fitted = config.model_copy(update={"temperature_sensor": FITTED})
    thermometer = open_thermometer(fitted, board, SteppedClock())
    assert isinstance(thermometer, Ds18b20)
    thermometer.close()
    thermometer._thread.join(5)
    assert thermometer.celsius() is None
