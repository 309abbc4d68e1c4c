"""The scene played live: frames for the bedside process, the skin following the pressure that the probe makes."""

from collections.abc import Callable, Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from phantom.plan import plan
from phantom.scene import Frame, Scene
from phantom.schedule import RISE_BEGINS
from phantom.skin import LiveSkin
from phantom.spec import ImpossibleSpecError, PressSpec

History = tuple[NDArray[np.int64], NDArray[np.float64]]

STEP_S = 0.005
LONGEST_GAP_S = 2.0  # a longer gap between frames is looked at only over its last part
DRIFT_TURNS_S = 30.0  # a drift in a scene without an end goes up and down again

NOT_LIVE: Final[dict[str, str]] = {
    "weak_press": "the probe's",
    "slow_release": "the probe's",
    "partial_release": "the probe's",
    "pressure_leak": "the probe's",
    "no_pressure": "the probe's",
    "second_press": "the probe's",
    "dropped_frames": "a recording's",
    "truncated": "a recording's",
}


class LiveScene:
    """Frames on demand. `pressure_at` gives the probe's true pressure, kPa, at a CLOCK_BOOTTIME instant, ns.

    It is asked every 5 ms of scene time, in order, for instants up to the frame's own; or, where `history` gives all
    samples since an instant (times in ns, pressures in kPa, oldest first), only for the frame's own. Any number of
    presses is followed; faults of pressure and timing belong to the probe and to recordings: `ImpossibleSpecError`.
    """

    def __init__(
        self, spec: PressSpec, pressure_at: Callable[[int], float], history: Callable[[int], History] | None = None
    ) -> None:
        if spec.fault in NOT_LIVE:
            raise ImpossibleSpecError(f"fault {spec.fault} is {NOT_LIVE[spec.fault]}, not the live scene's")
        self.plan = plan(spec)
        self.skin: LiveSkin = self.plan.new_skin()
        self._scene = Scene(self.plan)
        self._pressure_at = pressure_at
        self._history = history
        self._start_ns: int | None = None
        self._last_ns = 0
        self._picture: Frame | None = None
        self._picture_number = 0

    @property
    def release_t_boot_ns(self) -> tuple[int, ...]:
        """Time zero of every release so far, CLOCK_BOOTTIME, ns: the truth to compare a reading with."""
        start_ns = self._start_ns or 0
        return tuple(start_ns + round(release.t0_s * 1e9) for release in self.skin.releases)

    def frame(self, t_boot_ns: int) -> Frame:
        """The frame at `t_boot_ns`, shape (height, width, 3), uint8 BGR; raises ValueError if time runs backwards."""
        self._follow_pressure(t_boot_ns)
        t_s = self._seconds(t_boot_ns)
        since_s = self.skin.since_release(t_s)
        if self._repeats(since_s) and self._picture is not None:
            return self._picture
        turns = t_s % (2.0 * DRIFT_TURNS_S)
        drift_clock_s = min(turns, 2.0 * DRIFT_TURNS_S - turns)
        self._picture = self._scene.render(t_s, self.skin.blood(t_s), since_s, drift_clock_s)
        return self._picture

    def _follow_pressure(self, t_boot_ns: int) -> None:
        if self._start_ns is None:
            self._start_ns = self._last_ns = t_boot_ns
            self.skin.advance(0.0, self._pressure_at(t_boot_ns))
            return
        if t_boot_ns < self._last_ns:
            raise ValueError(f"frame at {t_boot_ns} ns is older than the last at {self._last_ns} ns")
        self._last_ns = max(self._last_ns, t_boot_ns - round(LONGEST_GAP_S * 1e9))
        for sample_ns, kpa in self._samples_until(t_boot_ns):
            self.skin.advance(self._seconds(sample_ns), kpa)
        self._last_ns = t_boot_ns

    def _samples_until(self, t_boot_ns: int) -> Iterator[tuple[int, float]]:
        """Pressures after the last frame's, up to and with this frame's own instant."""
        if self._history is None:
            step_ns = round(STEP_S * 1e9)
            for at_ns in range(self._last_ns + step_ns, t_boot_ns, step_ns):
                yield at_ns, self._pressure_at(at_ns)
        else:
            sampled_ns, kpa = self._history(self._last_ns)
            new = (sampled_ns > self._last_ns) & (sampled_ns < t_boot_ns)
            yield from zip(sampled_ns[new].tolist(), kpa[new].tolist(), strict=True)
        if t_boot_ns > self._last_ns:
            yield t_boot_ns, self._pressure_at(t_boot_ns)

    def _seconds(self, t_boot_ns: int) -> float:
        return (t_boot_ns - (self._start_ns or 0)) / 1e9

    def _repeats(self, since_s: float) -> bool:
        """Whether the repeated-frames fault hands out the last picture again: all but one in so many of the rise."""
        crt_s = self.plan.spec.crt_s
        if self.plan.fault != "repeated_frames" or not RISE_BEGINS * crt_s <= since_s <= 1.1 * crt_s:
            return False
        self._picture_number += 1
        return self._picture_number % max(round(self.plan.size), 1) != 0
