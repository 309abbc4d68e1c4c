"""What the calibration campaign found, held against the truth: by error, by figure, before and after; verdicts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from benchmarks.calibration_cases import NAMED, Case, errors_of
from benchmarks.calibration_play import Done
from benchmarks.calibration_readings import LASTING, SETTABLE, Reading, of
from benchmarks.calibration_run import Calibrated
from benchmarks.calibration_truth import FINDS, KNOWN, OF_AN_ERROR, Known, Named, figure_of, off_by
from benchmarks.verdict import Verdict
from contract.certificate import StepName

CORRECTED: Final = ("offset", "gain", "delay", "flicker")
"""Errors that the configuration can take away; a flicker, where white bears the exposure that does not see it."""
LEAST_OF_A_FIGURE: Final = 20
"""Devices, below which a share says little of a figure's interval."""
LEAST_COVERED: Final = 0.92
HEALTHY_PASS: Final = 0.99
SIZES_HELD: Final = 0.95
MOST_BIAS_S: Final = 0.03
WITHIN: Final = 0.95
MOST_REFUSED: Final = 0.03


@dataclass(frozen=True)
class ByError:
    """One error over all devices that had it.

    Found: its step failed at first. Sized: each of its figures that was measured held the truth; `spoiled` are those
    that another error spoils. Corrected: its step named a correction that was made; verified: and then it passed.
    """

    error: str
    count: int
    found: int
    measured: int
    held: int
    spoiled: int
    corrected: int
    verified: int


@dataclass(frozen=True)
class ByFigure:
    """One figure over all devices: how far off it was, in its own stated uncertainties; of spoiled ones likewise."""

    named: Named
    off: tuple[float, ...]
    spoiled: tuple[float, ...]

    @property
    def held(self) -> int:
        """How many intervals held the truth."""
        return sum(abs(each) <= 1.0 for each in self.off)

    @property
    def covered(self) -> float:
        """Their share."""
        return self.held / len(self.off) if self.off else float("nan")


def sizes(case: Case, done: Calibrated, named: Named, known: Known) -> list[float]:
    """Return how far a figure was off, first and where the step was done again; empty where it was not measured."""
    step, name = named
    errors, found = errors_of(case), []
    first, last = done.first.get(step), done.last.get(step)
    # What is measured from end to end is measured once, under the last configuration.
    looks = [(done.after if step is StepName.END_TO_END else done.before, first)]
    if last is not None and first is not None and last != first:
        looks.append((done.after, last))
    for device, outcome in looks:
        figure = None if outcome is None else figure_of(outcome, name)
        if figure is not None:
            found.append(off_by(figure, known.truth(device, errors)))
    return found


def by_figure(devices: Sequence[Done]) -> list[ByFigure]:
    """Return every known figure over all devices."""
    found = []
    for named, known in {**KNOWN, **OF_AN_ERROR}.items():
        off: list[float] = []
        spoiled: list[float] = []
        for case, done in devices:
            if named in OF_AN_ERROR and not any(named in FINDS[error] for error in case.wrong):
                continue
            (spoiled if known.spoiled_by & set(case.wrong) else off).extend(sizes(case, done, named, known))
        found.append(ByFigure(named, tuple(off), tuple(spoiled)))
    return found


def by_error(devices: Sequence[Done]) -> list[ByError]:
    """Return every error over the devices that had it and did its step."""
    return [_of_error(error, [each for each in devices if error in each[0].wrong]) for error in FINDS]


