"""A stored trace gives its reading again: every digit of a number, the same reason where there was none."""

import json
import subprocess
import sys
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from refill_bench import FILM, answer, called, refused, told

from contract.identifiers import new_reading_id
from contract.reading import Reading, RefillResult, Status
from contract.reasons import REASONS, Reason
from device.clock import SystemClock
from device.journal import Deliveries, Journal
from device.journal.export import export
from device.records import About, completed, device_of, draft, press_of
from device.stored_trace import FORMAT_1, NOT_IN_FORMAT_1
from firmware_config.loading import load_named
from firmware_config.protocol import Protocol
from phantom.fault_table import FAULTS
from phantom.plan import plan
from phantom.pressure import sensor_series
from phantom.scene import Scene
from phantom.schedule import end_s, schedule
from phantom.spec import PressSpec
from vision import ALGORITHM_VERSION
from vision.grid import GridRecording, GridSampler
from vision.press import PressAnalysis, Settings, analyse_recording
from vision.pressure import PressureTrace

TARGET_KPA = 40.0
ORIGIN_NS = 123_456_789_012_345
LONG = FILM.with_(pre_s=2.5, hold_s=4.0, post_s=7.0)
END_POINTS = ("t50_s", "crt_90_10_s", "crt_100_10_s", "tau_s", "delay_s", "overshoot")
OF_THE_PRESS = ("mean_hold_kpa", "hold_s", "release_s", "time_zero_from", "blanch_step", "baseline", "frames")


@dataclass(frozen=True)
class Pressed:
    """A press as the bedside comes by it."""

    recording: GridRecording
    pressure: PressureTrace


@cache
def analysed(spec: PressSpec, target_kpa: float = TARGET_KPA) -> PressAnalysis:
    press = pressed(spec)
    return analyse_recording(press.recording, press.pressure, Settings(target_kpa=target_kpa))


@cache
def pressed(spec: PressSpec) -> Pressed:
    made = plan(spec)
    times = schedule(made)
    played, scene = made.play(times.times_s), Scene(made)
    sampler, picture, shown = GridSampler(spec.width_px, spec.height_px), None, -1
    for index, source in enumerate(times.shows):
        if picture is None or source != shown:
            since_s = float(played.since_release_s[index])
            picture, shown = scene.render(float(times.times_s[index]), float(played.blood[index]), since_s), source
        sampler.add(picture, float(times.times_s[index]))
    return Pressed(sampler.finish(), PressureTrace(*sensor_series(spec, end_s(made))))


def kept(folder: Path, spec: PressSpec = LONG, target_kpa: float = TARGET_KPA) -> tuple[Path, Any]:
    """The file and the record of a press."""
    made = press_of(1, target_kpa, analysed(spec, target_kpa), pressed(spec).pressure, ORIGIN_NS)
    path = folder / "000001-1.json"
    path.write_bytes(made.trace)
    return path, made.record


def same(found: dict[str, Any], record: Any) -> None:
    """Hold an answer of `refill analyse` against the press's record: no digit may differ."""
    result: RefillResult = record.result
    assert (found["status"], found["reason"]) == (str(result.status), result.reason and str(result.reason))
    assert (found["crt_s"], found["crt_exceeds_s"]) == (result.crt_s, result.crt_exceeds_s)
    assert found["crt_ci95_s"] == (None if result.crt_ci95_s is None else list(result.crt_ci95_s))
    if result.status is Status.MEASURED:
        assert [found[name] for name in END_POINTS] == [getattr(result, name) for name in END_POINTS]
    assert [found[name] for name in OF_THE_PRESS] == [getattr(record, name) for name in OF_THE_PRESS]
    assert found["frames_dropped"] == record.frames_dropped


def change(path: Path, **fields: object) -> Path:
    """The file with top-level fields changed."""
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))
    return path


