"""Flicker at twice the mains' frequency: how strong, whose mains, and what exposure does not see it.

Frames at two exposures are looked at in horizontal bands. Where the light's beat and the frame rate's differ, it shows
from frame to frame; where they meet (120 Hz at 60 frames/s), it stands in the picture as bands, since a rolling shutter
takes its rows one after another, and the two exposures tell it from what else differs between rows.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from calibration.camera_frames import Floats, curve, guarded, lights, outcome
from calibration.camera_lock import AIM as WHITE_AIM
from calibration.light_levels import longest_exposure_us, middle_columns, seen_levels, white_lock
from calibration.rig import Target
from calibration.step import COVERAGE_FACTOR, Bench, Step, Words
from contract.certificate import Figure, StepName, StepOutcome
from firmware_config.camera import Camera, CameraLock
from firmware_config.sensors import SENSORS

FRAMES: Final = 24
"""At each exposure."""
SHORTER: Final = 0.3
"""The second exposure over the first."""
BANDS: Final = 16
BLACK_FRAMES: Final = 4
FLICKERS_HZ: Final = (100.0, 120.0)
MAINS_STRAYS_HZ: Final = 0.3
STRAYS_HZ: Final = np.linspace(-MAINS_STRAYS_HZ, MAINS_STRAYS_HZ, 61)
READOUT: Final = 0.95
"""Of the shortest frame of a mode, from its first row to its last; blanking is the rest."""
CHOSEN: Final = 1.5
"""Factor on noise, since of many frequencies the one that fits best is taken."""
BLIND_HZ: Final = 1.5
"""A beat slower than this does not show within the frames of a shutter that does not roll."""
STANDING: Final = 0.06
"""Relative standard uncertainty of a flicker that stands in the picture: only the difference of two exposures tells it,
and what it leaves of phase and response weighs three times as much. From the spread of devices on the phantom."""
MOST_SEEN_PCT: Final = 0.5
"""Amplitude in a frame's light. Were half of it in one colour only, as of a room lamp's in the own light, ln(G/R) would
move by 0.0025: less than a tenth of a normal step (0.03)."""
SURE_PCT: Final = 0.1
"""Amplitude from which on it is told whose mains it is."""


@dataclass(frozen=True)
class Bands:
    """Frames at one exposure: seconds, shape (n,); green by band, linear, shape (n, BANDS); and its exposure, s."""

    seconds: Floats
    green: Floats
    exposure_s: float


@dataclass(frozen=True)
class Flicker:
    """One flicker of the light: its frequency, its amplitude over the mean light, and the amplitude's standard u."""

    hz: float
    amplitude: float
    u: float

    def seen(self, exposure_s: float) -> float:
        """Return how much of it an exposure leaves, as a factor."""
        return abs(float(np.sinc(self.hz * exposure_s)))


def flicker(bench: Bench) -> StepOutcome:
    """Find the amplitude at 100 and 120 Hz, and judge what of it the configured exposure sees."""
    camera = bench.device.camera
    lock, brightest = white_lock(bench)
    short = lock.model_copy(
        update={"exposure_us": max(round(SHORTER * lock.exposure_us), camera.mode.shortest_exposure_us)}
    )
    start_ns = bench.rig.now_ns()
    series = _without_black(bench, [_bands(bench, each, start_ns) for each in (lock, short)], lock)
    found = flickers(series, _readout_s(camera), _told(camera))
    exposure_s = 1e-6 * camera.lock.exposure_us
    seen = sum(each.amplitude * each.seen(exposure_s) for each in found)
    seen_u = float(np.sqrt(sum((each.u * each.seen(exposure_s)) ** 2 for each in found)))
    figures = [
        Figure(
            name=f"flicker-{round(each.hz)}-pct",
            value=100 * each.amplitude,
            unit="%",
            uncertainty=100 * COVERAGE_FACTOR * each.u,
        )
        for each in found
    ]
    figures.append(
        Figure(
            name="seen-pct",
            value=100 * seen,
            unit="%",
            uncertainty=100 * COVERAGE_FACTOR * seen_u,
            at_most=MOST_SEEN_PCT,
        )
    )
    strongest = max(found, key=lambda each: each.amplitude, default=None)
    corrections: dict[str, float | int | tuple[float, ...]] = {}
    if strongest is not None and 100 * strongest.amplitude > max(SURE_PCT, 200 * COVERAGE_FACTOR * strongest.u):
        figures += _avoided(strongest, camera)
        usable = avoiding_us(
            strongest.hz, camera, min(longest_exposure_us(bench), _unclipped_us(lock, brightest, camera))
        )
        # Also where it is so already: the step that chooses the lock has to keep to it.
        if 100 * strongest.amplitude > MOST_SEEN_PCT and usable is not None:
            corrections = {"camera.lock.exposure_us": usable}
    rows = np.log(series[0].green / series[0].green.mean(axis=0)).mean(axis=1)
    return outcome(
        StepName.LIGHT_FLICKER,
        figures,
        [curve("light", series[0].seconds, 100.0 * np.exp(rows), "s", "light of a frame, % of the mean")],
        corrections,
    )


