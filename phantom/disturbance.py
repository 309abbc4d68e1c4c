"""Faults of light and camera as functions of time since release, the same for pixels and for the fast trace."""

import math

import numpy as np
from numpy.typing import NDArray

from phantom.plan import Plan

Floats = NDArray[np.float64]

ONSET = 0.35  # refill times after release at which a step comes
ADAPTATION_S = 0.3
SHIFT_S = 0.15
WARM_LAMP = np.array([1.2, 1.0, 0.75])  # a room lamp's share in R, G, B against its green
FLICKER_HZ = {"flicker_100": 100.06, "flicker_120": 120.06}
EXPOSURE_S = 0.004
READOUT_S = 0.012  # rolling shutter, first row to last
EDGE_START, EDGE_END = 0.39, 0.61  # of the width, covered by the arm: the edge stays within the disc
ARM_OVER_SKIN = np.array([-0.55, -0.75, -0.85])  # ln of what covers the skin, against the skin
HAIR_LN = -1.1
HAIR_SPEED = 0.11  # widths per second


class Disturbance:
    """The plan's fault as seen by the camera; without one every method says: nothing."""

    def __init__(self, plan: Plan) -> None:
        self.fault = plan.fault
        self.size = plan.size
        self.width_px = plan.spec.width_px
        self.onset_s = ONSET * plan.spec.crt_s

    def ln_gains(self, since_s: Floats | float) -> Floats:
        """ln of the factor on linear R, G, B, shape (..., 3), at seconds since release (minus infinity before any)."""
        since = np.asarray(since_s, dtype=float)[..., None]
        later = np.where(since >= self.onset_s, 1.0, 0.0)
        if self.fault == "light_step":
            return np.asarray(later * np.log1p(self.size * WARM_LAMP))
        if self.fault == "white_balance":
            return np.asarray(later * np.log(np.array([1.0 + self.size, 1.0, 1.0 / (1.0 + self.size)])))
        if self.fault == "auto_exposure":
            adapted = 1.0 - np.exp(-np.maximum(since - self.onset_s, 0.0) / ADAPTATION_S)
            return np.asarray(adapted * math.log(max(1.0 - self.size, 0.01)) * np.ones(3))
        return np.zeros((*since.shape[:-1], 3))

    def shift_px(self, since_s: Floats | float) -> Floats:
        """Extra shift of the hand along x, px: a step within `SHIFT_S`."""
        since = np.asarray(since_s, dtype=float)
        if self.fault != "moved":
            return np.zeros_like(since)
        progress = np.clip((since - self.onset_s) / SHIFT_S, 0.0, 1.0)
        return np.asarray(self.size * self.width_px * progress**2 * (3.0 - 2.0 * progress))

    def flicker(self, t_s: Floats | float, rows: Floats) -> Floats:
        """Factor on the light of rows at 0 (top) to 1 (bottom), shape (..., rows), of a rolling shutter at `t_s`."""
        t = np.asarray(t_s, dtype=float)[..., None]
        if self.fault not in FLICKER_HZ:
            return np.ones((*t.shape[:-1], len(rows)))
        hertz = FLICKER_HZ[self.fault]
        depth = self.size * float(np.sinc(hertz * EXPOSURE_S))
        return np.asarray(1.0 + depth * np.sin(2.0 * np.pi * hertz * (t + READOUT_S * rows)))

    def covered(self, since_s: Floats | float, columns_px: Floats) -> Floats:
        """Share, 0 to 1, of each column that an arm's edge covers, shape (..., columns)."""
        since = np.asarray(since_s, dtype=float)[..., None]
        if self.fault != "edge_crossing":
            return np.zeros((*since.shape[:-1], len(columns_px)))
        left = np.exp(-np.maximum(since, 0.0) / max(self.size, 0.05))
        edge_px = self.width_px * (EDGE_END + (EDGE_START - EDGE_END) * left)
        return np.asarray(1.0 / (1.0 + np.exp(np.clip((columns_px - edge_px) / 1.5, -50.0, 50.0))))

    def hair_px(self, t_s: Floats | float) -> Floats:
        """x of the hair at mid-height, px: to and fro across the field."""
        phase = np.asarray(t_s, dtype=float) * HAIR_SPEED
        return np.asarray(self.width_px * (0.5 + 0.35 * np.sin(2.0 * np.pi * phase)))
