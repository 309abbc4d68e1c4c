"""Everything of a study in one folder, with checksums, and the check of such a folder years later.

The folder appears whole or not at all. The archived database is a backup as `trial.backup` makes it; a SQLite one can
be opened by the check, which then makes the CSV again and compares.
"""

import json
import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Engine, select

from firmware_config.study import Study
from trial import backup_sqlite, tables
from trial.backup import backup
from trial.backup_files import to_the_disk
from trial.backup_manifest import file_sha256
from trial.crf.fhir import export_fhir
from trial.crf.odm import export_odm
from trial.crf_csv import export
from trial.crf_mottling import export_mottling
from trial.database import schema_version
from trial.reconcile_csv import compare_csv

SUMS = "SHA256SUMS"
MANIFEST = "archive.json"
CSVS = ("crf.csv", "mottling.csv")
DATABASES = {"sqlite": "trial.sqlite3", "postgresql": "trial.pgdump"}


class ArchiveError(ValueError):
    """The archive cannot be made, or is none. One sentence."""


@dataclass(frozen=True)
class Checked:
    """What a check of an archive found. `csv_compared`: whether its database could be opened here."""

    files: int
    wrong: list[str]
    csv_compared: bool


def archive(engine: Engine, study: Study, out: Path, now: datetime) -> int:
    """Write a study's archive to `out`, a new folder; returns the number of files.

    Raises `ArchiveError`, `BackupError`, `AlteredError`, `OdmError`, `OSError` and SQLAlchemy's errors.
    """
    if out.exists():
        raise ArchiveError(f"{out}: is there already; nothing was written over it")
    part = out.with_name(f".{out.name}.refill-part")
    if part.exists():
        shutil.rmtree(part)
    part.mkdir(mode=0o700)
    try:
        names = _write(engine, study, part, now)
        checked = verify(part)
        if checked.wrong:  # the files are not of one moment: something came in between them
            raise ArchiveError(f"{'; '.join(checked.wrong)}: data came in meanwhile, make it again")
        part.rename(out)
        to_the_disk(out.parent)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return len(names)


def _write(engine: Engine, study: Study, folder: Path, now: datetime) -> list[str]:
    counts = {
        "crf.csv": export(engine, study.name, folder / "crf.csv"),
        "mottling.csv": export_mottling(engine, study.name, folder / "mottling.csv"),
        "odm-snapshot.xml": export_odm(engine, study, folder / "odm-snapshot.xml", "Snapshot", now),
        "odm-transactional.xml": export_odm(engine, study, folder / "odm-transactional.xml", "Transactional", now),
        "fhir-r5.ndjson": export_fhir(engine, study, folder / "fhir-r5.ndjson", "R5"),
        "fhir-r4b.ndjson": export_fhir(engine, study, folder / "fhir-r4b.ndjson", "R4B"),
    }
    (folder / "study.json").write_text(study.model_dump_json(indent=2) + "\n", encoding="utf-8")
    with engine.connect() as connection, (folder / "audit.jsonl").open("w", encoding="utf-8") as file:
        version = schema_version(connection)
        for row in connection.execute(select(tables.audit).order_by(tables.audit.c.id)):
            file.write(json.dumps(dict(row._mapping), default=str, ensure_ascii=False) + "\n")
    backup(engine, folder / DATABASES[engine.dialect.name])
    about = {"study": study.name, "made_at": now.isoformat(), "schema_version": version, "rows": counts}
    (folder / MANIFEST).write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
    names = sorted(path.name for path in folder.iterdir())
    sums = "".join(f"{file_sha256(folder / name)}  {name}\n" for name in names)
    (folder / SUMS).write_text(sums, encoding="utf-8")
    for name in (*names, SUMS):
        to_the_disk(folder / name)
    to_the_disk(folder)
    return names


def verify(folder: Path) -> Checked:
    """Check every file of an archive, and its CSV against its database; raises `ArchiveError`, `OSError`."""
    try:
        lines = (folder / SUMS).read_text(encoding="utf-8").splitlines()
        told = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
        about = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        study = str(about["study"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ArchiveError(f"{folder}: is no archive: {error}") from error
    there = {path.name for path in folder.iterdir()} - {SUMS}
    wrong = [f"{name}: is missing" for name in sorted(told.keys() - there)]
    wrong += [f"{name}: is not in {SUMS}" for name in sorted(there - told.keys())]
    for name in sorted(told.keys() & there):
        if file_sha256(folder / name) != told[name]:
            wrong.append(f"{name}: was altered: its hash does not match")
    database = folder / DATABASES["sqlite"]
    if wrong or not database.is_file():
        return Checked(len(told), wrong, csv_compared=False)
    with backup_sqlite.opened(database) as connection:
        for name in CSVS:
            if not compare_csv(connection, study, folder / name).agrees:
                wrong.append(f"{name}: is not what the archived database gives")
    return Checked(len(told), wrong, csv_compared=True)