def _told(camera: Camera) -> tuple[float, ...]:
    """Return the frequencies that this camera can tell: without rolling rows, none that keeps step with its frames."""
    if not SENSORS[camera.sensor].global_shutter:
        return FLICKERS_HZ
    return tuple(hz for hz in FLICKERS_HZ if abs(hz - camera.fps * round(hz / camera.fps)) > BLIND_HZ)


def _readout_s(camera: Camera) -> float:
    return 0.0 if SENSORS[camera.sensor].global_shutter else READOUT / camera.mode.largest_fps


def _without_black(bench: Bench, series: list[Bands], lock: CameraLock) -> list[Bands]:
    """Take off the black level, which weighs more on dark bands: else these look like bands of a flicker."""
    shortest = lock.model_copy(update={"exposure_us": bench.device.camera.mode.shortest_exposure_us})
    _, dim = seen_levels(bench, BLACK_FRAMES, shortest)
    exposure_s, short = 1e-6 * shortest.exposure_us, series[-1]
    rise = (float(short.green.mean()) - float(dim.mean())) / (short.exposure_s - exposure_s)
    black = float(dim.mean()) - rise * exposure_s
    return [Bands(each.seconds, np.maximum(each.green - black, 1e-4), each.exposure_s) for each in series]


def _bands(bench: Bench, lock: CameraLock, start_ns: int) -> Bands:
    pictures = bench.rig.pictures(FRAMES, lock)
    greens = []
    for light in lights(pictures):
        rows = middle_columns(light)[:, :, 1].mean(axis=1, dtype=float)
        greens.append([band.mean() for band in np.array_split(rows, BANDS)])
    seconds = np.asarray(1e-9 * (pictures.t_boot_ns - start_ns), dtype=float)
    return Bands(seconds, np.array(greens), 1e-6 * pictures.lock.exposure_us)


def flickers(series: list[Bands], readout_s: float, told: tuple[float, ...]) -> list[Flicker]:
    """Fit ln of green by what does not flicker and by a wave of each frequency in `told`, at all exposures together.

    What does not: each band's own level, and the light's drift within a series.
    """
    y = np.concatenate([np.log(each.green).ravel() for each in series])
    weight = np.concatenate([np.full(each.green.size, np.sqrt(each.exposure_s)) for each in series])
    weight /= weight.max()
    still = np.linalg.qr(_still_terms(series) * weight[:, None])[0]

    def apart(values: Floats) -> Floats:
        """Weigh, and take off all that what does not flicker explains."""
        weighed = values * (weight if values.ndim == 1 else weight[:, None])
        return np.asarray(weighed - still @ (still.T @ weighed))

    left = apart(y)
    waves = {hz: apart(_wave(series, readout_s, hz)) for hz in told}
    for hz in told:
        tries = [apart(_wave(series, readout_s, hz + stray)) for stray in STRAYS_HZ]
        others = [wave for other, wave in waves.items() if other != hz]
        waves[hz] = min(tries, key=lambda wave: _misfit(np.hstack([wave, *others]), left))
    terms = np.hstack([waves[hz] for hz in told])
    solved = np.asarray(np.linalg.lstsq(terms, left, rcond=None)[0], dtype=float)
    sigma2 = _misfit(terms, left) / (len(y) - still.shape[1] - terms.shape[1])
    noise = sigma2 * _in_common(left - terms @ solved, terms, solved)
    covariance = np.asarray(noise * np.linalg.pinv(terms.T @ terms), dtype=float)
    found = []
    for n, hz in enumerate(told):
        own = slice(2 * n, 2 * n + 2)
        others = [wave for other, wave in waves.items() if other != hz]
        tried = [np.hstack([apart(_wave(series, readout_s, hz + stray)), *others]) for stray in STRAYS_HZ]
        stray_u = _stray_u(tried, left, noise, solved[own])
        if _stands(series, hz):
            stray_u = float(np.hypot(stray_u, STANDING * np.hypot(*solved[own])))
        found.append(_flicker(hz, solved[own], covariance[own, own], stray_u))
    return found


def _stands(series: list[Bands], hz: float) -> bool:
    """Whether a flicker keeps step with the frames."""
    fps = 1.0 / float(np.median(np.diff(series[0].seconds)))
    return abs(hz - fps * round(hz / fps)) < BLIND_HZ


def _in_common(residuals: Floats, terms: Floats, solved: Floats) -> float:
    """Return by what factor the noise is more than that of as many values that are independent: 1 to `BANDS`.

    A stamp's jitter moves a wave through all bands of a frame at once: seen in how far the residuals of whole frames
    follow the wave's slope, cosine for sine.
    """
    slopes = sum(terms[:, 2 * n + 1] * cosine - terms[:, 2 * n] * sine for n, (cosine, sine) in _pairs(solved))
    slope, left = np.asarray(slopes).reshape(-1, BANDS), residuals.reshape(-1, BANDS)
    length2 = np.maximum(np.sum(slope**2, axis=1), 1e-30)
    along2 = np.sum(slope * left, axis=1) ** 2 / length2
    return float(np.clip(along2.mean() / max(float(np.mean(left**2)), 1e-30), 1.0, BANDS))


