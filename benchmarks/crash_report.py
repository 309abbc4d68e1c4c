"""The report of a crash campaign: what was killed when, what the records say of it, and the sums."""

import os
import platform
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.crash_checks import Kept
from benchmarks.crash_demo import FEED, VICTIMS, Hit
from contract.version import __version__

if TYPE_CHECKING:
    from benchmarks.crash import Played

HEAD = """# Killing the demo

Written by the command below, not by hand. Every round is one `refill demo` (broker, ingest, probe, publish and bedside,
each a process of its own) in one folder whose journal and trial database grow from round to round. SIGKILL comes at a
random moment: half of the moments by the clock, half aimed at the press, the refill or the delivery. After every round
the journal's chain, the gapless device_seq, the trial database (every record once, same bytes, same hash, no other),
one receipt for every record, and the record of every measurement that was cut short are checked; earlier records must
be unchanged.

What this is and is not: processes die here, the machine does not; a power cut is not shown. The pressure is the
simulated probe's; where the probe itself is killed, "vented" is the phantom's model of a normally-open valve that
loses its power, not a measured valve. Recovery is real time: from the last SIGKILL of the round to all receipts home,
with the measurement (about 18 s) that the demo still has to make or to repeat, and the start of the demo where that
was killed.
"""


def line_of(played: "Played") -> str:
    """Return a round as one line of the table."""
    hits = "; ".join(_words(hit) for hit in played.hits) or "nothing: the demo was over"
    late = f" ({', '.join(played.missed)} came too late)" if played.missed and played.hits else ""
    vents = "; ".join(_vent(hit) for hit in played.hits) or "-"
    said = ", ".join(f"{seq}: {kept.said}" for seq, kept in played.said.items()) or "-"
    recovery = "-" if played.recovery_s is None else f"{played.recovery_s:.1f} s"
    verdict = "; ".join(played.problems) or "held"
    return f"| {played.number} | {hits}{late} | {vents} | {said} | {recovery} | {verdict} |"


def _words(hit: Hit) -> str:
    return f"{hit.victim}, {hit.phase}"


def _vent(hit: Hit) -> str:
    """A press goes on when the feed dies, and should: only who presses or asks for the press vents."""
    if hit.vented_s is None:
        return "not pressed"
    return "press goes on" if hit.victim in FEED else f"{hit.kpa:.0f} kPa, vented in {hit.vented_s:.2f} s"


def report(command: str, campaign: Sequence["Played"], kept: dict[int, Kept], took_s: float) -> str:
    """Return the whole report."""
    table = "\n".join(
        [
            "| round | SIGKILL for, in phase | skin | records of the round | recovery | promises |",
            "| --- | --- | --- | --- | --- | --- |",
            *(line_of(played) for played in campaign),
        ]
    )
    return (
        f"{HEAD}\n```\n{command}\n```\n\n{_machine()}, {took_s / 60:.0f} min.\n\n{table}\n\n{_sums(campaign, kept)}\n"
    )


def _machine() -> str:
    day = datetime.now(UTC).date().isoformat()
    return (
        f"Refill {__version__}, {day}, {_processor()}, {os.cpu_count()} cores, {platform.system()}"
        f" {platform.machine()}, Python {platform.python_version()}"
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return "unknown processor"
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown processor"
    )


def _sums(campaign: Sequence["Played"], kept: dict[int, Kept]) -> str:
    hits = [hit for played in campaign for hit in played.hits]
    per_victim = Counter(hit.victim for hit in hits)
    vents = [hit.vented_s for hit in hits if hit.vented_s is not None and hit.victim not in FEED]
    orphans = [seconds for played in campaign for seconds in played.orphans_s]
    recoveries = [played.recovery_s for played in campaign if played.recovery_s is not None]
    broken = [problem for played in campaign for problem in played.problems]
    cut_short = set[str]().union(*(played.cut_short for played in campaign))
    interrupted = sum(record.interrupted for record in kept.values())
    lines = [
        f"- {len(campaign)} rounds, {len(hits)} kills: "
        + ", ".join(f"{victim} {per_victim[victim]}" for victim in VICTIMS),
        f"- {len(kept)} records in the journal, each once in the trial database, each with its receipt"
        if not broken
        else f"- {len(kept)} records in the journal",
        (
            f"- {interrupted} records with the reason `interrupted`: {len(cut_short)} measurements whose own process"
            f" was killed, {interrupted - len(cut_short)} that ended with a killed supervisor"
        ),
        (
            f"- {len(vents)} kills of who presses or asks for the press met a pressed finger; longest time to vent"
            f" {_most(vents, 2)} (limit 0.7 s)"
        ),
        f"- children of a killed supervisor were gone after {_most(orphans, 1)} at most (limit 8 s)",
        f"- recovery: longest {_most(recoveries, 1)}",
        f"- broken promises: {len(broken)}",
    ]
    return "\n".join(lines)


def _most(values: Sequence[float], digits: int) -> str:
    return f"{max(values):.{digits}f} s" if values else "-"
