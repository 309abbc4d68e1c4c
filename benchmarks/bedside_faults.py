"""Every named fault of the bedside's world, at random moments of measurements on real processes.

`python -m benchmarks.bedside_faults --rounds 2` breaks each part so many times: camera, probe, disk, broker, clock.
Each time the measurement has to end by its name and with a record, a pressed skin has to be vented, nothing in the
journal may be lost, doubled or changed, and once the part is mended the next push has to give a reading. It writes
`docs/evidence/bedside-faults.md` and ends with 1 where a promise was broken.
"""

import argparse
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

from benchmarks.bedside_bench import Bedside, Told
from benchmarks.bedside_disk import nothing_left_mounted
from benchmarks.bedside_faults_rig import TRUE_S, Rig, a_rig, until_vented
from benchmarks.bedside_faults_table import BY_PICTURE, FAULTS_OF_THE_BEDSIDE, NUMBER, Fault
from benchmarks.bedside_kill_checks import nothing_lost
from benchmarks.bedside_place import CampaignError
from benchmarks.crash_checks import database_problems, journal_problems, records
from device.probe.messages import boot_ns

EVIDENCE = Path("docs/evidence/bedside-faults.md")
ROUNDS, LANES = 2, 2
PHASE_S = {"baseline": 0.9, "pressing": 0.8, "holding": 1.9, "refilling": 2.5}
END_S = 60.0
WATCH_S = 5.0
JOURNAL_FAULT_S = 2.0
HOME_S = 120.0
SETTLE_S = 0.5
CLOSE_S = 0.2
REFILLED_S = 4.0
"""The simulated skin has its blood back by then: a press on skin that still refills is another test."""


@dataclass(frozen=True)
class Case:
    """One fault at one moment."""

    number: int
    name: str
    phase: str
    where: float
    """From 0 to 1 within the phase."""
    seed: int


@dataclass
class Outcome:
    """What came of it."""

    case: Case
    kpa: float = 0.0
    """True pressure when it broke."""
    vented_s: float | None = None
    state: str = ""
    record: str = ""
    crt_s: float | None = None
    """The number of the broken measurement's record."""
    sentence: str = ""
    ended_s: float | None = None
    """From the fault to the end of the measurement."""
    next_said: str = ""
    next_words: str = ""
    """What was told beside it, where it gave no number."""
    pushes: int = 0
    """How often the button was pushed for it: what the picture refuses is repeated once, as the nurse is told."""
    cleared: str = ""
    """What had to be cleared at the probe by hand."""
    restarts: int = 0
    problems: list[str] = field(default_factory=list)


def cases(rounds: int, seed: int, names: Sequence[str]) -> list[Case]:
    """Return every fault so many times, the phases in turn, the moment within a phase drawn."""
    dice = random.Random(seed)  # noqa: S311 - a campaign that can be repeated, no secret
    planned: list[Case] = []
    for turn in range(rounds):
        for name in dice.sample(list(names), len(names)):
            phases = FAULTS_OF_THE_BEDSIDE[name].phases
            phase = phases[(turn + names.index(name)) % len(phases)]
            planned.append(Case(len(planned) + 1, name, phase, dice.random(), dice.randrange(2**31)))
    return planned


def play(rig: Rig, case: Case) -> Outcome:
    """Break one thing during a measurement, mend it, and measure again."""
    fault, outcome = FAULTS_OF_THE_BEDSIDE[case.name], Outcome(case)
    dice = random.Random(case.seed)  # noqa: S311 - as above
    restarts = rig.restarts
    try:
        rig.running()
        # What the case before left latched, as on a machine that was too busy for the probe's loop.
        rig.clear()
        rig.pace.wait_for(2)
        before = records(rig.place.data)
        bedside, begun = rig.begin()
        _reach(bedside, case, begun)
        seen, outcome.kpa = len(bedside.events), rig.skin.kpa()
        broken_ns = boot_ns()
        fault.breaks(rig, dice)
        if fault.vent_s is not None:
            outcome.vented_s = rig.skin.vented_after_s(broken_ns, WATCH_S)
        _watch_the_end(bedside, seen, broken_ns, outcome, "journal_fault" in fault.outcomes)
        fault.mends(rig, dice)
        outcome.cleared = rig.clear() or ""
        rig.camera()
        _look_at_the_record(rig, bedside, seen, outcome)
        _measure_again(rig, outcome)
        outcome.problems += nothing_lost(rig.place, before, 1 + outcome.pushes) + judge(fault, outcome)
    except CampaignError as error:
        outcome.problems.append(str(error))
    outcome.restarts = rig.restarts - restarts
    return outcome


def _reach(bedside: Bedside, case: Case, begun: int) -> None:
    told = bedside.until(lambda event: event.get("state") == case.phase, END_S, begun)
    if told is None:
        raise CampaignError(f"the measurement never came to {case.phase}: {bedside.last_words()}")
    time.sleep(max(told["heard_ns"] / 1e9 + case.where * PHASE_S[case.phase] - boot_ns() / 1e9, 0.0))


def _watch_the_end(bedside: Bedside, seen: int, broken_ns: int, outcome: Outcome, by_journal: bool) -> None:
    """Wait for the end of the measurement: its reading, or the journal that does not take it."""

    def over(event: Told) -> bool:
        return event["event"] == "reading" or (by_journal and event.get("state") == "journal_fault")

    told = bedside.until(over, END_S, seen)
    if told is None and bedside.process.poll() is None:
        raise CampaignError(f"the measurement never ended, it is {bedside.state}")
    if told is not None:
        outcome.ended_s = (told["t_boot_ns"] - broken_ns) / 1e9
    time.sleep(SETTLE_S)
    outcome.state = bedside.state
    words = [event["sentence"] for event in bedside.events[seen:] if event.get("sentence")]
    outcome.sentence = words[0] if words else ""


