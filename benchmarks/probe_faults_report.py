"""The probe's fault campaign as a table: by fault and phase, what was named, how fast it vented, what was read."""

from collections import Counter
from collections.abc import Sequence

from benchmarks.accuracy_report import markdown_table, text_table
from benchmarks.probe_faults_oracle import VENT_LIMIT_S, Outcome, danger_told
from benchmarks.probe_faults_press import PHASES
from benchmarks.probe_faults_table import NAMES, VENT_GONE
from contract.version import __version__
from phantom.probe_faults import BEYOND_ONE_SENSOR, INJECTIONS

HEAD = [
    "fault",
    "phase",
    "n",
    "named right",
    "otherwise",
    "without effect",
    "unnamed",
    "vented, worst s",
    "over target, worst kPa",
    "readings",
    "names",
]


def rows(outcomes: Sequence[Outcome]) -> list[list[str]]:
    """Return one row a fault and phase, and the sum of all."""
    groups: dict[tuple[str, str], list[Outcome]] = {}
    for outcome in outcomes:
        groups.setdefault((outcome.case.fault or "none", outcome.phase or "not reached"), []).append(outcome)
    faults = list(dict.fromkeys(outcome.case.fault or "none" for outcome in outcomes))
    told = [
        _row(fault, phase, groups[fault, phase])
        for fault in faults
        for phase in (*PHASES, "not reached")
        if (fault, phase) in groups
    ]
    return [*told, _row("all", "", outcomes)]


def _row(fault: str, phase: str, found: Sequence[Outcome]) -> list[str]:
    counts = Counter(outcome.verdict for outcome in found)
    names = Counter(str(outcome.named) for outcome in found if outcome.named)
    vented = [o.let_go_s if o.vented_s is None else o.vented_s for o in found if o.effect and o.pressed]
    worst = max((seconds for seconds in vented if seconds is not None), default=None)
    wrong = sum(outcome.wrong_reading for outcome in found)
    listed = ", ".join(f"{count} {name}" for name, count in names.most_common()) if fault != "all" else ""
    return [
        fault,
        phase,
        str(len(found)),
        *(str(counts[name]) if counts[name] else "" for name in ("right", "otherwise", "without effect", "unnamed")),
        "" if worst is None else f"{worst:.2f}" + (" (let go)" if fault in VENT_GONE else ""),
        f"{max(outcome.over_kpa for outcome in found):.1f}",
        str(wrong),
        listed,
    ]


def failures(faulty: Sequence[Outcome], controls: Sequence[Outcome]) -> list[Outcome]:
    """Return the presses that break what the campaign holds."""
    broken = [o for o in faulty if not o.vented or o.verdict == "unnamed" or o.wrong_reading or not danger_told(o)]
    return broken + [o for o in controls if o.named or o.effect or not o.reading]


def summary(faulty: Sequence[Outcome], controls: Sequence[Outcome], beyond: Sequence[Outcome]) -> list[str]:
    """Return the verdicts, one line each."""
    unnamed = sum(o.verdict == "unnamed" for o in faulty)
    otherwise = sum(o.verdict == "otherwise" for o in faulty)
    wrong = sum(o.wrong_reading for o in faulty)
    effects = [o for o in faulty if o.effect]
    pressed = [o for o in effects if o.pressed]
    whole = [o for o in pressed if o.case.fault not in VENT_GONE]
    gone = [o for o in pressed if o.case.fault in VENT_GONE]
    late, kept = (sum(not o.vented for o in part) for part in (whole, gone))
    quiet = sum(not danger_told(o) for o in gone)
    alarms = sum(o.named is not None for o in controls)
    unread = sum(not o.reading for o in controls)
    slowest = max((o.vented_s for o in whole if o.vented_s is not None), default=0.0)
    read = sum(o.wrong_reading for o in beyond)
    highest = max((o.over_kpa for o in beyond), default=0.0)
    return [
        _line(not late, f"always vented: {late} of {len(whole)} not within {VENT_LIMIT_S} s; worst {slowest:.2f} s"),
        _line(not kept, f"vent gone: {kept} of {len(gone)} not asked to let go within {VENT_LIMIT_S} s"),
        _line(not unnamed, f"always named: {unnamed} of {len(effects)} with an effect not named"),
        _line(not otherwise, f"by the right name: {otherwise} of {len(effects)} by another"),
        _line(not wrong, f"never a reading: {wrong} of {len(effects)} presses with an effect were read"),
        _line(not quiet, f"vent gone: {quiet} of {len(gone)} without the danger being told"),
        _line(not alarms and not unread, f"no false alarm: {alarms} of {len(controls)} controls, {unread} not read"),
        f"        without effect: {len(faulty) - len(effects)} of {len(faulty)}",
        f"        beyond one sensor: {read} of {len(beyond)} presses read, up to {highest:.0f} kPa over target",
        *(f"        broken: {outcome.line}" for outcome in failures(faulty, controls)),
    ]


