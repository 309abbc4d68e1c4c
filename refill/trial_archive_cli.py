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
    """Write all that the database has of one study as plain files: exports, rows, audit trail, checksums, a README."""
    from trial.archive import archive as write
    from trial.archive_check import ArchiveError
    from trial.crf.odm import OdmError
    from trial.crf_files import AlteredError

    chosen = study_named(study, config)
    with opened(database, config, ArchiveError, AlteredError, OdmError) as engine:
        try:
            count, sums_sha256 = write(engine, chosen, out, datetime.now(UTC))
        except OSError as error:
            fail(f"the archive was not written: {error}", 1)
    typer.echo(f"{out}: {count} files; check them with refill trial archive-verify, or sha256sum -c SHA256SUMS")
    typer.echo(f"SHA256SUMS itself has the sha256 {sums_sha256}: keep it elsewhere")


def archive_verify(folder: Annotated[Path, typer.Argument(help="What `refill trial archive` wrote.")]) -> None:
    """Check every checksum, and that the CSV equals what the archived rows give; exit 1 where not."""
    from sqlalchemy.exc import SQLAlchemyError

    from trial.archive_check import ArchiveError, verify

    try:
        found = verify(folder)
    except ArchiveError as error:
        fail(str(error), 1)
    except (OSError, SQLAlchemyError) as error:
        fail(f"{folder}: cannot be checked: {type(error).__name__}", 1)
    for line in found.wrong:
        typer.echo(line)
    if found.wrong:
        raise typer.Exit(1)
    typer.echo(f"{found.files} files as their checksums say")
    typer.echo(f"SHA256SUMS itself has the sha256 {found.sums_sha256}: compare it with what was kept")
    if found.not_compared is None:
        typer.echo("the CSV equals what the archived rows give")
    else:
        typer.echo(f"the CSV was not made again: {found.not_compared}")
