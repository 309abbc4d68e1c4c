"""The mottling campaign's outcomes as figures, tables, targets and plots."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import matplotlib as mpl
import numpy as np

mpl.use("Agg")
from matplotlib.figure import Figure

from benchmarks.accuracy_report import markdown_table
from benchmarks.mottling_cases import LegOutcome, RefusalOutcome
from benchmarks.verdict import Verdict
from phantom.leg.spec import RENDERERS
from phantom.tones import TONES
from vision.mottling.levels import ZONES

SCORES: range = range(6)
PATTERNS: tuple[str, ...] = ("coin", "reticular", "patchy", "confluent", "none")
INTENSITIES: tuple[tuple[float, float], ...] = ((0.35, 0.5), (0.5, 0.7), (0.7, 1.0))
KAPPA, EXACT, TONE_KAPPA, FALSE_ALARMS = 0.95, 0.90, 0.92, 0.02
SECONDS: float = 2.0
Belongs = Callable[[LegOutcome], bool]


def scored(outcomes: Sequence[LegOutcome]) -> list[LegOutcome]:
    """Return those that got a score."""
    return [each for each in outcomes if each.score is not None]


def confusion(pairs: Sequence[tuple[int, int]]) -> np.ndarray:
    """Return counts (6, 6) of truth by told."""
    table = np.zeros((6, 6))
    for truth, told in pairs:
        table[truth, told] += 1
    return table


def weighted_kappa(table: np.ndarray) -> float:
    """Return the quadratic-weighted kappa of a table of counts (6, 6); 1 where there is nothing to disagree on."""
    total = table.sum()
    weights = np.subtract.outer(np.arange(6), np.arange(6)) ** 2
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / total
    chance = float((weights * expected).sum())
    return 1.0 if chance == 0 else 1.0 - float((weights * table).sum()) / chance


def kappa_of(outcomes: Sequence[LegOutcome]) -> float:
    """Return the kappa of those that were scored."""
    return weighted_kappa(confusion([(each.truth, int(each.score or 0)) for each in scored(outcomes)]))


def kappa_interval(outcomes: Sequence[LegOutcome], draws: int = 1000) -> tuple[float, float]:
    """Return the 95 % interval of the kappa by drawing photos anew."""
    rng = np.random.default_rng(1)
    pairs = np.array([(each.truth, each.score) for each in scored(outcomes)], dtype=int)
    found = []
    for _ in range(draws):
        some = pairs[rng.integers(0, len(pairs), len(pairs))]
        found.append(weighted_kappa(confusion([(int(a), int(b)) for a, b in some])))
    low, high = np.quantile(found, (0.025, 0.975))
    return float(low), float(high)


def exact_of(outcomes: Sequence[LegOutcome]) -> float:
    """Return the share of all photos whose score is exactly right; one that was refused is not."""
    return float(np.mean([each.score == each.truth for each in outcomes]))


def false_alarms(outcomes: Sequence[LegOutcome]) -> tuple[int, int]:
    """Return how many unmottled legs with something else on them were scored above 0, and of how many."""
    plain = [each for each in outcomes if each.truth == 0 and each.distractors]
    return sum(1 for each in plain if each.score), len(plain)


def most_wrong(outcomes: Sequence[LegOutcome]) -> tuple[int, int, int]:
    """Return how many were told a `max_supported` too high and too low, and how many another one by a near miss.

    Too high: of a level beyond which hardly any skin is seen (1 % of the thigh). Too low: less than a level beyond
    which skin is seen by 7 %. A near miss: the rule (4 %) says another one, and skin ends within 3 % of where it asks.
    """
    told = [(int(each.told_most or 0), each) for each in scored(outcomes)]
    high = sum(1 for most, each in told if most > each.most_in_view)
    low = sum(1 for most, each in told if most < each.most_surely)
    beside = sum(1 for most, each in told if most != each.most)
    return high, low, beside - high - low


def verdicts(
    legs: Sequence[LegOutcome], bad: Sequence[RefusalOutcome], none: Sequence[RefusalOutcome]
) -> list[Verdict]:
    """Hold the outcomes against the targets."""
    kappa, (low, high) = kappa_of(legs), kappa_interval(legs)
    exact = exact_of(legs)
    tones = {tone: kappa_of([each for each in legs if each.tone == tone]) for tone in TONES}
    worst = min(tones, key=lambda tone: tones[tone])
    alarms, plain = false_alarms(legs)
    too_high, too_low, near = most_wrong(legs)
    wrong = [each for each in bad if not each.right]
    taken = [each for each in none if each.score is not None]
    return [
        Verdict(f"quadratic-weighted kappa >= {KAPPA}", kappa >= KAPPA, f"{kappa:.3f} ({low:.3f} to {high:.3f})"),
        Verdict(f"exact score >= {EXACT:.0%}", exact >= EXACT, f"{exact:.1%} of {len(legs)}"),
        Verdict(f"no tone under kappa {TONE_KAPPA}", tones[worst] >= TONE_KAPPA, f"lowest {worst}: {tones[worst]:.3f}"),
        Verdict(
            f"unmottled legs with something else on them scored above 0: <= {FALSE_ALARMS:.0%}",
            alarms <= FALSE_ALARMS * plain,
            f"{alarms} of {plain}",
        ),
        Verdict(
            "max_supported never above what is in view, never below what surely is",
            too_high == too_low == 0,
            f"{too_high} too high, {too_low} too low of {len(scored(legs))}; {near} more beside the rule near a level",
        ),
        Verdict("bad photos refused for a reason that fits", not wrong, f"{len(wrong)} of {len(bad)} not"),
        Verdict("what is no leg gets no score", not taken, f"{len(taken)} of {len(none)} scored"),
    ]


def strata(legs: Sequence[LegOutcome]) -> list[list[str]]:
    """Return the table by stratum."""
    groups: dict[str, Belongs] = {"all": lambda _: True}
    groups |= {f"renderer {name}": partial(_rendered_by, name) for name in RENDERERS}
    groups |= {f"tone {name}": partial(_of_tone, name) for name in TONES}
    groups |= {f"pattern {name}": partial(_of_pattern, name) for name in PATTERNS}
    groups |= {f"intensity {low:g} to {high:g}": partial(_as_strong_as, low, high) for low, high in INTENSITIES}
    rows = []
    for title, belongs in groups.items():
        mine = [each for each in legs if belongs(each)]
        if mine:
            rows.append(_stratum(title, mine))
    return rows


def _rendered_by(name: str, each: LegOutcome) -> bool:
    return each.case.renderer == name


def _of_tone(name: str, each: LegOutcome) -> bool:
    return each.tone == name


def _of_pattern(name: str, each: LegOutcome) -> bool:
    return each.pattern == name


def _as_strong_as(low: float, high: float, each: LegOutcome) -> bool:
    return each.truth > 0 and low <= each.intensity < high


def _stratum(title: str, mine: Sequence[LegOutcome]) -> list[str]:
    told = scored(mine)
    off = [abs(int(each.score or 0) - each.truth) for each in told]
    errors = [error for each in told for error in each.zone_errors.values()]
    several = len({each.truth for each in told}) > 1
    return [
        title,
        str(len(mine)),
        str(len(mine) - len(told)),
        f"{exact_of(mine):.1%}",
        f"{np.mean([one <= 1 for one in off]):.1%}" if off else "-",
        f"{kappa_of(mine):.3f}" if several else "-",
        f"{np.mean([each.peer == each.truth for each in mine]):.1%}",
        f"{np.median(errors):.3f}" if errors else "-",
    ]


HEAD = ["photos", "n", "refused", "exact", "within 1", "kappa", "naive peer exact", "zone share, median error"]


def confusion_rows(legs: Sequence[LegOutcome]) -> list[list[str]]:
    """Return the confusion matrix as rows: truth down, told across, refused last."""
    table = confusion([(each.truth, int(each.score or 0)) for each in scored(legs)])
    refused = [sum(1 for each in legs if each.truth == truth and each.score is None) for truth in SCORES]
    return [[str(t), *(str(int(n)) for n in table[t]), str(refused[t])] for t in SCORES]


def confidence_rows(legs: Sequence[LegOutcome]) -> list[list[str]]:
    """Return how often the score is right by what the device says of it."""
    rows = []
    for low, high in ((0.0, 0.5), (0.5, 0.7), (0.7, 0.85), (0.85, 0.95), (0.95, 1.01)):
        mine = [each for each in scored(legs) if each.confidence is not None and low <= each.confidence < high]
        if mine:
            said = np.mean([each.confidence or 0.0 for each in mine])
            right = np.mean([each.score == each.truth for each in mine])
            rows.append([f"{low:.2f} to {min(high, 1):.2f}", str(len(mine)), f"{said:.2f}", f"{right:.2f}"])
    return rows


def refusal_rows(outcomes: Sequence[RefusalOutcome]) -> list[list[str]]:
    """Return each kind of bad photo: how many, how many were refused for a reason that fits, and what was told else."""
    rows = []
    for kind in dict.fromkeys(each.kind for each in outcomes):
        mine = [each for each in outcomes if each.kind == kind]
        told = [each.reason or f"score {each.score}" for each in mine]
        counted = ", ".join(f"{told.count(one)} {one}" for one in dict.fromkeys(told))
        fitting = ", ".join(mine[0].fitting) or "any"
        rows.append([kind, fitting, str(len(mine)), str(sum(1 for each in mine if each.right)), counted])
    return rows


def zone_rows(legs: Sequence[LegOutcome]) -> list[list[str]]:
    """Return the error of the mottled share by zone."""
    rows = []
    for name in ZONES:
        errors = [each.zone_errors[name] for each in scored(legs) if name in each.zone_errors]
        if errors:
            rows.append([name, str(len(errors)), f"{np.median(errors):.3f}", f"{np.quantile(errors, 0.95):.3f}"])
    return rows


def plot(legs: Sequence[LegOutcome], path: Path) -> None:
    """Draw the confusion matrix beside the naive peer's, and what confidence is worth."""
    figure = Figure(figsize=(13, 4.2), layout="constrained")
    ours, peer, trust = figure.subplots(1, 3)
    for axes, title, pairs in (
        (ours, "this software", [(each.truth, int(each.score or 0)) for each in scored(legs)]),
        (peer, "naive redness threshold", [(each.truth, each.peer) for each in legs]),
    ):
        table = confusion(pairs)
        axes.imshow(table / np.maximum(table.sum(axis=1, keepdims=True), 1), cmap="Blues", vmin=0, vmax=1)
        for row, column in np.ndindex(6, 6):
            axes.text(column, row, int(table[row, column]) or "", ha="center", va="center", fontsize=8)
        axes.set_title(f"{title}: kappa {weighted_kappa(table):.2f}", fontsize=10)
        axes.set_xlabel("told")
        axes.set_ylabel("true score")
    rows = confidence_rows(legs)
    trust.plot([0, 1], [0, 1], ":", color="0.5")
    trust.plot([float(row[2]) for row in rows], [float(row[3]) for row in rows], "o-")
    trust.set_xlabel("confidence told")
    trust.set_ylabel("share of scores that are right")
    figure.savefig(path, dpi=100)


def table(head: list[str], rows: list[list[str]]) -> str:
    """Return a markdown table."""
    return markdown_table(head, rows)
