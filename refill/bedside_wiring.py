"""Puts the bedside machine together, on a Pi or on the phantom. The one place that knows which is which."""

import contextlib
import logging
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from device.analysis_process import AnalysisProcess
from device.bedside import Bedside, Habits, Parts
from device.bedside_choice import Desk, Machine
from device.bedside_events import json_lines, sentences
from device.calibrated import Calibrated
from device.choice import ChoiceKeeper
from device.clock import SystemClock
from device.console import Console
from device.console_words import Choice
from device.journal import Journal
from device.panel import Panel, local_time_of
from device.photo_inbox import inbox_of, make
from device.photo_process import PhotoProcess
from device.ports import Camera, Emit
from device.probe.link import ProbeClient
from device.records import device_of
from firmware_config.device import DeviceConfig
from firmware_config.loading import content_sha256
from vision import ALGORITHM_VERSION

log = logging.getLogger(__name__)


class WiringError(Exception):
    """What was asked for does not go together; the text is one sentence."""


@dataclass(frozen=True)
class Phantom:
    """The simulated skin and camera that were asked for; None where the phantom's own default serves."""

    world: Path
    tone: str | None = None
    crt_s: float | None = None
    kind: str | None = None
    fault: str | None = None
    seed: int = 0
    camera_faults: Path | None = None


@dataclass(frozen=True)
class Order:
    """What to put together. `choice` is made at the start; None leaves the one that was kept."""

    device: DeviceConfig
    choice: Choice | None
    socket: Path
    console: Path
    run_folder: Path
    site_folder: Path | None
    """Where a site's own studies and protocols lie."""
    folder: Path
    measurements: int | None
    events: bool
    phantom: Phantom | None


def run_bedside(order: Order, stop: threading.Event) -> None:
    """Be the bedside machine until `stop` or until it has measured enough.

    Raises `JournalError`, `PanelError`, `ConsoleError`, `BedsideError`, `HardwareError` and, for a choice that does not
    fit its study or an impossible phantom, `WiringError`; each in one sentence, with the probe released.
    """
    clock, device = SystemClock(), order.device
    desk = _desk(order, clock)
    if order.choice is not None:
        refusal = desk.choose(order.choice)
        if refusal is not None:
            raise WiringError(refusal)
    with contextlib.ExitStack() as opened:
        listeners: list[Emit] = [json_lines(sys.stdout) if order.events else sentences(sys.stdout)]
        camera, pin_factory, camera_fps = _hardware(order)
        panel = Panel(device.panel, device.pins, pin_factory, clock, local_time_of(clock))
        opened.callback(panel.close)
        analysis = AnalysisProcess()
        opened.callback(analysis.end)
        photos = PhotoProcess([sys.executable, "-m", "refill.mottling_worker"])
        opened.callback(photos.end)
        console = Console(order.console)
        opened.callback(console.close)
        inbox = inbox_of(order.console)
        _make(inbox)
        if order.phantom is not None:
            listeners.append(opened.enter_context(_nurse(order, pin_factory)))
        parts = Parts(
            camera=camera,
            probe=ProbeClient(order.socket),
            panel=panel,
            console=console,
            open_journal=lambda: Journal.open(order.folder / "journal.sqlite", device.name),
            clock=clock,
            analyse=analysis,
            desk=desk,
            emit=_all_of(listeners),
            assess=photos,
        )
        Bedside(
            parts,
            Habits(
                journal_folder=order.folder,
                run_folder=order.run_folder,
                fps=camera_fps,
                language=device.language,
                minimum_free_mb=device.storage.minimum_free_mb,
                measurements=order.measurements,
                inbox=inbox,
            ),
        ).run(stop)


def _make(inbox: Path) -> None:
    try:
        make(inbox)
    except OSError as error:
        # Without it no photo comes, and everything else serves.
        log.warning("%s: %s", inbox, error.strerror)


def _desk(order: Order, clock: SystemClock) -> Desk:
    device = order.device
    keeper = ChoiceKeeper(order.run_folder, clock, device.bedside.choice_lasts_h)
    machine = Machine(
        device_of(device.name, ALGORITHM_VERSION, content_sha256(device)),
        device.probe.plate_area_mm2,
        simulated=order.phantom is not None,
        # The phantom stands nowhere.
        home_site=None if order.phantom is not None else device.site,
        language=device.language,
        calibrated=Calibrated(
            order.folder / "calibration", device, clock, simulated=order.phantom is not None
        ).standing,
        site_folder=order.site_folder,
    )
    return Desk(keeper, machine, clock)


def _hardware(order: Order) -> tuple[Camera, Any, float]:
    """Return camera, pin factory, and how many frames a second to expect."""
    if order.phantom is None:
        from device.camera.pi import PiCamera
        from device.probe.drivers import hardware_pin_factory

        return PiCamera(order.device.camera), hardware_pin_factory(), order.device.camera.fps
    from gpiozero.pins.mock import MockFactory

    camera, fps = _phantom_camera(order.phantom)
    return camera, MockFactory(), fps


def _phantom_camera(phantom: Phantom) -> tuple[Camera, float]:
    from device.camera.faulty import FaultFile, FaultyCamera
    from device.camera.phantom import PhantomCamera
    from phantom.live import LiveScene
    from phantom.spec import ImpossibleSpecError, PressSpec
    from phantom.world import PressureWorldReader

    asked = {"tone": phantom.tone, "crt_s": phantom.crt_s, "kind": phantom.kind, "fault": phantom.fault}
    try:
        spec = PressSpec(seed=phantom.seed).with_(**{key: value for key, value in asked.items() if value is not None})
        reader = PressureWorldReader(phantom.world)
        scene = LiveScene(spec.check(), reader.pressure_at, reader.history)
    except ImpossibleSpecError as error:
        raise WiringError(f"the phantom cannot be that: {error}") from error
    camera = PhantomCamera(scene, spec.fps, spec.width_px, spec.height_px)
    if phantom.camera_faults is None:
        return camera, spec.fps
    return FaultyCamera(camera, FaultFile(phantom.camera_faults)), spec.fps


@contextlib.contextmanager
def _nurse(order: Order, pin_factory: Any) -> Iterator[Emit]:
    """A simulated bedside has a simulated nurse, where a number of measurements was asked for."""
    if order.measurements is None:
        yield lambda _: None
        return
    from phantom.nurse import Nurse

    nurse = Nurse(pin_factory.pin(order.device.pins.button), order.measurements)
    nurse.start()
    try:
        yield nurse.hear
    finally:
        nurse.stop()


def _all_of(listeners: list[Emit]) -> Emit:
    def emit(event: dict[str, object]) -> None:
        for listener in listeners:
            listener(event)

    return emit
