"""The analysis in its own process: the same answer, an error where it dies, and a new worker after that."""

import os
import signal
import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest

from benchmarks.faults import record
from device.analysis_process import AnalysisError, AnalysisProcess
from phantom.spec import PressSpec
from vision.grid import GridRecording
from vision.press import Settings, analyse_recording
from vision.pressure import PressureTrace

pytestmark = pytest.mark.slow
Press = tuple[GridRecording, PressureTrace]


@pytest.fixture(scope="module")
def press() -> Press:
    grid, pressure, _ = record(PressSpec(seed=5, width_px=128, height_px=96, noise=0.4))
    return grid, pressure


@pytest.fixture
def process() -> Iterator[AnalysisProcess]:
    made = AnalysisProcess()
    yield made
    made.end()


def test_it_answers_to_the_last_digit_as_in_this_process(process: AnalysisProcess, press: Press) -> None:
    here = analyse_recording(*press, Settings(target_kpa=40.0))
    there = process(*press, 40.0)
    assert (there.crt_s, there.crt_ci95_s, there.reason) == (here.crt_s, here.crt_ci95_s, here.reason)
    assert np.array_equal(there.trace.signal, here.trace.signal)


def test_a_worker_that_is_killed_is_an_error_and_the_next_press_has_a_new_one(
    process: AnalysisProcess, press: Press
) -> None:
    process(*press, 40.0)
    worker = process._worker
    assert worker is not None
    os.kill(worker.pid, signal.SIGSTOP)
    failed: list[Exception] = []

    def ask() -> None:
        try:
            process(*press, 40.0)
        except AnalysisError as error:
            failed.append(error)

    waiting = threading.Thread(target=ask)
    waiting.start()
    time.sleep(0.2)
    process.end()
    waiting.join(10)
    assert [str(error) for error in failed] == ["The analysis ended without an answer."]
    assert process(*press, 40.0).crt_s is not None


def test_what_cannot_be_analysed_is_an_error_and_the_next_press_is_analysed(
    process: AnalysisProcess, press: Press
) -> None:
    with pytest.raises(AnalysisError, match="without an answer"):
        process(press[0], "no pressure", 40.0)  # type: ignore[arg-type] # that is what is tried
    assert process(*press, 40.0).crt_s is not None


def test_the_worker_ends_with_the_bedside(press: Press) -> None:
    made = AnalysisProcess()
    made(*press, 40.0)
    worker = made._worker
    assert worker is not None
    assert worker.stdin is not None
    worker.stdin.close()
    assert worker.wait(5) == 0
