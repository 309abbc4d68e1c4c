"""The live scene: the skin follows the pressure that a probe really makes."""

from itertools import pairwise

import numpy as np
import pytest

from phantom.live import NOT_LIVE, LiveScene
from phantom.skin import RESTING
from phantom.spec import ImpossibleSpecError, PressSpec

SPEC = PressSpec(crt_s=1.2, width_px=96, height_px=72, motion_px=0.0, noise=0.2, pulse=0.0, seed=2)
BOOT_NS = 86_400_000_000_000


class Probe:
    """Presses every 12 s: up within 0.4 s, held to 5 s, released within 80 ms; remembers when it was asked."""

    def __init__(self) -> None:
        self.asked_ns: list[int] = []

    def pressure_at(self, t_boot_ns: int) -> float:
        self.asked_ns.append(t_boot_ns)
        t_s = ((t_boot_ns - BOOT_NS) / 1e9) % 12.0
        return float(np.interp(t_s, [0, 1, 1.4, 5, 5.08, 12], [0, 0, 38, 38, 0, 0]))


def _green(scene: LiveScene, t_s: float) -> float:
    return float(scene.frame(BOOT_NS + round(t_s * 1e9))[30:42, 42:54, 1].mean())


@pytest.mark.slow
def test_several_presses_in_a_row_blanch_and_refill() -> None:
    probe = Probe()
    scene = LiveScene(SPEC, probe.pressure_at)
    times_s = np.arange(0, 36, 0.04)
    green = np.array([_green(scene, float(t_s)) for t_s in times_s])
    settled = green[times_s < 1].mean()
    for press in range(3):
        held = (times_s % 12 > 3) & (times_s % 12 < 5) & (times_s // 12 == press)
        after = (times_s % 12 > 10) & (times_s // 12 == press)
        assert green[held].mean() > settled + 8
        assert green[after].mean() == pytest.approx(settled, abs=2.5)
    assert np.all(np.diff(probe.asked_ns) > 0)
    assert max(np.diff(probe.asked_ns)) <= 5_000_000
    zeros_s = (np.array(scene.release_t_boot_ns) - BOOT_NS) / 1e9
    assert zeros_s == pytest.approx([5.04, 17.04, 29.04], abs=1e-3)


@pytest.mark.slow
def test_a_history_of_samples_gives_the_same_release_with_one_question_a_frame() -> None:
    probe = Probe()
    sampled_ns = BOOT_NS + np.arange(0, 12_000_000_000, 2_000_000)
    sampled_kpa = np.array([Probe().pressure_at(int(at_ns)) for at_ns in sampled_ns])

    def history(since_ns: int) -> tuple[np.ndarray, np.ndarray]:
        return sampled_ns[sampled_ns >= since_ns], sampled_kpa[sampled_ns >= since_ns]

    scene = LiveScene(SPEC, probe.pressure_at, history)
    green = [_green(scene, float(t_s)) for t_s in np.arange(0, 10, 0.04)]
    assert len(probe.asked_ns) == len(green)
    assert (scene.release_t_boot_ns[0] - BOOT_NS) / 1e9 == pytest.approx(5.04, abs=1e-3)
    assert max(green) > green[0] + 8


def test_frames_may_come_at_irregular_times_and_after_a_pause() -> None:
    scene = LiveScene(SPEC, Probe().pressure_at)
    for t_s in (0.0, 0.01, 0.5, 0.9, 4.0, 4.9, 4.9, 30.0):
        frame = scene.frame(BOOT_NS + round(t_s * 1e9))
        assert frame.shape == (72, 96, 3)
        assert frame.dtype == np.uint8


def test_before_any_press_the_skin_rests() -> None:
    scene = LiveScene(SPEC, lambda _t_boot_ns: 0.0)
    scene.frame(BOOT_NS)
    assert scene.skin.since_release(0.0) == RESTING
    assert scene.release_t_boot_ns == ()


def test_a_picture_from_the_past_is_refused() -> None:
    scene = LiveScene(SPEC, Probe().pressure_at)
    scene.frame(BOOT_NS + 1_000_000_000)
    with pytest.raises(ValueError, match="older"):
        scene.frame(BOOT_NS)


@pytest.mark.parametrize("fault", NOT_LIVE)
def test_faults_of_the_probe_are_refused(fault: str) -> None:
    with pytest.raises(ImpossibleSpecError, match="not the live scene's"):
        LiveScene(SPEC.with_(fault=fault), Probe().pressure_at)


@pytest.mark.slow
def test_repeated_frames_hand_out_the_same_picture() -> None:
    scene = LiveScene(SPEC.with_(fault="repeated_frames"), Probe().pressure_at)
    frames = [scene.frame(BOOT_NS + round(t_s * 1e9)).copy() for t_s in np.arange(0, 7, 1 / 30)]
    same = [np.array_equal(a, b) for a, b in pairwise(frames)]
    assert 20 < sum(same) < 45
    assert not any(same[:140])


def test_a_live_drift_stays_bounded() -> None:
    scene = LiveScene(SPEC.with_(drift=0.5), lambda _t_boot_ns: 0.0)
    greens = [_green(scene, t_s) for t_s in (0.0, 30.0, 60.0, 3600.0)]
    assert greens[1] < greens[0] - 5
    assert greens[2:] == pytest.approx([greens[0]] * 2, abs=2.0)
