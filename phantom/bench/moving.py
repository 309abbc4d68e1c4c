"""What the camera sees of targets that change: the soft pad under a press, and the screen that recovers.

What does not change is drawn once: a frame is a mixture of a few pictures in linear light, before noise and tone curve.
"""

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from calibration.camera_target import pad_dots
from calibration.recovery_target import TEXTURE, light_at, refilled_share
from calibration.rig import Target
from firmware_config.camera import CameraLock
from phantom.bench.picture_errors import PictureErrors
from phantom.bench.pictures import PAPER, Floats, Frame, View, inked
from phantom.bench.timing_errors import TimingErrors
from phantom.streams import stream

Times = NDArray[np.int64]
TrueKpa = Callable[[Times], Floats]
"""True pressure at instants of the true clock."""

PAD_KPA: Final = 40.0
PAD_STIFFENS_KPA: Final = 35.0
PAD_SPREADS: Final = np.linspace(0.0, 1.2, 7)
"""Drawn, and mixed in between: so close that a mixture looks like dots that moved."""
CREEP_S: Final = 0.6
WITHIN_EXPOSURE: Final = np.array([0.1, 0.3, 0.5, 0.7, 0.9])
BLOCK_MM: Final = 1.2
BLOCKS: Final = (22, 17)


class PadScene:
    """The pad of one device; `frame` for every value of `spreads`, in order."""

    def __init__(self, pictures: PictureErrors, timing: TimingErrors, width: int = 128, height: int = 96) -> None:
        self._timing = timing
        grown = [1.0 + timing.pad_spread * spread for spread in PAD_SPREADS]
        views = [_Drawn(inked(pad_dots() * size), pictures, width, height) for size in grown]
        self._drawn = views[0]
        self._lights = [view.light for view in views]

    def spreads(self, true_kpa: TrueKpa, true_ns: Times, exposure_us: float) -> Floats:
        """Return the spread of the dots that frames show, of that at 40 kPa; shape (n,), mean over each exposure."""
        grid_ns = np.arange(true_ns[0] - 500_000_000, true_ns[-1] + 100_000_000, 1_000_000, dtype=np.int64)
        kpa = np.maximum(true_kpa(grid_ns), 0.0)
        at_once = -np.expm1(-kpa / PAD_STIFFENS_KPA) / -np.expm1(-PAD_KPA / PAD_STIFFENS_KPA)
        slow = _behind(at_once, 1e3 * CREEP_S)
        share = self._timing.pad_creep
        spread = _behind((1.0 - share) * at_once + share * slow, self._timing.pad_lag_ms)
        instants = true_ns[:, None] + 1e3 * exposure_us * WITHIN_EXPOSURE
        return np.asarray(np.interp(instants, grid_ns, spread).mean(axis=1))

    def frame(self, spread: float, lock: CameraLock, light_level: float, rng: np.random.Generator) -> Frame:
        """Return one frame at a spread, as `phantom.bench.pictures.render` does."""
        place = int(np.clip(np.searchsorted(PAD_SPREADS, spread) - 1, 0, len(PAD_SPREADS) - 2))
        share = np.float32((spread - PAD_SPREADS[place]) / (PAD_SPREADS[place + 1] - PAD_SPREADS[place]))
        one, next_ = self._lights[place], self._lights[place + 1]
        return self._drawn.seen(one + share * (next_ - one), lock, light_level, rng)


class RecoveryScene:
    """The screen under the plate of one device; `frame` for every row of `lights`, in order."""

    def __init__(self, pictures: PictureErrors, timing: TimingErrors, width: int = 48, height: int = 36) -> None:
        self._timing = timing
        self._drawn = _Drawn(_screen(np.zeros(3), timing), pictures, width, height)
        self._dark = self._drawn.light
        primaries = [_Drawn(_screen(colour, timing), pictures, width, height).light for colour in np.eye(3)]
        self._primaries = [light - self._dark for light in primaries]

    def lights(self, true_ns: Times, exposure_us: float) -> Floats:
        """Return the linear R, G, B that the screen shows, of its white; shape (n, 3), mean over each exposure.

        It is drawn anew once a period, from its page's own clock.
        """
        timing = self._timing
        instants_s = (true_ns[:, None] + 1e3 * exposure_us * WITHIN_EXPOSURE) / 1e9
        refresh = np.floor(instants_s * timing.screen_hz - timing.screen_phase) + timing.screen_phase
        share, flash = refilled_share((refresh / timing.screen_hz + timing.screen_page_s).ravel())
        light = light_at(share)
        light[flash] = 1.0
        # Codes are those of sRGB's curve, which is about a power of 2.2; the screen has its own.
        shown = light ** (timing.screen_gamma / 2.2)
        return np.asarray(shown.reshape(*instants_s.shape, 3).mean(axis=1))

    def frame(self, light: Floats, lock: CameraLock, light_level: float, rng: np.random.Generator) -> Frame:
        """Return one frame of a colour, shape (3,); `light_level` is of the own light, which the plate reflects."""
        seen = self._dark * np.float32(light_level)
        for level, primary in zip(light, self._primaries, strict=True):
            seen += np.float32(level) * primary
        return self._drawn.seen(seen, lock, 1.0, rng)


class _Drawn(View):
    """A view of given shapes, whose light may be another one from frame to frame."""

    def __init__(self, shapes: list[tuple[Floats, Floats]], errors: PictureErrors, width: int, height: int) -> None:
        self._shapes = shapes
        super().__init__(Target.PAD, errors, width, height)

    @property
    def light(self) -> NDArray[np.float32]:
        """Its light on the sensor, of white's; shape (height, width, 3)."""
        return self._light

    def seen(self, light: NDArray[np.float32], lock: CameraLock, light_level: float, rng: np.random.Generator) -> Frame:
        """Return a frame of some light."""
        self._light = light
        return self.frame(lock, light_level, rng)

    def _shapes_on(self, target: Target) -> list[tuple[Floats, Floats]]:  # noqa: ARG002 - a view's words
        return self._shapes


def _behind(values: Floats, ms: float) -> Floats:
    """Return values in steps of 1 ms as they follow at first order, that many ms behind."""
    if ms <= 0.0:
        return values
    keep, found, level = float(np.exp(-1.0 / ms)), np.empty_like(values), float(values[0])
    for place, value in enumerate(values.tolist()):
        level = keep * level + (1.0 - keep) * value
        found[place] = level
    return found


def _screen(colour: Floats, timing: TimingErrors) -> list[tuple[Floats, Floats]]:
    """Return the page's texture in one colour: blocks of different light, over more than the picture."""
    chance = stream(timing.seed, "bench screen")
    columns, rows = BLOCKS
    half = 0.5 * BLOCK_MM * np.array([(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)])
    shapes = []
    for row in range(rows):
        for column in range(columns):
            middle = BLOCK_MM * np.array([column - 0.5 * (columns - 1), row - 0.5 * (rows - 1)])
            level = PAPER * timing.screen_light * (1.0 - chance.uniform(0.0, TEXTURE))
            shapes.append((middle + half, level * colour))
    return shapes
