"""Healthy presses of the outsider generator: curves, tissue and honest cameras that the phantom does not have."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from benchmarks import outsider_skin as skin
from benchmarks.outsider_play import COLUMNS, ROWS, Act, Play
from benchmarks.outsider_skin import Curve


@dataclass(frozen=True)
class Kind:
    """One kind of press: what it is, where in the play it acts, its sizes, and the reasons that fit a refusal."""

    name: str
    what: str
    stage: str
    act: Act | None
    sizes: tuple[float, ...] = (1.0,)
    reasons: tuple[str, ...] = ()
    healthy: bool = False
    never_a_number: bool = False
    censored_fits: bool = True


def _curve(curve: Curve) -> Act:
    def act(play: Play, size: float) -> None:
        play.curve = curve
        play.crt_s *= size

    return act


def _at(curve: Curve, low_s: float, high_s: float) -> Act:
    def act(play: Play, _size: float) -> None:
        play.curve, play.crt_s = curve, float(play.rng.uniform(low_s, high_s))

    return act


def _set(**changes: Callable[[Play, float], object]) -> Act:
    def act(play: Play, size: float) -> None:
        for name, value in changes.items():
            setattr(play, name, value(play, size))

    return act


def used_up(play: Play, size: float) -> None:
    """What blood stays under the probe loses a share `size` of its oxygen, with 5 s; what comes after has its own."""
    held_s = np.clip(play.t_s - play.pre_s, 0.0, play.ramp_s + play.hold_s)
    lost = size * (1.0 - np.exp(-held_s / 5.0))[:, None, None] * play.depth
    kept = np.where(play.since_s[:, None, None] < 0, 1.0, play.emptied / np.maximum(play.clean, play.emptied))
    washed = np.where(play.since_s > 0, np.exp(-np.maximum(play.since_s, 0.0) / play.crt_s), 1.0)[:, None, None]
    play.oxygen = np.asarray(play.saturation * (1.0 - lost * kept * washed))


def rim_first(play: Play, size: float) -> None:
    """Blood comes from the rim: the middle starts `size` refill times later."""
    rows, columns = np.mgrid[0:ROWS, 0:COLUMNS] + 0.5
    radius = np.hypot(rows - ROWS / 2, columns - COLUMNS / 2)
    play.lag_s = size * play.crt_s * np.clip(1.0 - radius / 4.0, 0.0, 1.0)


def patchy(play: Play, size: float) -> None:
    """Patches of a few cells start up to `size` refill times after the others."""
    coarse = play.rng.uniform(0.0, 1.0, (ROWS // 3, COLUMNS // 4))
    play.lag_s = np.asarray(size * play.crt_s * np.kron(coarse, np.ones((3, 4))), dtype=np.float64)


def rolling(play: Play, size: float) -> None:
    """Rows are read one after the other, within `size` of a frame."""
    late = size * np.arange(ROWS) / ROWS
    for row in range(ROWS):
        flat = play.volume[:, row]
        later = np.vstack([flat[1:], flat[-1:]])
        play.volume[:, row] = (1.0 - late[row]) * flat + late[row] * later


def gamma(play: Play, size: float) -> None:
    """The tone curve that is taken off is not the camera's: light to the power of `size`."""
    play.light = play.light**size


def denoised(play: Play, size: float) -> None:
    """The camera's denoiser mixes each frame with the one before: a share `size` of the old stays."""
    for index in range(1, len(play.light)):
        play.light[index] = (1.0 - size) * play.light[index] + size * play.light[index - 1]


def coded(play: Play, size: float) -> None:
    """A codec rounds the brightness of blocks to `size` codes of 255, and renews them every half second."""
    codes = 255.0 * play.light ** (1 / 2.2)
    block = size * np.round(codes / size)
    period = max(int(play.fps / 2), 1)
    for index in range(len(codes)):
        if index % period:
            moved = np.abs(codes[index] - block[index - 1]) > size
            block[index] = np.where(moved, block[index], block[index - 1])
    play.light = (block / 255.0) ** 2.2


def varying_rate(play: Play, size: float) -> None:
    """The frame rate wanders: gaps of up to 1 + `size` usual ones, stamped truly."""
    gap = 1.0 + size * np.clip(np.cumsum(play.rng.normal(0.0, 0.1, len(play.t_s))), 0.0, 1.0)
    index = np.unique(np.round(np.cumsum(gap)).astype(int))
    play.kept = index[index < len(play.t_s)]
    play.stamp_s = play.t_s[play.kept]


