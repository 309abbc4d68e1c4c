"""Puts the bedside machine together, on a Pi or on the phantom. The one place that knows which is which."""

import contextlib
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from contract.envelope import first_error
from contract.reading import BodySite, Subject
from device.bedside import Bedside, Habits, Parts
from device.bedside_events import json_lines
from device.camera.phantom import PhantomCamera
from device.camera.pi import PiCamera
from device.clock import SystemClock
from device.journal import Journal
from device.panel import Panel
from device.ports import Camera, Emit
from device.probe.link import ProbeClient
from device.records import About, device_of
from firmware_config.device import DeviceConfig
from firmware_config.loading import ConfigurationError, content_sha256
from firmware_config.protocol import Protocol
from firmware_config.study import Study
from vision import ALGORITHM_VERSION
from vision.grid import GridRecording
from vision.press import PressAnalysis, Settings, analyse_recording
from vision.pressure import PressureTrace


class WiringError(Exception):
    """What was asked for does not go together; the text is one sentence."""


@dataclass(frozen=True)
class Phantom:
    """The simulated skin that was asked for; None where the phantom's own default serves."""

    world: Path
    tone: str | None = None
    crt_s: float | None = None
    kind: str | None = None
    fault: str | None = None
    seed: int = 0


@dataclass(frozen=True)
class Order:
    """What to put together."""

    device: DeviceConfig
    study: Study
    protocol: Protocol
    subject: tuple[str, str]
    body_site: str
    event: str | None
    socket: Path
    folder: Path
    measurements: int | None
    events: bool
    phantom: Phantom | None

    @property
    def target_kpa(self) -> float:
        """What the protocol asks for on this device's plate; raises `ConfigurationError` where that is too much."""
        return self.protocol.target_kpa_on(self.device.probe.plate_area_mm2)

    def check(self) -> "Order":
        """Return itself; raises `WiringError` in one sentence where study, protocol and subject do not fit."""
        site, inclusion = self.subject
        if site not in self.study.sites:
            raise WiringError(f"study {self.study.name} has no site {site}")
        if self.body_site not in self.protocol.body_sites:
            raise WiringError(f"protocol {self.protocol.name} is not for the {self.body_site}")
        if self.event is not None and self.event not in self.study.events:
            raise WiringError(f"study {self.study.name} has no event {self.event}; there are: {self.study.events}")
        try:
            _ = self.target_kpa
        except ConfigurationError as error:
            raise WiringError(str(error)) from error
        try:
            Subject(site=site, inclusion=inclusion)
        except ValidationError as error:
            raise WiringError(f"subject {site}-{inclusion}: {first_error(error)}") from error
        return self


def run_bedside(order: Order, stop: threading.Event) -> None:
    """Be the bedside machine until `stop` or until it has measured enough.

    Raises `JournalError`, `CameraError`, `PanelError`, `BedsideError`, `HardwareError` and, for an impossible phantom,
    `WiringError`; each in one sentence, with the probe released.
    """
    clock = SystemClock()
    with contextlib.ExitStack() as opened:
        journal = opened.enter_context(Journal.open(order.folder / "journal.sqlite", order.device.name))
        listeners: list[Emit] = [json_lines(sys.stdout)] if order.events else [_sentences]
        camera, pin_factory = _hardware(order)
        panel = Panel(order.device.pins, pin_factory, clock)
        opened.callback(panel.close)
        if order.phantom is not None:
            listeners.append(opened.enter_context(_nurse(order, pin_factory)))
        parts = Parts(
            camera=camera,
            probe=ProbeClient(order.socket),
            panel=panel,
            journal=journal,
            clock=clock,
            analyse=_analyser(order.target_kpa),
            emit=_all_of(listeners),
        )
        habits = Habits(order.device.language, order.device.storage.minimum_free_mb, order.measurements)
        Bedside(parts, _about(order), habits).run(stop)


def _about(order: Order) -> About:
    return About(
        study=order.study.name,
        site=order.subject[0],
        inclusion=order.subject[1],
        body_site=BodySite(order.body_site),
        protocol=order.protocol,
        target_kpa=order.target_kpa,
        device=device_of(order.device.name, ALGORITHM_VERSION, content_sha256(order.device)),
        simulated=order.phantom is not None,
        event=order.event,
    )


def _analyser(target_kpa: float) -> Any:
    settings = Settings(target_kpa=target_kpa)

    def analyse(recording: GridRecording, pressure: PressureTrace) -> PressAnalysis:
        return analyse_recording(recording, pressure, settings)

    return analyse


def _hardware(order: Order) -> tuple[Camera, Any]:
    """Return camera and pin factory."""
    if order.phantom is None:
        from device.probe.drivers import hardware_pin_factory

        shape = order.device.camera
        return PiCamera(shape.width, shape.height, shape.fps), hardware_pin_factory()
    from gpiozero.pins.mock import MockFactory

    from phantom.live import LiveScene
    from phantom.spec import ImpossibleSpecError, PressSpec
    from phantom.world import PressureWorldReader

    phantom = order.phantom
    asked = {"tone": phantom.tone, "crt_s": phantom.crt_s, "kind": phantom.kind, "fault": phantom.fault}
    try:
        spec = PressSpec(seed=phantom.seed).with_(**{key: value for key, value in asked.items() if value is not None})
        reader = PressureWorldReader(phantom.world)
        scene = LiveScene(spec.check(), reader.pressure_at, reader.history)
    except ImpossibleSpecError as error:
        raise WiringError(f"the phantom cannot be that: {error}") from error
    return PhantomCamera(scene, spec.fps, spec.width_px, spec.height_px), MockFactory()


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


def _sentences(event: dict[str, object]) -> None:
    """The plain output: one line for what a person wants to know."""
    kind = event["event"]
    if kind == "reading":
        result = event["result"]
        words = event["sentence"]
        if isinstance(result, dict) and words is None:
            number = result["crt_s"] if result["crt_s"] is not None else f"> {result['crt_exceeds_s']}"
            words = f"{number if isinstance(number, str) else f'{number:.2f}'} s"
        sys.stdout.write(f"reading {event['device_seq']}: {words}\n")
    elif kind in ("problem", "refused"):
        sys.stdout.write(f"{event['sentence']}\n")
    elif kind == "state":
        sys.stdout.write(f"{event['state']}\n")
    sys.stdout.flush()