@pytest.mark.slow
def test_a_measured_press_gives_every_digit_again(tmp_path: Path) -> None:
    path, record = kept(tmp_path)
    assert record.result.status is Status.MEASURED
    found = told(path)
    same(found, record)
    assert found["message"] is None
    assert f"Refill time {record.result.crt_s:.2f} s" in called(path).stdout


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["glare", "moved", "flicker_100"])
def test_a_press_refused_for_its_picture_gives_the_same_reason_again(tmp_path: Path, fault: str) -> None:
    path, record = kept(tmp_path, LONG.with_(fault=fault))
    assert record.result.status is Status.NOT_MEASURABLE
    assert json.loads(path.read_text())["picture_reason"] == str(record.result.reason)
    same(told(path), record)


@pytest.mark.slow
def test_only_the_picture_knows_of_a_glare(tmp_path: Path) -> None:
    path, _ = kept(tmp_path, LONG.with_(fault="glare"))
    assert told(change(path, picture_reason=None))["reason"] != "glare"


@pytest.mark.slow
@pytest.mark.parametrize("fault", sorted({*FAULTS} - {"glare", "moved", "flicker_100"}))
def test_whatever_is_wrong_the_stored_trace_gives_the_same_answer_again(tmp_path: Path, fault: str) -> None:
    path, record = kept(tmp_path, LONG.with_(fault=fault))
    same(told(path), record)


@pytest.mark.slow
def test_a_censored_press_gives_its_bound_again(tmp_path: Path) -> None:
    path, record = kept(tmp_path, LONG.with_(crt_s=15.0))
    assert record.result.status is Status.CENSORED
    same(told(path), record)


@pytest.mark.slow
def test_the_reason_of_the_picture_comes_from_the_file_and_after_that_of_the_pressure(tmp_path: Path) -> None:
    path, record = kept(tmp_path)
    assert record.result.status is Status.MEASURED
    assert told(change(path, picture_reason="glare"))["reason"] == "glare"
    assert told(change(path, target_kpa=TARGET_KPA / 2))["reason"] == "pressure_off_target"


def test_the_target_is_the_one_that_the_reading_had(tmp_path: Path) -> None:
    path, record = kept(tmp_path, target_kpa=TARGET_KPA / 2)
    assert record.result.reason is Reason.PRESSURE_OFF_TARGET
    same(told(path), record)


@pytest.mark.slow
def test_a_trace_of_another_algorithm_says_so(tmp_path: Path) -> None:
    path, _ = kept(tmp_path)
    plain = told(path)
    found = told(change(path, algorithm_version="0.7"))
    assert found["message"] == (
        f"The trace was stored by algorithm 0.7 and is analysed by {ALGORITHM_VERSION}: the reading may differ."
    )
    assert found | {"message": None} == plain
    assert found["message"] in called(path).stdout
    refused_one = told(change(path, picture_reason="glare"))
    assert refused_one["message"] == f"{REASONS[Reason.GLARE].english} {found['message']}"


def test_the_format_before_is_still_read_and_says_what_it_lacks(tmp_path: Path) -> None:
    path, record = kept(tmp_path)
    content = json.loads(path.read_text()) | {"format": FORMAT_1}
    path.write_text(json.dumps({key: value for key, value in content.items() if key not in NOT_IN_FORMAT_1}))
    found = told(path)
    assert found["crt_s"] == record.result.crt_s
    assert "without the picture checks and the target pressure" in found["message"]


@pytest.mark.slow
def test_a_plot_of_a_stored_trace(tmp_path: Path) -> None:
    path, _ = kept(tmp_path)
    assert called(path, "--plot", tmp_path / "p.png").exit_code == 0
    assert (tmp_path / "p.png").read_bytes()[:4] == b"\x89PNG"


