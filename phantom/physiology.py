"""What moves in skin without any press: pulse, respiration, the slow wave, drift, and the hand itself.

Everything here is a pure function of time, made of a few sines whose phases come from the seed, so that it can be asked
for any instant, once or again, offline or live.
"""

import numpy as np
from numpy.typing import NDArray

from phantom.streams import stream

Floats = NDArray[np.float64]

PULSE_HARMONICS = (1.0, 0.42, 0.16)  # relative amplitudes; phases chosen for a steep rise and a dicrotic shoulder
PULSE_LAGS_RAD = (0.0, 0.9, 1.9)
RATE_SWING_RAD = 0.35  # of pulse phase: respiratory arrhythmia
BLANCHED_PULSE = 0.15  # of the pulse that a fully blanched skin still shows


class Physiology:
    """Rhythms of one subject; amplitudes are fractions of the blanch step."""

    def __init__(self, seed: int, pulse: float, respiration: float, slow_wave: float, pulse_per_min: float) -> None:
        chance = stream(seed, "physiology")
        self.pulse, self.respiration, self.slow_wave = pulse, respiration, slow_wave
        self._pulse_hz = pulse_per_min / 60.0
        self._breath_hz = chance.uniform(0.22, 0.32)
        self._slow_hz = chance.uniform(0.05, 0.15, 3)
        self._slow_weight = chance.dirichlet(np.ones(3)) ** 0.5
        self._phases = 2.0 * np.pi * chance.random(8)

    def rhythms(self, t_s: Floats | float) -> Floats:
        """Pulse, respiration and slow wave together, as a fraction of the step, at full filling; any shape."""
        t = np.asarray(t_s, dtype=float)
        breath = 2.0 * np.pi * self._breath_hz * t + self._phases[0]
        wander = RATE_SWING_RAD * (np.sin(breath) + 0.6 * np.sin(2.0 * np.pi * 0.09 * t + self._phases[1]))
        beat = 2.0 * np.pi * self._pulse_hz * t + self._phases[2] + wander
        pulse = np.zeros_like(t)
        for order, (share, lag) in enumerate(zip(PULSE_HARMONICS, PULSE_LAGS_RAD, strict=True), start=1):
            pulse = pulse + share * np.sin(order * beat - lag)
        slow = np.zeros_like(t)
        for hertz, weight, phase in zip(self._slow_hz, self._slow_weight, self._phases[3:6], strict=True):
            slow = slow + weight * np.sin(2.0 * np.pi * hertz * t + phase)
        deeper = 1.0 + 0.1 * np.sin(breath)
        return np.asarray(self.pulse * deeper * pulse + self.respiration * np.sin(breath + 1.0) + self.slow_wave * slow)


def rhythm_share(blood: Floats | float) -> Floats:
    """How much of the rhythms shows at this blood volume: weak while blanched, whole when settled."""
    return np.asarray(BLANCHED_PULSE + (1.0 - BLANCHED_PULSE) * np.clip(blood, 0.0, 1.0))


class HandMotion:
    """Shift of the hand in the picture: a slow wander and a small tremor at 8 to 11 Hz; `rms_px` on each axis."""

    def __init__(self, seed: int, rms_px: float) -> None:
        chance = stream(seed, "motion")
        wander_hz = np.geomspace(0.04, 1.2, 9) * chance.uniform(0.85, 1.15, 9)
        tremor_hz = chance.uniform(8.0, 11.0, 2)
        share = np.concatenate([wander_hz**-0.7, np.zeros(2)])
        share *= np.sqrt(0.97 / np.sum(share**2))
        share[-2:] = np.sqrt(0.03 / 2)
        self._radians = 2.0 * np.pi * np.concatenate([wander_hz, tremor_hz])
        self._amplitude_px = rms_px * np.sqrt(2.0) * share
        self._phases = 2.0 * np.pi * chance.random((2, len(share)))

    def shift_px(self, t_s: Floats | float) -> Floats:
        """Displacement along x and y, px, shape (..., 2)."""
        angles = np.asarray(t_s, dtype=float)[..., None, None] * self._radians + self._phases
        return np.asarray(np.sum(self._amplitude_px * np.sin(angles), axis=-1))
