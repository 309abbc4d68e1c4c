"""Kills publisher, ingester, broker and database with SIGKILL at random moments, and counts what is lost or doubled.

`python -m benchmarks.feed_kill --rounds 200 --seed 1`. Exit 0 where every promise held, 1 where one was broken (the
folder is kept then), 130 after Ctrl-C.
"""

import argparse
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from shutil import rmtree

from benchmarks.feed_kill_aim import Repeats
from benchmarks.feed_kill_checks import Findings, check, last_seqs, unanswered
from benchmarks.feed_kill_database import DatabaseError
from benchmarks.feed_kill_figures import Back, Restart, back, first_stored, waits_s
from benchmarks.feed_kill_plan import Kill, Victim, plan
from benchmarks.feed_kill_report import failures, line_of, report
from benchmarks.feed_rig import Feed, RigError
from benchmarks.servers import MissingError, found, wait_for
from trial.database import open_database

EVIDENCE = Path("docs/evidence/feed-kill.md")
ROUNDS = 200
CHECK_EVERY = 10
AIM_S: float = 2.0
FLOWS_S: float = 1.5
"""A round waits so long for the feed to flow again; the next kill comes all the same."""
HOME_S: float = 150.0
"""A publisher waits a minute at most for the broker, and then up to twice its wait for a receipt."""
FIRST_S: float = 30.0
BACKEND_S: float = 10.0


@dataclass
class Round:
    """What one round did and met."""

    kill: Kill
    struck: list[str] = field(default_factory=list)
    met: bool = False
    """Whether the moment came that it was aimed at."""
    flows_s: float | None = None
    restarts: list[Restart] = field(default_factory=list)


@dataclass
class Done:
    """A campaign as it ended."""

    asked: int
    rounds: list[Round] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    findings: Findings = field(default_factory=Findings)
    checks: int = 0
    back: Back = field(default_factory=lambda: Back({}, 0))
    repeats: Repeats = field(default_factory=lambda: Repeats(0, 0, 0))
    waits_s: list[float] = field(default_factory=list)
    took_s: float = 0.0
    mosquitto: str = ""
    postgresql: str = ""


