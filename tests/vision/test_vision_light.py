"""Linear means are those of linearised pixels, in every layout, and how far off they may be."""

import numpy as np
import pytest
from numpy.typing import NDArray
from vision_frames_bench import (
    PLACES,
    block_means,
    encoded_of_yuv,
    linear_of_bgr,
    skin,
    to_bayer,
    to_yuv,
)

from vision.bgr_light import FULL, PAIRS, WHOLE, RegionMean
from vision.frames import BGR, BT601_FULL, BT601_LIMITED, BT709_LIMITED, Bayer, FrameError, Layout, Yuv, YuvCoding
from vision.grid import GridRecording, GridSampler, RegionError
from vision.tone import CLIPPED_AT, LINEAR_TABLE, srgb_to_linear

Pixels = NDArray[np.uint8] | NDArray[np.uint16]
CODINGS = {"601 full": BT601_FULL, "601 limited": BT601_LIMITED, "709 limited": BT709_LIMITED}
ORDERS = ("RGGB", "BGGR", "GRBG", "GBRG")
TABLE_STEP = 1 / FULL


def _taken(layout: Layout, *frames: Pixels, roi: tuple[int, int, int, int] | None = None) -> GridRecording:
    height, width = frames[0].shape[:2]
    sampler = GridSampler(width, height * 2 // 3 if isinstance(layout, Yuv) else height, roi, layout)
    for index, frame in enumerate(frames):
        sampler.add(frame, 0.04 * index)
    return sampler.finish()


# --- BGR -------------------------------------------------------------------------------------------------------------


def test_the_pair_table_is_the_curve_for_both_bytes() -> None:
    bytes_of = np.arange(65536, dtype=np.uint16).view(np.uint8).reshape(-1, 2)
    assert np.array_equal(PAIRS.view(np.float32).reshape(-1, 2), LINEAR_TABLE[bytes_of])


def test_whole_numbers_make_up_for_each_others_rounding() -> None:
    truth = FULL * srgb_to_linear(np.arange(256.0))
    error = WHOLE.astype(np.float64) - truth
    assert np.abs(error).max() <= 1.0
    assert np.abs(np.cumsum(error.mean(axis=0))).max() <= 0.5
    assert WHOLE.max() == FULL
    assert WHOLE[:, 0].max() == 0
    assert (np.diff(WHOLE.sum(axis=0)) > 0).all()


@pytest.mark.slow
@pytest.mark.parametrize(("level", "tolerance"), [(1.0, 1e-5), (0.7, 1e-5), (0.45, 2e-5), (0.25, 5e-5)])
@pytest.mark.parametrize("roi", [(240, 160, 160, 160), (100, 50, 60, 44), (201, 81, 120, 90)])
def test_the_mean_of_a_region_of_skin_is_that_of_its_linearised_pixels(
    level: float, tolerance: float, roi: tuple[int, int, int, int]
) -> None:
    x, y, width, height = roi
    for seed in range(3):
        picture = skin(640, 480, seed, level)
        truth = linear_of_bgr(picture)[y : y + height, x : x + width].mean(axis=(0, 1))
        assert RegionMean(roi).of(picture) == pytest.approx(truth, rel=tolerance)


@pytest.mark.parametrize("roi", [(0, 0, 64, 48), (3, 5, 40, 30), (2, 1, 41, 31), (1, 1, 7, 5)])
def test_contrast_and_darkness_cost_no_more_than_the_tables_rounding(roi: tuple[int, int, int, int]) -> None:
    x, y, width, height = roi
    chance = np.random.default_rng(5)
    checks = np.where(np.indices((48, 64)).sum(axis=0)[..., None] % 2 == 0, 250, 10).repeat(3, axis=2)
    for picture in (chance.integers(0, 256, (48, 64, 3)), checks, chance.integers(0, 12, (48, 64, 3)), 0 * checks):
        encoded = picture.astype(np.uint8)
        truth = linear_of_bgr(encoded)[y : y + height, x : x + width].mean(axis=(0, 1))
        assert RegionMean(roi).of(encoded) == pytest.approx(truth, abs=TABLE_STEP)


def test_a_picture_of_odd_width_is_read_byte_by_byte_with_the_same_answer() -> None:
    picture = skin(101, 60, 3)
    narrower = np.ascontiguousarray(picture[:, :100])
    for roi in ((0, 0, 40, 30), (1, 1, 40, 30)):
        assert RegionMean(roi).of(picture) == pytest.approx(RegionMean(roi).of(narrower), rel=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("level", [1.0, 0.5, 0.2, 0.05])
def test_cells_are_exact_but_for_float32_however_dark(level: float) -> None:
    picture = skin(640, 480, 2, level)
    recording = _taken(BGR, picture)
    truth = block_means(linear_of_bgr(picture), recording.cell_px)
    assert recording.cells[0] == pytest.approx(truth, rel=1e-6, abs=1e-9)
    assert recording.cells[0].mean(axis=(0, 1), dtype=np.float64) == pytest.approx(truth.mean(axis=(0, 1)), rel=3e-7)


# --- planes of luma and chroma ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("coding", CODINGS.values(), ids=CODINGS)
@pytest.mark.parametrize("planes", ["i420", "nv12"])
def test_cells_of_planes_are_means_of_linearised_pixels(planes: str, coding: YuvCoding) -> None:
    layout = Yuv("nv12" if planes == "nv12" else "i420", coding)
    frame = to_yuv(skin(320, 240, 4), layout)
    recording = _taken(layout, frame)
    truth = block_means(srgb_to_linear(encoded_of_yuv(frame, layout)), recording.cell_px)
    assert recording.cells[0] == pytest.approx(truth, rel=1e-4)
    assert recording.cells[0].mean(axis=(0, 1)) == pytest.approx(truth.mean(axis=(0, 1)), rel=4e-5)


@pytest.mark.parametrize("coding", CODINGS.values(), ids=CODINGS)
@pytest.mark.parametrize("planes", ["i420", "nv12"])
def test_planes_of_any_numbers_clip_like_a_decoder(planes: str, coding: YuvCoding) -> None:
    layout = Yuv("nv12" if planes == "nv12" else "i420", coding)
    frame = np.random.default_rng(6).integers(0, 256, (180, 160), dtype=np.uint8)
    recording = _taken(layout, frame)
    encoded = encoded_of_yuv(frame, layout)
    px = recording.cell_px
    assert recording.cells[0] == pytest.approx(block_means(srgb_to_linear(encoded), px), abs=1e-4)
    brightest = np.rint(encoded.max(axis=2, keepdims=True)).repeat(3, axis=2)
    assert recording.clipped[0] == pytest.approx(block_means(brightest >= CLIPPED_AT, px)[..., 0], abs=0.02)
    assert recording.dark[0] == pytest.approx(block_means(brightest <= 8, px)[..., 0], abs=0.02)
    assert recording.clipped.max() > 0.1


def test_planes_and_picture_tell_the_same_colour() -> None:
    picture = np.full((96, 128, 3), (70, 90, 160), np.uint8)
    truth = linear_of_bgr(picture)[0, 0]
    for coding in CODINGS.values():
        layout = Yuv("i420", coding)
        assert _taken(layout, to_yuv(picture, layout)).cells[0, 3, 3] == pytest.approx(truth, rel=0.02)


def test_a_dark_and_a_bright_corner_of_planes_are_found() -> None:
    layout = Yuv("nv12", BT601_FULL)
    picture = np.full((96, 128, 3), 120, np.uint8)
    picture[:48, :64], picture[48:, 64:] = 255, 3
    recording = _taken(layout, to_yuv(picture, layout))
    assert recording.clipped[0, 0, 0] == 1.0
    assert recording.clipped.mean() == pytest.approx(0.25, abs=0.01)
    assert recording.dark[0, -1, -1] == 1.0
    assert recording.dark.mean() == pytest.approx(0.25, abs=0.01)


# --- the sensor's mosaic ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(("black", "white", "size"), [(64, 1023, 2), (4096, 65535, 2), (16, 255, 1), (0, 4095, 2)])
def test_cells_of_a_mosaic_are_means_of_each_colours_pixels(order: str, black: int, white: int, size: int) -> None:
    layout = Bayer(order, black, white, 1 if size == 1 else 2)  # type: ignore[arg-type] # parametrised as plain text
    frame = to_bayer(linear_of_bgr(skin(160, 120, 7)), layout)
    recording = _taken(layout, frame)
    px = recording.cell_px
    light = (frame.astype(np.float64) - black) / (white - black)
    for index, colour in enumerate("RGB"):
        own = [light[row::2, column::2] for (row, column), name in zip(PLACES, order, strict=True) if name == colour]
        truth = np.mean([block_means(plane[..., None].repeat(3, 2), px // 2)[..., 0] for plane in own], axis=0)
        assert recording.cells[0, :, :, index] == pytest.approx(truth, rel=1e-6)
    assert recording.clipped.max() == recording.dark.max() == 0.0


def test_noise_below_black_is_kept_and_light_above_white_is_one() -> None:
    layout = Bayer("RGGB", 64, 900)
    frame = np.full((96, 128), 64, np.uint16)
    frame[0::2, 0::2], frame[1::2, 1::2] = 50, 1023
    recording = _taken(layout, frame)
    red, green, blue = recording.cells[0, 2, 2]
    assert red == pytest.approx((50 - 64) / (900 - 64), rel=1e-5)
    assert green == pytest.approx(0.0, abs=1e-7)
    assert blue == pytest.approx(1.0, rel=1e-6)
    assert recording.clipped.min() == 1.0
    assert recording.dark.max() == 0.0


def test_one_full_pixel_is_its_square_of_one_cell_and_dark_needs_all_four() -> None:
    layout = Bayer("GRBG", 64, 1023)
    frame = np.full((96, 128), 300, np.uint16)
    frame[7, 9] = 1023
    frame[48:50, 64:66] = 64
    frame[60:62, 64:66] = (64, 64), (64, 300)
    recording = _taken(layout, frame)
    square = 4 / recording.cell_px**2
    assert recording.clipped.sum() == pytest.approx(square, rel=1e-5)
    assert recording.dark.sum() == pytest.approx(square, rel=1e-5)


@pytest.mark.parametrize(("black", "white", "size"), [(64, 64, 2), (-1, 255, 1), (16, 256, 1), (1, 65536, 2)])
def test_levels_that_no_sensor_has_are_refused(black: int, white: int, size: int) -> None:
    with pytest.raises(ValueError, match="no levels of this sensor"):
        Bayer("RGGB", black, white, 1 if size == 1 else 2)


# --- every layout ----------------------------------------------------------------------------------------------------


def _layouts() -> dict[str, tuple[Layout, Pixels]]:
    picture = skin(160, 120, 8)
    raw, i420, nv12 = Bayer("RGGB", 64, 1023), Yuv("i420"), Yuv("nv12", BT709_LIMITED)
    return {
        "bgr": (BGR, picture),
        "i420": (i420, to_yuv(picture, i420)),
        "nv12": (nv12, to_yuv(picture, nv12)),
        "bayer": (raw, to_bayer(linear_of_bgr(picture), raw)),
    }


@pytest.mark.parametrize("name", _layouts())
def test_repeated_means_equal_to_the_bit_anywhere_in_the_region(name: str) -> None:
    layout, first = _layouts()[name]
    for place in (0, first.size // 3, first.size - 1):
        second = first.copy()
        second.reshape(-1)[place] ^= 1
        assert _taken(layout, first, first, second, second, first).repeated.tolist() == [
            False,
            True,
            False,
            True,
            False,
        ]


@pytest.mark.parametrize("name", _layouts())
def test_a_frame_is_left_alone_and_may_be_used_again(name: str) -> None:
    layout, frame = _layouts()[name]
    kept = frame.copy()
    sampler = GridSampler(160, 120, layout=layout)
    sampler.add(frame, 0.0)
    assert np.array_equal(frame, kept)
    frame[:] = 40
    sampler.add(kept, 0.04)
    recording = sampler.finish()
    assert np.array_equal(recording.cells[0], recording.cells[1])
    assert recording.shift_px[1] == pytest.approx((0.0, 0.0), abs=1e-4)
    assert recording.sharpness[1] == pytest.approx(1.0, abs=1e-4)


@pytest.mark.parametrize("name", _layouts())
def test_the_region_is_where_it_was_said_to_be(name: str) -> None:
    layout, frame = _layouts()[name]
    whole, part = _taken(layout, frame), _taken(layout, frame, roi=(41, 21, 97, 75))
    middle = part.cells[0].mean(axis=(0, 1))
    same_place = whole.cells[0, 2:9, 4:13].mean(axis=(0, 1))
    assert middle == pytest.approx(same_place, rel=0.05)
    assert part.cells[0].shape[0] >= 6


@pytest.mark.parametrize("name", _layouts())
def test_what_is_not_of_the_layout_is_refused(name: str) -> None:
    layout, frame = _layouts()[name]
    sampler = GridSampler(160, 120, layout=layout)
    for wrong in (frame[:-2], frame[:, :-2], frame.astype(np.int32), frame.reshape(-1)):
        with pytest.raises(FrameError, match="not uint"):
            sampler.add(wrong, 0.0)  # type: ignore[arg-type] # a frame of the wrong type is what is tested


def test_a_mosaic_or_planes_of_odd_size_are_refused() -> None:
    for layout in (Yuv("i420"), Bayer("RGGB", 0, 255, 1)):
        with pytest.raises(RegionError, match="does not divide"):
            GridSampler(161, 120, layout=layout)
