"""`refill trial archive` and `archive-verify`: everything of a study in one folder, and its check years later."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from refill.common import fail
from refill.trial_common import Database, Folder, StudyName, opened, study_named


def add_to(trial: typer.Typer) -> None:
    """Hang these commands into `refill trial`."""
    trial.command()(archive)
    trial.command()(archive_verify)


def archive(
    study: StudyName,
    out: Annotated[Path, typer.Option(help="Folder to make; it must not be there yet.")],
    database: Database = None,
    config: Folder = None,
) -> None:
    """Write every export, the audit trail, the study and a backup of the database, with checksums."""
    from trial.archive import ArchiveError
    from trial.archive import archive as write
    from trial.backup_manifest import BackupError
    from trial.crf.odm import OdmError
    from trial.crf_files import AlteredError

    chosen = study_named(study, config)
    with opened(database, config, ArchiveError, BackupError, AlteredError, OdmError) as engine:
        try:
            count = write(engine, chosen, out, datetime.now(UTC))
        except OSError as error:
            fail(f"the archive was not written: {error}", 1)
    typer.echo(f"{out}: {count} files with their checksums; check it with refill trial archive-verify")


def archive_verify(folder: Annotated[Path, typer.Argument(help="What `refill trial archive` wrote.")]) -> None:
    """Check every checksum, and that the CSV equals what the archived database gives; exit 1 where not."""
    from sqlalchemy.exc import SQLAlchemyError

    from trial.archive import ArchiveError, verify
    from trial.crf_files import AlteredError
    from trial.reconcile_csv import CsvError

    try:
        found = verify(folder)
    except (ArchiveError, AlteredError, CsvError) as error:
        fail(str(error), 1)
    except (OSError, SQLAlchemyError) as error:
        fail(f"{folder}: cannot be checked: {type(error).__name__}", 1)
    for line in found.wrong:
        typer.echo(line)
    if found.wrong:
        raise typer.Exit(1)
    typer.echo(f"{found.files} files as their checksums say")
    typer.echo(
        "the CSV equals what the archived database gives"
        if found.csv_compared
        else "the database is a PostgreSQL dump: restore it, then compare with refill trial reconcile --crf"
    )
