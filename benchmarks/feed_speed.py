"""How fast the trial side takes readings in, beside a bare loop that does the same inserts, and where one machine ends.

`python -m benchmarks.feed_speed [--rounds 5] [--devices 500] [--seconds 5] [--out docs/evidence]`: Mosquitto and
PostgreSQL of its own, real ingesters, a real publisher with a journal. Exit 0 where every target is met, 1 where not.
"""

import argparse
import contextlib
import itertools
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.feed_records import sealed
from benchmarks.feed_speed_bedside import Bedside
from benchmarks.feed_speed_devices import Fleet, Load
from benchmarks.feed_speed_rig import STUDY, Consumer, Rig, Sealed, connected, drained_per_s, rig
from benchmarks.verdict import Verdict
from contract.topics import Topic
from firmware_config.trial import Trial

SITE = "00"
TARGET_RATIO: float = 0.7
INGESTERS: tuple[int, ...] = (1, 2, 4)
REALISTIC_PER_S: float = 10.0
"""Of 500 devices: each measures every 50 s. A ward measures each patient a few times a day."""
STEPS_PER_S: tuple[float, ...] = (50, 100, 200, 400, 600, 800, 1000, 1200, 1500, 2000, 3000)
BATCH: int = Trial(database="x").batch.messages


@dataclass
class Speed:
    """All figures. Rates are messages a second, one for each round."""

    devices: int
    messages: int
    bare_per_s: list[float] = field(default_factory=list)
    ingest_per_s: dict[int, list[float]] = field(default_factory=lambda: {count: [] for count in INGESTERS})
    loads: list[Load] = field(default_factory=list)
    journal_s: list[float] = field(default_factory=list)
    journalled: int = 0

    @property
    def ratio(self) -> float:
        """One ingester to the bare loop."""
        return self.ratio_of(1)

    def ratio_of(self, count: int) -> float:
        """So many ingesters to the bare loop: the median of the rounds, each against the bare loop of its own round."""
        pairs = zip(self.ingest_per_s[count], self.bare_per_s, strict=True)
        return statistics.median(ours / bare for ours, bare in pairs)

    @property
    def carried(self) -> list[Load]:
        """The loads that the machine kept up with."""
        return [load for load in self.loads if load.carried]

    def verdicts(self) -> list[Verdict]:
        """The targets, each with its figure."""
        alone = [f"{ours / bare:.2f}" for ours, bare in zip(self.ingest_per_s[1], self.bare_per_s, strict=True)]
        unanswered = sum(load.sent - load.answered for load in self.carried)
        sent = sum(load.sent for load in self.carried)
        return [
            Verdict(
                f"ingest with PostgreSQL at {TARGET_RATIO:g} of a bare paho + psycopg loop or more",
                self.ratio >= TARGET_RATIO,
                f"{self.ratio:.2f} (rounds: {', '.join(alone)})",
            ),
            Verdict(
                f"{self.devices} devices at every load that was carried: every reading has its receipt",
                unanswered == 0 and sent > 0,
                f"{sent - unanswered} of {sent}",
            ),
            Verdict(
                "every record of the real journal has its receipt",
                len(self.journal_s) == self.journalled > 0,
                f"{len(self.journal_s)} of {self.journalled}",
            ),
        ]


def _topics(count: int) -> list[Topic]:
    return [Topic(STUDY, SITE, f"bedside-{number}", "reading") for number in range(1, count + 1)]


def _stream(topics: list[Topic]) -> Iterator[tuple[str, bytes]]:
    """Yield messages without end, one device after the other, each device's in a chain of its own."""
    chains = [(str(topic), sealed(10**9, device=topic.device, site=SITE, study=STUDY)) for topic in topics]
    for topic, chain in itertools.cycle(chains):
        yield topic, next(chain)[1].model_dump_json().encode()


def rates(made: Rig, speed: Speed, rounds: int) -> None:
    """Drain the same full queue by the peer and by 1, 2 and 4 ingesters, in turn."""
    messages: Sealed = list(itertools.islice(_stream(_topics(speed.devices)), speed.messages))
    for number in range(1, rounds + 1):
        url = made.database()
        speed.bare_per_s.append(drained_per_s(made, url, [made.bare(url, f"bare-{number}")], messages))
        _say(f"round {number}: bare loop {speed.bare_per_s[-1]:.0f}/s")
        for count in INGESTERS:
            url = made.database()
            programs = _ingesters(made, url, count, f"-{number}")
            speed.ingest_per_s[count].append(drained_per_s(made, url, programs, messages))
            _say(f"round {number}: {count} ingester(s) {speed.ingest_per_s[count][-1]:.0f}/s")


def _ingesters(made: Rig, url: str, count: int, mark: str) -> list[Consumer]:
    group = "speed" if count > 1 else None
    return [made.ingester(url, f"ingest{count}-{each}{mark}", group) for each in range(1, count + 1)]


def loads(made: Rig, speed: Speed, seconds: float, steps: tuple[float, ...]) -> None:
    """Let many devices send at rising rates until the machine does not keep up; a real journal beside the first."""
    topics = _topics(speed.devices)
    stream, url = _stream(topics), made.database()
    fleet = Fleet(made.broker.port, topics)
    try:
        with connected(made, _ingesters(made, url, 1, "-load")):
            fleet.connect()
            for per_s in (REALISTIC_PER_S, *steps):
                first = per_s == REALISTIC_PER_S
                messages = list(itertools.islice(stream, int(per_s * seconds * (4 if first else 1))))
                with Bedside(made, STUDY, SITE) if first else contextlib.nullcontext() as bedside:
                    load = fleet.play(messages, per_s)
                if bedside is not None:
                    speed.journalled, speed.journal_s = bedside.journalled, bedside.latencies_s
                speed.loads.append(load)
                _say(
                    f"{speed.devices} devices, {per_s:.0f}/s: {load.answered} of {load.sent} receipts, median "
                    f"{1000 * load.median_s:.1f} ms, 99th percentile {1000 * load.p99_s:.1f} ms"
                )
                if not load.carried:
                    break
    finally:
        fleet.close()


def _say(line: str) -> None:
    sys.stdout.write(f"{time.strftime('%H:%M:%S')} {line}\n")
    sys.stdout.flush()


def measure(rounds: int, devices: int, messages: int, seconds: float, steps: tuple[float, ...] = STEPS_PER_S) -> Speed:
    """Run all of it; raises `SpeedError` where something was lost or does not work."""
    speed = Speed(devices, messages)
    with rig(BATCH) as made:
        rates(made, speed, rounds)
        loads(made, speed, seconds, steps)
    return speed


def main(arguments: list[str] | None = None) -> int:
    """Run the campaign; write the page and its plot where `--out` says."""
    from benchmarks.feed_speed_report import write

    parser = argparse.ArgumentParser(prog="python -m benchmarks.feed_speed", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="of the rates, each way in turn")
    parser.add_argument("--devices", type=int, default=500)
    parser.add_argument("--messages", type=int, default=4000, help="in the queue that is drained")
    parser.add_argument("--seconds", type=float, default=5.0, help="for each load")
    parser.add_argument("--out", type=Path, default=Path("docs/evidence"), help="folder of the page")
    asked = parser.parse_args(arguments)
    began_s = time.monotonic()
    speed = measure(asked.rounds, asked.devices, asked.messages, asked.seconds)
    write(speed, asked.out, " ".join(sys.argv[1:] if arguments is None else arguments), time.monotonic() - began_s)
    verdicts = speed.verdicts()
    sys.stdout.write("\n".join(verdict.line for verdict in verdicts) + "\n")
    return 0 if all(verdict.met for verdict in verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
