"""What cannot be analysed: exit 2, one line that names the file, nothing on standard output, no traceback."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from refill_bench import FILM, called, changed, film, refused, told, trace_files

from phantom.recording import write_recording
from refill.recording_files import (
    base_name,
    companion,
    read_video,
)

Lines = list[str]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sound recording of two seconds and a half, with its companions."""
    folder = tmp_path_factory.mktemp("film")
    write_recording(FILM.with_(pre_s=0.5, hold_s=0.6, post_s=1.0), folder / "film")
    return folder / "film.mkv"


def _pictures(count: int) -> list[np.ndarray]:
    chance = np.random.default_rng(1)
    return [chance.integers(60, 90, (64, 96, 3), dtype=np.uint8) for _ in range(count)]


@pytest.mark.parametrize("name", ["gone.mkv", "gone.csv", "gone.trace.csv", "gone"])
def test_a_missing_file(tmp_path: Path, name: str) -> None:
    refused(tmp_path / name, tmp_path / name)
    refused(tmp_path / name, tmp_path / name, "--json", "--plot", tmp_path / "p.png")
    assert not (tmp_path / "p.png").exists()


@pytest.mark.parametrize("name", ["folder", "folder.mkv", "folder.csv"])
def test_a_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    refused(tmp_path / name, tmp_path / name)


@pytest.mark.parametrize("name", ["empty.mkv", "empty.mp4", "empty.avi", "empty.csv"])
def test_an_empty_file(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    refused(tmp_path / name, tmp_path / name, words="empty")


@pytest.mark.parametrize("name", ["text.mkv", "text.mp4", "text.avi", "text.txt", "text"])
def test_a_text_file_is_no_video(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("time_s,r,g,b\n0,1,2,3\n" * 200)
    refused(tmp_path / name, tmp_path / name)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", ["noise.mkv", "noise.mp4", "noise.csv"])
def test_random_bytes(tmp_path: Path, name: str, seed: int) -> None:
    (tmp_path / name).write_bytes(np.random.default_rng(seed).bytes(20_000))
    refused(tmp_path / name, tmp_path / name)


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.001, 0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.95])
@pytest.mark.parametrize("companions", [True, False])
def test_a_truncated_recording(whole: Path, tmp_path: Path, share: float, companions: bool) -> None:
    content = whole.read_bytes()
    cut = tmp_path / "film.mkv"
    cut.write_bytes(content[: int(share * len(content))])
    if companions:
        for kind in ("frames", "probe"):
            (tmp_path / f"film.{kind}.csv").write_text(whole.with_name(f"film.{kind}.csv").read_text())
    refused(cut, cut)


@pytest.mark.parametrize(("name", "codec"), [("film.mp4", "mp4v"), ("film.avi", "MJPG")])
@pytest.mark.parametrize("share", [0.01, 0.1, 0.5, 0.8, 0.9])
def test_a_truncated_film_of_another_kind(tmp_path: Path, name: str, codec: str, share: float) -> None:
    path = film(tmp_path / name, _pictures(90), codec=codec)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    refused(path, path)


def test_one_picture_is_not_a_recording(tmp_path: Path) -> None:
    path = film(tmp_path / "one.mkv", _pictures(1))
    refused(path, path, words="one picture")


