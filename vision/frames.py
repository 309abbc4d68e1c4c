"""How a camera lays out its frames, as data: BGR, planes of luma and chroma, or the sensor's own mosaic.

A layout says what the numbers of a frame mean; the rooms beside this one (`bgr_light`, `yuv_light`, `bayer_light`) turn
them into linear light. No picture is kept here or there longer than until the next one comes.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8] | NDArray[np.uint16]


class FrameError(ValueError):
    """A frame is not what its layout says: another shape or another type of number."""


@dataclass(frozen=True)
class Bgr:
    """Shape (height, width, 3), uint8, order B, G, R, encoded with the sRGB curve (IEC 61966-2-1)."""


@dataclass(frozen=True)
class YuvCoding:
    """How luma and chroma were made from encoded R, G, B: weights of red and blue in luma, and the range of codes.

    Full range: luma 0 to 255, chroma 128 ± 127.5 (JFIF). Limited range: luma 16 to 235, chroma 128 ± 112 (ITU-R BT.601,
    BT.709). Either way the R, G, B behind them are taken as encoded with the sRGB curve.
    """

    red_weight: float
    blue_weight: float
    full_range: bool


BT601_FULL = YuvCoding(0.299, 0.114, full_range=True)
"""JPEG, and libcamera's colour space "sYCC"."""
BT601_LIMITED = YuvCoding(0.299, 0.114, full_range=False)
"""Standard-definition video; libcamera's "Smpte170m"."""
BT709_LIMITED = YuvCoding(0.2126, 0.0722, full_range=False)
"""High-definition video; libcamera's "Rec709"."""


@dataclass(frozen=True)
class Yuv:
    """Shape (height * 3/2, width), uint8: full-size luma, then chroma of half the width and height.

    "i420": the U plane, then the V plane. "nv12": one plane with U and V in turn. Width and height are even.
    """

    planes: Literal["i420", "nv12"]
    coding: YuvCoding = BT601_FULL


@dataclass(frozen=True)
class Bayer:
    """Shape (height, width), uint8 or uint16: one colour a pixel, linear light, no tone curve. Even width and height.

    `pattern` names the colours of rows 0 and 1, columns 0 and 1. `black` is the value without light, `white` the one
    from which the sensor is full. Raises ValueError where these do not lie in this order.
    """

    pattern: Literal["RGGB", "BGGR", "GRBG", "GBRG"]
    black: int
    white: int
    bytes_per_pixel: Literal[1, 2] = 2

    def __post_init__(self) -> None:
        """Refuse levels that are none."""
        if not 0 <= self.black < self.white < 256**self.bytes_per_pixel:
            raise ValueError(f"black {self.black} and white {self.white} are no levels of this sensor")


Layout = Bgr | Yuv | Bayer
BGR = Bgr()
"""What OpenCV reads from a file and the Pi's camera delivers as RGB888."""


def step_of(layout: Layout) -> int:
    """Return the side, in px, of the smallest square that holds every colour: regions start and end on multiples."""
    return 1 if isinstance(layout, Bgr) else 2


def check(frame: Pixels, layout: Layout, width: int, height: int) -> None:
    """Raise `FrameError` where a frame is not of the shape and type of its layout."""
    shape: tuple[int, ...] = (height, width)
    if isinstance(layout, Bgr):
        shape = (height, width, 3)
    elif isinstance(layout, Yuv):
        shape = (height * 3 // 2, width)
    wide = isinstance(layout, Bayer) and layout.bytes_per_pixel == 2
    wanted = np.dtype(np.uint16 if wide else np.uint8)
    if frame.shape != shape or frame.dtype != wanted:
        raise FrameError(f"The camera gave a frame of {frame.dtype} {frame.shape}, not {wanted} {shape}: {layout}.")


COMPARED_ROWS: int = 8


class Held:
    """The region of the latest frame, copied: the camera may use its buffer again while it is still compared with.

    `buffer` (rows, values) is even in width, so that two bytes can be read as one number; `values` is what was given.
    """

    def __init__(self, rows: int, values: int, wide: bool = False) -> None:
        # The value that pads is neither dark nor clipped, so that it is no extreme.
        self.buffer: NDArray[Any] = np.full((rows, values + values % 2), 128, np.uint16 if wide else np.uint8)
        self.values: NDArray[Any] = self.buffer[:, :values]
        self._filled = False

    def renew(self, region: NDArray[Any]) -> bool:
        """Take over a region (rows, values); return whether it is the same as the one before, to the bit."""
        same = self._filled and self._same(region)
        np.copyto(self.values, region)
        self._filled = True
        return same

    def _same(self, region: NDArray[Any]) -> bool:
        """Compare a few rows at a time: noise tells two frames apart in the first of them."""
        return all(
            np.array_equal(self.values[row : row + COMPARED_ROWS], region[row : row + COMPARED_ROWS])
            for row in range(0, len(region), COMPARED_ROWS)
        )
