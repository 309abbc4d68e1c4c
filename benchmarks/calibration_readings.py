"""Readings before and after calibration: a device that is set wrongly measures simulated skin, is calibrated, measures.

Presses are those of the accuracy ladder's phantom. The device's errors are put on them: a frame's stamp is late by the
camera's delay; the probe holds what its sensor reads, so that the skin is pressed with another pressure, and time zero
is told from these readings; the skin's light goes through exposure, gain and colour gains, clips at full, and through
what is left of a tone curve. Truth: time to 90 % of the blood volume's recovery. Simulation: it says nothing about
people.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from multiprocessing import Pool
from typing import Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.accuracy_ladder import KINDS, TONES, tolerance_s
from benchmarks.calibration_run import Calibrated, calibrate
from benchmarks.calibration_truth import stamped_late_ms
from calibration.camera_lock import AIM
from firmware_config.device import DeviceConfig, load_device
from phantom.bench.errors import Errors, healthy
from phantom.bench.pictures import WHITE_GAIN, WHITE_LEVEL, WHITE_US
from phantom.bench.probe_sensor import BenchSensor
from phantom.spec import PressSpec
from phantom.trace import simulate
from vision.press import PressAnalysis, Settings, analyse_trace
from vision.pressure import PressureTrace
from vision.signal import haemoglobin
from vision.trace import Trace

Array = NDArray[np.float64]
TARGET_KPA: Final = 40.0
REFILL_S: Final = (1.0, 6.0)
SETTABLE: Final = "set wrongly"
LASTING: Final = "tone curve or black level"
"""Errors that no configuration takes away."""


@dataclass(frozen=True)
class Mis:
    """A device that is not as it should be: what it is like, how it is configured, and of which kind that is."""

    kind: str
    seed: int
    errors: Errors
    device: DeviceConfig


@dataclass(frozen=True)
class Reading:
    """One press on one device, before or after its calibration; times in s. `ended` is "measured", or why not."""

    kind: str
    seed: int
    after: bool
    passed: bool
    """Whether that calibration's certificate passed: else the device refuses to measure in a study."""
    tone: str
    truth_s: float
    crt_s: float | None
    interval_s: tuple[float, float] | None
    ended: str

    @property
    def error_s(self) -> float:
        """Measured minus true; not a number where nothing was measured."""
        return float("nan") if self.crt_s is None else self.crt_s - self.truth_s

    @property
    def within(self) -> bool:
        """Whether the error is one that is allowed."""
        return self.crt_s is not None and abs(self.error_s) <= tolerance_s(self.truth_s)

    @property
    def covered(self) -> bool:
        """Whether its own interval holds the truth."""
        return self.interval_s is not None and self.interval_s[0] <= self.truth_s <= self.interval_s[1]


def mis_set(seed: int) -> Mis:
    """Return a device with a late camera, a sensor of wrong zero and gain, and a lock too bright and coloured."""
    chance = np.random.default_rng([seed, 1])
    good = healthy(seed)
    side = float(chance.choice([-1.0, 1.0]))
    probe = replace(
        good.probe,
        offset_kpa=float(chance.choice([-1.0, 1.0]) * chance.uniform(0.5, 1.6)),
        gain=1.0 + side * float(chance.uniform(0.02, 0.045)),  # more is no setting: the span step fails for it
    )
    timing = replace(good.timing, delay_ms=40.0 + float(chance.uniform(-2.0, 2.0)))
    errors = replace(good, probe=probe, timing=timing)
    usual = load_device()
    lock = usual.camera.lock
    pictures = good.pictures
    wrong = lock.model_copy(
        update={
            "exposure_us": round(lock.exposure_us * float(chance.uniform(1.25, 2.0)) / pictures.sensitivity),
            "colour_gains": tuple(
                round(gain * float(chance.uniform(0.75, 1.35)), 3) for gain in pictures.neutral_gains
            ),
        }
    )
    return Mis(SETTABLE, seed, errors, _locked(usual, wrong.model_dump()))


def bent(seed: int) -> Mis:
    """Return a device whose camera has a tone curve left, or a black level, and is set well otherwise."""
    chance = np.random.default_rng([seed, 2])
    good = healthy(seed)
    if seed % 2:
        power = 1.0 + float(chance.choice([-1.0, 1.0]) * chance.uniform(0.03, 0.10))
        pictures = replace(good.pictures, response_power=power)
    else:
        pictures = replace(good.pictures, black_level=float(chance.uniform(0.006, 0.015)))
    return Mis(LASTING, seed, replace(good, pictures=pictures), load_device())


def _locked(device: DeviceConfig, lock: dict[str, object]) -> DeviceConfig:
    content = device.model_dump()
    content["camera"]["lock"] = lock
    return DeviceConfig.model_validate(content)


