"""The I2C pressure sensor: what its bytes mean, when they are asked for, and what becomes of a part that is ill."""

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from device.probe.faults import FaultCode
from device.probe.hardware import open_pressure_sensor
from device.probe.kernel import I2C_RETRIES, I2C_SLAVE, I2C_TIMEOUT, TRANSFER_TIMEOUT_MS, KernelI2c
from device.probe.link import FaultRaised, Released
from device.probe.mprls import CONVERSION_NS, GIVE_UP_NS, START, MprlsPressureSensor, is_clipped, is_usable, kpa_of
from device.probe.ports import HardwareError, Sample
from device.probe.safety import STALL_S
from device.probe.watch import STALE_S
from firmware_config.device import DeviceConfig
from firmware_config.hardware import MprlsSensor
from phantom.hydraulics import Chamber, Hydraulics
from phantom.i2c import MockMpr, mpr_counts
from refill.simulation import SimulatedProbe, SteppedClock, SteppedProbe

MS = 1_000_000
GAUGE = MprlsSensor(kind="mprls")
ABSOLUTE = MprlsSensor(kind="mprls", measures="absolute", high_kpa=206.8)


class Bench:
    """A driver on a simulated part, read at the pace of a control loop."""

    def __init__(self, sensor: MprlsSensor = GAUGE, noise_kpa: float = 0.0) -> None:
        self.clock = SteppedClock()
        self.air = Hydraulics(Chamber(noise_kpa=noise_kpa, sensor_lag_s=0.0), clock=self.clock)
        self.part = MockMpr(self.air, sensor)
        self.driver = MprlsPressureSensor(sensor, self.part, self.clock)

    def read(self, after_ms: float = 10.0) -> Sample | None:
        self.clock.now_ns += round(after_ms * MS)
        self.part.transfers.clear()
        return self.driver.read()

    @property
    def crossed(self) -> list[str]:
        return [way for way, _ in self.part.transfers]


@pytest.mark.parametrize(
    ("transfer", "lowest", "highest"),
    [("A", 0x19999A, 0xE66666), ("B", 0x066666, 0x39999A), ("C", 0x333333, 0xCCCCCD)],
)
def test_the_ends_of_the_range_are_the_data_sheets(transfer: Any, lowest: int, highest: int) -> None:
    sensor = MprlsSensor(kind="mprls", transfer=transfer)
    one_count = 172.4 / (highest - lowest)
    assert kpa_of(lowest, sensor) == pytest.approx(0.0, abs=one_count)
    assert kpa_of(highest, sensor) == pytest.approx(172.4, abs=one_count)
    assert kpa_of((lowest + highest) // 2, sensor) == pytest.approx(86.2, abs=one_count)


@pytest.mark.parametrize("transfer", ["A", "B", "C"])
def test_counts_and_pressure_are_each_others_inverse(transfer: Any) -> None:
    sensor = MprlsSensor(kind="mprls", transfer=transfer, low_kpa=-10.0, high_kpa=103.4)
    for tenth in range(-80, 1030):
        assert kpa_of(mpr_counts(tenth / 10, sensor), sensor) == pytest.approx(tenth / 10, abs=1e-4)


def test_each_reading_collects_what_the_one_before_started() -> None:
    bench = Bench()
    begun_ns = bench.clock()
    for _ in range(5):
        sample = bench.read()
        assert sample is not None
        assert sample.t_ns == begun_ns + CONVERSION_NS // 2, "stamped at the middle of its conversion"
        assert sample.kpa == pytest.approx(0.0, abs=0.001)
        assert bench.crossed == ["read", "write"]
        begun_ns = bench.clock()


def test_a_pressure_that_moves_is_that_of_the_stamp() -> None:
    bench = Bench()
    bench.air.set_valve(True)
    bench.air.set_pump(0.5)
    true: dict[int, float] = {}
    for _ in range(400):
        bench.clock.now_ns += 2_500_000
        true[bench.clock()] = bench.air.pressure_kpa()
        if len(true) % 4 == 0:
            sample = bench.driver.read()
            if sample is not None and sample.t_ns in true and sample.kpa > 1:
                assert sample.kpa == pytest.approx(true[sample.t_ns], abs=0.05)
    assert max(true.values()) > 20


def test_a_part_asked_too_early_is_not_asked_at_all_and_none_is_given_twice() -> None:
    bench = Bench()
    assert bench.read(4.9) is None
    assert bench.crossed == []
    first = bench.read(0.1)
    assert first is not None
    assert bench.read(1.0) is None
    second = bench.read(9.0)
    assert second is not None
    assert second.t_ns > first.t_ns


def test_a_busy_part_is_waited_for_and_after_a_while_started_again() -> None:
    bench = Bench()
    bench.part.status = 0x60
    tried = 0
    while bench.crossed != ["write"]:
        assert bench.read() is None
        tried += 1
        assert tried * 10 * MS <= GIVE_UP_NS + 20 * MS
    assert bench.part.transfers == [("write", START)]
    assert tried * 10 * MS > GIVE_UP_NS
    bench.part.status = 0x40
    assert bench.read() is not None


@pytest.mark.parametrize("status", [0x44, 0x00, 0xFF, 0x04, 0xC0, 0x50, 0x42])
def test_a_part_without_power_or_memory_and_a_bus_that_floats_give_no_sample(status: int) -> None:
    bench = Bench()
    bench.part.status = status
    assert not is_usable(status)
    assert [bench.read() for _ in range(3)] == [None, None, None]
    bench.part.status = 0x40
    assert bench.read() is not None


def test_a_part_whose_arithmetic_saturates_or_whose_range_ends_is_clipped() -> None:
    bench = Bench()
    bench.part.status = 0x41
    sample = bench.read()
    assert sample is not None
    assert sample.clipped
    bench.part.status = 0x40
    for fault, clipped in (("clipped_low", True), ("clipped_high", True), ("none", False)):
        bench.air.faults.sensor = fault
        sample = bench.read()
        assert sample is not None
        assert sample.clipped is clipped

    at_rest, top = mpr_counts(-0.2, GAUGE), mpr_counts(172.4, GAUGE)
    assert [is_clipped(counts, GAUGE) for counts in (0, 1, at_rest, top - 2, top + 1, 2**24 - 1)] == [
        True, False, False, False, True, True,
    ]  # fmt: skip


class DeadBus:
    """Takes the whole time-out for every transfer, and counts them."""

    def __init__(self, dies_at: int) -> None:
        self.transfers, self._dies_at, self.closed = 0, dies_at, False

    def write(self, _data: bytes) -> None:
        self._transfer()

    def read(self, count: int) -> bytes:
        self._transfer()
        return bytes([0x40, 0x1A, 0, 0][:count])

    def _transfer(self) -> None:
        self.transfers += 1
        if self.transfers >= self._dies_at:
            raise OSError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))

    def close(self) -> None:
        self.closed = True


