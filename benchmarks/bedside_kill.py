"""Kills the bedside with SIGKILL at random moments of measurements, starts it again, and looks at what is left.

`python -m benchmarks.bedside_kill --kills 200 --parallel 3`: each lane is one simulated bed whose journal grows from
kill to kill; the protocol is `benchmarks/protocols/campaign.toml`, two short presses. Half of the moments are spread
over the measurement, half are aimed at a phase of it. Exit 0 where every promise held, 1 where one was broken (the
journals are kept then).
"""

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

from benchmarks.bedside_bench import ACTIVE_WORDS, Bedside, Pace
from benchmarks.bedside_choice import choose
from benchmarks.bedside_kill_checks import Before, after_restart, before_kill
from benchmarks.bedside_kill_plan import MEASUREMENT_S, PRESSES, Kill, Victim, plan
from benchmarks.bedside_kill_report import failures, report
from benchmarks.bedside_place import CampaignError, Place, Skin
from benchmarks.bedside_probes import SimulatedProbe, clear_fault
from device.probe.messages import boot_ns

EVIDENCE = Path("docs/evidence/bedside-kill.md")
KILLS, LANES = 200, 3
VENT_S: float = 0.7
WATCH_S: float = 3.0
PROTOCOL: str = "campaign"
TOO_BUSY: tuple[str, ...] = ("control_stalled",)
"""What a probe latches on a machine that does not let it run; it is told beside the kills, and no promise of theirs."""


@dataclass
class Killed:
    """What one kill met, and what was wrong afterwards."""

    kill: Kill
    state: str = ""
    """Where the measurement was, by the last event before the kill."""
    kpa: float = 0.0
    vented_s: float | None = None
    """None where the pressure stayed for `WATCH_S`; 0 where nothing was pressed."""
    record: str = ""
    """What the record of the killed measurement says."""
    presses_kept: int = 0
    ready_s: float | None = None
    """From the start of the process to READY=1."""
    next_said: str = ""
    """The result of the whole measurement that followed, where one did."""
    cleared: str = ""
    """A fault of the probe that had to be cleared by hand before a measurement began."""
    problems: list[str] = field(default_factory=list)


class Lane:
    """One bed: probe and bedside, killed and started again, one journal."""

    def __init__(self, folder: Path) -> None:
        self.place = Place(folder, folder / "data", ["--crt", "1.0"])
        self._probe = SimulatedProbe(self.place)
        self._skin = Skin(self.place)
        self._pace = Pace()
        self._bedside: Bedside | None = None

    def run(self, kills: Sequence[Kill]) -> list[Killed]:
        """Do the kills in turn; one that makes going on impossible ends the lane."""
        done = []
        try:
            self._probe.start()
            self._running()
            choose(self.place, PROTOCOL)  # once: the choice has to outlive every kill
            for kill in kills:
                killed = Killed(kill)
                done.append(killed)
                try:
                    self._one(kill, killed)
                except CampaignError as error:
                    killed.problems.append(str(error))
                    return done
                sys.stderr.write(f"kill {kill.number}: {kill.victim}, {killed.state}: {killed.record}\n")
        finally:
            if self._bedside is not None:
                self._bedside.stop()
            self._probe.stop()
        return done

    def _one(self, kill: Kill, killed: Killed) -> None:
        bedside = self._running()
        self._pace.note(bedside.events)
        self._pace.wait_for(kill.presses)
        begun = self._begin(bedside, killed)
        self._reach(bedside, kill, begun)
        before = before_kill(self.place)
        killed.state = phase_of(bedside, begun)
        killed.kpa = self._skin.kpa()
        killed_ns = self._strike(bedside, kill.victim)
        killed.vented_s = self._skin.vented_after_s(killed_ns, WATCH_S)
        if killed.vented_s is None or killed.vented_s > VENT_S:
            killed.problems.append(f"{killed.kpa:.0f} kPa on the skin were not gone within {VENT_S:g} s")
        if kill.victim == "probe":
            self._probe_came_back(bedside, begun, killed)
        else:
            self._came_back(bedside, kill, killed, before)
        if kill.measured:
            self._measure(killed)

    def _begin(self, bedside: Bedside, killed: Killed) -> int:
        """Begin a measurement; a fault that the probe latched meanwhile is cleared, as the engineer does, and noted."""
        try:
            return bedside.begin()
        except CampaignError:
            killed.cleared = clear_fault(self.place) or ""
            if killed.cleared not in TOO_BUSY:
                raise
            return bedside.begin()

    def _reach(self, bedside: Bedside, kill: Kill, begun: int) -> None:
        """Wait for the moment; where the measurement ends before, for its end."""
        since_ns = bedside.events[begun]["t_boot_ns"]
        if kill.phase is not None:
            told = bedside.until(lambda event: aimed_at(event, kill) or is_over(event), 2 * MEASUREMENT_S, begun)
            if told is None:
                raise CampaignError(f"the measurement of kill {kill.number} neither went on nor ended")
            since_ns = told["heard_ns"]
        time.sleep(max(since_ns / 1e9 + kill.after_s - boot_ns() / 1e9, 0.0))

    def _strike(self, bedside: Bedside, victim: Victim) -> int:
        if victim != "bedside":
            self._probe.kill()
        killed_ns = boot_ns()
        if victim != "probe":
            bedside.process.kill()
        return killed_ns

    def _came_back(self, bedside: Bedside, kill: Kill, killed: Killed, before: Before) -> None:
        """Start what was killed; the journal has to say what happened."""
        self._let_go(bedside)
        if kill.victim == "both":
            self._probe.start()
        if kill.again_s is not None:
            once = Bedside(self.place)
            time.sleep(kill.again_s)
            self._let_go(once)
        again = self._bedside = Bedside(self.place)
        again.until_ready()
        if again.ready_ns is not None:
            killed.ready_s = (again.ready_ns - again.started_ns) / 1e9
        killed.record, killed.presses_kept, problems = after_restart(self.place, before)
        killed.problems += problems

    def _let_go(self, bedside: Bedside) -> None:
        bedside.kill()
        self._pace.note(bedside.events)
        self._bedside = None

    def _probe_came_back(self, bedside: Bedside, begun: int, killed: Killed) -> None:
        """The bedside lives: it has to record by itself what the probe's end did to the measurement."""
        told = bedside.reading(begun)
        self._probe.start()
        if told is None:
            killed.problems.append("no record of the measurement whose probe was killed")
            return
        killed.record = told["result"]["reason"] or told["result"]["status"]
        if killed.state in ("pressing", "holding") and killed.record != "probe_fault":
            killed.problems.append(f"the probe was killed while {killed.state}, the record says {killed.record}")
        _, _, problems = after_restart(self.place, before_kill(self.place))
        killed.problems += problems

    def _measure(self, killed: Killed) -> None:
        bedside = self._running()
        self._pace.note(bedside.events)
        self._pace.wait_for(PRESSES)
        begun = self._begin(bedside, killed)
        told = bedside.reading(begun)
        if told is None:
            killed.problems.append("the next measurement gave no reading")
            return
        result = told["result"]
        killed.next_said = str(result["reason"] or result["status"])
        if result["reason"] in ("interrupted", "probe_fault", "camera_fault", "aborted"):
            words = [event["sentence"] for event in bedside.events[begun:] if event["event"] == "problem"]
            killed.problems.append(f"the next measurement ended as {result['reason']} {words}")

    def _running(self) -> Bedside:
        if self._bedside is None or self._bedside.process.poll() is not None:
            self._bedside = Bedside(self.place)
            self._bedside.until_ready()
        return self._bedside