def _line(met: bool, words: str) -> str:
    return f"{'met    ' if met else 'NOT MET'}  {words}"


def as_text(faulty: Sequence[Outcome], controls: Sequence[Outcome], beyond: Sequence[Outcome]) -> str:
    """Return tables and verdicts for a terminal."""
    tables = [text_table(HEAD, rows(part)) for part in (faulty, controls, beyond) if part]
    return "\n\n".join([*tables, "\n".join(summary(faulty, controls, beyond))])


NOTES = """Every press is played through the real engine, drivers and session on an injected clock, over a random
body (`phantom/chamber.py`), 10 to 60 kPa, ramp 0.2 to 5 s, hold 1 to 12 s. Faults and phases take turns; the moment
within the phase is drawn evenly (rest: from the push of the button; release: 0.06 s from the valve's opening;
after: 3 s from the end of the press). A fault lasts for good where the table does not say for how long. The
analysis of the bedside answers every look with a number, so that only probe and session stand between a fault and a
reading.

"Without effect" is strict: nothing about the press, true, seen or told, was other than in a whole one until the
measurement was decided. The first effect is the first instant of any of these:"""

GONE = """`vent_blocked`, `vent_slow`, `valve_line_dead`: with the vent itself gone no software lets the
pressure out. Here "vented" is the time until the probe had asked both outputs to let go, for good, and the
danger sentence ("take the finger out") has to be told where more than 5 kPa are left after 0.7 s. What remains
is the nurse, the switch, and in hardware a second way out: see below."""

BEYOND = """One sensor cannot be told from its pressure. What is found: a ramp that takes far more or less effort
(drive times seconds for each kPa) than any body in range, a hold that takes more effort than it had settled to, a
drop of more than 10 kPa at once, a rest that is not zero. What is not found: a gain that is wrong by less than what
bodies and pumps differ by, about three times either way for a middling one; nothing tells that press from a good
one, and a number is read from it. A zero that moves by a few kPa in mid-press, and a tube that is pinched while the
pump has nothing to make up for, are found only at the release; no number comes of those. Against a pressure that
the sensor does not show only hardware helps: a mechanical relief valve at about 70 kPa (1.15 times the ceiling) on
the chamber's own side of the sensor's tube, a pump whose stall pressure is not far above that, or a second sensor.
A gain is found by calibration."""


def as_markdown(faulty: Sequence[Outcome], controls: Sequence[Outcome], beyond: Sequence[Outcome], command: str) -> str:
    """Return the evidence file's text."""
    from benchmarks import probe_faults_oracle

    what = INJECTIONS | BEYOND_ONE_SENSOR
    effects = (probe_faults_oracle.__doc__ or "").split("at which\n", 1)[1].split("\nA press with none", 1)[0]
    accepted = [
        [name, what[name].what, ", ".join(map(str, NAMES[name])) if name in INJECTIONS else "any"] for name in what
    ]
    blocks = [
        "# The probe's faults at random moments",
        f"Written by `{command}` (software {__version__}). Simulation.",
        "\n".join(f"- {line.strip()}" for line in summary(faulty, controls, beyond)),
        NOTES,
        effects,
        GONE,
        markdown_table(HEAD, rows(faulty)),
        "## Presses without a fault",
        markdown_table(HEAD, rows(controls)) if controls else "none played",
        "## What one sensor alone cannot know",
        BEYOND,
        markdown_table(HEAD, rows(beyond)) if beyond else "none played",
        "## Faults and the names that are right for them",
        markdown_table(["fault", "what happens", "names"], accepted),
    ]
    return "\n\n".join(blocks) + "\n"
