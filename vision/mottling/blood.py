"""Blood told from melanin, shade and light in the colour of skin, and mottling from the leg's own unmottled skin.

In optical density, melanin, shade and blood add up, each along a direction of its own (Tsumura et al., J Opt Soc Am A
1999;16:2169). Instead of finding the directions on the photo by independent components, which needs a photo with enough
of each, the one index is taken that published spectra say neither melanin nor shade moves; light between warm and blue
moves along melanin and cancels too. What is mottled shows in it little, but shows much as plain darkness: so
darkness gives the drawing and the index the proof, as the slope of the index on darkness in a small window (the guided
filter of He, Sun & Tang, IEEE PAMI 2013;35:1397).

In dark skin darkness is drawn by melanin more than by blood, and the slope is that of neither. What the index has
beyond it is added, averaged as far as its noise asks for and by as much as it stands out from noise.
"""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.mottling.picture import SMALLEST
from vision.mottling.place import Place

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]

BLOOD: Final = np.array([-1.0, 1.6, -0.6], dtype=np.float32)
"""Weights of optical density in R, G, B: 0 for shade (1, 1, 1), and for melanin, whose density rises as 0.67, 1, 1.55
over the bands of a camera (Jacques, Phys Med Biol 2013;58:R37). For 1 of green, blood of 35 % saturation gives 0.31,
well-oxygenated blood 0.5 (Prahl's extinction under the dermis of Farrell et al. 1992)."""
DRAWING: Final = np.array([1 / 3, 1 / 3, 1 / 3], dtype=np.float32)
"""Darkness that the index is smoothed along, at right angles to `BLOOD`: noise of the channels makes no slope of one on
the other."""
DARKNESS: Final = np.array([0.615, 0.385, 0.0], dtype=np.float32)
"""Darkness that the index is held against, of red and green alone and at right angles to `BLOOD`, too. In dark skin
blue is few levels of noise, shine and, after a camera's colour matrix, of green that was taken from it: there more
blood makes blue lighter, and a mean of all three hides that skin got darker."""
FINE_MM: Final = 1.0
WINDOW_MM: Final = 9.0
"""About a mesh."""
CALM: Final = 0.008
"""Noise of the index below which it is not averaged further: a third of what stands out of uneven skin."""
POOL_MM: Final = (1.0, 4.0)
"""Blur by which the index is averaged, at least and at most: lines of a net are 4 mm wide and more."""
NOISE_BANDS_MM: Final = ((0.8, 1.4), (1.4, 2.4), (2.4, 4.0), (4.0, 6.5))
"""Blurs between which noise is looked for: a sensor's is in all of them, a JPEG file's blocks of colour in the last."""
NOISE_SHARE: Final = 0.1
"""Of the skin, the calmest, tells the noise: most of a leg may be mottled."""
OVER_NOISE: Final = 1.4
"""Times the noise of the calmest skin that is still noise: that of the middle of unmottled skin, and a fifth more."""
ENERGY_MM: Final = 7.0
"""Over which signal is held against noise."""
SMALLER_FROM: Final = 3.0
"""Cells of a blur's width that a smaller copy keeps at least."""
SHADE_MM: Final = 16.0
"""Darkness that changes over more than this is shade."""


def masked_blur(values: Floats, mask: Mask, sigma_px: float) -> Floats:
    """Gaussian mean over the cells of `mask` alone, same shape as `values` (h, w); 0 where none is near."""
    weight = _blur(mask.astype(np.float32), sigma_px)
    total = _blur(np.where(mask, values, 0).astype(np.float32), sigma_px)
    return np.asarray(np.where(weight > 1e-3, total / np.maximum(weight, 1e-3), 0), dtype=np.float32)


def _blur(values: Floats, sigma_px: float) -> Floats:
    """Gaussian blur; a wide one on smaller copies, where it costs less and hides what that leaves out."""
    factor = int(sigma_px / SMALLER_FROM)
    if factor < 2:
        return np.asarray(cv2.GaussianBlur(values, (0, 0), sigma_px), dtype=np.float32)
    height, width = values.shape
    size = max(1, round(width / factor)), max(1, round(height / factor))
    small = cv2.GaussianBlur(cv2.resize(values, size, interpolation=cv2.INTER_AREA), (0, 0), sigma_px / factor)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), dtype=np.float32)


