"""The camera steps' parts by themselves: colour differences, layouts, the edge's response, the sheet."""

from pathlib import Path
from typing import Final

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from calibration.camera_colour_science import delta_e_1976, delta_e_2000, lab_of
from calibration.camera_dark import black_and_noise
from calibration.camera_frames import light_of
from calibration.camera_response import power_law
from calibration.camera_target import BLOCK_SIDE_MM, DOT_RADIUS_MM, block, chart_patches, dots
from calibration.camera_target_sheet import printed, sheet
from calibration.focus import GAUSSIAN_MTF50, frequency_at_half, response
from calibration.rig import Target
from refill.cli import app
from vision.frames import BGR, BT601_FULL, BT601_LIMITED, BT709_LIMITED, Bayer, Yuv, YuvCoding
from vision.tone import srgb_to_linear

# Sharma, Wu, Dalal 2005, table 1: L*, a*, b* of two colours, and CIEDE2000.
# fmt: off
SHARMA: Final = [
    (50, 2.6772, -79.7751, 50, 0, -82.7485, 2.0425), (50, 3.1571, -77.2803, 50, 0, -82.7485, 2.8615),
    (50, 2.8361, -74.0200, 50, 0, -82.7485, 3.4412), (50, -1.3802, -84.2814, 50, 0, -82.7485, 1.0000),
    (50, -1.1848, -84.8006, 50, 0, -82.7485, 1.0000), (50, -0.9009, -85.5211, 50, 0, -82.7485, 1.0000),
    (50, 0, 0, 50, -1, 2, 2.3669), (50, -1, 2, 50, 0, 0, 2.3669),
    (50, 2.4900, -0.0010, 50, -2.4900, 0.0009, 7.1792), (50, 2.4900, -0.0010, 50, -2.4900, 0.0010, 7.1792),
    (50, 2.4900, -0.0010, 50, -2.4900, 0.0011, 7.2195), (50, 2.4900, -0.0010, 50, -2.4900, 0.0012, 7.2195),
    (50, -0.0010, 2.4900, 50, 0.0009, -2.4900, 4.8045), (50, -0.0010, 2.4900, 50, 0.0010, -2.4900, 4.8045),
    (50, -0.0010, 2.4900, 50, 0.0011, -2.4900, 4.7461), (50, 2.5, 0, 50, 0, -2.5, 4.3065),
    (50, 2.5, 0, 73, 25, -18, 27.1492), (50, 2.5, 0, 61, -5, 29, 22.8977),
    (50, 2.5, 0, 56, -27, -3, 31.9030), (50, 2.5, 0, 58, 24, 15, 19.4535),
    (50, 2.5, 0, 50, 3.1736, 0.5854, 1.0000), (50, 2.5, 0, 50, 3.2972, 0, 1.0000),
    (50, 2.5, 0, 50, 1.8634, 0.5757, 1.0000), (50, 2.5, 0, 50, 3.2592, 0.3350, 1.0000),
    (60.2574, -34.0099, 36.2677, 60.4626, -34.1751, 39.4387, 1.2644),
    (63.0109, -31.0961, -5.8663, 62.8187, -29.7946, -4.0864, 1.2630),
    (61.2901, 3.7196, -5.3901, 61.4292, 2.2480, -4.9620, 1.8731),
    (35.0831, -44.1164, 3.7933, 35.0232, -40.0716, 1.5901, 1.8645),
    (22.7233, 20.0904, -46.6940, 23.0331, 14.9730, -42.5619, 2.0373),
    (36.4612, 47.8580, 18.3852, 36.2715, 50.5065, 21.2231, 1.4146),
    (90.8027, -2.0831, 1.4410, 91.1528, -1.6435, 0.0447, 1.4441),
    (90.9257, -0.5406, -0.9208, 88.6381, -0.8985, -0.7239, 1.5381),
    (6.7747, -0.2908, -2.4247, 5.8714, -0.0985, -2.2286, 0.6377),
    (2.0776, 0.0795, -1.1350, 0.9033, -0.0636, -0.5514, 0.9082),
]
# fmt: on


def test_ciede2000_agrees_with_the_published_pairs_either_way_round() -> None:
    table = np.array(SHARMA)
    one, other, wanted = table[:, 0:3], table[:, 3:6], table[:, 6]
    assert delta_e_2000(one, other) == pytest.approx(wanted, abs=5e-5)
    assert delta_e_2000(other, one) == pytest.approx(wanted, abs=5e-5)
    assert delta_e_1976(one[6], other[6]) == pytest.approx(np.sqrt(5.0))


def test_lab_of_white_grey_and_red_is_what_opencv_says() -> None:
    colours = np.array([[1.0, 1.0, 1.0], [0.2, 0.2, 0.2], [1.0, 0.0, 0.0], [0.05, 0.02, 0.4]])
    theirs = cv2.cvtColor(colours.astype(np.float32)[None], cv2.COLOR_LRGB2Lab)[0]
    assert lab_of(colours) == pytest.approx(theirs, abs=0.1)


