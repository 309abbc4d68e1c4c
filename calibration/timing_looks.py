"""What the steps of timing keep of a frame: cheap enough to be done at the camera's rate on a Pi."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from calibration.camera_frames import Floats
from vision.frames import Bayer, Bgr, Layout, Pixels
from vision.tone import LINEAR_TABLE

WIDEST_PX: Final = 320
"""Of what is looked at: every so many pixels are taken."""
DARKER_THAN: Final = 0.5
"""Of white: the plate's rim and shadows are not."""


def light_seen(frame: Pixels, layout: Layout) -> Floats:
    """Return the mean linear light of a frame; shape (1,)."""
    return np.array([float(_grey(frame, layout).mean(dtype=np.float64))])


@dataclass(frozen=True)
class Dots:
    """What `dots_seen` saw in n frames: share of the picture that is dark, and the dots' spread in px; shape (n,)."""

    share: Floats
    spread_px: Floats

    @classmethod
    def of(cls, seen: Floats) -> "Dots":
        """Return it from a film's `seen`, shape (n, 2)."""
        return cls(seen[:, 0], seen[:, 1])


def dots_seen(frame: Pixels, layout: Layout) -> Floats:
    """Return how much is dark, and how far it lies from its own middle, root mean square in px; shape (2,).

    Darkness below half of white does not count, so that neither the plate's rim nor a shadow moves the spread.
    """
    grey = _grey(frame, layout)
    white = float(np.percentile(grey[::4, ::4], 75))
    dark = np.maximum(DARKER_THAN - grey / np.float32(max(white, 1e-4)), 0.0)
    across, down = dark.sum(axis=0, dtype=np.float64), dark.sum(axis=1, dtype=np.float64)
    total = float(across.sum())
    if total <= 0.0:
        return np.zeros(2)
    variance = sum(_variance(part / total) for part in (across, down))
    return np.array([total / (DARKER_THAN * dark.size), float(np.sqrt(variance))])


def _variance(weight: Floats) -> float:
    place = np.arange(len(weight), dtype=float)
    middle = float(weight @ place)
    return float(weight @ (place - middle) ** 2)


def _grey(frame: Pixels, layout: Layout) -> NDArray[np.float32]:
    """Return one plane of linear light, 0 to 1: green, or luma in its place."""
    if isinstance(layout, Bayer):
        first = layout.pattern.index("G")
        plane = frame[first // 2 :: 2, first % 2 :: 2]
    elif isinstance(layout, Bgr):
        plane = frame[:, :, 1]
    else:
        plane = frame[: frame.shape[0] * 2 // 3]
    step = max(1, plane.shape[1] // WIDEST_PX)
    plane = plane[::step, ::step]
    if isinstance(layout, Bayer):
        return ((plane.astype(np.float32) - layout.black) / (layout.white - layout.black)).astype(np.float32)
    return np.asarray(LINEAR_TABLE[plane], dtype=np.float32)
