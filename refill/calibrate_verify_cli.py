"""`refill calibrate verify` and `changed`: is a certificate as it was signed, and what moved between two."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from refill.common import fail

if TYPE_CHECKING:
    from contract.certificate import Certificate, SignedCertificate

ALTERED, WRONG_USE = 1, 2


def verify(
    file: Annotated[Path, typer.Argument(help="file of the certificate", metavar="CERTIFICATE.json")],
    key: Annotated[
        str | None,
        typer.Option(help="the public key that must have signed it, in base 64, or a file that holds it"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="as one line of JSON")] = False,
) -> None:
    """Tell whether a certificate is as it was signed, by whom, when, and what it came to.

    Exit 0: as it was signed, whatever it came to. 1: altered, or signed by another key. 2: no certificate.
    """
    from calibration.certificate.make import AlteredError, opened
    from calibration.certificate.standing import missing_steps
    from calibration.figures_text import verdict

    content = _content(file)
    try:
        found = opened(content, None if key is None else _key(key))
    except AlteredError as error:
        fail(f"refill: {file}: {error}", ALTERED)
    failed = [step.step.value for step in found.steps if not step.passed]
    told = {
        "certificate_id": str(found.certificate_id),
        "device": found.device.name,
        "operator": found.operator,
        "made_at": found.made_at.isoformat(),
        "due_at": found.due_at.isoformat(),
        "simulated": found.simulated,
        "verdict": verdict(found),
        "failed_steps": failed,
        "missing_steps": [name.value for name in missing_steps(found)],
        "public_key": content.public_key,
    }
    if as_json:
        typer.echo(json.dumps(told))
        return
    typer.echo(f"certificate {found.certificate_id} of {found.device.name}: as it was signed")
    typer.echo(f"verdict {told['verdict']}" + (", of a simulated device" if found.simulated else ""))
    for name, steps in (("failed", told["failed_steps"]), ("missing", told["missing_steps"])):
        if isinstance(steps, list) and steps:
            typer.echo(f"{name}: {', '.join(steps)}")
    typer.echo(f"made {found.made_at:%Y-%m-%d %H:%M}Z by {found.operator}, due {found.due_at:%Y-%m-%d}")
    asked = "the key that was asked for" if key is not None else "not asked whose it is: --key"
    typer.echo(f"signed by the key {content.public_key} ({asked})")


def _content(file: Path) -> SignedCertificate:
    from pydantic import ValidationError

    from contract.certificate import SignedCertificate

    try:
        return SignedCertificate.model_validate_json(file.read_bytes())
    except OSError as error:
        fail(f"refill: {file}: {error.strerror or error}", WRONG_USE)
    except ValidationError:
        fail(f"refill: {file}: not a certificate", WRONG_USE)


def _key(key: str) -> str:
    """Return the public key that is given, or stands in a file; ends the command where it is none."""
    import re

    wanted = re.compile(r"[A-Za-z0-9+/]{43}=")
    if wanted.fullmatch(key):
        return key
    try:
        text = Path(key).read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        fail(f"refill: --key: {key}: {getattr(error, 'strerror', None) or 'is no text'}", WRONG_USE)
    if not wanted.fullmatch(text):
        fail(f"refill: --key: {key}: not a public key: 32 bytes in base 64", WRONG_USE)
    return text


def changed(
    old: Annotated[Path, typer.Argument(help="the earlier certificate", metavar="OLD.json")],
    new: Annotated[Path, typer.Argument(help="the later certificate", metavar="NEW.json")],
    plot: Annotated[Path | None, typer.Option(help="draw it too: a PDF, PNG or SVG by the name's end")] = None,
) -> None:
    """Tell what moved between two certificates of a device, in units of what measuring explains (E_n, ISO 13528).

    Exit 0: told, however far it moved. 2: no certificate, altered, or of two devices.
    """
    from calibration.figures_text import moved
    from refill.calibrate_report_cli import read

    first, second = read(old), read(new)
    if first.device.name != second.device.name:
        fail(f"refill: {old}: is of {first.device.name}, not of {second.device.name}", WRONG_USE)
    found = moved(first, second)
    days = (second.made_at - first.made_at).total_seconds() / 86400
    typer.echo(f"{second.device.name}: from {first.made_at:%Y-%m-%d} to {second.made_at:%Y-%m-%d}, {days:.0f} days")
    typer.echo(f"{'step':<18} {'figure':<24} {'old':>10} {'new':>10} {'unit':<8} {'E_n':>6}")
    for each in found:
        far = "" if each.en is None else f"{each.en:6.2f}"
        mark = "  moved" if each.en is not None and abs(each.en) > 1 else ""
        line = f"{each.step.value:<18} {each.name:<24} {each.old:>10.4g} {each.new:>10.4g} {each.unit:<8} {far:>6}"
        typer.echo((line + mark).rstrip())
    beyond = sum(each.en is not None and abs(each.en) > 1 for each in found)
    typer.echo(f"{len(found)} figures compared, {beyond} moved by more than measuring explains")
    for words, names in (("only in the old one", _only(first, second)), ("only in the new one", _only(second, first))):
        if names:
            typer.echo(f"{words}: {', '.join(names)}")
    if plot is not None:
        _draw(plot, first, second)
        typer.echo(f"{plot}: drawn")


def _only(one: Certificate, other: Certificate) -> list[str]:
    """Return the figures of one certificate that the other has not, in their order."""

    def names(each: Certificate) -> list[str]:
        return [f"{step.step.value} {figure.name}" for step in each.steps for figure in step.figures]

    there = set(names(other))
    return [name for name in names(one) if name not in there]


def _draw(plot: Path, old: Certificate, new: Certificate) -> None:
    from calibration.report_pdf import PLOT_FORMATS, write_changes

    if plot.suffix.lower() not in PLOT_FORMATS:
        fail(f"refill: --plot: {plot}: its name ends in {', '.join(PLOT_FORMATS)}", WRONG_USE)
    try:
        write_changes(plot, old, new)
    except OSError as error:
        fail(f"refill: {plot}: {error.strerror or error}", WRONG_USE)