def tremor(play: Play, size: float) -> None:
    """A tremor of 8 to 11 a second and `size` px, seen by the motion sensor and in the texture."""
    hertz = play.rng.uniform(8.0, 11.0)
    wave = size * np.sin(2 * np.pi * hertz * play.t_s)
    slope = 0.003 * play.rng.standard_normal((ROWS, COLUMNS))
    play.light = play.light * (1.0 + wave[:, None, None] * slope)[..., None]
    play.shift_px = play.shift_px + np.stack([wave, 0.5 * wave], axis=1)


def _afib(play: Play, size: float) -> None:
    play.irregular, play.pulse = 0.25 * size, max(play.pulse, 0.04)


def _blue_still(play: Play, _size: float) -> None:
    # The surface sends blue back that saw no blood, as on the real recording, where blue follows red.
    play.veil = (0.004, 0.006, 0.15)


def _tone(name: str) -> Act:
    return _set(tone=lambda _play, _size: name)


_SHAPES: Final = (
    ("exponential", "a plain exponential: the control", skin.weibull(1.0)),
    ("stretched", "stretched exponential, exponent 0.7", skin.weibull(0.7)),
    ("weibull", "Weibull with a slow start, exponent 1.7", skin.weibull(1.7)),
    ("gompertz", "Gompertz", skin.gompertz),
    ("logistic", "logistic", skin.logistic),
    ("power tail", "power-law tail, (1 + t)^-2.5", skin.power_tail),
    ("two compartments", "two compartments, the second delayed", skin.two_compartments),
    ("hyperaemia", "overshoot that settles", skin.hyperaemia),
    ("plateau", "a third at once, a wait, the rest", skin.plateau),
    ("ringing", "damped swing about the refilled level", skin.ringing),
)

HEALTHY: Final = (
    *(Kind(name, what, "draw", _curve(curve), healthy=True) for name, what, curve in _SHAPES),
    Kind("very fast", "0.3 to 0.5 s", "draw", _at(skin.weibull(1.0), 0.3, 0.5), healthy=True),
    Kind("slow", "8 to 15 s, Weibull 1.3", "draw", _at(skin.weibull(1.3), 8.0, 15.0), healthy=True),
    *(
        Kind(f"tone {name}", f"phototype {name}, exponential", "draw", _tone(name), healthy=True)
        for name in ("I", "III", "VI")
    ),
    Kind("oxygen used up", "saturation falls under the probe", "blood", used_up, (0.2, 0.4), healthy=True),
    Kind(
        "narrow paths",
        "log-normal width of the light's paths: nearly Beer and Lambert",
        "draw",
        _set(path_spread=lambda _play, size: size),
        (0.6,),
        healthy=True,
    ),
    Kind("blue hardly moves", "a bluish veil on the skin", "draw", _blue_still, healthy=True),
    Kind("from the rim", "the middle refills later", "draw", rim_first, (0.2, 0.5), healthy=True),
    Kind("patchy", "patches start later", "draw", patchy, (0.2, 0.5), healthy=True),
    Kind(
        "vasomotion",
        "waves of 0.05 to 0.15 Hz, share of the blood",
        "draw",
        _set(mayer=lambda _play, size: size),
        (0.015, 0.03),
        healthy=True,
    ),
    Kind("breathing", "share of the blood", "draw", _set(breath=lambda _play, size: size), (0.02,), healthy=True),
    Kind("atrial fibrillation", "beats of irregular length", "draw", _afib, healthy=True),
    Kind("tremor", "8 to 11 Hz, px", "light", tremor, (0.5, 1.5), healthy=True),
    Kind("rolling shutter", "share of a frame", "blood", rolling, (1.0,), healthy=True),
    Kind("tone curve off", "light to a power", "camera", gamma, (0.95, 1.05), healthy=True),
    Kind("denoiser", "share of the old picture that stays", "camera", denoised, (0.4, 0.65), healthy=True),
    Kind("codec", "codes of 255 that a block is rounded to", "camera", coded, (0.1, 0.3), healthy=True),
    Kind("varying frame rate", "gaps longer by this share", "stamps", varying_rate, (1.0,), healthy=True),
)