def specs(seed: int, presses: int) -> list[PressSpec]:
    """Return the presses of one device: tones and curves take turns, refill times are log-uniform, 1 to 6 s."""
    chance = np.random.default_rng([seed, 3])
    return [
        PressSpec(
            kind=KINDS[(seed + number) % len(KINDS)],
            tone=TONES[number % len(TONES)],
            crt_s=float(np.exp(chance.uniform(*np.log(REFILL_S)))),
            step_ln_g=float(np.exp(chance.uniform(np.log(0.08), np.log(0.4)))),
            seed=int(chance.integers(2**31)),
            fps=60.0,
            pulse=float(chance.uniform(0.0, 0.08)),
            slow_wave=float(chance.uniform(0.0, 0.015)),
            release_s=float(chance.uniform(0.03, 0.12)),
            post_s=24.0,
        )
        for number in range(presses)
    ]


def measured(spec: PressSpec, device: DeviceConfig, errors: Errors) -> tuple[PressAnalysis, float]:
    """Return what a device, as configured and with its errors, makes of a press; and its true refill time, s."""
    sensor = BenchSensor(device, errors.probe)
    # The probe presses until its own sensor reads the target.
    true_kpa = float(sensor.true_kpa(np.array([TARGET_KPA]), 0.0)[0])
    press = simulate(spec.with_(pressure_kpa=true_kpa))
    at_s = press.pressure_time_s
    felt = np.interp(at_s - errors.probe.sensor_lag_s, at_s, press.pressure_kpa)
    kpa = sensor.kpa(np.maximum(felt, 0.0), 0.0)
    # A frame is stamped from its first row on; the skin is seen by its middle one, halfway through the exposure.
    stamped_s = press.time_s + stamped_late_ms(device, errors) / 1e3 - 0.5e-6 * device.camera.lock.exposure_us
    light, around = (seen(part, device, errors) for part in (press.rgb_linear, press.surround_rgb_linear))
    trace = Trace(stamped_s, haemoglobin(light), light=light, surround=haemoglobin(around))
    found = analyse_trace(trace, PressureTrace(press.pressure_time_s, kpa), Settings(target_kpa=TARGET_KPA))
    return found, float(press.truth["t90"])


def seen(rgb: Array, device: DeviceConfig, errors: Errors) -> Array:
    """Return what a camera gives of linear R, G, B (n, 3) that a well set one would give, its noise included."""
    lock, pictures = device.camera.lock, errors.pictures
    exposed = lock.exposure_us / WHITE_US * lock.analogue_gain / WHITE_GAIN
    white = WHITE_LEVEL * pictures.sensitivity * exposed
    gains = np.array(
        [lock.colour_gains[0] / pictures.neutral_gains[0], 1.0, lock.colour_gains[1] / pictures.neutral_gains[1]]
    )
    level = np.maximum(rgb, 0.0) * gains * white / AIM
    return np.asarray(np.clip(level**pictures.response_power + pictures.black_level, 0.0, 1.0))


def on_one(mis: Mis, presses: int) -> tuple[list[Reading], Calibrated]:
    """Measure, calibrate, and measure the same presses again."""
    found = [_read(mis, spec, mis.device, False, False) for spec in specs(mis.seed, presses)]
    done = calibrate(mis.device, mis.errors, mis.seed, end_to_end=False)
    found += [_read(mis, spec, done.after, True, done.passed) for spec in specs(mis.seed, presses)]
    return found, done


def _read(mis: Mis, spec: PressSpec, device: DeviceConfig, after: bool, passed: bool) -> Reading:
    found, truth_s = measured(spec, device, mis.errors)
    return Reading(
        kind=mis.kind,
        seed=mis.seed,
        after=after,
        passed=passed,
        tone=spec.tone,
        truth_s=truth_s,
        crt_s=found.crt_s,
        interval_s=found.crt_ci95_s,
        ended=found.reason or found.status,
    )


def readings(devices: int, bent_devices: int, presses: int, first_seed: int, processes: int) -> list[Reading]:
    """Return the readings of that many mis-set devices, and of ones with what no configuration takes away."""
    every = [mis_set(first_seed + number) for number in range(devices)]
    every += [bent(first_seed + devices + number) for number in range(bent_devices)]
    with Pool(processes) as pool:
        found = pool.starmap(on_one, [(mis, presses) for mis in every], chunksize=1)
    return [reading for own, _ in found for reading in own]


def of(found: Sequence[Reading], kind: str, after: bool) -> list[Reading]:
    """Return the readings of a kind, before or after calibration."""
    return [reading for reading in found if reading.kind == kind and reading.after is after]
