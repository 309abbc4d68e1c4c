"""Skin with other pigments than the mean, and cameras with other bands, for the renderer "other cameras".

Spectra are those of `phantom.optics`, but for what people and cameras differ in: how steeply melanin's absorption falls
with wavelength, how much of it there is, how yellow the skin is, and where a camera's bands lie.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from phantom.leg.skin import BLOOD_NODES, SATURATIONS, planck
from phantom.optics import (
    EPIDERMIS_CM,
    WAVELENGTHS_NM,
    baseline_absorption,
    blood_absorption,
    dermis_reflectance,
    melanosome_absorption,
    reduced_scattering,
)

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

MELANIN_AT_NM: Final = 550.0
"""Where every melanin absorbs as much, whatever its slope."""
YELLOW_AT_NM: Final = 460.0
"""Bilirubin and carotenoids absorb most here: 453 to 460 nm and 450 to 480 nm."""
YELLOW_WIDTH_NM: Final = 28.0


@dataclass(frozen=True)
class Bands:
    """A camera's sensitivity in R, G, B: bells on the wavelength, nm, and what each colour lets in of its neighbours.

    R. Jiang et al. (IEEE WACV 2013, "What is the space of spectral sensitivity functions for digital color cameras?")
    measured 28 cameras: they peak at about 590 to 610, 520 to 540 and 450 to 470 nm.
    """

    peaks_nm: tuple[float, float, float] = (605.0, 532.0, 462.0)
    widths_nm: tuple[float, float, float] = (20.0, 38.0, 30.0)
    cross_talk: float = 0.05

    @property
    def sensitivity(self) -> Doubles:
        """Relative, shape (3, wavelengths); an infrared cut ends red."""
        centre, width = np.array(self.peaks_nm)[:, None], np.array(self.widths_nm)[:, None]
        # Red dyes let in everything above their edge.
        side = np.where(centre > WAVELENGTHS_NM, width, width * np.array([2.2, 1.0, 1.0])[:, None])
        own = np.exp(-0.5 * ((WAVELENGTHS_NM - centre) / side) ** 2)
        red, green, blue = own
        mixed = own + self.cross_talk * np.stack([green, red + blue, green])
        return np.asarray(mixed / (1.0 + np.exp((WAVELENGTHS_NM - 655.0) / 8.0)))


@dataclass(frozen=True)
class Pigments:
    """What colours a leg's skin besides blood."""

    melanin: float
    """Volume fraction of melanosomes in the epidermis."""
    slope: float
    """Melanin absorbs as wavelength to the power of minus this: 3.33 for eumelanin, 4.75 for pheomelanin (Donner &
    Jensen, EGSR 2006), 3.48 for melanosomes (Jacques 2013)."""
    yellow_per_cm: float
    """Absorption of carotenoids and bilirubin in the dermis at their peak."""


def reflectance(pigments: Pigments, melanin_share: float, saturation: float) -> Doubles:
    """Return the diffuse reflectance, shape (blood nodes, wavelengths), with a share of the leg's own melanin."""
    blood = BLOOD_NODES[:, None]
    steeper = (WAVELENGTHS_NM / MELANIN_AT_NM) ** (3.48 - pigments.slope)
    yellow = pigments.yellow_per_cm * np.exp(-0.5 * ((WAVELENGTHS_NM - YELLOW_AT_NM) / YELLOW_WIDTH_NM) ** 2)
    tissue = baseline_absorption()
    dermis = tissue + yellow + blood * (blood_absorption(saturation) - tissue)
    epidermis = tissue + pigments.melanin * melanin_share * (melanosome_absorption() * steeper - tissue)
    scattering = np.broadcast_to(reduced_scattering(), dermis.shape)
    return np.asarray(np.exp(-2.0 * EPIDERMIS_CM * epidermis) * dermis_reflectance(dermis, scattering))


@lru_cache(maxsize=64)
def colour_table(pigments: Pigments, melanin_share: float, bands: Bands, kelvin: float) -> Floats:
    """Return ln of the camera's linear R, G, B (blood, saturation, 3) under a light, white being 1, 1, 1."""
    weights = bands.sensitivity * planck(kelvin)
    weights /= weights.sum(axis=1, keepdims=True)
    spectra = [reflectance(pigments, melanin_share, s) for s in SATURATIONS]
    return np.log(np.stack([spectrum @ weights.T for spectrum in spectra], axis=1)).astype(np.float32)
