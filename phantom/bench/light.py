"""The light that a simulated device is seen by: its own, which warms up and may flicker, and the room's."""

import numpy as np
from numpy.typing import NDArray

from phantom.bench.light_errors import LightErrors

Floats = NDArray[np.float64]
Instants = NDArray[np.int64]


class BenchLight:
    """One device's light over time. It has been on, and warm, for long when it is made."""

    def __init__(self, errors: LightErrors, chance: np.random.Generator) -> None:
        self._errors = errors
        self._wander, self._mains = (float(phase) for phase in chance.uniform(0.0, 2.0 * np.pi, 2))
        # From each instant on: the level set, how warm the light was, and the level summed up to then in ns.
        self._since: list[int] = [0]
        self._levels: list[float] = [1.0]
        self._warmth: list[float] = [1.0]
        self._sums: list[float] = [0.0]

    def set(self, now_ns: int, level: float) -> None:
        """Set the own light from `now_ns` on, 0 to 1; raises `ValueError` for an instant before the last one."""
        passed = now_ns - self._since[-1]
        if passed < 0:
            raise ValueError(f"{now_ns} ns is before {self._since[-1]} ns, when the light was last set")
        before = self._levels[-1]
        cooled = np.exp(-1e-9 * passed / self._errors.warm_up_s)
        self._warmth.append(float(before + (self._warmth[-1] - before) * cooled))
        self._sums.append(self._sums[-1] + before * passed)
        self._since.append(now_ns)
        self._levels.append(level)

    def level_at(self, t_ns: Instants, exposure_us: float) -> Floats:
        """Return the mean light during exposures that begin at `t_ns`, any shape; 1 is the own light, settled."""
        errors = self._errors
        exposure_ns = max(round(exposure_us * 1000), 1)
        middle = t_ns + exposure_ns // 2
        own = (self._sum_at(t_ns + exposure_ns) - self._sum_at(t_ns)) / exposure_ns
        own *= 1.0 + errors.cold_excess * (1.0 - self._warmth_at(middle))
        seconds = 1e-9 * middle
        own *= 1.0 + errors.wander * np.cos(2.0 * np.pi * seconds / errors.wander_s + self._wander)
        hz = 2.0 * errors.mains_hz
        # What an exposure leaves of a flicker.
        wave = np.sinc(hz * 1e-9 * exposure_ns) * np.cos(2.0 * np.pi * hz * seconds + self._mains)
        return np.asarray(own * (1.0 + errors.own_flicker * wave) + errors.ambient * (1.0 + errors.room_flicker * wave))

    def _place(self, t_ns: Instants) -> NDArray[np.intp]:
        return np.maximum(np.searchsorted(self._since, t_ns, side="right") - 1, 0)

    def _sum_at(self, t_ns: Instants) -> Floats:
        place = self._place(t_ns)
        return np.asarray(
            np.array(self._sums)[place] + np.array(self._levels)[place] * (t_ns - np.array(self._since)[place])
        )

    def _warmth_at(self, t_ns: Instants) -> Floats:
        place = self._place(t_ns)
        level = np.array(self._levels)[place]
        passed_s = 1e-9 * np.maximum(t_ns - np.array(self._since)[place], 0)
        return np.asarray(level + (np.array(self._warmth)[place] - level) * np.exp(-passed_s / self._errors.warm_up_s))
