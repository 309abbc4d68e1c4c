"""Skin tones I to VI (Fitzpatrick) as melanin in the epidermis, and the colour of a spectrum (CIE 1931, D65)."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# Melanosome volume fraction, solved so that an inner forearm (`FOREARM_BLOOD`) has an individual typology angle of 56,
# 48, 35, 19, -8 and -33 degrees: inside the classes very light, light, intermediate, tan, brown, dark (Chardon 1991;
# Del Bino 2013: above 55, 41, 28, 10, -30, below).
MELANIN: Final[dict[str, float]] = {"I": 0.007, "II": 0.021, "III": 0.046, "IV": 0.084, "V": 0.203, "VI": 0.425}
FOREARM_BLOOD: Final = 0.006
TONES: Final = tuple(MELANIN)

# CIE standard illuminant D65, relative, 400 to 700 nm by 10.
# fmt: off
_D65: Floats = np.array([
    82.75, 91.49, 93.43, 86.68, 104.86, 117.01, 117.81, 114.86, 115.92, 108.81, 109.35,
    107.8, 104.79, 107.69, 104.41, 104.05, 100, 96.33, 95.79, 88.69, 90.01, 89.6,
    87.7, 83.29, 83.7, 80.03, 80.21, 82.28, 78.28, 69.72, 71.61,
])
# fmt: on
_WAVELENGTHS_NM: Floats = np.arange(400.0, 701.0, 10.0)


def _lobe(centre_nm: float, below: float, above: float) -> Floats:
    distance = _WAVELENGTHS_NM - centre_nm
    return np.asarray(np.exp(-0.5 * (distance * np.where(distance < 0, below, above)) ** 2))


def _matching_functions() -> Floats:
    """CIE 1931 2 degree observer, shape (3, 31): the multi-lobe fit of Wyman, Sloan & Shirley (JCGT 2013;2:1)."""
    x = 0.362 * _lobe(442.0, 0.0624, 0.0374) + 1.056 * _lobe(599.8, 0.0264, 0.0323)
    x -= 0.065 * _lobe(501.1, 0.0490, 0.0382)
    y = 0.821 * _lobe(568.8, 0.0213, 0.0247) + 0.286 * _lobe(530.9, 0.0613, 0.0322)
    z = 1.217 * _lobe(437.0, 0.0845, 0.0278) + 0.681 * _lobe(459.0, 0.0385, 0.0725)
    return np.stack([x, y, z])


def observer_weights() -> Floats:
    """Weights that give X, Y, Z under D65 of a spectrum, shape (3, 31): 400 to 700 nm by 10; Y of white is 1."""
    weights = _matching_functions() * _D65
    return np.asarray(weights / weights[1].sum())


def lab(reflectance: Floats) -> tuple[float, float, float]:
    """CIE L*, a*, b* under D65 of one reflectance spectrum, shape (31,): 400 to 700 nm by 10, 0 to 1."""
    weights = observer_weights()
    relative = (weights @ reflectance) / weights.sum(axis=1)
    f = np.where(relative > (6 / 29) ** 3, np.cbrt(relative), relative / (3 * (6 / 29) ** 2) + 4 / 29)
    return float(116 * f[1] - 16), float(500 * (f[0] - f[1])), float(200 * (f[1] - f[2]))


def typology_angle_deg(reflectance: Floats) -> float:
    """Individual typology angle of one reflectance spectrum, degrees: atan2(L* - 50, b*)."""
    lightness, _, yellow = lab(reflectance)
    return float(np.degrees(np.arctan2(lightness - 50.0, yellow)))