@pytest.mark.parametrize("dies_at", [3, 4, 5, 6])
def test_no_reading_makes_more_than_two_transfers_nor_one_after_a_failure(dies_at: int) -> None:
    clock, bus = SteppedClock(), DeadBus(dies_at)
    driver = MprlsPressureSensor(GAUGE, bus, clock)
    given = []
    for _ in range(8):
        clock.now_ns += 10 * MS
        before = bus.transfers
        given.append(driver.read())
        made = bus.transfers - before
        assert made <= (2 if before + 1 < dies_at else 1)
    assert given[-1] is None
    longest_s = 2 * TRANSFER_TIMEOUT_MS / 1000
    assert longest_s < STALE_S < STALL_S


def test_a_part_that_does_not_answer_when_opened_is_one_line() -> None:
    bus = DeadBus(1)
    with pytest.raises(HardwareError, match=r"^pressure sensor: \[Errno 110\][^\n]*$"):
        MprlsPressureSensor(GAUGE, bus, SteppedClock())
    assert bus.closed


def test_a_broken_part_is_one_line_when_opened(config: DeviceConfig) -> None:
    fitted = config.model_copy(update={"pressure_sensor": GAUGE})
    board = SimulatedProbe(fitted, clock=SteppedClock()).pin_factory
    board.mpr.status = 0x44
    with pytest.raises(HardwareError, match=r"^pressure sensor: status 0x44 is not that of a working MPR part$"):
        open_pressure_sensor(fitted, board, SteppedClock())
    elsewhere = config.model_copy(update={"pressure_sensor": GAUGE.model_copy(update={"address": 0x28})})
    with pytest.raises(HardwareError, match=r"^pressure sensor: "):
        open_pressure_sensor(elsewhere, board, SteppedClock())


def test_an_absolute_part_takes_the_air_off() -> None:
    bench = Bench(ABSOLUTE, noise_kpa=0.08)
    bench.part.ambient_kpa = 97.3
    assert [bench.read() for _ in range(5)] == [None] * 5
    samples = [bench.read() for _ in range(50)]
    assert None not in samples
    assert max(abs(sample.kpa) for sample in samples if sample is not None) < 0.4
    assert 5 * 10 * MS < STALE_S * 1e9, "so early that nobody has missed it"


