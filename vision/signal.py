"""The haemoglobin signal: rises with the blood under the window, blind to melanin and to the strength of the light."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

SMALLEST: float = 1e-5
"""Linear light below this is no light; keeps logarithms finite in black pictures, which quality then refuses."""


def haemoglobin(linear_rgb: Array) -> Array:
    """Return h = -ln(G / R) for linear light (..., 3) in the order R, G, B; shape (...).

    Blood absorbs green some ten times more than red, so h rises with blood volume. What multiplies both channels alike
    (exposure, a common change of light) cancels; a constant factor between them (melanin, white balance) is a constant.
    """
    light = np.maximum(np.asarray(linear_rgb, dtype=np.float64), SMALLEST)
    return np.asarray(np.log(light[..., 0]) - np.log(light[..., 1]), dtype=np.float64)


LINEARISATION: float = 3.3
"""Exponent k of `blood_index`. Light returns from skin in a way between Beer-Lambert with one path length per band
(k about 0.5) and diffusion (k about 3 to 5): see docs/decisions/0003."""
LINEARISATION_SD: float = 0.8
"""Standard error of k, carried into the interval of the refill time."""


def blood_index(h: Array, blanched: float) -> Array:
    """Return the haemoglobin index that is proportional to blood volume: (exp(k (h - blanched)) - 1) / k, shape of `h`.

    h saturates: each further bit of blood changes it less, so that 90 % of its step comes before 90 % of the blood. The
    power (R / G)^k undoes that to first order and, as h does, ignores melanin and the strength of the light, which only
    scale it. For the small steps of most skin it equals h - blanched.
    """
    return np.asarray(np.expm1(LINEARISATION * (h - blanched)) / LINEARISATION, dtype=np.float64)
