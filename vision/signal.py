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


GREEN_BEND: float = 1.65
"""How strongly ln G bends against blood volume: G^-1.65 is proportional to it to first order. Light returns from skin
in a way between Beer-Lambert with one path length per band (near 0) and diffusion (1.6 to 2): docs/decisions/0003."""
GREEN_BEND_SD: float = 0.35
"""Standard error of it, carried into the interval of the refill time."""
RED_SHARES: tuple[float, float] = (0.1, 0.75)
"""Red moves with blood by this share of what green does in ln; outside, it is not blood that moves it."""


def exponent(red_share: float) -> float:
    """Return the exponent k of `blood_index` for skin whose ln R moves by `red_share` of what ln G does.

    h = ln R - ln G then moves by 1 - red_share of what ln G does, so that (R / G)^k bends as G^-GREEN_BEND.
    """
    low, high = RED_SHARES
    return GREEN_BEND / (1 - min(max(red_share, low), high))


def red_share_of(blanched_rgb: Array, refilled_rgb: Array) -> float:
    """Return the step of ln R as a share of the step of ln G, from the linear R, G, B (3,) before and after refill."""
    step = np.log(np.maximum(refilled_rgb, SMALLEST)) - np.log(np.maximum(blanched_rgb, SMALLEST))
    return float(step[0] / step[1]) if abs(step[1]) > SMALLEST else 0.0


def blood_index(h: Array, blanched: float, k: float) -> Array:
    """Return the haemoglobin index that is proportional to blood volume: (exp(k (h - blanched)) - 1) / k, shape of `h`.

    h saturates: each further bit of blood changes it less, so that 90 % of its step comes before 90 % of the blood. The
    power (R / G)^k undoes that to first order and, as h does, ignores melanin and the strength of the light, which only
    scale it. For the small steps of most skin it equals h - blanched.
    """
    return np.asarray(np.expm1(k * (h - blanched)) / k, dtype=np.float64)
