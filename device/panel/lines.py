"""The panel's pins through gpiozero: the button's edges with their times, and a line that can be on in part."""

import math
from collections import deque
from typing import Any

from gpiozero import DigitalInputDevice, OutputDevice
from gpiozero.exc import PinPWMUnsupported

from device.clock import Clock

EDGES: int = 1000
"""Edges kept between two polls. Only a broken contact gives more; then the oldest go, and the level as read decides."""

LOUDNESS_EXPONENT: float = 0.6
"""Loudness grows as sound pressure to this power (Stevens 1955, The Measurement of Loudness: L = k I^0.3)."""


def duty_of(volume: float) -> float:
    """Return the duty of a passive buzzer for a perceived volume from 0 to 1.

    The fundamental of a pulse wave goes with sin(pi duty), loudest at half; loudness as in `LOUDNESS_EXPONENT`.
    """
    return math.asin(volume ** (1 / LOUDNESS_EXPONENT)) / math.pi


class ButtonLine:
    """A button to ground with the pin's own pull-up. Not gpiozero's `Button`: that one keeps a thread for holding."""

    def __init__(self, pin: int, pin_factory: Any, clock: Clock) -> None:
        """Raises one of `device.probe.drivers.HARDWARE_ERRORS`."""
        # Edges arrive in the pin library's thread; they are only put down here, with their time.
        self.edges: deque[tuple[bool, int]] = deque(maxlen=EDGES)
        edges = self.edges
        self._device = DigitalInputDevice(pin, pull_up=True, pin_factory=pin_factory)
        self._device.when_activated = lambda: edges.append((True, clock.boottime_ns()))
        self._device.when_deactivated = lambda: edges.append((False, clock.boottime_ns()))

    @property
    def is_down(self) -> bool:
        """The level as it is now."""
        return bool(self._device.is_active)

    def close(self) -> None:
        """Let go of the pin, and hear no more of it: gpiozero's lgpio pin would go on telling of edges."""
        if not self._device.closed:
            self._device.pin.when_changed = None
        self._device.close()


class Line(OutputDevice):  # type: ignore[misc]  # gpiozero has no types
    """An output that is on for a share of the time, in whole per cent as lgpio's PWM has them; off on construction.

    The PWM runs only while the share asks for it: lgpio's thread wakes for every period (lgPthTx.c), also for one of a
    line that is always on or always off. A pin without PWM is on for any share above 0.
    """

    def __init__(self, pin: int, frequency_hz: int | None, pin_factory: Any) -> None:
        """`frequency_hz` None: on and off only. Raises one of `device.probe.drivers.HARDWARE_ERRORS`."""
        self._frequency_hz = frequency_hz
        self._percent = 0
        super().__init__(pin, initial_value=False, pin_factory=pin_factory)

    def set(self, share: float) -> None:
        """Be on for a share of the time from 0 to 1; anything above 0 is at least one per cent."""
        self._check_open()
        percent = max(round(100 * share), int(share > 0))
        if percent == self._percent:
            return
        if 0 < percent < 100 and self._pwm_runs():
            # 0.29 * 100 is a little below 29 and would be cut down to 28.
            exact = percent / 100
            self.pin.state = exact if int(exact * 100) == percent else math.nextafter(exact, 1.0)
        else:
            self._switch(on=percent > 0)
        self._percent = percent

    def close(self) -> None:
        """Be off, and let go of the pin."""
        try:
            if getattr(self, "_pin", None) is not None:
                self._switch(on=False)
        finally:
            super().close()

    def _pwm_runs(self) -> bool:
        if self._frequency_hz is None:
            return False
        try:
            self.pin.frequency = self._frequency_hz
        except PinPWMUnsupported:
            self._frequency_hz = None
            return False
        return True

    def _switch(self, *, on: bool) -> None:
        # lgpio ends a PWM wherever in its period it is, so the level is written after it.
        if self._frequency_hz is not None and self.pin.frequency is not None:
            self.pin.frequency = None
        self.pin.state = on
