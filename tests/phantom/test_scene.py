"""Pictures: where the skin blanches, that it moves, and that nothing clips."""

import numpy as np
import pytest

from phantom.geometry import blanched_area
from phantom.plan import plan
from phantom.scene import Scene
from phantom.spec import PressSpec
from phantom.tones import TONES

STILL = PressSpec(motion_px=0.0, noise=0.0, seed=4)


def test_a_quarter_of_the_field_blanches_inside_the_field() -> None:
    shares = []
    for seed in range(20):
        area = blanched_area(PressSpec(seed=seed))
        assert area.x_px - area.radius_px > 0
        assert area.y_px + area.radius_px < 240
        shares.append(np.pi * area.radius_px**2 / (320 * 240))
    assert 0.2 < min(shares) < max(shares) < 0.3
    assert np.std(shares) > 0.005


def test_the_disc_pales_and_the_skin_around_does_not() -> None:
    scene = Scene(plan(STILL))
    settled, blanched = (scene.render(1.0, blood, -np.inf).astype(float) for blood in (1.0, 0.0))
    area = blanched_area(STILL)
    y, x = np.mgrid[0:240, 0:320]
    depth = area.depth(x, y)
    change = (blanched - settled)[:, :, 1]
    assert change[depth == 1].mean() > 10
    assert abs(change[depth == 0].mean()) < 0.5


@pytest.mark.parametrize("tone", TONES)
def test_nothing_clips_on_any_tone_at_the_deepest_step(tone: str) -> None:
    scene = Scene(plan(PressSpec(tone=tone, step_ln_g=0.5)))
    frame = scene.render(0.0, 0.0, -np.inf)
    assert frame.shape == (240, 320, 3)
    assert frame.dtype == np.uint8
    assert frame.max() < 250
    assert frame[:, :, 2].mean() > 120


def test_red_is_last_since_frames_are_bgr() -> None:
    blue, green, red = Scene(plan(STILL)).render(0.0, 1.0, -np.inf).reshape(-1, 3).mean(axis=0)
    assert red > green > blue


def test_the_hand_moves_by_about_the_asked_amount() -> None:
    motion = plan(PressSpec(motion_px=2.0, seed=6)).motion
    shift = motion.shift_px(np.arange(0, 300, 0.02))
    assert shift.std(axis=0) == pytest.approx([2.0, 2.0], rel=0.2)
    slow = plan(PressSpec(motion_px=2.0, seed=6)).motion.shift_px(np.array([3.0]))
    assert slow == pytest.approx(motion.shift_px(3.0)[None, :])


def test_texture_follows_the_hand() -> None:
    spec = STILL.with_(motion_px=3.0)
    made = plan(spec)
    scene = Scene(made)
    times_s = np.arange(0, 20, 0.05)
    shifts = made.motion.shift_px(times_s)
    far = int(np.argmax(np.abs(shifts[:, 0] - shifts[0, 0])))
    first, second = (scene.render(float(times_s[i]), 1.0, -np.inf)[:, :, 1].astype(float) for i in (0, far))
    expected = shifts[far] - shifts[0]
    whole = np.rint(expected).astype(int)
    moved_back = np.roll(second, (-whole[1], -whole[0]), axis=(0, 1))[20:-20, 20:-20]
    at_rest = first[20:-20, 20:-20]
    assert np.corrcoef(moved_back.ravel(), at_rest.ravel())[0, 1] > 0.9
    assert np.std(moved_back - at_rest) < np.std(second[20:-20, 20:-20] - at_rest)


def test_same_seed_same_pixels_and_another_seed_another_skin() -> None:
    pictures = [Scene(plan(PressSpec(seed=seed))).render(0.5, 0.4, 0.2) for seed in (3, 3, 4)]
    assert np.array_equal(pictures[0], pictures[1])
    assert not np.array_equal(pictures[0], pictures[2])


def test_noise_does_not_repeat_from_frame_to_frame() -> None:
    scene = Scene(plan(PressSpec(motion_px=0.0, pulse=0.0, respiration=0.0, slow_wave=0.0)))
    frames = [scene.render(0.0, 1.0, -np.inf).astype(float)[:, :, 1] for _ in range(3)]
    first, second = frames[1] - frames[0], frames[2] - frames[1]
    assert np.std(first) > 1.0
    assert np.corrcoef(first.ravel(), second.ravel())[0, 1] == pytest.approx(-0.5, abs=0.05)
