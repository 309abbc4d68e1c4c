"""The page and the plot of `benchmarks.bedside_day`."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from scipy import stats

from benchmarks.accuracy_plot import SKIN, save
from benchmarks.accuracy_report import markdown_table
from benchmarks.bedside_day import PICTURE, Day, Made
from benchmarks.bedside_report import machine, spread
from benchmarks.verdict import Verdict

WARM_UP = 0.25
"""Share of the measurements before memory has to be flat: caches fill, the first plot of everything is drawn."""
FLAT_SHARE = 0.05
"""The last third of the measurements may lie so much above the first third after the warm-up, in the median."""
CLOSE_S, CLOSE_SHARE = 0.3, 0.10
"""A reading counts as right within the larger of the two."""
FRAMES_SHARE = 0.9
HEAD = """# A day of the bedside in short

Written by the command below, not by hand. One probe process, one bedside process, broker, ingest and publisher, each a
process of its own, run once for all the measurements; every one starts with a push of the (simulated) button and is
made in real time with the demo's protocol of one press. Between two measurements another skin (tone, curve, refill
time, seed) comes under the probe; the probe is moved between finger and knee as the blocks of the table show. Truth is
what the phantom was asked for. Delivered means: the receipt of the trial database is in the journal, the row is in the
database with the same bytes, each once.

CPU is the kernel's account of every thread of the bedside process from before the push until the reading, in % of one
core. Drawing the simulated skin is done in the camera's thread and timed there by its thread clock; what is left is the
bedside. Memory is the resident set after each measurement: it goes up and down by some MiB with what the allocator
gives back, so that a growth of less than the interval below could not be seen.
"""


@dataclass(frozen=True)
class Slope:
    """KiB for each measurement, with its 95 % interval, after the warm-up."""

    kib: float
    low_kib: float
    high_kib: float
    share: float
    """How much the median of the last third lies above the first third's, of that."""


def slope(made: Sequence[Made]) -> Slope | None:
    """Return how memory grows; None where there are too few measurements to say."""
    resident_kib = np.array([one.size.resident_mib * 1024 for one in made[int(WARM_UP * len(made)) :]])
    third = len(resident_kib) // 3
    if len(resident_kib) < 4:
        return None
    fit = stats.linregress(np.arange(len(resident_kib)), resident_kib)
    reach = float(stats.t.ppf(0.975, len(resident_kib) - 2)) * float(fit.stderr)
    first_kib, last_kib = np.median(resident_kib[:third]), np.median(resident_kib[-third:])
    share = float(last_kib / first_kib - 1)
    return Slope(float(fit.slope), float(fit.slope) - reach, float(fit.slope) + reach, share)


def verdicts(day: Day, presses: int) -> list[Verdict]:
    """Hold the day against its targets."""
    made = day.made
    numbers = [one for one in made if one.crt_s is not None]
    wrong = [one for one in numbers if not _close(one)]
    errors_s = [abs(one.error_s) for one in numbers if one.error_s is not None]
    grown = slope(made)
    flat = [one.size for one in made[int(WARM_UP * len(made)) :]]
    wanted = PICTURE["fps"]
    frames = [one.watched.frames_per_s for one in made]
    return [
        Verdict(f"{presses} pushes in a row, {presses} readings", len(made) == presses, f"{len(made)} readings"),
        Verdict(
            f"every number within {CLOSE_S:g} s or {CLOSE_SHARE:.0%} of the truth",
            not wrong and bool(numbers),
            f"{len(numbers)} numbers, {len(wrong)} wrong; mean |error| {np.mean(errors_s or [0.0]):.3f} s, largest"
            f" {max(errors_s, default=0.0):.3f} s; {sum(one.covered for one in numbers)} intervals hold the truth",
        ),
        Verdict(
            "every reading measurable", len(numbers) == len(made), f"{len(made) - len(numbers)} refused of {len(made)}"
        ),
        Verdict(
            "all delivered: each record once in the database, with its receipt",
            day.home and not day.problems,
            "; ".join(day.problems) or f"{len(made)} of {len(made)}",
        ),
        Verdict(
            f"memory flat: no growth to be seen, and less than {FLAT_SHARE:.0%}",
            grown is not None and grown.low_kib <= 0 and grown.share <= FLAT_SHARE,
            "too few measurements"
            if grown is None
            else f"{grown.kib:+.0f} KiB a measurement (95 % {grown.low_kib:+.0f} to {grown.high_kib:+.0f}),"
            f" {grown.share:+.1%} from first to last third",
        ),
        Verdict(
            "open descriptors and threads do not grow",
            bool(flat) and flat[-1].descriptors <= flat[0].descriptors and flat[-1].threads <= flat[0].threads,
            " to ".join(f"{one.descriptors} descriptors, {one.threads} threads" for one in (*flat[:1], *flat[-1:])),
        ),
        Verdict(
            f"the camera runs at {wanted:g} frames/s",
            bool(frames) and min(frames) >= FRAMES_SHARE * wanted,
            f"{spread(frames, 1)} frames/s were drawn",
        ),
    ]


