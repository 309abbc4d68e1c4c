"""One refill time against one threshold: as the device measured it, or as a stopwatch would have told it."""

from dataclasses import dataclass

from contract.hypoperfusion_words import (
    CALIBRATED,
    NOT_CALIBRATED,
    NOT_MAPPED,
    ON_THE_STOPWATCH,
    PARTLY_CALIBRATED,
    Answer,
    bound_of,
    spoken,
    with_interval,
)
from contract.reading import RefillResult
from contract.stopwatch import StopwatchMapping


@dataclass(frozen=True)
class Compared:
    """What holding a result against a threshold came to. `by` is the line's version where one was used."""

    answer: Answer
    borderline: bool = False
    by: str | None = None
    remark: str | None = None


def compared(result: RefillResult, limit_s: float, line: StopwatchMapping | None, language: str) -> Compared:
    """Hold a number or a bound against a threshold, both in s. A bound below the threshold says nothing.

    With a line it is the stopwatch's seconds that are compared, where the line covers the device's; where it does not,
    the device's own are, and that is said.
    """
    device_s = result.crt_s if result.crt_s is not None else result.crt_exceeds_s
    if device_s is None:
        return Compared(Answer.UNDETERMINED)
    if line is None or not line.covers(device_s):
        remark = None if line is None else spoken(NOT_MAPPED, language)
        return Compared(*_plain(result, limit_s), remark=remark)
    told_s, words = line.stopwatch_s(device_s), spoken(ON_THE_STOPWATCH, language)
    if result.crt_s is None:
        answer = Answer.YES if told_s >= limit_s else Answer.UNDETERMINED
        return Compared(answer, by=line.version, remark=words.format(bound_of(told_s, limit_s)))
    low_s, high_s = line.interval_s(device_s, result.crt_ci95_s or (device_s, device_s))
    return Compared(
        Answer.YES if told_s > limit_s else Answer.NO,
        low_s <= limit_s < high_s,
        line.version,
        words.format(with_interval(told_s, low_s, high_s, limit_s, language)),
    )


def _plain(result: RefillResult, limit_s: float) -> tuple[Answer, bool]:
    if result.crt_s is not None:
        interval = result.crt_ci95_s
        borderline = interval is not None and interval[0] <= limit_s < interval[1]
        return (Answer.YES if result.crt_s > limit_s else Answer.NO), borderline
    enough = result.crt_exceeds_s is not None and result.crt_exceeds_s >= limit_s
    return (Answer.YES if enough else Answer.UNDETERMINED), False


def calibration_note(by: tuple[str | None, ...], language: str) -> str:
    """Return what a verdict says of its refill times; `by` holds a line's version, or None, for each that counted."""
    versions = ", ".join(sorted({version for version in by if version is not None}))
    if not versions:
        return spoken(NOT_CALIBRATED, language)
    return spoken(PARTLY_CALIBRATED if None in by else CALIBRATED, language).format(versions)
