import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from backup_bench import put
from sqlalchemy import Engine, text
from trial_bench import chain

from trial.database import open_database, upgrade


@pytest.fixture
def filled(engine: Engine) -> Engine:
    """A database with 7 records of one device and 3 of another."""
    put(engine, chain(7) + chain(3, device="bedside-2"))
    return engine


@pytest.fixture
def elsewhere(request: pytest.FixtureRequest, filled: Engine, tmp_path: Path) -> Iterator[Engine]:
    """An empty database of the same kind."""
    if filled.dialect.name == "sqlite":
        engine = open_database(str(tmp_path / "restored.sqlite3"))
        yield engine
        engine.dispose()
        return
    name = f"e{os.urandom(6).hex()}"
    admin = filled.execution_options(isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine = open_database(filled.url.set(database=name).render_as_string(hide_password=False))
    yield engine
    engine.dispose()
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("made") / "trial.sqlite3"
    engine = open_database(str(path))
    upgrade(engine)
    put(engine, chain(3))
    engine.dispose()
    return path


@pytest.fixture
def sqlite_file(made_once: Path, tmp_path: Path) -> Path:
    """A SQLite database with 3 records, closed."""
    return Path(shutil.copy(made_once, tmp_path))
