"""Zero of the pressure sensor: what it reads in open air, how noisily, and whether that moves."""

import math
from typing import Final

import numpy as np

from calibration.camera_frames import TargetError, curve, guarded, outcome
from calibration.pressure_samples import Floats, check, check_rate, rounding_u, step_kpa
from calibration.rig import Target
from calibration.step import COVERAGE_FACTOR, Bench, Step, Words
from contract.certificate import Figure, StepName, StepOutcome
from firmware_config.hardware import MprlsSensor, PressureSensor

LISTEN_S: Final = 20.0
MOST_OFFSET_KPA: Final = 0.3
"""Three quarters of a per cent of 40 kPa, where a per cent is one of force."""
MOST_NOISE_KPA: Final = 0.2
"""Half of the hold is crossed at 0.4 kPa/ms and more: half a ms of time zero."""
MOST_DRIFT_KPA_PER_MIN: Final = 0.4
"""Over the longest press, 26 s, as much as half of what the offset may be."""
MOST_ZERO_KPA: Final = 5.0
"""What `pressure_sensor.zero_kpa` takes off at most."""
NOT_VENTED_KPA: Final = 8.0
MOVED_KPA: Final = 0.6
CHUNKS: Final = 20


def zero(bench: Bench) -> StepOutcome:
    """Listen to the vented probe."""
    bench.say(f"Listening for {LISTEN_S:g} s: leave the probe alone.")
    sensor = bench.device.pressure_sensor
    pressure = bench.rig.pressure(LISTEN_S)
    check(pressure)
    check_rate(pressure, LISTEN_S, sensor.rate_hz)
    seconds = (pressure.t_boot_ns - pressure.t_boot_ns[0]) / 1e9
    chunks = np.array([np.mean(part) for part in np.array_split(pressure.kpa, CHUNKS)])
    _check_alone(pressure.kpa, chunks)
    slope, noise = _line(seconds, pressure.kpa)
    mean_u = _mean_u(seconds, pressure.kpa, slope, noise)
    step = step_kpa(sensor)
    left_u = rounding_u(noise, step)
    offset = float(np.mean(pressure.kpa))
    count = len(seconds)
    # What rounding leaves changes with a drift through the steps: as a slope over the time, it counts twice.
    slope_u = math.hypot(mean_u * math.sqrt(12.0), 2.0 * left_u) / float(seconds[-1])
    moved = abs(slope) * float(seconds[-1]) / math.sqrt(12.0)
    offset_u = math.hypot(math.hypot(mean_u, left_u), moved)
    noise_u = math.hypot(noise / math.sqrt(2.0 * count), 0.1 * step)
    figures = [
        Figure(
            name="offset-kpa",
            value=offset,
            unit="kPa",
            uncertainty=COVERAGE_FACTOR * offset_u,
            at_least=-MOST_OFFSET_KPA,
            at_most=MOST_OFFSET_KPA,
        ),
        Figure(
            name="noise-kpa", value=noise, unit="kPa", uncertainty=COVERAGE_FACTOR * noise_u, at_most=MOST_NOISE_KPA
        ),
        Figure(
            name="drift-kpa-per-min",
            value=60.0 * slope,
            unit="kPa/min",
            uncertainty=60.0 * COVERAGE_FACTOR * slope_u,
            at_least=-MOST_DRIFT_KPA_PER_MIN,
            at_most=MOST_DRIFT_KPA_PER_MIN,
        ),
        Figure(name="resolution-kpa", value=step, unit="kPa"),
    ]
    middles = np.array([np.mean(part) for part in np.array_split(seconds, CHUNKS)])
    plot = curve("zero", middles, chunks, "s", "reading of the vented probe, kPa")
    corrections: dict[str, float | int | tuple[float, ...]] = {}
    # What moves or trembles has no zero that could be taken off for good.
    holds = all(figure.passed for figure in figures if figure.name != "offset-kpa")
    if holds and abs(offset) > COVERAGE_FACTOR * offset_u and takes_zero(sensor):
        corrections["pressure_sensor.zero_kpa"] = _new_zero(sensor, offset)
    return outcome(StepName.PRESSURE_ZERO, figures, [plot], corrections)


def takes_zero(sensor: PressureSensor) -> bool:
    """Whether `zero_kpa` counts: an absolute part takes the air off anew whenever the probe starts."""
    return not (isinstance(sensor, MprlsSensor) and sensor.measures == "absolute")


def _new_zero(sensor: PressureSensor, offset_kpa: float) -> float:
    zero_kpa = round(sensor.zero_kpa + offset_kpa / sensor.gain, 3)
    if abs(zero_kpa) > MOST_ZERO_KPA:
        raise TargetError(
            f"The vented sensor reads {offset_kpa:+.2f} kPa, more than the configuration can take off: replace it."
        )
    return zero_kpa


def _check_alone(kpa: Floats, chunks: Floats) -> None:
    """Raise `TargetError` where this is no vented probe that is left alone, or no living sensor."""
    if np.all(kpa == kpa[0]):
        raise TargetError("The pressure sensor's value does not move at all: it is stuck, or not connected.")
    if abs(float(np.median(kpa))) > NOT_VENTED_KPA:
        raise TargetError("The probe is not vented: take everything off its nozzle, and see that nothing is pressed.")
    steps = np.abs(np.diff(chunks))
    # A drift moves all of the time; what moves now and then is somebody's hand.
    if float(steps.max()) > MOVED_KPA + 6.0 * float(np.median(steps)):
        raise TargetError("The pressure moved while it was listened to: leave the probe alone, and repeat.")


def _line(seconds: Floats, kpa: Floats) -> tuple[float, float]:
    """Return the slope in kPa/s, and the standard deviation about the line."""
    slope, level = np.polyfit(seconds, kpa, 1)
    return float(slope), float(np.std(kpa - level - slope * seconds, ddof=2))


def _mean_u(seconds: Floats, kpa: Floats, slope: float, noise: float) -> float:
    """Return the standard uncertainty of the mean: of white noise, or of what twentieths of the time show, if more."""
    chunks = [np.mean(part) for part in np.array_split(kpa - slope * seconds, CHUNKS)]
    return max(noise / math.sqrt(len(kpa)), float(np.std(chunks, ddof=2)) / math.sqrt(CHUNKS))


ZERO: Final = Step(
    StepName.PRESSURE_ZERO,
    Target.NOTHING,
    Words("Pressure: zero", "Pression : zéro"),
    Words(
        "Take everything off the nozzle, and leave the probe alone.",
        "Retirez tout de la buse et laissez la sonde tranquille.",
    ),
    guarded(StepName.PRESSURE_ZERO, zero),
)
