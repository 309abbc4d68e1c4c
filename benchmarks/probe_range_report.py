"""The probe's range as verdicts, a table by body and protocol, and a plot."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.accuracy_plot import save
from benchmarks.accuracy_report import markdown_table, text_table
from benchmarks.probe_range import CORNER_GROUPS, RangeOutcome
from benchmarks.verdict import Verdict
from contract.version import __version__
from phantom.chamber import RANGE

HELD, OVERSHOOT, RELEASE_MS = 0.99, 0.08, 150.0
INSTANT_ERROR_MS = (-6.0, 8.0)
"""What `device.probe.release` states of the instant of release, against the true pressure."""
RELEASE_ERROR_MS = (-3.0, 20.0)
"""Likewise of the release's duration."""
HEAD = [
    "body",
    "press",
    "n",
    "within 5 %, %",
    "worst press, %",
    "overshoot, %",
    "rise, s",
    "release, ms",
    "release truly, ms",
    "instant's error, ms",
    "faults",
]
INK = {"finger": "#4477aa", "knee": "#ee6677"}


def strata(outcomes: Sequence[RangeOutcome]) -> dict[tuple[str, str], list[RangeOutcome]]:
    """Return the outcomes by body and protocol or target; the corners stand by themselves."""
    groups: dict[tuple[str, str], list[RangeOutcome]] = {}
    for outcome in outcomes:
        case = outcome.case
        what = case.what if case.group == "body" else f"corners, {case.what}"
        groups.setdefault((case.body, what), []).append(outcome)
    corner = {key: key[1].startswith("corners") for key in groups}
    return {key: groups[key] for key in sorted(groups, key=lambda key: (corner[key], key[0], groups[key][0].case.what))}


def held_share(outcomes: Iterable[RangeOutcome]) -> float:
    """Return the share of all hold samples that are within the tolerance; 0 where there are none."""
    found = list(outcomes)
    return sum(o.within for o in found) / max(sum(o.samples for o in found), 1)


def verdicts(outcomes: Sequence[RangeOutcome]) -> list[Verdict]:
    """Return every target with what was found; the bodies and, where it is a ceiling, the corners too."""
    bodies = [o for o in outcomes if o.case.group == "body"]
    corners = [o for o in outcomes if o.case.group == "corner"]
    worst = min(strata(bodies).items(), key=lambda item: held_share(item[1]))
    short = sum(o.share < HELD for o in bodies)
    found = [
        Verdict(
            "within 5 % of target for 99 % of hold samples, in every row of bodies",
            held_share(worst[1]) >= HELD and all(o.samples for o in bodies),
            f"{100 * held_share(bodies):.2f} %; worst row {' '.join(worst[0])} {100 * held_share(worst[1]):.2f} %; "
            f"{short} of {len(bodies)} single presses below 99 %",
        ),
        _ceiling("overshoot <= 8 %, every press", outcomes, lambda o: 100 * o.overshoot, 100 * OVERSHOOT, "%"),
        _ceiling("release 90 to 10 % <= 150 ms, as told", outcomes, lambda o: o.release_ms, RELEASE_MS, "ms"),
        _ceiling("release 90 to 10 % <= 150 ms, truly", outcomes, lambda o: o.true_release_ms, RELEASE_MS, "ms"),
        _false_faults("no false fault on any body", bodies),
        _between("instant of release", outcomes, lambda o: o.instant_error_ms, INSTANT_ERROR_MS),
        _between("duration of release", outcomes, lambda o: o.release_error_ms, RELEASE_ERROR_MS),
    ]
    if corners:
        found.insert(
            1,
            Verdict(
                "the same over all corners of the range",
                held_share(corners) >= HELD,
                f"{100 * held_share(corners):.2f} %; {sum(o.share < HELD for o in corners)} of {len(corners)} single "
                f"presses below 99 %, worst {100 * min(o.share for o in corners):.1f} %",
            ),
        )
        found.append(_false_faults("no false fault on any corner", corners))
    return found


def _ceiling(
    target: str,
    outcomes: Sequence[RangeOutcome],
    value: Callable[[RangeOutcome], float | None],
    ceiling: float,
    unit: str,
) -> Verdict:
    """A press without the figure counts as one above the ceiling."""
    seen = [v for o in outcomes if (v := value(o)) is not None]
    above = sum(v > ceiling for v in seen) + len(outcomes) - len(seen)
    highest = f"highest {max(seen):.1f} {unit}" if seen else "none seen"
    return Verdict(target, above == 0, f"{highest}; {above} of {len(outcomes)} above or not seen")


def _false_faults(target: str, outcomes: Sequence[RangeOutcome]) -> Verdict:
    faulty = [o for o in outcomes if o.faults]
    named = sorted({name for o in faulty for name in o.faults})
    return Verdict(target, not faulty, f"{len(faulty)} of {len(outcomes)}{': ' if named else ''}{', '.join(named)}")


def _between(
    what: str,
    outcomes: Sequence[RangeOutcome],
    value: Callable[[RangeOutcome], float | None],
    allowed: tuple[float, float],
) -> Verdict:
    errors = [v for o in outcomes if (v := value(o)) is not None]
    low, high = min(errors, default=0.0), max(errors, default=0.0)
    target = f"error of the {what} from {allowed[0]:+g} to {allowed[1]:+g} ms"
    mean = sum(errors) / max(len(errors), 1)
    met = allowed[0] <= low and high <= allowed[1]
    return Verdict(target, met, f"{low:+.1f} to {high:+.1f} ms, mean {mean:+.1f} ms")


