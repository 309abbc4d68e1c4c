"""Faults of the outsider generator, in graded sizes: light, camera, skin and what lies before it."""

from typing import Final

import numpy as np

from benchmarks.outsider_healthy import Kind
from benchmarks.outsider_play import COLUMNS, ROWS, Play
from benchmarks.outsider_skin import Floats


def _onset_s(play: Play) -> float:
    """A moment in the rise, s since time zero."""
    return float(play.rng.uniform(0.15, 0.7)) * play.crt_s


def _after(play: Play, onset_s: float, tau_s: float) -> Floats:
    """Return what sets in at `onset_s` and approaches 1 with `tau_s`, (frames,)."""
    return np.asarray(1.0 - np.exp(-np.maximum(play.since_s - onset_s, 0.0) / tau_s))


def _times(play: Play, factor: Floats) -> None:
    """Multiply the light of all cells by `factor` (frames, 3)."""
    play.light = play.light * factor[:, None, None, :]


def auto_exposure(play: Play, size: float) -> None:
    """A loop holds the mean green of the picture: it takes out a share `size` of its changes, with a lag of 0.5 s."""
    mean = play.light[..., 1].mean(axis=(1, 2))
    aim, gain = float(mean[:10].mean()), 1.0
    for index in range(len(mean)):
        gain += (float((aim / mean[index]) ** size) - gain) / (0.5 * play.fps)
        play.gain[index] *= gain


def auto_white(play: Play, size: float) -> None:
    """A loop holds red to green of the whole picture: a share `size` of their changes, with a lag of 0.7 s."""
    mean = play.light.mean(axis=(1, 2))
    aim, gain = mean[:10].mean(axis=0), np.ones(3)
    for index in range(len(mean)):
        want = (mean[index, 1] / mean[index] * aim / aim[1]) ** size
        gain = gain + (want - gain) / (0.7 * play.fps)
        play.gain[index] *= gain


def lamp_warm_up(play: Play, size: float) -> None:
    """The lamp warms up from the start: green sinks by `size` against red, with 8 s."""
    late = 1.0 - np.exp(-play.t_s / 8.0)
    _times(play, np.exp(late[:, None] * size * np.array([-0.3, -1.3, -0.6])))


def shadow(play: Play, size: float) -> None:
    """Somebody passes: the room's part `size` of the light is gone for a second or two of the rise, as a hump."""
    hump = np.exp(-0.5 * ((play.since_s - _onset_s(play)) / play.rng.uniform(0.3, 1.0)) ** 2)
    _times(play, 1.0 - size * hump[:, None] * np.array([0.8, 1.0, 1.1]))


def sun(play: Play, size: float) -> None:
    """A cloud goes: bluish light grows by `size` over several seconds, from the release on."""
    grown = 1.0 / (1.0 + np.exp(-(play.since_s - play.crt_s) / play.rng.uniform(0.5, 2.0)))
    _times(play, 1.0 + size * grown[:, None] * np.array([0.8, 1.0, 1.3]))


def alias(play: Play, size: float) -> None:
    """A lamp's flicker beats with the frame rate: a wave of 0.15 to 0.6 Hz in its own colour, everywhere."""
    wave = np.sin(2 * np.pi * (play.rng.uniform(0.15, 0.6) * play.t_s + play.rng.uniform()))
    _times(play, 1.0 + size * wave[:, None] * np.array([0.7, 1.0, 1.3]))


def drift(play: Play, size: float) -> None:
    """Green drifts against red by `size` in ln in 10 s, all along."""
    _times(play, np.exp(play.t_s[:, None] / 10.0 * size * np.array([0.1, -0.9, -0.5])))


def sheet(play: Play, size: float) -> None:
    """A sheet slides over the field and away again within the rise, covering a share `size` of its width."""
    reach = size * COLUMNS * np.exp(-0.5 * ((play.since_s - _onset_s(play)) / 0.5) ** 2)
    covered = np.clip(reach[:, None] - np.arange(COLUMNS), 0.0, 1.0)[:, None, :, None]
    play.light = play.light * (1.0 - covered) + covered * np.array([0.7, 0.7, 0.68])


