"""`refill calibrate certificate`: whether the device's calibration is in force, and by which certificate."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import typer

from refill.common import Config, Data, device_file, fail


def certificate(
    file: Annotated[
        Path | None, typer.Argument(help="a certificate's file, of any device; default: the device's own standing")
    ] = None,
    config: Config = None,
    data: Data = None,
    simulate: Annotated[bool, typer.Option("--simulate", help="the simulated device's")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="as one line of JSON")] = False,
) -> None:
    """Tell how the calibration stands. Exit 0: in force, or the file is whole and passed. 1: not. 2: wrong use."""
    if file is not None:
        _one(file, as_json=as_json)
        return
    from calibration.certificate.receipts import Receipts
    from calibration.certificate.standing import CLOCK_BEHIND, SAYS, in_force, missing_steps

    own = data / "calibration/device.toml" if simulate and data is not None else None
    # A simulated device that was calibrated has a device file of its own, with its corrections.
    device = device_file(own if config is None and own is not None and own.is_file() else config, simulate)
    folder = (data or device.storage.journal_folder) / "calibration"
    found = in_force(folder, device, datetime.now(UTC), simulated=simulate)
    lacking = [] if found.certificate is None else [name.value for name in missing_steps(found.certificate)]
    study = device.mqtt.study
    sent = None if found.certificate is None else Receipts(folder).of(study, found.certificate.certificate_id)
    told = {
        "state": found.state,
        "certificate_id": None if found.certificate is None else str(found.certificate.certificate_id),
        "due_at": None if found.certificate is None else found.certificate.due_at.isoformat(),
        "days_left": found.days_left,
        "missing_steps": lacking,
        "clock_behind": found.clock_behind,
        "stored_by": None if sent is None else study,
    }
    if as_json:
        typer.echo(json.dumps(told))
    else:
        language: Literal["en", "fr"] = "fr" if device.language == "fr" else "en"
        typer.echo(SAYS[found.state].in_(language))
        if found.certificate is not None:
            typer.echo(f"certificate {told['certificate_id']}, due {found.certificate.due_at:%Y-%m-%d}")
            if found.clock_behind:
                typer.echo(f"{CLOCK_BEHIND.in_(language)} ({found.certificate.made_at:%Y-%m-%d %H:%M}Z)")
            where = "not sent yet" if sent is None else f"stored by its trial {sent.received_at:%Y-%m-%d %H:%M}Z"
            typer.echo(f"study {study}: {where}")
        if lacking:
            typer.echo(f"missing: {', '.join(lacking)}")
    if found.state != "in_force":
        raise typer.Exit(1)


def _one(file: Path, *, as_json: bool) -> None:
    from calibration.certificate.standing import missing_steps
    from calibration.certificate.store import StoreError, read

    try:
        found = read(file)
    except StoreError as error:
        fail(f"refill: {error}", 2)
    failed = [step.step.value for step in found.steps if not step.passed]
    lacking = [name.value for name in missing_steps(found)]
    if as_json:
        typer.echo(found.model_dump_json())
    else:
        verdict = "failed" if failed else "incomplete" if lacking else "passed"
        typer.echo(f"certificate {found.certificate_id} of {found.device.name}: {verdict}, due {found.due_at:%Y-%m-%d}")
        for name, steps in (("failed", failed), ("missing", lacking)):
            if steps:
                typer.echo(f"{name}: {', '.join(steps)}")
    if failed or lacking:
        raise typer.Exit(1)
