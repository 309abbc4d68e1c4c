"""What the tests of the journal share: some records, and a hand that alters the file."""

import sqlite3
from pathlib import Path

from device_bench import DEVICE, reading

from device.journal import Journal


def filled(path: Path, count: int = 5) -> list[str]:
    with Journal.open(path, DEVICE) as journal:
        return [journal.append(reading).sha256 for _ in range(count)]


def tamper(path: Path, *statements: str) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    for statement in statements:
        connection.execute(statement)
    connection.close()
