"""`refill journal`: look at the device's own record, check it, take it away. All but `retain --apply` only read."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from refill.common import Config, device_file, fail

if TYPE_CHECKING:
    from contract.records import AnyRecord
    from device.journal import Deliveries, JournalRecord, Verification
    from firmware_config.device import Storage

OPERATOR = re.compile(r"(?!.*[a-z]{5})[a-z0-9-]{1,16}")
"""No word of more than four letters: that could be a name."""

app = typer.Typer(help="The device's own record.", no_args_is_help=True, rich_markup_mode=None)

JournalFolder = Annotated[
    Path | None, typer.Option("--data", help="folder of the journal, or its file; default: the device file's")
]
Simulate = Annotated[bool, typer.Option("--simulate", help="use the packaged device file")]
AsJson = Annotated[bool, typer.Option("--json", help="as JSON")]


@app.command()
def verify(
    data: JournalFolder = None, config: Config = None, simulate: Simulate = False, as_json: AsJson = False
) -> None:
    """Check every record, trace, photo, removal and receipt against the hash chain; exit 1 where something is wrong."""
    import json

    from device.journal.keeping import set_aside_files

    folder = _folder(data, config, simulate)
    aside = [path.name for path in set_aside_files(_journal_file(folder))]
    found, days = _verified(folder)
    if as_json:
        content = {
            "sound": found.sound,
            "records": found.records,
            "traces": found.traces,
            "traces_removed": found.traces_removed,
            "photos": found.photos,
            "photos_removed": found.photos_removed,
            "removed_on": days,
            "problems": found.problems,
            "set_aside": aside,
        }
        typer.echo(json.dumps(content))
    else:
        for problem in found.problems:
            typer.echo(problem)
        for name in aside:
            typer.echo(f"beside it: {name}, a broken journal that waits for a person")
        if found.sound:
            kept = [_kept(found.traces, "traces", found.traces_removed, days)]
            kept += [_kept(found.photos, "photos", found.photos_removed, days)] if found.photos else []
            typer.echo(f"{', '.join((f'{found.records} records', *kept))}: the chain is whole")
    if not found.sound:
        raise typer.Exit(1)


def _verified(folder: Path) -> tuple[Verification, list[str]]:
    """Return what a check found, and the days of removals; a file that cannot be read is a finding."""
    from device.journal import Deliveries, JournalError, Verification

    try:
        with Deliveries.open(_journal_file(folder), read_only=True) as journal:
            with _progress("checking", journal.counts().records) as step:
                found = journal.verify(step)
            return found, sorted({removal.removed_at[:10] for removal in journal.removals()})
    except JournalError as error:
        return Verification(0, 0, (str(error),)), []


def _kept(count: int, what: str, removed: int, days: list[str]) -> str:
    return f"{count} {what}" + (f" ({removed} of them removed under retention on {_days(days)})" if removed else "")


def _days(days: list[str]) -> str:
    return days[0] if len(days) == 1 else f"{len(days)} days from {days[0]} to {days[-1]}"


@app.command()
def show(
    number: Annotated[int | None, typer.Argument(help="one record in detail, by its number")] = None,
    data: JournalFolder = None,
    config: Config = None,
    simulate: Simulate = False,
) -> None:
    """List the records, one line each: number, time, subject, result, and how far it got; or one in detail."""
    with _opened(data, config, simulate) as journal:
        if number is not None:
            _show_one(journal, number)
            return
        for record in journal.records():
            receipts_of = journal.receipts(record.device_seq)
            typer.echo(_line(record, receipts_of[-1][0] if receipts_of else "waiting"))
        counts = journal.counts()
    typer.echo(f"{counts.records} records, {counts.unsent} without a receipt, {counts.refused} refused")


def _show_one(journal: Deliveries, number: int) -> None:
    import json

    from device.journal.kinds import called, named

    record = journal.record(number)
    if record is None:
        fail(f"there is no record {number}", 1)
    typer.echo(json.dumps(json.loads(record.body), indent=2, ensure_ascii=False, sort_keys=True))
    typer.echo(f"committed {record.committed_at}; sha256 {record.sha256}, after {record.previous_sha256}")
    removed = {removal.number: removal for removal in journal.removals() if removal.reading_id == record.reading_id}
    content = record.content
    for each in named(content):
        what = called(content, each).removeprefix("the ")
        if each in removed:
            gone = removed[each]
            typer.echo(f"{what}: removed under {gone.why} at {gone.removed_at} by {gone.operator}")
        else:
            kept = journal.trace(record.reading_id, each)
            typer.echo(f"{what}: " + ("missing" if kept is None else f"{len(kept)} bytes"))
    for outcome, why, at in journal.receipts(number):
        typer.echo(f"{outcome} at {at}" + (f": {why}" if why else ""))
    if not journal.receipts(number):
        typer.echo("no receipt yet")


def _line(record: JournalRecord, state: str) -> str:
    content = record.content
    subject = f"{content.subject.site}-{content.subject.inclusion}"
    mark = " simulated" if content.simulated else ""
    return (
        f"{record.device_seq:6} {content.measured.at:%Y-%m-%d %H:%M:%S%z} {content.study} {subject}"
        f" {_found(content)}  {state}{mark}"
    )


def _found(content: AnyRecord) -> str:
    """Return what a record says, in a few words."""
    from contract.amendment import Amendment
    from contract.mottling import MottlingReading

    if isinstance(content, Amendment):
        said = [each.field for each in content.changes] + ([content.comment.value] if content.comment else [])
        score = [] if content.mottling_score is None else [f"score {content.mottling_score}"]
        return " ".join((content.action, *said, *score, "of", str(content.about)))
    if isinstance(content, MottlingReading):
        at_least = "at least " if content.result.at_least else ""
        score_found = content.result.score
        return f"mottling {content.result.reason if score_found is None else f'{at_least}{score_found}'}"
    result = content.result
    number = f"{result.crt_s:.2f} s" if result.crt_s is not None else str(result.reason)
    bound = "" if result.crt_exceeds_s is None else f"> {result.crt_exceeds_s:.1f} s"
    return f"{content.body_site.value} {bound or number}"


@app.command()
def export(
    out: Annotated[Path, typer.Option(help="new folder for records, receipts and traces")],
    photos: Annotated[bool, typer.Option("--photos", help="the photos of legs as well")] = False,
    data: JournalFolder = None,
    config: Config = None,
    simulate: Simulate = False,
) -> None:
    """Write records, receipts and traces as plain files, with SHA256SUMS; `refill analyse` takes a trace as it is."""
    from device.journal.export import export as export_files

    with _opened(data, config, simulate) as journal:
        try:
            with _progress("exporting", journal.counts().records) as step:
                files = export_files(journal, out, step, photos=photos)
        except FileExistsError:
            fail(f"{out} exists; an export never writes over an earlier one", 1)
        except OSError as error:
            fail(f"{out}: {error.strerror or error}", 1)
    typer.echo(f"{out}: {len(files)} files")


@app.command(name="check-export")
def check(folder: Annotated[Path, typer.Argument(help="folder that `export` wrote")]) -> None:
    """Check an export without the device: files against their sums, records against their chain."""
    from device.journal.export_check import check_export

    found = check_export(folder)
    for problem in found.problems:
        typer.echo(problem)
    if found.problems:
        raise typer.Exit(1)
    typer.echo(f"{found.files} files, {found.records} records: the export is whole")


@app.command()
def retain(
    data: JournalFolder = None,
    config: Config = None,
    simulate: Simulate = False,
    apply: Annotated[bool, typer.Option("--apply", help="remove them; without it they are only listed")] = False,
    operator: Annotated[str | None, typer.Option(help="code of whoever removes; with --apply")] = None,
) -> None:
    """Remove traces and photos that are older than the device file keeps them and safe in the trial database.

    Records stay.
    """
    from device.clock import SystemClock
    from device.journal import JournalError
    from device.journal.retention import old_traces, remove

    if apply and not (operator and OPERATOR.fullmatch(operator)):
        fail("--apply needs --operator, a code as in a reading and never a name", 2)
    storage = _storage(config, simulate)
    path = _journal_file(data or storage.journal_folder)
    try:
        days, photo_days = storage.trace_retention_days, storage.knee_photo_retention_days
        traces = old_traces(path, days, SystemClock(), photo_days)
        megabytes = sum(trace.size_bytes for trace in traces) / 1e6
        photos = sum(trace.is_photo for trace in traces)
        said = f"{len(traces) - photos} traces older than {days} days"
        said += (
            f" and {photos} photos older than {photo_days}, {megabytes:.1f} MB" if photos else f", {megabytes:.1f} MB"
        )
        if not apply:
            typer.echo(f"{said}; nothing was removed, --apply removes them")
            return
        with _progress("removing", len(traces)) as step:
            gone = remove(path, traces, operator or "", SystemClock(), step)
    except JournalError as error:
        fail(str(error), 1)
    typer.echo(f"{said}: {gone} removed, each written down")


@contextmanager
def _opened(data: Path | None, config: Path | None, simulate: bool) -> Iterator[Deliveries]:
    """Open a journal for a command; what it cannot read ends the command in one sentence."""
    from pydantic import ValidationError

    from device.journal import JournalError

    with open_journal(_folder(data, config, simulate)) as journal:
        try:
            yield journal
        except JournalError as error:
            fail(str(error), 1)
        except ValidationError:
            fail("a record of the journal is of no version that is known here; see refill journal verify", 1)


def open_journal(folder: Path) -> Deliveries:
    """Return the journal in `folder` for reading only; ends the command where there is none that can be read."""
    from device.journal import Deliveries, JournalError

    try:
        return Deliveries.open(_journal_file(folder), read_only=True)
    except JournalError as error:
        fail(str(error), 1)


def _journal_file(folder: Path) -> Path:
    return folder if folder.is_file() else folder / "journal.sqlite"


def _storage(config: Path | None, simulate: bool) -> Storage:
    return device_file(config, simulate).storage


def _folder(data: Path | None, config: Path | None, simulate: bool) -> Path:
    return data if data is not None else _storage(config, simulate).journal_folder


@contextmanager
def _progress(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show a bar on a terminal; nothing elsewhere."""
    import sys

    if not sys.stderr.isatty() or total < 200:
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda done: bar.update(task, completed=done)
