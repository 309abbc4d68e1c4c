"""Skin under a white LED: reflectance spectrum from melanin and blood, and the camera's linear R, G, B.

Approximation: light crosses a melanin-bearing epidermis twice (Beer-Lambert) and is
returned by a semi-infinite dermis with the total diffuse reflectance of diffusion theory (Farrell, Patterson & Wilson,
Med Phys 1992;19:879, the albedo form of Flock et al. 1989). Surface reflection is left out: the probe looks through
crossed polarisers. All absorption and scattering coefficients are in 1/cm, wavelengths in nm.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from phantom.tones import MELANIN

Floats = NDArray[np.float64]

# Wavelength, nm, and molar extinction, 1/(cm M), of oxy- and deoxyhaemoglobin: S. Prahl's compilation,
# omlc.org/spectra/hemoglobin (from W. B. Gratzer and N. Kollias).
_PRAHL: Floats = np.array(
    [
        [400, 266232, 223296],
        [410, 466840, 303956],
        [420, 480360, 407560],
        [430, 246072, 528600],
        [440, 102580, 413280],
        [450, 62816, 103292],
        [460, 44480, 23388.8],
        [470, 33209.2, 16156.4],
        [480, 26629.2, 14550],
        [490, 23684.4, 16684],
        [500, 20932.8, 20862],
        [510, 20035.2, 25773.6],
        [520, 24202.4, 31589.6],
        [530, 39956.8, 39036.4],
        [540, 53236, 46592],
        [550, 43016, 53412],
        [560, 32613.2, 53788],
        [570, 44496, 45072],
        [580, 50104, 37020],
        [590, 14400.8, 28324.4],
        [600, 3200, 14677.2],
        [610, 1506, 9443.6],
        [620, 942, 6509.6],
        [630, 610, 5148.8],
        [640, 442, 4345.2],
        [650, 368, 3750.12],
        [660, 319.6, 3226.56],
        [670, 294, 2795.12],
        [680, 277.6, 2407.92],
        [690, 276, 2051.96],
        [700, 290, 1794.28],
    ]
)
WAVELENGTHS_NM, OXY, DEOXY = _PRAHL.T
BLOOD_G_PER_L = 150.0
HAEMOGLOBIN_G_PER_MOL = 64500.0

EPIDERMIS_CM = 0.006
INTERNAL_REFLECTION = 3.25  # Farrell's A = (1 + r) / (1 - r) for a refractive index of 1.4

SITE_BLOOD = 0.05  # volume fraction in the dermis of a settled finger pad, many times that of a forearm
MAX_BLOOD = 0.35  # volume fraction at which the tables end; beyond anything a dermis holds
_BLOOD_NODES = np.linspace(0.0, 1.0, 801) ** 2 * MAX_BLOOD  # dense near zero, where ln R bends most


def blood_absorption(saturation: float) -> Floats:
    """Absorption of whole blood, 1/cm, at `WAVELENGTHS_NM`; `saturation` 0 to 1."""
    molar = saturation * OXY + (1.0 - saturation) * DEOXY
    return np.asarray(np.log(10.0) * molar * (BLOOD_G_PER_L / HAEMOGLOBIN_G_PER_MOL))


def baseline_absorption() -> Floats:
    """Bloodless, melanin-free tissue, 1/cm (Jacques, skin optics summary, 1998)."""
    return np.asarray(0.244 + 85.3 * np.exp(-(WAVELENGTHS_NM - 154.0) / 66.2))


def melanosome_absorption() -> Floats:
    """Interior of a melanosome, 1/cm (Jacques, Phys Med Biol 2013;58:R37)."""
    return np.asarray(1.70e12 * WAVELENGTHS_NM**-3.48)


def reduced_scattering() -> Floats:
    """Skin, 1/cm: the mean of published skins (Jacques, Phys Med Biol 2013;58:R37, table 1)."""
    return np.asarray(46.0 * (WAVELENGTHS_NM / 500.0) ** -1.421)


def dermis_reflectance(absorption: Floats, scattering: Floats) -> Floats:
    """Total diffuse reflectance of a semi-infinite medium, 0 to 1; both arguments in 1/cm, any equal shape."""
    albedo = scattering / (absorption + scattering)
    root = np.sqrt(3.0 * (1.0 - albedo))
    return np.asarray(0.5 * albedo * (1.0 + np.exp(-4.0 / 3.0 * INTERNAL_REFLECTION * root)) * np.exp(-root))


def skin_reflectance(melanin: float, blood: Floats | float, saturation: float) -> Floats:
    """Diffuse reflectance, shape (len(blood), len(WAVELENGTHS_NM)), of skin with these volume fractions (0 to 1)."""
    fractions = np.atleast_1d(np.asarray(blood, dtype=float))[:, None]
    dermis = baseline_absorption() + fractions * (blood_absorption(saturation) - baseline_absorption())
    epidermis = baseline_absorption() + melanin * (melanosome_absorption() - baseline_absorption())
    twice_through = np.exp(-2.0 * EPIDERMIS_CM * epidermis)
    return np.asarray(twice_through * dermis_reflectance(dermis, np.broadcast_to(reduced_scattering(), dermis.shape)))


def _bell(centre_nm: float, sigma_nm: float) -> Floats:
    return np.asarray(np.exp(-0.5 * ((WAVELENGTHS_NM - centre_nm) / sigma_nm) ** 2))


def _skewed(centre_nm: float, below_nm: float, above_nm: float) -> Floats:
    sigma_nm = np.where(centre_nm > WAVELENGTHS_NM, below_nm, above_nm)
    return np.asarray(np.exp(-0.5 * ((WAVELENGTHS_NM - centre_nm) / sigma_nm) ** 2))


def led_spectrum() -> Floats:
    """A phosphor-white LED of about 4000 K: blue pump at 452 nm and a broad phosphor at 575 nm; relative."""
    return np.asarray(0.75 * _bell(452.0, 10.0) + _bell(575.0, 58.0))


def camera_bands() -> Floats:
    """Sensitivity of R, G, B with an IR-cut filter, shape (3, wavelengths).

    Bells as of common Bayer sensors: red rises steeply at 590 nm and falls slowly; a few per cent of cross-talk.
    """
    red = _skewed(605.0, 17.0, 45.0) + 0.05 * _bell(530.0, 35.0)
    green = _bell(532.0, 38.0) + 0.04 * _bell(620.0, 30.0)
    blue = _bell(462.0, 30.0) + 0.05 * _bell(540.0, 35.0)
    infrared_cut = 1.0 / (1.0 + np.exp((WAVELENGTHS_NM - 655.0) / 8.0))
    return np.asarray(np.stack([red, green, blue]) * infrared_cut)


def band_values(reflectance: Floats) -> Floats:
    """Linear R, G, B, shape (n, 3), of spectra shaped (n, wavelengths), balanced so that white gives 1, 1, 1."""
    weights = camera_bands() * led_spectrum()
    return np.asarray(reflectance @ (weights / weights.sum(axis=1, keepdims=True)).T)


def melanin_colour(melanin: float, blood: float, saturation: float) -> Floats:
    """Change of ln of linear R, G, B, shape (3,), for a little more melanin, scaled to -1 in green."""
    pair = [np.log(band_values(skin_reflectance(melanin * more, blood, saturation)))[0] for more in (1.0, 1.01)]
    return np.asarray((pair[1] - pair[0]) / abs(pair[1][1] - pair[0][1]))


class SkinTable:
    """ln of linear R, G, B against dermal blood fraction, for one tone and saturation (interpolated, 801 nodes)."""

    def __init__(self, tone: str, saturation: float) -> None:
        self.blood = _BLOOD_NODES
        spectra = skin_reflectance(MELANIN[tone], _BLOOD_NODES, saturation)
        self.ln_rgb = np.log(band_values(spectra))

    def ln_linear_rgb(self, blood: Floats | float) -> Floats:
        """ln of linear R, G, B relative to white, shape (..., 3); blood fractions are held to the table's range."""
        position = np.sqrt(np.clip(blood, 0.0, MAX_BLOOD) / MAX_BLOOD) * (len(self.blood) - 1)
        low = np.minimum(position.astype(np.intp), len(self.blood) - 2)
        share = (np.asarray(blood).clip(0.0, MAX_BLOOD) - self.blood[low]) / (self.blood[low + 1] - self.blood[low])
        return np.asarray(self.ln_rgb[low] * (1.0 - share)[..., None] + self.ln_rgb[low + 1] * share[..., None])

    def haemoglobin_signal(self, blood: Floats | float) -> Floats:
        """h = -ln(G/R) of the linear values; rises with blood."""
        ln_rgb = self.ln_linear_rgb(blood)
        return np.asarray(ln_rgb[..., 0] - ln_rgb[..., 1])

    def blanch_pair(self, step_ln_g: float) -> tuple[float, float]:
        """Blanched and settled blood fraction whose ln G differ by `step_ln_g`; raises ValueError if none does.

        The settled fraction is `SITE_BLOOD` where that leaves room, more for deeper steps.
        """
        ln_g = self.ln_rgb[:, 1]
        emptiest, settled = 0.003, SITE_BLOOD
        wanted = float(self.ln_linear_rgb(settled)[1]) + step_ln_g
        if wanted > float(self.ln_linear_rgb(emptiest)[1]):
            wanted = float(self.ln_linear_rgb(emptiest)[1])
            if wanted - step_ln_g < ln_g[-1]:
                raise ValueError(f"no dermis blanches by {step_ln_g:g} in ln G")
            settled = float(np.interp(-(wanted - step_ln_g), -ln_g, self.blood))
        return float(np.interp(-wanted, -ln_g, self.blood)), settled


@lru_cache(maxsize=32)
def skin_table(tone: str, saturation: float) -> SkinTable:
    """The table for this tone (I to VI) and oxygen saturation (0 to 1), made once."""
    return SkinTable(tone, saturation)