def _pairs(solved: Floats) -> list[tuple[int, Floats]]:
    return list(enumerate(solved.reshape(-1, 2)))


def _stray_u(tried: list[Floats], left: Floats, noise: float, wave: Floats) -> float:
    """Return the amplitude's standard uncertainty from the frequency's.

    Where the flicker stands in the picture, phase and amplitude hang on a frequency that hardly shows: every stray
    counts by how well it fits, and by how far its amplitude is from the one that is told.
    """
    amplitude, fits, far2 = float(np.hypot(*wave)), [], []
    for terms in tried:
        solved = np.linalg.lstsq(terms, left, rcond=None)[0]
        fits.append(float(np.sum(np.square(left - terms @ solved))))
        far2.append((float(np.hypot(*solved[:2])) - amplitude) ** 2)
    weight = np.exp(-0.5 * (np.array(fits) - min(fits)) / noise)
    return float(np.sqrt(np.sum(weight * np.array(far2)) / np.sum(weight)))


def _misfit(terms: Floats, values: Floats) -> float:
    solved = np.linalg.lstsq(terms, values, rcond=None)[0]
    return float(np.sum(np.square(values - terms @ solved)))


def _flicker(hz: float, wave: Floats, covariance: Floats, stray_u: float) -> Flicker:
    """Return a flicker of cosine and sine `wave`, shape (2,), their covariance, and what its frequency adds to u."""
    amplitude = float(np.hypot(*wave))
    along = wave / max(amplitude, 1e-12)
    own = CHOSEN**2 * float(along @ covariance @ along)
    # 2.2 %: the readout of a mode is known no better than 3 %.
    return Flicker(hz, amplitude, float(np.sqrt(own + stray_u**2 + (0.022 * amplitude) ** 2 + 0.00016**2)))


def _still_terms(series: list[Bands]) -> Floats:
    blocks = []
    for number, each in enumerate(series):
        frames = len(each.seconds)
        bands = np.tile(np.eye(BANDS), (frames, 1))
        own = np.zeros((frames * BANDS, 2 * len(series)))
        own[:, 2 * number] = 1.0
        own[:, 2 * number + 1] = np.repeat(each.seconds - each.seconds.mean(), BANDS)
        # The first series' own level is that of the bands.
        blocks.append(np.hstack([bands, own[:, 1:]]))
    return np.vstack(blocks)


def _wave(series: list[Bands], readout_s: float, hz: float) -> Floats:
    """Return cosine and sine at `hz` as each band of each frame sees it, shape (n, 2)."""
    blocks = []
    for each in series:
        rows = readout_s * (np.arange(BANDS) + 0.5) / BANDS
        middle = (each.seconds[:, None] + rows[None, :] + 0.5 * each.exposure_s).ravel()
        kept = np.sinc(hz * each.exposure_s)
        blocks.append(kept * np.stack([np.cos(2.0 * np.pi * hz * middle), np.sin(2.0 * np.pi * hz * middle)], axis=1))
    return np.vstack(blocks)


def avoiding_us(hz: float, camera: Camera, longest_us: float) -> int | None:
    """Return the longest exposure that is a whole number of flickers, in the sensor's steps; None: one is too long."""
    whole = np.floor(1e-6 * longest_us * hz)
    if whole < 1:
        return None
    step = camera.mode.exposure_step_us
    return round(np.floor(1e6 * whole / hz / step) * step)


def _unclipped_us(lock: CameraLock, brightest: float, camera: Camera) -> float:
    """Return the exposure at which white, at the smallest gain, is as bright as the camera's lock wants it."""
    smallest = SENSORS[camera.sensor].smallest_gain
    return WHITE_AIM / brightest * lock.exposure_us * lock.analogue_gain / smallest


def _avoided(strongest: Flicker, camera: Camera) -> list[Figure]:
    """Return whose mains it is, one flicker's length as an exposure, and the frame rate up to which that fits."""
    exposure_us = 1e6 / strongest.hz
    return [
        Figure(name="mains-hz", value=0.5 * strongest.hz, unit="Hz", uncertainty=MAINS_STRAYS_HZ),
        Figure(name="avoiding-exposure-us", value=round(exposure_us), unit="us"),
        Figure(name="avoiding-fps", value=min(camera.fps, int(np.floor(1e6 / (exposure_us + 1.0)))), unit="/s"),
    ]


FLICKER: Final = Step(
    StepName.LIGHT_FLICKER,
    Target.WHITE,
    Words("Light: flicker", "Lumière : scintillement"),
    Words(
        "Leave the white target under the plate, and the room's lamps on.",
        "Laissez la mire blanche sous la plaque, et les lampes de la pièce allumées.",
    ),
    guarded(StepName.LIGHT_FLICKER, flicker),
    optional=True,
)
