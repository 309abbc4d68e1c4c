"""A bedside beside the simulated devices: a journal that grows, its real publisher, when each receipt was noted."""

import contextlib
import random
import sqlite3
import threading
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from benchmarks.feed_records import reading
from benchmarks.feed_speed_rig import Rig
from benchmarks.servers import Program, refill, wait_for
from device.journal import Journal
from firmware_config import device as device_file

NAME = "bedside-0"
EVERY_S: float = 0.4
HOME_S: float = 30.0
"""For the publisher to connect, and for the last receipts to come."""


class Bedside:
    """Appends a record every now and then from `__enter__` on; at the end waits for the last receipt."""

    def __init__(self, made: Rig, study: str, site: str) -> None:
        self._study, self._site = study, site
        self._folder = made.folder / NAME
        self._folder.mkdir()
        settings = self._folder / "device.toml"
        text = device_file.DEFAULT_PATH.read_text(encoding="utf-8")
        settings.write_text(text.replace('name = "refill-demo"', f'name = "{NAME}"', 1), encoding="utf-8")
        where = ["--config", str(settings), "--data", str(self._folder), "--run-folder", str(self._folder)]
        broker = ["--host", "127.0.0.1", "--port", str(made.broker.port), "--study", study, "--site", site]
        self._publisher = Program(refill("publish", *where, *broker), self._folder / "log")
        self._appended: dict[int, datetime] = {}
        self._stop = threading.Event()
        self._writer = threading.Thread(target=self._write)
        self.latencies_s: list[float] = []

    @property
    def journalled(self) -> int:
        """How many records were appended."""
        return len(self._appended)

    def __enter__(self) -> Self:
        """Begin."""
        self._writer.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """End, and take down from commit in the journal to the commit of its receipt there, for each record."""
        self._stop.set()
        self._writer.join(HOME_S)
        wait_for(lambda: len(self._noted()) >= len(self._appended), HOME_S)
        if self._publisher.runs:
            self._publisher.terminate()
        noted = self._noted()
        self.latencies_s = [(noted[seq] - at).total_seconds() for seq, at in self._appended.items() if seq in noted]

    def _write(self) -> None:
        chance = random.Random(6)  # noqa: S311 - when to write, no secret
        with Journal.open(self._folder / "journal.sqlite", NAME) as journal:
            self._publisher.start()
            wait_for(lambda: "connected" in self._publisher.text(), HOME_S)
            while not self._stop.wait(EVERY_S * chance.uniform(0.5, 1.5)):
                record = journal.append(lambda seq: reading(seq, NAME, self._site, self._study))
                self._appended[record.device_seq] = datetime.now(UTC)

    def _noted(self) -> dict[int, datetime]:
        with contextlib.closing(sqlite3.connect(self._folder / "journal.sqlite")) as journal:
            rows = journal.execute("SELECT device_seq, noted_at FROM delivery WHERE outcome = 'stored'").fetchall()
        return {seq: datetime.fromisoformat(at) for seq, at in rows}
