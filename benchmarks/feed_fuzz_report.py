"""The fuzz campaign of the feed as text: what was sent, what became of it, and whether every promise held."""

import os
import platform
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from benchmarks.accuracy_report import markdown_table, text_table
from benchmarks.feed_fuzz_account import Ledger
from benchmarks.feed_fuzz_rig import BOUND_S
from benchmarks.verdict import Verdict
from contract.version import __version__

FLAT_KIB = 8192
"""The ingester's memory may differ by this between a quarter of the way and its end."""
KEPT = ("stored", "again", "status", "status ignored")
HEAD = ["kind of message", "sent", "stored", "again", "status", "refused", "as"]


@dataclass(frozen=True)
class Played:
    """What a campaign came to. `took_s`: from publication to receipt, of every valid reading between the others."""

    ledger: Ledger
    problems: Sequence[str]
    took_s: Sequence[float]
    late: int
    memory_kib: Sequence[int]
    ended: int
    traceback: bool
    last_words: str
    rows: Mapping[str, int]
    dialect: str
    seconds: float

    @property
    def grown_kib(self) -> int:
        """By how much the ingester's memory grew after the first quarter."""
        return self.memory_kib[-1] - self.memory_kib[len(self.memory_kib) // 4]

    @property
    def verdicts(self) -> list[Verdict]:
        """Every promise, and what became of it."""
        count, letters, wrong = self.ledger.messages, len(self.ledger.letters), len(self.problems)
        valid = self.ledger.sent["valid reading", "stored"]
        slowest = max(self.took_s, default=float("inf"))
        median = statistics.median(self.took_s or [float("inf")])
        return [
            Verdict(
                "every message is where it must be, and nothing else is anywhere",
                not self.problems,
                f"{count} messages, {self.rows['reading']} readings, {letters} dead letters, {wrong} wrong",
            ),
            Verdict(
                f"each valid reading between them has its receipt within {BOUND_S:g} s",
                not self.late and len(self.took_s) == valid,
                f"{len(self.took_s)} of {valid}, median {median:.2f} s, slowest {slowest:.2f} s",
            ),
            Verdict(
                "the ingester lives, and ends in good order when it is asked to",
                self.ended == 0 and not self.traceback,
                f"exit {self.ended}, {'a' if self.traceback else 'no'} traceback in its log",
            ),
            Verdict(
                f"its memory is flat, to {FLAT_KIB // 1024} MiB",
                self.grown_kib <= FLAT_KIB,
                f"{self.memory_kib[len(self.memory_kib) // 4]} KiB at a quarter, {self.memory_kib[-1]} at the end",
            ),
        ]

    @property
    def held(self) -> bool:
        """Whether every promise held."""
        return all(verdict.met for verdict in self.verdicts)


def rows(played: Played) -> list[list[str]]:
    """Return what became of each kind of message, a row each."""
    kinds = sorted({kind for kind, _ in played.ledger.sent}, key=lambda kind: (kind != "valid reading", kind))
    made = []
    for kind in kinds:
        fates: Counter[str] = Counter()
        for (of, fate), count in played.ledger.sent.items():
            if of == kind:
                fates[fate] += count
        refused = [(reason, count) for reason, count in fates.most_common() if reason not in KEPT]
        status = fates["status"] + fates["status ignored"]
        counts = [fates.total(), fates["stored"], fates["again"], status, sum(count for _, count in refused)]
        reasons = ", ".join(f"{reason} {count}" for reason, count in refused)
        made.append([kind, *(str(count) if count else "" for count in counts), reasons])
    return made


def _lines(played: Played) -> list[str]:
    wrong = [f"         wrong: {problem}" for problem in played.problems]
    words = [f"         last words: {played.last_words}"] if played.ended else []
    return [verdict.line for verdict in played.verdicts] + wrong + words


def as_text(played: Played) -> str:
    """Return the table and the verdicts for a terminal."""
    return text_table(HEAD, rows(played)) + "\n\n" + "\n".join(_lines(played))


NOTES = """Real Mosquitto with the limits of `firmware_config.broker`, a real `refill trial ingest`, a study that takes
enrolled devices only and no simulated readings; everything at QoS 1, on topics that the ingester has subscribed to.
What must become of each message is worked out apart from the trial side: by the published JSON Schemas, read by a
validator of its own, and by the rules on place, hash, form, version and repetition (`benchmarks/feed_fuzz_oracle.py`),
the reason of the refusal included. Held against that: every row of `reading`, `press`, `dead_letter` (with the
payload's hash), `receipt` and `device_status`, the number of rows of every other table, and every receipt that the
broker passed on. A bad message that is sent again is the same dead letter. Some of what is drawn is valid after all,
and must be stored: a bit flipped in the time of sending, a value that may stand where it was put, a reading of
version 1.0."""


def as_markdown(played: Played, command: str) -> str:
    """Return the evidence file's text."""
    machine = f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}"
    made = f"software {__version__}; {played.dialect}; {machine}; {played.seconds:.0f} s"
    blocks = [
        "# Fuzzed messages into the feed",
        f"Written by `{command}` on {datetime.now(UTC).date().isoformat()} ({made}).",
        "```\n" + "\n".join(_lines(played)) + "\n```",
        NOTES,
        markdown_table(HEAD, rows(played)),
    ]
    return "\n\n".join(blocks) + "\n"