def test_a_stored_trace_leaves_no_room_for_another_pressure_or_a_region(tmp_path: Path) -> None:
    path, _ = kept(tmp_path)
    refused(path, path, "--roi", "0,0,64,48", words="no picture")
    refused(path, path, "--probe", tmp_path / "p.csv", words="holds its own pressure")
    (tmp_path / "000001-1.probe.csv").write_text("nonsense")
    assert told(path)["status"] == "measured", "what lies beside it is not its business"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "the file is empty"),
        (b" \n", "the file is empty"),
        (b"time_s,signal\n0,1\n", "not JSON"),
        (b"\xff\xfe\x00", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "its format is neither refill-trace/2 nor refill-trace/1"),
        (b"{}", "its format is neither"),
        (b'{"format": ["refill-trace/2"]}', "its format is neither"),
        (b'{"format": "refill-trace/3"}', "its format is neither"),
        (b'{"format": "refill-trace/2"}', "algorithm_version: Field required (and 5 more)"),
        (b'{"format": "refill-trace/1"}', "origin_boottime_ns: Field required"),
        (b'{"format": "refill-trace/2", "target_kpa": NaN}', "NaN is not a measurement"),
        (b'{"format": "refill-trace/2", "target_kpa": -Infinity}', "-Infinity is not a measurement"),
    ],
)
def test_a_file_that_is_no_stored_trace(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "trace.json"
    path.write_bytes(content)
    refused(path, path, words=words)


def test_a_stored_trace_that_is_not_there(tmp_path: Path) -> None:
    refused(tmp_path / "gone.json", tmp_path / "gone.json", words="No such file")
    (tmp_path / "folder.json").mkdir()
    refused(tmp_path / "folder.json", tmp_path / "folder.json", words="directory")


def test_a_file_too_large_to_be_a_trace_is_not_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "large.json"
    with path.open("wb") as file:
        file.truncate(64_000_001)
    refused(path, path, words="too large")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_a_truncated_file_says_so(tmp_path: Path, share: float) -> None:
    path, _ = kept(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    assert "not JSON" in refused(path, path)


SERIES = {"time_s": [0.0, 0.1], "signal": [1.0, 2.0], "light": None, "surround": None, "repeated": None}
SMALL = {
    "format": "refill-trace/2",
    "algorithm_version": "1",
    "origin_boottime_ns": 1,
    "target_kpa": 40.0,
    "picture_reason": None,
    "frames": SERIES,
    "pressure": {"time_s": [0.0, 0.1], "kpa": [0.0, 1.0]},
}


def test_too_little_of_everything_is_an_answer_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / "small.json"
    path.write_text(json.dumps(SMALL))
    assert told(path)["reason"] == "pressure_off_target"
    path.write_text(json.dumps(SMALL | {"pressure": {"time_s": [], "kpa": []}}))
    assert told(path)["reason"] == "pressure_off_target"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"frames": SERIES | {"signal": [1.0]}}, "frames: Value error, series of unlike length: time_s 2, signal 1"),
        ({"frames": SERIES | {"surround": [1.0]}}, "series of unlike length: time_s 2, signal 2, surround 1"),
        ({"frames": SERIES | {"repeated": [True]}}, "series of unlike length"),
        ({"frames": SERIES | {"light": [[1, 2, 3]]}}, "series of unlike length"),
        ({"frames": SERIES | {"light": [[1, 2], [1, 2]]}}, "frames.light.0"),
        ({"frames": SERIES | {"light": [1, 2]}}, "frames.light.0"),
        ({"frames": SERIES | {"signal": [1.0, None]}}, "frames.signal.1"),
        ({"frames": SERIES | {"signal": [1.0, "2"]}}, "frames.signal.1"),
        ({"frames": SERIES | {"signal": [1.0, True]}}, "frames.signal.1"),
        ({"frames": SERIES | {"signal": [1.0, 1e16]}}, "frames.signal.1"),
        ({"frames": SERIES | {"signal": [1.0, 10**400]}}, "frames.signal.1"),
        ({"frames": SERIES | {"repeated": [0, 1]}}, "frames.repeated.0"),
        ({"frames": SERIES | {"time_s": [0.1, 0.1]}}, "times do not increase"),
        ({"frames": SERIES | {"time_s": [0.1], "signal": [1.0]}}, "1 frame(s): a trace needs at least two"),
        ({"frames": SERIES | {"time_s": [], "signal": []}}, "0 frame(s)"),
        ({"frames": SERIES | {"colour": []}}, "frames.colour: Extra inputs"),
        ({"frames": []}, "frames"),
        ({"pressure": {"time_s": [0.0], "kpa": [1.0, 2.0]}}, "series of unlike length: time_s 1, kpa 2"),
        ({"pressure": {"time_s": [1.0, 0.0], "kpa": [1.0, 2.0]}}, "time runs backwards"),
        ({"pressure": None}, "pressure"),
        ({"target_kpa": 0}, "target_kpa"),
        ({"target_kpa": "40"}, "target_kpa"),
        ({"picture_reason": "gremlins"}, "picture_reason"),
        ({"algorithm_version": "1\n2"}, "algorithm_version"),
        ({"origin_boottime_ns": 1.5}, "origin_boottime_ns"),
        ({"name": "of a patient"}, "name: Extra inputs"),
    ],
)
def test_a_stored_trace_with_something_wrong_in_it(tmp_path: Path, wrong: dict[str, object], words: str) -> None:
    path = tmp_path / "wrong.json"
    path.write_text(json.dumps(SMALL | wrong))
    refused(path, path, words=words)


