"""The blood volume under the probe, driven by pressure alone: blanching on press, refill from release.

One model serves the offline recording and the live scene: both feed `LiveSkin` with (time, pressure) samples.
Blood volume b is 1 when settled and 0 when fully blanched.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from phantom.curves import Recovery

Floats = NDArray[np.float64]

BLANCH_TAU_S = 0.12
PRESS_KPA = 2.0  # a rise above this is a press
RESTING = -math.inf


@dataclass(frozen=True)
class Release:
    """A fall of pressure through half of its hold level, and the blood volume at that instant."""

    t0_s: float
    blood: float


class LiveSkin:
    """State of the pressed skin, advanced by pressure samples at any irregular steps.

    `full_blanch_kpa` empties the skin wholly; half of it leaves it untouched. Samples must come in order of time.
    """

    def __init__(self, recovery: Recovery, full_blanch_kpa: float) -> None:
        self.recovery = recovery
        self.full_blanch_kpa = full_blanch_kpa
        self.releases: list[Release] = []
        self.pressed = False
        self._armed = True
        self._hold_kpa = 0.0
        self._hold_samples = 0.0
        self._t_s: float | None = None
        self._kpa = 0.0
        self._blood = 1.0

    def advance(self, t_s: float, pressure_kpa: float) -> None:
        """Take one pressure sample; raises ValueError if it is older than the last."""
        if self._t_s is not None and t_s < self._t_s:
            raise ValueError(f"pressure sample at {t_s} s is older than the last at {self._t_s} s")
        before_s = t_s if self._t_s is None else self._t_s
        if self.pressed:
            self._hold_or_release(before_s, t_s, pressure_kpa)
        elif self._press_begins(pressure_kpa):
            self._blood = self.blood(before_s)
            self.pressed, self._hold_kpa, self._hold_samples = True, pressure_kpa, 0.0
            self._blanch(t_s - before_s, 0.5 * (self._kpa + pressure_kpa))
        self._t_s, self._kpa = t_s, pressure_kpa

    def blood(self, t_s: float) -> float:
        """Blood volume now, at or a little after the last sample."""
        if self.pressed:
            return self._blood
        return float(self.refilled(t_s, self._kpa))

    def since_release(self, t_s: float) -> float:
        """Seconds since the last release; minus infinity before the first."""
        return t_s - self.releases[-1].t0_s if self.releases else RESTING

    def refilled(self, t_s: Floats | float, pressure_kpa: Floats | float) -> Floats:
        """Blood volume on the way back from the last release, never above what the remaining pressure lets in."""
        if not self.releases:
            return np.minimum(1.0, ceiling(pressure_kpa, self.full_blanch_kpa))
        last = self.releases[-1]
        curve = last.blood + (1.0 - last.blood) * self.recovery.at(np.asarray(t_s) - last.t0_s)
        return np.minimum(curve, ceiling(pressure_kpa, self.full_blanch_kpa))

    def _press_begins(self, kpa: float) -> bool:
        if not self._armed:
            self._armed = kpa < 0.25 * self._hold_kpa
            return kpa > 0.75 * self._hold_kpa
        return kpa > max(PRESS_KPA, self._kpa)

    def _hold_or_release(self, before_s: float, t_s: float, kpa: float) -> None:
        half = 0.5 * self._hold_kpa
        if kpa >= half:
            self._blanch(t_s - before_s, 0.5 * (self._kpa + kpa))
            self._follow_hold(t_s - before_s, kpa)
            return
        share = (self._kpa - half) / (self._kpa - kpa) if self._kpa > half else 0.0
        t0_s = before_s + share * (t_s - before_s)
        self._blanch(t0_s - before_s, 0.5 * (self._kpa + half))
        self.releases.append(Release(t0_s, self._blood))
        self.pressed, self._armed = False, False

    def _follow_hold(self, step_s: float, kpa: float) -> None:
        """Mean of the hold: starts again while the pressure still rises, and leaves out its fall."""
        if kpa > 1.02 * self._hold_kpa:
            self._hold_kpa, self._hold_samples = kpa, 0.0
        elif kpa > 0.8 * self._hold_kpa:
            self._hold_samples += step_s
            self._hold_kpa += (kpa - self._hold_kpa) * (step_s / (self._hold_samples + 1e-3))

    def _blanch(self, step_s: float, kpa: float) -> None:
        allowed = min(1.0, 2.0 * (1.0 - min(max(kpa / self.full_blanch_kpa, 0.0), 1.0)))
        if self._blood > allowed:
            self._blood = allowed + (self._blood - allowed) * math.exp(-step_s / BLANCH_TAU_S)


def ceiling(pressure_kpa: Floats | float, full_blanch_kpa: float) -> Floats:
    """Most blood that this pressure lets into the skin: 0 from `full_blanch_kpa` up, 1 at half of it, 2 at none."""
    return np.asarray(2.0 * (1.0 - np.clip(np.asarray(pressure_kpa) / full_blanch_kpa, 0.0, 1.0)))


@dataclass(frozen=True)
class BloodSeries:
    """Blood volume at given times, with the releases that shaped it."""

    blood: Floats
    since_release_s: Floats
    releases: tuple[Release, ...]


def blood_series(skin: LiveSkin, node_s: Floats, node_kpa: Floats, times_s: Floats) -> BloodSeries:
    """Drive a fresh `skin` with a pressure that is straight between its nodes; the blood volume at `times_s`."""
    series = BloodSeries(np.ones_like(times_s), np.full_like(times_s, RESTING), ())
    pressures = np.interp(times_s, node_s, node_kpa)
    grid_s = _grid(node_s, node_kpa)
    held: list[tuple[float, float]] = []
    start_s, before_s = -math.inf, float(grid_s[0])
    for t_s, kpa in zip(grid_s.tolist(), np.interp(grid_s, node_s, node_kpa).tolist(), strict=True):
        was_pressed = skin.pressed
        skin.advance(t_s, kpa)
        if skin.pressed and not was_pressed:
            _fill_refill(series, skin, times_s, pressures, (start_s, before_s))
            start_s, held = before_s, [(before_s, float(skin.refilled(before_s, kpa)))]
        if skin.pressed:
            held.append((t_s, skin.blood(t_s)))
        elif was_pressed:
            held.append((skin.releases[-1].t0_s, skin.releases[-1].blood))
            _fill_hold(series, times_s, held, (start_s, held[-1][0]))
            start_s = held[-1][0]
        before_s = t_s
    if skin.pressed:
        _fill_hold(series, times_s, held, (start_s, math.inf))
    else:
        _fill_refill(series, skin, times_s, pressures, (start_s, math.inf))
    for release in skin.releases:
        later = times_s >= release.t0_s
        series.since_release_s[later] = times_s[later] - release.t0_s
    return BloodSeries(series.blood, series.since_release_s, tuple(skin.releases))


def _fill_refill(series: BloodSeries, skin: LiveSkin, times_s: Floats, kpa: Floats, span: tuple[float, float]) -> None:
    inside = (times_s >= span[0]) & (times_s < span[1])
    series.blood[inside] = skin.refilled(times_s[inside], kpa[inside])


def _fill_hold(
    series: BloodSeries, times_s: Floats, held: list[tuple[float, float]], span: tuple[float, float]
) -> None:
    inside = (times_s >= span[0]) & (times_s < span[1])
    held_s, held_blood = zip(*held, strict=True)
    series.blood[inside] = np.interp(times_s[inside], held_s, held_blood)


def _grid(node_s: Floats, node_kpa: Floats) -> Floats:
    """Times at which pressure is looked at: every 10 ms while it changes and for 1 s after; the nodes."""
    pieces = [node_s]
    for i in range(len(node_s) - 1):
        flat = node_kpa[i] == node_kpa[i + 1]
        end_s = min(node_s[i + 1], node_s[i] + 1.0) if flat else node_s[i + 1]
        if node_kpa[i] > 0 or not flat:
            pieces.append(np.arange(node_s[i], end_s, 0.01))
    return np.unique(np.concatenate(pieces))
