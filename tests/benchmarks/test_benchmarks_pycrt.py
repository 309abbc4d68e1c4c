"""The peer is run fairly, and stays out of the product."""

import warnings
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks import pycrt_peer
from tests.test_rooms import MAY_IMPORT, imported

HERE = Path(__file__).resolve().parents[2]
TIME_S: NDArray[np.float64] = np.arange(0.0, 15.0, 1 / 30)


def _press(tau_s: float, noise: float) -> NDArray[np.float64]:
    left = np.where(TIME_S < 5.0, 1.0, np.exp(-(TIME_S - 5.0) / tau_s))
    values = 100.0 + 10.0 * left + np.random.default_rng(0).normal(0.0, noise, len(TIME_S))
    return np.repeat(values[:, None], 3, axis=1)


@pytest.mark.slow
def test_a_clean_exponential_comes_back_counted_from_time_zero() -> None:
    found = pycrt_peer.run(TIME_S, _press(1.0, 0.02), 5.0)
    assert found.failure is None
    assert not found.rejected
    assert found.t90_s == pytest.approx(pycrt_peer.LN10, abs=0.1)
    low_s, high_s = found.ci95_s
    assert low_s < found.t90_s < high_s


def test_noise_alone_is_rejected_by_its_own_criterion() -> None:
    assert pycrt_peer.run(TIME_S, _press(1.0, 200.0), 5.0).rejected


def test_a_failed_fit_is_named() -> None:
    found = pycrt_peer.run(TIME_S, np.full((len(TIME_S), 3), 100.0), 5.0)
    assert found.failure
    assert found.rejected


def test_its_import_leaves_the_warnings_of_this_process_alone() -> None:
    before = list(warnings.filters)
    pycrt_peer.run(TIME_S, _press(1.0, 0.1), 5.0)
    assert list(warnings.filters) == before


@pytest.mark.slow
def test_the_product_imports_no_peer() -> None:
    for room in MAY_IMPORT:
        for path in (HERE / room).rglob("*.py"):
            # Agreement is worked out at a desk, with the trial side's packages; nothing that measures needs scipy.
            peers = {"pyCRT"} if path.is_relative_to(HERE / "calibration/agreement") else {"pyCRT", "scipy"}
            assert not imported(path.read_text(encoding="utf-8")) & peers, path
