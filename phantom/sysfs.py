"""Simulated files of /sys, below the real drivers: the chip's PWM with the kernel's rules, and a 1-wire thermometer."""

import errno
import os
from collections.abc import Callable
from dataclasses import dataclass, replace

from firmware_config.hardware import HardwarePwm, TemperatureSensor

_POLARITIES = ("normal", "inversed")


def _error(number: int) -> OSError:
    return OSError(number, os.strerror(number))


@dataclass(frozen=True)
class Channel:
    """One channel of a PWM chip as the kernel keeps it; it runs on when whoever set it up is gone."""

    period_ns: int = 0
    duty_ns: int = 0
    enabled: bool = False
    inversed: bool = False

    @property
    def high_share(self) -> float:
        """Share of the time for which the line is high; a channel that is not enabled is low."""
        if not self.enabled:
            return 0.0
        share = self.duty_ns / self.period_ns
        return 1.0 - share if self.inversed else share

    def read(self, name: str) -> str:
        """Return what stands in one of the channel's files."""
        texts = {
            "period": str(self.period_ns),
            "duty_cycle": str(self.duty_ns),
            "enable": str(int(self.enabled)),
            "polarity": _POLARITIES[self.inversed],
        }
        if name not in texts:
            raise _error(errno.ENOENT)
        return texts[name]

    def written(self, name: str, text: str) -> "Channel":
        """Return the channel after a write, or raise what the kernel would."""
        self.read(name)
        if name == "polarity" and self.enabled:
            raise _error(errno.EBUSY)
        takes = {"polarity": text in _POLARITIES, "enable": text in ("0", "1")}
        if not takes.get(name, text.isdecimal()):
            raise _error(errno.EINVAL)
        after = {
            "polarity": lambda: replace(self, inversed=text == "inversed"),
            "enable": lambda: replace(self, enabled=text == "1"),
            "period": lambda: replace(self, period_ns=int(text)),
            "duty_cycle": lambda: replace(self, duty_ns=int(text)),
        }[name]()
        if after.period_ns == 0 or after.duty_ns > after.period_ns:
            raise _error(errno.EINVAL)
        return after


class SimulatedSysfs:
    """The files that the device file's PWM and thermometer need; every other is not there."""

    def __init__(
        self,
        pwm: HardwarePwm | None = None,
        thermometer: TemperatureSensor | None = None,
        drive: Callable[[float], None] | None = None,
    ) -> None:
        """`drive` is called with the share of the time for which the PWM line is high, whenever that changes."""
        self._chip = None if pwm is None else f"class/pwm/pwmchip{pwm.chip}"
        self._number = None if pwm is None else pwm.channel
        self._thermometer = None if thermometer is None else f"bus/w1/devices/{thermometer.id}/temperature"
        self._drive = drive
        self.channel: Channel | None = None
        """None before it is exported."""
        self.celsius: float | None = 32.0
        """What the thermometer shows; None: it does not answer."""
        self.broken: set[str] = set()
        """Files of the channel that cannot be written any more."""
        self.udev_late = 0
        """So many writes after an export are still refused."""
        self.writes: list[tuple[str, str]] = []
        """Every write that was taken, in order: the file's last name, and the text."""

    def read(self, name: str) -> str:
        """Return what stands in the file."""
        if name == self._thermometer:
            if self.celsius is None:
                raise _error(errno.EIO)
            return str(round(1000 * self.celsius))
        return self._of_channel(name)[0].read(self._of_channel(name)[1])

    def write(self, name: str, text: str) -> None:
        """Write into the file, and let the line follow."""
        if self._chip is not None and name == f"{self._chip}/export":
            if self.channel is not None:
                raise _error(errno.EBUSY)
            if text != str(self._number):
                raise _error(errno.ENODEV)
            self.channel = Channel()
            self.writes.append(("export", text))
            return
        channel, last = self._of_channel(name)
        if self.udev_late:
            self.udev_late -= 1
            raise _error(errno.EACCES)
        if last in self.broken:
            raise _error(errno.EIO)
        self.channel = channel.written(last, text)
        self.writes.append((last, text))
        if self._drive is not None and self.channel.high_share != channel.high_share:
            self._drive(self.channel.high_share)

    def _of_channel(self, name: str) -> tuple[Channel, str]:
        folder, _, last = name.rpartition("/")
        if self.channel is None or folder != f"{self._chip}/pwm{self._number}":
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), f"/sys/{name}")
        return self.channel, last