def aimed_at(event: dict[str, object], kill: Kill) -> bool:
    """Whether an event begins the phase that a kill is aimed at."""
    if kill.phase == "committing":
        return event["event"] == "press" and event["number"] == kill.press
    return event["event"] == "state" and event["state"] == kill.phase and event["press"] == kill.press


def is_over(event: dict[str, object]) -> bool:
    """Whether an event ends a measurement."""
    return event["event"] == "reading"


def phase_of(bedside: Bedside, begun: int) -> str:
    """Return where the measurement was, by what was told."""
    events = bedside.events[begun:]
    if any(is_over(event) for event in events):
        return "over"
    if any(event["event"] == "press" and event["number"] == PRESSES for event in events):
        return "committing"
    return bedside.state if bedside.state in ACTIVE_WORDS else "committing"


def _lane(asked: tuple[Path, list[Kill]]) -> list[Killed]:
    folder, kills = asked
    return Lane(folder).run(kills)


def run(kills: int, seed: int, lanes: int, folder: Path) -> list[Killed]:
    """Do the whole campaign; the kills go around the lanes."""
    planned = plan(kills, seed)
    parts = []
    for lane in range(lanes):
        place = folder / f"{lane}"
        place.mkdir()
        parts.append((place, planned[lane::lanes]))
    with get_context("spawn").Pool(lanes) as pool:
        done = pool.map(_lane, parts, chunksize=1)
    return sorted((killed for part in done for killed in part), key=lambda killed: killed.kill.number)


def main() -> int:
    """Run the campaign; exit 1 where a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bedside_kill", description=__doc__)
    parser.add_argument("--kills", type=int, default=KILLS)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--parallel", type=int, default=LANES, help="beds at once")
    parser.add_argument("--out", type=Path, default=EVIDENCE, help="report; default: %(default)s")
    asked = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="bk-"))
    began_s = time.monotonic()
    done = run(asked.kills, asked.seed, asked.parallel, folder)
    command = f"python -m benchmarks.bedside_kill --kills {asked.kills} --seed {asked.seed} --parallel {asked.parallel}"
    text = report(command, done, asked.kills, time.monotonic() - began_s)
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    asked.out.write_text(text, encoding="utf-8")
    print(text)
    if failures(done, asked.kills):
        print(f"the journals are kept: {folder}")
        return 1
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
