"""Recordings on disk, and the command that writes them."""

import json
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from phantom.plan import plan
from phantom.recording import RecordingError, write_recording, write_trace
from phantom.scene import Scene
from phantom.schedule import schedule
from phantom.spec import PressSpec
from phantom.trace import simulate
from refill.phantom_cli import app

SMALL = PressSpec(width_px=96, height_px=72, pre_s=0.5, hold_s=1.0, post_s=1.5, crt_s=0.6, seed=5)
SMALL_OPTIONS = ["--width", "96", "--height", "72", "--pre", "0.5", "--hold", "1", "--post", "1.5", "--crt", "0.6"]


def _frames(path: Path) -> np.ndarray:
    reader, frames = cv2.VideoCapture(str(path)), []
    while True:
        more, frame = reader.read()
        if not more:
            break
        frames.append(frame)
    reader.release()
    return np.array(frames)


def _table(path: Path) -> np.ndarray:
    return np.loadtxt(path, delimiter=",", skiprows=1, ndmin=2)


@pytest.mark.slow
def test_a_recording_is_a_video_with_its_times_pressure_and_truth(tmp_path: Path) -> None:
    written = write_recording(SMALL, tmp_path / "finger")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "finger.frames.csv",
        "finger.mkv",
        "finger.probe.csv",
        "finger.truth.json",
    ]
    frames, times = _frames(tmp_path / "finger.mkv"), _table(tmp_path / "finger.frames.csv")[:, 0]
    assert frames.shape == (len(times), 72, 96, 3)
    assert (tmp_path / "finger.frames.csv").read_text().splitlines()[0] == "time_s"
    probe = _table(tmp_path / "finger.probe.csv")
    assert (tmp_path / "finger.probe.csv").read_text().splitlines()[0] == "time_s,pressure_kpa"
    assert np.diff(probe[:, 0]) == pytest.approx(0.01, abs=1e-6)
    assert probe[-1, 0] == pytest.approx(times[-1], abs=0.08)
    told = json.loads((tmp_path / "finger.truth.json").read_text())
    assert told == json.loads(json.dumps(written.truth))
    assert told["t90"] == 0.6
    pale = frames[(times > told["t0"] - 0.5) & (times < told["t0"])][:, 30:42, 42:54, 1].mean()
    assert pale > frames[times < 0.4][:, 30:42, 42:54, 1].mean() + 8


@pytest.mark.slow
def test_the_video_holds_every_pixel_that_was_rendered(tmp_path: Path) -> None:
    write_recording(SMALL, tmp_path / "a")
    made = plan(SMALL)
    times_s = schedule(made).times_s
    played, scene = made.play(times_s), Scene(made)
    for frame, *at in zip(_frames(tmp_path / "a.mkv"), times_s, played.blood, played.since_release_s, strict=True):
        assert np.array_equal(frame, scene.render(*map(float, at)))


@pytest.mark.slow
def test_the_same_seed_gives_the_same_bytes_and_pixels(tmp_path: Path) -> None:
    for name in ("a", "b.mkv"):
        write_recording(SMALL, tmp_path / name)
    for ending in (".frames.csv", ".probe.csv", ".truth.json"):
        assert (tmp_path / f"a{ending}").read_bytes() == (tmp_path / f"b{ending}").read_bytes()
    assert np.array_equal(_frames(tmp_path / "a.mkv"), _frames(tmp_path / "b.mkv"))


@pytest.mark.slow
def test_repeated_pictures_are_repeated_in_the_video(tmp_path: Path) -> None:
    write_recording(SMALL.with_(fault="repeated_frames"), tmp_path / "a")
    frames = _frames(tmp_path / "a.mkv")
    same = [np.array_equal(a, b) for a, b in pairwise(frames)]
    assert sum(same) >= 12
    assert len(frames) == len(_table(tmp_path / "a.frames.csv"))


def test_a_trace_is_the_simulated_one(tmp_path: Path) -> None:
    write_trace(SMALL, tmp_path / "t")
    assert (tmp_path / "t.trace.csv").read_text().splitlines()[0] == "time_s,r,g,b"
    table, traced = _table(tmp_path / "t.trace.csv"), simulate(SMALL)
    assert table[:, 0] == pytest.approx(traced.time_s, abs=1e-6)
    assert table[:, 1:] == pytest.approx(traced.rgb_encoded, abs=1e-4)


def test_an_interrupted_recording_leaves_nothing(tmp_path: Path) -> None:
    class PulledPlugError(Exception):
        pass

    def pull_plug(done: int, _total: int) -> None:
        if done == 20:
            raise PulledPlugError

    with pytest.raises(PulledPlugError):
        write_recording(SMALL, tmp_path / "a", pull_plug)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_is_one_clear_sentence(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="does not exist"):
        write_recording(SMALL, tmp_path / "nowhere" / "a")


@pytest.mark.slow
def test_a_trace_does_not_take_the_name_of_another_press(tmp_path: Path) -> None:
    write_recording(SMALL, tmp_path / "a")
    write_trace(SMALL, tmp_path / "a")
    with pytest.raises(RecordingError, match="another press"):
        write_trace(SMALL.with_(seed=6), tmp_path / "a")


@pytest.mark.slow
def test_the_command_records_and_names_what_it_wrote(tmp_path: Path) -> None:
    result = CliRunner().invoke(
        app, ["record", str(tmp_path / "x"), *SMALL_OPTIONS, "--tone", "IV", "--seed", "1", "--fault", "moved"]
    )
    assert result.exit_code == 0, result.output
    assert str(tmp_path / "x.mkv") in result.output
    told = json.loads((tmp_path / "x.truth.json").read_text())
    assert (told["tone"], told["seed"], told["fault"], told["crt"]) == ("IV", 1, "moved", 0.6)


def test_the_command_writes_a_trace_alone(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["record", str(tmp_path / "x"), *SMALL_OPTIONS, "--trace-only"])
    assert result.exit_code == 0, result.output
    assert {path.name for path in tmp_path.iterdir()} == {"x.trace.csv", "x.probe.csv", "x.truth.json"}


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--tone", "X"], "tone 'X' is none of"),
        (["--crt", "-2"], "crt_s -2 is outside"),
        (["--fault", "ghost"], "fault 'ghost' is none of"),
        (["--crt", "1", "--delay", "3"], "leaves no time"),
    ],
)
def test_the_command_refuses_what_cannot_be(tmp_path: Path, options: list[str], sentence: str) -> None:
    result = CliRunner().invoke(app, ["record", str(tmp_path / "x"), *options])
    assert result.exit_code == 2
    assert sentence in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_the_command_lists_its_faults() -> None:
    result = CliRunner().invoke(app, ["faults"])
    assert result.exit_code == 0
    assert "edge_crossing" in result.output
