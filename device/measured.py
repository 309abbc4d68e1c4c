"""When something was measured, as a record has it."""

from contract.reading import Measured
from device.clock import Clock


def measured_now(clock: Clock) -> Measured:
    """Return this instant by both clocks, and whether the wall clock was synchronised."""
    return Measured(
        at=clock.now(),
        boot_id=clock.boot_id(),
        boottime_ns=clock.boottime_ns(),
        clock_synchronised=clock.synchronised(),
    )