def test_a_still_image_is_not_a_recording(tmp_path: Path) -> None:
    import cv2

    path = tmp_path / "still.png"
    cv2.imwrite(str(path), _pictures(1)[0])
    refused(path, path)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda lines: [*lines, "99.0"], "times"),
        (lambda lines: lines[:-1], "times"),
        (lambda lines: lines[:10], "times"),
        (lambda lines: lines[:1], ""),
        (lambda lines: ["seconds", *lines[1:]], "wrong header"),
        (lambda lines: [*lines[:5], "nan", *lines[6:]], "line 6"),
        (lambda lines: [*lines[:5], lines[4], *lines[6:]], "line 6: time does not increase"),
    ],
)
def test_frame_times_that_do_not_fit_the_pictures(
    whole: Path, tmp_path: Path, change: Callable[[Lines], Lines], words: str
) -> None:
    (tmp_path / "film.mkv").write_bytes(whole.read_bytes())
    times = tmp_path / "film.frames.csv"
    times.write_text(whole.with_name("film.frames.csv").read_text())
    changed(times, change)
    refused(times, tmp_path / "film.mkv", words=words)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda lines: lines[:1], "0 frame(s)"),
        (lambda lines: lines[:2], "1 frame(s)"),
        (lambda lines: lines[1:], "wrong header"),
        (lambda lines: ["time_s,b,g,r", *lines[1:]], "wrong header"),
        (lambda lines: ["time_s;r;g;b", *lines[1:]], "wrong header"),
        (lambda lines: [*lines[:4], lines[4] + ",1.0", *lines[5:]], "line 5: 5 fields, not 4"),
        (lambda lines: [*lines[:4], lines[4].rpartition(",")[0], *lines[5:]], "line 5: 3 fields, not 4"),
        (lambda lines: [line + ",1" for line in lines], "wrong header"),
        (lambda lines: [*lines[:4], "0.1,nan,100,100", *lines[5:]], "line 5"),
        (lambda lines: [*lines[:4], "0.1,100,inf,100", *lines[5:]], "line 5"),
        (lambda lines: [*lines[:4], "-inf,100,100,100", *lines[5:]], "line 5"),
        (lambda lines: [*lines[:4], "0.1,100,abc,100", *lines[5:]], "line 5: not a number"),
        (lambda lines: [*lines[:4], "0.1,100,,100", *lines[5:]], "line 5: not a number"),
        (lambda lines: [*lines[:4], "0.1,100,1e999,100", *lines[5:]], "line 5"),
        (lambda lines: [lines[0], *lines[:0:-1]], "line 3: time does not increase"),
        (lambda lines: [*lines[:5], lines[4], *lines[5:]], "line 6: time does not increase"),
        (lambda lines: [*lines[:4], lines[4].replace(",", ",-0.1,", 1).rpartition(",")[0], *lines[5:]], "0 to 255"),
        (lambda lines: [*lines[:4], lines[4].replace(",", ",255.1,", 1).rpartition(",")[0], *lines[5:]], "0 to 255"),
        (lambda lines: [*lines[:4], lines[4].replace(",", ",1e300,", 1).rpartition(",")[0], *lines[5:]], "line 5"),
    ],
)
def test_a_trace_that_is_none(tmp_path: Path, change: Callable[[Lines], Lines], words: str) -> None:
    trace, _ = trace_files(tmp_path)
    refused(changed(trace, change), trace, words=words)


@pytest.mark.parametrize("blank_lines", [1, 3])
def test_blank_lines_do_not_shift_the_number_of_the_line_at_fault(tmp_path: Path, blank_lines: int) -> None:
    trace, _ = trace_files(tmp_path)
    for spoilt in ("nan,1,2,3", "0.0,1,2,3"):
        changed(trace, lambda lines, bad=spoilt: [lines[0], *[""] * blank_lines, *lines[1:6], bad, *lines[6:]])
        refused(trace, trace, words=f"line {blank_lines + 7}:")
        trace, _ = trace_files(tmp_path)


@pytest.mark.slow
def test_a_trace_cut_at_any_byte_ends_in_a_line_or_an_answer(tmp_path: Path) -> None:
    trace, probe = trace_files(tmp_path)
    probe.unlink()
    content = trace.read_bytes()
    for length in range(0, 400, 13):
        trace.write_bytes(content[:length])
        result = called(trace)
        if result.exit_code == 2:
            refused(trace, trace)
        else:
            told(trace)


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_a_text_in_another_encoding(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "trace.csv"
    path.write_bytes("time_s,r,g,b\n0,1,2,3\n0.1,é,2,3\n".encode(encoding))
    refused(path, path, words="not a text file")


def test_huge_and_tiny_values_of_a_signal_are_no_traceback(tmp_path: Path) -> None:
    chance = np.random.default_rng(1)
    for name, scale in (("huge", 1e300), ("large", 1e150), ("tiny", 1e-300), ("none", 0.0)):
        path = tmp_path / f"{name}.csv"
        rows = (
            f"{index / 30:.5f},{scale * (value + (index > 150))!r}" for index, value in enumerate(chance.random(400))
        )
        path.write_text("\n".join(["time_s,signal", *(row.replace("np.float64(", "").rstrip(")") for row in rows)]))
        if called(path).exit_code == 2:
            refused(path, path)
        else:
            told(path)


@pytest.mark.parametrize("unit", [1e-6, 1e3, 1e9])
def test_times_in_another_unit_are_no_traceback(tmp_path: Path, unit: float) -> None:
    trace, probe = trace_files(tmp_path)
    for path in (trace, probe):
        rows = [line.split(",", 1) for line in path.read_text().splitlines()]
        scaled = (f"{float(time) * unit!r},{rest}" for time, rest in rows[1:])
        path.write_text("\n".join([",".join(rows[0]), *scaled]) + "\n")
    assert told(trace)["status"] == "not_measurable"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "empty"),
        ("time_s,kpa\n0,1\n", "wrong header"),
        ("time_s,pressure_kpa\n", "0 sample(s)"),
        ("time_s,pressure_kpa\n0,1\n0.1,2\n", "2 sample(s)"),
        ("time_s,pressure_kpa\n0,1\n0.1,nan\n", "line 3"),
        ("time_s,pressure_kpa\n" + "".join(f"{9 - index},1\n" for index in range(9)), "time does not increase"),
        ("time_s,pressure_kpa\n0,1\n0.1,2,3\n", "line 3: 3 fields, not 2"),
    ],
)
def test_a_pressure_file_that_is_none(tmp_path: Path, content: str, words: str) -> None:
    trace, probe = trace_files(tmp_path)
    probe.write_text(content)
    refused(probe, trace, words=words)
    other = probe.rename(tmp_path / "other.csv")
    refused(other, trace, "--probe", other, words=words)


