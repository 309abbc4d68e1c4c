"""Refill curves: the asked 90 % time is the true one, whatever the shape."""

import numpy as np
import pytest

from phantom.curves import KINDS, Recovery, default_delay_s


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("crt_s", [0.3, 2.4, 8.0])
def test_recovery_stays_above_ninety_per_cent_exactly_from_the_asked_time(kind: str, crt_s: float) -> None:
    recovery = Recovery(kind, crt_s, default_delay_s(kind, crt_s))
    after = recovery.at(crt_s + np.linspace(1e-9, 20 * crt_s, 5000))
    assert np.all(after >= 0.9)
    assert float(recovery.at(crt_s * (1 - 1e-9))) < 0.9
    assert recovery.time_to(0.9) == pytest.approx(crt_s, rel=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_recovery_starts_at_nothing_and_settles_at_one(kind: str) -> None:
    recovery = Recovery(kind, 2.0, default_delay_s(kind, 2.0))
    assert float(recovery.at(0.0)) == 0.0
    assert float(recovery.at(-1.0)) == 0.0
    assert float(recovery.at(60.0)) == pytest.approx(1.0, abs=1e-3)


def test_a_delay_holds_the_skin_blanched() -> None:
    recovery = Recovery("exp", 3.0, 0.7)
    assert float(recovery.at(0.699)) == 0.0
    assert float(recovery.at(0.75)) > 0.0


def test_only_the_overshoot_goes_clearly_above_its_settled_level() -> None:
    peaks = {kind: float(np.max(Recovery(kind, 2.0, 0.0).at(np.linspace(0, 40, 4000)))) for kind in KINDS}
    assert 1.05 < peaks["overshoot"] < 1.2
    assert all(peak <= 1.0 + 1e-12 for kind, peak in peaks.items() if kind != "overshoot")


def test_two_exponentials_are_not_one() -> None:
    ratio = {kind: Recovery(kind, 2.0, 0.0).time_to(0.9) / Recovery(kind, 2.0, 0.0).time_to(0.5) for kind in KINDS}
    assert ratio["exp"] == pytest.approx(np.log(10) / np.log(2))
    assert ratio["biexp"] > 1.3 * ratio["exp"]
    assert ratio["sigmoid"] < 0.6 * ratio["exp"]
