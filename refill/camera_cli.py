"""`refill camera`: whether the camera does what is asked of it, and what each sensor can do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from refill.common import Config, device_file, fail

if TYPE_CHECKING:
    from collections.abc import Callable

    from device.ports import Camera, FrameSettings
    from firmware_config import camera as configured
    from refill.camera_check import Finding

app = typer.Typer(help="The camera: its lock and its modes.", no_args_is_help=True, rich_markup_mode=None)


@app.command()
def modes(
    markdown: Annotated[bool, typer.Option("--markdown", help="as the table of docs/camera.md")] = False,
) -> None:
    """Print the sensors that are known, with their modes and limits."""
    from refill import camera_docs

    typer.echo(camera_docs.as_markdown() if markdown else camera_docs.as_text())


@app.command()
def check(
    config: Config = None,
    seconds: Annotated[float, typer.Option(min=0.5, max=600, help="how long to watch")] = 10.0,
    simulate: Annotated[
        bool, typer.Option("--simulate", help="the phantom's camera in front of simulated skin")
    ] = False,
    camera_faults: Annotated[
        Path | None, typer.Option(help="JSON file of faults that the camera has while it runs; with --simulate")
    ] = None,
) -> None:
    """Open the camera as the bedside would, watch it, and say PASS or FAIL. Stop refill-bedside first."""
    from device.clock import SystemClock
    from device.ports import CameraError
    from refill.camera_check import Finding, watch
    from vision.frames import FrameError

    if camera_faults is not None and not simulate:
        fail("--camera-faults goes with --simulate", 2)
    device = device_file(config, simulate)
    failed = 0

    def say(finding: Finding) -> None:
        nonlocal failed
        failed += finding.passed is False
        typer.echo(str(finding))

    try:
        camera, asked, fps = _simulated(camera_faults) if simulate else _started(device.camera, say)
        try:
            say(Finding("picture", f"{camera.width}x{camera.height}, {camera.layout}"))
            step_us = 0.0 if simulate else device.camera.mode.exposure_step_us
            for finding in watch(camera, asked, fps, seconds, SystemClock(), step_us):
                say(finding)
            sensor_c = getattr(camera, "sensor_c", None)
            say(Finding("sensor is", "not told" if sensor_c is None else f"{sensor_c:g} degrees Celsius"))
        finally:
            camera.close()
    except (CameraError, FrameError) as error:
        say(Finding("camera", str(error), passed=False))
    typer.echo(f"FAIL: {failed} of the lines above" if failed else "PASS")
    if failed:
        raise typer.Exit(1)


def _started(config: configured.Camera, say: Callable[[Finding], None]) -> tuple[Camera, FrameSettings, float]:
    """Return the Pi's camera, started, what its frames have to say, and its rate."""
    from device.camera.pi import PiCamera
    from firmware_config.sensors import SENSORS
    from refill.camera_check import Finding

    mode = config.mode
    say(Finding("sensor", f"{config.sensor}, {SENSORS[config.sensor].module}"))
    say(Finding("mode", f"{mode.width}x{mode.height}, {mode.bit_depth} bit, up to {mode.largest_fps:g} frames/s"))
    camera = PiCamera(config)
    camera.start()
    given = camera.given
    say(Finding("stream", f"{given['format']}, {given['size'][0]}x{given['size'][1]}, {given['stride']} bytes a row"))
    return camera, camera.asked, config.fps


def _simulated(faults: Path | None) -> tuple[Camera, FrameSettings, float]:
    """Return the phantom's camera, started, what its frames say, and its rate: skin that nothing presses on."""
    from device.camera.faulty import FaultFile, FaultyCamera
    from device.camera.phantom import LOCKED, PhantomCamera
    from phantom.live import LiveScene
    from phantom.spec import PressSpec

    spec = PressSpec()
    camera: Camera = PhantomCamera(LiveScene(spec, lambda _: 0.0), spec.fps, spec.width_px, spec.height_px)
    if faults is not None:
        camera = FaultyCamera(camera, FaultFile(faults))
    camera.start()
    return camera, LOCKED, spec.fps
