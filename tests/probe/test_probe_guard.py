"""The guard thread: vents by itself when the lease is over or the control loop hangs, in real time."""

import threading
import time
from collections.abc import Iterator

import pytest

from device.probe.engine import Engine
from device.probe.faults import FaultCode
from device.probe.gate import Gate
from device.probe.hardware import open_outputs, open_pressure_sensor
from device.probe.link import FaultRaised, boot_ns
from device.probe.loop import ControlThread, GuardThread
from device.probe.messages import Press, Renew
from device.probe.ports import HardwareError, OutputPort
from device.probe.safety import RELEASED, Arbiter, Limits, Outputs
from firmware_config.device import DeviceConfig
from refill.simulation import LEASE, SimulatedProbe, SteppedProbe

S = 1_000_000_000
CLOSED = Outputs(valve_closed=True, pump_duty=0.5)


class Recorder:
    """An output port that remembers, and can fail or hang."""

    def __init__(self) -> None:
        self.writes: list[Outputs] = []
        self.fails = False
        self.hang: threading.Event | None = None

    def apply(self, outputs: Outputs) -> None:
        if outputs.valve_closed and self.hang is not None:
            self.hang.wait(5)
        self.writes.append(outputs)
        if self.fails:
            raise HardwareError("vent valve: does not obey")

    def close(self) -> None:
        self.apply(RELEASED)


@pytest.fixture
def gate(config: DeviceConfig) -> tuple[Gate, Arbiter, Recorder]:
    held, outputs = Arbiter(Limits.of(config)), Recorder()
    return Gate(outputs, held, 0), held, outputs


