"""Tries a panel out: every light and sound by its name, then a push with its bounces. `refill panel try`.

On a Pi it takes its time and a person looks, listens and pushes; simulated it is the real panel on gpiozero's mock pins
at the pace of a stepped clock, and what its pins did is drawn.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from gpiozero.pins.mock import MockFactory, MockPWMPin

from device.clock import Clock, SystemClock
from device.panel import Panel
from device.panel.lines import ButtonLine
from device.panel.looks import LOOKS
from device.panel.pushes import Pushes
from device.session_words import Held, Pushed, State
from firmware_config.device import DeviceConfig

POLL_S = 0.02
SHOWN_S = 2.4
"""How long each light is shown: three sounds at most, and some periods of a blink."""
STROKE_S = 0.06
WAIT_S = 30.0
AFTER_S = 0.3
"""A push is over, for the report, when nothing has moved for so long."""

Edge = tuple[bool, int]
Say = Callable[[str], None]
Trial = tuple[str, str, Callable[[Panel], None]]
"""What is tried: its name, what it says to the nurse, and how the panel is told."""

MODEL_EDGES_MS: tuple[int, ...] = (0, 2, 5, 9, 13, 420, 424, 427)
"""The simulated push: when its contact closes, opens, closes, and so on."""


class PanelTrialError(Exception):
    """The trial could not be made; the text is one sentence."""


class SteppedClock(SystemClock):
    """A clock whose boot time stands still until it is moved."""

    def __init__(self) -> None:
        self.now_ns = 0

    def boottime_ns(self) -> int:
        """Return the time it was moved to."""
        return self.now_ns


@dataclass(frozen=True)
class PushReport:
    """One push as its contact made it, and what the panel took it for."""

    length_s: float
    bounces: int
    longest_bounce_s: float
    meant: tuple[str, ...]


def trials() -> Iterator[Trial]:
    """Every state, then what is no state."""
    for state in State:
        yield state.value, LOOKS[state].says, lambda panel, state=state: panel.show(state)  # type: ignore[misc]  # the default pins the loop's value
    yield "(a problem)", "a push would be refused: read the screen", lambda panel: panel.show(State.IDLE, problem=True)
    yield "(refused)", "the push was heard, nothing was started: read the screen", _refused
    yield "(done: a number)", "done and kept, with a number", lambda panel: _done(panel, measured=True)
    yield "(done: none)", "done and kept, without one", lambda panel: _done(panel, measured=False)


def report_of(edges: list[Edge], config: DeviceConfig) -> PushReport:
    """Return what the contact did from its first edge to its last: a bounce is any level shorter than the debounce."""
    panel = config.panel
    lasted_ns = [after - before for (_, before), (_, after) in pairwise(edges)]
    bounces_ns = [span_ns for span_ns in lasted_ns if span_ns < panel.debounce_s * 1e9]
    pushes = Pushes(panel.debounce_s, panel.long_push_s)
    meant: list[Pushed | Held] = []
    for down, t_ns in edges:
        meant += pushes.level(down, t_ns)
    meant += pushes.passed(edges[-1][1] + round(AFTER_S * 1e9))
    return PushReport(
        length_s=sum(lasted_ns) / 1e9,
        bounces=len(bounces_ns),
        longest_bounce_s=max(bounces_ns, default=0) / 1e9,
        meant=tuple("push" if isinstance(item, Pushed) else "long push: stop" for item in meant),
    )


def as_line(report: PushReport, config: DeviceConfig) -> str:
    """Return the report in one line."""
    bounced = "no bounce"
    if report.bounces:
        many = f"{report.bounces} bounce{'s' if report.bounces > 1 else ''}"
        longest_ms, debounce_ms = 1e3 * report.longest_bounce_s, 1e3 * config.panel.debounce_s
        bounced = f"{many}, the longest {longest_ms:.1f} ms (debounce {debounce_ms:g} ms)"
    return f"contact for {report.length_s:.2f} s, {bounced}: {', '.join(report.meant) or 'no push, too short'}"


def try_on_hardware(config: DeviceConfig, pin_factory: Any, *, night: bool, say: Say) -> None:
    """Show and sound everything, then wait for a push; raises `PanelError` and `PanelTrialError`."""
    clock = SystemClock()
    panel = _panel(config, pin_factory, clock, night=night)
    try:
        for name, says, tell in trials():
            say(f"{name:18} {says}")
            tell(panel)
            end_ns = clock.boottime_ns() + round(SHOWN_S * 1e9)
            while clock.boottime_ns() < end_ns:
                panel.poll()
                time.sleep(POLL_S)
        if panel.trouble is not None:
            raise PanelTrialError(panel.trouble)
    finally:
        panel.close()
    say(f"Push the button, with gloves on; {WAIT_S:g} s.")
    say(as_line(report_of(_pushed_edges(config, pin_factory, clock), config), config))


def try_simulated(config: DeviceConfig, *, night: bool, say: Say) -> None:
    """Draw what light and buzzer do, and report a push that bounces; takes no time."""
    clock, factory = SteppedClock(), MockFactory(pin_class=MockPWMPin)
    panel = _panel(config, factory, clock, night=night)
    light, buzzer = factory.pin(config.pins.status_light), factory.pin(config.pins.buzzer)
    try:
        say(f"one stroke is {1e3 * STROKE_S:g} ms; light and buzzer by the share of the time that their pins are on")
        for name, says, tell in trials():
            tell(panel)
            lit, sounding = _watched(panel, clock, light, buzzer)
            say(f"{name:18} {says}\n  light  {_drawn(lit)}\n  sound  {_drawn(sounding)}")
    finally:
        panel.close()
    say("a simulated push:")
    say(as_line(report_of(_model_edges(config, factory, clock), config), config))


def _panel(config: DeviceConfig, pin_factory: Any, clock: Clock, *, night: bool) -> Panel:
    return Panel(config.panel, config.pins, pin_factory, clock, lambda: config.panel.night_from if night else None)


def _refused(panel: Panel) -> None:
    panel.show(State.IDLE)
    panel.refuse()


def _done(panel: Panel, *, measured: bool) -> None:
    panel.show(State.IDLE)
    panel.show(State.DONE)
    panel.ended(measured)


def _pushed_edges(config: DeviceConfig, pin_factory: Any, clock: Clock) -> list[Edge]:
    """Wait for a push and for its end; returns every edge that the pin library told of."""
    button = ButtonLine(config.pins.button, pin_factory, clock)
    try:
        end_ns = clock.boottime_ns() + round(WAIT_S * 1e9)
        while clock.boottime_ns() < end_ns:
            time.sleep(POLL_S)
            quiet_ns = clock.boottime_ns() - button.edges[-1][1] if button.edges else 0
            if button.edges and not button.is_down and quiet_ns > AFTER_S * 1e9:
                return list(button.edges)
        if button.edges:
            raise PanelTrialError("The button did not come up again.")
        raise PanelTrialError("No push was seen.")
    finally:
        button.close()


def _model_edges(config: DeviceConfig, factory: MockFactory, clock: SteppedClock) -> list[Edge]:
    """Push the mock button as `MODEL_EDGES_MS` says; returns every edge that gpiozero told of."""
    button, start_ns = ButtonLine(config.pins.button, factory, clock), clock.now_ns
    pin = factory.pin(config.pins.button)
    try:
        for number, at_ms in enumerate(MODEL_EDGES_MS):
            clock.now_ns = start_ns + round(at_ms * 1e6)
            (pin.drive_high if number % 2 else pin.drive_low)()
        return list(button.edges)
    finally:
        button.close()


def _watched(panel: Panel, clock: SteppedClock, light: Any, buzzer: Any) -> tuple[list[float], list[float]]:
    """Poll for as long as a trial lasts; returns the largest share of each stroke."""
    lit, sounding = [], []
    polls = round(STROKE_S / POLL_S)
    for _ in range(round(SHOWN_S / STROKE_S)):
        stroke = []
        for _ in range(polls):
            panel.poll()
            stroke.append((float(light.state), float(buzzer.state)))
            clock.now_ns += round(POLL_S * 1e9)
        lit.append(max(share for share, _ in stroke))
        sounding.append(max(share for _, share in stroke))
    return lit, sounding


def _drawn(shares: list[float]) -> str:
    """Return a line of strokes, and the largest share beside it."""
    line = "".join("#" if share > 0 else "." for share in shares)
    return f"{line}  {100 * max(shares):.0f} %" if any(shares) else line
