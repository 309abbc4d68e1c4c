"""Span of the pressure sensor: presses on the plug, up the levels and down again, against a reference manometer."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from calibration.camera_frames import TargetError, curve, guarded, outcome
from calibration.pressure_samples import Floats, Presses, gain_of, rounding_u, steady, step_kpa
from calibration.rig import Target
from calibration.step import COVERAGE_FACTOR, Bench, Question, Step, Words
from contract.certificate import Curve, Figure, StepName, StepOutcome

LEVELS: Final = 5
REPEATS: Final = 3
"""More presses to the middle level, after those that come down to the lowest: like the rising one, from below."""
HOLD_S: Final = 8.0
"""Time to read a manometer."""
REFERENCE_PCT: Final = 0.25
"""Expanded uncertainty (k = 2) of a usual reference manometer, of its reading: that of the simulated one."""
BEST_REFERENCE_PCT, WORST_REFERENCE_PCT = 0.02, 1.0
"""Within which that of the one at hand has to be: with half of what the gain may be off by there is little to judge."""
REFERENCE_STEP_KPA: Final = 0.1
"""To which it is read."""
MOST_GAIN_PCT: Final = 2.0
"""A per cent is one of force; the plate's area may be off by 4."""
MOST_NONLINEARITY_PCT: Final = 1.0
MOST_HYSTERESIS_PCT: Final = 1.0
MOST_REPEATABILITY_KPA: Final = 0.4
"""A per cent of 40 kPa."""
LEAST_GAIN, GREATEST_GAIN = 0.95, 1.05
"""Of the sensor's own curve. Beyond it sensor or manometer is broken, and a gain would move the true ceiling too."""
WORST_OF: Final = 1.3
"""By which the largest of five differences scatters more than one: 2.6 standard deviations hold 95 % of them."""
BENT_AT_ZERO, LOOP_AT_ZERO = 3.5, 0.4
"""How far off the line is at zero, for the largest distance from it (a parabola's) and for the loop's width."""
BENT_AS_SLOPE, LOOP_AS_SLOPE = 2.5, 0.35
"""What both make of the slope, as a change over the whole range."""
T_FACTOR: Final = 1.1
"""Student's t of 11 degrees of freedom at 95 %, over 2."""
FARTHEST_OFF: Final = 0.5
"""A manometer that shows so much more or less than asked for is not in the line, or was read wrong."""
IN_THE_LINE: Final = ("leak", "slow_release")
"""Faults of a press that leave its steady hold what it was: steps of their own judge them."""
QUESTION: Final = Words(
    "What did the reference manometer show while the pressure was held?",
    "Qu'indiquait le manomètre de référence pendant le maintien ?",
)


REFERENCE: Final = Words(
    "Expanded uncertainty (k = 2) of the reference, of its reading, as its own certificate has it?",
    "Incertitude élargie (k = 2) de la référence, en part de sa lecture, selon son propre certificat ?",
)


@dataclass(frozen=True)
class Series:
    """Readings of the probe and of the reference, kPa: rising and falling shape (`LEVELS`,), lowest first; repeats."""

    rising: tuple[Floats, Floats]
    falling: tuple[Floats, Floats]
    repeats: tuple[Floats, Floats]
    reading_u: float
    """Standard uncertainty of one reading of the probe, from noise and rounding."""


@dataclass(frozen=True)
class Line:
    """`reading = offset_kpa + slope * reference`, with standard uncertainties."""

    offset_kpa: float
    slope: float
    offset_u: float
    slope_u: float
    left_kpa: float
    """Standard deviation of what the line leaves."""


@dataclass(frozen=True)
class Departures:
    """The largest distance of a level from the line, of falling from rising, and how a level repeats."""

    nonlinear_kpa: float
    hysteresis_kpa: float
    repeatability_kpa: float


def span(bench: Bench) -> StepOutcome:
    """Press, ask, and judge."""
    limit_kpa = bench.device.press_limits.pressure_kpa
    shown = REFERENCE_PCT if bench.rig.simulated else None
    reference_pct = bench.ask(Question(REFERENCE, "%", BEST_REFERENCE_PCT, WORST_REFERENCE_PCT, shown=shown))
    series = measure(bench, limit_kpa)
    line = fit(series)
    departures = _departures(series)
    gain_u = _gain_u(line, departures, reference_pct, limit_kpa)
    figures = [
        *_line_figures(line, departures, gain_u),
        *_departure_figures(series, departures, limit_kpa),
        Figure(name="reference-uncertainty-pct", value=reference_pct, unit="%"),
    ]
    found = outcome(StepName.PRESSURE_SPAN, figures, _curves(series, line))
    well_else = all(figure.passed for figure in figures if figure.name != "gain-error-pct")
    # Through a bent or a wide line there is no gain that would be right.
    return _corrected(found, gain_of(bench), line.slope, gain_u) if well_else else found