def test_the_guard_leaves_a_good_press_alone(gate: tuple[Gate, Arbiter, Recorder]) -> None:
    way, held, outputs = gate
    held.grant(S, S)
    way.write(S, CLOSED, 1.0)
    way.beat_ns = S
    way.guard(S + S // 10)
    assert outputs.writes == [CLOSED]


def test_the_guard_vents_when_the_lease_is_over_although_control_still_ticks(
    gate: tuple[Gate, Arbiter, Recorder],
) -> None:
    way, held, outputs = gate
    held.grant(S, S)
    way.write(S, CLOSED, 1.0)
    way.beat_ns = S + S // 2
    way.guard(S + S // 2)
    assert outputs.writes[-1] == RELEASED
    assert list(way.guarded) == [FaultCode.LEASE_LOST]
    way.write(S + S // 2, CLOSED, 1.0)
    assert outputs.writes[-1] == RELEASED


def test_the_guard_vents_when_control_stalls_although_the_lease_is_good(
    gate: tuple[Gate, Arbiter, Recorder],
) -> None:
    way, held, outputs = gate
    held.grant(S, S)
    way.write(S, CLOSED, 1.0)
    way.beat_ns = S
    held.renew(S + 3 * S // 10, S + 3 * S // 10)
    way.guard(S + 3 * S // 10)
    assert outputs.writes[-1] == RELEASED
    assert held.latched == FaultCode.CONTROL_STALLED


def test_the_guard_does_not_wait_for_a_control_thread_that_hangs_in_a_driver(
    gate: tuple[Gate, Arbiter, Recorder],
) -> None:
    way, held, outputs = gate
    held.grant(S, S)
    outputs.hang = threading.Event()
    hanging = threading.Thread(target=way.write, args=(S, CLOSED, 1.0))
    hanging.start()
    time.sleep(0.05)
    started = time.monotonic()
    way.guard(S + 6 * S // 10)
    assert time.monotonic() - started < 0.2
    assert outputs.writes == [RELEASED]
    outputs.hang.set()
    hanging.join(2)
    assert outputs.writes[-1] == CLOSED
    way.guard(S + 62 * S // 100)
    assert outputs.writes[-1] == RELEASED


def test_a_valve_that_does_not_obey_is_tried_again_at_every_round(gate: tuple[Gate, Arbiter, Recorder]) -> None:
    way, held, outputs = gate
    held.grant(S, S)
    way.write(S, CLOSED, 1.0)
    outputs.fails = True
    for millisecond in range(600, 700, 20):
        with pytest.raises(HardwareError):
            way.guard(S + millisecond * 1_000_000)
    assert outputs.writes[1:] == [RELEASED] * 5


def test_what_the_guard_tripped_on_is_told_also_where_the_valve_did_not_obey(
    gate: tuple[Gate, Arbiter, Recorder],
) -> None:
    way, held, outputs = gate
    held.grant(S, S)
    way.write(S, CLOSED, 1.0)
    way.beat_ns = S + S // 2
    outputs.fails = True
    with pytest.raises(HardwareError):
        way.guard(S + S // 2)
    assert list(way.guarded) == [FaultCode.LEASE_LOST]


class FailsOnce:
    """Outputs whose first write is lost."""

    def __init__(self, outputs: OutputPort) -> None:
        self._outputs = outputs
        self._failed = False

    def apply(self, outputs: Outputs) -> None:
        if not self._failed:
            self._failed = True
            raise HardwareError("vent valve: lost its turn")
        self._outputs.apply(outputs)

    def close(self) -> None:
        self._outputs.close()


def test_one_lost_write_does_not_give_a_lost_lease_another_name(config: DeviceConfig) -> None:
    with SteppedProbe(config) as probe:
        probe.run(0.3)
        probe.press(40, 1, 5)
        probe.run(2.0)
        probe.run(0.48, renew=False)
        gate = probe.engine.gate
        gate._outputs = FailsOnce(gate._outputs)
        with pytest.raises(HardwareError, match="lost its turn"):
            gate.guard(probe.clock() + S // 25)
        probe.run(2.0, renew=False)
        assert [event.code for event in probe.seen.events if isinstance(event, FaultRaised)] == [FaultCode.LEASE_LOST]
        assert probe.seen.true_kpa[-1][1] < 0.5


@pytest.fixture
def threads(config: DeviceConfig) -> Iterator[tuple[Engine, SimulatedProbe]]:
    simulated = SimulatedProbe(config)
    outputs = open_outputs(config, simulated.pin_factory)
    sensor = open_pressure_sensor(config, simulated.pin_factory, boot_ns)
    engine = Engine(config, sensor, outputs, boot_ns, simulated=True)
    guard = GuardThread(engine.gate, boot_ns)
    control = ControlThread(engine, config.pressure_sensor.rate_hz, boot_ns)
    guard.start()
    control.start()
    time.sleep(0.2)
    yield engine, simulated
    simulated.hydraulics.faults.sensor = "none"
    control.end()
    guard.end()
    outputs.close()
    sensor.close()


@pytest.mark.slow
def test_a_bus_that_hangs_in_mid_press_is_vented_by_the_guard(threads: tuple[Engine, SimulatedProbe]) -> None:
    engine, simulated = threads
    engine.submit(1, Press(lease=LEASE, sent_ns=boot_ns(), target_kpa=40, ramp_s=0.5, hold_s=10))
    end = time.monotonic() + 1.6
    while time.monotonic() < end:
        engine.submit(1, Renew(lease=LEASE, sent_ns=boot_ns()))
        time.sleep(0.05)
    assert simulated.hydraulics.pressure_kpa() > 35
    simulated.hydraulics.faults.sensor = "hangs"
    for _ in range(12):
        engine.submit(1, Renew(lease=LEASE, sent_ns=boot_ns()))
        time.sleep(0.05)
    assert simulated.hydraulics.pressure_kpa() < 2.0
    simulated.hydraulics.faults.sensor = "none"
    time.sleep(3.2)
    told = [event.code for _, event in engine.outbox if isinstance(event, FaultRaised)]
    assert FaultCode.CONTROL_STALLED in told
    assert simulated.hydraulics.pressure_kpa() < 0.5


@pytest.mark.slow
def test_control_keeps_its_rate(threads: tuple[Engine, SimulatedProbe]) -> None:
    engine, _ = threads
    engine.samples.clear()
    time.sleep(1.0)
    assert 85 <= len(engine.samples) <= 102


def test_a_valve_that_fails_in_mid_press_is_named_and_needs_a_restart(config: DeviceConfig) -> None:
    with SteppedProbe(config) as probe:
        probe.run(0.3)
        probe.press(40, 1, 5)
        probe.run(2.0)
        broken = Recorder()
        broken.fails = True
        probe.engine.gate._outputs = broken
        probe.run(0.5)
        told = [event for event in probe.seen.events if isinstance(event, FaultRaised)]
        assert [event.code for event in told] == [FaultCode.OUTPUT_FAILED]
        assert told[0].latched
        assert broken.writes[-1] == RELEASED
        broken.fails = False
        probe.press(40, 1, 5)
        probe.run(0.5)
        assert not probe.engine.gate.now.valve_closed
