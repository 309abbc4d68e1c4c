"""`refill phantom`: recordings of a simulated press and photos of a simulated leg, with their truth."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.progress import Progress

app = typer.Typer(help="Simulated skin, probe and camera.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def _phantom() -> None:
    """Simulated skin, probe and camera."""


def _bar() -> "Progress":
    from rich.console import Console
    from rich.progress import Progress

    return Progress(console=Console(stderr=True), transient=True)


def _complain(sentence: str) -> typer.Exit:
    typer.echo(sentence, err=True)
    return typer.Exit(2)


@app.command()
def record(
    out: Annotated[Path, typer.Argument(help="where to write, with or without .mkv; siblings get the same name")],
    crt: Annotated[float, typer.Option(help="true refill time of the blood volume to 90 %, s")] = 2.4,
    tone: Annotated[str, typer.Option(help="skin tone, I to VI")] = "III",
    kind: Annotated[str, typer.Option(help="refill curve: exp, biexp, delayed, sigmoid, overshoot")] = "exp",
    step: Annotated[float, typer.Option(help="blanch step, ln of linear green")] = 0.25,
    delay: Annotated[float | None, typer.Option(help="dead time before refill starts, s [default: by kind]")] = None,
    fps: Annotated[float, typer.Option(help="frames per second")] = 30.0,
    width: Annotated[int, typer.Option(help="width, px")] = 320,
    height: Annotated[int, typer.Option(help="height, px")] = 240,
    pre: Annotated[float, typer.Option(help="time before the press, s")] = 3.0,
    hold: Annotated[float, typer.Option(help="time at full pressure, s")] = 10.0,
    post: Annotated[
        float | None, typer.Option(help="time watched after release, s [default: 10 or four refill times]")
    ] = None,
    pulse: Annotated[float, typer.Option(help="amplitude of the pulse, of the blanch step")] = 0.05,
    respiration: Annotated[float, typer.Option(help="amplitude of respiration, of the blanch step")] = 0.01,
    slow_wave: Annotated[float, typer.Option(help="amplitude of the 0.05 to 0.15 Hz wave, of the step")] = 0.015,
    drift: Annotated[float, typer.Option(help="drift of blood volume, of the step in 10 s")] = 0.0,
    noise: Annotated[float, typer.Option(help="camera noise, times the nominal sensor's; 0 is none")] = 1.0,
    motion_px: Annotated[float, typer.Option(help="hand motion, px RMS on each axis")] = 0.4,
    fault: Annotated[str | None, typer.Option(help="one of `refill phantom faults`")] = None,
    fault_size: Annotated[float, typer.Option(help="size of the fault, times its default")] = 1.0,
    seed: Annotated[int, typer.Option(help="seed of everything left to chance")] = 0,
    trace_only: Annotated[bool, typer.Option(help="write OUT.trace.csv (time_s,r,g,b) instead of a video")] = False,
) -> None:
    """Write OUT.mkv with OUT.frames.csv, OUT.probe.csv and OUT.truth.json."""
    from phantom.recording import RecordingError, write_recording, write_trace
    from phantom.spec import ImpossibleSpecError, PressSpec

    spec = PressSpec(
        crt_s=crt,
        tone=tone,
        kind=kind,
        step_ln_g=step,
        delay_s=delay,
        fps=fps,
        width_px=width,
        height_px=height,
        pre_s=pre,
        hold_s=hold,
        post_s=post,
        pulse=pulse,
        respiration=respiration,
        slow_wave=slow_wave,
        drift=drift,
        noise=noise,
        motion_px=motion_px,
        fault=fault,
        fault_size=fault_size,
        seed=seed,
    )
    try:
        if trace_only:
            written = write_trace(spec, out)
        else:
            with _bar() as bar:
                task = bar.add_task("Recording", total=None)
                written = write_recording(spec, out, lambda done, total: bar.update(task, completed=done, total=total))
    except (ImpossibleSpecError, RecordingError) as error:
        raise _complain(str(error)) from error
    typer.echo("\n".join(str(path) for path in written.paths))


@app.command()
def faults() -> None:
    """List the faults that a recording can have."""
    from phantom.fault_table import FAULTS

    for name, kind in FAULTS.items():
        typer.echo(f"{name:18} {kind.what} ({kind.size:g} {kind.unit})".rstrip().replace(" )", ")"))


@app.command()
def leg(
    out: Annotated[Path, typer.Argument(help="the photo, .jpg or .png; siblings get the same name")],
    score: Annotated[int, typer.Option(min=0, max=5, help="true mottling score")] = 3,
    tone: Annotated[str | None, typer.Option(help="skin tone, I to VI [default: by the seed]")] = None,
    renderer: Annotated[str, typer.Option(help="optics or painter")] = "optics",
    seed: Annotated[int, typer.Option(min=0, help="everything left to chance")] = 0,
    width: Annotated[int, typer.Option(min=400, max=6000, help="width, px; the height is three quarters of it")] = 1600,
) -> None:
    """Write a photo of a leg, OUT.landmarks.json as a nurse would mark it, and OUT.truth.json."""
    import json
    from dataclasses import replace

    import cv2

    from phantom.leg.drawn_at_random import spec_of
    from phantom.leg.photo import take
    from phantom.leg.spec import RENDERERS
    from phantom.tones import TONES

    if out.suffix.lower() not in (".jpg", ".jpeg", ".png"):
        raise _complain(f"{out}: the photo's name ends in .jpg or .png")
    found = next((name for name in RENDERERS if name == renderer), None)
    if found is None:
        raise _complain(f"--renderer {renderer}: one of {', '.join(RENDERERS)}")
    if tone is not None and tone not in TONES:
        raise _complain(f"--tone {tone}: one of {', '.join(TONES)}")
    drawn = spec_of(seed, found, score)
    spec = replace(drawn, tone=tone or drawn.tone, width_px=width, height_px=width * 3 // 4)
    taken = take(replace(spec, view="whole", covered_from=None, groin_given=True))
    truth = taken.truth
    marks = truth.landmarks_tapped
    written = {
        "landmarks": {"knee": marks.knee, "patella": marks.patella, "groin": marks.groin},
        "truth": {
            "score": truth.score,
            "max_supported": truth.max_supported,
            "zones": truth.zones,
            "mm_per_px": truth.mm_per_px,
            "tone": spec.tone,
            "simulated": True,
        },
    }
    ok, content = cv2.imencode(out.suffix.lower(), taken.photo)
    try:
        out.write_bytes(content.tobytes() if ok else b"")
        for name, what in written.items():
            out.with_suffix(f".{name}.json").write_text(json.dumps(what, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise _complain(f"{out}: {error.strerror or error}") from error
    typer.echo("\n".join(str(path) for path in (out, *(out.with_suffix(f".{name}.json") for name in written))))