def _close(one: Made) -> bool:
    error_s = one.error_s
    return error_s is not None and abs(error_s) <= max(CLOSE_S, CLOSE_SHARE * one.skin.crt_s)


HEADINGS = [
    *("", "site", "tone", "curve", "true, s", "reading, s", "95 % interval", "error, s", "lasted, s"),
    *("CPU, %", "of it drawing", "bedside", "frames/s", "MiB", "descriptors", "threads"),
]


def rows(made: Sequence[Made]) -> list[list[str]]:
    """Return a row for each measurement."""
    return [_row(number, one) for number, one in enumerate(made, start=1)]


def _row(number: int, one: Made) -> list[str]:
    result, watched = one.told["result"], one.watched
    interval = result["crt_ci95_s"]
    return [
        str(number),
        one.skin.body,
        one.skin.tone,
        one.skin.kind,
        f"{one.skin.crt_s:.2f}",
        f"{one.crt_s:.2f}" if one.crt_s is not None else str(result["reason"] or result["status"]),
        f"{interval[0]:.2f} to {interval[1]:.2f}" if interval else "-",
        f"{one.error_s:+.2f}" if one.error_s is not None else "-",
        f"{one.lasted_s:.1f}",
        *(f"{share:.0f}" for share in (watched.total, watched.drawing, watched.own)),
        f"{watched.frames_per_s:.1f}",
        f"{one.size.resident_mib:.1f}",
        str(one.size.descriptors),
        str(one.size.threads),
    ]


def by_thread(made: Sequence[Made]) -> list[list[str]]:
    """Return the mean share of each thread, drawing apart."""
    names = sorted({name for one in made for name in one.watched.threads})
    shares = {name: float(np.mean([one.watched.threads.get(name, 0.0) for one in made])) for name in names}
    drawing = float(np.mean([one.watched.drawing for one in made]))
    shares["camera"] = shares.get("camera", 0.0) - drawing
    ordered = sorted(shares.items(), key=lambda one: -one[1])
    return [
        ["drawing the phantom (camera's thread)", f"{drawing:.1f}"],
        *([name, f"{share:.1f}"] for name, share in ordered),
    ]


def as_markdown(day: Day, judged: Sequence[Verdict], command: str) -> str:
    """Return the evidence file's text."""
    size = f"{PICTURE['width_px']} x {PICTURE['height_px']} at {PICTURE['fps']:g} frames/s"
    parts = [
        HEAD.strip(),
        f"```\n{command}\n```",
        f"{machine(day.took_s)} Broker: {day.broker}. Picture {size}.",
        "\n".join(f"- {verdict.line}" for verdict in judged),
        "![memory and error over the measurements](bedside-day.png)",
        markdown_table(HEADINGS, rows(day.made)),
        "While measuring, mean over the measurements:",
        markdown_table(["thread", "CPU, % of a core"], by_thread(day.made)),
    ]
    return "\n\n".join(parts) + "\n"


def plot(day: Day, path: Path) -> None:
    """Plot memory and error, one point a measurement, in the colour of its skin."""
    figure = Figure(figsize=(8, 5.4), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True)
    numbers = np.arange(1, len(day.made) + 1)
    above.plot(numbers, [one.size.resident_mib for one in day.made], "o-", color="#4477aa", markersize=4)
    above.set_ylabel("resident memory, MiB")
    above.set_ylim(0, 1.25 * max((one.size.resident_mib for one in day.made), default=1.0))
    below.axhline(0, color="#888888", linewidth=0.8)
    for number, one in zip(numbers, day.made, strict=True):
        interval = one.told["result"]["crt_ci95_s"]
        if one.error_s is None or interval is None:
            continue
        low_s, high_s = (edge - one.skin.crt_s for edge in interval)
        below.plot([number, number], [low_s, high_s], color="#999999", linewidth=1.2)
        marker = "o" if one.skin.body == "finger" else "s"
        below.plot(number, one.error_s, marker, color=SKIN[one.skin.tone], markeredgecolor="#333333", markersize=6)
    below.set_ylabel("reading - truth, s (95 % interval)")
    below.set_xlabel("measurement (round: finger, square: knee; colour: skin tone)")
    save(figure, path)
