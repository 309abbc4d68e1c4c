"""What a backup says of itself: counts, the end of every device's chain, hashes. Written beside it, read before it."""

import hashlib
import json
import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy import Connection, Table, and_, func, inspect, select, text
from sqlalchemy import table as table_named

from contract.envelope import chain_sha256, first_error
from contract.identifiers import Count, Sha256
from contract.version import __version__
from trial.append_only import KEYS, belonging, guards
from trial.database import RESTORE_MARK, newest_schema, schema_version
from trial.kinds import BODY, with_bodies
from trial.tables import reading, record

Progress = Callable[[str], None]
"""Hears, in a few words, how far a long one has come."""
Kind = Literal["sqlite", "postgresql"]

_GUARDS: dict[Kind, str] = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger'",
    "postgresql": (
        "SELECT t.tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
        " WHERE NOT t.tgisinternal AND t.tgenabled IN ('O', 'A') AND c.relnamespace = current_schema()::regnamespace"
    ),
}
_AT_ONCE = 500


class BackupError(Exception):
    """A backup could not be made or is not to be trusted; the text is one sentence."""


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DeviceEnd(_Closed):
    """How far the database has come with one device."""

    study: str
    device: str
    readings: Count = Field(description="its records, of whatever kind")
    last_seq: Count = Field(description="highest device_seq that is stored")
    last_sha256: Sha256 = Field(description="hash of that record in its device's chain")


class Facts(_Closed):
    """What must be the same in a database, in its backup and in what was restored from it."""

    schema_version: str
    tables: dict[str, Count] = Field(description="rows of each table")
    guards: list[str] = Field(description="names of the triggers that refuse any change")
    devices: list[DeviceEnd]
    altered: list[str] = Field(description="ids of records that are not as their device sealed them; none is usual")

    @property
    def records(self) -> int:
        """Return how many records there are, of whatever kind."""
        return self.tables.get(record.name, self.tables[reading.name])


class Manifest(_Closed):
    """One backup. `manifest_sha256` finds damage, not malice: who can write the file can hash it anew."""

    format: Literal[1] = 1
    file: Annotated[str, Field(min_length=1, max_length=255)]
    kind: Kind
    database: str = Field(description="which database, without user and password: backups of one are a series")
    software_version: str = __version__
    made_with: str = Field(description="what copied it, with its version")
    begun_at: AwareDatetime = Field(description="what was committed by then is in it")
    took_s: Annotated[float, Field(ge=0)]
    bytes: Count
    sha256: Sha256
    facts: Facts
    manifest_sha256: str = ""

    @property
    def own_sha256(self) -> str:
        """Return the hash of everything in it but that hash."""
        content = self.model_dump(mode="json", exclude={"manifest_sha256"})
        return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()

    @property
    def missing_guards(self) -> list[str]:
        """Return the triggers that a database of this program's schema has and this one had not."""
        if self.facts.schema_version != newest_schema():
            return []
        made = "\n".join(guards(self.kind, KEYS) + belonging(self.kind))
        return sorted(set(re.findall(r"CREATE TRIGGER (\w+)", made)) - set(self.facts.guards))

    @property
    def json_text(self) -> str:
        """Return it as it is written, with its hash."""
        sealed = self.model_copy(update={"manifest_sha256": self.own_sha256})
        return json.dumps(sealed.model_dump(mode="json"), indent=2, ensure_ascii=False) + "\n"


def manifest_path(backup: Path) -> Path:
    """Return where the manifest of a backup stands."""
    return backup.with_name(f"{backup.name}.manifest.json")


def read_manifest(backup: Path) -> Manifest:
    """Return the manifest of a backup; raises `BackupError` where there is none or it is not as it was written."""
    path = manifest_path(backup)
    try:
        manifest = Manifest.model_validate_json(path.read_bytes())
    except FileNotFoundError as error:
        raise BackupError(f"{path.name}: there is none: a backup without its manifest was not finished") from error
    except OSError as error:
        raise BackupError(f"{path.name}: cannot be read: {error.strerror}") from error
    except ValidationError as error:
        raise BackupError(f"{path.name}: {first_error(error)}") from error
    if manifest.manifest_sha256 != manifest.own_sha256:
        raise BackupError(f"{path.name}: manifest_sha256: it is not as it was written")
    return manifest


