"""What a session hears and says: its states, the events that it takes and the actions that it asks for."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from contract.reading import RefillResult
from contract.reasons import Reason

NO_PROBE = "The probe does not answer. Call the study engineer."
STILL_RELEASING = "The probe is still releasing. Wait a moment and press again."
NO_CAMERA = "The camera does not answer. Call the study engineer."
NOBODY_CHOSEN = "Choose the subject first."


class State(StrEnum):
    """Where a measurement stands."""

    IDLE = "idle"
    BEGINNING = "beginning"
    BASELINE = "baseline"
    PRESSING = "pressing"
    HOLDING = "holding"
    REFILLING = "refilling"
    RESTING = "resting"
    REPEATING = "repeating"
    JUDGING = "judging"
    DONE = "done"
    ABORTED = "aborted"
    PROBE_FAULT = "probe_fault"
    CAMERA_FAULT = "camera_fault"
    ANALYSIS_FAULT = "analysis_fault"
    JOURNAL_FAULT = "journal_fault"


ACTIVE: frozenset[State] = frozenset(
    {State.BASELINE, State.PRESSING, State.HOLDING, State.REFILLING, State.RESTING, State.REPEATING}
)
"""A measurement runs: it can be aborted, and a fault ends it with a record."""
WAITING: frozenset[State] = frozenset({State.BEGINNING, State.JUDGING, State.JOURNAL_FAULT})
"""The journal has the word; nothing is pressed. The first two are over before anybody sees them."""
STARTABLE: frozenset[State] = frozenset(State) - ACTIVE - WAITING
"""A push starts a measurement, where everything that it needs is well."""


@dataclass(frozen=True)
class Pushed:
    """The button went down, debounced; `push` numbers the pushes."""

    push: int


@dataclass(frozen=True)
class Held:
    """The same push has now lasted long enough to mean: stop."""

    push: int


@dataclass(frozen=True)
class AbortAsked:
    """A screen or a command wants the measurement stopped."""


@dataclass(frozen=True)
class Tick:
    """Time has passed."""


@dataclass(frozen=True)
class FrameSeen:
    """The camera delivered a frame with the settings that it was locked to."""


@dataclass(frozen=True)
class SettingsMoved:
    """A frame came with other settings than the camera was locked to."""


@dataclass(frozen=True)
class CameraFailed:
    """The camera delivers no more."""


@dataclass(frozen=True)
class ProbePhase:
    """The probe went on to a phase."""

    phase: Literal["idle", "ramp", "hold", "release"]


@dataclass(frozen=True)
class ProbeFailed:
    """The probe raised a fault (and has vented), refused a press, or does not answer."""

    reason: Reason
    sentence: str
    latched: bool = False
    lease_lost: bool = False


@dataclass(frozen=True)
class ProbeNotReady:
    """The probe did not take a press now, but may in a moment: its sensor has not settled, or the command came late."""

    sentence: str


@dataclass(frozen=True)
class ChamberEmpty:
    """The probe's own samples, all of half a second up to `until_ns`, show that nothing presses on the skin."""

    until_ns: int


@dataclass(frozen=True)
class ProbeReleased:
    """The pressure is gone; `t_ns` is when it fell through half of the hold level, where that was seen.

    `fault`: what went wrong before the pressure was gone, also after a hold of full time. Such a press gives no number.
    """

    why: Literal["held", "asked", "fault"]
    t_ns: int | None
    fault: ProbeFailed | None = None


@dataclass(frozen=True)
class ProbeReady:
    """The probe answers and no fault is latched."""


@dataclass(frozen=True)
class Analysed:
    """What the recording of a press gave so far, and whether a longer window would change the number no more."""

    number: int
    result: RefillResult
    established: bool = False


@dataclass(frozen=True)
class AnalysisFailed:
    """The analysis ended without an answer."""


@dataclass(frozen=True)
class Begun:
    """The draft is in the journal."""


@dataclass(frozen=True)
class Committed:
    """The reading is in the journal, with all of its presses."""


@dataclass(frozen=True)
class JournalFailed:
    """The journal did not take what it was given, which is kept and given again; the sentence says why."""

    sentence: str


Event = (
    Pushed
    | Held
    | AbortAsked
    | Tick
    | FrameSeen
    | SettingsMoved
    | CameraFailed
    | ProbePhase
    | ProbeFailed
    | ProbeNotReady
    | ProbeReleased
    | ProbeReady
    | ChamberEmpty
    | Analysed
    | AnalysisFailed
    | Begun
    | Committed
    | JournalFailed
)


@dataclass(frozen=True)
class Begin:
    """Commit the measurement's draft to the journal; nothing is pressed before that."""


@dataclass(frozen=True)
class StartRecording:
    """Start to keep the frames of press `number`."""

    number: int


@dataclass(frozen=True)
class Press:
    """Ask the probe for a press."""

    target_kpa: float
    ramp_s: float
    hold_s: float


@dataclass(frozen=True)
class Renew:
    """Renew the probe's lease: frames come in and the session is alive."""


@dataclass(frozen=True)
class Release:
    """Vent now."""


@dataclass(frozen=True)
class Analyse:
    """Analyse what has been recorded of press `number`, which belongs to set `set_number`, and go on recording."""

    number: int
    set_number: int = 1


@dataclass(frozen=True)
class KeepPress:
    """Commit press `number` to the journal and stop its recording."""

    number: int


@dataclass(frozen=True)
class Record:
    """Commit the reading: its result and the spread of its presses."""

    result: RefillResult
    crt_spread: float | None


@dataclass(frozen=True)
class Refuse:
    """Tell the nurse in one sentence why nothing was started."""

    sentence: str


Action = Begin | StartRecording | Press | Renew | Release | Analyse | KeepPress | Record | Refuse
