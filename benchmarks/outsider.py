"""The outsider campaign: presses by a generator that shares no model with the phantom, and what came of them.

`python -m benchmarks.outsider` plays healthy presses of other shapes, tissue and cameras and faults in graded sizes, in
four forms: cells with pressure, cells without, a trace, pictures. It prints by kind and size how many were harmless,
refused (for a reason that fits, or another), censored or a wrong number, and writes `docs/evidence/outsider.md`.
Simulation: it says nothing about people.
"""

import argparse
import os
import sys
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing import Pool
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.outsider_clocks import UNSEEN
from benchmarks.outsider_faults import SEEN
from benchmarks.outsider_forms import CELLS, CELLS_ALONE, PICTURES, TRACE, analyse
from benchmarks.outsider_healthy import HEALTHY
from benchmarks.outsider_play import Play, play_press

EVIDENCE: Final = Path("docs/evidence")
KINDS: Final = {kind.name: kind for kind in (*HEALTHY, *SEEN, *UNSEEN)}
HARMLESS_S, HARMLESS_SHARE = 0.15, 0.06
PICTURED: Final = (
    *("exponential", "gompertz", "from the rim", "tremor", "auto white balance", "sheet", "arm's edge"),
    *("moving reflex", "finger slides", "passing shadow", "pictures repeated", "frames lost, restamped"),
)
DOUBTS: Final = ("too_uncertain", "not_settled")
"""A small fault may leave no more than doubt: these reasons fit at any size but the largest."""


@dataclass(frozen=True)
class Case:
    """One press of a campaign: its kind, size, form and number."""

    kind: str
    size: float
    form: str
    number: int
    seed: int


@dataclass(frozen=True)
class Outcome:
    """What came of one press; times in s, None where there is none. `ended` is a reason or a status."""

    case: Case
    truths_s: tuple[float, ...]
    ended: str
    crt_s: float | None
    interval_s: tuple[float, float] | None
    exceeds_s: float | None
    made: str

    @property
    def verdict(self) -> str:
        """One of: harmless, right reason, other reason, censored, censored wrongly, wrong number."""
        kind = KINDS[self.case.kind]
        if self.crt_s is not None:
            return "harmless" if self._near() and not kind.never_a_number else "wrong number"
        if self.ended == "censored":
            true = not self.truths_s or (self.exceeds_s is not None and max(self.truths_s) >= self.exceeds_s)
            return "censored" if true and kind.censored_fits else "censored wrongly"
        doubts = DOUBTS if self.case.size != kind.sizes[-1] or len(kind.sizes) == 1 else ()
        return "right reason" if self.ended in (*kind.reasons, *doubts) else "other reason"

    def _near(self) -> bool:
        """Whether the number is near a true time, or between the first two, which say the same by other means."""
        crt_s = self.crt_s
        if crt_s is None or not self.truths_s:
            return False
        low, high = self.truths_s[:2] if len(self.truths_s) > 1 else self.truths_s * 2
        spans = [(low, high), *((true_s, true_s) for true_s in self.truths_s[2:])]
        return any(
            low - max(HARMLESS_S, HARMLESS_SHARE * low) <= crt_s <= high + max(HARMLESS_S, HARMLESS_SHARE * high)
            for low, high in spans
        )

    @property
    def honest(self) -> bool:
        """Whether a wrong number's interval at least holds a true time."""
        return self.interval_s is not None and any(
            self.interval_s[0] <= true_s <= self.interval_s[1] for true_s in self.truths_s
        )

    @property
    def line(self) -> str:
        """The press in one line."""
        case = self.case
        told = "no number" if self.crt_s is None else f"{self.crt_s:.2f} s"
        told = f"longer than {self.exceeds_s:.2f} s" if self.exceeds_s is not None else told
        span = "" if self.interval_s is None else f" ({self.interval_s[0]:.2f} to {self.interval_s[1]:.2f})"
        true = " or ".join(f"{true_s:.2f}" for true_s in dict.fromkeys(self.truths_s)) or "none"
        return (
            f"{case.kind} {case.size:g}, {case.form}, press {case.number}, {self.made}: true {true}, told {told}{span}"
        )


