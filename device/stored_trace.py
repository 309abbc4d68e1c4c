"""The stored trace: one press as the text that the journal keeps, with everything that its analysis takes.

`refill-trace/2` gives the reading again. `refill-trace/1`, as devices kept it before, lacks what the picture checks had
to say and the target of the protocol; it is still read.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from contract.envelope import first_error
from contract.reasons import Reason
from vision import ALGORITHM_VERSION
from vision.press import PressAnalysis, Settings, analyse_trace
from vision.pressure import PressureTrace
from vision.trace import Trace, TraceError

Array = NDArray[np.float64]

TRACE_FORMAT: str = "refill-trace/2"
FORMAT_1: str = "refill-trace/1"
NOT_IN_FORMAT_1: tuple[str, ...] = ("algorithm_version", "target_kpa", "picture_reason")
LARGEST: float = 1e15
"""Beyond this no time in s, pressure in kPa or signal is one; keeps every later square finite."""
Number = Annotated[float, Field(ge=-LARGEST, le=LARGEST)]


class StoredTraceError(ValueError):
    """A text is no stored trace; one line that says why."""


@dataclass(frozen=True)
class StoredTrace:
    """A press as it was stored: what the analysis takes, and what is to be known about the press beside it.

    `target_kpa` and `algorithm_version` are None where the format did not keep them. The times of both series count
    from `origin_boottime_ns`, CLOCK_BOOTTIME of the device.
    """

    trace: Trace
    pressure: PressureTrace
    origin_boottime_ns: int
    target_kpa: float | None
    algorithm_version: str | None = ALGORITHM_VERSION

    def analysis(self) -> PressAnalysis:
        """Return what the press came to: the reading again, to the last digit, where `doubt` has nothing to say."""
        return analyse_trace(self.trace, self.pressure, Settings(target_kpa=self.target_kpa))

    def doubt(self) -> str | None:
        """Return one sentence where the digits need not be those of the reading; None where they are."""
        if self.algorithm_version is None:
            return "The trace was stored without the picture checks and the target pressure: the reading may differ."
        if self.algorithm_version != ALGORITHM_VERSION:
            return (
                f"The trace was stored by algorithm {self.algorithm_version} and is analysed by {ALGORITHM_VERSION}: "
                "the reading may differ."
            )
        return None


class _Part(BaseModel):
    """Part of the file: unknown keys, NaN, infinity and numbers written as text are refused."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class _Frames(_Part):
    """Series over the n frames; null where vision gave none."""

    time_s: list[Number] = Field(description="since the origin, s, increasing")
    signal: list[Number] = Field(description="haemoglobin index, ln")
    light: list[Annotated[list[Number], Field(min_length=3, max_length=3)]] | None = Field(
        description="linear R, G, B of the region, 0 to 1"
    )
    surround: list[Number] | None = Field(description="haemoglobin index of the skin around the region, ln")
    repeated: list[bool] | None = Field(description="whether a frame is a copy of the one before")

    @model_validator(mode="after")
    def _one_length(self) -> Self:
        lengths = {name: len(values) for name in type(self).model_fields if (values := getattr(self, name)) is not None}
        if len(set(lengths.values())) > 1:
            raise ValueError("series of unlike length: " + ", ".join(f"{name} {n}" for name, n in lengths.items()))
        return self


class _Pressure(_Part):
    """Series over the m samples of the probe."""

    time_s: list[Number] = Field(description="since the origin, s, in order")
    kpa: list[Number] = Field(description="above ambient, kPa")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if len(self.time_s) != len(self.kpa):
            raise ValueError(f"series of unlike length: time_s {len(self.time_s)}, kpa {len(self.kpa)}")
        if any(later < earlier for earlier, later in pairwise(self.time_s)):
            raise ValueError("time runs backwards")
        return self


class _File(_Part):
    """The whole of a stored trace."""

    format: Literal["refill-trace/2"]
    algorithm_version: Annotated[str, Field(pattern=r"^[!-~]{1,80}$")] | None = Field(
        description="of the analysis that made the reading; null: not kept"
    )
    origin_boottime_ns: int = Field(description="CLOCK_BOOTTIME that the times of both series count from")
    target_kpa: float | None = Field(gt=0, description="what the protocol asked for; null: nothing, or not kept")
    picture_reason: Annotated[Reason | None, Field(strict=False)] = Field(
        description="what the checks that need the picture had to say; null where they had no complaint"
    )
    frames: _Frames
    pressure: _Pressure


def trace_text(stored: StoredTrace) -> bytes:
    """Return a trace as the text that is hashed and kept: canonical JSON, every number in its shortest exact form.

    Always of the newest format; raises `ValueError` where a number is not finite.
    """
    trace, pressure = stored.trace, stored.pressure
    content = {
        "format": TRACE_FORMAT,
        "algorithm_version": stored.algorithm_version,
        "origin_boottime_ns": stored.origin_boottime_ns,
        "target_kpa": stored.target_kpa,
        "picture_reason": trace.picture_reason,
        "frames": {
            "time_s": _list(trace.time_s),
            "signal": _list(trace.signal),
            "light": _list(trace.light),
            "surround": _list(trace.surround),
            "repeated": None if trace.repeated is None else trace.repeated.tolist(),
        },
        "pressure": {"time_s": _list(pressure.time_s), "kpa": _list(pressure.kpa)},
    }
    return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def read_stored_trace(text: bytes) -> StoredTrace:
    """Return a stored trace, its arrays to the last bit as they were kept; raises `StoredTraceError`."""
    content = _parsed(text)
    if not isinstance(content, dict) or content.get("format") not in (TRACE_FORMAT, FORMAT_1):
        raise StoredTraceError(f"not a stored trace: its format is neither {TRACE_FORMAT} nor {FORMAT_1}")
    if content["format"] == FORMAT_1:
        content = {**content, **dict.fromkeys(NOT_IN_FORMAT_1), "format": TRACE_FORMAT}
    try:
        return _stored(_File.model_validate(content))
    except ValidationError as error:
        raise StoredTraceError(first_error(error)) from error
    except TraceError as error:
        raise StoredTraceError(f"frames: {error}") from error


def _parsed(text: bytes) -> object:
    def refuse(constant: str) -> float:
        raise StoredTraceError(f"{constant} is not a measurement")

    try:
        return json.loads(text, parse_constant=refuse)
    except StoredTraceError:
        raise
    except (ValueError, RecursionError) as error:
        if not text.strip():
            raise StoredTraceError("the file is empty") from error
        at_end = isinstance(error, json.JSONDecodeError) and error.pos >= len(error.doc.rstrip())
        hint = ": is it truncated?" if at_end else ""
        raise StoredTraceError(f"not JSON{hint}") from error


def _stored(file: _File) -> StoredTrace:
    frames = file.frames
    trace = Trace(
        time_s=_array(frames.time_s),
        signal=_array(frames.signal),
        light=None if frames.light is None else _array(frames.light).reshape(-1, 3),
        surround=None if frames.surround is None else _array(frames.surround),
        repeated=None if frames.repeated is None else np.array(frames.repeated, dtype=np.bool_),
        picture_reason=None if file.picture_reason is None else str(file.picture_reason),
    )
    pressure = PressureTrace(_array(file.pressure.time_s), _array(file.pressure.kpa))
    return StoredTrace(trace, pressure, file.origin_boottime_ns, file.target_kpa, file.algorithm_version)


def _array(values: Sequence[float] | Sequence[list[float]]) -> Array:
    return np.array(values, dtype=np.float64)


def _list(values: Array | None) -> list[object] | None:
    return None if values is None else list(np.asarray(values, dtype=np.float64).tolist())
