"""What the engine asks of the hardware: outputs to drive, pressure to read. Drivers and test doubles plug in alike."""

from dataclasses import dataclass
from typing import Protocol

from device.probe.safety import Outputs


class HardwareError(Exception):
    """The probe's hardware cannot be used. One line."""


@dataclass(frozen=True)
class Sample:
    """One reading of the pressure sensor: CLOCK_BOOTTIME at its middle, and gauge pressure.

    `clipped`: the sensor is at an end of its own range, so that `kpa` may be anything beyond. A sensor that does not
    move gives the very same `kpa` again: a driver neither rounds nor filters.
    """

    t_ns: int
    kpa: float
    clipped: bool = False


class OutputPort(Protocol):
    """Where outputs go."""

    def apply(self, outputs: Outputs) -> None:
        """Make it so; raises `HardwareError` after having tried everything."""

    def close(self) -> None:
        """Vent and let go of the pins."""


class SensorPort(Protocol):
    """Where pressure comes from."""

    def read(self) -> Sample | None:
        """Return one fresh sample, or None where the sensor does not answer. Never raises."""

    def close(self) -> None:
        """Let go of the bus."""
