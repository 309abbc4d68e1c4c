"""Everything that is told about one set of pairs, together: each figure needs the others beside it."""

from dataclasses import dataclass

from calibration.agreement.limits import Limits, limits_of_agreement
from calibration.agreement.pairs import AgreementError, Pairs
from calibration.agreement.raters import (
    Correlation,
    by_rater,
    device_and_stopwatch,
    icc_agreement,
    least_significant_change,
)
from calibration.agreement.regression import Line, deming
from calibration.agreement.threshold import Agreement, at_threshold


@dataclass(frozen=True)
class Summary:
    """What device and stopwatch share. None where the pairs do not allow it: `why_not` says why, by name."""

    limits: Limits
    line: Line | None
    device_and_stopwatch: Correlation | None
    between_raters: Correlation | None
    at_threshold: Agreement
    device_change: float | None
    """Least significant change of the device's own repeats, as a share."""
    stopwatch_change: float | None
    why_not: dict[str, str]


def summarise(pairs: Pairs, threshold_s: float, ratio: float = 1.0) -> Summary:
    """Return all statistics of the pairs; `ratio` is that of the error variances, stopwatch over device."""
    why_not: dict[str, str] = {}
    line: Line | None = None
    try:
        line = deming(pairs, ratio)
    except AgreementError as error:
        why_not["line"] = str(error)
    both = _correlation(pairs, "device and stopwatch", why_not)
    raters = _correlation(pairs, "raters", why_not)
    return Summary(
        limits=limits_of_agreement(pairs),
        line=line,
        device_and_stopwatch=both,
        between_raters=raters,
        at_threshold=at_threshold(pairs, threshold_s),
        device_change=least_significant_change(pairs.device_s, pairs.subject),
        stopwatch_change=least_significant_change(pairs.stopwatch_s, pairs.subject),
        why_not=why_not,
    )


def _correlation(pairs: Pairs, of: str, why_not: dict[str, str]) -> Correlation | None:
    table = by_rater(pairs) if of == "raters" else device_and_stopwatch(pairs)
    try:
        return icc_agreement(table)
    except AgreementError as error:
        why_not[of] = str(error)
        return None


def in_words(summary: Summary) -> list[str]:
    """Return the summary as lines for a person."""
    found, lines = summary.limits, []
    lines.append(f"{found.pairs} pairs of {found.subjects} subjects, device less stopwatch:")
    lines.append(f"  bias {found.bias_s:+.2f} s ({found.bias_ci95_s[0]:+.2f} to {found.bias_ci95_s[1]:+.2f})")
    for name, value, interval in (("lower", found.low_s, found.low_ci95_s), ("upper", found.high_s, found.high_ci95_s)):
        lines.append(f"  {name} limit of agreement {value:+.2f} s ({interval[0]:+.2f} to {interval[1]:+.2f})")
    lines.append(f"  spread within a subject {found.within_sd_s:.2f} s, between subjects {found.between_sd_s:.2f} s")
    if found.grows_ci95[0] > 0 or found.grows_ci95[1] < 0:
        lines.append(
            f"  the difference changes with refill: {found.grows:+.2f} s a second "
            f"({found.grows_ci95[0]:+.2f} to {found.grows_ci95[1]:+.2f}); the limits hold on average only"
        )
    if summary.line is not None:
        line = summary.line
        (low_s, high_s), (low, high) = line.intercept_ci95_s, line.slope_ci95
        lines.append(
            f"stopwatch = {line.intercept_s:+.2f} s ({low_s:+.2f} to {high_s:+.2f})"
            f" + {line.slope:.2f} ({low:.2f} to {high:.2f}) x device"
        )
    for name, each in (
        ("device and stopwatch", summary.device_and_stopwatch),
        ("between raters", summary.between_raters),
    ):
        if each is not None:
            lines.append(f"{each.form} {name} {each.value:.2f} ({each.ci95[0]:.2f} to {each.ci95[1]:.2f})")
    lines.append(_threshold(summary.at_threshold))
    for name, change in (("device", summary.device_change), ("stopwatch", summary.stopwatch_change)):
        if change is not None:
            lines.append(f"least significant change, {name}: {100 * change:.0f} %")
    lines.extend(f"not told, {name}: {why}" for name, why in summary.why_not.items())
    return lines


def _threshold(found: Agreement) -> str:
    kappa = "no kappa: one of them never changes its answer"
    if found.kappa is not None and found.kappa_ci95 is not None:
        kappa = f"kappa {found.kappa:.2f} ({found.kappa_ci95[0]:.2f} to {found.kappa_ci95[1]:.2f})"
    return (
        f"above {found.threshold_s:g} s: both {found.both_above}, device only {found.device_only}, "
        f"stopwatch only {found.stopwatch_only}, neither {found.both_below}; {kappa}"
    )
