"""What the tests of the ingester look at: what is stored, and whether every record is there exactly once."""

from typing import Any

from sqlalchemy import select
from trial_bench import Device, wait_for

from trial import queries, tables
from trial.database import open_database


def fetch(url: str, query: Any) -> list[Any]:
    engine = open_database(url)
    with engine.connect() as connection:
        found = list(connection.execute(query).all())
    engine.dispose()
    return found


def exactly_once(url: str, records: list[Any], device: Device) -> None:
    """Every record in the database once, byte for byte, in a whole chain, and every receipt home."""
    columns = tables.reading.c
    stored = fetch(url, select(columns.device_seq, columns.sha256, columns.body).order_by(columns.device_seq))
    assert [tuple(row) for row in stored] == [(r.device_seq, e.sha256, e.body) for r, e in records]
    assert {receipt.outcome for receipt in device.receipts} == {"stored"}
    assert {receipt.sha256 for receipt in device.receipts} == {sealed.sha256 for _, sealed in records}
    engine = open_database(url)
    with engine.connect() as connection:
        assert queries.gaps(connection) == queries.chain_breaks(connection) == []
    engine.dispose()


def ready(running: Any, times: int = 1) -> None:
    assert wait_for(lambda: running.ingester.text().count("connected to the broker") >= times), running.ingester.text()