def rows(outcomes: Sequence[RangeOutcome]) -> list[list[str]]:
    """Return one row a stratum: the worst of its presses where a ceiling is asked for."""
    return [
        [
            body,
            what,
            str(len(found)),
            f"{100 * held_share(found):.2f}",
            f"{100 * min(o.share for o in found):.1f}",
            f"{100 * max(o.overshoot for o in found):.1f}",
            _span((o.rise_s for o in found), ".2f"),
            _span((o.release_ms for o in found), ".0f"),
            _span((o.true_release_ms for o in found), ".0f"),
            _span((o.instant_error_ms for o in found), "+.1f"),
            str(sum(bool(o.faults) for o in found)),
        ]
        for (body, what), found in strata(outcomes).items()
    ]


def _span(values: Iterable[float | None], form: str) -> str:
    seen = [value for value in values if value is not None]
    return f"{min(seen):{form}} to {max(seen):{form}}" if seen else "none"


def failures(outcomes: Sequence[RangeOutcome]) -> list[str]:
    """Return a line for every press that misses something by itself."""
    missed = [
        o
        for o in outcomes
        if o.faults or o.share < HELD or o.overshoot > OVERSHOOT or (o.release_ms or RELEASE_MS + 1) > RELEASE_MS
    ]
    return [o.line for o in missed]


def as_text(outcomes: Sequence[RangeOutcome]) -> str:
    """Return table, single misses and verdicts for a terminal."""
    blocks = [text_table(HEAD, rows(outcomes)), "\n".join(failures(outcomes))]
    return "\n\n".join([*blocks, "\n".join(v.line for v in verdicts(outcomes))])


NOTES = f"""The whole probe (drivers, engine, watch, arbiter, control) on simulated pins, with a stepped clock: 100
steps a second, 0.4 ms (SD) uneven, one in 300 a period late; the converter has 10 bits, the pump's PWM whole per cent.
Within 5 %: sensor samples of the hold, noise included. Overshoot, release truly: of the true pressure. Release,
instant: as the probe tells them, from its samples. Instant's error: told less true, of the fall through half of the
mean hold level; most of it is the sensor's lag of 1 to 5 ms. Worst press, overshoot: of the row's presses. Corners:
every figure at an end of its span, in {len(CORNER_GROUPS)} groups; no real probe is that far out in everything. A fault
is false here: nothing is broken. At 5 kPa a tolerance of 0.25 kPa stands against noise of 0.03 to 0.08 kPa (SD) and a
count of 0.11 kPa."""


def as_markdown(outcomes: Sequence[RangeOutcome], command: str) -> str:
    """Return the evidence file's text."""
    misses = failures(outcomes)
    ranges = [
        [
            name,
            *(f"{RANGE[body][name].low:g} to {RANGE[body][name].high:g}" for body in RANGE),
            RANGE["finger"][name].why,
        ]
        for name in RANGE["finger"]
    ]
    blocks = [
        "# The probe's range",
        f"Written by `{command}` (software {__version__}). Simulation.",
        "\n".join(f"- {verdict.line.strip()}" for verdict in verdicts(outcomes)),
        NOTES,
        "![release, hold and instant by target](probe-range.png)",
        markdown_table(HEAD, rows(outcomes)),
        f"## Single presses that miss something ({len(misses)} of {len(outcomes)})",
        "\n".join(f"- {line}" for line in misses) or "None.",
        "## The range",
        "Drawn each on its own; leaks evenly in their logarithm. Names and units: `phantom/chamber.py`.",
        markdown_table(["figure", *RANGE, "why"], ranges),
    ]
    return "\n\n".join(blocks) + "\n"


def plot(outcomes: Sequence[RangeOutcome], path: Path) -> None:
    """Plot release, overshoot, share held and the instant's error by target, one colour a body; corners as crosses."""
    figure = Figure(figsize=(10, 6.4), layout="constrained")
    panels = figure.subplots(2, 2)
    _by_target(panels[0][0], outcomes, lambda o: o.true_release_ms, "true release 90 to 10 %, ms", RELEASE_MS)
    _by_target(panels[0][1], outcomes, lambda o: 100 * o.overshoot, "true overshoot, %", 100 * OVERSHOOT)
    _by_target(panels[1][0], outcomes, lambda o: 100 * (1 - o.share), "hold samples outside 5 %, %", 100 * (1 - HELD))
    _by_target(panels[1][1], outcomes, lambda o: o.instant_error_ms, "instant of release, told less true, ms", None)
    panels[0][0].legend(fontsize=8)
    save(figure, path)


def _by_target(
    axes: Axes,
    outcomes: Sequence[RangeOutcome],
    value: Callable[[RangeOutcome], float | None],
    label: str,
    limit: float | None,
) -> None:
    targets = sorted({o.case.target_kpa for o in outcomes})
    for body, shift in (("finger", -0.17), ("knee", 0.17)):
        for group, mark in (("body", "."), ("corner", "x")):
            drawn = [
                (targets.index(o.case.target_kpa) + shift + 0.24 * (o.case.number * 0.618 % 1 - 0.5), told)
                for o in outcomes
                if (o.case.body, o.case.group) == (body, group) and (told := value(o)) is not None
            ]
            name = body if group == "body" else f"{body}, corners"
            at, shown = [x for x, _ in drawn], [y for _, y in drawn]
            axes.plot(at, shown, mark, ms=3, color=INK[body], alpha=0.6, label=name)
    if limit is not None:
        axes.axhline(limit, color="0.2", lw=0.9)
    axes.set_xticks(range(len(targets)), [f"{target_kpa:.3g}" for target_kpa in targets])
    axes.set_xlabel("target, kPa")
    axes.set_ylabel(label)
