"""A panel on gpiozero's mock pins, at the pace of a clock that only the bench moves."""

from datetime import time as wall_time

from gpiozero.pins.mock import MockFactory, MockPin, MockPWMPin

from device.clock import SystemClock
from device.panel import Panel
from device.panel.looks import Sound
from device.session_words import Held, Pushed
from firmware_config.hardware import Pins
from firmware_config.panel import Panel as PanelConfig

MS = 1_000_000
PINS = Pins()
NOON, MIDNIGHT = wall_time(12), wall_time(0)


class Steps(SystemClock):
    def __init__(self) -> None:
        self.now_ns = 5_000_000_000
        self.set = True

    def boottime_ns(self) -> int:
        return self.now_ns

    def synchronised(self) -> bool:
        return self.set


class Bench:
    """A panel on mock pins with PWM, polled every 20 ms of a clock that only the bench moves."""

    def __init__(self, config: PanelConfig | None = None, pin_class: type[MockPin] = MockPWMPin) -> None:
        self.clock, self.at = Steps(), NOON
        self.factory = MockFactory(pin_class=pin_class)
        self.panel = Panel(config or PanelConfig(), PINS, self.factory, self.clock, lambda: self.at)
        self.button = self.factory.pin(PINS.button)
        self.light = self.factory.pin(PINS.status_light)
        self.buzzer = self.factory.pin(PINS.buzzer)

    def run(self, milliseconds: int) -> list[Pushed | Held]:
        meant: list[Pushed | Held] = []
        for _ in range(milliseconds // 20):
            meant += self.panel.poll()
            self.clock.now_ns += 20 * MS
        return meant

    def heard(self, milliseconds: int = 3000) -> list[tuple[bool, int]]:
        """Lengths of sound and silence in ms, until it stays silent."""
        spans: list[tuple[bool, int]] = []
        for _ in range(milliseconds // 20):
            self.panel.poll()
            on = self.buzzer.state > 0
            if spans and spans[-1][0] == on:
                spans[-1] = (on, spans[-1][1] + 20)
            else:
                spans.append((on, 20))
            self.clock.now_ns += 20 * MS
        return spans[:-1] if spans and not spans[-1][0] else spans

    def flashes(self, seconds: int) -> int:
        """How often the light went on."""
        self.panel.poll()
        count, before = 0, self.light.state > 0
        for _ in range(seconds * 50):
            self.clock.now_ns += 20 * MS
            self.panel.poll()
            now = self.light.state > 0
            count, before = count + (now and not before), now
        return count


def lengths_ms(sound: Sound | None) -> list[tuple[bool, int]]:
    return [] if sound is None else [(n % 2 == 0, beat_ms) for n, beat_ms in enumerate(sound.beats_ms)]
