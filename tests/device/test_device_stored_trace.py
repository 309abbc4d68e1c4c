"""A stored trace gives the same arrays to the last bit, and the same text again."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.stored_trace import FORMAT_1, NOT_IN_FORMAT_1, StoredTrace, StoredTraceError, read_stored_trace, trace_text
from vision import ALGORITHM_VERSION
from vision.pressure import PressureTrace
from vision.trace import Trace

RNG = np.random.default_rng(5)
TRACE = Trace(
    time_s=np.cumsum(RNG.uniform(0.01, 0.05, 50)),
    signal=RNG.normal(0.6, 0.1, 50),
    light=RNG.uniform(0, 1, (50, 3)),
    surround=RNG.normal(0.6, 0.1, 50),
    repeated=RNG.uniform(0, 1, 50) > 0.9,
    picture_reason="moved",
)
PRESSURE = PressureTrace(time_s=np.arange(100) / 100, kpa=RNG.normal(40, 0.1, 100))
STORED = StoredTrace(TRACE, PRESSURE, 123, 40.0)
SERIES = ("time_s", "signal", "light", "surround", "repeated")


def test_a_stored_trace_gives_the_same_arrays_to_the_last_bit() -> None:
    text = trace_text(STORED)
    back = read_stored_trace(text)
    for name in SERIES:
        kept, given_ = getattr(back.trace, name), getattr(TRACE, name)
        np.testing.assert_array_equal(kept, given_)
        assert (kept.dtype, kept.flags.c_contiguous) == (given_.dtype, True), "the sums of a row must run the same way"
    np.testing.assert_array_equal(back.pressure.time_s, PRESSURE.time_s)
    np.testing.assert_array_equal(back.pressure.kpa, PRESSURE.kpa)
    assert back.trace.picture_reason == "moved"
    assert (back.origin_boottime_ns, back.target_kpa, back.algorithm_version) == (123, 40.0, ALGORITHM_VERSION)
    assert trace_text(back) == text


def test_what_vision_did_not_give_stays_away() -> None:
    bare = StoredTrace(Trace(TRACE.time_s, TRACE.signal), PRESSURE, 123, None)
    back = read_stored_trace(trace_text(bare))
    assert [getattr(back.trace, name) for name in (*SERIES[2:], "picture_reason")] == [None] * 4
    assert back.target_kpa is None


@pytest.mark.slow
@given(st.lists(st.floats(-1e15, 1e15), min_size=2, max_size=20))
def test_every_number_comes_back_as_it_was(values: list[float]) -> None:
    trace = Trace(np.arange(len(values), dtype=np.float64), np.array(values))
    back = read_stored_trace(trace_text(StoredTrace(trace, PRESSURE, 0, None)))
    assert back.trace.signal.tobytes() == trace.signal.tobytes()


def test_what_is_not_finite_is_never_stored() -> None:
    light = TRACE.light.copy()
    light[3, 1] = np.nan
    with pytest.raises(ValueError, match="not JSON compliant"):
        trace_text(replace(STORED, trace=replace(TRACE, light=light)))


def test_a_trace_of_today_leaves_no_doubt_and_any_other_does() -> None:
    assert STORED.doubt() is None
    assert "0.9" in str(replace(STORED, algorithm_version="0.9").doubt())
    assert "without the picture checks" in str(replace(STORED, algorithm_version=None).doubt())


def test_the_format_before_is_read_as_what_it_is() -> None:
    content = json.loads(trace_text(STORED)) | {"format": FORMAT_1}
    old = {key: value for key, value in content.items() if key not in NOT_IN_FORMAT_1}
    back = read_stored_trace(json.dumps(old).encode())
    np.testing.assert_array_equal(back.trace.signal, TRACE.signal)
    assert (back.trace.picture_reason, back.target_kpa, back.algorithm_version) == (None, None, None)


def test_what_is_no_stored_trace_is_refused_in_one_line() -> None:
    for text in (b"", b"[]", b'{"format":"refill-trace/9"}', trace_text(STORED)[:-2]):
        with pytest.raises(StoredTraceError) as refused:
            read_stored_trace(text)
        assert len(str(refused.value).splitlines()) == 1
