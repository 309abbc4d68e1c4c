"""`refill analyse` where there is an answer: what it says of traces and recordings."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from refill_bench import FILM, PRESS, answer, called, changed, film, refused, told, trace_files

from phantom.recording import write_recording
from refill.analyse_cli import as_json, in_words, parse_roi
from vision import ALGORITHM_VERSION


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("film")
    write_recording(FILM, folder / "film")
    return folder / "film.mkv"


@pytest.fixture
def recording(recorded: Path, tmp_path: Path) -> Path:
    for path in recorded.parent.iterdir():
        shutil.copy(path, tmp_path)
    return tmp_path / recorded.name


def test_a_trace_with_its_probe_is_measured(tmp_path: Path) -> None:
    trace, _ = trace_files(tmp_path)
    found = told(trace)
    assert found["status"] == "measured"
    assert found["crt_s"] == pytest.approx(1.5, rel=0.12)
    assert found["crt_ci95_s"][0] < found["crt_s"] < found["crt_ci95_s"][1]
    assert found["time_zero_from"] == "pressure"
    assert found["message"] is None
    assert found["frames"] == len(trace.read_text().splitlines()) - 1
    assert found["frames_dropped"] == 0
    assert found["algorithm_version"] == ALGORITHM_VERSION
    assert found["software_version"]


@pytest.mark.slow
def test_without_a_pressure_trace_the_message_says_where_time_zero_is_from(tmp_path: Path) -> None:
    trace, probe = trace_files(tmp_path)
    probe.unlink()
    found = told(trace)
    assert found["time_zero_from"] == "picture"
    assert "Without a pressure trace" in found["message"]
    assert "Without a pressure trace" in called(trace).stdout


@pytest.mark.slow
def test_the_pressure_may_stand_in_another_place(tmp_path: Path) -> None:
    trace, probe = trace_files(tmp_path)
    elsewhere = probe.rename(tmp_path / "elsewhere.csv")
    assert told(trace)["time_zero_from"] == "picture"
    assert told(trace, "--probe", elsewhere)["time_zero_from"] == "pressure"


@pytest.mark.slow
def test_a_refill_longer_than_the_window_is_censored_and_exits_0(tmp_path: Path) -> None:
    trace, _ = trace_files(tmp_path, PRESS.with_(crt_s=15.0, post_s=7.0))
    found = told(trace)
    assert found["status"] == "censored"
    assert "longer than" in found["message"]
    assert 0 < found["crt_exceeds_s"] <= 7.1
    words = called(trace)
    assert words.exit_code == 0
    assert words.stdout.startswith("Censored: ")


def test_a_bad_press_is_not_measurable_and_exits_3(tmp_path: Path) -> None:
    trace, _ = trace_files(tmp_path, PRESS.with_(fault="weak_press"))
    found = told(trace)
    assert found["reason"] == "pressure_off_target"
    assert found["message"] == "The probe did not reach its pressure. Re-seat the finger and press again."
    words = called(trace)
    assert words.exit_code == 3
    assert found["message"] in words.stdout


@pytest.mark.slow
def test_words_for_a_person_say_what_the_json_says(tmp_path: Path) -> None:
    trace, _ = trace_files(tmp_path)
    found, words = told(trace), called(trace).stdout
    assert f"Refill time {found['crt_s']:.2f} s" in words
    assert f"tau {found['tau_s']:.2f} s" in words
    assert words.strip() == in_words(found)


def test_a_trace_of_signal_alone_is_measured(tmp_path: Path) -> None:
    time_s = np.arange(0, 13, 1 / 30)
    since_s = np.maximum(time_s - 5.0, 0)
    noise = 0.002 * np.random.default_rng(1).standard_normal(len(time_s))
    signal = 0.9 + 0.25 * (1 - 10 ** (-since_s / 1.5)) + noise
    path = tmp_path / "signal.csv"
    path.write_text("time_s,signal\n" + "\n".join(f"{t:.5f},{h:.6f}" for t, h in zip(time_s, signal, strict=True)))
    found = told(path)
    assert found["crt_s"] == pytest.approx(1.5, rel=0.1)


@pytest.mark.slow
def test_a_byte_order_mark_windows_line_ends_blank_lines_and_spaces_are_fine(tmp_path: Path) -> None:
    trace, probe = trace_files(tmp_path)
    plain = told(trace)
    for path in (trace, probe):
        lines = path.read_text().splitlines()
        spaced = [lines[0].replace(",", " , "), "", *(line.replace(",", ", ") for line in lines[1:]), "", ""]
        path.write_bytes(b"\xef\xbb\xbf" + "\r\n".join(spaced).encode())
    assert told(trace) == plain


@pytest.mark.slow
def test_an_offset_of_the_times_gives_the_same_answer(tmp_path: Path) -> None:
    trace, probe = trace_files(tmp_path)
    here = told(trace)

    def later(lines: list[str]) -> list[str]:
        rows = [line.split(",", 1) for line in lines[1:]]
        return [lines[0], *(f"{float(time) + 1e5:.6f},{rest}" for time, rest in rows)]

    changed(trace, later)
    changed(probe, later)
    there = told(trace)
    assert there["time_zero_s"] == pytest.approx(here["time_zero_s"] + 1e5, abs=1e-4)
    assert there["crt_s"] == pytest.approx(here["crt_s"], abs=2e-3)
    assert there["crt_ci95_s"] == pytest.approx(here["crt_ci95_s"], abs=5e-3)
    assert there["frames_dropped"] == here["frames_dropped"]


@pytest.mark.slow
def test_the_same_file_gives_the_same_bytes(tmp_path: Path) -> None:
    trace, _ = trace_files(tmp_path)
    assert called(trace, "--json").stdout == called(trace, "--json").stdout


@pytest.mark.slow
def test_gaps_in_the_times_are_counted(tmp_path: Path) -> None:
    trace, _ = trace_files(tmp_path)
    changed(trace, lambda lines: [*lines[:20], *lines[25:]])
    found = told(trace)
    assert found["frames_dropped"] == 5
    changed(trace, lambda lines: [line for line in lines if not line.startswith(("6.9", "7.0", "7.1"))])
    assert told(trace)["reason"] == "frames_lost"


def test_a_probe_clock_that_does_not_overlap_is_no_measurement(tmp_path: Path) -> None:
    trace, probe = trace_files(tmp_path)
    rows = [line.split(",") for line in probe.read_text().splitlines()[1:]]
    for offset_s in (5e4, -5e4):
        shifted = (f"{float(time) + offset_s:.4f},{kpa}" for time, kpa in rows)
        probe.write_text("\n".join(["time_s,pressure_kpa", *shifted]) + "\n")
        assert told(trace)["status"] == "not_measurable"


@pytest.mark.slow
def test_a_plot_is_a_picture_whatever_the_outcome(tmp_path: Path) -> None:
    for name, spec in (
        ("sound", PRESS),
        ("slow", PRESS.with_(crt_s=15.0)),
        ("weak", PRESS.with_(fault="weak_press")),
        ("pale", PRESS.with_(fault="no_blanch")),
    ):
        trace, _ = trace_files(tmp_path, spec, name)
        result = called(trace, "--plot", tmp_path / f"{name}.png")
        assert result.exit_code in (0, 3), result.output
        picture = cv2.imread(str(tmp_path / f"{name}.png"))
        assert picture is not None
        assert picture.shape[0] > 300
        assert picture.std() > 5
    assert list(tmp_path.glob(".*")) == []


@pytest.mark.slow
def test_a_recording_with_its_companions_is_measured(recording: Path, tmp_path: Path) -> None:
    plot = tmp_path / "film.png"
    found = told(recording, "--plot", plot)
    assert found["status"] == "measured"
    assert found["crt_s"] == pytest.approx(1.0, rel=0.15)
    assert found["time_zero_from"] == "pressure"
    assert found["frames_dropped"] == 0
    assert cv2.imread(str(plot)) is not None


@pytest.mark.slow
def test_a_recording_alone_is_measured_from_the_picture(recording: Path) -> None:
    recording.with_name("film.probe.csv").unlink()
    recording.with_name("film.frames.csv").unlink()
    found = told(recording)
    assert found["status"] == "measured"
    assert found["time_zero_from"] == "picture"
    assert found["crt_s"] == pytest.approx(1.0, rel=0.2)


@pytest.mark.slow
def test_a_region_of_the_picture_is_measured_alone(recording: Path) -> None:
    found = told(recording, "--roi", "40,20,80,80")
    assert found["status"] == "measured"
    assert found["crt_s"] == pytest.approx(1.0, rel=0.15)


@pytest.mark.slow
@pytest.mark.parametrize("size", [(97, 61), (161, 121)])
def test_a_picture_of_odd_size_can_be_read(tmp_path: Path, size: tuple[int, int]) -> None:
    chance = np.random.default_rng(1)
    pictures = (chance.integers(60, 90, (size[1], size[0], 3), dtype=np.uint8) for _ in range(90))
    found = told(film(tmp_path / "odd.avi", pictures, codec="MJPG"))
    assert found["frames"] == 90
    assert found["status"] != "measured"


def test_a_grey_film_has_a_reason(tmp_path: Path) -> None:
    chance = np.random.default_rng(1)
    pictures = (chance.integers(60, 90, (64, 96), dtype=np.uint8) for _ in range(90))
    assert told(film(tmp_path / "grey.mkv", pictures))["status"] == "not_measurable"


@pytest.mark.slow
def test_one_colour_for_ever_has_a_reason(tmp_path: Path) -> None:
    for name, level in (("black", 0), ("white", 255), ("middle", 128)):
        pictures = (np.full((64, 96, 3), level, np.uint8) for _ in range(90))
        found = told(film(tmp_path / f"{name}.mkv", pictures))
        assert found["status"] == "not_measurable"
        assert found["reason"] == {"black": "too_dark", "white": "saturated"}.get(name, found["reason"])


@pytest.mark.slow
def test_a_16_bit_film_is_read_or_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "deep.mkv"
    options = [cv2.VIDEOWRITER_PROP_DEPTH, cv2.CV_16U, cv2.VIDEOWRITER_PROP_IS_COLOR, 0]
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*"FFV1"), 30.0, (96, 64), options)
    assert writer.isOpened()
    chance = np.random.default_rng(1)
    for _ in range(60):
        writer.write(chance.integers(9000, 12000, (64, 96), dtype=np.uint16))
    writer.release()
    if called(path).exit_code == 2:
        refused(path, path)
    else:
        assert told(path)["frames"] == 60


def test_a_region_is_four_whole_numbers() -> None:
    assert parse_roi("1,2,30,40") == (1, 2, 30, 40)
    assert parse_roi(None) is None


@pytest.mark.slow
def test_the_answer_is_a_flat_object(tmp_path: Path) -> None:
    trace, _ = trace_files(tmp_path)
    assert all(not isinstance(value, dict) for value in told(trace).values())
    assert callable(as_json)


def _run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("refill")), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.slow
def test_the_real_command(tmp_path: Path) -> None:
    trace, _ = trace_files(tmp_path)
    sound = _run("analyse", trace, "--json", "--plot", tmp_path / "p.png")
    assert sound.stderr == ""
    assert answer(sound.stdout, sound.returncode)["status"] == "measured"
    assert cv2.imread(str(tmp_path / "p.png")) is not None
    weak, _ = trace_files(tmp_path, PRESS.with_(fault="weak_press"), "weak")
    assert _run("analyse", weak).returncode == 3
    missing = _run("analyse", tmp_path / "nowhere.mkv", "--json")
    assert (missing.returncode, missing.stdout) == (2, "")
    assert missing.stderr.splitlines() == [f"refill: {tmp_path / 'nowhere.mkv'}: no such file"]


@pytest.mark.slow
def test_the_real_command_says_one_line_about_a_damaged_film(recorded: Path, tmp_path: Path) -> None:
    """FFmpeg writes its own complaints from C: none of them may reach the terminal."""
    whole = recorded.read_bytes()
    for name, content in (
        ("cut.mkv", whole[: len(whole) // 2]),
        ("noise.mkv", np.random.default_rng(1).bytes(50_000)),
        ("spoilt.mkv", whole[:3000] + np.random.default_rng(2).bytes(2000) + whole[5000:]),
    ):
        path = tmp_path / name
        path.write_bytes(content)
        ended = _run("analyse", path, "--json")
        if ended.returncode == 2:
            assert ended.stdout == ""
            assert len(ended.stderr.splitlines()) == 1
            assert str(path) in ended.stderr
        else:
            assert ended.stderr == ""
            answer(ended.stdout, ended.returncode)
        assert ended.returncode == 2 or name == "spoilt.mkv"
    assert json.loads(recorded.with_name("film.truth.json").read_text())["t90"] == 1.0
