"""The speed benchmark runs and its tables are whole; no time is asserted."""

import pytest

from benchmarks import bench


def test_ratios_are_against_the_last_kind_of_work() -> None:
    taken = {"a": [2.0, 4.0, 6.0], "b": [2.0, 2.0, 2.0]}
    assert bench.timing_rows(taken) == [["a", "4.0", "6.0", "2.0"], ["b", "2.0", "2.0", "1.0"]]


def test_memory_and_time_are_held_against_their_targets() -> None:
    taken = {bench.OURS[0]: [100.0, 151.0], bench.OURS[1]: [90.0], "pyCRT fit": [500.0]}
    slow, flat = bench.verdicts(taken, {100: 80.0, 1000: 81.0})
    assert not slow.met
    assert flat.met
    fast, grown = bench.verdicts({name: [100.0] for name in bench.OURS}, {100: 80.0, 1000: 99.0})
    assert fast.met
    assert not grown.met
    assert "+19.0 MiB" in grown.figure


def test_without_a_frame_benchmark_there_is_no_frame_table(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(bench.importlib, "import_module", absent)
    assert bench.frame_table() is None


@pytest.mark.slow
def test_a_short_round_times_every_kind_of_work() -> None:
    press = bench._press(0)
    taken = bench.timings_ms([press], repeats=1)
    assert [len(times) for times in taken.values()] == [1, 1, 1, 1]
    memory = bench.memory_mib([press], 3, [1, 3])
    assert set(memory) == {1, 3}
    text = bench.as_markdown([("One press", bench.HEAD, bench.timing_rows(taken))], bench.verdicts(taken, memory))
    assert "| scipy curve_fit, one exponential |" in text