def check_file(backup: Path, manifest: Manifest) -> None:
    """Raise `BackupError` unless the file is the one that the manifest was written for."""
    try:
        size, sha256 = backup.stat().st_size, file_sha256(backup)
    except OSError as error:
        raise BackupError(f"{backup.name}: cannot be read: {error.strerror}") from error
    if size != manifest.bytes:
        raise BackupError(f"{backup.name}: has {size} bytes, its manifest says {manifest.bytes}: cut short or altered")
    if sha256 != manifest.sha256:
        raise BackupError(f"{backup.name}: sha256: it is not the file that its manifest was written for")


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def facts(connection: Connection, progress: Progress = lambda _: None) -> Facts:
    """Return the facts of a database as the connection's transaction sees it; every record is hashed again.

    A schema before r0003 has readings only, and no table `record`. Raises `BackupError` where it is no trial database.
    """
    version = schema_version(connection)
    names = table_names(connection)
    if version is None or reading.name not in names:
        raise BackupError("this is no trial database: it holds no readings' table")
    kind: Kind = "sqlite" if connection.dialect.name == "sqlite" else "postgresql"
    count = select(func.count())
    return Facts(
        schema_version=version,
        tables={name: connection.execute(count.select_from(table_named(name))).scalar_one() for name in names},
        guards=sorted(connection.execute(text(_GUARDS[kind])).scalars()),
        devices=_ends(connection, record if record.name in names else reading),
        altered=_altered(connection, progress, of_kinds=record.name in names),
    )


def table_names(connection: Connection) -> list[str]:
    """Return every table's name but that of the mark of an unfinished restore."""
    return sorted(set(inspect(connection).get_table_names()) - {RESTORE_MARK})


def _ends(connection: Connection, stored: Table) -> list[DeviceEnd]:
    r = stored.c
    ends = select(r.study, r.device, func.count().label("readings"), func.max(r.device_seq).label("last_seq"))
    e = ends.group_by(r.study, r.device).subquery("ends")
    last = and_(r.study == e.c.study, r.device == e.c.device, r.device_seq == e.c.last_seq)
    query = select(e, r.sha256.label("last_sha256")).select_from(e.join(stored, last))
    found = [DeviceEnd.model_validate(dict(row._mapping)) for row in connection.execute(query)]
    return sorted(found, key=lambda end: (end.study, end.device))  # not by the database: its collation is its own


def _altered(connection: Connection, progress: Progress, *, of_kinds: bool) -> list[str]:
    r, stored = record.c, select(reading.c.reading_id, reading.c.previous_sha256, reading.c.body, reading.c.sha256)
    query = stored.order_by(reading.c.id)
    if of_kinds:
        query = with_bodies(select(r.reading_id, r.previous_sha256, BODY, r.sha256)).order_by(r.id)
    wrong = []
    rows = connection.execute(query.execution_options(yield_per=_AT_ONCE))
    for done, row in enumerate(rows, start=1):
        if row.body is None or chain_sha256(row.previous_sha256, row.body) != row.sha256:
            wrong.append(row.reading_id)
        if done % _AT_ONCE == 0:
            progress(f"{done} records hashed")
    return wrong


def difference(told: Facts, found: Facts) -> str | None:
    """Return the first thing in which two databases differ, or None."""
    pairs: list[tuple[str, Any, Any]] = [("schema_version", told.schema_version, found.schema_version)]
    pairs += [
        (f"rows of {name}", told.tables.get(name, 0), found.tables.get(name, 0))
        for name in sorted({*told.tables, *found.tables})
    ]
    pairs += [("guards", told.guards, found.guards), ("altered readings", told.altered, found.altered)]
    ends = {(end.study, end.device): end for end in found.devices}
    for end in told.devices:
        other = ends.pop((end.study, end.device), None)
        pairs.append((f"{end.study} {end.device}", _brief(end), _brief(other)))
    pairs += [(f"{end.study} {end.device}", _brief(None), _brief(end)) for end in ends.values()]
    return next((f"{what}: {there} was told, {here} was found" for what, there, here in pairs if there != here), None)


def rows_differ(told: Facts, rows: dict[str, int]) -> str | None:
    """Return the first table whose rows differ from those counted in a dump, or None."""
    names = sorted({*told.tables, *rows})
    pairs = ((name, told.tables.get(name, 0), rows.get(name, 0)) for name in names)
    return next(
        (f"rows of {name}: {there} were told, {here} found" for name, there, here in pairs if there != here), None
    )


def _brief(end: DeviceEnd | None) -> str:
    return "nothing" if end is None else f"{end.readings} readings up to {end.last_seq}, {end.last_sha256}"


def seconds_between(begun_at: datetime, ended_at: datetime) -> float:
    """Return how long something took, never below 0: a wall clock may be set meanwhile."""
    return max(0.0, round((ended_at - begun_at).total_seconds(), 3))
