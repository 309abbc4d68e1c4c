"""The Pi as the drivers see it: gpiozero on lgpio, with lines that do not blip, and the kernel's I2C and sysfs.

Imports lgpio, so only `drivers.hardware_pin_factory` imports this, and only on a Pi. Its simulated counterpart is
`phantom.pins.SimulatedPinFactory`.
"""

from typing import Any

import lgpio
from gpiozero.pins.lgpio import LGPIOFactory, LGPIOPin

from device.probe.kernel import KernelFiles, KernelI2c


class SteadyPin(LGPIOPin):  # type: ignore[misc]  # gpiozero has no types
    """A line that becomes an output, and starts PWM, at the level asked for.

    gpiozero's own claims it low and writes the level after; an active-low pump or valve would be on in between.
    """

    def output_with_state(self, state: float) -> None:
        """Become an output that has `state` from its first instant; lgpio leaves a line alone that is one already."""
        lgpio.gpio_claim_output(self.factory._handle, self._number, int(bool(state)))
        self.state = state

    def _set_frequency(self, value: float | None) -> None:
        if value and not self._pwm and self.function == "output" and self.state:
            lgpio.tx_pwm(self.factory._handle, self._number, value, 100)
            self._pwm: tuple[float, int] | None = (value, 100)
        else:
            super()._set_frequency(value)


class PiBoard(LGPIOFactory):  # type: ignore[misc]  # gpiozero has no types
    """gpiozero's factory of pins, and what the drivers need beside pins."""

    def __init__(self) -> None:
        super().__init__()
        self.pin_class: Any = SteadyPin
        self.sysfs = KernelFiles()

    def i2c(self, bus: int, address: int) -> KernelI2c:
        """Return the device at `address` of /dev/i2c-`bus`; raises `OSError`."""
        return KernelI2c(bus, address)
