"""The trial database itself: backup, restore, a journal held against it, its schema, and who may do what in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from refill.common import fail
from refill.trial_common import Database, Folder, OneStudy, numbers, of_the_file, progress, study_named

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from trial.reconcile import Comparison, Export
    from trial.roles import Role

User = Annotated[str | None, typer.Option(metavar="NAME", help="An account of PostgreSQL that is there already.")]

_SHOWN = 10


def add_to(app: typer.Typer) -> None:
    """Hang these commands into `refill trial`."""
    for command in (backup, restore, reconcile, upgrade, roles):
        app.command()(command)


def backup(
    out: Annotated[Path, typer.Argument(help="New file; or a folder, where it gets a name with its time.")],
    database: Database = None,
    verify: Annotated[
        bool, typer.Option("--verify", help="PostgreSQL: also restore it into a scratch database and compare.")
    ] = False,
    keep: Annotated[
        int | None, typer.Option(min=1, help="In a folder: keep so many of this database, remove older ones.")
    ] = None,
    config: Folder = None,
) -> None:
    """Write the whole database into one file while ingesters go on, read it back, and put its manifest beside it.

    Exit 1 also where the backup stands but the database is not as it should be: an altered record, a lost trigger.
    """
    from trial import backup as copying

    with _opened(database, config) as engine, progress() as say:
        made = copying.backup(engine, out, verify=verify, keep=keep, progress=say)
    manifest = made.manifest
    rows, devices = manifest.facts.records, len(manifest.facts.devices)
    typer.echo(f"{made.path}: {rows} records of {devices} devices, {manifest.bytes / 1e6:.1f} MB, read back")
    typer.echo(f"sha256 {manifest.sha256}, schema {manifest.facts.schema_version}, {manifest.took_s:.1f} s")
    for name in made.pruned:
        typer.echo(f"removed {name}")
    if manifest.facts.altered:
        named = ", ".join(manifest.facts.altered[:_SHOWN])
        fail(f"{len(manifest.facts.altered)} records are not as their devices sealed them: {named}", 1)
    if manifest.missing_guards:
        fail(f"the database has lost triggers that refuse any change: {', '.join(manifest.missing_guards)}", 1)


def restore(
    file: Annotated[Path, typer.Argument(help="A backup; its manifest stands beside it.")],
    database: Annotated[
        str | None, typer.Option(help="An empty database, or a SQLite file that is not there yet; or name --config.")
    ] = None,
    config: Folder = None,
) -> None:
    """Bring a backup back into an empty database, and compare it with its manifest. Stop the ingesters first."""
    from trial.backup_restore import restore as bring_back

    if database is None and config is None:
        fail("--database or --config: say where to restore to", 2)
    with _opened(database, config, may_be_missing=True) as engine, progress() as say:
        manifest = bring_back(file, engine, say)
    for end in manifest.facts.devices:
        typer.echo(f"{end.study} {end.device}: {end.readings} records, up to number {end.last_seq}")
    typer.echo(f"restored and compared: {manifest.facts.records} records, as of {manifest.begun_at:%F %T}Z")
    typer.echo("what came after that is in the devices' journals only: refill trial reconcile")


def reconcile(
    journal_export: Annotated[Path | None, typer.Option(help="What `refill journal export` wrote.")] = None,
    database: Database = None,
    study: OneStudy = None,
    do_import: Annotated[bool, typer.Option("--import", help="Store what is missing; needs --by and --why.")] = False,
    by: Annotated[str, typer.Option("--by", help="Who does it: a code, never a name.")] = "",
    why: Annotated[str, typer.Option("--why", help="The reason, in a line; never about a person.")] = "",
    crf: Annotated[Path | None, typer.Option(help="A CSV that `refill trial export` wrote; needs --study.")] = None,
    config: Folder = None,
) -> None:
    """Hold a device's journal, a CSV, or both against the database; exit 1 where something is missing or differs."""
    from trial import reconcile as comparing
    from trial.people import is_person_code

    if do_import and not (is_person_code(by) and why.strip()):
        fail("--import needs --by, a code like dm-1 and never a name, and --why", 2)
    if crf is not None and study is None:
        fail("--crf needs --study: the CSV is of one study", 2)
    if journal_export is None and crf is None:
        fail("--journal-export, --crf, or both: there is nothing to compare", 2)
    if journal_export is None and do_import:
        fail("--import needs --journal-export: a CSV holds no record to store", 2)
    export = None if journal_export is None else _export(journal_export)
    agreed = True
    with _opened(database, config) as engine:
        if export is not None:
            with engine.connect() as connection:
                found = comparing.compare(connection, export)
            for each in found:
                if study is not None and each.study != study:
                    continue
                _say(each)
                imports = do_import and bool(each.missing)
                now = _imported(engine, export, each, config, by, why) if imports else each
                agreed = agreed and now.agrees
        if crf is not None and study is not None:
            agreed = _csv_agrees(engine, study, crf) and agreed
    if not agreed:
        raise typer.Exit(1)


