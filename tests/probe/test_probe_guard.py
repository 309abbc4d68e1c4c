"""The guard beside the whole engine: vents by itself when the lease is over or the control loop hangs."""

import time
from collections.abc import Iterator

import pytest

from device.probe.engine import Engine
from device.probe.faults import FaultCode
from device.probe.hardware import open_outputs, open_pressure_sensor
from device.probe.link import FaultRaised, boot_ns
from device.probe.loop import ControlThread, GuardThread
from device.probe.messages import Press, Renew
from device.probe.ports import HardwareError, OutputPort
from device.probe.safety import RELEASED, Outputs
from firmware_config.device import DeviceConfig
from refill.simulation import LEASE, SimulatedProbe, SteppedProbe

S = 1_000_000_000


class Broken:
    """Outputs that do not obey, until they are mended."""

    def __init__(self) -> None:
        self.writes: list[Outputs] = []
        self.fails = True

    def apply(self, outputs: Outputs) -> None:
        self.writes.append(outputs)
        if self.fails:
            raise HardwareError("vent valve: does not obey")

    def close(self) -> None:
        self.apply(RELEASED)


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
    # Never faster, and without a stop; how well it is kept, `make probe-loop` says.
    engine, _ = threads
    began_ns = boot_ns()
    engine.samples.clear()
    time.sleep(1.0)
    samples = len(engine.samples)
    assert 20 <= samples <= 100 * (boot_ns() - began_ns) / 1e9 + 2


def test_a_valve_that_fails_in_mid_press_is_named_and_needs_a_restart(config: DeviceConfig) -> None:
    with SteppedProbe(config) as probe:
        probe.run(0.3)
        probe.press(40, 1, 5)
        probe.run(2.0)
        broken = Broken()
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
