"""The page and the picture of `benchmarks.feed_away`, and what its figures are held against."""

import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.accuracy_report import markdown_table
from benchmarks.bedside_report import machine
from benchmarks.feed_away_rig import Sample
from benchmarks.verdict import Verdict

if TYPE_CHECKING:
    from benchmarks.feed_away import Done

RATE: float = 300.0
"""Records a second, from journal to receipt."""
SLOPE_MB: float = 0.5
"""Growth for 1,000 records of backlog: a record is about 3 kB, so keeping them in memory would cost 3 MB and more."""
GROWTH_MB: float = 10.0
"""Of the largest over the usual."""
PHASES: dict[str, str] = {
    "usual": "as usual",
    "away": "broker away",
    "returning": "broker back, feed not yet",
    "back": "backlog runs",
    "over": "after it",
}
HEAD = """# The broker away for 10,000 readings

Written by the command below, not by hand. A real `refill publish` feeds a journal to a real Mosquitto with a site's
limits and persistence; a real `refill trial ingest` stores on {database}, and answers. The broker gets SIGKILL; while
it is away the journal is written as at the bedside, one commit a reading; then the broker is started again. While the
backlog runs it gets SIGKILL once more, and is started at once. Afterwards journal and database are compared, reading
by reading. "In order" is the order in which the database first got each reading; what came twice counts once.

Everything is on one machine, without TLS, and memory is what Linux has in RAM for a process (RSS). The rate is from
the first receipt to the last, without what the second kill cost. Publisher and ingester look for a broker that is away
with growing pauses, up to a minute and a quarter of one: that is the time to the feed's return.
"""


def repeats(log: str) -> int:
    """Return how many readings came to an ingester again, from its last account of itself."""
    said = re.findall(r"repeats (\d+)", log)
    return int(said[-1]) if said else 0


def slope_mb(samples: Sequence[Sample], phase: str, what: str) -> float:
    """Return the growth in MB for 1,000 records that were written (away) or went home (back), by least squares."""
    points = [
        ((one.records if phase == "away" else one.records - one.unsent) / 1000, float(getattr(one, what)))
        for one in samples
        if one.phase == phase and getattr(one, what) > 0
    ]
    if len(points) < 2:
        return 0.0
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else 0.0


def growth_mb(samples: Sequence[Sample], what: str) -> float:
    """Return the largest over the usual: the last of the first phase."""
    usual = [float(getattr(one, what)) for one in samples if one.phase == "usual"]
    return max(float(getattr(one, what)) for one in samples) - usual[-1]


def rate(done: "Done") -> float:
    """Return records a second while the backlog ran."""
    backlog = max((one.unsent for one in done.samples), default=0)
    return backlog / done.drained_s if done.drained_s else 0.0


def verdicts(done: "Done") -> list[Verdict]:
    """Hold the figures against the targets."""
    stored, late = len(set(done.arrived)), _out_of_order(done.arrived)
    row = None if done.away is None else done.away.broker_trouble
    found = [
        Verdict(
            "every reading stored, once, with the bytes of the journal",
            stored == len(done.arrived) == done.records >= done.asked and not done.changed and not done.dead_letters,
            f"{stored} of {done.records}, {len(done.arrived) - stored} twice, {done.changed} changed,"
            f" {done.dead_letters} dead letters",
        ),
        Verdict(
            "in order of device_seq", not late, f"{late} out of order; {done.repeats} came again, and changed none"
        ),
        Verdict("every receipt home", done.unsent == 0, f"{done.records - done.unsent} of {done.records}"),
        Verdict("the screen is told why there is no connection", row is not None, str(row)),
        Verdict(f"more than {RATE:g} records/s", rate(done) > RATE, f"{rate(done):.0f}"),
    ]
    for part in ("publisher", "broker"):
        what = f"{part}_mb"
        away, back = slope_mb(done.samples, "away", what), slope_mb(done.samples, "back", what)
        grown = growth_mb(done.samples, what)
        found.append(
            Verdict(
                f"memory of the {part} flat: less than {SLOPE_MB:g} MB for 1,000 records, {GROWTH_MB:g} MB in all",
                max(away, back) < SLOPE_MB and grown < GROWTH_MB,
                f"{away:+.3f} away, {back:+.3f} back, {grown:+.1f} in all",
            )
        )
    return found


def _out_of_order(arrived: Sequence[int]) -> int:
    return sum(later < earlier for earlier, later in pairwise(arrived))


def as_markdown(done: "Done", command: str, stem: str) -> str:
    """Return the evidence file's text."""
    rows = []
    for phase, means in PHASES.items():
        seen = [one for one in done.samples if one.phase == phase]
        if seen:
            rows.append([means, str(len(seen)), *(_range(seen, what) for what in ("publisher_mb", "broker_mb"))])
    backlog = max((one.unsent for one in done.samples), default=0)
    figures = [
        ["readings written while the broker was away", f"{backlog}, in {done.grew_s:.0f} s"],
        ["first receipt after the broker's start", f"{done.back_s:.1f} s"],
        ["the same after the kill in mid-flight", f"{done.lost_s:.1f} s"],
        ["backlog delivered and receipted", f"in {done.drained_s:.1f} s, {rate(done):.0f} records/s"],
        ["readings that were sent again", str(done.repeats)],
    ]
    parts = [
        HEAD.format(database="PostgreSQL" if done.database == "postgresql" else "SQLite").strip(),
        f"`{command}`, MQTT {done.version}. {machine()}",
        "\n".join(f"- {verdict.line}" for verdict in verdicts(done)),
        markdown_table(["figure", "value"], figures),
        "Memory in MB, smallest to largest:",
        markdown_table(["phase", "looks", "publisher", "broker"], rows),
        f"![Memory and backlog over time]({stem}.png)",
    ]
    return "\n\n".join(parts) + "\n"


def _range(seen: Sequence[Sample], what: str) -> str:
    values = [float(getattr(one, what)) for one in seen if getattr(one, what) > 0]
    return f"{min(values):.1f} to {max(values):.1f}" if values else "-"


def draw(done: "Done", path: Path) -> None:
    """Write the picture: backlog above, memory of both below."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 5), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True)
    times = [one.at_s for one in done.samples]
    above.plot(times, [one.unsent for one in done.samples], color="black")
    above.set_ylabel("records without a receipt")
    for what, label in (("publisher_mb", "publisher"), ("broker_mb", "broker")):
        below.plot(times, [getattr(one, what) or float("nan") for one in done.samples], label=label)
    below.set_ylim(bottom=0)
    below.set_ylabel("memory, MB")
    below.set_xlabel("s since the start")
    below.legend()
    figure.savefig(path, dpi=100)