def _look_at_the_record(rig: Rig, bedside: Bedside, seen: int, outcome: Outcome) -> None:
    """Hear what the record of the broken measurement says; it may have had to wait for the disk, or for a restart."""
    told = bedside.reading(seen, 10.0)
    if told is None:
        again = rig.running()
        told = again.reading(0, 10.0)
    if told is None:
        outcome.problems.append("no record of the measurement")
        return
    outcome.record, outcome.crt_s = said(told), told["result"]["crt_s"]


def said(told: Told) -> str:
    """Return what a reading says, in a word."""
    result = told["result"]
    return NUMBER if result["crt_s"] is not None else str(result["reason"] or result["status"])


def _measure_again(rig: Rig, outcome: Outcome) -> None:
    if not until_vented(rig.skin, 10.0):
        outcome.problems.append("the skin is still pressed")
        return
    for outcome.pushes in (1, 2):
        time.sleep(REFILLED_S)
        rig.running()
        rig.pace.wait_for(1)
        bedside, begun = rig.begin()
        told = bedside.reading(begun)
        outcome.next_said = "no reading" if told is None else said(told)
        words = [event["sentence"] for event in bedside.events[begun:] if event.get("sentence")]
        outcome.next_words = "" if outcome.next_said == NUMBER else " / ".join(dict.fromkeys(words))
        if outcome.next_said not in BY_PICTURE:
            return


def judge(fault: Fault, outcome: Outcome) -> list[str]:
    """Hold an outcome against the promises."""
    problems = []
    if outcome.record not in fault.outcomes.get(outcome.state, ()):
        problems.append(f"ended as {outcome.state} with {outcome.record}, not as {fault.outcomes}")
    if outcome.crt_s is not None and abs(outcome.crt_s - TRUE_S) > CLOSE_S:
        problems.append(f"a wrong number: {outcome.crt_s:.2f} s, true is {TRUE_S:g} s")
    pressed = outcome.kpa > 1.0
    if fault.vent_s is not None and pressed and (outcome.vented_s is None or outcome.vented_s > fault.vent_s):
        late = "not" if outcome.vented_s is None else f"only after {outcome.vented_s:.2f} s"
        problems.append(f"{outcome.kpa:.0f} kPa on the skin were vented {late}")
    if outcome.record != NUMBER and not outcome.sentence:
        problems.append("no sentence said what was wrong")
    if outcome.next_said != NUMBER:
        problems.append(f"the next push gave {outcome.next_said or 'nothing'} {outcome.next_words}".strip())
    return problems


def _lane(asked: tuple[Path, list[Case]]) -> tuple[list[Outcome], list[str], str]:
    """Play some cases on one bed; returns them, what was wrong at the end of all, and what disk there was."""
    folder, planned = asked
    done: list[Outcome] = []
    with a_rig(folder) as rig:
        kind = "none" if rig.disk is None else rig.disk.kind
        for case in planned:
            needs = FAULTS_OF_THE_BEDSIDE[case.name].needs
            if (needs == "disk" and rig.disk is None) or (needs == "ext4" and kind != "ext4"):
                continue
            done.append(play(rig, case))
            last = done[-1]
            sys.stderr.write(f"{case.name}, {case.phase}: {last.state}, {last.record} {last.problems}\n")
        home = rig.feed.until_home(HOME_S)
        rig.let_go()
        problems = [] if home else ["not every record has its receipt"]
        problems += journal_problems(rig.place.data) + database_problems(rig.place.data)
    return done, problems, kind


def run(planned: Sequence[Case], lanes: int, folder: Path) -> tuple[list[Outcome], list[str], str]:
    """Play all cases; they go around the beds."""
    parts = []
    for lane in range(lanes):
        place = folder / f"{lane}"
        place.mkdir()
        parts.append((place, list(planned[lane::lanes])))
    if lanes == 1:
        return _lane(parts[0])
    with get_context("spawn").Pool(lanes) as pool:
        answers = pool.map(_lane, parts, chunksize=1)
    done = sorted((outcome for found, _, _ in answers for outcome in found), key=lambda one: one.case.number)
    return done, [problem for _, problems, _ in answers for problem in problems], answers[0][2]


def main() -> int:
    """Run the campaign; exit 1 where a promise was broken."""
    from benchmarks.bedside_faults_report import failures, report

    parser = argparse.ArgumentParser(prog="python -m benchmarks.bedside_faults", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="how often each fault is injected")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", nargs="*", choices=sorted(FAULTS_OF_THE_BEDSIDE), help="these faults; default: all")
    parser.add_argument("--parallel", type=int, default=LANES, help="beds at once")
    parser.add_argument("--out", type=Path, default=EVIDENCE, help="report; default: %(default)s")
    asked = parser.parse_args()
    # An end by SIGTERM unmounts too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    planned = cases(asked.rounds, asked.seed, asked.only or list(FAULTS_OF_THE_BEDSIDE))
    folder = Path(tempfile.mkdtemp(prefix="bf-"))
    began_s = time.monotonic()
    with nothing_left_mounted(folder):
        done, problems, disk = run(planned, asked.parallel, folder)
    shutil.rmtree(folder, ignore_errors=True)
    only = f" --only {' '.join(asked.only)}" if asked.only else ""
    command = f"python -m benchmarks.bedside_faults --rounds {asked.rounds} --seed {asked.seed}{only}"
    text = report(command, done, problems, disk, time.monotonic() - began_s)
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    asked.out.write_text(text, encoding="utf-8")
    print(text)
    return 1 if failures(done, problems) or len(done) < len(planned) else 0


if __name__ == "__main__":
    sys.exit(main())
