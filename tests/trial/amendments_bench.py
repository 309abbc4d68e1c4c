"""What the tests of amendments share: a study with two days, records that arrive, and what stands then."""

import threading
from typing import Any

from sqlalchemy import Engine, func, select
from trial_bench import NOON, STUDY, payload

from contract.mottling import MottlingReading
from contract.reading import Reading
from contract.source import Source
from trial import corrections, tables
from trial.judge import judge
from trial.kinds import entry_of
from trial.store import Arrival, Outcome, store

DAYS = STUDY.model_copy(update={"events": ["inclusion", "day-1", "day-2"]})
DONE: dict[str, Any] = {"actor": "dm-1", "why": "as on the paper form"}


def arrival(record: Source, content: bytes | None = None, study: Any = DAYS) -> Arrival:
    """A record as it comes in from its own device."""
    sent = payload(record) if content is None else content
    topic = f"refill/v1/demo/{record.subject.site}/{record.device.name}/reading"
    return Arrival(topic, sent, NOON, judge(topic, sent, study))


def arrive(engine: Engine, *records: Source, study: Any = DAYS) -> list[str]:
    """Store records one after the other, each in a batch of its own; returns what became of each."""
    return [store(engine, [arrival(record, study=study)], NOON)[0].kind for record in records]


def at_once(engine: Engine, *batches: list[Arrival]) -> list[Outcome]:
    """Store each batch by an ingester of its own, all at the same moment."""
    outcomes: list[Outcome] = []
    together = threading.Barrier(len(batches))

    def work(batch: list[Arrival]) -> None:
        together.wait(10)
        outcomes.extend(store(engine, batch, NOON))

    threads = [threading.Thread(target=work, args=(batch,)) for batch in batches]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return outcomes


def made(engine: Engine, record: Source) -> list[corrections.Correction]:
    with engine.connect() as connection:
        return corrections.of_reading(connection, str(record.reading_id))


def stands(engine: Engine, record: Source) -> Reading | MottlingReading:
    with engine.connect() as connection:
        entry = entry_of(connection, str(record.reading_id))
        return corrections.corrected(entry, corrections.of_reading(connection, str(record.reading_id)))


def count(engine: Engine, name: str) -> int:
    with engine.connect() as connection:
        return int(connection.execute(select(func.count()).select_from(tables.metadata.tables[name])).scalar_one())
