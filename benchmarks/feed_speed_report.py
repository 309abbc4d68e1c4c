"""The page of `benchmarks.feed_speed` and its plot."""

import statistics
from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
from matplotlib.figure import Figure

from benchmarks.accuracy_plot import save
from benchmarks.accuracy_report import markdown_table
from benchmarks.bedside_report import machine, spread
from benchmarks.feed_speed import BATCH, REALISTIC_PER_S, Speed
from benchmarks.feed_speed_devices import Load

NAME = "feed-speed"
HEAD = """# Speed of the feed

Written by `python -m benchmarks.feed_speed`, not by hand. Mosquitto with the limits of a site's broker
(`firmware_config.broker`), PostgreSQL and ingesters as processes of their own, all on one machine with whatever sends.

Rates: the broker's queue is filled while the consumers are stopped; then they go on at the same moment, and the time
until every reading is committed is taken. The peer is a bare loop of paho and psycopg (`benchmarks.feed_speed_bare`):
it parses the JSON and believes it, puts the same rows into the same tables with psycopg's pipelined `executemany`, in
the same batches, commits before it acknowledges, and sends no receipt. It runs between the ingesters, in the same run;
"to the bare loop" is the median of the rounds, each against the bare loop of its own round. TCP_NODELAY on all sides.

Latencies: each simulated device has its own connection to the broker, all in one process; readings go out at an even
rate, one device after the other, to one ingester. From publish to the receipt's arrival at its device. Carried: 95 %
of the receipts had come a second after the last reading was sent, and 99 % within 2 s of theirs. From journal to
receipt: a bedside's journal with the real `refill publish`, from the record's commit to its receipt's commit there.
"""


def write(speed: Speed, folder: Path, command: str, took_s: float) -> None:
    """Write page and plot."""
    folder.mkdir(parents=True, exist_ok=True)
    _plot(speed, folder / f"{NAME}.png")
    (folder / f"{NAME}.md").write_text(as_markdown(speed, command, took_s), encoding="utf-8")


def as_markdown(speed: Speed, command: str, took_s: float) -> str:
    """Return the page's text."""
    asked = f"python -m benchmarks.feed_speed {command}".strip()
    how = (
        f"`{asked}`. {machine(took_s)} Batches of up to {BATCH}; {speed.messages} readings of three presses from "
        f"{speed.devices} devices in each queue."
    )
    parts = [
        HEAD.strip(),
        how,
        "\n".join(f"- {verdict.line}" for verdict in speed.verdicts()),
        said(speed),
        markdown_table(
            ["into PostgreSQL", "readings/s, median (range; rounds)", "to the bare loop"], _rate_rows(speed)
        ),
        markdown_table(
            ["asked, readings/s", "sent", "receipts", "median, ms", "99th percentile, ms", "carried"],
            [_load_row(load) for load in speed.loads],
        ),
        f"![Latency by load, and rates]({NAME}.png)",
    ]
    return "\n\n".join(parts) + "\n"


def said(speed: Speed) -> str:
    """Return what the figures say, in words made from them alone."""
    first = speed.loads[0]
    best = max(speed.carried, key=lambda load: load.asked_per_s, default=None)
    one = statistics.median(speed.ingest_per_s[1])
    more = {count: statistics.median(found) / one for count, found in speed.ingest_per_s.items() if count > 1}
    grows = ", ".join(f"{count} ingesters {factor:.2f} times" for count, factor in more.items())
    text = (
        f"One ingester takes {one:.0f} readings a second into PostgreSQL, {speed.ratio:.2f} of what the bare loop takes"
        f" in the same run; {grows} as many as one, with broker and database on the same cores. At "
        f"{first.asked_per_s:g} readings a second from {speed.devices} devices, half of the receipts are back within "
        f"{1000 * first.median_s:.0f} ms of the publish and 99 % within {1000 * first.p99_s:.0f} ms; from the real "
        f"journal it is {_ms(speed.journal_s, 0.5)} and {_ms(speed.journal_s, 0.99)}."
    )
    last = speed.loads[-1]
    if best is not None and not last.carried:
        who = " (there the simulated devices were the ones that did not keep up)" if last.late_s >= 1.0 else ""
        text += (
            f" The machine carries {best.asked_per_s:g} a second and ends before {last.asked_per_s:g}{who}; "
            f"{best.asked_per_s:g} a second is {best.asked_per_s * 3600 / speed.devices:.0f} an hour from each device."
        )
    elif best is not None:
        text += f" It carried every load that was tried, up to {best.asked_per_s:g} a second."
    return text


def _rate_rows(speed: Speed) -> list[list[str]]:
    rows = [["bare paho + psycopg loop", spread(speed.bare_per_s, 0), "1"]]
    for count, found in speed.ingest_per_s.items():
        name = "1 ingester" if count == 1 else f"{count} ingesters, one shared subscription"
        rows.append([name, spread(found, 0), f"{speed.ratio_of(count):.2f}"])
    return rows


def _load_row(load: Load) -> list[str]:
    name = f"{load.asked_per_s:g}" + (" (realistic)" if load.asked_per_s == REALISTIC_PER_S else "")
    times = [f"{1000 * value:.1f}" for value in (load.median_s, load.p99_s)]
    return [name, str(load.sent), str(load.answered), *times, "yes" if load.carried else "NO"]


def _ms(values_s: Sequence[float], part: float) -> str:
    ordered = sorted(values_s)
    return f"{1000 * ordered[min(len(ordered) - 1, int(part * len(ordered)))]:.0f} ms" if ordered else "-"


def _plot(speed: Speed, path: Path) -> None:
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=[3, 2])
    asked = [load.asked_per_s for load in speed.loads]
    for name, ink, value in (("median", "#4477aa", "median_s"), ("99th percentile", "#ee6677", "p99_s")):
        left.plot(asked, [1000 * getattr(load, value) for load in speed.loads], "o-", ms=4, color=ink, label=name)
    if not speed.loads[-1].carried:
        left.axvline(asked[-1], color="0.6", ls=":")
        left.annotate(
            "not carried", (asked[-1], 1), xycoords=("data", "axes fraction"), ha="right", va="top", fontsize=8
        )
    left.set(
        xscale="log", yscale="log", xlabel=f"readings/s from {speed.devices} devices", ylabel="publish to receipt, ms"
    )
    left.legend(fontsize=8)
    bars = {"bare": speed.bare_per_s} | {str(count): found for count, found in speed.ingest_per_s.items()}
    right.bar(list(bars), [statistics.median(found) for found in bars.values()], color=["0.7", *["#4477aa"] * 3])
    for place, found in enumerate(bars.values()):
        right.plot([place] * len(found), found, ".", color="0.2", ms=4)
    right.set(xlabel="bare loop; ingesters", ylabel="readings/s into PostgreSQL")
    save(figure, path)
