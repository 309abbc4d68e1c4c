"""Pictures to cells of mean linear light: all that is kept of a picture."""

import numpy as np
import pytest
from numpy.typing import NDArray
from vision_bench import textured

from vision.grid import GridRecording, GridSampler, RegionError
from vision.tone import CLIPPED_AT, srgb_to_linear

Picture = NDArray[np.uint8]


def _taken(*pictures: Picture, roi: tuple[int, int, int, int] | None = None) -> GridRecording:
    sampler = GridSampler(pictures[0].shape[1], pictures[0].shape[0], roi)
    for index, picture in enumerate(pictures):
        sampler.add(picture, 0.04 * index)
    return sampler.finish()


def _blocks(recording: GridRecording, picture: Picture, left: int, top: int) -> NDArray[np.float64]:
    """Cell means of a picture computed the plain way: linearise every pixel, then average; R, G, B."""
    _, rows, columns, _ = recording.cells.shape
    px = recording.cell_px
    part = srgb_to_linear(picture[top : top + rows * px, left : left + columns * px, ::-1].astype(np.float64))
    return part.reshape(rows, px, columns, px, 3).mean(axis=(1, 3))


@pytest.mark.parametrize(
    ("width", "height"), [(160, 120), (320, 240), (97, 61), (61, 97), (200, 33), (9, 8), (641, 481)]
)
def test_a_cell_is_the_mean_of_linear_light_over_its_pixels(width: int, height: int) -> None:
    picture = np.random.default_rng(width).integers(0, 256, (height, width, 3), dtype=np.uint8)
    recording = _taken(picture)
    _, rows, columns, _ = recording.cells.shape
    left, top = (width - columns * recording.cell_px) // 2, (height - rows * recording.cell_px) // 2
    assert recording.cells[0] == pytest.approx(_blocks(recording, picture, left, top), abs=1e-5)
    assert rows >= 3
    assert columns >= 4


def test_a_checkerboard_is_the_mean_of_its_light_not_of_its_encoding() -> None:
    y, x = np.indices((64, 96))
    picture = np.where(((x + y) % 2)[..., None] == 0, 250, 10).repeat(3, axis=2).astype(np.uint8)
    light = float(srgb_to_linear(np.array([10.0, 250.0])).mean())
    encoded_mean = float(srgb_to_linear(np.array(130.0)))
    cells = _taken(picture).cells
    assert cells == pytest.approx(light, abs=1e-3)
    assert abs(cells.mean() - encoded_mean) > 0.2


def test_colours_come_out_red_first() -> None:
    picture = np.zeros((48, 64, 3), np.uint8)
    picture[:] = (30, 90, 200)  # BGR
    cell = _taken(picture).cells[0, 1, 1]
    assert cell == pytest.approx(srgb_to_linear(np.array([200.0, 90.0, 30.0])), abs=1e-5)


def test_clipped_and_dark_pixels_are_shares_of_their_cell() -> None:
    picture = np.full((48, 64, 3), 120, np.uint8)
    picture[:, :32, 2] = CLIPPED_AT
    picture[:, 32:] = 3
    recording = _taken(picture)
    columns = recording.clipped.shape[2]
    assert recording.clipped[0].mean() == pytest.approx(0.5, abs=1e-6)
    assert recording.clipped[0, :, : columns // 2].min() == 1.0
    assert recording.dark[0, :, columns // 2 :].min() == 1.0
    assert recording.dark[0, :, : columns // 2].max() == 0.0


def test_one_clipped_pixel_is_its_share_of_one_cell() -> None:
    picture = np.full((48, 64, 3), 120, np.uint8)
    picture[5, 9, 1] = 255
    recording = _taken(picture)
    assert np.count_nonzero(recording.clipped) == 1
    assert recording.clipped.max() == pytest.approx(1 / recording.cell_px**2, rel=1e-5)


def test_only_a_frame_equal_to_the_bit_counts_as_repeated() -> None:
    first = textured(96, 64, 1)
    second = first.copy()
    second[30, 40, 0] ^= 1
    assert _taken(first, first, second, second, first).repeated.tolist() == [False, True, False, True, False]


def test_only_the_region_is_looked_at() -> None:
    inside = textured(160, 120, 2)
    outside = np.full_like(inside, 255)
    outside[20:84, 40:136] = inside[20:84, 40:136]
    roi = (40, 20, 96, 64)
    a, b = _taken(inside, roi=roi), _taken(outside, roi=roi)
    assert np.array_equal(a.cells, b.cells)
    assert b.clipped.max() == 0.0
    assert a.cells[0] == pytest.approx(_blocks(a, inside, 40, 20 + (64 - a.cells.shape[1] * a.cell_px) // 2), abs=1e-5)


@pytest.mark.parametrize(
    "roi",
    [(-1, 0, 64, 48), (0, -1, 64, 48), (100, 0, 64, 48), (0, 80, 64, 48), (0, 0, 7, 48), (0, 0, 64, 7), (0, 0, 0, 0)],
)
def test_a_region_outside_the_picture_or_too_small_is_refused(roi: tuple[int, int, int, int]) -> None:
    with pytest.raises(RegionError, match="does not lie in a picture of 160x120"):
        GridSampler(160, 120, roi)


def test_the_pictures_given_are_left_alone_and_not_kept() -> None:
    picture = textured(96, 64, 3)
    kept = picture.copy()
    sampler = GridSampler(96, 64)
    sampler.add(picture, 0.0)
    assert np.array_equal(picture, kept)
    picture[:] = 0  # the camera reuses its buffer
    sampler.add(kept, 0.04)
    recording = sampler.finish()
    assert recording.cells[0] == pytest.approx(recording.cells[1])
    assert recording.cells[0].min() > 0.01


def test_progress_is_the_latest_frame() -> None:
    sampler = GridSampler(96, 64)
    for index, red in enumerate((100, 180)):
        picture = np.full((64, 96, 3), 80, np.uint8)
        picture[..., 2] = red
        sampler.add(picture, 1.0 + index)
    time_s, signal = sampler.progress()
    light = srgb_to_linear(np.array([180.0, 80.0]))
    assert time_s == 2.0
    assert signal == pytest.approx(float(np.log(light[0] / light[1])), abs=1e-4)


def test_no_frame_is_an_empty_recording() -> None:
    recording = GridSampler(96, 64).finish()
    assert len(recording.time_s) == len(recording.cells) == len(recording.shift_px) == len(recording.repeated) == 0
