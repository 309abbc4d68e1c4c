import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from trial_bench import (
    PostgreSQL,
    Program,
    a_database,
    broker_command,
    free_port,
    listening,
    make_database,
    needed,
    new_database,
    refill_trial,
)

from trial.database import open_database, upgrade


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    folder = Path(tempfile.mkdtemp(prefix="pg-"))  # short: a socket's path has 107 characters
    needed("initdb", *map(str, sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))))
    try:
        # It is killed in tests, and this machine is not: what the kernel holds is not lost.
        server = PostgreSQL(folder, ["fsync=off"])
        server.start()
        yield server
        server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def with_tables(postgresql: PostgreSQL) -> str:
    """The name of a PostgreSQL database with its tables, which others are copied from."""
    name = "with_tables"
    make_database(postgresql.url, name)
    engine = open_database(postgresql.url.replace("/postgres?", f"/{name}?"))
    upgrade(engine)
    engine.dispose()  # a database that somebody is connected to cannot be copied
    return name


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def empty_url(request: pytest.FixtureRequest, backend: str, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database, on SQLite and on PostgreSQL."""
    if backend == "sqlite":
        yield f"sqlite:///{tmp_path / 'trial.sqlite3'}"
        return
    with a_database(request.getfixturevalue("postgresql").url, "template1") as url:
        yield url


@pytest.fixture
def engine(request: pytest.FixtureRequest, backend: str, tmp_path: Path) -> Iterator[Engine]:
    """An engine on a database with its tables, on SQLite and on PostgreSQL."""
    if backend == "sqlite":
        engine = new_database(tmp_path / "trial.sqlite3")
        yield engine
        engine.dispose()
        return
    server = request.getfixturevalue("postgresql").url
    with a_database(server, request.getfixturevalue("with_tables")) as url:
        engine = open_database(url)
        yield engine
        engine.dispose()


class Running:
    """A broker and an ingester as processes, on a database."""

    def __init__(self, kind: str, folder: Path, url: str, options: list[str]) -> None:
        self.port = free_port()
        self.kind = kind
        self.url = url
        self.broker = Program(broker_command(kind, self.port, folder), folder / "broker.log")
        self.ingester = self.another_ingester(folder / "ingest.log", url, *options)

    def another_ingester(self, log: Path, url: str, *options: str) -> Program:
        command = refill_trial("ingest", "--study", "demo", "--database", url, "--port", str(self.port), *options)
        return Program(command, log)

    def start_broker(self) -> None:
        self.broker.start()
        listening(self.port)


@pytest.fixture
def running(request: Any, tmp_path: Path) -> Iterator[Running]:
    """Started by the test; ended here. The parameter is the broker's kind, and options for the ingester."""
    kind, *options = request.param if isinstance(request.param, tuple) else (request.param,)
    made = Running(kind, tmp_path, f"sqlite:///{tmp_path / 'trial.sqlite3'}", list(options))
    yield made
    for program in (made.ingester, made.broker):
        if program.process is not None:
            program.kill()
