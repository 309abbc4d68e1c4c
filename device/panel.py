"""The panel: one push button, one light, one buzzer. Edges are timed and debounced here, not in the pin's library.

gpiozero's `bounce_time` differs between pin factories (the mock one ignores it), and lgpio can report edges that never
were: so an edge counts only once the level has stayed for a while.
"""

from collections import deque
from typing import Any

from gpiozero import LED, Button, Buzzer
from gpiozero.exc import GPIOZeroError

from device.clock import Clock
from device.session_words import ACTIVE, Held, Pushed, State
from firmware_config.hardware import Pins

DEBOUNCE_S: float = 0.03
HOLD_S: float = 1.5
"""A push this long stops a measurement."""


class PanelError(Exception):
    """The panel's pins cannot be used; the text is one sentence."""


class Pushes:
    """Turns raw levels of the button into pushes. Times in ns of CLOCK_BOOTTIME, in order."""

    def __init__(self, debounce_s: float = DEBOUNCE_S, hold_s: float = HOLD_S) -> None:
        self._debounce_ns = round(debounce_s * 1e9)
        self._hold_ns = round(hold_s * 1e9)
        self._raw, self._raw_since_ns = False, 0
        self._down, self._down_since_ns = False, 0
        self._told_held = False
        self._push = 0

    def level(self, down: bool, t_ns: int) -> list[Pushed | Held]:
        """Take the button's level at `t_ns`; returns what it means by then."""
        meant = self.passed(t_ns)
        if down != self._raw:
            self._raw, self._raw_since_ns = down, t_ns
        return meant

    def passed(self, t_ns: int) -> list[Pushed | Held]:
        """Take note that time has passed; returns what became certain: one `Pushed` and at most one `Held` a push."""
        meant: list[Pushed | Held] = []
        if self._raw != self._down and t_ns - self._raw_since_ns >= self._debounce_ns:
            self._down, self._down_since_ns = self._raw, self._raw_since_ns
            if self._down:
                self._push += 1
                self._told_held = False
                meant.append(Pushed(self._push))
        # A level that bounces just now is neither: the hold counts on only where it proves to last.
        steady = self._down and self._raw
        if steady and not self._told_held and t_ns - self._down_since_ns >= self._hold_ns:
            self._told_held = True
            meant.append(Held(self._push))
        return meant


class Panel:
    """Button, light and buzzer on the pins of `pin_factory`. `poll` is called some fifty times a second."""

    def __init__(self, pins: Pins, pin_factory: Any, clock: Clock) -> None:
        self._clock = clock
        self._pushes = Pushes()
        # Edges arrive in the pin library's thread; they are only put down here, with their time.
        self._edges: deque[tuple[bool, int]] = deque(maxlen=1000)
        try:
            self._button = Button(pins.button, pull_up=True, pin_factory=pin_factory)
            self._light = LED(pins.status_light, pin_factory=pin_factory)
            self._buzzer = Buzzer(pins.buzzer, pin_factory=pin_factory)
        except (GPIOZeroError, OSError) as error:
            raise PanelError(f"The panel's pins cannot be used: {error}.") from error
        self._button.when_pressed = lambda: self._edges.append((True, clock.boottime_ns()))
        self._button.when_released = lambda: self._edges.append((False, clock.boottime_ns()))
        self._shown: State | None = None

    def poll(self) -> list[Pushed | Held]:
        """Return what the button has meant since the last call."""
        meant: list[Pushed | Held] = []
        while self._edges:
            meant += self._pushes.level(*self._edges.popleft())
        # The level itself, in case an edge was lost.
        return meant + self._pushes.level(bool(self._button.is_pressed), self._clock.boottime_ns())

    def show(self, state: State, *, problem: bool = False) -> None:
        """Show a state: steady light when ready, slow blinking while measuring, fast blinking for a problem."""
        wanted = State.PROBE_FAULT if problem and state not in ACTIVE else state
        if wanted is self._shown:
            return
        before, self._shown = self._shown, wanted
        if wanted in ACTIVE or wanted is State.JUDGING:
            if before not in ACTIVE:
                self._light.blink(0.5, 0.5)
        elif wanted in (State.IDLE, State.DONE):
            self._light.on()
        else:
            self._light.blink(0.1, 0.1)
        if wanted is State.DONE:
            self._buzzer.beep(0.1, 0.1, n=1)
        elif wanted in (State.ABORTED, State.PROBE_FAULT, State.CAMERA_FAULT, State.ANALYSIS_FAULT):
            self._buzzer.beep(0.3, 0.2, n=2)

    def close(self) -> None:
        """Switch off and let go of the pins."""
        for part in (self._buzzer, self._light, self._button):
            part.close()