def _of_error(error: str, devices: Sequence[Done]) -> ByError:
    found = measured = held = spoiled = corrected = verified = 0
    for case, done in devices:
        steps = {step for step, _ in FINDS[error]}
        first = [done.first[step] for step in steps if step in done.first]
        found += any(not outcome.passed for outcome in first)
        off = []
        reached = False
        for named in FINDS[error]:
            known = OF_AN_ERROR.get(named) or KNOWN[named]
            reached = reached or bool(known.spoiled_by & set(case.wrong))
            off += sizes(case, done, named, known)[:1]
        measured += bool(off) and not reached
        held += bool(off) and not reached and all(abs(each) <= 1.0 for each in off)
        spoiled += bool(off) and reached
        keys = {change.key for change in done.changes}
        if error in CORRECTED and any(keys & outcome.corrections.keys() for outcome in first):
            corrected += 1
            verified += all(done.last[step].passed for step in steps)
    return ByError(error, len(devices), found, measured, held, spoiled, corrected, verified)


def passes(devices: Sequence[Done]) -> tuple[int, int, int]:
    """Return of good devices: how many, how many passed whole, and how many were measured from end to end."""
    good = [(case, done) for case, done in devices if not case.wrong]
    whole = sum(StepName.END_TO_END in done.last for _, done in good)
    return len(good), sum(done.passed for _, done in good), whole


@dataclass(frozen=True)
class Figures:
    """Readings of one kind, before or after: shares are of those that were measured."""

    count: int
    refused: int
    bias_s: float
    sd_s: float
    within: float
    covered: float


def figures(found: Sequence[Reading]) -> Figures:
    """Return what is told of readings."""
    measured = [reading for reading in found if reading.crt_s is not None]
    errors_s = np.array([reading.error_s for reading in measured])
    many = len(measured) > 1
    return Figures(
        count=len(found),
        refused=len(found) - len(measured),
        bias_s=float(errors_s.mean()) if many else float("nan"),
        sd_s=float(errors_s.std(ddof=1)) if many else float("nan"),
        within=float(np.mean([reading.within for reading in measured])) if many else float("nan"),
        covered=float(np.mean([reading.covered for reading in measured])) if many else float("nan"),
    )


def verdicts(devices: Sequence[Done], found: Sequence[Reading]) -> list[Verdict]:
    """Return what was wanted, held against what came."""
    count, passed, whole = passes(devices)
    errors, shown = by_error(devices), by_figure(devices)
    judged = [
        Verdict(
            f"good devices pass whole in >= {HEALTHY_PASS:.0%}",
            count > 0 and passed >= HEALTHY_PASS * count,
            f"{passed} of {count}, {whole} of them from end to end",
        ),
        Verdict(
            "each error that the issue names occurs at least 10 times",
            all(each.count >= 10 for each in errors if each.error in NAMED),
            ", ".join(f"{each.error} {each.count}" for each in errors if each.error in NAMED),
        ),
        _all_found(errors),
        _sizes_held(errors),
        _covered(shown),
        _verified(errors),
    ]
    return judged + _read_well(found)


def _all_found(errors: Sequence[ByError]) -> Verdict:
    missed = [f"{each.error} {each.found} of {each.count}" for each in errors if each.found < each.count]
    total, found = sum(each.count for each in errors), sum(each.found for each in errors)
    said = f"{found} of {total}" + (f"; {', '.join(missed)}" if missed else "")
    return Verdict("every hidden error is found", found == total, said)


def _sizes_held(errors: Sequence[ByError]) -> Verdict:
    measured, held = sum(each.measured for each in errors), sum(each.held for each in errors)
    share = held / max(measured, 1)
    return Verdict(
        f"an error's size is within the stated uncertainty in >= {SIZES_HELD:.0%}",
        share >= SIZES_HELD,
        f"{held} of {measured} ({share:.1%})",
    )


def _covered(shown: Sequence[ByFigure]) -> Verdict:
    judged = [each for each in shown if len(each.off) >= LEAST_OF_A_FIGURE]
    low = [f"{each.named[1]} {each.held} of {len(each.off)}" for each in judged if each.covered < LEAST_COVERED]
    total, held = sum(len(each.off) for each in judged), sum(each.held for each in judged)
    return Verdict(
        f"every figure's interval holds the truth in >= {LEAST_COVERED:.0%} ({len(judged)} figures)",
        not low,
        f"{held} of {total} ({held / max(total, 1):.1%})" + (f"; below: {', '.join(low)}" if low else ""),
    )


