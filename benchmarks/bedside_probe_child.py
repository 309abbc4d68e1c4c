"""The simulated probe process of the campaigns: the real control loop, link and drivers, on a probe that can be broken.

`python -m benchmarks.bedside_probe_child SOCKET WORLD`, then one JSON object a line on standard input:

    {"break": "sensor_stuck", "seed": 7}    one of `phantom.probe_faults`, its size drawn from the seed
    {"mend": true}                          the probe is whole again
    {"body": "knee"}                        it sits on another part of the body

The end of standard input ends the process.
"""

import json
import logging
import os
import random
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from device.probe.messages import boot_ns
from device.probe.process import run
from firmware_config.device import DeviceConfig, load_device
from phantom.chamber import BODIES
from phantom.hydraulics import Faults
from phantom.probe_faults import INJECTIONS, BreakableHydraulics, BreakablePins, Probe
from phantom.world import PressureWorldWriter


class Breakable:
    """The simulated probe, as `refill.simulation` makes it, with pins and a model that can be broken and mended."""

    def __init__(self, config: DeviceConfig, world: Path) -> None:
        writer = PressureWorldWriter(world)
        writer.lines(valve_closed=False, duty=0.0)
        self.hydraulics = BreakableHydraulics(clock=boot_ns, record=writer.write, lines=writer.lines)
        self.pins = BreakablePins(self.hydraulics, config)

    def obey(self, command: dict[str, Any]) -> None:
        """Do one command."""
        if "break" in command:
            breaks = INJECTIONS[command["break"]].breaks
            if breaks is not None:
                breaks(Probe(self.hydraulics, self.pins), random.Random(command.get("seed", 0)))  # noqa: S311 - to be repeated
        if "mend" in command:
            self.mend()
        if "body" in command:
            self.hydraulics.chamber = BODIES[command["body"]]

    def mend(self) -> None:
        """Make it whole, but for a clogged vent: that takes another probe."""
        whole = self.hydraulics
        whole.faults = Faults()
        whole.gain, whole.offset_kpa, whole.pinched, whole.coil_dead = 1.0, 0.0, False, False
        self.pins.broken.clear()


def _listen(probe: Breakable) -> None:
    for line in sys.stdin:
        probe.obey(json.loads(line))
    os.kill(os.getpid(), signal.SIGTERM)


def main() -> None:
    """Be the probe until SIGTERM."""
    socket, world = Path(sys.argv[1]), Path(sys.argv[2])
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    config = load_device()
    probe = Breakable(config, world)
    threading.Thread(target=_listen, args=(probe,), name="campaign", daemon=True).start()
    run(config, probe.pins, socket, simulated=True, state_folder=socket.parent / "state")


if __name__ == "__main__":
    main()
