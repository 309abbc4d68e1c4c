"""`refill trial feed`: readings to case report forms elsewhere, as files or to a running REDCap."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from refill.common import fail
from refill.trial_common import Database, Folder, StudyName, opened, study_named, tell_frozen

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from firmware_config.study import Study
    from firmware_config.trial import Trial
    from trial.crf.fhir import Release
    from trial.crf.odm import FileType
    from trial.crf.redcap import FeedError, Round
    from trial.crf.redcap_api import RedcapApi

TOKEN_VARIABLE = "REFILL_REDCAP_TOKEN"  # noqa: S105 - the variable's name, not a token
EVERY_S = 300.0

app = typer.Typer(
    help="Readings to case report forms elsewhere: ODM-XML, FHIR, REDCap.", no_args_is_help=True, rich_markup_mode=None
)
Out = Annotated[Path, typer.Option(help="File to write.")]


class OdmKind(StrEnum):
    """What an ODM file tells."""

    SNAPSHOT = "snapshot"
    TRANSACTIONAL = "transactional"


class FhirRelease(StrEnum):
    """FHIR's releases that bundles are made for."""

    R5 = "r5"
    R4B = "r4b"


def add_to(trial: typer.Typer) -> None:
    """Hang these commands into `refill trial`."""
    trial.add_typer(app, name="feed")


@app.command()
def odm(
    study: StudyName,
    out: Out,
    kind: Annotated[
        OdmKind, typer.Option("--type", help="What stands, or each entry and change with who, when and why.")
    ] = OdmKind.SNAPSHOT,
    database: Database = None,
    config: Folder = None,
) -> None:
    """Write the case report form as CDISC ODM-XML 1.3.2."""
    from trial.crf.odm import OdmError, export_odm
    from trial.crf_files import AlteredError

    chosen = study_named(study, config)
    with opened(database, config, AlteredError, OdmError) as engine:
        now = datetime.now(UTC)
        file_type: FileType = "Snapshot" if kind is OdmKind.SNAPSHOT else "Transactional"
        count = _written(lambda: export_odm(engine, chosen, out, file_type, now))
        tell_frozen(engine, chosen.name)
    typer.echo(f"{out}: {count} readings, ODM 1.3.2 {file_type}")


@app.command()
def fhir(
    study: StudyName,
    out: Out,
    release: Annotated[FhirRelease, typer.Option(help="Release of FHIR.")] = FhirRelease.R5,
    database: Database = None,
    config: Folder = None,
) -> None:
    """Write FHIR transaction bundles, one a line: Observation, Device, Provenance."""
    from trial.crf.fhir import export_fhir
    from trial.crf_files import AlteredError

    chosen = study_named(study, config)
    with opened(database, config, AlteredError) as engine:
        asked: Release = "R5" if release is FhirRelease.R5 else "R4B"
        count = _written(lambda: export_fhir(engine, chosen, out, asked))
        tell_frozen(engine, chosen.name)
    typer.echo(f"{out}: {count} readings, FHIR {asked}")


@app.command()
def redcap_dictionary(study: StudyName, out: Out, config: Folder = None) -> None:
    """Write the data dictionary that a REDCap project is set up with."""
    from trial.crf.files import whole_file
    from trial.crf.redcap_rows import data_dictionary

    content = data_dictionary(study_named(study, config))
    try:
        with whole_file(out) as file:
            file.write(content)
    except OSError as error:
        fail(f"the dictionary was not written: {error}", 1)
    typer.echo(f"{out}: upload it as the project's data dictionary, and let both instruments repeat in every event")