@pytest.mark.parametrize("coding", [BT601_FULL, BT601_LIMITED, BT709_LIMITED])
@pytest.mark.parametrize("planes", ["i420", "nv12"])
def test_a_colour_is_the_same_light_in_planes_as_in_bgr(coding: YuvCoding, planes: str) -> None:
    blue, green, red = 60.0, 120.0, 180.0
    luma = coding.red_weight * red + coding.blue_weight * blue + (1 - coding.red_weight - coding.blue_weight) * green
    span = 255.0 if coding.full_range else 224.0
    u = 128 + (blue - luma) * span / 510.0 / (1 - coding.blue_weight)
    v = 128 + (red - luma) * span / 510.0 / (1 - coding.red_weight)
    if not coding.full_range:
        luma = 16 + luma * 219 / 255
    frame = np.full((12, 12), round(luma), np.uint8)
    chroma = frame[8:].reshape(-1)
    if planes == "nv12":
        chroma[0::2], chroma[1::2] = round(u), round(v)
    else:
        chroma[: len(chroma) // 2], chroma[len(chroma) // 2 :] = round(u), round(v)
    light = light_of(frame, Yuv("nv12" if planes == "nv12" else "i420", coding))
    assert light.shape == (8, 12, 3)
    assert light[3, 5] == pytest.approx(srgb_to_linear(np.array([red, green, blue])), rel=0.04)


def test_bgr_is_turned_round_and_a_mosaic_is_halved() -> None:
    frame = np.full((4, 6, 3), (10, 20, 200), np.uint8)
    assert light_of(frame, BGR)[0, 0] == pytest.approx(srgb_to_linear(np.array([200.0, 20.0, 10.0])), rel=1e-5)
    mosaic = np.zeros((4, 6), np.uint16)
    mosaic[0::2, 0::2], mosaic[0::2, 1::2], mosaic[1::2, 0::2], mosaic[1::2, 1::2] = 1100, 600, 400, 200
    light = light_of(mosaic, Bayer("RGGB", 100, 1100))
    assert light.shape == (2, 3, 3)
    assert light[1, 2] == pytest.approx([1.0, 0.4, 0.1])


@pytest.mark.parametrize(("black", "sigma"), [(0.0, 0.0006), (0.0004, 0.0008), (0.01, 0.0009)])
def test_black_and_noise_are_told_though_half_is_cut_off(black: float, sigma: float) -> None:
    linear = black + sigma * np.random.default_rng(1).standard_normal((240, 320))
    codes = np.rint(255.0 * 12.92 * np.clip(linear, 0.0, None)) / 255.0 / 12.92
    mean, spread = black_and_noise(np.repeat(codes[:, :, None], 3, axis=2).astype(np.float32))
    assert mean == pytest.approx(black, abs=3e-5)
    assert spread == pytest.approx(sigma, rel=0.06)


def test_a_power_law_is_found_with_its_offset() -> None:
    x = np.array([0.12, 0.2, 0.3, 0.45, 0.6, 0.8, 1.0])
    found, covariance = power_law(x, 0.01 + 0.8 * x**1.07, np.full(7, 0.001))
    assert found == pytest.approx([0.01, 0.8, 1.07], rel=1e-6)
    assert (np.diag(covariance) > 0).all()


@pytest.mark.parametrize("sigma_px", [0.7, 1.5, 3.0])
def test_the_edges_response_of_a_known_blur_is_known(sigma_px: float) -> None:
    at = np.arange(-15.0, 15.0, 0.25)
    steps = np.cumsum(np.exp(-0.5 * (at / sigma_px) ** 2))
    frequency = frequency_at_half(*response(steps / steps[-1]))
    assert frequency == pytest.approx(GAUSSIAN_MTF50 / sigma_px, rel=0.02)


def test_all_that_is_printed_lies_within_the_plate_and_nothing_touches() -> None:
    for target in (Target.GREY_STEPS, Target.CHART, Target.SCALE_CARD, Target.PAD):
        reach = max(np.hypot(x, y) for area in printed(target) for x, y in area.points)
        assert 2.0 < reach < 6.0
    near = min(np.linalg.norm(dots(), axis=1))
    assert near - DOT_RADIUS_MM > np.linalg.norm(block(), axis=1).max() + 1.0
    assert np.linalg.norm(block()[1] - block()[0]) == pytest.approx(BLOCK_SIDE_MM)
    assert len({patch.srgb for patch in chart_patches()}) == 24


@pytest.mark.slow
def test_the_sheet_is_written_in_both_languages_the_same_each_time(tmp_path: Path) -> None:
    made = {}
    for language in ("en", "fr"):
        for number in (1, 2):
            pdf = tmp_path / f"{language}{number}.pdf"
            done = CliRunner().invoke(app, ["calibrate", "target", "--pdf", str(pdf), "--language", language])
            assert done.exit_code == 0, done.output
            made[language, number] = pdf.read_bytes()
    assert made["en", 1].startswith(b"%PDF")
    assert made["en", 1] == made["en", 2]
    assert made["fr", 1] == made["fr", 2]
    assert sheet("en") != sheet("fr")
    assert not list(tmp_path.glob(".*"))


@pytest.mark.slow
def test_a_sheet_that_cannot_be_written_is_one_line_and_code_2(tmp_path: Path) -> None:
    for pdf in (tmp_path, tmp_path / "none" / "t.pdf"):
        done = CliRunner().invoke(app, ["calibrate", "target", "--pdf", str(pdf)])
        assert done.exit_code == 2
        assert len(done.output.strip().splitlines()) == 1
