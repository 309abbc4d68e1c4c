"""The demo asked for what it cannot show: one line, and nothing is started."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow


def demo(*options: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "refill", "demo", *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--crt", "99"), "outside 0.3 to 8 s"),
        (("--crt", "nan"), "outside 0.3 to 8 s"),
        (("--tone", "VII"), "tone 'VII' is none of"),
        (("--kind", "x"), "kind 'x' is none of"),
        (("--fault", "nonsense"), "fault 'nonsense' is none of"),
        (("--fault", "pressure_leak"), "is the probe's"),
        (("--seed", "-1"), "seed -1"),
        (("--protocol", "none"), "no such file; there are"),
        (("--protocol", "knee-10s"), "not for the finger"),
    ],
)
def test_what_cannot_be_shown_is_refused_in_one_line_and_starts_nothing(
    tmp_path: Path, options: tuple[str, ...], words: str
) -> None:
    ended = demo("--data", str(tmp_path / "demo"), *options)
    assert ended.returncode in (1, 2)
    assert ended.stdout == ""
    (line,) = ended.stderr.splitlines()
    assert words in line
    assert not (tmp_path / "demo").exists()


def test_a_folder_that_cannot_be_written_is_named_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    ended = demo("--data", str(tmp_path / "file"))
    assert (ended.returncode, len(ended.stderr.splitlines())) == (1, 1)
    assert "file" in ended.stderr
