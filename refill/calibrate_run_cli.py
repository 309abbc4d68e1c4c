"""`refill calibrate run`: the guided calibration at a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from refill.common import Config, Data, Language, fail

if TYPE_CHECKING:
    from calibration.run import Run
    from calibration.step import Step
    from firmware_config.device import DeviceConfig
    from refill.calibrate_wiring import Bench

FAILED, WRONG_USE = 1, 2


def run(
    config: Config = None,
    data: Data = None,
    simulate: Annotated[bool, typer.Option("--simulate", help="a simulated device with hidden errors")] = False,
    seed: Annotated[int, typer.Option(min=0, help="which simulated device, a healthy one; with --simulate")] = 0,
    errors: Annotated[
        Path | None, typer.Option(help="TOML file of what is wrong with the simulated device; with --simulate")
    ] = None,
    operator: Annotated[str | None, typer.Option(help="operator code, never a name; --resume has the run's")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="go on with the calibration that was interrupted")] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="put the one that was interrupted aside")] = False,
    step: Annotated[
        list[str] | None, typer.Option(help="do only this step, again where it was done; may be given several times")
    ] = None,
    answers: Annotated[
        Path | None, typer.Option(help="TOML file of what the engineer answers, STEP = [numbers]; with --simulate")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="wait for nobody; with --simulate")] = False,
    language: Annotated[Language, typer.Option(help="of instructions and questions")] = Language.EN,
    pdf: Annotated[Path | None, typer.Option(help="write the certificate's report too")] = None,
) -> None:
    """Calibrate the device step by step, and sign the certificate. Killed, it is gone on with by --resume.

    Exit 0: passed. 1: failed, incomplete, or could not be done. 2: wrong use.
    """
    from calibration.apply import ApplyError
    from calibration.certificate.owner import OwnerError, left_to_the_owner
    from calibration.rig import RigError
    from calibration.state import KeepingError, RunError
    from refill.calibrate_desk import Absent, DeskError, Terminal, read_answers, terminal
    from refill.calibrate_wiring import CertificateError, WiringError, bench

    if not simulate and (yes or answers is not None or errors is not None or seed):
        fail("--yes, --answers, --errors and --seed go with --simulate: a device is calibrated by a person", WRONG_USE)
    if resume and fresh:
        fail("--resume goes on, --fresh begins anew: not both", WRONG_USE)
    screen = terminal()
    code: Literal["en", "fr"] = "fr" if language is Language.FR else "en"
    try:
        told = read_answers(answers) if answers is not None else {}
        on = bench(config, data, simulate=simulate, seed=seed, errors=errors)
        desk: Any = Absent(screen, code, told) if yes or answers is not None else Terminal(screen, code)
        with left_to_the_owner(on.folder), closing(opened(on, operator, resume, fresh)) as this:
            ended = _only(this, on, desk, step) if step else _whole(this, on, desk, pdf)
    except (ApplyError, CertificateError, KeepingError, OwnerError, RigError) as error:
        fail(f"refill: {error}", FAILED)
    except (WiringError, RunError, DeskError) as error:
        fail(f"refill: {error}", WRONG_USE)
    except (KeyboardInterrupt, EOFError):
        fail("\nrefill: interrupted: go on with --resume", 130)
    raise typer.Exit(0 if ended else FAILED)


def opened(on: Bench, operator: str | None, resume: bool, fresh: bool) -> Run:
    """Begin a run, or go on with one; raises `RunError`."""
    from pydantic import ValidationError

    from calibration.run import begin
    from calibration.run import resume as go_on
    from calibration.state import RunError, Who
    from contract.version import __version__

    who: dict[str, object] = {
        "device": on.device.name,
        "software_version": __version__,
        "simulated": on.simulated,
    }
    sha256, now = on.machine.sha256(on.device), datetime.now(UTC)
    if resume:
        return go_on(on.folder, who | ({"operator": operator} if operator else {}), sha256, on.steps, now)
    try:
        belongs = Who.model_validate({**who, "operator": operator or ("simulation" if on.simulated else None)})
    except ValidationError as error:
        raise RunError("--operator is your operator code: lower-case letters, digits, hyphens") from error
    return begin(on.folder, belongs, sha256, on.steps, now, fresh)


def _only(this: Run, on: Bench, desk: Any, names: Sequence[str]) -> bool:
    """Do the named steps; what they come to is kept in the run, which stays open."""
    from calibration.guide import measure
    from calibration.state import RunError

    known = {step.name.value: step for step in on.steps}
    wrong = [name for name in names if name not in known]
    if wrong:
        raise RunError(f"--step {wrong[0]}: there is no such step; there are {', '.join(known)}")
    chosen: list[Step] = [known[name] for name in names]
    measure(this, on.machine, on.device, desk, chosen)
    typer.echo(f"{len(this.left())} steps left: go on with --resume")
    return all(this.outcomes[step.name].passed for step in chosen if step.name in this.outcomes)


def _whole(this: Run, on: Bench, desk: Any, pdf: Path | None) -> bool:
    """Do what is left, and sign; returns whether the certificate has passed, with every step that it needs."""
    from calibration.figures_text import missing, verdict
    from calibration.guide import carry_out
    from refill.calibrate_wiring import certify

    device: DeviceConfig = carry_out(this, on.machine, on.device, desk)
    skipped = this.skipped
    made = certify(this, on, device)
    failed = [step.step.value for step in made.certificate.steps if not step.passed]
    for name, why in skipped.items():
        typer.echo(f"left out: {name}: {why}")
    typer.echo(f"certificate {made.certificate.certificate_id}: {verdict(made.certificate)}")
    if failed:
        typer.echo(f"failed: {', '.join(failed)}")
    if missing(made.certificate):
        typer.echo(f"never in force, since these steps are missing: {', '.join(missing(made.certificate))}")
    typer.echo(f"due {made.certificate.due_at:%Y-%m-%d}; {made.file}")
    if pdf is not None:
        from refill.calibrate_report_cli import write

        write(pdf, made.certificate, made.previous)
    return verdict(made.certificate) == "PASSED"
