"""The ladder's outcomes as figures: strata, what is told of each, and the targets held against them."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.accuracy_ladder import FRAME_RATES, GROUPS, KINDS, MAIN, TONES, Outcome, tolerance_s
from benchmarks.verdict import Verdict

Array = NDArray[np.float64]
Belongs = Callable[[Outcome], bool]

STEP_BANDS = ((0.03, 0.05), (0.05, 0.1), (0.1, 0.2), (0.2, 0.5))
REFILL_BANDS_S = ((0.5, 1.0), (1.0, 2.0), (2.0, 4.0), (4.0, 8.0), (8.0, 12.0))
PULSE_BANDS = ((0.0, 0.04), (0.04, 0.08), (0.08, 0.12))


def _is(field: str, value: object) -> Belongs:
    """Whether a field of the spec is this value."""
    return lambda outcome: bool(getattr(outcome.spec, field) == value)


def _in(field: str, low: float, high: float) -> Belongs:
    """Whether a field of the spec lies in [low, high)."""
    return lambda outcome: bool(low <= getattr(outcome.spec, field) < high)


def _main_strata() -> dict[str, Belongs]:
    return {
        "all": lambda _: True,
        **{f"tone {tone}": _is("tone", tone) for tone in TONES},
        **{f"curve {kind}": _is("kind", kind) for kind in KINDS},
        **{f"step {low:g} to {high:g}": _in("step_ln_g", low, high) for low, high in STEP_BANDS},
        **{f"refill {low:g} to {high:g} s": _in("crt_s", low, high) for low, high in REFILL_BANDS_S},
        **{f"{fps:g} frames/s": _is("fps", fps) for fps in FRAME_RATES},
        **{f"pulse {100 * low:g} to {100 * high:g} %": _in("pulse", low, high) for low, high in PULSE_BANDS},
        "surround in view": lambda outcome: outcome.with_surround,
        "no surround": lambda outcome: not outcome.with_surround,
    }


MAIN_STRATA = _main_strata()


def by_stratum(outcomes: Sequence[Outcome]) -> dict[str, list[Outcome]]:
    """Return the outcomes of every stratum: of the main ladder, then each further group on its own."""
    main = [outcome for outcome in outcomes if outcome.case.group == MAIN]
    strata = {name: [outcome for outcome in main if belongs(outcome)] for name, belongs in MAIN_STRATA.items()}
    for key, group in GROUPS.items():
        if key != MAIN:
            strata[group.title] = [outcome for outcome in outcomes if outcome.case.group == key]
    return {name: found for name, found in strata.items() if found}


@dataclass(frozen=True)
class Figures:
    """What is told of one method on one stratum. Errors in s, shares 0 to 1; NaN where nothing was measured.

    `limits_s` are the 95 % limits of agreement, bias -+ 1.96 SD (Bland & Altman 1986); `within` is the share of errors
    at most 0.10 s or 6 %; `covered` the share of 95 % intervals that hold the truth, `covered_se` its binomial
    standard error and `covered_95` its interval, as Agresti & Coull have them (1998): two hits and two misses more.
    """

    n: int
    measured: int
    bias_s: float
    limits_s: tuple[float, float]
    median_s: float
    p95_s: float
    within: float
    covered: float
    covered_se: float
    covered_95: tuple[float, float]


def figures(n: int, truth_s: Array, measured_s: Array, low_s: Array, high_s: Array) -> Figures:
    """Return the figures of the presses measured (m,) out of `n`."""
    count = len(truth_s)
    if count == 0:
        nan = float("nan")
        return Figures(n, 0, nan, (nan, nan), nan, nan, nan, nan, nan, (nan, nan))
    errors = measured_s - truth_s
    bias, spread = float(errors.mean()), 1.96 * float(errors.std(ddof=1 if count > 1 else 0))
    held = int(np.sum((low_s <= truth_s) & (truth_s <= high_s)))
    middle = (held + 2) / (count + 4)
    error = float(np.sqrt(middle * (1 - middle) / (count + 4)))
    allowed = np.array([tolerance_s(float(t)) for t in truth_s])
    return Figures(
        n=n,
        measured=count,
        bias_s=bias,
        limits_s=(bias - spread, bias + spread),
        median_s=float(np.median(np.abs(errors))),
        p95_s=float(np.quantile(np.abs(errors), 0.95)),
        within=float(np.mean(np.abs(errors) <= allowed)),
        covered=held / count,
        covered_se=error,
        covered_95=(middle - 1.96 * error, middle + 1.96 * error),
    )


def ours(outcomes: Sequence[Outcome]) -> Figures:
    """Return our figures on a stratum."""
    rows = [(o.truth_s, o.crt_s, *o.interval_s) for o in outcomes if o.crt_s is not None and o.interval_s is not None]
    return figures(len(outcomes), *np.array(rows, dtype=np.float64).reshape(-1, 4).T)


def peers(outcomes: Sequence[Outcome]) -> Figures:
    """Return pyCRT's figures on a stratum, on what it does not reject itself."""
    rows = [(o.truth_s, o.peer.t90_s, *o.peer.ci95_s) for o in outcomes if not o.peer.rejected]
    return figures(len(outcomes), *np.array(rows, dtype=np.float64).reshape(-1, 4).T)


