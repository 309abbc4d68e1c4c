"""Whatever stands in a trace file, `refill analyse` ends in an answer or in one line."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from refill_bench import called, refused, told

from refill.analyse_cli import one_line
from refill.recording_files import BadInputError, read_pressure, read_table, read_trace

pytestmark = pytest.mark.slow

_NUMBER = st.one_of(
    st.floats(width=32).map(repr),
    st.integers(-10, 400).map(str),
    st.sampled_from(["nan", "inf", "-inf", "1e999", "", " ", "1_0", "0x1", "１", "1,2", "½", "+5", "1e-320", "\x00"]),
)
_ROW = st.lists(_NUMBER, min_size=0, max_size=5).map(",".join)
_HEADER = st.sampled_from(
    ["time_s,r,g,b", "time_s,signal", "\ufefftime_s,signal", " time_s , signal ", "TIME_S,SIGNAL", "time_s", ""]
)


@st.composite
def _plausible(draw: st.DrawFn) -> str:
    """A trace with the right shape and any values: long enough to reach the analysis itself."""
    count = draw(st.integers(2, 160))
    start_s = draw(st.sampled_from([0.0, -4.0, 1e5, 1e9]))
    step_s = draw(st.sampled_from([1e-9, 0.01, 0.04, 0.2, 3.0]))
    chance = np.random.default_rng(draw(st.integers(0, 9999)))
    scale = draw(st.sampled_from([0.0, 1e-12, 0.1, 50.0, 1e6, 1e200]))
    times = [repr(float(start_s + step_s * index)) for index in range(count)]
    rise = scale * (chance.random(count) + (np.arange(count) > count // 2))
    if draw(st.booleans()):
        return "time_s,signal\n" + "\n".join(f"{t},{float(h)!r}" for t, h in zip(times, rise, strict=True))
    light = np.clip(100 + min(scale, 50.0) * rise / (scale or 1.0) + 0.01 * chance.random(count), 0, 255)
    return "time_s,r,g,b\n" + "\n".join(f"{t},{float(h)!r},90,80" for t, h in zip(times, light, strict=True))


def _ends_well(path: Path, text: str) -> None:
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    if called(path).exit_code == 2:
        refused(path, path)
    else:
        told(path)


FUZZ = settings(
    derandomize=True, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], database=None
)


@settings(FUZZ, max_examples=200)
@given(header=_HEADER, rows=st.lists(_ROW, max_size=12), end=st.sampled_from(["\n", "\r\n", "\r", "\x85", "\x0c"]))
def test_any_table_ends_in_a_line_or_an_answer(tmp_path: Path, header: str, rows: list[str], end: str) -> None:
    _ends_well(tmp_path / "fuzz.csv", end.join([header, *rows]))


@settings(FUZZ, max_examples=100)
@given(text=st.text(max_size=200))
def test_any_text_ends_in_a_line(tmp_path: Path, text: str) -> None:
    _ends_well(tmp_path / "fuzz.csv", text)


@settings(FUZZ, max_examples=40)
@given(text=_plausible())
def test_any_trace_ends_in_a_line_or_an_answer(tmp_path: Path, text: str) -> None:
    _ends_well(tmp_path / "fuzz.csv", text)


@settings(FUZZ, max_examples=150)
@given(content=st.binary(max_size=300))
def test_any_bytes_end_in_one_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "fuzz.csv"
    path.write_bytes(content)
    for read in (read_trace, read_pressure, lambda p: read_table(p, (("time_s",),))):
        complaint = f"{path}: "
        try:
            read(path)
        except BadInputError as error:
            complaint = str(error)
        assert complaint.startswith(f"{path}: ")
        assert len(one_line(complaint).splitlines()) == 1