def test_a_pressure_file_that_is_asked_for_and_missing(tmp_path: Path) -> None:
    trace, _ = trace_files(tmp_path)
    refused(tmp_path / "gone.csv", trace, "--probe", tmp_path / "gone.csv")
    refused(tmp_path, trace, "--probe", tmp_path)


@pytest.mark.parametrize("roi", ["-1,0,64,48", "0,0,65000,48", "150,0,40,40", "0,0,4,4", "0,0,0,0", "0,0,-20,40"])
def test_a_region_outside_the_picture(whole: Path, roi: str) -> None:
    refused(whole, whole, f"--roi={roi}", words="does not lie in a picture of 160x120")


@pytest.mark.parametrize("roi", ["", "1,2,3", "1,2,3,4,5", "a,b,c,d", "1.5,2,30,40", "1;2;30;40", "nan,0,1,1"])
def test_a_region_that_is_none(whole: Path, roi: str) -> None:
    result = called(whole, f"--roi={roi}")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    assert "four whole numbers" in result.stderr


def test_a_trace_has_no_region(tmp_path: Path) -> None:
    trace, _ = trace_files(tmp_path)
    refused(trace, trace, "--roi", "0,0,64,48", words="no picture")


@pytest.mark.slow
def test_a_plot_that_cannot_be_written(tmp_path: Path) -> None:
    trace, _ = trace_files(tmp_path)
    (tmp_path / "folder.png").mkdir()
    for target in (tmp_path / "gone" / "p.png", tmp_path / "folder.png", trace / "p.png"):
        refused(target, trace, "--plot", target)
    assert list(tmp_path.glob(".*")) == []


@pytest.mark.slow
@pytest.mark.parametrize("folder", ["", ".", "/", ".."])
def test_a_plot_without_a_name(tmp_path: Path, folder: str) -> None:
    trace, _ = trace_files(tmp_path)
    result = called(trace, f"--plot={folder}")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    assert isinstance(result.exception, SystemExit)


@pytest.mark.parametrize("name", ["a\nb.mkv", "a\rb.csv", "é√.mkv", "a b.csv"])
def test_one_line_whatever_the_file_is_called(tmp_path: Path, name: str) -> None:
    result = called(tmp_path / name)
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.slow
def test_unix_times_are_times(tmp_path: Path) -> None:
    trace, probe = trace_files(tmp_path)
    plain = told(trace)
    for path in (trace, probe):
        rows = [line.split(",", 1) for line in path.read_text().splitlines()]
        shifted = (f"{1764000000 + float(time):.6f},{rest}" for time, rest in rows[1:])
        path.write_text("\n".join([",".join(rows[0]), *shifted]) + "\n")
    assert told(trace)["crt_s"] == pytest.approx(plain["crt_s"], abs=2e-3)


@pytest.mark.slow
@pytest.mark.parametrize("fps", [24.0, 60.0, 120.0])
@pytest.mark.parametrize(("name", "codec"), [("film.mkv", "FFV1"), ("film.mp4", "mp4v"), ("film.avi", "MJPG")])
def test_a_whole_film_is_never_called_truncated(tmp_path: Path, fps: float, name: str, codec: str) -> None:
    for count in (30, 91):
        path = film(tmp_path / name, _pictures(count), fps, codec)
        assert len(read_video(path, None, lambda _done, _expected: None).time_s) == count


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("list.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nfilm.mkv\n#EXT-X-ENDLIST\n"),
        ("list.mkv", "ffconcat version 1.0\nfile film.mkv\n"),
    ],
)
def test_a_playlist_is_no_recording(whole: Path, tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / "film.mkv").write_bytes(whole.read_bytes())
    (tmp_path / name).write_text(content)
    refused(tmp_path / name, tmp_path / name)


def test_companions_share_the_name_of_the_recording(tmp_path: Path) -> None:
    (tmp_path / "a.b.probe.csv").touch()
    assert base_name(tmp_path / "x.trace.csv") == tmp_path / "x"
    assert companion(tmp_path / "a.b.mkv", "probe") == tmp_path / "a.b.probe.csv"
    assert companion(tmp_path / "a.b.trace.csv", "probe") == tmp_path / "a.b.probe.csv"
    assert companion(tmp_path / "a.mkv", "probe") is None
