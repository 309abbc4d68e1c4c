"""PostgreSQL's own tools: pg_dump and pg_restore, each fed or read through a pipe.

Through a pipe, because a tool whose caller is killed then ends too, and never commits half of a backup behind his back.
Where the server is, and who we are, goes into their environment and never into their arguments, which anyone can read.
"""

import contextlib
import os
import re
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, cast

import psycopg
from sqlalchemy import Connection, Engine, text

from trial.backup_files import PRIVATE
from trial.backup_manifest import BackupError, Facts, Progress, facts
from trial.database import open_database

_CHUNK = 1 << 20
_PLACES = "/usr/lib/postgresql/*/bin"
_VERSION = re.compile(r"\(PostgreSQL\) (\d+)")
_COPY = re.compile(rb'COPY (?:\w+\.)?"?(\w+)"? \(.*\) FROM stdin;\n')


def dump(connection: Connection, part: Path, progress: Progress) -> str:
    """Write what the connection's transaction sees into the new file `part`; returns what it was made with."""
    major = _server_major(connection)
    tool, version = tool_for("pg_dump", major)
    snapshot = connection.execute(text("SELECT pg_export_snapshot()")).scalar_one()
    command = [tool, "--format=custom", "--no-owner", "--no-privileges", f"--snapshot={snapshot}"]
    done = 0
    with (
        os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE), "wb") as file,
        _started(command, _environment(connection), reads=True) as output,
    ):
        while chunk := output.read(_CHUNK):
            file.write(chunk)
            done += len(chunk)
            progress(f"{done / 1e6:.0f} MB dumped")
    return version


def load(connection: Connection, backup: Path, progress: Progress) -> None:
    """Restore a dump into the connection's database in one transaction: whole, or nothing of it."""
    tool, _ = tool_for("pg_restore", _server_major(connection))
    name = connection.execute(text("SELECT current_database()")).scalar_one()
    command = [tool, "--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges", f"--dbname={name}"]
    size, done = backup.stat().st_size, 0
    with backup.open("rb") as file, _started(command, _environment(connection), reads=False) as its_input:
        while chunk := file.read(_CHUNK):
            its_input.write(chunk)
            done += len(chunk)
            progress(f"{done / 1e6:.0f} of {size / 1e6:.0f} MB restored")


def rows_in(backup: Path, made_with: str) -> dict[str, int]:
    """Return the rows of each table in a dump, all of it unpacked; raises `BackupError` where it is damaged."""
    version = _VERSION.search(made_with)
    tool, _ = tool_for("pg_restore", int(version[1]) if version else 0)
    counts: Counter[str] = Counter()
    with _started([tool, "--file=-", str(backup)], dict(os.environ), reads=True) as output:
        table: str | None = None
        for line in output:
            if table is None:
                begins = _COPY.fullmatch(line)
                table = begins[1].decode() if begins else None
                if table is not None:
                    counts[table] += 0
            elif line == b"\\.\n":
                table = None
            else:
                counts[table] += 1
    return dict(counts)


def restored_facts(engine: Engine, backup: Path, progress: Progress) -> Facts:
    """Restore a dump into a scratch database on the same server, and return its facts. Needs the right to make one."""
    name = f"refill_check_{os.urandom(6).hex()}"
    admin = engine.execution_options(isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'"))
    scratch = open_database(engine.url.set(database=name).render_as_string(hide_password=False))
    try:
        with scratch.connect() as connection:
            connection.execute(text("SET LOCAL statement_timeout = 0"))
            load(connection, backup, progress)
            return facts(connection, progress)
    finally:
        scratch.dispose()
        with admin.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


def tool_for(name: str, major: int) -> tuple[str, str]:
    """Return path and version of a tool that fits a server: the oldest that is not older than it.

    Raises `BackupError` where there is none: an older one cannot read a newer server.
    """
    found: list[tuple[int, str, str]] = []
    for path in [shutil.which(name), *map(str, sorted(Path("/").glob(f"{_PLACES[1:]}/{name}")))]:
        if path is None:
            continue
        try:
            said = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=30, check=True).stdout
        except (OSError, subprocess.SubprocessError):
            continue
        if version := _VERSION.search(said):
            found.append((int(version[1]), path, said.strip()))
    fitting = sorted(entry for entry in found if entry[0] >= major)
    if fitting:
        return fitting[0][1], fitting[0][2]
    have = f"only version {max(found)[0]} is" if found else "none is"
    raise BackupError(
        f"{name} of version {major} or newer is needed for this server, {have} here: install the "
        f"package postgresql-client-{major}"
    )


def _server_major(connection: Connection) -> int:
    return int(connection.execute(text("SHOW server_version_num")).scalar_one()) // 10000


def _environment(connection: Connection) -> dict[str, str]:
    """Return this process's environment with the connection's own parameters in libpq's variables."""
    driver = cast("psycopg.Connection[Any]", connection.connection.driver_connection)
    said = driver.info.get_parameters() | ({"password": driver.info.password} if driver.info.password else {})
    names = {option.keyword.decode(): option.envvar for option in psycopg.pq.Conninfo.get_defaults()}
    environment = {key: value for key, value in os.environ.items() if key != "PGOPTIONS"}
    for keyword, value in said.items():
        variable = names.get(keyword)
        if variable and keyword != "options" and value:
            environment[variable.decode()] = value
    return environment


@contextlib.contextmanager
def _started(command: list[str], environment: dict[str, str], *, reads: bool) -> Iterator[IO[bytes]]:
    """Run a tool; yields its output, or with `reads` False its input. Raises `BackupError` with its own last words."""
    with tempfile.TemporaryFile() as words:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL if reads else subprocess.PIPE,
            stdout=subprocess.PIPE if reads else subprocess.DEVNULL,
            stderr=words,
            env=environment,
        )
        with contextlib.suppress(BrokenPipeError), process:  # it has ended before its input: its words say why
            try:
                yield cast("IO[bytes]", process.stdout if reads else process.stdin)
            except BaseException:
                process.kill()
                raise
        if process.returncode != 0:
            words.seek(0)
            last = " ".join(words.read().decode(errors="replace").split())[-300:]
            raise BackupError(f"{Path(command[0]).name} ended with {process.returncode}: {last}")
