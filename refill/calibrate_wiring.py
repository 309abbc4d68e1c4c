"""What a calibration is made of: the device, real or simulated, its folder, the plan, and the key that signs."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from calibration.certificate.keys import DeviceKey, KeyFileError
from calibration.certificate.make import About, TooLargeError, calibration_sha256, make_certificate, signed
from calibration.certificate.standing import FOLDER
from calibration.certificate.store import Kept, Store, StoreError, read
from calibration.guide import Machine, results
from device.records import device_of
from firmware_config.device import DEFAULT_PATH, DeviceConfig, load_device
from firmware_config.loading import ConfigurationError, content_sha256
from refill.common import SITE_CONFIG, simulated_folder
from vision import ALGORITHM_VERSION

if TYPE_CHECKING:
    from calibration.rig import Rig
    from calibration.run import Run
    from calibration.state import Change
    from calibration.step import Step
    from contract.certificate import Certificate, StepOutcome


class WiringError(Exception):
    """A calibration cannot be put together from what was given; the text is one sentence."""


class CertificateError(Exception):
    """The certificate cannot be signed or kept; the text names the file. The run can be resumed."""


@dataclass(frozen=True)
class Bench:
    """A device to calibrate, as it is configured now, and where its calibrations are kept."""

    device: DeviceConfig
    machine: Machine
    folder: Path
    steps: Sequence[Step]
    simulated: bool


@dataclass(frozen=True)
class Made:
    """A certificate that is signed and kept, and the one before it where there is one."""

    certificate: Certificate
    file: Path
    previous: Certificate | None


def device_file_of(config: Path | None, folder: Path, simulate: bool) -> Path:
    """Return the device file that corrections go into: simulated without one, a copy of the packaged in `folder`."""
    if config is not None:
        return config
    if not simulate:
        return SITE_CONFIG
    file = folder / "device.toml"
    if not file.exists():
        from calibration.whole_file import write_whole

        folder.mkdir(parents=True, exist_ok=True, mode=0o750)
        write_whole(file, DEFAULT_PATH.read_text(encoding="utf-8"))
    return file


def refuse_a_running_bedside(device: DeviceConfig) -> None:
    """Raise `WiringError` while the bedside runs: camera and probe have one owner."""
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as line:
        line.settimeout(1.0)
        try:
            line.connect(str(device.bedside.socket))
        except OSError:
            return
    raise WiringError(
        "the bedside is running and holds camera and probe: systemctl stop refill-bedside refill-screen first"
    )


def bench(config: Path | None, data: Path | None, *, simulate: bool, seed: int, errors: Path | None) -> Bench:
    """Return the device to calibrate; raises `WiringError`, which names file and key where one is wrong."""
    try:
        usual = simulated_folder() if simulate else load_device(config or SITE_CONFIG).storage.journal_folder
        folder = (data or usual) / "calibration"
        file = device_file_of(config, folder, simulate)
        device = load_device(file)
    except ConfigurationError as error:
        raise WiringError(str(error)) from error
    except OSError as error:
        raise WiringError(f"{error.filename}: {error.strerror}") from error
    if not simulate:
        refuse_a_running_bedside(device)

    from calibration.plan import ALL_STEPS
    from refill.calibrate_hardware import own_hardware

    rig = _simulated(seed, errors) if simulate else own_hardware
    machine = Machine(file, rig, calibration_sha256, _now, writer(file, folder))
    return Bench(device, machine, folder, ALL_STEPS, simulate)


def writer(file: Path, folder: Path) -> Callable[[DeviceConfig, Sequence[Change]], Path]:
    """Return what writes corrections: whoever may write where the device file is does so; others ask root."""
    from calibration.apply import write_corrections
    from calibration.correction_request import AskedOfRoot

    if os.access(file.parent, os.W_OK):
        return lambda device, changes: write_corrections(file, device, changes, _now())
    return AskedOfRoot(file, folder, calibration_sha256, _now)


def _now() -> datetime:
    return datetime.now(UTC)


def certify(run: Run, on: Bench, device: DeviceConfig) -> Made:
    """Make, sign and keep the certificate, and end the run; raises `WiringError`.

    Where it was killed after the certificate was kept, that one is the run's: there are not two of one calibration.
    """
    steps = results(run, on.steps)
    store = Store(on.folder / FOLDER)
    try:
        key = DeviceKey.open(on.folder)
        kept = store.all(key.public)
        own = next((each for each in kept if _is_of(each, run, steps)), None)
        earlier = [each.certificate for each in kept if each is not own and each.certificate is not None]
        previous = earlier[-1] if earlier else None
        if own is None:
            content = signed(make_certificate(steps, _about(run, device, previous)), key)
            path = store.add(content, key)
            own = Kept(path, read(path, key.public))
        elif own.certificate is not None:
            store.note_newest(own.certificate.certificate_id, key)
    except (KeyFileError, StoreError, TooLargeError) as error:
        raise CertificateError(str(error)) from error
    if own.certificate is None:  # `_is_of` and `read` leave none
        raise CertificateError(f"{own.path}: {own.trouble}")
    run.end(own.path.name, own.certificate.passed, datetime.now(UTC))
    return Made(own.certificate, own.path, previous)


def _is_of(kept: Kept, run: Run, steps: Sequence[StepOutcome]) -> bool:
    return kept.certificate is not None and kept.certificate.made_at >= run.began_at and kept.certificate.steps == steps


def _about(run: Run, device: DeviceConfig, previous: Certificate | None) -> About:
    return About(
        device=device_of(device.name, ALGORITHM_VERSION, content_sha256(device)),
        configuration=device,
        operator=run.who.operator,
        simulated=run.who.simulated,
        now=datetime.now(UTC),
        previous=previous.certificate_id if previous is not None else None,
    )


def checked(path: Path) -> Certificate:
    """Return the certificate of a file as it was signed; raises `WiringError`. Who signed it is not asked."""
    try:
        return read(path)
    except StoreError as error:
        raise WiringError(str(error)) from error


def _simulated(seed: int, errors: Path | None) -> Callable[[DeviceConfig], AbstractContextManager[Rig]]:
    """Return how to reach a simulated device: what is wrong with it stays, however it is configured."""
    from phantom.bench.errors import healthy
    from phantom.bench.rig import SimulatedRig
    from refill.calibrate_errors import ErrorsFileError, with_errors

    try:
        hidden = healthy(seed) if errors is None else with_errors(healthy(seed), errors)
    except ErrorsFileError as error:
        raise WiringError(str(error)) from error
    return lambda device: nullcontext(SimulatedRig(device, hidden, seed))
