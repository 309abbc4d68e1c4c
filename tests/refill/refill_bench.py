"""Files of a press as a user might hand them over, and `refill analyse` called on them."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import typer
from typer.testing import CliRunner

from phantom.recording import write_trace
from phantom.spec import PressSpec
from refill.analyse_cli import analyse

KEYS = (
    *("status", "reason", "message", "crt_s", "crt_ci95_s", "t50_s", "crt_90_10_s", "crt_100_10_s", "tau_s"),
    *("delay_s", "overshoot", "time_zero_s", "time_zero_from", "frames", "frames_dropped"),
    *("software_version", "algorithm_version"),
)
NUMBERS = ("crt_s", "crt_ci95_s", "t50_s", "crt_90_10_s", "crt_100_10_s", "tau_s", "delay_s", "overshoot")
PRESS = PressSpec(pre_s=2.0, hold_s=4.0, post_s=7.0, crt_s=1.5, pulse=0.03, slow_wave=0.002, respiration=0.002, seed=3)
FILM = PRESS.with_(width_px=160, height_px=120, pre_s=1.0, hold_s=2.0, post_s=5.0, crt_s=1.0, motion_px=0.2)

_APP = typer.Typer(pretty_exceptions_enable=False)
_APP.command()(analyse)


def called(*arguments: object) -> Any:
    """`refill analyse` with these arguments, in this process."""
    return CliRunner().invoke(_APP, [str(argument) for argument in arguments])


def told(*arguments: object) -> dict[str, Any]:
    """The JSON of a call that ends in an answer, with what must be true of every one of them."""
    result = called(*arguments, "--json")
    assert result.exit_code in (0, 3), result.output
    return answer(result.stdout, result.exit_code)


def _no_constant(name: str) -> None:
    raise AssertionError(f"{name} is not JSON")


def answer(stdout: str, exit_code: int) -> dict[str, Any]:
    """One JSON object, complete, with finite numbers, and with the exit code of its status."""
    told: dict[str, Any] = json.loads(stdout, parse_constant=_no_constant)
    assert set(KEYS) <= set(told)
    assert exit_code == {"measured": 0, "censored": 0, "not_measurable": 3}[told["status"]]
    for name in NUMBERS:
        assert (told[name] is not None) == (told["status"] == "measured"), name
    assert (told["reason"] is not None) == (told["status"] == "not_measurable")
    assert told["message"] or told["status"] == "measured"
    assert isinstance(told["frames"], int)
    return told


def refused(path: Path | str, *arguments: object, words: str = "") -> str:
    """The one line on standard error of a call that is refused: exit 2, the file named, nothing on standard output."""
    result = called(*arguments)
    assert result.exit_code == 2, (result.exit_code, result.output)
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert len(lines) == 1, result.stderr
    assert str(path) in lines[0]
    assert "Traceback" not in lines[0]
    assert words in lines[0], lines[0]
    return lines[0]


def trace_files(folder: Path, spec: PressSpec = PRESS, name: str = "press") -> tuple[Path, Path]:
    """A simulated trace and its probe file."""
    write_trace(spec, folder / name)
    return folder / f"{name}.trace.csv", folder / f"{name}.probe.csv"


def changed(path: Path, change: Callable[[list[str]], Iterable[str]]) -> Path:
    """The file with its lines changed, header first."""
    path.write_text("\n".join(change(path.read_text().splitlines())) + "\n", encoding="utf-8")
    return path


def film(path: Path, pictures: Iterable[np.ndarray], fps: float = 30.0, codec: str = "FFV1") -> Path:
    """A video of pictures of one size, colour or grey."""
    writer = None
    for picture in pictures:
        if writer is None:
            size = (picture.shape[1], picture.shape[0])
            writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), fps, size, picture.ndim == 3)
            assert writer.isOpened()
        writer.write(picture)
    assert writer is not None
    writer.release()
    return path
