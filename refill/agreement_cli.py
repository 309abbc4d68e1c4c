"""`refill calibrate agreement`: how well the device agrees with a stopwatch, from a table of pairs."""

from __future__ import annotations

import csv
import json
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from refill.common import fail

if TYPE_CHECKING:
    from calibration.agreement.pairs import Pair, Pairs
    from calibration.agreement.summary import Summary

COLUMNS: tuple[str, ...] = ("subject", "rater", "device_s", "stopwatch_s")


def agreement(
    pairs: Annotated[Path, typer.Argument(help=f"CSV with the columns {','.join(COLUMNS)}")],
    threshold: Annotated[
        float, typer.Option(min=0.1, max=60.0, help="refill time above which the study counts it as poor, s")
    ] = 3.0,
    ratio: Annotated[
        float, typer.Option(min=0.01, max=100.0, help="error variance of the stopwatch over that of the device")
    ] = 1.0,
    pdf: Annotated[Path | None, typer.Option(help="write the report with its plots")] = None,
    mapping: Annotated[
        Path | None, typer.Option(help="write the line to stopwatch seconds, as a study file takes it (TOML)")
    ] = None,
    body_site: Annotated[
        str, typer.Option(help="where the pairs were made: finger or knee; with --mapping")
    ] = "finger",
    named: Annotated[str | None, typer.Option(help="version of the line, as verdicts name it; with --mapping")] = None,
    json_output: Annotated[bool, typer.Option("--json", help="print one JSON object")] = False,
) -> None:
    """Hold paired readings of device and stopwatch against each other. Exit 2 where the table is not one."""
    try:
        from calibration.agreement.pairs import AgreementError, paired
        from calibration.agreement.summary import in_words, summarise
    except ImportError as error:  # the bedside Pi goes without: this is done at a desk
        fail(f"refill: {error.name} is not installed here: this needs the trial side's packages", 1)
    try:
        given = paired(read_pairs(pairs))
    except AgreementError as error:
        fail(f"refill: {pairs}: {error}", 2)
    summary = summarise(given, threshold, ratio)
    if mapping is not None:
        text = _mapping_text(summary, given, body_site, named)
        _write(mapping, lambda part: part.write_text(text, encoding="utf-8"))
    if pdf is not None:
        _write(pdf, lambda part: _report(part, given, summary, pairs))
    typer.echo(json.dumps(as_json(summary), indent=2) if json_output else "\n".join(in_words(summary)))


def read_pairs(path: Path) -> list[Pair]:
    """Return the pairs of a table; ends the command with file and line where it is none."""
    from calibration.agreement.pairs import Pair

    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            table = list(csv.reader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        fail(f"refill: {path}: {getattr(error, 'strerror', None) or 'not a CSV file'}", 2)
    if not table or tuple(name.strip() for name in table[0]) != COLUMNS:
        fail(f"refill: {path}: line 1: expected {','.join(COLUMNS)}", 2)
    found = []
    for number, row in enumerate(table[1:], start=2):
        if not any(field.strip() for field in row):
            continue
        if len(row) != len(COLUMNS):
            fail(f"refill: {path}: line {number}: {len(row)} fields, not {len(COLUMNS)}", 2)
        try:
            found.append(Pair(row[0].strip(), row[1].strip(), float(row[2]), float(row[3])))
        except ValueError:
            fail(f"refill: {path}: line {number}: not a number of seconds", 2)
    return found


def _mapping_text(summary: Summary, given: Pairs, body_site: str, named: str | None) -> str:
    """Return the line as a study file's section; ends the command where there is none, or it would not be taken."""
    from pydantic import ValidationError

    from calibration.agreement.mapping import mapping_of, mapping_text
    from contract.envelope import first_error

    if named is None:
        fail("refill: --mapping wants --named: the version by which verdicts will name the line", 2)
    if summary.line is None:
        fail(f"refill: no line, no mapping: {summary.why_not['line']}", 1)
    try:
        return mapping_text(mapping_of(summary.line, given, body_site, named))
    except ValidationError as error:
        fail(f"refill: no mapping: {first_error(error)}", 2)


def as_json(summary: Summary) -> dict[str, Any]:
    """Return the summary as plain numbers; infinite ends of intervals are null."""
    found = asdict(summary)
    if found["line"] is not None:
        found["line"]["covariance"] = summary.line.covariance.tolist() if summary.line else None
    found["at_threshold"]["agree"] = summary.at_threshold.agree
    return {key: _finite(value) for key, value in found.items()}


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 6) if abs(value) < 1e300 else None
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    return [_finite(each) for each in value] if isinstance(value, list | tuple) else value


def _report(part: Path, given: Any, summary: Summary, pairs: Path) -> None:
    from calibration.agreement.report_pdf import write_report

    write_report(part, given, summary, f"Agreement of device and stopwatch: {pairs.name}")


def _write(path: Path, write: Any) -> None:
    """Write a file that appears whole; ends the command where it cannot be written."""
    if not path.name or path.is_dir():
        fail(f"refill: {path}: a folder, not the name of a file", 2)
    part = path.with_name(f".{path.name}.part")
    try:
        write(part)
        part.replace(path)
    except OSError as error:
        with suppress(OSError):
            part.unlink()
        fail(f"refill: {path}: {error.strerror or error}", 2)