@app.command()
def redcap(
    study: Annotated[str | None, typer.Option(help="Study file's name; default: the one of trial.toml.")] = None,
    url: Annotated[
        str | None, typer.Option(help="The project's API address: https://…/api/. Default: [redcap] of trial.toml.")
    ] = None,
    token_credential: Annotated[
        str | None,
        typer.Option(
            help="Name of the systemd credential with the token. Default: that of [redcap] where its address is "
            f"taken, else the variable {TOKEN_VARIABLE}."
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be sent; send and number nothing.")
    ] = False,
    once: Annotated[bool, typer.Option("--once", help="One round, then end; exit 1 where a person is needed.")] = False,
    every_s: Annotated[
        float | None,
        typer.Option(min=10, max=86400, help="Seconds between rounds; default: [redcap]'s, or 300."),
    ] = None,
    database: Database = None,
    config: Folder = None,
) -> None:
    """Feed a REDCap project: send what is missing there, read it back, say what was skipped and why."""
    from trial.crf.canonical import FORMS
    from trial.crf.redcap import FeedError
    from trial.crf.redcap_api import RedcapApi, RedcapChoiceError
    from trial.crf.redcap_rows import fields_of
    from trial.crf_files import AlteredError

    if study is None or url is None:
        trial = _trial(config)
        study = study or trial.study
        if url is None:
            if trial.redcap is None:
                fail("--url, or [redcap] in trial.toml: there is no project to feed", 2)
            url, every_s = trial.redcap.url, every_s or trial.redcap.every_s
            token_credential = token_credential or trial.redcap.token_credential
    chosen = study_named(study, config)
    try:
        api = RedcapApi(url, _token(token_credential))
    except RedcapChoiceError as error:
        fail(str(error), 2)
    with opened(database, config, AlteredError, FeedError) as engine:
        if once or dry_run:
            api.check(name for form in FORMS for name in fields_of(form).values())
            done = _round(engine, chosen, api, dry_run)
            _say_round(done, dry_run)
            if done.wrong:
                raise typer.Exit(1)
            return
        _run(engine, chosen, api, every_s or EVERY_S)


def _run(engine: Engine, study: Study, api: RedcapApi, every_s: float) -> None:
    from trial.crf.canonical import FORMS
    from trial.crf.redcap import FeedError
    from trial.crf.redcap_api import feed_on
    from trial.crf.redcap_rows import fields_of

    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())

    def step() -> Round:
        api.check(name for form in FORMS for name in fields_of(form).values())
        return _round(engine, study, api, False)

    def said(result: Round | FeedError, next_s: float) -> None:
        if isinstance(result, FeedError):
            typer.echo(f"{result}; again in {next_s:.0f} s", err=True)
        else:
            _say_round(result, False)

    feed_on(step, stop.wait, said, every_s)


def _round(engine: Engine, study: Study, api: RedcapApi, dry_run: bool) -> Round:
    from trial.crf.redcap import feed_once

    tell_frozen(engine, study.name)
    return feed_once(engine, study, api, datetime.now(UTC), dry_run=dry_run)


def _say_round(done: Round, dry_run: bool) -> None:
    for each in done.sent:
        typer.echo(f"{each}: {'would be sent' if dry_run else 'sent and read back'}")
    for skipped in done.skipped:
        typer.echo(f"{skipped.reading_id}: skipped: {skipped.why}")
    for wrong in done.wrong:
        typer.echo(f"{wrong.reading_id}: needs a person: {wrong.why}")
    verb = "to send" if dry_run else "sent"
    counts = f"{len(done.sent)} {verb}, {done.there} there already, {len(done.skipped)} skipped"
    typer.echo(f"{counts}, {len(done.wrong)} for a person")


def _trial(config: Folder) -> Trial:
    from firmware_config.loading import ConfigurationError
    from firmware_config.trial import load_trial

    try:
        return load_trial(config)
    except ConfigurationError as error:
        fail(str(error), 2)


def _token(credential: str | None) -> str:
    """Return the token: never from the command line, which every account on the machine can read."""
    if credential is None:
        token = os.environ.get(TOKEN_VARIABLE, "").strip()
        return token or fail(f"--token-credential, or the variable {TOKEN_VARIABLE}: the token is nowhere", 2)
    if Path(credential).name != credential:
        fail("--token-credential: a credential's name, no path", 2)
    try:
        return (Path(os.environ.get("CREDENTIALS_DIRECTORY", "")) / credential).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        fail(f"--token-credential: {credential} was not handed over by systemd", 1)


def _written(export: Callable[[], int]) -> int:
    try:
        return export()
    except OSError as error:
        fail(f"the export was not written: {error}", 1)
