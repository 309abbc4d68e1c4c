"""What the bedside has told, as one state that every screen shows: pure, no clock, no socket.

Screens ask for `version` and draw anew what has changed. Nothing here is kept: after a restart the bedside tells again
how things stand, and what was measured is in the journal.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter, ValidationError

from contract.mottling import LegLandmarks, MottlingResult
from contract.reading import RefillResult
from contract.source import Device
from contract.status import PartHealth
from device.console_words import Choice
from device.session_words import ACTIVE, WAITING, State

MOST_POINTS: int = 600
"""Points of the live curve: a minute at ten a second."""

_PARTS: TypeAdapter[list[PartHealth]] = TypeAdapter(list[PartHealth])


@dataclass(frozen=True)
class Point:
    """One instant of a press: s on its own clock, the skin's signal, the pressure, and whether it is released."""

    time_s: float
    signal: float
    kpa: float | None
    released: bool


@dataclass(frozen=True)
class Press:
    """What one press came to."""

    number: int
    set_number: int
    result: RefillResult


@dataclass(frozen=True)
class Shown:
    """What a measurement came to."""

    device_seq: int
    reading_id: str
    body_site: str
    result: RefillResult
    spread: float | None
    presses: tuple[Press, ...]


@dataclass(frozen=True)
class ScoredPhoto:
    """What a photo of the leg came to; `picture` is the name of the photo with what was found drawn on it."""

    device_seq: int
    reading_id: str
    result: MottlingResult
    landmarks: LegLandmarks | None
    picture: str | None


@dataclass
class Hub:
    """The state of one bedside as its screens show it."""

    connected: bool = False
    state: State = State.IDLE
    press: int = 0
    presses: int = 0
    set_number: int = 1
    remaining_s: float | None = None
    kpa: float | None = None
    choice: Choice | None = None
    reading: Shown | None = None
    photo: ScoredPhoto | None = None
    trouble: str | None = None
    """The last sentence that needs a person; gone when a measurement begins or somebody is chosen."""
    machine: Device | None = None
    """What measures, as every record says it."""
    health: list[PartHealth] = field(default_factory=list)
    points: deque[Point] = field(default_factory=lambda: deque(maxlen=MOST_POINTS))
    version: int = 0
    ended: int = 0
    """Counts the readings that were told, so that each screen shows each once."""
    changed: int = 0
    """Counts what was told of the journal, so that nobody shows an old state of it."""
    fresh: bool = False
    """Whether the last reading was seen being measured: one that is told again may have been looked at before."""
    looked_at: set[UUID] = field(default_factory=set)
    """Readings whose number some screen has shown."""
    _seen_active: bool = False
    _made: list[Press] = field(default_factory=list)
    _last_seq: int | None = None
    """A bedside that starts again tells its last reading again: that is no news."""

    @property
    def active(self) -> bool:
        """Whether a measurement is under way, or its record is being written."""
        return self.state in ACTIVE or self.state in WAITING

    def lost(self) -> None:
        """The bedside does not answer: what is shown of it is no news any more."""
        self.connected = False
        self.remaining_s = self.kpa = None
        self.version += 1

    def greeted(self) -> None:
        """The bedside answers again, and tells how things stand."""
        self.connected = True
        self.choice, self.reading, self.health, self.trouble = None, None, [], None
        self.photo, self.machine = None, None
        self.changed += 1
        self.state = State.IDLE
        self.version += 1

    def hear(self, event: dict[str, Any]) -> None:
        """Take one event of the console; one that is not known or not whole changes nothing."""
        name = event.get("event")
        try:
            match name:
                case "state" | "progress":
                    self._progress(event)
                case "choice":
                    self._choice(event)
                case "press":
                    self._press(event)
                case "reading":
                    self._reading(event)
                case "mottling":
                    self._mottling(event)
                case "amended":
                    self.changed += 1
                case "machine":
                    said = {name: value for name, value in event.items() if name in Device.model_fields}
                    self.machine = Device.model_validate(said)
                case "health":
                    self.health = _PARTS.validate_python(event["parts"])
                case "problem" | "refused":
                    self.trouble = str(event["sentence"])
                case _:
                    return
        except (KeyError, TypeError, ValueError, ValidationError):
            return
        self.version += 1

    def _progress(self, event: dict[str, Any]) -> None:
        state = State(event["state"])
        new_press = int(event["press"]) != self.press and event["press"]
        if state in ACTIVE and (self.state not in ACTIVE or new_press):
            self.points.clear()
        if state in ACTIVE and self.state not in ACTIVE:
            self._made, self.reading, self.trouble = [], None, None
            self._seen_active = True
        self.state = state
        self.press, self.presses, self.set_number = (int(event[key]) for key in ("press", "presses", "set_number"))
        self.remaining_s, self.kpa = event.get("remaining_s"), event.get("kpa")
        time_s, signal = event.get("time_s"), event.get("signal")
        if state in ACTIVE and time_s is not None and signal is not None:
            self._point(float(time_s), float(signal))

    def _point(self, time_s: float, signal: float) -> None:
        if self.points and time_s < self.points[-1].time_s:
            self.points.clear()
        if not self.points or time_s > self.points[-1].time_s:
            self.points.append(Point(time_s, signal, self.kpa, self.state is State.REFILLING))

    def _choice(self, event: dict[str, Any]) -> None:
        told = event["choice"]
        self.choice = None if told is None else Choice.model_validate(told)
        self.reading, self.photo, self.trouble = None, None, None

    def _press(self, event: dict[str, Any]) -> None:
        result = RefillResult.model_validate(event["result"])
        self._made.append(Press(int(event["number"]), int(event["set_number"]), result))

    def _reading(self, event: dict[str, Any]) -> None:
        result = RefillResult.model_validate(event["result"])
        spread = event.get("crt_spread")
        self.reading = Shown(
            int(event["device_seq"]), event["reading_id"], event["body_site"], result, spread, tuple(self._made)
        )
        if self.reading.device_seq != self._last_seq:
            self._last_seq = self.reading.device_seq
            self.fresh, self._seen_active = self._seen_active, False
            self.ended += 1
            self.changed += 1

    def _mottling(self, event: dict[str, Any]) -> None:
        marks = event["landmarks"]
        self.photo = ScoredPhoto(
            int(event["device_seq"]),
            str(event["reading_id"]),
            MottlingResult.model_validate(event["result"]),
            None if marks is None else LegLandmarks.model_validate(marks),
            event.get("map"),
        )
        self.changed += 1
