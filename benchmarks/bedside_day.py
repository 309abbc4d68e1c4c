"""A day of the bedside in short: one machine, 20 button presses in a row on finger and knee, all delivered.

`python -m benchmarks.bedside_day` runs probe, bedside, broker, ingest and publisher once, each a process of its own, in
real time on the phantom at 60 frames/s. Between two measurements another skin comes under the probe, and the site
changes twice a day and back. It writes `docs/evidence/bedside-day.md` and `.png` and ends with 1 where a target was
missed.
"""

import argparse
import random
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.bedside_bench import Bedside, Pace, Told
from benchmarks.bedside_choice import choose
from benchmarks.bedside_feed import Feed
from benchmarks.bedside_place import CampaignError, Place, a_place
from benchmarks.bedside_probes import BreakableProbe
from benchmarks.bedside_watch import Size, Spent, Watched, between, size, spent
from benchmarks.crash_checks import database_problems, journal_problems, records

EVIDENCE = Path("docs/evidence")
PRESSES = 20
PICTURE: dict[str, Any] = {"width_px": 320, "height_px": 240, "fps": 60.0}
BODIES = ("finger", "knee", "finger", "knee")
SKINS: tuple[tuple[str, str], ...] = (
    *(("II", "exp"), ("IV", "biexp"), ("VI", "exp"), ("I", "delayed"), ("V", "biexp"), ("III", "sigmoid")),
)
"""Tone and curve, in turn."""
CRT_S = (0.8, 5.0)
PROTOCOL = "demo"
READING_S = 120.0
HOME_S = 90.0
SETTLE_S = 1.0


@dataclass(frozen=True)
class Skin:
    """What is under the probe: the truth."""

    body: str
    tone: str
    kind: str
    crt_s: float
    seed: int

    @property
    def changes(self) -> dict[str, Any]:
        """The phantom's words for it."""
        return {"tone": self.tone, "kind": self.kind, "crt_s": self.crt_s, "seed": self.seed}


@dataclass
class Made:
    """One push of the button and what came of it."""

    skin: Skin
    told: Told
    lasted_s: float
    watched: Watched
    size: Size
    """Once it was over."""

    @property
    def crt_s(self) -> float | None:
        """The reading; None where there is no number."""
        crt_s: float | None = self.told["result"]["crt_s"]
        return crt_s

    @property
    def error_s(self) -> float | None:
        """Reading minus truth."""
        return None if self.crt_s is None else self.crt_s - self.skin.crt_s

    @property
    def covered(self) -> bool:
        """Whether the truth is in the reading's 95 % interval."""
        interval = self.told["result"]["crt_ci95_s"]
        return interval is not None and interval[0] <= self.skin.crt_s <= interval[1]


@dataclass
class Day:
    """The whole campaign."""

    made: list[Made] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    """Of journal and database, once all was over."""
    home: bool = False
    broker: str = ""
    took_s: float = 0.0


def skins(presses: int, seed: int) -> list[Skin]:
    """Return what is measured; sites in blocks, everything else mixed."""
    dice = random.Random(seed)  # noqa: S311 - a campaign that can be repeated, no secret
    return [
        Skin(
            body=BODIES[number * len(BODIES) // presses],
            tone=SKINS[number % len(SKINS)][0],
            kind=SKINS[number % len(SKINS)][1],
            crt_s=round(dice.uniform(*CRT_S), 2),
            seed=dice.randrange(1, 10_000),
        )
        for number in range(presses)
    ]


def live(place: Place, wanted: list[Skin], say: Callable[[str], None]) -> Day:
    """Live through the day."""
    day, began_s = Day(), time.monotonic()
    probe, feed = BreakableProbe(place), Feed(place)
    day.broker = feed.broker
    bedside: Bedside | None = None
    try:
        feed.start()
        probe.start()
        bedside = Bedside(place)
        bedside.until_ready()
        pace, body = Pace(), None
        for number, skin in enumerate(wanted, start=1):
            feed.keep_up()
            if skin.body != body:
                probe.tell(body=skin.body)
                choose(place, PROTOCOL, skin.body)
                body = skin.body
            day.made.append(_measure(bedside, skin, pace))
            say(line_of(number, day.made[-1]))
        day.home = feed.until_home(HOME_S)
        day.problems += journal_problems(place.data) + database_problems(place.data)
        if len(records(place.data)) != len(wanted):
            day.problems.append(f"{len(wanted)} pushes, {len(records(place.data))} records")
    finally:
        if bedside is not None:
            bedside.stop()
        probe.stop()
        feed.stop()
    day.took_s = time.monotonic() - began_s
    return day


def _measure(bedside: Bedside, skin: Skin, pace: Pace) -> Made:
    bedside.tell(skin=skin.changes)
    pace.wait_for(1)
    time.sleep(SETTLE_S)  # the new skin is drawn from the next frame on
    before: Spent = spent(bedside)
    begun = bedside.begin()
    told = bedside.reading(begun, READING_S)
    if told is None:
        raise CampaignError(f"no reading within {READING_S:g} s: {bedside.last_words()}")
    watched = between(before, spent(bedside))
    pace.note(bedside.events)
    lasted_s = (told["t_boot_ns"] - bedside.events[begun]["t_boot_ns"]) / 1e9
    time.sleep(SETTLE_S)
    return Made(skin, told, lasted_s, watched, size(bedside.process.pid))


def line_of(number: int, made: Made) -> str:
    """Return a measurement as a line for the terminal."""
    error = "" if made.error_s is None else f", {made.error_s:+.2f} s"
    said = f"{made.crt_s:.2f} s" if made.crt_s is not None else str(made.told["result"]["reason"])
    return (
        f"{number:3} {made.skin.body:6} tone {made.skin.tone:3} {made.skin.kind:9} true {made.skin.crt_s:.2f} s:"
        f" {said}{error}; {made.watched.own:.0f} % of a core, {made.size.resident_mib:.1f} MiB"
    )


def main() -> int:
    """Live through it; exit 1 where a target was missed."""
    from benchmarks.bedside_day_report import as_markdown, plot, verdicts

    parser = argparse.ArgumentParser(prog="python -m benchmarks.bedside_day", description=__doc__)
    parser.add_argument("--presses", type=int, default=PRESSES)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=EVIDENCE, help="folder for page and plot")
    asked = parser.parse_args()
    wanted = skins(asked.presses, asked.seed)
    with a_place("bd-", picture=PICTURE) as place:
        day = live(place, wanted, lambda line: print(line, flush=True))
    judged = verdicts(day, asked.presses)
    asked.out.mkdir(parents=True, exist_ok=True)
    command = f"python -m benchmarks.bedside_day --presses {asked.presses} --seed {asked.seed}"
    (asked.out / "bedside-day.md").write_text(as_markdown(day, judged, command), encoding="utf-8")
    plot(day, asked.out / "bedside-day.png")
    print("\n".join(verdict.line for verdict in judged))
    return 0 if all(verdict.met for verdict in judged) else 1


if __name__ == "__main__":
    sys.exit(main())
