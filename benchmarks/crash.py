"""Kills the demo's processes with SIGKILL at random moments, starts them again, and counts what was lost or doubled.

`python -m benchmarks.crash --rounds 30 --seed 1`: journal and database stay the same through all rounds and grow.
Exit 0 where every promise held, 1 where one was broken (the folder is kept then).
"""

import argparse
import random
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.crash_checks import Kept, database_problems, journal_problems, open_measurements, records
from benchmarks.crash_demo import CHILDREN, FEED, VICTIMS, Demo, Hit
from benchmarks.crash_report import line_of, report

VENT_LIMIT_S = 0.7
ORPHAN_LIMIT_S = 8.0
FINISH_S = 180.0
"""A demo waits 90 s for receipts; one that takes longer than this in all has hung."""
LAST_MOMENT_S = 19.0
"""A demo without kills is about over by then."""
PHASE_S = {"pressing": 1.0, "holding": 4.5, "refilling": 8.5, "delivering": 0.1}
"""Where a kill can be aimed, and how long that lasts at least."""


_LATER: dict[str, tuple[str, ...]] = {
    "": (),
    "pressing": ("holding", "refilling", "delivering", "ending"),
    "holding": ("refilling", "delivering", "ending"),
    "refilling": ("delivering", "ending"),
    "delivering": ("ending",),
}
"""A second kill may find that its phase is over: then it comes as soon after as it can."""


@dataclass(frozen=True)
class Kill:
    """SIGKILL for `victim`, `after_s` after the demo reached `phase` (None: after it, or what was killed, started)."""

    victim: str
    phase: str | None
    after_s: float


@dataclass
class Played:
    """What one round did, what it met and what was wrong."""

    number: int
    hits: list[Hit] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    said: dict[int, Kept] = field(default_factory=dict)
    """The records that the round added, by device_seq."""
    cut_short: set[str] = field(default_factory=set)
    under_way: set[str] = field(default_factory=set)
    """Reading ids that were begun and not recorded when a kill came; `cut_short` where it was their own process's."""
    orphans_s: list[float] = field(default_factory=list)
    """How long the children of a killed supervisor lived on."""
    recovery_s: float | None = None
    problems: list[str] = field(default_factory=list)


def plan(rounds: int, seed: int) -> list[list[Kill]]:
    """Return the kills of every round: one, every third time two; victims from a deck, so that all get their turn."""
    dice = random.Random(seed)  # noqa: S311 - a campaign that can be repeated, no secret
    deck: list[str] = []

    def kill(latest_s: float, phases: tuple[str, ...]) -> Kill:
        if not deck:
            deck.extend(dice.sample(VICTIMS, len(VICTIMS)))
        victim = deck.pop()
        if dice.random() < 0.5:
            return Kill(victim, None, dice.uniform(0.3, latest_s))
        phase = "delivering" if victim in FEED and "delivering" in phases else dice.choice(phases)
        return Kill(victim, phase, dice.uniform(0.0, PHASE_S[phase]))

    whole, early = tuple(PHASE_S), ("pressing", "holding")
    return [
        [kill(8.0, early), kill(8.0, whole)] if number % 3 == 2 else [kill(LAST_MOMENT_S, whole)]
        for number in range(rounds)
    ]


def play(number: int, kills: list[Kill], data: Path, seed: int) -> Played:
    """Play one round in `data` to its end, and check everything."""
    played = Played(number)
    before = records(data)
    demo = Demo(data, seed)
    since_s = demo.started_s
    try:
        for kill in kills:
            if not _reach(demo, kill, since_s):
                played.missed.append(kill.victim)
                continue
            since_s, demo = _strike(played, kill, demo, data, seed)
        _finish(played, demo)
    finally:
        demo.end()
        demo.clear()
    if not played.problems:
        _check(played, before, data)
    return played


def _reach(demo: Demo, kill: Kill, since_s: float) -> bool:
    """Wait for the moment of a kill, noting every process on the way; False where the demo was over before."""
    reached_s = since_s if kill.phase is None else None
    while not demo.over():
        demo.children()
        now_s = time.monotonic()
        if reached_s is None and (demo.phase == kill.phase or demo.phase in _LATER[kill.phase or ""]):
            reached_s = now_s
        if reached_s is not None and now_s - reached_s >= kill.after_s:
            return True
        time.sleep(0.01)
    return False


