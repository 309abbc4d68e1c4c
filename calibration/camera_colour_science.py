"""Colours as numbers: linear sRGB to CIE Lab (D65, 2 degrees), and how far two colours are apart."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

XYZ_OF_SRGB: Final[Floats] = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
"""IEC 61966-2-1, annex."""
WHITE_XYZ: Final[Floats] = XYZ_OF_SRGB.sum(axis=1)


def lab_of(linear: Floats) -> Floats:
    """Return CIE L*, a*, b*, shape (..., 3), of linear sRGB, 1 is white (CIE 15:2018, 8.2.1); negative light is 0."""
    xyz = np.maximum(np.asarray(linear) @ XYZ_OF_SRGB.T, 0.0) / WHITE_XYZ
    small = (6.0 / 29.0) ** 3
    f = np.where(xyz > small, np.cbrt(xyz), xyz / (3.0 * (6.0 / 29.0) ** 2) + 4.0 / 29.0)
    x, y, z = f[..., 0], f[..., 1], f[..., 2]
    return np.stack([116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)], axis=-1)


def delta_e_1976(one: Floats, other: Floats) -> Floats:
    """Return the distance of Lab colours, shape (..., 3), in Lab (CIE 1976)."""
    return np.asarray(np.linalg.norm(np.asarray(one) - np.asarray(other), axis=-1))


def delta_e_2000(one: Floats, other: Floats) -> Floats:
    """Return CIEDE2000 of Lab colours, shape (..., 3), with k_L = k_C = k_H = 1.

    Formulas and their numbers: Sharma, Wu, Dalal, Color Research and Application 30 (2005) 21-30.
    """
    one, other = np.asarray(one, dtype=float), np.asarray(other, dtype=float)
    chroma = 0.5 * (np.hypot(one[..., 1], one[..., 2]) + np.hypot(other[..., 1], other[..., 2]))
    g = 0.5 * (1.0 - np.sqrt(chroma**7 / (chroma**7 + 25.0**7)))  # (4)
    c1, h1 = _chroma_and_hue(one, g)
    c2, h2 = _chroma_and_hue(other, g)
    grey = c1 * c2 == 0.0
    turn = np.where(grey, 0.0, (h2 - h1 + 180.0) % 360.0 - 180.0)  # (10)
    turn = np.where((turn == -180.0) & (h2 > h1), 180.0, turn)
    d_lightness, d_chroma = other[..., 0] - one[..., 0], c2 - c1
    d_hue = 2.0 * np.sqrt(c1 * c2) * np.sin(np.deg2rad(0.5 * turn))  # (11)
    lightness, mean_c = 0.5 * (one[..., 0] + other[..., 0]), 0.5 * (c1 + c2)
    s_l, s_c, s_h, rotation = _weights(lightness, mean_c, _mean_hue(h1, h2, grey))
    l_term, c_term, h_term = d_lightness / s_l, d_chroma / s_c, d_hue / s_h
    return np.asarray(np.sqrt(l_term**2 + c_term**2 + h_term**2 + rotation * c_term * h_term))  # (22)


def _chroma_and_hue(lab: Floats, g: Floats) -> tuple[Floats, Floats]:
    """(5) to (7): chroma, and hue in degrees from 0 to 360; that of a grey is 0."""
    a, b = (1.0 + g) * lab[..., 1], lab[..., 2]
    return np.hypot(a, b), np.where((a == 0.0) & (b == 0.0), 0.0, np.rad2deg(np.arctan2(b, a)) % 360.0)


def _mean_hue(h1: Floats, h2: Floats, grey: NDArray[np.bool_]) -> Floats:
    """(14)."""
    total = h1 + h2
    far = np.abs(h1 - h2) > 180.0
    mean = 0.5 * np.where(far, np.where(total < 360.0, total + 360.0, total - 360.0), total)
    return np.where(grey, total, mean)


def _weights(lightness: Floats, chroma: Floats, hue: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """(15) to (21): S_L, S_C, S_H and R_T."""
    t = (
        1.0
        - 0.17 * np.cos(np.deg2rad(hue - 30.0))
        + 0.24 * np.cos(np.deg2rad(2.0 * hue))
        + 0.32 * np.cos(np.deg2rad(3.0 * hue + 6.0))
        - 0.20 * np.cos(np.deg2rad(4.0 * hue - 63.0))
    )
    theta = 30.0 * np.exp(-(((hue - 275.0) / 25.0) ** 2))
    r_c = 2.0 * np.sqrt(chroma**7 / (chroma**7 + 25.0**7))
    off = (lightness - 50.0) ** 2
    s_l = 1.0 + 0.015 * off / np.sqrt(20.0 + off)
    return s_l, 1.0 + 0.045 * chroma, 1.0 + 0.015 * chroma * t, -np.sin(np.deg2rad(2.0 * theta)) * r_c
