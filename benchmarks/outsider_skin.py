"""Skin of the outsider generator: refill curves and optics that share nothing with the phantom's.

Curves F(t) run from 0 at release to 1; their 90 % time is found on a fine grid, not by formula, so that a new curve is
one more line. Optics: light that comes back has walked a spread of path lengths through dermis (log-normal), each
attenuated by blood after Beer-Lambert, and twice through the melanin of the epidermis; three broad camera bands see
some of each other. Absorption of blood: the extinction that S. Prahl tabulated (omlc.org) at 460, 545 and 610 nm for
150 g/l; of melanin: 6.6e11 nm^-3.33 per cm (S. Jacques, omlc.org).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Curve = Callable[[Floats], Floats]

_GRID: Final = np.linspace(0.0, 400.0, 400_001)


def weibull(shape: float) -> Curve:
    """Return 1 - exp(-x^shape): stretched below 1, with a slow start above."""
    return lambda x: np.asarray(1.0 - np.exp(-(np.maximum(x, 0.0) ** shape)))


def gompertz(x: Floats) -> Floats:
    """Return a Gompertz curve, moved so that it is 0 at 0: a slow start and a long end."""
    foot = np.exp(-5.0)
    return np.asarray((np.exp(-5.0 * np.exp(-np.maximum(x, 0.0))) - foot) / (1.0 - foot))


def logistic(x: Floats) -> Floats:
    """Return a logistic with its middle at 3.5, moved so that it is 0 at 0."""
    foot = 1.0 / (1.0 + np.exp(3.5))
    return np.asarray((1.0 / (1.0 + np.exp(3.5 - np.maximum(x, 0.0))) - foot) / (1.0 - foot))


def power_tail(x: Floats) -> Floats:
    """Return 1 - (1 + x)^-2.5: no exponential at all."""
    return np.asarray(1.0 - (1.0 + np.maximum(x, 0.0)) ** -2.5)


def two_compartments(x: Floats) -> Floats:
    """Return a quick compartment of 55 % and one that starts later and takes longer."""
    late = np.maximum(x - 0.5, 0.0)
    return np.asarray(0.55 * (1.0 - np.exp(-2.5 * np.maximum(x, 0.0))) + 0.45 * (1.0 - np.exp(-late / 0.9)))


def hyperaemia(x: Floats) -> Floats:
    """Return a rise with an excess of about a tenth that fades: it settles at 1."""
    x = np.maximum(x, 0.0)
    return np.asarray(1.0 - np.exp(-1.6 * x) + 0.35 * (np.exp(-x / 3.0) - np.exp(-x / 1.2)))


def plateau(x: Floats) -> Floats:
    """Return a third of the way at once, a wait, and the rest."""
    late = np.maximum(x - 1.2, 0.0)
    return np.asarray(0.35 * (1.0 - np.exp(-6.0 * np.maximum(x, 0.0))) + 0.65 * (1.0 - np.exp(-2.2 * late)))


def ringing(x: Floats) -> Floats:
    """Return a damped swing about 1 of some six per cent after the rise, as arterioles answer."""
    x = np.maximum(x, 0.0)
    return np.asarray(1.0 - np.exp(-1.2 * x) * (np.cos(1.5 * x) + 0.3 * np.sin(1.5 * x)))


@dataclass(frozen=True)
class Refill:
    """A curve stretched so that its last crossing of 0.9 falls on `t90_s`."""

    curve: Curve
    t90_s: float
    unit_s: float

    def at(self, since_s: Floats) -> Floats:
        """Return the recovered share at seconds since blood may return."""
        return self.curve(np.asarray(since_s) / self.unit_s)


def stretched(curve: Curve, t90_s: float) -> Refill:
    """Return `curve` with its 90 % time at `t90_s`."""
    below = np.flatnonzero(curve(_GRID) < 0.9)[-1]
    return Refill(curve, t90_s, t90_s / float(_GRID[below + 1]))


# Blood of 150 g/l, per cm, in bands about 610, 545 and 460 nm.
_OXY: Final = np.array([8.1, 268.0, 238.0])
_DEOXY: Final = np.array([50.5, 262.0, 125.0])
_MELANIN: Final = 6.6e11 * np.array([610.0, 545.0, 460.0]) ** -3.33
_EPIDERMIS_CM: Final = 0.012
MELANIN: Final = {"I": 0.02, "II": 0.04, "III": 0.08, "IV": 0.14, "V": 0.22, "VI": 0.34}
"""Melanosome share of the epidermis by phototype, after the ranges of Jacques."""
_CROSSTALK: Final = np.array([[0.86, 0.12, 0.02], [0.07, 0.85, 0.08], [0.03, 0.17, 0.80]])
_NODES: Final = np.linspace(-3.0, 3.0, 13)
_WEIGHTS: Final = np.exp(-0.5 * _NODES**2) / np.exp(-0.5 * _NODES**2).sum()


@dataclass(frozen=True)
class Optics:
    """How blood colours this skin. `blood` is the blood's share of the dermis before the press.

    `path_cm` is the median path of green light, `path_spread` the log-normal width; red walks further, blue less. Paths
    of light from a thick scattering layer spread widely (after M. Patterson, Appl. Opt. 28:2331, their number falls
    only as length^-5/2): widths of 0.75 to 1.2 make ln G bend against blood as G^-0.9 to G^-2 would, 0.6 as G^-0.5.
    `veil` (3,) is light from the surface that never saw blood, as a share of white.
    """

    tone: str
    blood: float
    path_cm: float = 0.13
    path_spread: float = 1.0
    veil: tuple[float, float, float] = (0.004, 0.004, 0.004)

    def light(self, volume: Floats, saturation: Floats | float) -> Floats:
        """Return linear camera R, G, B (..., 3) of skin with `volume` (...) times its usual blood."""
        volume = np.asarray(volume, dtype=float)[..., None]
        oxygen = np.broadcast_to(np.asarray(saturation, dtype=float)[..., None], volume.shape)
        absorbs = self.blood * np.maximum(volume, 0.0) * (oxygen * _OXY + (1.0 - oxygen) * _DEOXY)
        path = self.path_cm * np.array([1.5, 1.0, 0.75])
        back = np.zeros_like(absorbs)
        for node, weight in zip(_NODES, _WEIGHTS, strict=True):
            back = back + weight * np.exp(
                -(absorbs + np.array([0.2, 0.3, 0.6])) * path * np.exp(self.path_spread * node)
            )
        back = back * np.exp(-_MELANIN * MELANIN[self.tone] * _EPIDERMIS_CM)
        return np.asarray((0.5 * back + np.array(self.veil)) @ _CROSSTALK.T)

    def step_ln_g(self, emptied: float, saturation: float) -> float:
        """Return by how much ln G rises when the blood is pressed out to `emptied`."""
        pressed, before = self.light(np.array([emptied, 1.0]), saturation)
        return float(np.log(pressed[1] / before[1]))