def arm_edge(play: Play, size: float) -> None:
    """Nothing blanches; an arm's edge slides over the field and comes to rest like an exponential of `size` s."""
    play.light = play.light * 0 + play.light[:5].mean(axis=0)
    reach = COLUMNS * (0.35 + 0.3 * _after(play, 0.0, size))
    covered = np.clip(reach[:, None] - np.arange(COLUMNS), 0.0, 1.0)[:, None, :, None]
    skin = np.exp(0.02 * play.rng.standard_normal((ROWS, 1, 1)))
    play.light = play.light * (1.0 - covered * (1.0 - skin * np.array([0.75, 0.6, 0.55])))
    play.truths_s = ()


def no_blood_returns(play: Play, size: float) -> None:
    """Blood does not come back: no more than a part `size` of it within the window."""
    play.settled = play.emptied + size * (1.0 - play.emptied)
    play.truths_s = ()
    play.crt_s = 25.0
    play.post_s = 12.0


def second_touch(play: Play, size: float) -> None:
    """Something touches the skin in the rise: a share `size` of what is there is pressed out, and comes again."""
    onset, length = _onset_s(play), float(play.rng.uniform(0.15, 0.5))
    shape = np.clip((play.since_s - onset) / 0.1, 0.0, 1.0)
    again = np.exp(-np.maximum(play.since_s - onset - length, 0.0) / (play.crt_s / 2.3))
    fall = size * (shape * again)[:, None, None] * play.depth
    play.clean = play.clean * (1.0 - fall)
    play.volume = play.volume * (1.0 - fall)
    first = play.truths_s or ()
    play.truths_s = None
    released = onset + length
    last = _last_crossing(play)
    play.truths_s = (*first, last, last - released)


def _last_crossing(play: Play) -> float:
    mean = play.clean[:, play.middle].mean(axis=1)
    under = np.flatnonzero((mean - play.emptied) < 0.9 * (mean[-1] - play.emptied))
    return float(play.since_s[under[-1]])


def swelling(play: Play, size: float) -> None:
    """After the release the finger fills beyond its level, slowly and for good: by `size` of the blood in 10 s."""
    play.volume = play.volume + size * np.clip(play.since_s / 10.0, 0.0, None)[:, None, None] * np.ones((ROWS, COLUMNS))


def wiped_wet(play: Play, size: float) -> None:
    """The skin is wiped wet in the rise: the white veil on it goes by `size` of the light, in two steps."""
    step = 0.6 * (play.since_s > _onset_s(play)) + 0.4 * (play.since_s > 1.2 * play.crt_s)
    play.light = play.light + size * (1.0 - step)[:, None, None, None] * np.array([1.0, 1.0, 1.0])


def glare_moves(play: Play, size: float) -> None:
    """A reflex of two cells wanders through the field, `size` of white bright."""
    rows, columns = np.mgrid[0:ROWS, 0:COLUMNS]
    across = COLUMNS * (0.2 + 0.6 * _after(play, 0.0, 2.0))[:, None, None]
    spot = np.exp(-0.5 * (((columns - across) / 1.5) ** 2 + ((rows - ROWS / 2) / 1.5) ** 2))
    play.light = play.light + size * spot[..., None]


def half_off(play: Play, size: float) -> None:
    """A share `size` of the field shows no skin but a grey cushion, which brightens a little as the probe leaves."""
    cut = int(size * COLUMNS)
    lifted = (0.04 * _after(play, 0.0, 0.2))[:, None, None, None]
    play.light[:, :, :cut] = np.array([0.4, 0.4, 0.38]) * (1.0 + lifted)


def ring(play: Play, size: float) -> None:
    """A ring or hair across the blanched field slides by `size` cells within the rise."""
    place = COLUMNS / 2 - size / 2 + size * _after(play, 0.0, play.crt_s / 2.0)
    near = np.clip(1.0 - np.abs(np.arange(COLUMNS) - place[:, None]), 0.0, 1.0)[:, None, :, None]
    play.light = play.light * (1.0 - 0.7 * near) + 0.7 * near * np.array([0.5, 0.42, 0.2])