def _strike(played: Played, kill: Kill, demo: Demo, data: Path, seed: int) -> tuple[float, Demo]:
    """Kill, look at skin, journal and orphans; start the demo again where it was the victim."""
    was_open = open_measurements(data)
    try:
        hit = demo.kill(kill.victim)
    except ProcessLookupError:
        played.missed.append(kill.victim)
        return time.monotonic(), demo
    left_open = open_measurements(data)
    played.hits.append(hit)
    if hit.vented_s is not None and kill.victim not in FEED and hit.vented_s > VENT_LIMIT_S:
        played.problems.append(f"vented only {hit.vented_s:.2f} s after {kill.victim} was killed")
    # What no living process can end any more has to be found interrupted at the next start.
    played.cut_short |= left_open if kill.victim in ("bedside", "everything") else set()
    played.under_way |= was_open
    if kill.victim in CHILDREN:
        return hit.at_s, demo
    _orphans(played, demo, hit)
    demo.clear()
    again = Demo(data, seed)
    return again.started_s, again


def _orphans(played: Played, demo: Demo, hit: Hit) -> None:
    """Nobody outlives a killed supervisor for more than a few seconds."""
    while demo.survivors() and time.monotonic() - hit.at_s < ORPHAN_LIMIT_S:
        time.sleep(0.02)
    played.orphans_s.append(time.monotonic() - hit.at_s)
    if demo.survivors():
        played.problems.append(f"{len(demo.survivors())} processes survive a killed supervisor")


def _finish(played: Played, demo: Demo) -> None:
    code = demo.exit_code(FINISH_S)
    if code != 0:
        last = demo.lines[-1][1] if demo.lines else "nothing"
        played.problems.append(f"the demo ended with {code}, and said last: {last}")
        return
    home_s = demo.home_s()
    if home_s is not None and played.hits:
        played.recovery_s = home_s - played.hits[-1].at_s
    if demo.survivors():
        played.problems.append("processes survive a demo that ended")


def _check(played: Played, before: dict[int, Kept], data: Path) -> None:
    after = records(data)
    played.said = {seq: kept for seq, kept in after.items() if seq not in before}
    played.problems += journal_problems(data) + database_problems(data)
    played.problems += [
        f"record {seq} of an earlier round is gone" for seq, kept in before.items() if after.get(seq) != kept
    ]
    by_id = {kept.reading_id: kept for kept in after.values()}
    for reading_id in played.cut_short:
        if reading_id not in by_id or not by_id[reading_id].interrupted:
            played.problems.append(f"the measurement {reading_id} was cut short, its record does not say so")
    played.problems += [f"no record of {reading_id}" for reading_id in played.under_way if reading_id not in by_id]
    if not any(not kept.interrupted for kept in played.said.values()):
        played.problems.append("no measurement was completed")


def run(rounds: int, seed: int, data: Path) -> list[Played]:
    """Play a campaign, with a line for every round as it ends."""
    campaign = []
    for number, kills in enumerate(plan(rounds, seed), start=1):
        campaign.append(play(number, kills, data, seed + number))
        print(line_of(campaign[-1]), flush=True)
    return campaign


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.crash", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("docs/evidence/crash.md"), help="report; default: %(default)s")
    asked = parser.parse_args()
    data = Path(tempfile.mkdtemp(prefix="refill-crash-"))
    began_s = time.monotonic()
    campaign = run(asked.rounds, asked.seed, data)
    kept = records(data)
    command = f"python -m benchmarks.crash --rounds {asked.rounds} --seed {asked.seed}"
    text = report(command, campaign, kept, time.monotonic() - began_s)
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    asked.out.write_text(text, encoding="utf-8")
    print(text)
    if any(played.problems for played in campaign):
        print(f"the folder is kept: {data}")
        return 1
    shutil.rmtree(data)
    return 0


if __name__ == "__main__":
    sys.exit(main())
