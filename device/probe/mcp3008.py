"""The analogue pressure sensor behind an MCP3008 on SPI, through gpiozero."""

import contextlib
import warnings
from typing import Any

from gpiozero import MCP3008, Device, SPISoftwareFallback

from device.probe.drivers import HARDWARE_ERRORS
from device.probe.messages import Clock
from device.probe.ports import HardwareError, Sample
from firmware_config.hardware import Mcp3008Sensor

FULL_SCALE = 1023
CLIPPED_COUNTS = 1
"""So near to an end of the converter's range the sensor counts as clipped: its last count is not a clean one."""


class Mcp3008PressureSensor:
    """The sensor as a port."""

    def __init__(self, sensor: Mcp3008Sensor, pin_factory: Any, clock: Clock) -> None:
        self._kpa = [kpa_of(counts, sensor) for counts in range(FULL_SCALE + 1)]
        self._clock = clock
        # gpiozero's software bus, which its mock uses, asks for the process-wide factory whatever it was handed.
        Device.pin_factory = pin_factory
        try:
            with warnings.catch_warnings():
                # Bit-banged SPI on a Pi is too slow for the loop: a missing /dev/spidev has to be an error.
                warnings.simplefilter("error", SPISoftwareFallback)
                self._converter = MCP3008(channel=sensor.channel, pin_factory=pin_factory)
        except (SPISoftwareFallback, *HARDWARE_ERRORS) as error:
            raise HardwareError(f"pressure sensor: {error}") from error

    def read(self) -> Sample | None:
        """Return one sample stamped at the middle of its reading; None where the converter does not answer."""
        before_ns = self._clock()
        try:
            counts = int(self._converter.raw_value)
        except HARDWARE_ERRORS:
            return None
        return Sample((before_ns + self._clock()) // 2, self._kpa[counts], clipped=is_clipped(counts))

    def close(self) -> None:
        """Let go of the bus."""
        with contextlib.suppress(*HARDWARE_ERRORS):
            self._converter.close()


def is_clipped(counts: int) -> bool:
    """Return whether `counts` (0 to 1023) lies at an end of the converter's range."""
    return not CLIPPED_COUNTS < counts < FULL_SCALE - CLIPPED_COUNTS


def kpa_of(counts: int, sensor: Mcp3008Sensor) -> float:
    """Return the gauge pressure in kPa behind `counts` (0 to 1023): converter, divider, the sensor's curve and zero."""
    return sensor.kpa_at(counts / (FULL_SCALE + 1) * sensor.reference_v / sensor.divider)
