"""Faults of the outsider generator that pixels do not show: frames, their times, and the pressure."""

from typing import Final

import numpy as np

from benchmarks.outsider_healthy import Kind
from benchmarks.outsider_play import Play


def _gap(play: Play, size: float) -> None:
    """Take out the frames of `size` s from a moment of the rise on."""
    onset = float(play.rng.uniform(0.1, 0.6)) * play.crt_s
    lost = (play.since_s > onset) & (play.since_s < onset + size)
    play.kept = np.flatnonzero(~lost)
    play.stamp_s = play.stamp_s[play.kept]


def lost(play: Play, size: float) -> None:
    """Frames of `size` s of the rise are lost, times are true."""
    _gap(play, size)


def lost_restamped(play: Play, size: float) -> None:
    """Frames of `size` s of the rise are lost, and the rest gets times of a constant rate."""
    _gap(play, size)
    play.stamp_s = play.stamp_s[0] + np.arange(len(play.kept)) / play.fps


def lost_all_along(play: Play, size: float) -> None:
    """A share `size` of the frames is lost here and there, and the rest gets times of a constant rate."""
    play.kept = np.flatnonzero(play.rng.uniform(size=len(play.t_s)) >= size)
    play.stamp_s = play.stamp_s[0] + np.arange(len(play.kept)) / play.fps


def jitter(play: Play, size: float) -> None:
    """Times are those of arrival: late by up to `size` s, never out of order."""
    late = play.rng.exponential(size / 3.0, len(play.t_s)).clip(0.0, size)
    play.stamp_s = np.maximum.accumulate(play.stamp_s + late) + 1e-5 * np.arange(len(play.t_s))


def clock_step(play: Play, size: float) -> None:
    """The frames' clock jumps ahead by `size` s in the rise."""
    play.stamp_s = play.stamp_s + size * (play.since_s > float(play.rng.uniform(0.1, 0.6)) * play.crt_s)


def clock_apart(play: Play, size: float) -> None:
    """The frames' clock is `size` s behind the probe's."""
    play.stamp_s = play.stamp_s + size


def repeated(play: Play, size: float) -> None:
    """The camera hands out each picture of the rise `size` times, to the bit."""
    rise = (play.since_s > 0) & (play.since_s < play.crt_s)
    held = np.arange(len(play.t_s)) // int(size) * int(size)
    play.kept = np.where(rise, held, np.arange(len(play.t_s)))


