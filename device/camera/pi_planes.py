"""Camera buffers to frames: one copy, without the padding at the end of their rows."""

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from device.ports import CameraError
from firmware_config.sensors import Sensor
from vision.frames import BT601_FULL, BT601_LIMITED, BT709_LIMITED, Bayer, Layout, Pixels, Yuv, YuvCoding

FORMATS: dict[str, str] = {"yuv420": "YUV420", "nv12": "NV12", "bgr": "RGB888"}
"""picamera2's names of our forms; its RGB888 is bytes in the order B, G, R."""
CODINGS: dict[tuple[str, str], YuvCoding] = {
    ("Rec601", "Full"): BT601_FULL,
    ("Rec601", "Limited"): BT601_LIMITED,
    ("Rec709", "Limited"): BT709_LIMITED,
}
"""libcamera's encoding and range."""
RAW_FORMAT = re.compile(r"S(RGGB|BGGR|GRBG|GBRG)(10|12|14|16)")
"""Unpacked mosaics; what ends in _CSI2P or names another compression is not read."""
BLACK_LEVEL_BITS: int = 16
"""libcamera tells black levels as if every sensor had so many bits."""


def yuv_layout(form: str, colour_space: Any) -> Yuv:
    """Return the layout of planes in the colour space that the camera says it delivers; raises `CameraError`."""
    encoding, span = _name(colour_space, "ycbcrEncoding"), _name(colour_space, "range")
    coding = CODINGS.get((encoding, span))
    if coding is None:
        raise CameraError(f"The camera delivers planes of a colour space that is not known here: {encoding}, {span}.")
    return Yuv("i420" if form == "yuv420" else "nv12", coding)


def _name(colour_space: Any, attribute: str) -> str:
    value = getattr(colour_space, attribute, None)
    return str(getattr(value, "name", value))


def bayer_layout(given: str, black_levels: Any, sensor: Sensor, bit_depth: int) -> Bayer:
    """Return the layout of a raw stream: its order from the format's name, its black from a frame's metadata.

    A stream of more bits than the sensor has is filled from above. Raises `CameraError` where the mosaic is packed.
    """
    match = RAW_FORMAT.fullmatch(given)
    if match is None:
        raise CameraError(f"The camera delivers raw frames as {given}, which are not read here.")
    bits, levels = int(match.group(2)), black_levels or (sensor.black_level,)
    black = round(sum(levels) / len(levels) / 2 ** (BLACK_LEVEL_BITS - bits))
    white = (2**bit_depth - 1) * 2 ** max(0, bits - bit_depth)
    order: Any = match.group(1)
    return Bayer(order, black=black, white=white, bytes_per_pixel=2)


def copy_frame(buffer: NDArray[np.uint8], layout: Layout, width: int, height: int, stride: int) -> Pixels:
    """Return a frame of `layout` from a flat buffer whose rows are `stride` bytes apart.

    Chroma planes of I420 have rows of half the stride. Raises `CameraError` where the buffer is too short.
    """
    if isinstance(layout, Yuv):
        return _planes(buffer, layout, width, height, stride)
    row_bytes = 2 * width if isinstance(layout, Bayer) else 3 * width
    rows = np.array(_rows(buffer, 0, height, stride, row_bytes), order="C")
    return rows.view("<u2") if isinstance(layout, Bayer) else rows.reshape(height, width, 3)


def _planes(buffer: NDArray[np.uint8], layout: Yuv, width: int, height: int, stride: int) -> Pixels:
    frame = np.empty((height * 3 // 2, width), np.uint8)
    frame[:height] = _rows(buffer, 0, height, stride, width)
    start = height * stride
    if layout.planes == "nv12":
        frame[height:] = _rows(buffer, start, height // 2, stride, width)
        return frame
    chroma = frame[height:].reshape(2, height // 2, width // 2)
    for plane in range(2):
        at = start + plane * (height // 2) * (stride // 2)
        chroma[plane] = _rows(buffer, at, height // 2, stride // 2, width // 2)
    return frame


def _rows(buffer: NDArray[np.uint8], start: int, rows: int, stride: int, row_bytes: int) -> NDArray[np.uint8]:
    """Return a view of `rows` rows; the last one need not be padded."""
    if row_bytes > stride or start + (rows - 1) * stride + row_bytes > buffer.size:
        raise CameraError(f"The camera gave {buffer.size} bytes for rows of {row_bytes} every {stride}.")
    return np.lib.stride_tricks.as_strided(buffer[start:], (rows, row_bytes), (stride, 1), writeable=False)
