"""Blood volume driven by pressure, live and from a list."""

import numpy as np
import pytest

from phantom.curves import Recovery
from phantom.skin import LiveSkin, blood_series

RECOVERY = Recovery("exp", 2.0, 0.0)
NODES_S = np.array([0.0, 1.0, 1.4, 6.0, 6.08, 20.0])
NODES_KPA = np.array([0.0, 0.0, 40.0, 40.0, 0.0, 0.0])


def _drive(skin: LiveSkin, times_s: np.ndarray) -> np.ndarray:
    blood = []
    for t_s in times_s:
        skin.advance(float(t_s), float(np.interp(t_s, NODES_S, NODES_KPA)))
        blood.append(skin.blood(float(t_s)))
    return np.array(blood)


def test_skin_blanches_on_press_and_refills_from_the_half_level() -> None:
    skin = LiveSkin(RECOVERY, 20.0)
    times_s = np.arange(0.0, 14.0, 0.005)
    blood = _drive(skin, times_s)
    assert blood[times_s < 1.0] == pytest.approx(1.0)
    assert np.all(blood[(times_s > 3.0) & (times_s < 6.0)] < 1e-3)
    assert len(skin.releases) == 1
    assert skin.releases[0].t0_s == pytest.approx(6.04, abs=1e-4)
    assert float(np.interp(6.04 + 2.0, times_s, blood)) == pytest.approx(0.9, abs=2e-3)


def test_live_steps_of_any_size_give_the_offline_curve() -> None:
    chance = np.random.default_rng(4)
    irregular_s = np.unique(np.concatenate([np.cumsum(chance.uniform(0.001, 0.02, 1600)), NODES_S[:-1]]))
    live = _drive(LiveSkin(RECOVERY, 20.0), irregular_s)
    offline = blood_series(LiveSkin(RECOVERY, 20.0), NODES_S, NODES_KPA, irregular_s)
    held = (irregular_s > 1.6) & (irregular_s < 16.0)
    assert live[held] == pytest.approx(offline.blood[held], abs=2e-3)
    assert offline.blood[irregular_s < 1.0] == pytest.approx(1.0)


def test_several_presses_in_a_row_each_refill_from_their_own_release() -> None:
    skin = LiveSkin(RECOVERY, 20.0)
    period_s, presses = 12.0, 4
    for step in range(int(presses * period_s / 0.01)):
        t_s = step * 0.01
        skin.advance(t_s, float(np.interp(t_s % period_s, NODES_S, NODES_KPA)))
    assert len(skin.releases) == presses
    gaps = np.diff([release.t0_s for release in skin.releases])
    assert gaps == pytest.approx(period_s, abs=1e-3)
    assert all(release.blood < 1e-3 for release in skin.releases)


def test_a_press_during_refill_blanches_again() -> None:
    nodes_s = np.array([0.0, 0.3, 5.0, 5.05, 5.8, 6.0, 8.0, 8.05, 30.0])
    nodes_kpa = np.array([0.0, 40.0, 40.0, 0.0, 0.0, 40.0, 40.0, 0.0, 0.0])
    times_s = np.arange(0.0, 25.0, 0.02)
    series = blood_series(LiveSkin(RECOVERY, 20.0), nodes_s, nodes_kpa, times_s)
    assert len(series.releases) == 2
    assert 0.4 < float(np.interp(5.8, times_s, series.blood)) < 0.7
    assert float(np.interp(7.9, times_s, series.blood)) < 0.01
    assert series.blood[-1] == pytest.approx(1.0, abs=1e-3)


def test_pressure_that_stays_keeps_blood_out() -> None:
    nodes_kpa = np.where(NODES_S > 6.04, 15.0, NODES_KPA)
    series = blood_series(LiveSkin(RECOVERY, 20.0), NODES_S, nodes_kpa, np.array([18.0]))
    assert series.blood[0] == pytest.approx(0.5, abs=1e-6)


def test_a_light_touch_does_not_blanch() -> None:
    skin = LiveSkin(RECOVERY, 20.0)
    for step in range(400):
        skin.advance(step * 0.01, 6.0 if 100 < step < 300 else 0.0)
    assert skin.blood(4.0) == 1.0
    assert len(skin.releases) == 1


def test_time_does_not_run_backwards() -> None:
    skin = LiveSkin(RECOVERY, 20.0)
    skin.advance(1.0, 0.0)
    with pytest.raises(ValueError, match="older"):
        skin.advance(0.9, 0.0)
