"""One press of the outsider generator, played stage by stage into the cells that the product keeps of a film.

A stage fills the fields of `Play`; between two stages a kind (benchmarks/outsider_healthy.py, outsider_faults.py) may
change what it finds there. Stages in order: "draw" (the numbers of this press), "blood" (volume and oxygen in every
cell), "light" (lamp, shadows, what lies before the skin), "camera" (gains, tone, smoothing), "stamps" (which frames
arrive and at which times) and "probe" (what the pressure sensor says).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.outsider_skin import Curve, Floats, Optics, Refill, stretched, weibull
from vision.grid import GridRecording
from vision.pressure import PressureTrace

ROWS: Final = 12
COLUMNS: Final = 16
CELL_PX: Final = 20
TONES: Final = ("I", "II", "III", "IV", "V", "VI")


@dataclass
class Play:
    """What is being played. Times in s on the true clock; light linear; volumes in shares of the unpressed skin's.

    `volume` and `oxygen` are (frames, ROWS, COLUMNS), `light` (frames, ROWS, COLUMNS, 3) linear, `gain` (frames, 3),
    `shift_px` (frames, 2) what the hand moved and the camera saw. `kept` are the frames that arrive, in order and with
    repetitions, `stamp_s` the times that these are given. `truths_s` are the 90 % times that a number may be near to;
    none where nothing refills.
    """

    rng: np.random.Generator
    tone: str
    fps: float
    crt_s: float
    curve: Curve = field(default_factory=lambda: weibull(1.0))
    pre_s: float = 3.0
    ramp_s: float = 0.3
    hold_s: float = 5.0
    fall_s: float = 0.05
    tail_share: float = 0.0
    tail_s: float = 1.0
    kpa: float = 40.0
    post_s: float = 10.0
    emptied: float = 0.15
    settled: float = 1.0
    blood_share: float = 0.006
    saturation: float = 0.75
    path_spread: float = 1.0
    veil: tuple[float, float, float] = (0.004, 0.004, 0.004)
    pulse: float = 0.03
    pulse_hz: float = 1.3
    irregular: float = 0.02
    breath: float = 0.006
    mayer: float = 0.008
    noise: float = 1.0
    hand_px: float = 0.3
    wide: bool = False
    lag_s: Floats = field(default_factory=lambda: np.zeros((ROWS, COLUMNS)))
    t_s: Floats = field(default_factory=lambda: np.zeros(0))
    depth: Floats = field(default_factory=lambda: np.zeros((ROWS, COLUMNS)))
    clean: Floats = field(default_factory=lambda: np.zeros(0))
    volume: Floats = field(default_factory=lambda: np.zeros(0))
    oxygen: Floats = field(default_factory=lambda: np.zeros(0))
    light: Floats = field(default_factory=lambda: np.zeros(0))
    gain: Floats = field(default_factory=lambda: np.zeros(0))
    shift_px: Floats = field(default_factory=lambda: np.zeros(0))
    stamp_s: Floats = field(default_factory=lambda: np.zeros(0))
    kept: NDArray[np.intp] = field(default_factory=lambda: np.zeros(0, dtype=np.intp))
    probe_s: Floats = field(default_factory=lambda: np.zeros(0))
    probe_kpa: Floats = field(default_factory=lambda: np.zeros(0))
    truths_s: tuple[float, ...] | None = None

    @property
    def zero_s(self) -> float:
        """Time zero by its definition: the pressure falls through half of the hold."""
        return self.pre_s + self.ramp_s + self.hold_s + (0.5 - self.tail_share) / (1.0 - self.tail_share) * self.fall_s

    @property
    def since_s(self) -> Floats:
        """Seconds since time zero of every frame."""
        return self.t_s - self.zero_s

    @property
    def middle(self) -> NDArray[np.bool_]:
        """The cells that blanch by more than half, (ROWS, COLUMNS)."""
        return self.depth > 0.5


Act = Callable[[Play, float], None]
STAGES: Final = ("draw", "blood", "light", "camera", "stamps", "probe")


def draw(rng: np.random.Generator, number: int) -> Play:
    """Return a press with its numbers drawn; tones and frame rates take turns."""
    return Play(
        rng=rng,
        tone=TONES[number % len(TONES)],
        fps=(24.0, 30.0, 30.0, 60.0)[number // 2 % 4],
        crt_s=float(np.exp(rng.uniform(np.log(0.8), np.log(5.0)))),
        pre_s=float(rng.uniform(2.5, 4.0)),
        hold_s=float(rng.choice([4.0, 6.0, 10.0])),
        fall_s=float(rng.uniform(0.03, 0.10)),
        emptied=float(rng.uniform(0.05, 0.3)),
        settled=float(rng.uniform(0.94, 1.08)),
        blood_share=float(np.exp(rng.uniform(np.log(0.002), np.log(0.012)))),
        saturation=float(rng.uniform(0.6, 0.9)),
        path_spread=float(rng.uniform(0.75, 1.2)),
        pulse=float(rng.uniform(0.0, 0.08)),
        pulse_hz=float(rng.uniform(0.9, 2.0)),
        irregular=float(rng.uniform(0.01, 0.05)),
        breath=float(rng.uniform(0.0, 0.01)),
        mayer=float(rng.uniform(0.0, 0.012)),
        noise=float(rng.uniform(0.5, 1.5)),
        hand_px=float(rng.uniform(0.1, 0.7)),
        wide=bool(rng.uniform() < 0.3),
    )


def pressure_share(play: Play, t_s: Floats) -> Floats:
    """Return the pressure as a share of the hold at times (n,): rise, hold, a straight fall, and a tail if any."""
    down_s = play.pre_s + play.ramp_s + play.hold_s
    rise = np.clip((t_s - play.pre_s) / play.ramp_s, 0.0, 1.0)
    fall = np.clip((t_s - down_s) / play.fall_s, 0.0, 1.0)
    tail = play.tail_share * np.exp(-np.maximum(t_s - down_s - play.fall_s, 0.0) / play.tail_s)
    return np.where(t_s < down_s, rise, np.where(fall < 1.0, 1.0 - (1.0 - play.tail_share) * fall, tail))


CLOSED_SHARE: Final = 0.3
"""Blood may come back once the pressure is below this share of the hold."""


def flow(play: Play) -> None:
    """Stage "blood": volume and oxygen of every cell, with pulse, breathing and vasomotion."""
    window_s = min(max(10.0, 3.5 * play.crt_s), 30.0) if play.post_s <= 10.0 else play.post_s
    end_s = play.zero_s + window_s
    play.t_s = np.arange(0.0, end_s, 1.0 / play.fps) + play.rng.uniform(0.0, 1.0 / play.fps)
    rows, columns = np.mgrid[0:ROWS, 0:COLUMNS] + 0.5
    x, y = COLUMNS * play.rng.uniform(0.45, 0.55), ROWS * play.rng.uniform(0.45, 0.55)
    radius = np.hypot(rows - y, columns - x)
    reach = 30.0 if play.wide else play.rng.uniform(3.2, 4.6)
    play.depth = np.asarray(1.0 / (1.0 + np.exp((radius - reach) / 0.5)))
    clean = _clean(play, stretched(play.curve, play.crt_s))
    living = _living(play)[:, None, None]
    recovered = np.clip((clean - play.emptied) / (1.0 - play.emptied), 0.0, 1.0)
    play.clean = clean
    play.volume = clean + living * recovered
    play.oxygen = np.full_like(clean, play.saturation)
    if play.truths_s is None:
        play.truths_s = truths(play)


def _clean(play: Play, refill: Refill) -> Floats:
    """Return the volume (frames, ROWS, COLUMNS) without pulse: pressed out within the ramp, back along the curve."""
    fine_s = np.arange(play.pre_s, play.t_s[-1] + 0.01, 0.002)
    after = fine_s[pressure_share(play, fine_s) > CLOSED_SHARE]
    opens_s = float(after[-1])
    pressed = np.clip((play.t_s - play.pre_s - 0.2 * play.ramp_s) / play.ramp_s, 0.0, 1.0)
    pressed = pressed**2 * (3.0 - 2.0 * pressed)
    before = 1.0 - (1.0 - play.emptied) * pressed
    since = play.t_s[:, None, None] - opens_s - play.lag_s
    back = play.emptied + (play.settled - play.emptied) * refill.at(np.maximum(since, 0.0))
    inside = np.where(since >= 0, back, before[:, None, None])
    return np.asarray(1.0 + (inside - 1.0) * play.depth)


def _living(play: Play) -> Floats:
    """Return pulse, breathing and a slow wave (frames,), in shares of the unpressed volume."""
    rng, t = play.rng, play.t_s
    beats = np.cumsum(np.maximum(1.0 + play.irregular * rng.standard_normal(400), 0.35)) / play.pulse_hz - 2.0
    last = np.searchsorted(beats, t) - 1
    phase = (t - beats[last]) / (beats[last + 1] - beats[last])
    wave = np.minimum(phase / 0.25, 1.0) * np.exp(-2.5 * np.maximum(phase - 0.25, 0.0))
    breath = play.breath * np.sin(2 * np.pi * (rng.uniform(0.2, 0.33) * t + rng.uniform()))
    slow = sum(
        weight * np.sin(2 * np.pi * (hertz * t + rng.uniform()))
        for weight, hertz in zip((0.8, 0.6), (rng.uniform(0.05, 0.09), rng.uniform(0.09, 0.15)), strict=True)
    )
    return np.asarray(play.pulse * (wave - wave.mean()) + breath + play.mayer * slow)


def truths(play: Play) -> tuple[float, ...]:
    """Return the 90 % times of the clean volume, from time zero: of the core, the disc, and by the window's end level.

    They agree for even skin and a curve that ends in the window; where they do not, any time between is right.
    """
    core, level = play.depth > 0.9 * play.depth.max(), []
    for cells in (core, play.middle):
        mean = play.clean[:, cells].mean(axis=1)
        ends = (float(mean[-1]), 1.0 + (play.settled - 1.0) * float(play.depth[cells].mean()))
        low = float(mean[(play.since_s < 0) & (play.since_s > -1.0)].mean())
        for end in ends:
            share = (mean - low) / (end - low)
            under = np.flatnonzero((play.since_s > 0) & (share < 0.9))
            last = int(under[-1]) if len(under) else int(np.searchsorted(play.since_s, 0.0))
            if last + 1 < len(share):
                part = (0.9 - share[last]) / max(share[last + 1] - share[last], 1e-9)
                level.append(float(play.since_s[last] + np.clip(part, 0.0, 1.0) / play.fps))
            else:
                level.append(float("inf"))
    return min(level), max(level)


def shine(play: Play) -> None:
    """Stage "light": the skin under an even lamp with texture, exposed so that red lies at 0.55 before the press."""
    optics = Optics(play.tone, play.blood_share, path_spread=play.path_spread, veil=play.veil)
    light = optics.light(play.volume, play.oxygen)
    usual = optics.light(np.array(1.0), play.saturation)
    balance = np.array([0.55, 0.42, 0.34]) / usual if play.rng.uniform() < 0.5 else 0.55 / usual[0] * np.ones(3)
    rows, columns = np.mgrid[0:ROWS, 0:COLUMNS]
    vignette = 1.0 - 0.0012 * ((rows - 5.5) ** 2 + (columns - 7.5) ** 2)
    texture = np.exp(0.03 * play.rng.standard_normal((ROWS, COLUMNS)))
    play.shift_px = _hand(play)
    slope = 0.004 * play.rng.standard_normal((2, ROWS, COLUMNS))
    moved = 1.0 + np.einsum("ti,irc->trc", play.shift_px, slope)
    balance = balance / max(1.0, float((balance * optics.light(np.array(0.05), play.saturation)).max()) / 0.9)
    play.light = light * balance * (vignette * texture * moved)[..., None]
    play.gain = np.ones((len(play.t_s), 3))


def _hand(play: Play) -> Floats:
    """Return how the hand lies, px (frames, 2): a slow wander about where it was."""
    steps = play.rng.standard_normal((len(play.t_s), 2)) / np.sqrt(play.fps)
    place = np.zeros(2)
    path = np.empty_like(steps)
    for index, step in enumerate(steps):
        place = place * (1.0 - 0.5 / play.fps) + step
        path[index] = place
    return np.asarray(play.hand_px * path)


def expose(play: Play) -> None:
    """Stage "camera": gains and the noise of cells of CELL_PX x CELL_PX pixels."""
    light = play.light * play.gain[:, None, None, :]
    sigma = play.noise * np.sqrt(0.008**2 * np.maximum(light, 0.0) + 0.0015**2) / CELL_PX
    play.light = np.clip(light + sigma * play.rng.standard_normal(light.shape), 0.0, 1.0)


def stamp(play: Play) -> None:
    """Stage "stamps": every frame arrives, within half a millisecond of its time."""
    play.stamp_s = play.t_s + play.rng.normal(0.0, 0.0003, len(play.t_s))
    play.kept = np.arange(len(play.t_s))


def sense(play: Play) -> None:
    """Stage "probe": the pressure at 100 a second, with a little noise."""
    play.probe_s = np.arange(0.0, play.t_s[-1], 0.01)
    play.probe_kpa = play.kpa * pressure_share(play, play.probe_s) + play.rng.normal(0.0, 0.1, len(play.probe_s))


def play_press(number: int, rng: np.random.Generator, act: Act | None, stage: str, size: float) -> Play:
    """Return press `number` played to its end, changed by `act` after `stage`."""
    play = draw(rng, number)
    for name, fill in zip(STAGES, (None, flow, shine, expose, stamp, sense), strict=True):
        if fill is not None:
            fill(play)
        if act is not None and stage == name:
            act(play, size)
    return play


def recording(play: Play) -> tuple[GridRecording, PressureTrace]:
    """Return the press as the product's sampler would keep it, and its pressure."""
    kept = play.kept
    light = play.light[kept]
    again = np.concatenate([[False], np.diff(kept) == 0])
    pale = np.clip(1.0 - play.clean[kept].mean(axis=(1, 2)), 0.0, 1.0)
    jitter = play.rng.normal(0.0, 0.05, (len(kept), 2)) * ~again[:, None]
    return (
        GridRecording(
            time_s=play.stamp_s,
            cells=light.astype(np.float32),
            clipped=np.clip((light.max(axis=-1) - 0.97) / 0.03, 0.0, 1.0).astype(np.float32),
            dark=(light.max(axis=-1) < 0.01).astype(np.float32),
            shift_px=play.shift_px[kept] - play.shift_px[kept[0]] + jitter,
            sharpness=np.clip(0.985 - 0.15 * pale + 0.003 * play.rng.standard_normal(len(kept)), 0.0, 1.0),
            repeated=again,
            cell_px=CELL_PX,
        ),
        PressureTrace(play.probe_s, play.probe_kpa),
    )
