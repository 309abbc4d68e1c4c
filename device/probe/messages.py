"""The words between the probe and whoever uses it: JSON lines over a Unix stream socket, as pydantic models.

Everybody connected hears every event; one connection at a time owns the press, and holds it only while it renews.
A renewal by anybody else is refused. Releasing is always safe, so anybody may.
`sent_ns` is CLOCK_BOOTTIME at the sender: a command that was held up on its way counts from when it was meant, so a
press never starts late and a renewal never lengthens a lease that has run out.
"""

import time
from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from device.probe.faults import FaultCode

LINK_VERSION = 4
"""2: `Released` names the fault that its press ended with. 3: clearing a fault says by whom, a status whether faults
outlive the process; pressure comes in batches of at most `MAX_BATCH`; a foreign renewal is refused. 4: a press may end
with its pump at rest, and its reading may be raised (`Inject`)."""
MAX_LINE = 4096
"""Longest message in bytes, newline included. A sender of more is disconnected."""
MAX_BATCH = 64
"""Most samples in one `Pressure`: however long its numbers are, it stays below `MAX_LINE`."""

Words = TypeVar("Words")

Clock = Callable[[], int]
"""Returns CLOCK_BOOTTIME in ns."""

Phase = Literal["idle", "ramp", "hold", "release"]
BootNs = Annotated[int, Field(ge=0, le=2**63 - 1)]
LeaseToken = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
OperatorCode = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$", description="operator code, never a name")]


def boot_ns() -> int:
    """Return CLOCK_BOOTTIME in ns, the clock of frames and pressure alike."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


class Message(BaseModel):
    """Base of every message: unknown keys refused, numbers finite, types never coerced."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, strict=True)

    def line(self) -> bytes:
        """Return the message as it stands on the wire, newline included."""
        return self.model_dump_json().encode() + b"\n"


class Press(Message):
    """Press to `target_kpa` within about `ramp_s`, hold for `hold_s` from when the target is reached, release.

    For the last `still_s` of the hold the pump is left off, so that calibration sees what leaks. It only ever gives
    less pressure, and what is lost counts against the hold as any other loss.
    """

    kind: Literal["press"] = "press"
    lease: LeaseToken
    sent_ns: BootNs
    target_kpa: float = Field(gt=0, le=1e6)
    ramp_s: float = Field(gt=0, le=1e6)
    hold_s: float = Field(gt=0, le=1e6)
    still_s: float = Field(0.0, ge=0, le=1.0)


class Renew(Message):
    """Keep the press going. Due well within `lease_s`, from the connection that pressed."""

    kind: Literal["renew"] = "renew"
    lease: LeaseToken
    sent_ns: BootNs


class Release(Message):
    """Vent now."""

    kind: Literal["release"] = "release"


class AskStatus(Message):
    """Answer with a `Status`."""

    kind: Literal["status"] = "status"


class ClearFault(Message):
    """Clear the latched fault, if the probe is vented and its sensor sane.

    A fault that only a repair mends is cleared only by somebody who says who they are: that is kept, and no restart
    clears it instead.
    """

    kind: Literal["clear_fault"] = "clear_fault"
    operator: OperatorCode | None = None


class Inject(Message):
    """Let the reading that the press is judged by rise above the one that is read, so that the probe has to let go.

    For calibration, from whoever holds the press, and in its hold: what is added only ever grows, and is gone with the
    press. The readings themselves are judged and told as before, so that nothing is hidden by what is added.
    """

    kind: Literal["inject"] = "inject"
    lease: LeaseToken
    sent_ns: BootNs
    kpa_per_s: float = Field(gt=0, le=50)


Command = Press | Renew | Release | AskStatus | ClearFault | Inject
CommandKind = Literal["press", "renew", "release", "status", "clear_fault", "inject"]


class Refusal(StrEnum):
    """Why a command changed nothing."""

    MALFORMED = "malformed"
    OVER_LIMIT = "over_limit"
    TOO_OFTEN = "too_often"
    BUSY = "busy"
    NOT_OWNER = "not_owner"
    TOO_LATE = "too_late"
    FAULT = "fault"
    NOT_READY = "not_ready"
    NOT_CLEARABLE = "not_clearable"


class State(Message):
    """The probe went from one phase to the next. `lease` names the press; None when idle."""

    kind: Literal["state"] = "state"
    t_boot_ns: BootNs
    phase: Phase
    lease: LeaseToken | None


class Pressure(Message):
    """Samples since the last such event, oldest first: instants of reading (CLOCK_BOOTTIME ns) and gauge pressure."""

    kind: Literal["pressure"] = "pressure"
    t_boot_ns: tuple[BootNs, ...] = Field(max_length=MAX_BATCH)
    kpa: tuple[float, ...] = Field(max_length=MAX_BATCH)


