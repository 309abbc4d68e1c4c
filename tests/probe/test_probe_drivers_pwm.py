"""The chip's PWM through sysfs: by the kernel's rules, and stopped whatever it is found doing."""

from pathlib import Path

import pytest
from gpiozero import OutputDevice

from device.probe.drivers import PumpAndValve
from device.probe.hardware import outputs_off
from device.probe.kernel import KernelFiles
from device.probe.link import Released
from device.probe.ports import HardwareError
from device.probe.pump import EXPORT_S, PAUSE_S, HardwarePump
from device.probe.safety import RELEASED, Outputs
from firmware_config.device import DeviceConfig
from firmware_config.hardware import HardwarePwm
from phantom.sysfs import Channel, SimulatedSysfs
from refill.simulation import SimulatedProbe, SteppedClock, SteppedProbe

PWM = HardwarePwm(kind="hardware", chip=2, channel=0, frequency_hz=1000)
RUNNING = Channel(period_ns=50_000, duty_ns=20_000, enabled=True)
PRESSING = Outputs(valve_closed=True, pump_duty=0.4)


@pytest.fixture
def by_chip(config: DeviceConfig) -> DeviceConfig:
    return config.model_copy(update={"pump_pwm": PWM})


def test_a_channel_is_exported_set_up_and_off_until_the_pump_is_to_run() -> None:
    shares: list[float] = []
    sysfs = SimulatedSysfs(PWM, drive=shares.append)
    pump = HardwarePump(PWM, sysfs)
    assert sysfs.channel == Channel(period_ns=1_000_000)
    pump.set(0.25)
    pump.set(0.5)
    assert sysfs.channel == Channel(period_ns=1_000_000, duty_ns=500_000, enabled=True)
    pump.set(0.0)
    pump.close()
    assert sysfs.channel == Channel(period_ns=1_000_000)
    assert shares == [0.25, 0.5, 0.0]


@pytest.mark.parametrize(
    "left",
    [
        RUNNING,
        Channel(period_ns=2_000_000_000, duty_ns=2_000_000_000, enabled=True),
        Channel(period_ns=50_000, duty_ns=50_000, enabled=True, inversed=True),
        Channel(period_ns=50_000, duty_ns=0, enabled=True, inversed=True),
        Channel(),
    ],
)
def test_what_a_killed_probe_left_running_is_stopped_with_nothing_but_the_configuration(
    by_chip: DeviceConfig, left: Channel
) -> None:
    board = SimulatedProbe(by_chip, clock=SteppedClock()).pin_factory
    shares: list[float] = []
    board.sysfs.channel, board.sysfs._drive = left, shares.append
    outputs_off(by_chip, board)
    assert board.sysfs.channel == Channel(period_ns=1_000_000)
    assert shares == [0.0] * bool(left.high_share), "off at once, and never on again on the way"
    outputs_off(by_chip, board)


def test_a_pump_left_running_is_stopped_although_the_valves_line_is_anothers(by_chip: DeviceConfig) -> None:
    board = SimulatedProbe(by_chip, clock=SteppedClock()).pin_factory
    board.sysfs.channel = RUNNING
    with OutputDevice(by_chip.pins.vent_valve, pin_factory=board):
        with pytest.raises(HardwareError, match=r"^vent valve: [^\n]*in use"):
            outputs_off(by_chip, board)
        assert board.sysfs.channel.high_share == 0.0


def test_files_that_udev_hands_over_late_are_waited_for_and_not_for_ever() -> None:
    waited: list[float] = []
    sysfs = SimulatedSysfs(PWM)
    sysfs.udev_late = 7
    HardwarePump(PWM, sysfs, waited.append)
    assert waited == [PAUSE_S] * len(waited)
    assert 1 <= len(waited) <= 7
    sysfs, waited = SimulatedSysfs(PWM), []
    sysfs.udev_late = 10_000
    with pytest.raises(PermissionError):
        HardwarePump(PWM, sysfs, waited.append)
    assert sum(waited) < EXPORT_S


@pytest.mark.parametrize("broken", ["enable", "duty_cycle"])
def test_either_of_two_writes_stops_the_pump_and_one_that_fails_is_told(by_chip: DeviceConfig, broken: str) -> None:
    board = SimulatedProbe(by_chip, clock=SteppedClock()).pin_factory
    outputs = PumpAndValve(by_chip, board, board.sysfs)
    outputs.apply(PRESSING)
    assert board.sysfs.channel.high_share == pytest.approx(0.4)
    board.sysfs.broken.add(broken)
    with pytest.raises(HardwareError, match=r"^pump: "):
        outputs.apply(RELEASED)
    assert board.sysfs.channel.high_share == 0.0
    board.sysfs.broken.clear()
    outputs.apply(PRESSING)
    assert board.sysfs.channel.high_share == pytest.approx(0.4), "runs again, whichever write had failed"
    outputs.close()


def test_a_chip_that_is_not_there_is_one_line(config: DeviceConfig) -> None:
    elsewhere = config.model_copy(update={"pump_pwm": PWM.model_copy(update={"chip": 3})})
    board = SimulatedProbe(config.model_copy(update={"pump_pwm": PWM}), clock=SteppedClock()).pin_factory
    with pytest.raises(HardwareError, match=r"^pump: \[Errno 2\][^\n]*pwmchip3"):
        PumpAndValve(elsewhere, board, board.sysfs)


def test_the_pumps_line_is_left_to_the_chip(by_chip: DeviceConfig) -> None:
    board = SimulatedProbe(by_chip, clock=SteppedClock()).pin_factory
    outputs = PumpAndValve(by_chip, board, board.sysfs)
    outputs.apply(PRESSING)
    assert by_chip.pins.pump not in {pin.info.name for pin in board.pins.values()}
    assert board.pin(by_chip.pins.pump).function == "input"
    outputs.close()


def test_the_same_driver_works_on_a_tree_of_files(tmp_path: Path) -> None:
    folder = tmp_path / "class/pwm/pwmchip2/pwm0"
    folder.mkdir(parents=True)
    for name, text in (("period", "50000\n"), ("duty_cycle", "20000\n"), ("enable", "1\n"), ("polarity", "normal\n")):
        (folder / name).write_text(text)

    def stands() -> dict[str, str]:
        return {path.name: path.read_text() for path in folder.iterdir()}

    pump = HardwarePump(PWM, KernelFiles(tmp_path))
    assert stands() == {"period": "1000000", "duty_cycle": "0", "enable": "0", "polarity": "normal\n"}
    pump.set(0.33)
    assert (stands()["duty_cycle"], stands()["enable"]) == ("330000", "1")
    pump.close()
    assert (stands()["duty_cycle"], stands()["enable"]) == ("0", "0")
    with pytest.raises(FileNotFoundError):
        KernelFiles(tmp_path).write("class/pwm/pwmchip2/new", "1")


@pytest.mark.slow
def test_a_press_by_the_chips_pwm_is_a_press(by_chip: DeviceConfig) -> None:
    with SteppedProbe(by_chip) as probe:
        probe.run(0.3)
        probe.press(40.0, 1.0, 3.0)
        probe.run(7.0)
        (released,) = [event for event in probe.seen.events if isinstance(event, Released)]
        assert (released.why, released.fault) == ("held", None)
        assert all(abs(kpa / 40.0 - 1) < 0.05 for kpa in probe.seen.hold_kpa[1:])
        assert probe.simulated.pin_factory.sysfs.channel.high_share == 0.0
