"""`refill calibrate screen`: the guided calibration on the device's screen."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from refill.common import Config, Data, fail

if TYPE_CHECKING:
    from collections.abc import Sequence

    from calibration.guide import Machine
    from calibration.run import Run
    from calibration.step import Step
    from device.calibrating_screen.start import How
    from firmware_config.device import DeviceConfig
    from refill.calibrate_wiring import Bench, Made


@dataclass(frozen=True)
class BenchSite:
    """A bench as the page wants it (`device.calibrating_screen.start.Site`)."""

    bench: Bench

    @property
    def name(self) -> str:
        """The device's name."""
        return self.bench.device.name

    @property
    def steps(self) -> Sequence[Step]:
        """The plan."""
        return self.bench.steps

    @property
    def machine(self) -> Machine:
        """The machine and its device file."""
        return self.bench.machine

    @property
    def folder(self) -> Path:
        """Where its calibrations are kept."""
        return self.bench.folder

    @property
    def simulated(self) -> bool:
        """Whether it is a phantom."""
        return self.bench.simulated

    def device(self) -> DeviceConfig:
        """Return the device as its file says now: an earlier calibration may have corrected it."""
        from firmware_config.device import load_device

        return load_device(self.machine.file)

    def opened(self, device: DeviceConfig, how: How, operator: str | None) -> Run:
        """Begin a run, or go on with one."""
        from device.calibrating_screen.start import How
        from refill.calibrate_run_cli import opened

        return opened(replace(self.bench, device=device), operator, how is How.RESUME, how is How.FRESH)

    def certified(self, run: Run, device: DeviceConfig) -> Made:
        """Make, sign and keep the certificate."""
        from device.calibrating_screen.start import SiteError
        from refill.calibrate_wiring import CertificateError, certify

        try:
            return certify(run, self.bench, device)
        except CertificateError as error:
            raise SiteError(str(error)) from error


def screen(
    config: Config = None,
    data: Data = None,
    simulate: Annotated[bool, typer.Option("--simulate", help="a simulated device with hidden errors")] = False,
    seed: Annotated[int, typer.Option(min=0, help="which simulated device, a healthy one; with --simulate")] = 0,
    errors: Annotated[
        Path | None, typer.Option(help="TOML file of what is wrong with the simulated device; with --simulate")
    ] = None,
    port: Annotated[int | None, typer.Option(min=1024, max=65535, help="default: the screen's")] = None,
    language: Annotated[str | None, typer.Option(help="en or fr; default: the device file's")] = None,
) -> None:
    """Serve the guided calibration as a page, where the screen's is served, until SIGTERM or Ctrl-C.

    Killed, it is started again, and the page offers to go on. Exit 2: wrong use.
    """
    from device import logs
    from refill.calibrate_wiring import WiringError, bench
    from refill.screen_cli import doors_of, language_named

    if not simulate and (errors is not None or seed):
        fail("--errors and --seed go with --simulate: a device is calibrated as it is", 2)
    try:
        on = bench(config, data, simulate=simulate, seed=seed, errors=errors)
    except WiringError as error:
        fail(f"refill: {error}", 2)
    spoken = language_named(language or on.device.language)
    doors = doors_of(on.device.screen, engineer_only=True)
    logs.configure()
    # After the options are known to be good: the page's libraries take a second to load.
    from device.calibrating_screen.server import serve
    from device.screen.server import Place

    served = on.device.screen
    place = Place(
        host=served.host,
        port=port or served.port,
        names=frozenset(served.names),
        certificate_file=served.certificate_file,
        key_file=served.key_file,
        doors=doors,
    )
    from calibration.certificate.owner import OwnerError, left_to_the_owner

    typer.echo(f"{'https' if served.certificate_file else 'http'}://{place.host}:{place.port}/ (Ctrl-C ends it)")
    try:
        with left_to_the_owner(on.folder):
            serve(place, BenchSite(on), spoken)
    except OwnerError as error:
        fail(f"refill: {error}", 1)
