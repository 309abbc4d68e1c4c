"""The simulated probe process of `benchmarks.probe_loop`: the real one, with a note of every tick.

Notes when each control step began and how much processor time of it went into what stands in for hardware (the bus that
gpiozero plays bit by bit, and the hydraulic model): on a Pi the kernel and the chip do that. Written to `ticks.npy` and
`threads.json` of the folder that is the only argument.
"""

import json
import logging
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from gpiozero.pins.spi import SPISoftware

from device.probe.engine import Engine
from device.probe.messages import boot_ns
from device.probe.process import run
from firmware_config.device import load_device
from phantom.hydraulics import Hydraulics
from refill.simulation import SimulatedProbe


class Notes:
    """Begin of each tick (CLOCK_BOOTTIME, ns) and processor time spent in the simulation until then (ns)."""

    def __init__(self) -> None:
        self.ticks: list[tuple[int, int]] = []
        self._simulated_ns = 0

    def watch(self) -> None:
        """Wrap the engine's tick, and what only a simulation has to compute."""
        tick = Engine.tick

        def noted(engine: Engine) -> None:
            self.ticks.append((boot_ns(), self._simulated_ns))
            tick(engine)

        Engine.tick = noted  # type: ignore[method-assign, assignment]  # this process is there to be watched
        SPISoftware.transfer = self._timed(SPISoftware.transfer)
        for name in ("set_pump", "set_valve"):
            setattr(Hydraulics, name, self._timed(getattr(Hydraulics, name)))

    def _timed(self, work: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any) -> Any:
            begun_ns = time.thread_time_ns()
            try:
                return work(*arguments)
            finally:
                self._simulated_ns += time.thread_time_ns() - begun_ns

        return timed


def main() -> None:
    """Be the probe until SIGTERM, then write the notes."""
    folder = Path(sys.argv[1])
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    notes = Notes()
    notes.watch()
    device = load_device()

    def ready() -> None:
        threads = {str(thread.native_id): thread.name for thread in threading.enumerate()}
        (folder / "threads.json").write_text(json.dumps(threads), encoding="utf-8")

    with SimulatedProbe(device, world=folder / "world") as simulated:
        state = folder / "state"
        run(device, simulated.pin_factory, folder / "p.sock", simulated=True, ready=ready, state_folder=state)
    np.save(folder / "ticks.npy", np.array(notes.ticks, dtype=np.int64))


if __name__ == "__main__":
    main()
