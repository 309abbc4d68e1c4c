"""`refill trial schedule`: which expected readings are there, and which are not."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from refill.common import fail
from refill.trial_common import Database, Folder, StudyName, opened, study_named

if TYPE_CHECKING:
    from trial.schedule.rules import Schedule

OneSite = Annotated[str | None, typer.Option("--site", help="This site only.")]


class Grouping(StrEnum):
    """What completeness is counted by."""

    SITE = "site"
    SUBJECT = "subject"
    EVENT = "event"


def add_to(trial: typer.Typer) -> None:
    """Hang this command into `refill trial`."""
    trial.command()(schedule)


def schedule(
    study: StudyName,
    by: Annotated[Grouping, typer.Option(help="What is counted together.")] = Grouping.SITE,
    site: OneSite = None,
    csv: Annotated[Path | None, typer.Option(help="Also write each expected reading to this CSV file.")] = None,
    database: Database = None,
    config: Folder = None,
) -> None:
    """Show how complete the study is, as it stands after its corrections."""
    from trial.crf_files import AlteredError
    from trial.schedule.asked import with_reasons
    from trial.schedule.stored import STATES, completeness, schedules

    chosen = study_named(study, config)
    if not chosen.expected:
        fail(f"studies/{chosen.name}.toml: expected: no reading is expected, so there is no schedule", 1)
    if site is not None and site not in chosen.sites:
        fail(f"--site: {site} is not among the study's sites", 2)
    with opened(database, config, AlteredError) as engine, engine.connect() as connection:
        found = with_reasons(connection, chosen.name, schedules(connection, chosen, datetime.now(UTC), site))
    typer.echo(f"{by.value:<18}" + "".join(f"{state:>10}" for state in STATES))
    for key, counts in completeness(found, by.value):
        typer.echo(f"{'-'.join(key):<18}" + "".join(f"{counts[state]:>10}" for state in STATES))
    placed = [each for one in found for each in one.placed]
    typer.echo(
        f"{len(found)} subjects, {len(placed)} readings: {sum(each.superseded for each in placed)} superseded, "
        f"{sum(each.late for each in placed)} late, {sum(each.out_of_window for each in placed)} out of window, "
        f"{sum(bool(each.could_be) for each in placed)} ambiguous, "
        f"{sum(not each.event and not each.could_be for each in placed)} at no event"
    )
    if csv is not None:
        _write(csv, found)


def _write(path: Path, found: list[Schedule]) -> None:
    import csv

    from trial.crf.files import whole_file

    try:
        with whole_file(path) as file:
            rows = csv.writer(file, lineterminator="\n")
            rows.writerow(
                ("site", "inclusion", "event", "reading", "state", "reading_id", "late", "out_of_window", "why")
            )
            for slot in (slot for one in found for slot in one.slots):
                it = slot.counts
                flags = ("", "", "") if it is None else (it.taken.reading_id, it.late, it.out_of_window)
                rows.writerow((*slot.subject, slot.event, slot.kind, slot.state, *flags, slot.why or ""))
    except OSError as error:
        fail(f"the schedule was not written: {error}", 1)
