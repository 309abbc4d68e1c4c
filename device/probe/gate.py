"""The gate: the only way to the outputs, for the control thread and the guard thread alike."""

import threading
from collections import deque

from device.probe.faults import FaultCode
from device.probe.ports import OutputPort
from device.probe.safety import RELEASED, STALL_S, Arbiter, Outputs

_LOCK_S = 0.02


class Gate:
    """The only way to the outputs. `write` is the control thread's, `guard` the guard thread's."""

    def __init__(self, outputs: OutputPort, arbiter: Arbiter, now_ns: int) -> None:
        self._outputs = outputs
        self._arbiter = arbiter
        self._lock = threading.Lock()
        self.now = RELEASED
        self.beat_ns = now_ns
        """When the control loop last ticked."""
        self.guarded: deque[FaultCode] = deque(maxlen=8)
        """What the guard has tripped on, for the control thread to tell."""

    def write(self, now_ns: int, wanted: Outputs, kpa: float | None) -> None:
        """Drive what the arbiter allows of `wanted`; raises `HardwareError` where an output does not obey."""
        with self._lock:
            self.now = self._arbiter.allow(now_ns, wanted, kpa)
            self._outputs.apply(self.now)

    def guard(self, now_ns: int) -> None:
        """Vent where the lease has run out or the control loop has stalled; again at each call while that lasts.

        Never waits for long: a control thread that hangs inside a driver holds the lock, and venting without the lock
        is safe, since nothing can be closed any more once the arbiter has tripped. Raises `HardwareError` where an
        output does not obey; what it tripped on is told all the same.
        """
        code = self._arbiter.overdue(now_ns)
        stalled = now_ns - self.beat_ns > STALL_S * 1e9
        if code is None and not stalled:
            return
        if stalled and self.now.valve_closed:
            code = FaultCode.CONTROL_STALLED
        if code is not None:
            self._arbiter.trip(code)
        try:
            if self.now != RELEASED or stalled:
                self.vent()
        finally:
            # Also where an output did not obey: else the falling pressure would be called a leak.
            if code is not None:
                self.guarded.append(code)

    def vent(self) -> None:
        """Release the outputs, now; raises `HardwareError` where they do not obey."""
        locked = self._lock.acquire(timeout=_LOCK_S)
        try:
            self._outputs.apply(RELEASED)
            self.now = RELEASED
        finally:
            if locked:
                self._lock.release()