class Campaign:
    """The rounds on one feed, which grows from round to round."""

    def __init__(self, feed: Feed, asked: int, say: Callable[[str], None]) -> None:
        self._feed = feed
        self._say = say
        self._struck: list[datetime] = []
        self.done = Done(asked)

    def run(self, kills: Sequence[Kill]) -> Done:
        """Do the rounds, check every tenth time and at the end."""
        began_s = time.monotonic()
        feed, done = self._feed, self.done
        feed.begin()
        if not feed.until(feed.database.newest, FIRST_S):
            raise RigError("no reading gets into the database")
        for kill in kills:
            if kill.number == len(kills) // 2 + 1:
                feed.share()
            done.rounds.append(self._round(kill))
            self._say(line_of(done.rounds[-1]))
            if kill.number % CHECK_EVERY == 0 and kill.number < len(kills):
                self._check(f"round {kill.number}", over=False)
        feed.end("writer")
        done.findings = self._check("end", over=True)
        self._figures()
        feed.finish()
        done.problems += feed.problems
        done.took_s = time.monotonic() - began_s
        return done

    def _round(self, kill: Kill) -> Round:
        one = Round(kill)
        self._feed.wait(kill.after_s)
        names = list(dict.fromkeys(self._name(victim, kill.which) for victim in kill.victims))
        if kill.moment == "recovering":
            self._recovering(one, names[0], names[-1])
        else:
            self._strike(one, names)
        since_s, before = time.monotonic(), self._feed.database.newest()

        def flows() -> bool:
            nonlocal before
            newest = self._feed.database.newest()
            if before is None:
                before = newest
            return newest is not None and before is not None and newest > before

        if self._feed.until(flows, FLOWS_S):
            one.flows_s = time.monotonic() - since_s
        return one

    def _name(self, victim: Victim, which: int) -> str:
        """Return which part of the feed is meant."""
        if victim == "publisher":
            return self._feed.devices[which % len(self._feed.devices)]
        if victim in ("ingester", "backend"):
            name = self._feed.ingesters[which % len(self._feed.ingesters)]
            return name if victim == "ingester" else f"backend of {name}"
        return victim

    def _strike(self, one: Round, names: list[str]) -> None:
        """Wait for the moment, kill, and start again what systemd would start."""
        names[0], one.met = self._reach(one.kill, names[0])
        for name in dict.fromkeys(names):
            self._kill(one, name)
        struck_s = time.monotonic()
        database = self._feed.database
        if database.holds and "database" not in names:
            database.release()
        pauses = dict(zip(names, one.kill.pauses_s, strict=True))
        for name in sorted(pauses, key=lambda name: pauses[name]):
            self._feed.wait(struck_s + pauses[name] - time.monotonic())
            self._start(one, name)

    def _recovering(self, one: Round, first: str, second: str) -> None:
        """Kill the database, start it, and kill it or somebody else while it recovers."""
        self._kill(one, first)
        self._feed.wait(one.kill.pauses_s[0])
        self._feed.database.begin()
        time.sleep(one.kill.early_s)
        one.met = not self._feed.database.answers
        self._kill(one, second)
        if second != first:
            self._start(one, first)
        self._feed.wait(one.kill.pauses_s[-1])
        self._start(one, second)

    def _reach(self, kill: Kill, name: str) -> tuple[str, bool]:
        """Wait for the moment of a kill; returns who is to be killed, and whether the moment came."""
        spy, database = self._feed.spy, self._feed.database
        assert spy is not None
        device = name if kill.victims[0] == "publisher" else None
        if kill.moment == "published":
            return name, spy.hears("reading", device, AIM_S)
        if kill.moment == "answered":
            return name, spy.hears("receipt", device, AIM_S)
        if kill.moment == "before autosave":
            return name, self._feed.autosave.just_before(kill.early_s, 2 * AIM_S)
        if kill.moment == "committed":
            database.hold_commits()
            client = None
            until_s = time.monotonic() + AIM_S
            while client is None and time.monotonic() < until_s:
                client = database.held()
            if client is None or name == "database":
                return name, client is not None
            return client if kill.victims[0] == "ingester" else f"backend of {client}", True
        return name, False

    def _kill(self, one: Round, name: str) -> None:
        at = datetime.now(UTC)
        if name.startswith("backend of "):
            client = name.removeprefix("backend of ")
            # An ingester comes back to a database that was away with its next message.
            if not wait_for(lambda: self._feed.database.kill_backend(client), BACKEND_S, 0.01):
                return
            at = datetime.now(UTC)
            one.restarts.append(Restart("backend", at))
        else:
            self._feed.kill(name)
        self._struck.append(at)
        one.struck.append(name)

    def _start(self, one: Round, name: str) -> None:
        if name.startswith("backend of "):
            return
        self._feed.start(name)
        device = name if name in self._feed.devices else None
        shared = " (the other goes on)" if name in self._feed.ingesters and len(self._feed.ingesters) > 1 else ""
        victim = "publisher" if device else f"ingester{shared}" if name in self._feed.ingesters else name
        one.restarts.append(Restart(victim, datetime.now(UTC), device))

    def _check(self, when: str, *, over: bool) -> Findings:
        """Wait until all that is journalled by now has its receipt, and compare that, or all where it is over."""
        feed, began_s = self._feed, time.monotonic()
        upto = last_seqs(feed.journals)
        home = feed.until(lambda: unanswered(feed.journals, upto) == 0, HOME_S, 0.2)
        engine = open_database(feed.database.url)
        try:
            with engine.connect() as connection:
                findings = check(feed.journals, connection, None if over else upto)
        finally:
            engine.dispose()
        self.done.checks += 1
        self.done.problems += [f"{when}: {problem}" for problem in findings.problems]
        late = "" if home else f"; not all receipts home after {HOME_S:g} s"
        said = f"{findings.readings} readings, {findings.rows} rows, {len(findings.problems)} problems{late}"
        self._say(f"check, {when}: {said} ({time.monotonic() - began_s:.1f} s)")
        return findings

    def _figures(self) -> None:
        engine = open_database(self._feed.database.url)
        try:
            with engine.connect() as connection:
                # Where two were killed, one may wait for the other: that would tell of neither.
                alone = [restart for one in self.done.rounds if len(one.struck) == 1 for restart in one.restarts]
                self.done.back = back(alone, self._struck, first_stored(connection))
        finally:
            engine.dispose()
        assert self._feed.spy is not None
        self.done.repeats = self._feed.spy.repeats()
        self.done.waits_s = waits_s(self._feed.journals)
        version = self._feed.database.ask("SHOW server_version")
        self.done.postgresql = str(version[0][0]).split()[0] if version else "?"
        self.done.mosquitto = _mosquitto_version()


def _mosquitto_version() -> str:
    asked = subprocess.run(
        [found("mosquitto", "/usr/sbin/mosquitto"), "-h"], capture_output=True, text=True, check=False
    )
    return (asked.stdout.split("\n")[0].split() or ["?"])[-1]


def run(rounds: int, seed: int, folder: Path, say: Callable[[str], None] = lambda _: None) -> Done:
    """Do a campaign in a folder with a short path; whatever happens, all that was started is ended."""
    feed = Feed(folder, seed, say=say)
    try:
        return Campaign(feed, rounds, say).run(plan(rounds, seed))
    finally:
        feed.close()


def _interrupt(*_: object) -> None:
    """Once is enough: what was started is being ended."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def main() -> int:
    """Run the campaign; exit 1 where a promise was broken."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.feed_kill", description=(__doc__ or "").split("\n\n")[0]
    )
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=EVIDENCE, help="report; default: %(default)s")
    parser.add_argument("--keep", type=Path, help="do it in this new folder (a short path), and keep it")
    asked = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    folder = (asked.keep or Path(tempfile.mkdtemp(prefix="fk-"))).absolute()
    keep = True
    try:
        if asked.keep is not None:
            folder.mkdir(parents=True)
        done = run(asked.rounds, asked.seed, folder, _say)
        text = report(f"python -m benchmarks.feed_kill --rounds {asked.rounds} --seed {asked.seed}", done)
        asked.out.parent.mkdir(parents=True, exist_ok=True)
        asked.out.write_text(text, encoding="utf-8")
        print(text)
        keep = bool(failures(done)) or asked.keep is not None
    except KeyboardInterrupt:
        print("interrupted: all that was started is ended")
        return 130
    except (RigError, DatabaseError, MissingError, subprocess.SubprocessError, OSError, RuntimeError) as error:
        print(f"the campaign could not go on: {error}")
        return 1
    finally:
        if keep:
            print(f"the folder is kept: {folder}")
        else:
            rmtree(folder)
    return 1 if failures(done) else 0


if __name__ == "__main__":
    sys.exit(main())