class Released(Message):
    """The pressure is gone: the release as the sensor saw it.

    `t_boot_ns` is the candidate for time zero: where the pressure last fell through half of the mean hold level,
    interpolated between samples. It is None, like the figures of the hold, where there was no hold.
    """

    kind: Literal["released"] = "released"
    lease: LeaseToken
    why: Literal["held", "asked", "fault"] = Field(description="held: the hold ran its full time")
    fault: FaultCode | None = Field(
        description="first fault from the start of the press to its full release, also after a hold of full time; "
        "nothing may be read from a press that has one"
    )
    t_boot_ns: BootNs | None
    release_s: float | None = Field(description="from 90 to 10 % of the mean hold level")
    valve_open_ns: BootNs = Field(description="when the valve was told to open")
    held_s: float
    hold_mean_kpa: float | None
    hold_sd_kpa: float | None
    overshoot: float | None = Field(description="highest sample over the target, as a share of the target; 0 if below")
    leak_kpa_per_s: float | None = Field(
        None, description="what the pump made up for in the hold: its duty by the gain learnt in the ramp; an estimate"
    )


class FaultRaised(Message):
    """A fault; the outputs were released before this was written. Its sentence is `FAULTS[code]`."""

    kind: Literal["fault"] = "fault"
    t_boot_ns: BootNs
    code: FaultCode
    latched: bool
    lease: LeaseToken | None
    injected: bool = Field(False, description="whether only a raised reading showed it (`Inject`), and nothing real")


class FaultCleared(Message):
    """The latched fault is no more."""

    kind: Literal["fault_cleared"] = "fault_cleared"
    t_boot_ns: BootNs
    code: FaultCode
    operator: OperatorCode | None


class Refused(Message):
    """A command changed nothing. `sentence` is for the log and the bench, one line."""

    kind: Literal["refused"] = "refused"
    command: CommandKind | Literal["unknown"]
    why: Refusal
    sentence: str


class Injected(Message):
    """From `t_boot_ns` on the press is also judged by its readings and `kpa_per_s` times the time since then."""

    kind: Literal["injected"] = "injected"
    t_boot_ns: BootNs
    kpa_per_s: float
    lease: LeaseToken


class Status(Message):
    """How the probe is. Sent on connecting, and when asked for."""

    kind: Literal["status_report"] = "status_report"
    version: int = LINK_VERSION
    t_boot_ns: BootNs
    device: str
    simulated: bool
    config_sha256: str
    phase: Phase
    pressure_kpa: float | None = Field(description="None while the sensor gives nothing")
    fault: FaultCode | None = Field(description="the latched fault")
    fault_injected: bool = Field(False, description="whether only a raised reading showed the latched fault (`Inject`)")
    faults_kept: bool = Field(description="whether a latched fault outlives this process; false: it is in memory only")
    lease_s: float
    pressure_limit_kpa: float
    hold_limit_s: float
    samples: int
    worst_gap_ms: float = Field(description="longest time between two control steps since the start")
    uptime_s: float | None = Field(None, description="since the probe process took its pins")
    temperature_c: float | None = Field(None, description="skin or room, where the device file has a thermometer")


Event = State | Pressure | Released | FaultRaised | FaultCleared | Refused | Injected | Status

_COMMAND: TypeAdapter[Command] = TypeAdapter(Annotated[Command, Field(discriminator="kind")])
_EVENT: TypeAdapter[Event] = TypeAdapter(Annotated[Event, Field(discriminator="kind")])


class MalformedMessageError(ValueError):
    """A line is not one of our messages."""


def parse_command(line: bytes) -> Command:
    """Return the command in one line; raises `MalformedMessageError` for anything else, whatever it is."""
    return _parse(line, _COMMAND)


def parse_event(line: bytes) -> Event:
    """Return the event in one line; raises `MalformedMessageError` for anything else, whatever it is."""
    return _parse(line, _EVENT)


class _Spoken(BaseModel):
    """As much of a `Status` as every version of the link has."""

    kind: Literal["status_report"]
    version: int


def spoken_version(line: bytes) -> int | None:
    """Return the version of the link that a line reports, whatever else that version has in it; None where it is none.

    The rest of a message of another version need not be readable to say clearly that it is another version.
    """
    try:
        return _Spoken.model_validate_json(line).version
    except ValidationError:
        return None


def _parse(line: bytes, adapter: TypeAdapter[Words]) -> Words:
    if len(line) > MAX_LINE:
        raise MalformedMessageError(f"{len(line)} bytes in one message")
    try:
        return adapter.validate_json(line)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(map(str, first["loc"])) or "message"
        raise MalformedMessageError(f"{where}: {first['msg']}") from error


class LineBuffer:
    """Cuts a stream of bytes into lines, and knows when one grows too long."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        """Return the lines that `data` completes; raises `MalformedMessageError` on one that does not end."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > MAX_LINE:
            raise MalformedMessageError("a message without an end")
        return [line for line in lines if line.strip()]