def slid(play: Play, size: float) -> None:
    """The finger slides by `size` cells in the rise, and the motion sensor sees only a part of it."""
    way = size * np.clip((play.since_s - _onset_s(play)) / 0.3, 0.0, 1.0)
    columns = np.arange(COLUMNS, dtype=float)
    for index in np.flatnonzero(way):
        for row in range(ROWS):
            for colour in range(3):
                line = play.light[index, row, :, colour]
                play.light[index, row, :, colour] = np.interp(columns - way[index], columns, line)
    play.shift_px = play.shift_px + np.stack([20.0 * way * play.rng.uniform(0.1, 1.0), 0 * way], axis=1)


def dark(play: Play, size: float) -> None:
    """The lamp gives a share `size` of its light."""
    play.light = play.light * size


def bright(play: Play, size: float) -> None:
    """Exposure is `size` times what it should be: red clips."""
    play.gain = play.gain * size
    play.light = np.minimum(play.light, 1.0 / size)


def no_blanch(play: Play, size: float) -> None:
    """The press takes out no more than a share `size` of the blood."""
    play.emptied = 1.0 - size


LIGHT: Final = ("light_changed", "camera_settings_moved", "flicker", "not_a_refill")
CAMERA: Final = ("camera_settings_moved", "light_changed", "not_a_refill")
MOVED: Final = ("moved", "not_a_refill", "light_changed")
SETTLE: Final = ("not_settled", "baseline_drift", "light_changed", "too_uncertain", "not_a_refill")

SEEN: Final = (
    Kind("auto exposure", "share of the change taken out", "light", auto_exposure, (0.3, 0.7, 1.0), CAMERA),
    Kind("auto white balance", "share of the change taken out", "light", auto_white, (0.1, 0.3, 0.6, 1.0), CAMERA),
    Kind("lamp warms up", "ln of green against red", "light", lamp_warm_up, (0.02, 0.05, 0.15), (*LIGHT, *SETTLE)),
    Kind("passing shadow", "share of the light", "light", shadow, (0.05, 0.15, 0.4), LIGHT),
    Kind("sun", "share of light added", "light", sun, (0.05, 0.2, 0.5), (*LIGHT, *SETTLE)),
    Kind("flicker as a slow wave", "share of the light", "light", alias, (0.02, 0.06, 0.2), (*LIGHT, *SETTLE)),
    Kind("drift", "ln in 10 s", "light", drift, (0.01, 0.03, 0.1), (*LIGHT, *SETTLE)),
    Kind("sheet", "share of the width", "light", sheet, (0.2, 0.5, 0.9), MOVED),
    Kind(
        "arm's edge",
        "tau, s",
        "light",
        arm_edge,
        (0.4, 1.0, 2.0),
        (*MOVED, "no_blanch", "no_release"),
        never_a_number=True,
        censored_fits=False,
    ),
    Kind(
        "blood stays away",
        "share that returns",
        "draw",
        no_blood_returns,
        (0.02, 0.2),
        ("not_settled", "not_a_refill", "no_release", "too_uncertain"),
        never_a_number=True,
    ),
    Kind("second touch", "share pressed out", "blood", second_touch, (0.1, 0.3, 0.8), ("second_press", "not_a_refill")),
    Kind("swelling", "of the blood in 10 s", "blood", swelling, (0.03, 0.1, 0.3), SETTLE),
    Kind("wiped wet", "of white", "light", wiped_wet, (0.01, 0.03, 0.1), (*LIGHT, "glare", "moved")),
    Kind("moving reflex", "of white", "light", glare_moves, (0.03, 0.1, 0.5), ("glare", *MOVED)),
    Kind("half off the skin", "share of the field", "light", half_off, (0.3, 0.5, 0.7), ("no_blanch", *MOVED)),
    Kind("ring slides", "cells", "light", ring, (0.5, 2.0, 4.0), MOVED),
    Kind("finger slides", "cells", "light", slid, (0.3, 1.0, 3.0), MOVED),
    Kind("dark", "share of the light", "light", dark, (0.3, 0.02), ("too_dark", "too_uncertain")),
    Kind("too bright", "times the exposure", "light", bright, (1.5, 2.5), ("saturated",)),
    Kind(
        "no blanch",
        "share pressed out",
        "draw",
        no_blanch,
        (0.01, 0.05, 0.15),
        ("no_blanch", "too_uncertain", "no_release"),
    ),
)