def repeated_noisy(play: Play, size: float) -> None:
    """As `repeated`, but a codec leaves a trace of noise on the copies, so that they are no copies to the bit."""
    rise = (play.since_s > 0) & (play.since_s < play.crt_s)
    held = np.where(rise, np.arange(len(play.t_s)) // int(size) * int(size), np.arange(len(play.t_s)))
    play.light = play.light[held] * (1.0 + 1e-5 * play.rng.standard_normal(play.light.shape))


def stood_still(play: Play, size: float) -> None:
    """The picture stands still for `size` s from the release on, as copies, then goes on."""
    held = (play.since_s > 0) & (play.since_s < size)
    play.kept = np.where(held, int(np.searchsorted(play.since_s, 0.0)), np.arange(len(play.t_s)))


def offset(play: Play, size: float) -> None:
    """The sensor reads `size` kPa too much."""
    play.probe_kpa = play.probe_kpa + size


def lag(play: Play, size: float) -> None:
    """The sensor follows the pressure with `size` s."""
    value = play.probe_kpa[0]
    for index, kpa in enumerate(play.probe_kpa):
        value += (kpa - value) * 0.01 / size
        play.probe_kpa[index] = value


def delayed(play: Play, size: float) -> None:
    """The sensor's values come `size` s late."""
    play.probe_s = play.probe_s + size


def stuck(play: Play, size: float) -> None:
    """The sensor stands still from the hold on until `size` s after the release."""
    held = (play.probe_s > play.pre_s + play.ramp_s + 1.0) & (play.probe_s < play.zero_s + size)
    play.probe_kpa[held] = play.probe_kpa[np.flatnonzero(held)[0]]


def slow_foot(play: Play, size: float) -> None:
    """The pressure falls to a share `size` of the hold at once, and from there with 1 s."""
    play.tail_share, play.tail_s = size, 1.0


def slow_fall(play: Play, size: float) -> None:
    """The pressure takes `size` s to fall."""
    play.fall_s = size


def leak(play: Play, size: float) -> None:
    """The pressure read sags by a share `size` through the hold."""
    down_s = play.pre_s + play.ramp_s + play.hold_s
    along = np.clip((play.probe_s - play.pre_s - play.ramp_s) / play.hold_s, 0.0, 1.0)
    play.probe_kpa = play.probe_kpa * np.where(play.probe_s < down_s, 1.0 - size * along, 1.0)


def stays_on(play: Play, size: float) -> None:
    """The pressure stays at a share `size` of the hold after release."""
    play.tail_share, play.tail_s = size, 1e6


def cut_short(play: Play, size: float) -> None:
    """The film ends `size` refill times after release."""
    play.kept = np.flatnonzero(play.since_s < size * play.crt_s)
    play.stamp_s = play.stamp_s[play.kept]


LOST: Final = ("frames_lost", "clocks_disagree", "not_a_refill", "moved")
CLOCK: Final = ("clocks_disagree", "frames_lost", "not_a_refill", "no_release")
COPIES: Final = ("frames_repeated", "not_a_refill", "camera_settings_moved")
RELEASE: Final = ("release_too_slow", "release_incomplete", "pressure_not_held", "no_release", "clocks_disagree")

UNSEEN: Final = (
    Kind("frames lost", "s", "stamps", lost, (0.1, 0.4, 1.0), LOST),
    Kind("frames lost, restamped", "s", "stamps", lost_restamped, (0.1, 0.3, 0.8), LOST),
    Kind("frames lost all along, restamped", "share", "stamps", lost_all_along, (0.03, 0.1, 0.3), LOST),
    Kind("late times", "s", "stamps", jitter, (0.02, 0.1, 0.3), CLOCK),
    Kind("clock steps", "s", "stamps", clock_step, (0.1, 0.3, 0.8), CLOCK),
    Kind("clocks apart", "s", "stamps", clock_apart, (0.1, 0.3, 0.8), CLOCK),
    Kind("pictures repeated", "times", "stamps", repeated, (3, 6, 15), COPIES),
    Kind("pictures repeated with noise", "times", "camera", repeated_noisy, (3, 6, 15), COPIES),
    Kind("picture stands still", "s", "stamps", stood_still, (0.2, 0.6, 1.5), (*COPIES, *CLOCK)),
    Kind("sensor offset", "kPa", "probe", offset, (2.0, 8.0, 15.0), ("pressure_off_target", "release_incomplete")),
    Kind("sensor lag", "s", "probe", lag, (0.05, 0.2, 0.6), (*RELEASE, *CLOCK)),
    Kind("sensor late", "s", "probe", delayed, (0.1, 0.3, 0.8), CLOCK),
    Kind("sensor stuck", "s after release", "probe", stuck, (0.2, 0.6, 1.5), (*RELEASE, *CLOCK)),
    Kind("slow foot", "share of the hold", "draw", slow_foot, (0.1, 0.25, 0.45), RELEASE),
    Kind("slow fall", "s", "draw", slow_fall, (0.3, 1.0, 2.5), RELEASE),
    Kind("leak", "share of the hold", "probe", leak, (0.05, 0.2, 0.5), RELEASE),
    Kind("pressure stays on", "share of the hold", "draw", stays_on, (0.05, 0.15, 0.25), RELEASE),
    Kind(
        "cut short",
        "refill times",
        "stamps",
        cut_short,
        (0.5, 1.2, 2.0),
        ("window_too_short", "not_settled", "too_uncertain"),
    ),
)