def _verified(errors: Sequence[ByError]) -> Verdict:
    corrected, verified = sum(each.corrected for each in errors), sum(each.verified for each in errors)
    said = ", ".join(f"{each.error} {each.verified} of {each.corrected}" for each in errors if each.corrected)
    return Verdict("what was corrected passes when it is measured again", verified == corrected, said)


def _read_well(found: Sequence[Reading]) -> list[Verdict]:
    if not found:
        return []
    after = figures(of(found, SETTABLE, True))
    return [
        Verdict(
            f"after calibration |bias| <= {MOST_BIAS_S:g} s",
            abs(after.bias_s) <= MOST_BIAS_S,
            f"{after.bias_s:+.3f} s (before: {figures(of(found, SETTABLE, False)).bias_s:+.3f} s)",
        ),
        Verdict(
            f"after calibration |error| <= max(0.10 s, 6 %) for {WITHIN:.0%}",
            after.within >= WITHIN,
            f"{after.within:.1%} of {after.count - after.refused}",
        ),
        Verdict(
            f"after calibration refused <= {MOST_REFUSED:.0%}",
            after.refused <= MOST_REFUSED * after.count,
            f"{after.refused} of {after.count} (before: {figures(of(found, SETTABLE, False)).refused})",
        ),
    ]


def error_rows(devices: Sequence[Done]) -> list[list[str]]:
    """Return the table by error."""
    rows = []
    for each in by_error(devices):
        corrected = f"{each.verified} of {each.corrected}" if each.error in CORRECTED else ""
        step = FINDS[each.error][0][0].value
        name = f"**{each.error}**" if each.error in NAMED else each.error
        spoiled = str(each.spoiled) if each.spoiled else ""
        rows.append(
            [name, step, str(each.count), str(each.found), f"{each.held} of {each.measured}", spoiled, corrected]
        )
    return rows


ERROR_HEAD: Final = ["error", "step", "n", "found", "size held", "size spoiled", "corrected, and passed again"]
FIGURE_HEAD: Final = ["step", "figure", "n", "held", "share", "mean off, U", "SD, U", "spoiled n", "of them held"]
READING_HEAD: Final = ["devices", "when", "presses", "refused", "bias, s", "95 % limits, s", "within", "covered"]


def figure_rows(devices: Sequence[Done]) -> list[list[str]]:
    """Return the table by figure; distances are in units of the stated expanded uncertainty."""
    rows = []
    for each in by_figure(devices):
        if not each.off and not each.spoiled:
            continue
        off, spoiled = np.array(each.off), np.array(each.spoiled)
        rows.append(
            [
                each.named[0].value,
                each.named[1],
                str(len(off)),
                str(each.held),
                f"{each.covered:.1%}" if len(off) else "",
                f"{off.mean():+.2f}" if len(off) else "",
                f"{off.std(ddof=1):.2f}" if len(off) > 1 else "",
                str(len(spoiled)) if len(spoiled) else "",
                str(int(np.count_nonzero(np.abs(spoiled) <= 1.0))) if len(spoiled) else "",
            ]
        )
    return rows


def reading_rows(found: Sequence[Reading]) -> list[list[str]]:
    """Return the table of readings before and after."""
    rows = []
    for kind in (SETTABLE, LASTING):
        for after in (False, True):
            own = of(found, kind, after)
            if own:
                told = figures(own)
                low, high = told.bias_s - 1.96 * told.sd_s, told.bias_s + 1.96 * told.sd_s
                rows.append(
                    [
                        kind,
                        "after" if after else "before",
                        str(told.count),
                        str(told.refused),
                        f"{told.bias_s:+.3f}",
                        f"{low:+.3f} to {high:+.3f}",
                        f"{told.within:.1%}",
                        f"{told.covered:.1%}",
                    ]
                )
    return rows
