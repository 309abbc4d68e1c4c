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


class Thermometer(Protocol):
    """Where a temperature comes from. It informs; nothing waits for it."""

    def celsius(self) -> float | None:
        """Return the last reading in degrees Celsius, None where there is no fresh one. Never blocks or raises."""

    def close(self) -> None:
        """Read no more."""


class I2cDevice(Protocol):
    """One device on an I2C bus. A transfer that fails raises `OSError`, within a bounded time."""

    def write(self, data: bytes) -> None:
        """Send `data` in one transfer."""

    def read(self, count: int) -> bytes:
        """Return `count` bytes of one transfer."""

    def close(self) -> None:
        """Let go of the bus."""


class Sysfs(Protocol):
    """The kernel's files, by their names below /sys. Raises `OSError`."""

    def read(self, name: str) -> str:
        """Return what stands in the file, without the white space around it."""

    def write(self, name: str, text: str) -> None:
        """Write into a file that is there."""
