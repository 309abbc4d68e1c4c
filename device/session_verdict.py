"""From the presses of a measurement to its one result: their median, whether they agree, or the leading reason."""

from collections import Counter
from collections.abc import Sequence
from statistics import median

from contract.reading import RefillResult, Status
from contract.reasons import Reason

UNKNOWN_S: float = 120.0
"""Upper end of what a censored press may be; the wire's own limit for a time."""
END_POINTS: tuple[str, ...] = ("t50_s", "crt_90_10_s", "crt_100_10_s", "tau_s", "delay_s", "overshoot")


def without_number(reason: Reason) -> RefillResult:
    """Return the result that says only why there is none."""
    return RefillResult(status=Status.NOT_MEASURABLE, reason=reason)


def verdict(presses: Sequence[RefillResult], asked: int, agreement: float) -> tuple[RefillResult, float | None]:
    """Return the measurement's result and the spread of its presses, (largest - smallest) / median of `crt_s`.

    More than half of the `asked` presses must have a number or be censored; otherwise the commonest reason leads. A
    censored press counts as larger than its limit: where the median cannot be told for that, the measurement is
    censored at the lower bound of the median. Presses that differ by more than `agreement` (a share of the median)
    for certain, whatever the censored ones are, end in "presses disagree". The spread is None unless all that count
    were measured, and at least two. Every end point is the median over the measured presses; so is each end of the
    95 % interval, which is therefore that of one press and not narrowed by repetition.
    """
    usable = [press for press in presses if press.status is not Status.NOT_MEASURABLE]
    if 2 * len(usable) <= asked:
        return without_number(_leading_reason(presses)), None
    low_s = [_low_s(press) for press in usable]
    known = [press for press in usable if press.status is Status.MEASURED]
    middle_s = median(low_s)
    certain_s = max(low_s) - min(_high_s(press) for press in usable)
    if certain_s / max(middle_s, 1e-9) > agreement:
        return without_number(Reason.PRESSES_DISAGREE), _spread(known, usable)
    if median([_high_s(press) for press in usable]) > middle_s:
        return RefillResult(status=Status.CENSORED, crt_exceeds_s=middle_s), None
    return _median_of(known, usable, middle_s), _spread(known, usable)


def _low_s(press: RefillResult) -> float:
    return _number(press.crt_s if press.crt_s is not None else press.crt_exceeds_s)


def _high_s(press: RefillResult) -> float:
    return press.crt_s if press.crt_s is not None else float("inf")


def _number(value: float | None) -> float:
    if value is None:
        raise ValueError("a press that counts has neither crt_s nor crt_exceeds_s")
    return value


def _leading_reason(presses: Sequence[RefillResult]) -> Reason:
    reasons = [press.reason for press in presses if press.reason is not None]
    # most_common keeps the order of first appearance among equals.
    return Counter(reasons).most_common(1)[0][0] if reasons else Reason.WINDOW_TOO_SHORT


def _spread(known: Sequence[RefillResult], usable: Sequence[RefillResult]) -> float | None:
    if len(known) != len(usable) or len(known) < 2:
        return None
    values_s = [_number(press.crt_s) for press in known]
    return (max(values_s) - min(values_s)) / median(values_s)


def _median_of(known: Sequence[RefillResult], usable: Sequence[RefillResult], middle_s: float) -> RefillResult:
    intervals = [press.crt_ci95_s or (_low_s(press), UNKNOWN_S) for press in usable]
    values: dict[str, float | None] = {}
    for name in END_POINTS:
        found = [value for press in known if (value := getattr(press, name)) is not None]
        values[name] = median(found) if found else None
    return RefillResult(
        status=Status.MEASURED,
        crt_s=middle_s,
        crt_ci95_s=(median(low for low, _ in intervals), median(high for _, high in intervals)),
        **values,
    )