def _csv_agrees(engine: Engine, study: str, path: Path) -> bool:
    from trial.crf_files import AlteredError
    from trial.reconcile_csv import CsvError, compare_csv

    try:
        with engine.connect() as connection:
            found = compare_csv(connection, study, path)
    except (CsvError, AlteredError) as error:
        fail(str(error), 1)
    counts = f"{found.in_file} rows in the file, {found.in_database} in the database, {found.same} the same"
    typer.echo(f"{study} {found.form} CSV: {counts}")
    for word, which in (("missing", found.missing), ("extra", found.extra), ("there twice", found.twice)):
        for reading_id in which:
            typer.echo(f"{reading_id}: {word} in the file")
    for reading_id, columns in found.different.items():
        typer.echo(f"{reading_id}: different: {', '.join(columns)}")
    return found.agrees


def _imported(engine: Engine, export: Export, found: Comparison, config: Path | None, by: str, why: str) -> Comparison:
    """Import what is missing, say what became of it, and compare again."""
    from trial import reconcile as comparing

    chosen = study_named(found.study, config)
    done = comparing.import_missing(engine, export, found, chosen, actor=by, why=why)
    typer.echo(f"{found.study} {found.device}: {done.stored} stored now, {done.again} had come meanwhile")
    for seq, reason in done.refused:
        typer.echo(f"{found.study} {found.device}: {seq} stays out: {reason}")
    with engine.connect() as connection:
        return next(each for each in comparing.compare(connection, export) if each.study == found.study)


def _say(found: Comparison) -> None:
    whose = f"{found.study} {found.device}"
    typer.echo(f"{whose}: {found.exported} in the journal, {found.same} of them in the database as they are there")
    if found.missing:
        seqs = [record.device_seq for record in found.missing]
        receipted = sum(record.receipted for record in found.missing)
        typer.echo(
            f"{whose}: missing {numbers(seqs)}: {receipted} of them have a receipt and will not come by themselves,"
            f" {len(found.refused)} were refused"
        )
    if found.different:
        typer.echo(f"{whose}: not the same in both: {numbers(found.different)}")
    if found.unknown:
        typer.echo(f"{whose}: in the database and not in the journal: {numbers(found.unknown)}")
    if found.beyond:
        typer.echo(f"{whose}: {found.beyond} came after the export was made")


def _export(folder: Path) -> Export:
    from trial.reconcile import ExportError, read_export

    try:
        export = read_export(folder)
    except ExportError as error:
        fail(str(error), 1)
    if not export.records:
        typer.echo(f"{export.device}: the journal has no records")
    return export


def upgrade(database: Database = None, config: Folder = None) -> None:
    """Bring the schema up to date, as the owner of the tables; makes the tables in an empty database."""
    from trial.database import upgrade as bring_up

    with _opened(database, config, may_be_missing=True) as engine:
        before, after = bring_up(engine)
    typer.echo(f"schema {after}: " + ("nothing to do" if before == after else f"was {before or 'not there'}"))


def roles(
    database: Database = None,
    ingest_user: User = None,
    manage_user: User = None,
    backup_user: User = None,
    read_user: User = None,
    apply: Annotated[bool, typer.Option("--apply", help="Grant; without it they are only printed.")] = False,
    config: Folder = None,
) -> None:
    """Print or grant what each PostgreSQL account may do; only the owner of the tables can grant."""
    from trial import roles as granting

    asked: dict[Role, str | None] = {
        "ingest": ingest_user,
        "manage": manage_user,
        "backup": backup_user,
        "read": read_user,
    }
    users = {role: name for role, name in asked.items() if name is not None}
    if not users:
        fail("name at least one account: --ingest-user, --manage-user, --backup-user or --read-user", 2)
    with _opened(database, config) as engine:
        said = granting.apply(engine, users) if apply else granting.statements_for(engine, users)
    for statement in said:
        typer.echo(f"{statement};")
    if not apply:
        typer.echo("-- nothing was granted: --apply grants", err=True)


@contextmanager
def _opened(database: str | None, config: Path | None, *, may_be_missing: bool = False) -> Iterator[Engine]:
    """Open a database; every failure ends in one sentence. Looking at a misspelt name makes no new file."""
    from sqlalchemy.exc import SQLAlchemyError

    from trial.backup_manifest import BackupError
    from trial.database import DatabaseChoiceError, SchemaError, open_database
    from trial.people import UnsignedError
    from trial.roles import RolesError

    try:
        engine = open_database(database or of_the_file(config))
    except DatabaseChoiceError as error:
        fail(str(error), 1)
    if not may_be_missing and engine.dialect.name == "sqlite" and not Path(str(engine.url.database)).is_file():
        fail(f"{engine.url.database}: no such database", 1)
    try:
        yield engine
    except (BackupError, SchemaError, RolesError, UnsignedError) as error:
        fail(str(error), 1)
    except OSError as error:
        fail(f"{error.filename or 'the file'}: {error.strerror or error}", 1)
    except SQLAlchemyError as error:
        fail(f"the database cannot be used: {' '.join(str(getattr(error, 'orig', None) or error).split())[:300]}", 1)
    finally:
        engine.dispose()