def _gain_u(line: Line, departures: Departures, reference_pct: float, limit_kpa: float) -> float:
    """Return the expanded uncertainty of the slope: of the fit, of bend and loop, and of the reference."""
    bend, loop = BENT_AS_SLOPE * departures.nonlinear_kpa, LOOP_AS_SLOPE * departures.hysteresis_kpa
    turned_u = math.hypot(bend, loop) / math.sqrt(3.0) / limit_kpa
    reference_u = reference_pct / 100.0 / COVERAGE_FACTOR * line.slope
    return COVERAGE_FACTOR * math.hypot(math.hypot(line.slope_u, turned_u), reference_u)


def _line_figures(line: Line, departures: Departures, gain_u: float) -> list[Figure]:
    # The line goes on to zero below its lowest level, which a bend and a loop carry along.
    bend, loop = BENT_AT_ZERO * departures.nonlinear_kpa, LOOP_AT_ZERO * departures.hysteresis_kpa
    bent_u = math.hypot(bend, loop) / math.sqrt(3.0)
    return [
        Figure(
            name="gain-error-pct",
            value=100.0 * (line.slope - 1.0),
            unit="%",
            uncertainty=100.0 * gain_u,
            at_least=-MOST_GAIN_PCT,
            at_most=MOST_GAIN_PCT,
        ),
        Figure(
            name="line-offset-kpa",
            value=line.offset_kpa,
            unit="kPa",
            uncertainty=COVERAGE_FACTOR * math.hypot(line.offset_u, bent_u),
        ),
    ]


def _departure_figures(series: Series, departures: Departures, limit_kpa: float) -> list[Figure]:
    difference_u = math.hypot(series.reading_u, REFERENCE_STEP_KPA / math.sqrt(12.0))
    worst_pct = 100.0 * COVERAGE_FACTOR * WORST_OF / limit_kpa
    repeatability_kpa = departures.repeatability_kpa
    return [
        Figure(
            name="nonlinearity-pct",
            value=100.0 * departures.nonlinear_kpa / limit_kpa,
            unit="%",
            uncertainty=worst_pct * difference_u / math.sqrt(2.0),
            at_most=MOST_NONLINEARITY_PCT,
        ),
        Figure(
            name="hysteresis-pct",
            value=100.0 * departures.hysteresis_kpa / limit_kpa,
            unit="%",
            uncertainty=worst_pct * difference_u * math.sqrt(2.0),
            at_most=MOST_HYSTERESIS_PCT,
        ),
        Figure(
            name="repeatability-kpa",
            value=repeatability_kpa,
            unit="kPa",
            # Of a standard deviation of four: the upper end of its 95 % interval (chi squared, 3 degrees of freedom).
            uncertainty=2.73 * max(repeatability_kpa, difference_u),
            at_most=MOST_REPEATABILITY_KPA,
        ),
    ]


def _corrected(found: StepOutcome, gain_now: float, slope: float, gain_u: float) -> StepOutcome:
    """Return the outcome with the gain to be written, where the line says that there is one to write."""
    gain = round(gain_now / slope, 5)
    if not LEAST_GAIN <= gain <= GREATEST_GAIN:
        said = (
            f"The gain found is {gain:.3f}, outside {LEAST_GAIN:g} to {GREATEST_GAIN:g}: replace the sensor, or check "
        )
        return found.model_copy(update={"trouble": f"{said}the reference with a second one."})
    if abs(slope - 1.0) <= gain_u:
        return found
    return found.model_copy(update={"corrections": {"pressure_sensor.gain": gain}})


