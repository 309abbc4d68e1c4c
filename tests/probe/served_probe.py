"""A whole probe in this process, threads and link included, on simulated hardware that a test can break."""

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

from device.probe.engine import Engine
from device.probe.hardware import open_outputs, open_pressure_sensor
from device.probe.link import boot_ns
from device.probe.loop import ControlThread, GuardThread
from device.probe.server import LinkServer, open_listener
from firmware_config.device import DeviceConfig
from phantom.hydraulics import Faults
from refill.simulation import SimulatedProbe


@contextlib.contextmanager
def served_probe(config: DeviceConfig, socket: Path, faults: Faults | None = None) -> Iterator[SimulatedProbe]:
    """Serve a probe at `socket` while the block runs."""
    with SimulatedProbe(config, faults=faults) as simulated:
        outputs = open_outputs(config, simulated.pin_factory)
        sensor = open_pressure_sensor(config, simulated.pin_factory, boot_ns)
        engine = Engine(config, sensor, outputs, boot_ns, simulated=True)
        server = LinkServer(open_listener(socket), engine)
        ended = threading.Event()

        def serve() -> None:
            while not ended.is_set():
                server.serve_once(0.02)

        serving = threading.Thread(target=serve)
        control = ControlThread(engine, config.pressure_sensor.rate_hz, boot_ns)
        guard = GuardThread(engine.gate, boot_ns)
        for thread in (control, guard, serving):
            thread.start()
        try:
            yield simulated
        finally:
            ended.set()
            serving.join(5)
            control.end()
            guard.end()
            server.close()
            outputs.close()
            sensor.close()
