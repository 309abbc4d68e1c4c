"""A certificate's figures in words: value with its uncertainty, limits, and how far it moved since another one."""

import math
from dataclasses import dataclass

from calibration.certificate import standing
from contract.certificate import Certificate, Figure, StepName


def measured(figure: Figure) -> str:
    """Return a value with its expanded uncertainty and unit: `0.12 ± 0.03 kPa`."""
    if not figure.uncertainty:
        return f"{figure.value:.4g} {figure.unit}".rstrip()
    decimals = max(0, 1 - math.floor(math.log10(figure.uncertainty)))
    return f"{figure.value:.{decimals}f} ± {figure.uncertainty:.{decimals}f} {figure.unit}".rstrip()


def limits(figure: Figure) -> str:
    """Return a figure's limits, empty where there are none."""
    if figure.at_least is not None and figure.at_most is not None:
        return f"{figure.at_least:g} to {figure.at_most:g} {figure.unit}".rstrip()
    if figure.at_least is not None:
        return f"≥ {figure.at_least:g} {figure.unit}".rstrip()
    return f"≤ {figure.at_most:g} {figure.unit}".rstrip() if figure.at_most is not None else ""


def configured(found: float | int | tuple[float, ...] | None) -> str:
    """Return a value of the configuration as it is written there."""
    if found is None:
        return "–"
    return f"[{', '.join(f'{each:.6g}' for each in found)}]" if isinstance(found, tuple) else f"{found:.6g}"


def has_limits(figure: Figure) -> bool:
    """Whether a figure is judged, and does not only inform."""
    return figure.at_least is not None or figure.at_most is not None


def missing(certificate: Certificate) -> list[StepName]:
    """Return the steps that a certificate needs to be in force and has not, in their order."""
    there = {step.step for step in certificate.steps}
    return [name for name in StepName if name in standing.NEEDED - there]


def verdict(certificate: Certificate) -> str:
    """Return in one word what a certificate came to: one that lacks a needed step has not passed."""
    if not certificate.passed:
        return "FAILED"
    return "INCOMPLETE" if missing(certificate) else "PASSED"


@dataclass(frozen=True)
class Moved:
    """A figure of two certificates. `en` is their difference over its own expanded uncertainty (ISO 13528, E_n):
    beyond 1 it is more than measuring explains; None where neither states an uncertainty."""

    step: StepName
    name: str
    unit: str
    old: float
    new: float
    en: float | None


def moved(old: Certificate, new: Certificate) -> list[Moved]:
    """Return every figure that both have, in the order of the new one."""
    before = {(step.step, figure.name): figure for step in old.steps for figure in step.figures}
    found = []
    for step in new.steps:
        for figure in step.figures:
            earlier = before.get((step.step, figure.name))
            if earlier is not None and earlier.unit == figure.unit:
                apart = figure.value - earlier.value
                u = math.hypot(figure.uncertainty or 0.0, earlier.uncertainty or 0.0)
                found.append(
                    Moved(
                        step.step, figure.name, figure.unit, earlier.value, figure.value, apart / u if u > 0 else None
                    )
                )
    return found