def cases(seed: int, per_size: int) -> Iterator[Case]:
    """Yield the campaign: `per_size` presses of cells for every kind and size, half as many without pressure and as
    traces, and two pictures a size for the kinds that need them.
    """
    for kind in KINDS.values():
        times = 2 if kind.healthy else 1
        for size in kind.sizes:
            forms = [(CELLS, times * per_size)]
            if kind.stage != "probe":
                forms.append((CELLS_ALONE, times * max(per_size // 3, 1)))
            if kind.healthy or kind.stage in ("camera", "stamps", "probe"):
                forms.append((TRACE, max(per_size // 3, 1)))
            if kind.name in PICTURED and per_size > 2:
                forms.append((PICTURES, 2))
            for form, number in forms:
                for index in range(number):
                    yield Case(kind.name, size, form, index, seed)


def played(case: Case) -> Play:
    """Return the press of a case."""
    kind = KINDS[case.kind]
    rng = np.random.default_rng([case.seed, zlib.crc32(f"{case.kind} {case.size:g} {case.form}".encode()), case.number])
    return play_press(case.number + int(rng.integers(48)), rng, kind.act, kind.stage, case.size)


def truths_s(play: Play, case: Case) -> tuple[float, ...]:
    """Return the 90 % times; without pressure, counted from any moment between release and first return."""
    told = play.truths_s or ()
    if case.form != CELLS_ALONE or not told:
        return told
    mean = play.clean[:, play.middle].mean(axis=1)
    low = mean[(play.since_s < 0) & (play.since_s > -1.0)].mean()
    seen = (play.since_s > 0) & (mean - low > 0.05 * (mean[-1] - low))
    return (min(told[:2]) - float(play.since_s[seen][0]), *told[1:])


def measure(case: Case) -> Outcome:
    """Play one case and have it measured."""
    play = played(case)
    found = analyse(play, case.form)
    return Outcome(
        case,
        truths_s(play, case),
        found.reason or found.status,
        found.crt_s,
        found.crt_ci95_s,
        found.crt_exceeds_s,
        f"tone {play.tone}, {play.fps:g} fps, blood {100 * play.blood_share:.2f} %",
    )


def run(asked: Sequence[Case], jobs: int) -> list[Outcome]:
    """Measure every case, in order; progress on stderr."""
    outcomes: list[Outcome] = []
    with Pool(jobs) as pool:
        for outcome in pool.imap(measure, asked, chunksize=2):
            outcomes.append(outcome)
            if len(outcomes) % 100 == 0 or len(outcomes) == len(asked):
                sys.stderr.write(f"{len(outcomes)} of {len(asked)} presses\n")
    return outcomes


def main() -> int:
    """Run the campaign; exit 1 where a wrong number got through and that was asked to count."""
    from benchmarks.outsider_report import as_markdown, as_text

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--presses", type=int, default=6, help="of cells for every size of a fault; twice that if healthy"
    )
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--only", action="append", help="one kind only (may be given again); nothing is written")
    parser.add_argument("--form", help="one form only; nothing is written")
    parser.add_argument("--out", type=Path, default=EVIDENCE)
    parser.add_argument("--strict", action="store_true", help="end with 1 where a wrong number got through")
    asked = parser.parse_args()
    chosen = [
        case
        for case in cases(asked.seed, asked.presses)
        if (not asked.only or case.kind in asked.only) and asked.form in (None, case.form)
    ]
    outcomes = run(chosen, asked.jobs)
    sys.stdout.write(as_text(outcomes) + "\n")
    if not asked.only and not asked.form:
        command = f"python -m benchmarks.outsider --presses {asked.presses} --seed {asked.seed}"
        asked.out.mkdir(parents=True, exist_ok=True)
        (asked.out / "outsider.md").write_text(as_markdown(outcomes, command), encoding="utf-8")
    wrong = any(outcome.verdict == "wrong number" for outcome in outcomes)
    return 1 if asked.strict and wrong else 0


if __name__ == "__main__":
    sys.exit(main())