def measure(bench: Bench, limit_kpa: float) -> Series:
    """Press to every level, rising and falling, and to the middle one again; the engineer reads the manometer."""
    levels = [limit_kpa * (number + 1) / LEVELS for number in range(LEVELS)]
    plan = [*levels, *reversed(levels), *[levels[LEVELS // 2]] * REPEATS]
    presses = Presses(bench)
    found, u = [], []
    for place, level in enumerate(plan, start=1):
        bench.say(f"{place}/{len(plan)}: {level:g} kPa; read the manometer while it is held.")
        pressed = presses.press(level, HOLD_S, but=IN_THE_LINE)
        kpa = pressed.pressure.kpa[steady(pressed)]
        sigma = float(np.std(kpa, ddof=1))
        u.append(math.hypot(sigma / math.sqrt(len(kpa)), rounding_u(sigma, step_kpa(bench.device.pressure_sensor))))
        asked = Question(QUESTION, "kPa", 0.0, round(2.0 * limit_kpa, 1), shown=pressed.reference_kpa)
        shown = bench.ask(asked)
        if abs(shown - level) > FARTHEST_OFF * level + 2.0:
            raise TargetError(
                f"The manometer showed {shown:g} kPa where the probe held {level:g}: see that it is in the line, "
                "that its unit is kPa, and repeat."
            )
        found.append((float(np.mean(kpa)), shown))
    reading, reference = np.array(found).T
    down = slice(2 * LEVELS - 1, LEVELS - 1, -1)
    return Series(
        (reading[:LEVELS], reference[:LEVELS]),
        (reading[down], reference[down]),
        (reading[2 * LEVELS :], reference[2 * LEVELS :]),
        float(np.sqrt(np.mean(np.square(u)))),
    )


def fit(series: Series) -> Line:
    """Return the least-squares line over all presses; what it leaves counts no less than reading and rounding do."""
    reading = np.concatenate([series.rising[0], series.falling[0], series.repeats[0]])
    reference = np.concatenate([series.rising[1], series.falling[1], series.repeats[1]])
    if float(np.ptp(reference)) < 0.3 * float(reference.max()):
        raise TargetError("The manometer did not follow the pressure: see that it is in the line, and repeat.")
    slope, offset = np.polyfit(reference, reading, 1)
    left = float(np.std(reading - offset - slope * reference, ddof=2))
    one = T_FACTOR * max(left, math.hypot(series.reading_u, REFERENCE_STEP_KPA / math.sqrt(12.0)))
    about = float(np.sqrt(np.sum((reference - reference.mean()) ** 2)))
    middle = float(reference.mean())
    return Line(
        float(offset), float(slope), one * math.hypot(1.0 / math.sqrt(len(reading)), middle / about), one / about, left
    )


def _departures(series: Series) -> Departures:
    """Return how the series departs from its line.

    Each press's reading is held against what its own reference showed (IEC 61298-2: measured at the same points up and
    down), so that a loop which holds a little more or less is no error of the sensor's.
    """
    up, down = (reading - reference for reading, reference in (series.rising, series.falling))
    both, at = 0.5 * (up + down), 0.5 * (series.rising[1] + series.falling[1])
    slope, offset = np.polyfit(at, both, 1)
    nonlinear = float(np.abs(both - offset - slope * at).max())
    # A wrong gain makes a difference of what is not held at quite the same pressure.
    apart = down - up - slope * (series.falling[1] - series.rising[1])
    middle = LEVELS // 2
    same = np.concatenate([series.rising[0][middle : middle + 1], series.repeats[0]])
    shown = np.concatenate([series.rising[1][middle : middle + 1], series.repeats[1]])
    repeats = same - (1.0 + slope) * shown
    return Departures(nonlinear, float(np.abs(apart).max()), float(np.std(repeats, ddof=1)))


def _curves(series: Series, line: Line) -> list[Curve]:
    label = "reading less the line, kPa"
    found = []
    for name, (reading, reference) in (("span-rising", series.rising), ("span-falling", series.falling)):
        found.append(curve(name, reference, reading, "reference, kPa", "reading, kPa"))
        left = reading - line.offset_kpa - line.slope * reference
        found.append(curve(f"{name}-left", reference, left, "reference, kPa", label))
    return found


SPAN: Final = Step(
    StepName.PRESSURE_SPAN,
    Target.PLUG,
    Words("Pressure: span", "Pression : étendue"),
    Words(
        "Close the nozzle with the plug, with the reference manometer teed into the line. Read it during each hold.",
        "Fermez la buse avec le bouchon, le manomètre de référence en T sur la ligne. Lisez-le à chaque maintien.",
    ),
    guarded(StepName.PRESSURE_SPAN, span),
)
