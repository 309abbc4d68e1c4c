"""The gate: the only way to the outputs, for the control thread and the guard thread alike."""

import threading
from collections import deque

from device.probe.faults import FaultCode
from device.probe.ports import OutputPort
from device.probe.safety import RELEASED, STALL_S, Arbiter, Outputs

_LOCK_S = 0.02


class Gate:
    """The only way to the outputs. `write` is the control thread's, `guard` the guard thread's, `vent` anybody's."""

    def __init__(self, outputs: OutputPort, arbiter: Arbiter, now_ns: int) -> None:
        self._outputs = outputs
        self._arbiter = arbiter
        self._lock = threading.Lock()
        self.now = RELEASED
        """What was last asked of the outputs."""
        self.beat_ns = now_ns
        """When the control loop last ticked."""
        self.guarded: deque[FaultCode] = deque(maxlen=8)
        """What the guard has tripped on, for the control thread to tell."""
        self._released = False
        """Whether the last write that went through released; what failed, or is under way, has not."""

    def write(self, now_ns: int, wanted: Outputs, kpa: float | None) -> None:
        """Drive what the arbiter allows of `wanted`; raises `HardwareError` where an output does not obey."""
        with self._lock:
            allowed = self._arbiter.allow(now_ns, wanted, kpa)
            self._drive(allowed)
            # A write may take long, and somebody may have tripped and vented meanwhile: what came late is undone.
            if allowed != RELEASED and not self._arbiter.may_close:
                self._drive(RELEASED)

    def guard(self, now_ns: int) -> None:
        """Vent where the lease has run out or control has stalled, and again at each call until that has worked.

        Never waits for long: a control thread that hangs inside a driver holds the lock, and venting without the lock
        is safe, since nothing can be closed any more once the arbiter has tripped. Raises `HardwareError` where an
        output does not obey; what it tripped on is told all the same.
        """
        beat_ns = self.beat_ns
        code = self._arbiter.trip_if_due(now_ns, beat_ns)
        # While control hangs, a write of its that came late may have closed what was released before.
        unsure = not self._released or now_ns - beat_ns > STALL_S * 1e9
        try:
            if unsure and not self._arbiter.may_close:
                self._release(unless_pressing=True)
        finally:
            # Also where an output did not obey: else the falling pressure would be called a leak.
            if code is not None:
                self.guarded.append(code)

    def vent(self) -> None:
        """Release the outputs, now; raises `HardwareError` where they do not obey. Trip or close the arbiter first."""
        self._release(unless_pressing=False)

    def _release(self, *, unless_pressing: bool) -> None:
        locked = self._lock.acquire(timeout=_LOCK_S)
        try:
            # A press may have begun while this thread waited for its turn.
            if not (unless_pressing and self._arbiter.may_close):
                self._drive(RELEASED)
        finally:
            if locked:
                self._lock.release()

    def _drive(self, outputs: Outputs) -> None:
        self._released = False
        self.now = outputs
        self._outputs.apply(outputs)
        self._released = outputs == RELEASED
