"""What the panel shows and sounds, as a table: a row for every state, and the sounds that are no state's.

Nothing sounds while skin is measured: a loud tone narrows the vessels of the finger (Kolev, Nilsson and Tibbling 1995,
doi 10.1007/BF01824005: 1500 Hz at 100 dBA lowered the flow in 14 of 18 fingers). The light answers the push instead.
"""

from dataclasses import dataclass
from itertools import accumulate

from device.session_words import ACTIVE, State


@dataclass(frozen=True)
class Light:
    """A light pattern: on and off for so many ms, for as long as it is shown; `off_ms` 0 is steady."""

    name: str
    on_ms: int = 1000
    off_ms: int = 0

    def is_on(self, gone_ms: float) -> bool:
        """Whether it is on so long after it began."""
        return self.off_ms == 0 or gone_ms % (self.on_ms + self.off_ms) < self.on_ms


@dataclass(frozen=True)
class Sound:
    """A sound, played once: ms on, off, on, and so on to a last on. `fault`: it has a least volume of its own."""

    name: str
    beats_ms: tuple[int, ...]
    fault: bool = False

    def is_on(self, gone_ms: float) -> bool:
        """Whether it is on so long after it began."""
        return sum(end_ms <= gone_ms for end_ms in accumulate(self.beats_ms)) % 2 == 0


@dataclass(frozen=True)
class Look:
    """A row: the light while it lasts, the sound at its beginning, and what both say."""

    light: Light
    sound: Sound | None
    says: str


STEADY = Light("steady")
SLOW = Light("slow blink", 500, 500)
FAST = Light("fast blink", 200, 200)
"""2.5 flashes a second: well apart from the slow one, and below the three where flashing light begins to be a danger to
some (WCAG 2.3.1)."""

ONE_SHORT = Sound("one short", (120,))
TWO_SHORT = Sound("two short", (120, 120, 120))
ONE_LONG = Sound("one long", (700,))
THREE_QUICK = Sound("three quick", (60, 60, 60, 60, 60))
THREE_LONG = Sound("three long", (400, 200, 400, 200, 400), fault=True)

LOOKS: dict[State, Look] = {
    State.IDLE: Look(STEADY, None, "ready: a push starts"),
    State.BEGINNING: Look(SLOW, None, "a push was heard: keep still"),
    State.BASELINE: Look(SLOW, None, "measuring: keep still; a long push stops"),
    State.PRESSING: Look(SLOW, None, "measuring: keep still; a long push stops"),
    State.HOLDING: Look(SLOW, None, "measuring: keep still; a long push stops"),
    State.REFILLING: Look(SLOW, None, "measuring: keep still; a long push stops"),
    State.RESTING: Look(SLOW, None, "pause before the next press: keep still; a long push stops"),
    State.REPEATING: Look(SLOW, None, "the presses disagreed, more follow: keep still; a long push stops"),
    State.JUDGING: Look(SLOW, None, "the reading is being kept"),
    State.DONE: Look(STEADY, ONE_SHORT, "done and kept: read the screen; a push starts the next"),
    State.ABORTED: Look(STEADY, ONE_SHORT, "stopped and released, without a number; a push starts the next"),
    State.PROBE_FAULT: Look(FAST, THREE_LONG, "the probe failed: read the screen, it may say to take the finger out"),
    State.CAMERA_FAULT: Look(FAST, THREE_LONG, "the camera failed: read the screen"),
    State.ANALYSIS_FAULT: Look(FAST, THREE_LONG, "the analysis failed: read the screen"),
    State.JOURNAL_FAULT: Look(FAST, THREE_LONG, "the reading is not kept yet: read the screen"),
}

QUIET: frozenset[State] = ACTIVE | {State.BEGINNING}
"""Skin is measured, or will be in a moment: nothing sounds, and what sounded ends."""

PROBLEM: Light = FAST
"""In place of the state's own light wherever a push would start a measurement but for a problem. It has no sound:
nobody needs to hear of it before somebody wants to measure, and that push is answered by `REFUSED`."""

REFUSED: Sound = THREE_QUICK
ENDED: dict[bool, Sound] = {True: TWO_SHORT, False: ONE_LONG}
"""The end of a measurement for whoever looks at the patient: with a number, and without. In place of `DONE`'s sound."""
