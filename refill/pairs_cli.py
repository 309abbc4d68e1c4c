"""`refill calibrate pairs`: what nurses timed by hand beside the device's numbers, as agreement takes it."""

from __future__ import annotations

import csv
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from refill.agreement_cli import COLUMNS
from refill.common import Config, device_file, fail
from refill.journal_cli import open_journal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from contract.records import AnyRecord

Row = tuple[str, str, str, str]


def pairs(
    out: Annotated[Path, typer.Option(help="CSV to write: subject, rater, device_s, stopwatch_s")],
    config: Config = None,
    data: Annotated[
        Path | None, typer.Option("--data", help="folder of the journal, or its file; default: the device file's")
    ] = None,
    study: Annotated[str | None, typer.Option(help="name of the study; default: the device file's")] = None,
    body_site: Annotated[str, typer.Option(help="finger or knee: each has a line of its own")] = "finger",
    seen: Annotated[
        bool, typer.Option("--seen", help="also times that were stopped after the device's number was shown")
    ] = False,
    simulate: Annotated[bool, typer.Option("--simulate", help="packaged device file, and simulated readings")] = False,
) -> None:
    """Write the pairs of device and stopwatch that the journal holds. Exit 2 where there is none."""
    device = device_file(config, simulate)
    if body_site not in ("finger", "knee"):
        fail(f"refill: --body-site {body_site}: finger or knee", 2)
    folder = data or device.storage.journal_folder
    with open_journal(folder) as journal:
        records = [each.content for each in journal.records()]
    found, left_out = paired_rows(records, study or device.mqtt.study, body_site, seen=seen, simulated=simulate)
    why = "".join(f"; left out: {count} {reason}" for reason, count in sorted(left_out.items()))
    if not found:
        fail(f"refill: {folder}: no pair of a {body_site}{why}", 2)
    _write(out, found)
    raters, subjects = len({row[1] for row in found}), len({row[0] for row in found})
    typer.echo(f"{out}: {len(found)} pairs, {subjects} subjects, {raters} raters{why}")


def paired_rows(
    records: Iterable[AnyRecord], study: str, body_site: str, *, seen: bool, simulated: bool
) -> tuple[list[Row], Counter[str]]:
    """Return the rows of a table of pairs, and how many times stand for none, by reason."""
    from contract.reading import Reading
    from device.standing import standing

    rows: list[Row] = []
    left_out: Counter[str] = Counter()
    for each in standing(records):
        now = each.now
        if not isinstance(now, Reading) or now.study != study or now.body_site.value != body_site:
            continue
        timed = [amendment for amendment in each.amendments if amendment.stopwatch_s is not None]
        usable = [amendment for amendment in timed if amendment.before_number or seen]
        # A rater who timed it once more means the last one.
        last = {amendment.operator: amendment.stopwatch_s for amendment in usable}
        left_out["stopped after the number was shown"] += len(timed) - len(usable)
        left_out["replaced by the same rater"] += len(usable) - len(last)
        if now.result.crt_s is None:
            left_out["of a reading without a number"] += len(last)
        elif now.simulated and not simulated:
            left_out["simulated"] += len(last)
        else:
            whose = f"{now.subject.site}-{now.subject.inclusion}"
            rows += [(whose, rater, f"{now.result.crt_s:.3f}", f"{seconds:.3f}") for rater, seconds in last.items()]
    return rows, +left_out


def _write(out: Path, rows: list[Row]) -> None:
    if not out.name or out.is_dir():
        fail(f"refill: {out}: a folder, not the name of a file", 2)
    part = out.with_name(f".{out.name}.part")
    try:
        with part.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([COLUMNS, *rows])
        part.replace(out)
    except OSError as error:
        with suppress(OSError):
            part.unlink()
        fail(f"refill: {out}: {error.strerror or error}", 2)
