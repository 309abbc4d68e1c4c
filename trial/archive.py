"""Everything of one study in one folder of plain files, with checksums and a README that says how to check them.

The folder appears whole or not at all. It holds what the database has of this study and nothing of another; it is read
and checked without this program. `trial.archive_check` checks more than the sums, and older formats too.
"""

import json
import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from contract.reading import utc
from contract.version import __version__
from firmware_config.study import Study
from trial.archive_check import FORMAT, MANIFEST, README, SCHEMA, SUMS, ArchiveError, verify
from trial.archive_readme import readme
from trial.archive_tables import FOLDER, KINDS, TRACES, TableError, write_tables, write_traces
from trial.backup_files import to_the_disk
from trial.backup_manifest import file_sha256
from trial.crf.canonical import snapshot
from trial.crf.fhir import export_fhir
from trial.crf.odm import export_odm
from trial.crf_csv import export
from trial.crf_mottling import export_mottling
from trial.database import note, schema_version, writing
from trial.traces import AlteredTraceError


def archive(engine: Engine, study: Study, out: Path, now: datetime) -> tuple[int, str]:
    """Write a study's archive to `out`, a new folder; returns the number of files and the hash of their list.

    The hash is noted in the audit trail: kept elsewhere it shows that the list itself was not altered. Raises
    `ArchiveError`, `AlteredError`, `OdmError`, `OSError` and SQLAlchemy's errors.
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
    except (TableError, AlteredTraceError) as error:
        raise ArchiveError(str(error)) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    with writing(engine).begin() as connection:
        said = f"study {study.name}, {len(names)} files, sha256 of {SUMS} {checked.sums_sha256}"
        note(connection, "export", "archive made", said)
    return len(names), checked.sums_sha256


def _write(engine: Engine, study: Study, folder: Path, now: datetime) -> list[str]:
    counts = _exports(engine, study, folder, now)
    _text(folder / "study.json", study.model_dump_json(indent=2))
    with snapshot(engine) as connection:
        version = schema_version(connection)
        described = write_tables(connection, study.name, folder / FOLDER)
        counts[TRACES] = write_traces(connection, study.name, folder / TRACES)
    schema = {"schema_version": version, "kinds": KINDS, "tables": described}
    _text(folder / SCHEMA, json.dumps(schema, indent=2))
    about: dict[str, Any] = {"format": FORMAT, "study": study.name, "made_at": utc(now), "made_by": __version__}
    _text(folder / MANIFEST, json.dumps(about | {"schema_version": version, "rows": counts}, indent=2))
    _text(folder / README, readme(study, now, described))
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    names = [path.relative_to(folder).as_posix() for path in files]
    _text(folder / SUMS, "\n".join(f"{file_sha256(folder / name)}  {name}" for name in names))
    for path in (*files, folder / SUMS, folder / FOLDER, folder / TRACES, folder):
        to_the_disk(path)
    return names


def _exports(engine: Engine, study: Study, folder: Path, now: datetime) -> dict[str, int]:
    return {
        "crf.csv": export(engine, study.name, folder / "crf.csv"),
        "mottling.csv": export_mottling(engine, study.name, folder / "mottling.csv"),
        "odm-snapshot.xml": export_odm(engine, study, folder / "odm-snapshot.xml", "Snapshot", now),
        "odm-transactional.xml": export_odm(engine, study, folder / "odm-transactional.xml", "Transactional", now),
        "fhir-r5.ndjson": export_fhir(engine, study, folder / "fhir-r5.ndjson", "R5"),
        "fhir-r4b.ndjson": export_fhir(engine, study, folder / "fhir-r4b.ndjson", "R4B"),
    }


def _text(path: Path, content: str) -> None:
    path.write_text(content + "\n", encoding="utf-8")
