"""The mottling score by skin tone under other cameras, and where mottling is lost that is told 0.

`python -m benchmarks.mottling_dark_skin --renderer other_cameras --legs 300` draws the darkest two tones by half and
the others by the rest, and prints kappa by tone, the confusion, false alarms and the stage at which mottling is lost.
Development only: the evidence is that of `benchmarks.mottling_accuracy`.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Sequence

from benchmarks import mottling_report as report
from benchmarks.mottling_cases import LegCase, LegOutcome, outcome_of
from benchmarks.mottling_stages import stage_of_loss
from phantom.leg.drawn_at_random import spec_of
from phantom.leg.photo import take
from phantom.leg.spec import Renderer
from phantom.tones import TONES

DARK: tuple[str, ...] = ("V", "VI")
DEVELOPMENT: tuple[Renderer, ...] = ("optics", "other_cameras")


def numbers(first: int, legs: int, renderer: Renderer) -> Iterator[int]:
    """Yield the numbers of `legs` legs, half of them of the darkest tones."""
    left = {True: legs // 2, False: legs - legs // 2}
    number = first
    while any(left.values()):
        dark = spec_of(number, renderer).tone in DARK
        if left[dark] > 0:
            left[dark] -= 1
            yield number
        number += 1


def run(first: int, legs: int, renderer: Renderer) -> tuple[list[LegOutcome], dict[int, str]]:
    """Return the outcomes, and by number at which stage mottling was lost that was told 0 or refused."""
    outcomes, lost = [], {}
    for number in numbers(first, legs, renderer):
        photo = take(spec_of(number, renderer))
        outcomes.append(outcome_of(photo, LegCase(number, renderer)))
        if outcomes[-1].truth > 0 and not outcomes[-1].score:
            lost[number] = stage_of_loss(photo)
    return outcomes, lost


def by_tone(outcomes: Sequence[LegOutcome]) -> list[list[str]]:
    """Return a row for each tone: legs, refused, exact, kappa, false alarms, told 0 though mottled."""
    rows = []
    for tone in (*TONES, "all"):
        mine = [each for each in outcomes if tone in (each.tone, "all")]
        if mine:
            alarms, plain = report.false_alarms(mine)
            missed = sum(1 for each in mine if each.truth > 0 and each.score == 0)
            refused = len(mine) - len(report.scored(mine))
            figures = f"{report.exact_of(mine):.1%}", f"{report.kappa_of(mine):.3f}", f"{alarms} of {plain}"
            rows.append([tone, str(len(mine)), str(refused), *figures, str(missed)])
    return rows


def main() -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--renderer", choices=DEVELOPMENT, default="other_cameras")
    parser.add_argument("--first", type=int, default=70000, help="number of the first leg")
    parser.add_argument("--legs", type=int, default=120)
    asked = parser.parse_args()
    outcomes, lost = run(asked.first, asked.legs, asked.renderer)
    head = ["tone", "n", "refused", "exact", "kappa", "false alarms", "told 0 though mottled"]
    print(report.table(head, by_tone(outcomes)))
    print(report.table(["", *"012345", "refused"], report.confusion_rows(outcomes)))
    print(
        report.table(["where mottling is lost", "n"], [[at, str(n)] for at, n in Counter(lost.values()).most_common()])
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