def refused_text(outcomes: Sequence[Outcome]) -> str:
    """Return how many were refused, with the reasons."""
    ended = Counter(o.ended for o in outcomes if o.crt_s is None and not o.censored)
    reasons = ", ".join(f"{count} {reason}" for reason, count in ended.most_common())
    return f"{ended.total()} ({reasons})" if ended else "0"


def censored_text(outcomes: Sequence[Outcome]) -> str:
    """Return how many were censored, and how many of these bounds are wrong."""
    censored = [o for o in outcomes if o.censored]
    wrong = sum(not o.bound_holds for o in censored)
    return f"{len(censored)} ({wrong} wrong)" if wrong else str(len(censored))


def figure_cells(f: Figures) -> list[str]:
    """Return figures as table cells, from the bias on."""
    if not f.measured:
        return [""] * 6
    return [
        f"{f.bias_s:+.3f}",
        f"{f.limits_s[0]:+.2f} to {f.limits_s[1]:+.2f}",
        f"{f.median_s:.3f}",
        f"{f.p95_s:.3f}",
        f"{100 * f.within:.1f} %",
        f"{100 * f.covered:.1f} ± {100 * f.covered_se:.1f} %",
    ]


_COMMON = ["bias, s", "limits of agreement, s", "median, s", "95th, s", "within", "covered"]
OUR_HEAD = ["stratum", "n", "refused", "censored", *_COMMON]
PEER_HEAD = ["stratum", "n", "rejected", *_COMMON]


def our_rows(strata: dict[str, list[Outcome]]) -> list[list[str]]:
    """Return one row a stratum about us."""
    return [
        [name, str(len(found)), refused_text(found), censored_text(found), *figure_cells(ours(found))]
        for name, found in strata.items()
    ]


def peer_rows(strata: dict[str, list[Outcome]]) -> list[list[str]]:
    """Return one row a stratum about pyCRT."""
    rows = []
    for name, found in strata.items():
        rejected = sum(o.peer.rejected for o in found)
        share = f"{rejected} ({100 * rejected / len(found):.0f} %)"
        rows.append([name, str(len(found)), share, *figure_cells(peers(found))])
    return rows


def _coverage(strata: dict[str, list[Outcome]]) -> Verdict:
    told = {name: ours(found) for name, found in strata.items()}
    outside = [
        f"{name} {100 * f.covered:.1f} ± {100 * f.covered_se:.1f} %"
        for name, f in told.items()
        if f.measured and not 0.92 <= f.covered <= 0.98
    ]
    shares = [f.covered for f in told.values() if f.measured]
    spread = f"{100 * min(shares):.1f} to {100 * max(shares):.1f} %" if shares else "nothing measured"
    return Verdict(
        f"coverage of the 95 % interval 92 to 98 % in every stratum ({len(told)} strata)",
        bool(shares) and not outside,
        f"{spread}; outside: {'; '.join(outside)}" if outside else spread,
    )


def verdicts(strata: dict[str, list[Outcome]]) -> list[Verdict]:
    """Return every target of the ladder with the figure."""
    main = strata.get("all", [])
    enough = [o for o in main if o.spec.step_ln_g >= 0.05]
    refused = sum(o.refused for o in enough) / max(len(enough), 1)
    whole = ours(main)
    parts = {name: ours(found).bias_s for name, found in strata.items() if name.startswith(("tone ", "curve "))}
    worst = max(parts, key=lambda name: abs(np.nan_to_num(parts[name], nan=np.inf)), default="")
    wrong = sum(o.censored and not o.bound_holds for o in main)
    return [
        Verdict("refused <= 3 % at steps from 0.05", refused <= 0.03, f"{100 * refused:.1f} % of {len(enough)}"),
        Verdict("|bias| <= 0.03 s", abs(whole.bias_s) <= 0.03, f"{whole.bias_s:+.3f} s"),
        Verdict("|error| <= max(0.10 s, 6 %) for 95 %", whole.within >= 0.95, f"{100 * whole.within:.1f} %"),
        Verdict(
            "no tone and no curve with |bias| > 0.06 s",
            bool(worst) and abs(parts[worst]) <= 0.06,
            f"worst {worst} {parts.get(worst, float('nan')):+.3f} s",
        ),
        _coverage(strata),
        Verdict("no censored press was shorter than said", wrong == 0, f"{wrong} wrong"),
    ]


def early_text(outcomes: Sequence[Outcome]) -> str:
    """Return how long the early stop watched, against the bedside's 12 s or 30 s, in one sentence."""
    watched = np.array([o.watched_s for o in outcomes if o.case.group == "early"])
    plain = np.array([o.watched_s for o in outcomes if o.case.group == "bedside"])
    if not len(watched) or not len(plain):
        return ""
    return (
        f"Early stop (asked at 4 s and every second): watched {np.median(watched):.0f} s after release in the median, "
        f"{np.quantile(watched, 0.95):.0f} s at the 95th percentile, {watched.mean():.1f} s in the mean. 12 s, or 30 s "
        f"when not finished, comes to {plain.mean():.1f} s: {plain.mean() - watched.mean():.1f} s saved a press."
    )


def markdown_table(head: list[str], rows: list[list[str]]) -> str:
    """Return a Markdown table."""
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (head, ["---"] * len(head), *rows))


def text_table(head: list[str], rows: list[list[str]]) -> str:
    """Return the same table in columns for a terminal."""
    widths = [max(len(cells[i]) for cells in (head, *rows)) for i in range(len(head))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) for cells in (head, *rows)]
    return "\n".join(line.rstrip() for line in lines)
