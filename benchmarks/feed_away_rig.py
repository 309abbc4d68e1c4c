"""What `benchmarks.feed_away` runs: one bedside's journal and publisher, Mosquitto, an ingester and a database."""

import contextlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.feed_records import append
from benchmarks.servers import Mosquitto, PostgreSQL, Program, refill, wait_for
from device.health_file import Feed, read_feed
from device.journal import Deliveries, Journal
from firmware_config import device as device_file
from firmware_config.broker import Broker, limits

DEVICE, SITE = "bedside-1", "00"
TIMEOUT_S: float = 30.0
SAMPLE_S: float = 0.25
PAGE_BYTES: int = os.sysconf("SC_PAGE_SIZE")


class AwayError(Exception):
    """A part of the feed does not do what the campaign needs; the text is one sentence."""


@dataclass(frozen=True)
class Sample:
    """One look: when, which phase, how many records there were, how many without a receipt, and memory in MB."""

    at_s: float
    phase: str
    records: int
    unsent: int
    publisher_mb: float
    broker_mb: float
    """0 while there is none."""


class Rig:
    """All processes in a folder of its own with a short path; `close` ends what was started here and nothing else."""

    def __init__(self, folder: Path, database: str, version: str) -> None:
        folder.chmod(0o711)  # PostgreSQL may run as a user of its own
        self.folder = folder
        self.journal = folder / "journal.sqlite"
        self.samples: list[Sample] = []
        self._server: PostgreSQL | None = None
        store = folder / "broker"
        store.mkdir()
        lines = limits(Broker(hosts=["localhost"], persistence_folder=store))
        self.broker = Mosquitto(folder, ["allow_anonymous true", "set_tcp_nodelay true", *lines])
        self.url = str(folder / "trial.sqlite3")
        if database == "postgresql":
            (folder / "pg").mkdir()
            self._server = PostgreSQL(folder / "pg")
            self.url = self._server.url
        self.publisher = Program(self._publish(version), folder / "publisher.log")
        self.ingester = Program(self._ingest(), folder / "ingester.log")
        self._began_s = time.monotonic()

    def _publish(self, version: str) -> list[str]:
        text = device_file.DEFAULT_PATH.read_text(encoding="utf-8")
        text = text.replace('name = "refill-demo"', f'name = "{DEVICE}"', 1)
        text = text.replace("[mqtt]", f'[mqtt]\nversion = "{version}"', 1)
        settings = self.folder / "device.toml"
        settings.write_text(text, encoding="utf-8")
        folder = str(self.folder)
        where = ["--config", str(settings), "--data", folder, "--run-folder", folder, "--site", SITE]
        return refill("publish", *where, "--host", "127.0.0.1", "--port", str(self.broker.port))

    def _ingest(self) -> list[str]:
        broker = ["--host", "127.0.0.1", "--port", str(self.broker.port), "--mqtt", "5"]
        return refill("trial", "ingest", "--study", "demo", "--database", self.url, *broker)

    def start(self, journal: Journal) -> None:
        """Start everything and see that a first reading gets through; raises `AwayError`."""
        if self._server is not None:
            self._server.start()
        self.broker.start()
        self.ingester.start()
        self._wait(lambda: "connected to the broker" in self.ingester.text(), "the ingester does not connect")
        append(journal, 1, device=DEVICE, site=SITE)
        self.publisher.start()
        self._wait(lambda: self.unsent() == 0, "the first reading does not get through")

    def _wait(self, condition: Callable[[], object], complaint: str) -> None:
        if not wait_for(condition, TIMEOUT_S):
            words = {name: part.text()[-300:] for name, part in self._parts().items()}
            raise AwayError(f"{complaint}: {words}")

    def _parts(self) -> dict[str, Program]:
        return {"broker": self.broker, "publisher": self.publisher, "ingester": self.ingester}

    def unsent(self) -> int:
        """Return how many records have no receipt."""
        with Deliveries.open(self.journal) as seen:
            return seen.counts().unsent

    def feed(self) -> Feed | None:
        """Return what the publisher tells the bedside's screen."""
        return read_feed(self.folder)

    def sample(self, phase: str) -> Sample:
        """Look at the journal and at the memory of publisher and broker; raises `AwayError` where one has ended."""
        for name, part in self._parts().items():
            if part.process is not None and not part.runs and not (part is self.broker and phase == "away"):
                raise AwayError(f"the {name} ended by itself: {part.text()[-300:]}")
        with Deliveries.open(self.journal) as seen:
            counts = seen.counts()
        now_s = time.monotonic() - self._began_s
        found = Sample(now_s, phase, counts.records, counts.unsent, rss_mb(self.publisher), rss_mb(self.broker))
        self.samples.append(found)
        return found

    def close(self) -> None:
        """End whatever runs, by its id."""
        for part in (self.publisher, self.ingester, self.broker):
            if part.runs:
                with contextlib.suppress(OSError):
                    part.kill()
        if self._server is not None:
            with contextlib.suppress(OSError, ValueError):
                self._server.stop()


def rss_mb(program: Program) -> float:
    """Return the memory that a process has in RAM, in MB of 1,000,000 bytes; 0 for none."""
    if program.process is None or not program.runs:
        return 0.0
    try:
        pages = int(Path(f"/proc/{program.process.pid}/statm").read_text(encoding="ascii").split()[1])
    except (OSError, IndexError):
        return 0.0
    return pages * PAGE_BYTES / 1e6