@pytest.mark.slow
def test_odd_values_are_no_traceback(tmp_path: Path) -> None:
    chance = np.random.default_rng(1)
    trace = analysed(LONG).trace
    for scale in (0.0, 1e-300, 1e6, 1e14):
        harmed = replace(trace, signal=scale * trace.signal, light=scale * chance.random((len(trace.time_s), 3)))
        analysis = replace(analysed(LONG), trace=harmed)
        path = tmp_path / "odd.json"
        path.write_bytes(press_of(1, TARGET_KPA, analysis, pressed(LONG).pressure, ORIGIN_NS).trace)
        told(path)


def journal_of(path: Path, protocol: Protocol) -> Reading:
    """A journal with one reading of one press, and that reading."""
    about = About(
        study="demo",
        site="00",
        inclusion="0001",
        body_site="finger",
        protocol=protocol,
        target_kpa=TARGET_KPA,
        device=device_of("refill-test", ALGORITHM_VERSION, "b" * 64),
        simulated=True,
    )
    made = press_of(1, TARGET_KPA, analysed(LONG), pressed(LONG).pressure, ORIGIN_NS)
    begun = draft(about, SystemClock()).model_copy(update={"reading_id": new_reading_id()})
    with Journal.open(path, "refill-test") as journal:
        journal.begin(begun)
        journal.keep_press(str(begun.reading_id), made.record, made.trace)
        return journal.append(lambda seq: completed(begun, seq, made.record.result, None, [made.record])).reading


@pytest.mark.slow
def test_what_the_journal_exports_is_analysed_as_it_is(tmp_path: Path) -> None:
    reading = journal_of(tmp_path / "journal.sqlite", load_named("protocols", "demo", Protocol))
    with Deliveries.open(tmp_path / "journal.sqlite", read_only=True) as journal:
        files = export(journal, tmp_path / "out")
    path = tmp_path / "out" / "traces" / "000001-1.json"
    assert path in files
    found = told(path)
    same(found, reading.presses[0])
    assert found["crt_s"] == reading.result.crt_s


@pytest.mark.slow
def test_two_processes_print_the_same_bytes(tmp_path: Path) -> None:
    path, _ = kept(tmp_path)
    command = [sys.executable, "-m", "refill", "analyse", str(path), "--json"]
    first, second = (subprocess.run(command, capture_output=True, timeout=120, check=False) for _ in range(2))
    assert (first.returncode, first.stderr) == (0, b"")
    assert first.stdout == second.stdout
    assert answer(first.stdout.decode(), 0)["status"] == "measured"
