"""What the benchmark of the control loop makes of its notes."""

import numpy as np
import pytest

from benchmarks.probe_loop import HEAD, MAIN_THREAD, Watched, as_markdown, verdicts, watched
from benchmarks.probe_loop import _Window as Window

SECOND_NS = 1_000_000_000


def seen(own: float = 1.0, simulated: float = 1.5, longest_ms: float = 12.0, state: str = "at rest") -> Watched:
    periods = np.full(1000, 10.0)
    periods[0] = longest_ms
    return Watched(state, {"probe-control": own + simulated}, simulated, periods, 0.5)


def test_shares_are_of_the_window_and_the_simulation_is_taken_out_of_the_probe() -> None:
    begun = np.arange(0, 40 * SECOND_NS, 10_000_000)
    ticks = np.stack([begun, begun // 50], axis=1)  # the simulation takes 2 % of the time
    spent = {"7": SECOND_NS, "8": 3 * SECOND_NS // 10, "9": SECOND_NS // 10}
    window = Window("at rest", 5 * SECOND_NS, 35 * SECOND_NS, spent, 0.1)
    found = watched(window, ticks, {"7": "probe-control", "8": MAIN_THREAD})
    assert found.threads == pytest.approx({"probe-control": 3.333, MAIN_THREAD: 1.0, "other": 0.333}, abs=0.001)
    assert found.simulated == pytest.approx(2.0, abs=0.01)
    assert found.own == pytest.approx(4.667 - 2.0, abs=0.01)
    assert found.periods_ms.mean() == pytest.approx(10.0)
    row = dict(zip(HEAD, found.row(), strict=True))
    assert (row["CPU, % of a core"], row["control"], row["other"]) == ("4.67", "3.33", "0.33")


def test_the_limit_is_for_the_probe_and_every_state_at_rest() -> None:
    assert all(verdict.met for verdict in verdicts([seen(), seen(own=5.0, state="pressing, one client")]))
    assert not all(verdict.met for verdict in verdicts([seen(), seen(own=3.0)]))


def test_a_loop_that_is_often_late_or_too_slow_misses() -> None:
    late = seen()
    late.periods_ms[:20] = 25.0
    assert [verdict.met for verdict in verdicts([late])] == [True, False, False]


def test_the_page_has_every_state_and_every_verdict() -> None:
    states = [seen(), seen(state="pressing, one client")]
    text = as_markdown(states, verdicts(states), 30.0)
    assert text.count("| at rest |") == 1
    assert text.count("| pressing, one client |") == 1
    assert text.count("- met") == 3
    assert "30 s in each state" in text