@dataclass(frozen=True)
class Blood:
    """What the skin's colour says, on the grid, shape (h, w) each; meaningless outside of the skin."""

    index: Floats
    """Blood index, smoothed along the drawing of darkness, with what that leaves over where it is more than noise."""
    slope: Floats
    """Index for a unit of darkness nearby: about 0 for shade and melanin, 0.3 and more for blood."""
    darkness: Floats
    """Darkness without shade."""
    calm: Floats
    """Blood index averaged as far as its noise asks: noise that differs by channel would make a slope on darkness."""
    noise: float = 0.0
    """What averaging leaves of noise in the index, root mean square."""


def blood_of(linear: Floats, skin: Mask, place: Place) -> Blood:
    """Return the blood index of the cells of `skin`; `linear` R, G, B, shape (h, w, 3).

    Light is averaged over a millimetre before its logarithm is taken, which noise in dark skin would bias.
    """
    sigma = max(0.5, FINE_MM / place.mm)
    light = np.stack([masked_blur(linear[..., channel], skin, sigma) for channel in range(3)], axis=-1)
    density = -np.log(np.maximum(light, SMALLEST))
    raw = np.asarray(density @ BLOOD, dtype=np.float32)
    detail, darkness = (_unshaded(density, weights, skin, place) for weights in (DRAWING, DARKNESS))
    window = WINDOW_MM / place.mm
    mean_h, mean_d = masked_blur(raw, skin, window), masked_blur(detail, skin, window)
    cross = masked_blur(raw * detail, skin, window) - mean_h * mean_d
    variance = masked_blur(detail * detail, skin, window) - mean_d * mean_d
    slope = np.asarray(cross / (variance + 1e-4), dtype=np.float32)
    guided = np.asarray(mean_h + slope * (detail - mean_d), dtype=np.float32)
    noise = noise_of(raw, skin, place)
    pool_mm = float(np.clip(noise / CALM, *POOL_MM))
    left = noise * FINE_MM / float(np.hypot(FINE_MM, pool_mm))
    unexplained = masked_blur(np.asarray(raw - guided, dtype=np.float32), skin, pool_mm / place.mm)
    index = guided + _above_noise(unexplained, left, skin, place)
    calm = masked_blur(raw, skin, pool_mm / place.mm)
    return Blood(np.asarray(index, dtype=np.float32), slope, darkness, calm, left)


def _unshaded(density: Floats, weights: Floats, skin: Mask, place: Place) -> Floats:
    """Density by `weights` without what changes over more than `SHADE_MM`."""
    dark = np.asarray(density @ weights, dtype=np.float32)
    return np.asarray(np.where(skin, dark - masked_blur(dark, skin, SHADE_MM / place.mm), 0), dtype=np.float32)


def _above_noise(values: Floats, noise: float, skin: Mask, place: Place) -> Floats:
    """Values by the share of their energy nearby that is not noise (Wiener's filter): nought where all of it is."""
    energy = masked_blur(values * values, skin, ENERGY_MM / place.mm)
    gain = np.maximum(0.0, 1.0 - (OVER_NOISE * noise) ** 2 / np.maximum(energy, 1e-9))
    return np.asarray(gain * values, dtype=np.float32)


def noise_of(raw: Floats, skin: Mask, place: Place) -> float:
    """Return the noise of the index `raw`, shape (h, w), as root mean square after a blur of `FINE_MM`.

    The largest of several bands: each says how much white noise would leave as much in it in the calmest skin. 0
    without skin.
    """
    most = 0.0
    for inner_mm, outer_mm in NOISE_BANDS_MM if skin.any() else ():
        inner, outer = (masked_blur(raw, skin, max(0.5, mm / place.mm)) for mm in (inner_mm, outer_mm))
        band = inner - outer
        nearby = np.sqrt(masked_blur(band * band, skin, WINDOW_MM / place.mm))
        calmest = float(np.quantile(nearby[skin], NOISE_SHARE))
        most = max(most, calmest / _band_share(float(np.hypot(FINE_MM, inner_mm)), float(np.hypot(FINE_MM, outer_mm))))
    return most


def _band_share(inner_mm: float, outer_mm: float) -> float:
    """Root mean square that white noise has between two blurs, for 1 after a blur of a mm."""
    return float(np.sqrt(1 / inner_mm**2 + 1 / outer_mm**2 - 4 / (inner_mm**2 + outer_mm**2)))
