"""An answer of the analysis belongs to one measurement: one that comes too late changes nothing."""

from pathlib import Path
from typing import Any

import pytest
from bedside_bench import Bench
from device_bench import measured

from contract.identifiers import new_reading_id
from device.bedside_analysis import Answer
from device.session_words import Analysed, AnalysisFailed


@pytest.mark.parametrize("event", [Analysed(1, measured(9.9), established=True), AnalysisFailed()])
def test_only_the_answer_about_the_measurement_under_way_is_heard(
    tmp_path: Path, event: Analysed | AnalysisFailed
) -> None:
    bench = Bench(tmp_path)
    hands: Any = bench.bedside._hands
    kept: Any = object()
    late = Answer(new_reading_id(), event, kept)
    assert hands.take(late) is None, "nothing is measured"
    bench.push()
    bench.until("refilling")
    assert hands.take(late) is None
    assert hands._analysed is None
    hands.said.put(late)
    bench.until("done")
    assert bench.records()[0].result.crt_s == 2.0
    assert hands.take(Answer(bench.records()[0].reading_id, event, kept)) is None, "it has ended"
    bench.close()


def test_the_answer_about_the_measurement_under_way_is_the_one_that_is_kept(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    hands: Any = bench.bedside._hands
    bench.push()
    bench.until("refilling")
    kept: Any = object()
    event = Analysed(1, measured(9.9))
    assert hands.take(Answer(bench.bedside._keeper.draft.reading_id, event, kept)) is event  # type: ignore[union-attr]  # one is under way
    assert hands._analysed is kept
    hands._analysed = None
    bench.until("done")
    bench.close()
