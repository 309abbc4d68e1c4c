"""`refill analyse`: a recording, a trace or a stored trace in, the refill time or the reason why there is none out."""

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from refill.recording_files import Progress
    from vision.press import PressAnalysis

EXIT_CODES = {"measured": 0, "censored": 0, "not_measurable": 3}
EXIT_BAD_INPUT = 2
NO_PRESSURE = (
    "Without a pressure trace: the release was found in the picture; a dead time before the colour returns is not told."
)


def parse_roi(text: str | None) -> tuple[int, int, int, int] | None:
    """Return x, y, width, height from `x,y,w,h`; raises `typer.BadParameter`."""
    if text is None:
        return None
    try:
        x, y, w, h = (int(part) for part in text.split(","))
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is not four whole numbers x,y,w,h") from error
    return x, y, w, h


def one_line(text: str) -> str:
    """Return text with everything that does not print escaped: a file's name may hold line ends or bytes of no text."""
    return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in text)


def analyse_stored(
    path: Path, probe: Path | None, roi: tuple[int, int, int, int] | None
) -> tuple["PressAnalysis", str | None]:
    """Return what a stored trace came to, and one sentence where that need not be its reading again.

    Raises `refill.recording_files.BadInputError`, also for options that a stored trace leaves no room for.
    """
    from refill.recording_files import BadInputError, read_stored

    if roi is not None:
        raise BadInputError(f"{path}: a trace has no picture to take a region from")
    if probe is not None:
        raise BadInputError(f"{path}: a stored trace holds its own pressure, and cannot take that of {probe}")
    stored = read_stored(path)
    return stored.analysis(), stored.doubt()


def analyse_path(
    recording: Path, probe: Path | None, roi: tuple[int, int, int, int] | None, progress: "Progress"
) -> "PressAnalysis":
    """Return what the press in a video or a CSV came to; raises `refill.recording_files.BadInputError`."""
    from refill.recording_files import BadInputError, companion, read_pressure, read_trace, read_video
    from vision.press import Settings, analyse_recording, analyse_trace
    from vision.trace import TraceError

    beside = probe or companion(recording, "probe")
    pressure = read_pressure(beside) if beside else None
    try:
        if recording.suffix.lower() == ".csv":
            if roi is not None:
                raise BadInputError(f"{recording}: a trace has no picture to take a region from")
            return analyse_trace(read_trace(recording), pressure, Settings())
        return analyse_recording(read_video(recording, roi, progress), pressure, Settings())
    except TraceError as error:
        raise BadInputError(f"{recording}: {error}") from error


def as_json(analysis: "PressAnalysis", doubt: str | None = None) -> dict[str, Any]:
    """Return the result as one flat object; null where there is no value, finite numbers only.

    `doubt` is a sentence that `message` has to end in.
    """
    from contract.reasons import Reason, sentence
    from contract.version import __version__
    from vision import ALGORITHM_VERSION

    message = None
    if analysis.reason is not None:
        message = sentence(Reason(analysis.reason))
    elif analysis.status == "censored" and analysis.crt_exceeds_s is not None:
        message = f"Refill was not complete within the window: it took longer than {analysis.crt_exceeds_s:.1f} s."
    elif analysis.time_zero_from == "picture":
        message = NO_PRESSURE
    message = " ".join(part for part in (message, doubt) if part) or None
    whole: dict[str, Any] = {"status": analysis.status, "reason": analysis.reason, "message": message}
    names = (
        *(
            "crt_s",
            "crt_ci95_s",
            "crt_exceeds_s",
            "t50_s",
            "crt_90_10_s",
            "crt_100_10_s",
            "tau_s",
            "delay_s",
            "overshoot",
        ),
        *("time_zero_s", "time_zero_from", "blanch_step", "baseline", "mean_hold_kpa", "hold_s", "release_s"),
        *("frames", "frames_dropped"),
    )
    whole |= {name: _finite(getattr(analysis, name)) for name in names}
    return whole | {"software_version": __version__, "algorithm_version": ALGORITHM_VERSION}


def _finite(value: Any) -> Any:
    if isinstance(value, tuple):
        numbers = [_finite(part) for part in value]
        return None if None in numbers else numbers
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return float(value) if isinstance(value, float) else value


@contextmanager
def _bar(shown: bool) -> Iterator["Progress"]:
    """A progress bar on standard error where a person watches it; silence otherwise."""
    from rich.console import Console
    from rich.progress import Progress as RichProgress

    console = Console(stderr=True)
    if not shown or not console.is_terminal:
        yield lambda _done, _expected: None
        return
    with RichProgress(console=console, transient=True) as bar:
        task = bar.add_task("Reading pictures", total=None)
        yield lambda done, expected: bar.update(task, completed=done, total=max(done, expected))


def analyse(
    recording: Annotated[
        Path, typer.Argument(help="a video, a trace CSV (time_s,r,g,b or time_s,signal), or a stored trace (JSON)")
    ],
    probe: Annotated[
        Path | None, typer.Option(help="pressure CSV (time_s,pressure_kpa) [default: NAME.probe.csv]")
    ] = None,
    roi: Annotated[str | None, typer.Option(help="region x,y,w,h in pixels [default: the whole picture]")] = None,
    json_output: Annotated[bool, typer.Option("--json", help="print one JSON object")] = False,
    plot: Annotated[
        Path | None, typer.Option(help="write a plot (PNG): signal, pressure, fit, time zero, 90 %")
    ] = None,
) -> None:
    """Analyse one press. Exit 0 measured or censored, 3 not measurable, 2 bad input."""
    from refill.recording_files import BadInputError

    area = parse_roi(roi)
    try:
        with _bar(shown=not json_output) as progress:
            if recording.suffix.lower() == ".json":
                analysis, doubt = analyse_stored(recording, probe, area)
            else:
                analysis, doubt = analyse_path(recording, probe, area, progress), None
        if plot is not None:
            from refill.plot import write_plot

            write_plot(analysis, plot, recording.name)
    except BadInputError as error:
        typer.echo(f"refill: {one_line(str(error))}", err=True)
        raise typer.Exit(EXIT_BAD_INPUT) from error
    result = as_json(analysis, doubt)
    typer.echo(json.dumps(result, indent=2, allow_nan=False) if json_output else in_words(result))
    raise typer.Exit(EXIT_CODES[analysis.status])


def in_words(result: dict[str, Any]) -> str:
    """Return the result as a few lines for a person."""
    if result["status"] == "not_measurable":
        return f"Not measurable ({result['reason']}): {result['message']}"
    if result["status"] == "censored":
        return f"Censored: {result['message']}"
    low, high = result["crt_ci95_s"]
    end_points = (
        f"  50 % {result['t50_s']:.2f} s, 90-10 {result['crt_90_10_s']:.2f} s, 100-10 {result['crt_100_10_s']:.2f} s, "
        f"tau {result['tau_s']:.2f} s, delay {result['delay_s']:.2f} s, overshoot {100 * result['overshoot']:.0f} %"
    )
    made = (
        f"  time zero {result['time_zero_s']:.3f} s, from the {result['time_zero_from']}; {result['frames']} frames, "
        f"{result['frames_dropped']} dropped"
    )
    lines = [f"Refill time {result['crt_s']:.2f} s (95 % interval {low:.2f} to {high:.2f} s)", end_points, made]
    return "\n".join([*lines, f"  {result['message']}"] if result["message"] else lines)
