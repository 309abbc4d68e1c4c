"""The panel as the bedside uses it: asked some fifty times a second what the button meant, told what to show."""

import contextlib
from collections.abc import Callable
from datetime import time
from typing import Any

from device.clock import Clock
from device.panel.lines import ButtonLine, Line, duty_of
from device.panel.looks import ENDED, LOOKS, PROBLEM, QUIET, REFUSED, Light, Sound
from device.panel.pushes import Pushes
from device.probe.drivers import HARDWARE_ERRORS
from device.session_words import STARTABLE, Held, Pushed, State
from firmware_config.hardware import Pins
from firmware_config.panel import Panel as PanelConfig

LIGHT_HZ: int = 200
"""PWM of a dimmed light: no eye sees it flicker."""
LOUDNESS_S: float = 1.0
"""How often the local time is asked whether it is night."""

UNREADABLE = "The button cannot be read. Call the study engineer."
UNLIT = "The light or the buzzer cannot be switched. Call the study engineer."


class PanelError(Exception):
    """The panel's pins cannot be used; the text is one sentence."""


class Panel:
    """Button, light and buzzer on the pins of `pin_factory`. Use it in one thread; no call blocks or raises."""

    def __init__(
        self,
        config: PanelConfig,
        pins: Pins,
        pin_factory: Any,
        clock: Clock,
        local_time: Callable[[], time | None],
    ) -> None:
        """`local_time` None: the wall clock is not to be trusted. Raises `PanelError`, with every pin let go."""
        self._config, self._clock, self._local_time = config, clock, local_time
        tone_hz = config.tone_hz if config.buzzer == "passive" else None
        with contextlib.ExitStack() as opened:
            pin = pins.button
            try:
                self._button = ButtonLine(pin, pin_factory, clock)
                opened.callback(self._button.close)
                pin = pins.status_light
                self._light = Line(pin, LIGHT_HZ, pin_factory)
                opened.callback(self._light.close)
                pin = pins.buzzer
                self._buzzer = Line(pin, tone_hz, pin_factory)
            except HARDWARE_ERRORS as error:
                raise PanelError(f"The panel's pins cannot be used: GPIO {pin}: {error}.") from error
            opened.pop_all()
        self._pushes: Pushes | None = None
        self._shown: State | None = None
        self._measured: bool | None = None
        self._pattern: Light | None = None
        self._pattern_ns = 0
        self._sound: Sound | None = None
        self._sound_ns = 0
        self._loudness, self._loudness_ns = config.day, -(10**18)
        self._failed: dict[str, bool] = {UNREADABLE: False, UNLIT: False}

    @property
    def trouble(self) -> str | None:
        """What is wrong with the panel, in one sentence; None where nothing is. It goes away with its cause."""
        for sentence, failed in self._failed.items():
            if failed:
                return sentence
        return self._pushes.trouble if self._pushes is not None else None

    def poll(self) -> list[Pushed | Held]:
        """Return what the button has meant since the last call, and move light and buzzer on.

        What was pushed before the first call counts for nothing: nobody was shown that the machine is ready.
        """
        now_ns = self._clock.boottime_ns()
        self._drive(now_ns)
        try:
            meant = self._listen()
        except HARDWARE_ERRORS:
            self._failed[UNREADABLE] = True
            self._button.edges.clear()
            return []
        self._failed[UNREADABLE] = False
        return meant

    def show(self, state: State, *, problem: bool = False) -> None:
        """Show a state, and sound it where it is new; `problem`: no measurement could be started now."""
        now_ns = self._clock.boottime_ns()
        look = LOOKS[state]
        pattern = PROBLEM if problem and state in STARTABLE else look.light
        if pattern is not self._pattern:
            self._pattern, self._pattern_ns = pattern, now_ns
        if state is not self._shown:
            self._shown = state
            if state in QUIET:
                self._measured = None
            told = state is State.DONE and self._measured is not None
            self._play(ENDED[bool(self._measured)] if told else look.sound, now_ns)
        self._drive(now_ns)

    def refuse(self) -> None:
        """Sound that a push was heard and nothing was started; silent while skin is measured."""
        if self._shown not in QUIET:
            now_ns = self._clock.boottime_ns()
            self._play(REFUSED, now_ns)
            self._drive(now_ns)

    def ended(self, measured: bool) -> None:
        """Tell how the measurement ended, a little before or after `DONE` is shown: with a number or without one."""
        self._measured = measured
        if self._shown is State.DONE:
            now_ns = self._clock.boottime_ns()
            self._play(ENDED[measured], now_ns)
            self._drive(now_ns)

    def close(self) -> None:
        """Switch off and let go of the pins; safe to call twice, and after an error."""
        for part in (self._buzzer, self._light, self._button):
            with contextlib.suppress(*HARDWARE_ERRORS):
                part.close()

    def _listen(self) -> list[Pushed | Held]:
        edges = self._button.edges
        if self._pushes is None:
            edges.clear()
            self._pushes = Pushes(self._config.debounce_s, self._config.long_push_s, down=self._button.is_down)
        now_ns = self._clock.boottime_ns()
        down = self._button.is_down
        meant: list[Pushed | Held] = []
        edge_ns = 0
        while edges:
            edge, edge_ns = edges.popleft()
            meant += self._pushes.level(edge, edge_ns)
        # A level that was read while an edge came says nothing about it: the next poll's does.
        return meant + self._pushes.look(down, now_ns) if edge_ns <= now_ns else meant

    def _play(self, sound: Sound | None, now_ns: int) -> None:
        """Begin a sound in place of the one that is under way; None ends that one."""
        self._sound, self._sound_ns = sound, now_ns

    def _drive(self, now_ns: int) -> None:
        if now_ns - self._loudness_ns >= LOUDNESS_S * 1e9:
            self._loudness, self._loudness_ns = self._config.loudness_at(self._local_time()), now_ns
        lit = self._pattern is not None and self._pattern.is_on((now_ns - self._pattern_ns) / 1e6)
        sound = self._sound
        sounding = sound is not None and sound.is_on((now_ns - self._sound_ns) / 1e6)
        volume = self._loudness.volume_of(fault=sound.fault) if sound is not None and sounding else 0.0
        passive = self._config.buzzer == "passive"
        done = [
            self._switched(self._light, self._loudness.brightness if lit else 0.0),
            self._switched(self._buzzer, duty_of(volume) if passive else volume),
        ]
        self._failed[UNLIT] = not all(done)

    def _switched(self, line: Line, share: float) -> bool:
        try:
            line.set(share)
        except HARDWARE_ERRORS:
            return False
        return True


def local_time_of(clock: Clock) -> Callable[[], time | None]:
    """Return what tells the wall clock's time of day in the machine's zone; None while nobody has set that clock."""
    return lambda: clock.now().astimezone().time() if clock.synchronised() else None
