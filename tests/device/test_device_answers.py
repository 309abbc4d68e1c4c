"""An answer of the analysis belongs to one measurement: one that comes too late changes nothing."""

from types import SimpleNamespace
from typing import Any

import pytest
from device_bench import measured, reading

from device.bedside import Bedside, Parts, _Answer
from device.session_words import Analysed, AnalysisFailed
from firmware_config.loading import load_named
from firmware_config.protocol import Protocol


@pytest.fixture
def bedside() -> Bedside:
    nothing: Any = SimpleNamespace(records=list, simulated=True, width=64, height=48)
    clock: Any = SimpleNamespace(boottime_ns=lambda: 0)
    parts = Parts(nothing, nothing, nothing, nothing, clock, lambda *_: nothing, lambda _: None)
    about: Any = SimpleNamespace(protocol=load_named("protocols", "demo", Protocol), target_kpa=40.0, simulated=True)
    return Bedside(parts, about)


@pytest.mark.parametrize("event", [Analysed(1, measured(9.9)), AnalysisFailed()])
def test_only_the_answer_about_the_measurement_under_way_is_heard(
    bedside: Bedside, event: Analysed | AnalysisFailed, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[object] = []
    monkeypatch.setattr(bedside, "_give", heard.append)
    earlier, now = reading(1), reading(2)
    kept: Any = object()
    bedside._draft = now
    bedside._hear(_Answer(earlier.reading_id, event, kept))
    assert heard == []
    assert bedside._analysed is None
    bedside._hear(_Answer(now.reading_id, event, kept))
    assert heard == [event]
    assert bedside._analysed is kept
    bedside._draft = None
    bedside._hear(_Answer(now.reading_id, event, kept))
    assert heard == [event]
