"""What the tests of backup and restore share: putting records in, looking at them, the command line."""

from typing import Any

from sqlalchemy import Engine, select
from trial_bench import NOON
from typer.testing import CliRunner

from contract.topics import Topic
from refill.trial_cli import app
from trial import tables
from trial.database import writing
from trial.judge import Accepted
from trial.keeping import keep

Records = list[tuple[Any, Any]]


def put(engine: Engine, records: Records) -> None:
    """Store records as the ingester does, each with its press."""
    for record, sealed in records:
        topic = Topic(record.study, record.subject.site, record.device.name, "reading")
        with writing(engine).begin() as connection:
            keep(connection, [(Accepted(topic, sealed, record), NOON)], NOON, alone=True, awaited=set())


def audited(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        return list(connection.execute(select(tables.audit.c.action).order_by(tables.audit.c.id)).scalars())


def bodies(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        return list(connection.execute(select(tables.reading.c.body).order_by(tables.reading.c.id)).scalars())


def everything(engine: Engine, name: str) -> list[Any]:
    with engine.connect() as connection:
        return sorted(connection.execute(select(tables.metadata.tables[name])).all(), key=str)


def run(*arguments: object, code: int = 0) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.output
    return result.output
