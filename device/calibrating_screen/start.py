"""What stands before a calibration begins: how the last certificate counts, and whether one was interrupted."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from calibration.certificate.keys import DeviceKey, KeyFileError
from calibration.certificate.standing import FOLDER, Standing, in_force
from calibration.certificate.store import Store, StoreError
from calibration.guide import Machine
from calibration.run import Run
from calibration.state import RunError, RunFiles
from calibration.step import Step
from contract.certificate import Certificate
from firmware_config.device import DeviceConfig
from firmware_config.loading import ConfigurationError


class How(StrEnum):
    """How a calibration is begun."""

    BEGIN = "begin"
    RESUME = "resume"
    FRESH = "fresh"


class SiteError(Exception):
    """Something outside the steps could not be done, as the signing; the text is one sentence."""


class Made(Protocol):
    """A certificate that is signed and kept, and the one before it where there is one."""

    @property
    def certificate(self) -> Certificate:
        """The one that was made."""

    @property
    def file(self) -> Path:
        """Where it is kept."""

    @property
    def previous(self) -> Certificate | None:
        """The one before."""


class Site(Protocol):
    """The device to calibrate, as the command line puts it together."""

    @property
    def name(self) -> str:
        """The device's name."""

    @property
    def steps(self) -> Sequence[Step]:
        """The plan."""

    @property
    def machine(self) -> Machine:
        """The machine and its device file."""

    @property
    def folder(self) -> Path:
        """Where its calibrations are kept."""

    @property
    def simulated(self) -> bool:
        """Whether it is a phantom."""

    def device(self) -> DeviceConfig:
        """Return the device as its file says now; raises `ConfigurationError`."""

    def opened(self, device: DeviceConfig, how: How, operator: str | None) -> Run:
        """Begin a run, or go on with one; raises `RunError`. The caller closes it."""

    def certified(self, run: Run, device: DeviceConfig) -> Made:
        """Make, sign and keep the certificate, and end the run; raises `SiteError`."""


@dataclass(frozen=True)
class UnderWay:
    """A calibration that was interrupted."""

    operator: str
    began_at: datetime
    done: int


@dataclass(frozen=True)
class Start:
    """What the first page shows. `standing` is None where the device file cannot be read; `troubles` are sentences."""

    standing: Standing | None
    under_way: UnderWay | None
    troubles: tuple[str, ...] = ()


def look(site: Site) -> Start:
    """Return how things stand. Reads files; nothing is changed."""
    troubles: list[str] = []
    standing, under_way = None, None
    try:
        standing = in_force(site.folder, site.device(), site.machine.now(), simulated=site.simulated)
    except ConfigurationError as error:
        troubles.append(str(error).splitlines()[0])
    if standing is not None and standing.state in ("altered", "unreadable"):
        troubles += _why(site.folder)
    try:
        under_way = _under_way(site)
    except RunError as error:
        troubles.append(str(error))
    return Start(standing, under_way, tuple(troubles))


def _why(folder: Path) -> list[str]:
    """Return what is wrong with the newest certificate."""
    try:
        newest = Store(folder / FOLDER).newest(DeviceKey.read(folder).public)
    except (KeyFileError, StoreError, OSError) as error:
        return [str(error)]
    if newest is None or newest.trouble is None:
        return []
    return [newest.trouble.replace(str(newest.path), newest.path.name)]


def _under_way(site: Site) -> UnderWay | None:
    """Return the run that was interrupted, None where there is none or it is over; raises `RunError`."""
    files = RunFiles(site.folder / "run").open()
    try:
        files.read()
        if not files.events:
            return None
        run = Run(files, site.steps)
        if run.certified is not None:
            return None
        return UnderWay(run.who.operator, run.began_at, len({*run.outcomes, *run.skipped}))
    finally:
        files.close()
