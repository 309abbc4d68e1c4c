"""The accuracy ladder: thousands of simulated presses over tones, curves, refill times, steps and disturbances.

`python -m benchmarks.accuracy --presses 3000` plays the main ladder and, a tenth as large each, harder strata of their
own; prints both by stratum, for us and for pyCRT on the same traces; adds the efficiency against the Cramer-Rao bound;
holds the figures against the targets; and writes `docs/evidence/accuracy.md` with plots and `efficiency.md`. Truth:
time to 90 % of the blood volume's recovery. Simulation: it says nothing about people.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from multiprocessing import Pool
from pathlib import Path

from benchmarks import accuracy_plot, cramer_rao
from benchmarks.accuracy_csv import as_csv
from benchmarks.accuracy_ladder import MAIN, Case, Outcome, cases, measure
from benchmarks.accuracy_report import (
    OUR_HEAD,
    PEER_HEAD,
    by_stratum,
    early_text,
    markdown_table,
    our_rows,
    peer_rows,
    text_table,
    verdicts,
)
from benchmarks.verdict import Verdict
from contract.version import __version__
from vision import ALGORITHM_VERSION

EVIDENCE = Path("docs/evidence")
CSV_LIMIT_BYTES = 300_000


def play(asked: Sequence[Case], jobs: int) -> list[Outcome]:
    """Measure every case, in order; progress on stderr."""
    outcomes: list[Outcome] = []
    with Pool(jobs) as pool:
        for outcome in pool.imap(measure, asked, chunksize=4):
            outcomes.append(outcome)
            if len(outcomes) % 100 == 0 or len(outcomes) == len(asked):
                sys.stderr.write(f"{len(outcomes)} of {len(asked)} presses\n")
    return outcomes


CAVEAT = "Simulation: it says nothing about people."
NOTES = (
    "Truth: time to 90 % of the blood volume's recovery. Refused: reasons in brackets. Censored: the answer is "
    '"longer than"; wrong where the truth is shorter. Limits of agreement: bias ± 1.96 SD. Median and 95th: of '
    "|error|. Within: |error| at most 0.10 s or 6 %. Covered: the 95 % interval holds the truth, ± its binomial "
    "standard error. Window: 3.5 refill times, 10 s at least and 30 s at most. The last six rows are groups of their "
    "own. The target of refusals counts as refused also who was censored though the skin had refilled in the window."
)
PEER_NOTES = (
    "pyCRT 2.2.2 as documented (green channel, its defaults), with the true release as its start; t90 = ln(10) tau "
    "after the start of its slice, its uncertainty likewise. Rejected: no fit, or above its own 12 %; the figures are "
    "of the rest. It was made to report a time constant of nearly exponential refill; the ladder asks more than that."
)


def as_markdown(outcomes: list[Outcome], judged: list[Verdict], command: str) -> str:
    """Return the evidence file's text."""
    strata = by_stratum(outcomes)
    blocks = [
        "# Accuracy ladder",
        f"Written by `{command}` (software {__version__}, algorithm {ALGORITHM_VERSION}). {CAVEAT}",
        "## Targets",
        "\n".join(f"- {verdict.line}" for verdict in judged),
        "## By stratum",
        NOTES,
        markdown_table(OUR_HEAD, our_rows(strata)),
        early_text(outcomes),
        "## pyCRT on the same traces",
        PEER_NOTES,
        markdown_table(PEER_HEAD, peer_rows(strata)),
        "![error against truth](accuracy.png)",
        "![error by tone](accuracy-tones.png)",
        "![coverage by stratum](accuracy-coverage.png)",
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"


def write(out: Path, outcomes: list[Outcome], judged: list[Verdict], command: str) -> None:
    """Write table, plots and, where it stays small, one line a press."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "accuracy.md").write_text(as_markdown(outcomes, judged, command), encoding="utf-8")
    accuracy_plot.bland_altman(outcomes, out / "accuracy.png")
    accuracy_plot.by_tone(outcomes, out / "accuracy-tones.png")
    accuracy_plot.coverage(by_stratum(outcomes), out / "accuracy-coverage.png")
    lines = as_csv([outcome for outcome in outcomes if outcome.case.group == MAIN])
    if len(lines) < CSV_LIMIT_BYTES:
        (out / "accuracy.csv").write_text(lines, encoding="ascii")


def arguments() -> argparse.Namespace:
    """Return what was asked on the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--presses", type=int, default=3000, help="of the main ladder; further strata come on top")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--only", help="one group only: main, slow, pulse, picture, oxygen, bedside or early")
    parser.add_argument("--repeats", type=int, default=200, help="noise draws a rung of efficiency; 0 leaves it out")
    parser.add_argument("--out", type=Path, default=EVIDENCE, help="folder for tables and plots")
    parser.add_argument("--strict", action="store_true", help="end with 1 where a target is not met")
    return parser.parse_args()


def main() -> int:
    """Run the ladder; exit 0 once it is written, whatever the figures (but see --strict)."""
    asked = arguments()
    chosen = [case for case in cases(asked.presses, asked.seed) if asked.only in (None, case.group)]
    outcomes = play(chosen, asked.jobs)
    strata = by_stratum(outcomes)
    judged = verdicts(strata)
    sys.stdout.write(f"This software\n{text_table(OUR_HEAD, our_rows(strata))}\n\n{early_text(outcomes)}\n\n")
    sys.stdout.write(f"pyCRT 2.2.2\n{text_table(PEER_HEAD, peer_rows(strata))}\n\n")
    if asked.repeats:
        rungs = cramer_rao.run(asked.repeats, asked.seed, asked.jobs)
        sys.stdout.write(cramer_rao.as_text(rungs) + "\n\n")
        judged.append(cramer_rao.verdict(rungs))
    sys.stdout.write("\n".join(verdict.line for verdict in judged) + "\n")
    command = f"python -m benchmarks.accuracy --presses {asked.presses} --seed {asked.seed}"
    write(asked.out, outcomes, judged, command)
    if asked.repeats:
        (asked.out / "efficiency.md").write_text(cramer_rao.as_markdown(rungs, command), encoding="utf-8")
    return 0 if all(verdict.met for verdict in judged) or not asked.strict else 1


if __name__ == "__main__":
    sys.exit(main())
