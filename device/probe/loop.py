"""The two threads: one ticks the engine on CLOCK_BOOTTIME, the other does nothing else but vent when that is due.

What no thread of this process can catch is the whole process being stopped: that is systemd's watchdog and
`ExecStopPost`, and the hardware's normally-open valve.
"""

import contextlib
import threading
import time

from device.probe.engine import Engine
from device.probe.gate import Gate
from device.probe.messages import Clock
from device.probe.ports import HardwareError

GUARD_PERIOD_S = 0.02
JOIN_S = 2.0


class ControlThread(threading.Thread):
    """Ticks the engine `rate_hz` times a second; a late tick is not made up for."""

    def __init__(self, engine: Engine, rate_hz: int, clock: Clock) -> None:
        super().__init__(name="probe-control", daemon=True)
        self._engine = engine
        self._period_ns = round(1e9 / rate_hz)
        self._clock = clock
        self._ended = threading.Event()

    def run(self) -> None:
        """Tick until told to end."""
        due_ns = self._clock()
        while not self._ended.is_set():
            self._engine.tick()
            now_ns = self._clock()
            due_ns += self._period_ns
            if due_ns < now_ns:
                due_ns = now_ns
            time.sleep((due_ns - now_ns) / 1e9)

    def end(self) -> None:
        """Have the thread end after its tick, and wait for that no longer than `JOIN_S`."""
        self._ended.set()
        if self.is_alive():
            self.join(JOIN_S)


class GuardThread(threading.Thread):
    """Asks the gate every 20 ms whether it has to vent. Nothing else happens here."""

    def __init__(self, gate: Gate, clock: Clock) -> None:
        super().__init__(name="probe-guard", daemon=True)
        self._gate = gate
        self._clock = clock
        self._ended = threading.Event()
        self.beat_ns = clock()

    def run(self) -> None:
        """Guard until told to end; an output that does not obey is tried again at the next round."""
        while not self._ended.wait(GUARD_PERIOD_S):
            self.beat_ns = self._clock()
            with contextlib.suppress(HardwareError):
                self._gate.guard(self.beat_ns)

    def end(self) -> None:
        """Have the thread end."""
        self._ended.set()
        if self.is_alive():
            self.join(JOIN_S)
