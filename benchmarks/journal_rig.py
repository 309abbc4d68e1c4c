"""The rig of the journal's campaign: a writer process, a disk of its own, and what a journal must still hold."""

import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.bedside_disk import Disk, open_disk
from benchmarks.journal_writer import DEVICE
from device.journal import Journal, JournalError

DISK_MB = 32
ANSWER_S = 60.0
"""A writer that says nothing new for so long has hung."""
HEARD_S = 0.05
"""What a frozen process had said is out of the pipe by then."""


@dataclass
class Round:
    """One round: what was done, what the writer said, and what was wrong."""

    kind: str
    outcome: str = ""
    told: int = 0
    problems: list[str] = field(default_factory=list)


class Writer:
    """A writer process, and all that it has said."""

    def __init__(self, journal: Path, *, synced: bool = True) -> None:
        self.told: dict[int, str] = {}
        self.begun: list[str] = []
        self.errors: Counter[str] = Counter()
        self.opened = ""
        self.left_open = False
        """Whether an error of the journal left a measurement waiting that had begun."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.journal_writer", str(journal), *([] if synced else ["unsynced"])],
            stdout=subprocess.PIPE,
            text=True,
        )
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        for line in self._process.stdout or ():
            if not line.endswith("\n"):
                return  # killed in the middle of a word
            kind, _, rest = line.strip().partition(" ")
            if kind == "record":
                seq, sha256 = rest.split()
                self.told[int(seq)] = sha256
            elif kind == "begun":
                self.begun.append(rest)
            elif kind == "error":
                self.errors[rest] += 1
                self.left_open |= len(self.begun) > len(self.told)
            elif kind == "open":
                self.opened = rest

    def wait_for(self, what: Callable[[], bool]) -> bool:
        """Wait until something is so; returns whether it came to be."""
        until_s = time.monotonic() + ANSWER_S
        while time.monotonic() < until_s:
            if what():
                return True
            time.sleep(0.005)
        return False

    def more(self, count: int = 2) -> bool:
        """Wait until it has told some more records."""
        goal = len(self.told) + count
        return self.wait_for(lambda: len(self.told) >= goal)

    def end(self, how: signal.Signals = signal.SIGKILL) -> None:
        """End the process and hear it out."""
        self._process.send_signal(how)
        self._process.wait(10)
        self._thread.join(10)

    def freeze(self) -> None:
        """Stop it between two steps, and hear what it had said by then."""
        self._process.send_signal(signal.SIGSTOP)
        state = Path(f"/proc/{self._process.pid}/stat")
        self.wait_for(lambda: state.read_text(encoding="ascii").rpartition(")")[2].split()[0] == "T")
        time.sleep(HEARD_S)

    def thaw(self) -> None:
        """Let it go on."""
        self._process.send_signal(signal.SIGCONT)


def held(this: Round, path: Path, told: dict[int, str], begun: list[str]) -> None:
    """Hold a journal against what was told: every record there, once, in an unbroken chain."""
    this.told = len(told)
    try:
        with Journal.open(path, DEVICE) as journal:
            if journal.set_aside is not None:
                this.problems.append(f"set aside: {journal.set_aside}")
            journal.close_interrupted()
            this.problems += journal.verify().problems
    except JournalError as error:
        this.problems.append(str(error))
        return
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        rows = dict(connection.execute("SELECT device_seq, sha256 FROM record"))
        ids = {row[0] for row in connection.execute("SELECT reading_id FROM record")}
    if sorted(rows) != list(range(1, len(rows) + 1)):
        this.problems.append("the numbers have a gap")
    lost = [seq for seq, sha256 in told.items() if rows.get(seq) != sha256]
    if lost:
        this.problems.append(f"{len(lost)} records that were told are not there, the first of them {lost[0]}")
    if not set(begun) <= ids:
        this.problems.append("a measurement that had begun has no record")


def a_disk(folder: Path) -> Disk:
    disk = open_disk(folder, folder / "disk", DISK_MB)
    if disk is None or disk.kind != "ext4":
        raise SystemExit("This campaign mounts an ext4 image: it needs root and loop devices.")
    return disk
