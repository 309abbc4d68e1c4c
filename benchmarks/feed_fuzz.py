"""Fuzzed messages into the real feed: it goes on, nothing bad is stored, and everything refused is in dead letter.

`python -m benchmarks.feed_fuzz --messages 100000 --seed 1`: real Mosquitto, a real ingester process, PostgreSQL. Every
hundredth message is a valid reading, whose receipt shows that the feed goes on. What must become of each message is
worked out apart from the trial side (`feed_fuzz_oracle`). Exit 0 where every promise held.
"""

import argparse
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.feed_fuzz_account import Ledger, problems
from benchmarks.feed_fuzz_corpus import corpus
from benchmarks.feed_fuzz_kinds import KINDS
from benchmarks.feed_fuzz_messages import HOMES, SITES, STUDY, Sender
from benchmarks.feed_fuzz_oracle import Oracle
from benchmarks.feed_fuzz_report import Played, as_markdown, as_text
from benchmarks.feed_fuzz_rig import BOUND_S, Rig
from benchmarks.servers import PostgreSQL, wait_for

EVIDENCE = Path(__file__).resolve().parent.parent / "docs" / "evidence" / "feed-fuzz.md"
BLOCK = 100
"""The last message of each block is a valid reading."""
AHEAD = 2
"""Blocks sent before the first one's reading has its receipt: the broker's queue stays short."""


@dataclass
class _Run:
    rig: Rig
    sender: Sender
    oracle: Oracle
    ledger: Ledger = field(default_factory=Ledger)
    waiting: dict[str, float] = field(default_factory=dict)
    """Valid readings without a receipt: their hash, and when they were sent."""
    took_s: list[float] = field(default_factory=list)
    late: int = 0
    memory_kib: list[int] = field(default_factory=list)

    def block(self, messages: int) -> None:
        """Send some hostile messages and a valid reading."""
        for number in range(messages):
            valid = number == messages - 1
            message = self.sender.valid(self.sender.dice.choice(list(HOMES))) if valid else self.sender.hostile()
            fate = self.oracle.fate(message.topic, message.payload)
            self.ledger.note(message, fate)
            self.rig.publish(message)
            if valid:
                self.waiting[fate.sha256] = time.monotonic()

    def receive(self, at_most: int) -> None:
        """Wait until no more than some valid readings are without a receipt; those that take too long are late."""
        wait_for(lambda: self._looked() <= at_most, BOUND_S, 0.005)
        now_s = time.monotonic()
        overdue = [sha256 for sha256, sent_s in self.waiting.items() if now_s - sent_s > BOUND_S]
        self.late += len(overdue)
        for sha256 in overdue:
            del self.waiting[sha256]

    def _looked(self) -> int:
        for sha256, sent_s in list(self.waiting.items()):
            if (at_s := self.rig.stored_at_s(sha256)) is not None:
                self.took_s.append(at_s - sent_s)
                del self.waiting[sha256]
        return len(self.waiting)


def play(messages: int, seed: int, folder: Path, url: str, *, tell: bool = False) -> Played:
    """Send that many messages into a feed with the database at `url`, and account for all of them."""
    began_s = time.monotonic()
    texts = corpus(min(2000, max(100, messages // 20)), seed)
    sender = Sender(random.Random(seed), texts, KINDS)  # noqa: S311 - no secret
    with Rig(folder, url) as rig:
        run = _Run(rig, sender, Oracle(STUDY, SITES, HOMES))
        left = messages
        while left > 0 and rig.ingester.runs:
            run.block(min(BLOCK, left))
            left -= BLOCK
            run.receive(AHEAD)
            run.memory_kib.append(rig.memory_kib())
            if tell and len(run.memory_kib) % 50 == 0:
                print(f"{run.ledger.messages} messages, {time.monotonic() - began_s:.0f} s", flush=True)
        run.receive(0)
        alive = rig.ingester.runs
        run.memory_kib.append(rig.memory_kib())
        code = rig.ingester.terminate() if alive else -1
        with rig.engine.connect() as connection:
            found = problems(connection, run.ledger, run.oracle, rig.before)
        found += _answers(run)
        log = rig.ingester.text()
        return Played(
            ledger=run.ledger,
            problems=found,
            took_s=run.took_s,
            late=run.late + len(run.waiting),
            memory_kib=run.memory_kib,
            ended=code,
            traceback="Traceback" in log,
            last_words=log[-300:],
            rows=rig.rows(),
            dialect=rig.engine.dialect.name,
            seconds=time.monotonic() - began_s,
        )


def _answers(run: _Run) -> list[str]:
    """Return what is wrong with the receipts that were heard: unread, unasked for, or in another's version."""
    heard, versions = run.rig.heard, run.ledger.versions
    wrong = [f"receipt: {run.rig.unread} could not be read"] if run.rig.unread else []
    stored = {sha256 for sha256, one in heard.items() if "stored" in one.outcomes}
    wrong += [f"receipt: stored, but never sent: {sha256}" for sha256 in sorted(stored - set(versions))[:3]]
    wrong += [f"receipt: none heard for {sha256}" for sha256 in sorted(set(versions) - stored)[:3]]
    known = [sha256 for sha256 in sorted(stored & set(versions)) if "" not in versions[sha256]]
    other = [sha256 for sha256 in known if not heard[sha256].versions <= versions[sha256]]
    return wrong + [f"receipt: of another version than was asked in: {sha256}" for sha256 in other[:3]]


@contextmanager
def _postgresql() -> Iterator[str]:
    folder = Path(tempfile.mkdtemp(prefix="fz-"))  # short: a socket's path has 107 characters
    try:
        server = PostgreSQL(folder)
        server.start()
        try:
            yield server.url
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main() -> int:
    """Play the campaign, print it and write it down."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--messages", type=int, default=100_000)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--out", type=Path, default=EVIDENCE, help="evidence file")
    asked = options.parse_args()
    with _postgresql() as url, tempfile.TemporaryDirectory(prefix="fz-") as folder:
        played = play(asked.messages, asked.seed, Path(folder), url, tell=True)
    print(as_text(played))
    command = f"python -m benchmarks.feed_fuzz --messages {asked.messages} --seed {asked.seed}"
    asked.out.write_text(as_markdown(played, command), encoding="utf-8")
    return 0 if played.held else 1


if __name__ == "__main__":
    sys.exit(main())
