"""The broker is away while the journal grows to 10,000 readings, and comes back: what arrives, in order, how fast.

`python -m benchmarks.feed_away [--rounds 10000 --seed 1 --out FILE]` (about two minutes): a real `refill publish` on a
journal that is written as at the bedside, one commit a reading; a real Mosquitto that is killed, and started again; a
real `refill trial ingest` on PostgreSQL. Writes `docs/evidence/feed-away.md` and its picture. Exit 0 where every
target is met, else 1.
"""

import argparse
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import select

from benchmarks import feed_away_report
from benchmarks.feed_away_rig import DEVICE, SAMPLE_S, SITE, AwayError, Rig, Sample
from benchmarks.feed_records import append
from benchmarks.servers import MissingError, wait_for
from device.health_file import Feed
from device.journal import Deliveries, Journal
from trial import tables
from trial.database import open_database

EVIDENCE = Path("docs/evidence/feed-away.md")
READINGS: int = 10_000
LONGEST_S: float = 300.0
"""For the backlog to be delivered: then the campaign gives up."""
BACK_S: float = 120.0
CHUNK: int = 25
KILLED_AT: tuple[float, float] = (0.25, 0.6)
"""The broker is killed once more while the backlog runs, when about this share of it is delivered."""


@dataclass
class Done:
    """What one campaign found."""

    asked: int
    database: str
    version: str
    samples: list[Sample] = field(default_factory=list)
    away: Feed | None = None
    """What the bedside's screen was told before the broker came back."""
    grew_s: float = 0.0
    back_s: float = 0.0
    """From the broker's start until the first receipt was home."""
    drained_s: float = 0.0
    """From then on until every receipt was home; with the second kill, and without what it cost."""
    lost_s: float = 0.0
    """What the second kill cost: from the kill until the next receipt was home."""
    records: int = 0
    unsent: int = 0
    arrived: list[int] = field(default_factory=list)
    """device_seq in the order in which the database first got them."""
    repeats: int = 0
    """Readings that came to the trial side once more, by the ingester's count."""
    dead_letters: int = 0
    changed: int = 0
    """Readings whose bytes are others in the database than in the journal."""


def run(readings: int, seed: int, folder: Path, say: Callable[[str], None], database: str, version: str = "5") -> Done:
    """Do the campaign in `folder`; raises `AwayError` where the feed does not do what is needed to measure it."""
    done = Done(readings, database, version)
    dice = random.Random(seed)  # noqa: S311 - a campaign that can be repeated, no secret
    rig = Rig(folder, database, version)
    try:
        with Journal.open(rig.journal, DEVICE) as journal:
            rig.start(journal)
            _as_usual(rig, journal)
            say(f"the broker is killed; the journal grows to {readings} readings")
            _away(rig, done, journal, readings)
        _back(rig, done, say, readings * dice.uniform(*KILLED_AT))
        rig.publisher.terminate()
        rig.ingester.terminate()
        done.samples = rig.samples
        _account(rig, done)
    finally:
        rig.close()
    return done


def _as_usual(rig: Rig, journal: Journal) -> None:
    """A while as usual: the memory that everything is held against."""
    for _ in range(20):
        append(journal, 1, device=DEVICE, site=SITE)
        time.sleep(SAMPLE_S / 2)
        rig.sample("usual")
    if not wait_for(lambda: rig.unsent() == 0):
        raise AwayError("readings do not get through while all is well")


def _away(rig: Rig, done: Done, journal: Journal, readings: int) -> None:
    rig.broker.kill()
    began_s = time.monotonic()
    while (left := readings - rig.sample("away").records) > 0:
        append(journal, min(CHUNK, left), device=DEVICE, site=SITE)
    done.grew_s = time.monotonic() - began_s
    # At least until the screen is told.
    wait_for(lambda: (rig.feed() or Feed(broker_connected=True)).broker_trouble is not None)
    done.away = rig.feed()


def _back(rig: Rig, done: Done, say: Callable[[str], None], kill_at: float) -> None:
    done.back_s = _returns(rig)
    say(f"the feed is back after {done.back_s:.1f} s")
    began_s = said_s = time.monotonic()
    killed = False
    while (unsent := rig.sample("back").unsent) > 0:
        now_s = time.monotonic()
        if now_s - began_s > LONGEST_S:
            break
        if not killed and done.asked - unsent >= kill_at:
            killed = True
            rig.broker.kill()
            done.lost_s = _returns(rig)
            say(f"killed in mid-flight with {unsent} to go; back after {done.lost_s:.1f} s")
        if now_s - said_s > 5:
            said_s = now_s
            say(f"{unsent} to go")
        time.sleep(SAMPLE_S)
    done.drained_s = time.monotonic() - began_s - done.lost_s
    for _ in range(8):
        time.sleep(SAMPLE_S)
        rig.sample("over")


def _returns(rig: Rig) -> float:
    """Start the broker and wait for the first receipt: publisher and ingester have to come back, each by itself."""
    before, began_s = rig.unsent(), time.monotonic()
    rig.broker.start()
    if not wait_for(lambda: rig.sample("returning").unsent < before, BACK_S):
        raise AwayError(f"the feed does not come back: {rig.publisher.text()[-300:]} {rig.ingester.text()[-300:]}")
    return time.monotonic() - began_s


def _account(rig: Rig, done: Done) -> None:
    """Compare journal and database, reading by reading."""
    with Deliveries.open(rig.journal) as seen:
        counts = seen.counts()
        bodies = {record.device_seq: (record.sha256, record.body) for record in seen.records()}
    done.records, done.unsent = counts.records, counts.unsent
    engine = open_database(rig.url)
    columns = (tables.reading.c.device_seq, tables.reading.c.sha256, tables.reading.c.body)
    with engine.connect() as connection:
        rows = connection.execute(select(*columns).order_by(tables.reading.c.id)).all()
        done.dead_letters = len(connection.execute(select(tables.dead_letter.c.id)).all())
    engine.dispose()
    done.arrived = [row.device_seq for row in rows]
    done.changed = sum(bodies.get(row.device_seq) != (row.sha256, row.body) for row in rows)
    done.repeats = feed_away_report.repeats(rig.ingester.text())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, print, write the page; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=READINGS, help="readings in the journal when the broker is back")
    parser.add_argument("--seed", type=int, default=1, help="of the moment at which the broker is killed once more")
    parser.add_argument("--database", choices=["postgresql", "sqlite"], default="postgresql")
    parser.add_argument("--mqtt", choices=["3.1.1", "5"], default="5", help="version that the publisher speaks")
    parser.add_argument("--out", type=Path, default=EVIDENCE)
    asked = parser.parse_args(arguments)
    folder = Path(tempfile.mkdtemp(prefix="away-"))
    try:
        done = run(asked.rounds, asked.seed, folder, lambda line: print(line, flush=True), asked.database, asked.mqtt)
    except (AwayError, MissingError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    command = f"python -m benchmarks.feed_away --rounds {asked.rounds} --seed {asked.seed}"
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    feed_away_report.draw(done, asked.out.with_suffix(".png"))
    asked.out.write_text(feed_away_report.as_markdown(done, command, asked.out.stem), encoding="utf-8")
    for verdict in feed_away_report.verdicts(done):
        print(verdict.line)
    return 0 if all(verdict.met for verdict in feed_away_report.verdicts(done)) else 1


if __name__ == "__main__":
    sys.exit(main())
