import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text
from trial_bench import PostgreSQL, Program, broker_command, free_port, listening, needed, refill_trial

from trial.database import open_database, upgrade


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    folder = Path(tempfile.mkdtemp(prefix="pg-"))  # short: a socket's path has 107 characters
    needed("initdb", *map(str, sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))))
    try:
        server = PostgreSQL(folder)
        server.start()
        yield server
        server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database, on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'trial.sqlite3'}"
        return
    server = request.getfixturevalue("postgresql").url
    name = f"t{os.urandom(6).hex()}"
    admin = open_database(server).execution_options(isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    yield server.replace("/postgres?", f"/{name}?")
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


@pytest.fixture
def engine(empty_url: str) -> Iterator[Engine]:
    """An engine on a database with its tables."""
    engine = open_database(empty_url)
    upgrade(engine)
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
