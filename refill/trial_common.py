"""What the commands of the trial side share: finding the study and the database, and ending in one sentence."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from refill.common import fail

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from firmware_config.study import Study

Database = Annotated[
    str | None,
    typer.Option(
        envvar="REFILL_TRIAL_DATABASE",
        help="SQLite file, or sqlite:/// or postgresql:// URL; default: the one of trial.toml.",
        show_envvar=True,
    ),
]
Folder = Annotated[
    Path | None, typer.Option("--config", help="Folder of a site's own trial.toml and studies. Default: the packaged.")
]
StudyName = Annotated[str, typer.Option("--study", help="Study file's name.")]
OneStudy = Annotated[str | None, typer.Option("--study", help="This study only.")]
_RUNS = 10


def study_named(name: str, folder: Path | None) -> Study:
    """Return a study by its file's name, a site's own folder first; ends the command where there is none."""
    from firmware_config.loading import ConfigurationError, load_named
    from firmware_config.study import Study

    try:
        return load_named("studies", name, Study, folder)
    except ConfigurationError as error:
        fail(str(error), 1)


@contextmanager
def opened(database: str | None, config: Path | None, *failures: type[Exception]) -> Iterator[Engine]:
    """Open a database that is there and has this program's tables; every failure ends in one sentence.

    `failures` are the errors of the command's own whose text is such a sentence already.
    """
    from sqlalchemy.exc import SQLAlchemyError

    from trial.database import DatabaseChoiceError, newest_schema, open_database, schema_version

    try:
        engine = open_database(database or of_the_file(config))
    except DatabaseChoiceError as error:
        fail(str(error), 1)
    # Looking at a misspelt name makes no new file.
    if engine.dialect.name == "sqlite" and not Path(str(engine.url.database)).is_file():
        fail(f"{engine.url.database}: no such database", 1)
    try:
        with engine.connect() as connection:
            found = schema_version(connection)
        if found != newest_schema():
            fail(f"the database's schema is {found or 'none'}, not {newest_schema()}: run `refill trial upgrade`", 1)
        yield engine
    except failures as error:
        fail(str(error), 1)
    except SQLAlchemyError as error:
        # Without the statement and its values: they could hold trial data.
        fail(f"the database cannot be used: {' '.join(str(getattr(error, 'orig', None) or error).split())[:300]}", 1)
    finally:
        engine.dispose()


def tell_frozen(engine: Engine, study: str) -> None:
    """Say what of a study is frozen, a line for each site or subject: what is handed on of it is final."""
    from trial.freezing import since, standing

    with engine.connect() as connection:
        found = standing(connection, study)
    for whose, by in sorted(found.items(), key=lambda each: (each[0][0], each[0][1] or "")):
        typer.echo(f"{since(whose, by)}: {by.why}")


def numbers(seqs: list[int]) -> str:
    """Return numbers as a person reads them: `3 to 5, 9 (4)`."""
    runs: list[tuple[int, int]] = []
    for seq in sorted(seqs):
        if runs and runs[-1][1] == seq - 1:
            runs[-1] = (runs[-1][0], seq)
        else:
            runs.append((seq, seq))
    words = [f"{first}" if first == last else f"{first} to {last}" for first, last in runs[:_RUNS]]
    return ", ".join(words) + (" and more" if len(runs) > _RUNS else "") + f" ({len(seqs)})"


def of_the_file(folder: Path | None) -> str:
    """Return the database that `trial.toml` names, from a systemd credential where its URL has a password."""
    import os

    from firmware_config.loading import ConfigurationError
    from firmware_config.trial import FILE, load_trial
    from trial.database import DEFAULT_DATABASE

    try:
        trial = load_trial(folder)
    except ConfigurationError as error:
        fail(str(error), 2)
    if trial.database_credential is None:
        return trial.database or DEFAULT_DATABASE
    try:
        handed_over = Path(os.environ.get("CREDENTIALS_DIRECTORY", "")) / trial.database_credential
        return handed_over.read_text(encoding="utf-8").strip()
    except OSError:
        fail(f"{FILE}: database_credential: {trial.database_credential} was not handed over by systemd", 1)


@contextmanager
def progress() -> Iterator[Callable[[str], None]]:
    """Show how far it is on a terminal; nothing elsewhere."""
    import sys

    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console

    with Console(stderr=True).status("") as status:
        yield status.update