@pytest.mark.parametrize("sensor", [GAUGE, ABSOLUTE])
def test_a_gain_multiplies_what_is_left_over_zero_and_air(sensor: MprlsSensor) -> None:
    bench = Bench(sensor)
    bench.part = MockMpr(bench.air, sensor.model_copy(update={"zero_kpa": 0.5}))
    bench.driver = MprlsPressureSensor(
        sensor.model_copy(update={"gain": 1.2, "zero_kpa": 0.5}), bench.part, bench.clock
    )
    for _ in range(8):
        bench.read()
    bench.air.set_valve(True)
    bench.air.set_pump(0.8)
    bench.read(400)
    sample, true_kpa = bench.read(0.0), 0.0
    for _ in range(3):
        bench.air.set_pump(0.0)
        sample = bench.read(50.0) or sample
        true_kpa = bench.air.pressure_kpa()
    assert sample is not None
    assert true_kpa > 5.0
    assert sample.kpa == pytest.approx(1.2 * true_kpa, rel=0.03)


def test_a_probe_that_still_vents_is_not_taken_for_air() -> None:
    bench = Bench(ABSOLUTE)
    for falling_kpa in (140.0, 120.0, 103.0, 101.0, 99.0, 97.8, 97.4, 97.3, 97.3):
        bench.part.ambient_kpa = falling_kpa
        assert bench.read() is None
    bench.part.ambient_kpa = 97.3
    samples = [bench.read() for _ in range(6)]
    assert samples[-1] is not None
    assert samples[-1].kpa == pytest.approx(0.0, abs=0.2)


@pytest.mark.parametrize("held_kpa", [141.0, 104.5, 30.0])
def test_what_cannot_be_air_is_never_taken_for_it(held_kpa: float) -> None:
    bench = Bench(ABSOLUTE)
    bench.part.ambient_kpa = held_kpa
    assert [bench.read() for _ in range(50)] == [None] * 50


def test_the_kernel_is_told_to_give_up_early(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int]] = []
    there = tmp_path / "i2c-1"
    there.write_bytes(b"\x40\x01\x02\x03")
    real_open = os.open
    monkeypatch.setattr(
        "device.probe.kernel.os.open", lambda path, flags: real_open(there if "i2c" in path else path, flags)
    )
    monkeypatch.setattr("device.probe.kernel.fcntl.ioctl", lambda _, request, value: asked.append((request, value)))
    device = KernelI2c(1, 0x18)
    assert asked == [(I2C_SLAVE, 0x18), (I2C_RETRIES, 0), (I2C_TIMEOUT, 2)]
    assert device.read(4) == b"\x40\x01\x02\x03"
    with pytest.raises(OSError, match="not all was given"):
        device.read(4)
    device.close()


def test_a_bus_that_is_not_there_is_an_error_of_the_system() -> None:
    with pytest.raises(OSError, match="i2c-15"):
        KernelI2c(15, 0x18)


@pytest.mark.slow
@pytest.mark.parametrize("sensor", [GAUGE, ABSOLUTE], ids=["gauge", "absolute"])
@pytest.mark.parametrize(("body", "target_kpa"), [("finger", 20.0), ("finger", 60.0), ("knee", 40.0)])
def test_a_press_on_the_i2c_sensor_holds_and_releases(
    config: DeviceConfig, sensor: MprlsSensor, body: Any, target_kpa: float
) -> None:
    with SteppedProbe(config.model_copy(update={"pressure_sensor": sensor}), body=body) as probe:
        probe.run(0.4)
        probe.press(target_kpa, 1.0, 4.0)
        probe.run(7.5)
        (released,) = [event for event in probe.seen.events if isinstance(event, Released)]
        assert (released.why, released.fault) == ("held", None)
        off = [abs(kpa / target_kpa - 1) > 0.05 for kpa in probe.seen.hold_kpa]
        assert sum(off) <= 0.01 * len(off)
        assert released.overshoot is not None
        assert released.overshoot < 0.08
        assert released.release_s is not None
        assert released.release_s < 0.15


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("stale", FaultCode.SENSOR_STALE),
        ("hangs", FaultCode.SENSOR_STALE),
        ("stuck", FaultCode.SENSOR_STUCK),
        ("clipped_low", FaultCode.SENSOR_CLIPPED),
        ("clipped_high", FaultCode.SENSOR_CLIPPED),
        ("jumps", FaultCode.SENSOR_IMPLAUSIBLE),
    ],
)
def test_every_fault_of_the_i2c_sensor_vents_and_is_named(config: DeviceConfig, fault: Any, code: FaultCode) -> None:
    with SteppedProbe(config.model_copy(update={"pressure_sensor": GAUGE})) as probe:
        probe.run(0.3)
        probe.press(40.0, 1.0, 6.0)
        probe.run(2.0)
        assert probe.seen.true_kpa[-1][1] > 38
        probe.faults.sensor = fault
        probe.run(1.0)
        assert [event.code for event in probe.seen.events if isinstance(event, FaultRaised)][:1] == [code]
        assert probe.seen.true_kpa[-1][1] < 0.5
