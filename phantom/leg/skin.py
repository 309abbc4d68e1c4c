"""Colours of a leg's skin by its optics: melanin, blood and saturation of every pixel to linear R, G, B under a light.

The optics are those of `phantom.optics`; a leg's dermis holds less blood than a finger pad's. Mottled skin holds more
blood that is less saturated (venous stasis), and the skin between the meshes less.
"""

from collections.abc import Callable
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from phantom.leg.shape import Shape
from phantom.leg.spec import LegSpec
from phantom.optics import WAVELENGTHS_NM, camera_bands, skin_reflectance
from phantom.tones import MELANIN

Floats = NDArray[np.float32]

LEG_BLOOD: float = 0.011
LEG_SATURATION: float = 0.72
MOST_BLOOD: float = 0.10
BLOOD_NODES: NDArray[np.float64] = np.linspace(0.0, 1.0, 48) ** 2 * MOST_BLOOD + 5e-4
SATURATIONS: NDArray[np.float64] = np.linspace(0.2, 1.0, 9)
GREY_KELVIN: float = 4500.0


def planck(kelvin: float) -> NDArray[np.float64]:
    """Return a black body's relative spectrum at the optics' wavelengths; ward lamps are taken to be like one."""
    metres = WAVELENGTHS_NM * 1e-9
    spectrum = metres**-5 / np.expm1(0.0143877 / (metres * kelvin))
    return np.asarray(spectrum / spectrum.max())


@lru_cache(maxsize=64)
def colour_table(tone: str, melanin_share: float, kelvin: float) -> Floats:
    """Return ln of linear R, G, B (blood, saturation, 3) under a light, white being 1, 1, 1."""
    weights = camera_bands() * planck(kelvin)
    weights /= weights.sum(axis=1, keepdims=True)
    spectra = [skin_reflectance(MELANIN[tone] * melanin_share, BLOOD_NODES, s) for s in SATURATIONS]
    values = np.stack([spectrum @ weights.T for spectrum in spectra], axis=1)
    return np.log(values).astype(np.float32)


def ln_rgb(blood: Floats, saturation: Floats, melanin: Floats, tone: str, kelvin: float) -> Floats:
    """Return ln of linear R, G, B (h, w, 3) of skin; `melanin` is a share of the tone's own, about 1."""
    return between(lambda share: colour_table(tone, share, kelvin), blood, saturation, melanin)


def between(table_of: Callable[[float], Floats], blood: Floats, saturation: Floats, melanin: Floats) -> Floats:
    """Return ln of linear R, G, B (h, w, 3) between the nodes of tables; `table_of` gives that of a melanin share."""
    down = np.sqrt(np.clip(blood - 5e-4, 0.0, MOST_BLOOD) / MOST_BLOOD) * (len(BLOOD_NODES) - 1)
    right = (np.clip(saturation, SATURATIONS[0], 1.0) - SATURATIONS[0]) / (1 - SATURATIONS[0]) * (len(SATURATIONS) - 1)

    def looked_up(share: float) -> Floats:
        table = table_of(share)
        found = cv2.remap(table, right.astype(np.float32), down.astype(np.float32), cv2.INTER_LINEAR)
        return np.asarray(found, np.float32)

    middle, more = looked_up(1.0), looked_up(1.5)
    return middle + (more - middle) * (2.0 * (melanin - 1.0))[..., None]


def leg_blood(spec: LegSpec, shape: Shape, mottled: Floats, uneven: Floats) -> tuple[Floats, Floats]:
    """Return blood fraction and saturation (h, w) of a leg; `uneven` is noise of unit spread over centimetres."""
    strength = spec.intensity * mottled
    between = spec.intensity * (cv2.GaussianBlur(mottled, (0, 0), 12.0 / shape.mm_per_px) - mottled).clip(0.0, None)
    blood = LEG_BLOOD * (1.0 + 0.10 * uneven) * (1.0 + 2.4 * strength) * (1.0 - 0.2 * between)
    saturation = LEG_SATURATION + 0.02 * uneven - 0.45 * strength
    return np.asarray(blood, np.float32), np.asarray(saturation, np.float32)
