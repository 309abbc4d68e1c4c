"""What a journal makes of a disk that is full, breaks or lies, and of a writer that is killed: `--rounds 60 --seed 1`.

Real disks: an ext4 image that is filled to the last block, and one on which the kernel is told to find an error. A
record counts as told once the writer has said it; what was told must be there, once, whatever came after. Exit 0 where
every promise held. A power cut cannot be made here and was not.
"""

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks.bedside_disk import nothing_left_mounted
from benchmarks.journal_faults_report import report, sizes
from benchmarks.journal_power import power_cut, power_cut_without_fsync
from benchmarks.journal_rig import Round, Writer, a_disk, held
from benchmarks.journal_writer import DEVICE, draft
from device.journal import Deliveries, Journal, JournalError

EVIDENCE = Path(__file__).resolve().parent.parent / "docs" / "evidence" / "journal-faults.md"


def play(kind: str, dice: random.Random, folder: Path) -> Round:
    """Play one round in an empty folder."""
    this = Round(kind)
    KINDS[kind](this, dice, folder)
    return this


def _has_opened(writer: Writer) -> bool:
    return bool(writer.opened)


def _killed(this: Round, dice: random.Random, folder: Path) -> None:
    path = folder / "journal.sqlite"
    told: dict[int, str] = {}
    begun: list[str] = []
    for _ in range(3):
        writer = Writer(path)
        if not writer.wait_for(partial(_has_opened, writer)):
            this.problems.append("the writer did not open its journal")
        time.sleep(dice.uniform(0.0, 0.3))
        writer.end()
        told |= writer.told
        begun += writer.begun
        if writer.opened not in ("", "whole"):
            this.problems.append(f"a kill broke the journal: {writer.opened}")
    this.outcome = "whole after every kill"
    held(this, path, told, begun)


def _full(this: Round, dice: random.Random, folder: Path) -> None:
    disk = a_disk(folder)
    writer = Writer(disk.at / "journal.sqlite")
    writer.more()
    time.sleep(dice.uniform(0.0, 0.3))
    # The reserve is for the journal: a disk that is being filled at that very moment might take it first.
    writer.freeze()
    disk.fill()
    writer.thaw()
    if not writer.wait_for(lambda: writer.errors["JournalFullError"] > 0):
        this.problems.append(f"a full disk was not named: {dict(writer.errors)}")
    if writer.left_open:
        this.problems.append("what had begun when the disk filled was not recorded on the full disk")
    time.sleep(dice.uniform(0.0, 0.2))
    disk.free()
    _goes_on(this, writer, "JournalFullError")
    held(this, disk.at / "journal.sqlite", writer.told, writer.begun)
    disk.close()


def _read_only(this: Round, dice: random.Random, folder: Path) -> None:
    disk = a_disk(folder)
    path = disk.at / "journal.sqlite"
    writer = Writer(path)
    writer.more()
    time.sleep(dice.uniform(0.0, 0.3))
    disk.fail()
    if not writer.wait_for(lambda: writer.errors["JournalReadOnlyError"] > 0):
        this.problems.append(f"a read-only disk was not named: {dict(writer.errors)}")
    writer.end()
    told, begun = dict(writer.told), list(writer.begun)
    disk.repair()
    writer = Writer(path)
    _goes_on(this, writer, "JournalReadOnlyError")
    if writer.opened != "whole":
        this.problems.append(f"the journal was not whole after the repair: {writer.opened}")
    held(this, path, told | writer.told, begun + writer.begun)
    disk.close()


def _goes_on(this: Round, writer: Writer, named: str) -> None:
    if not writer.more():
        this.problems.append("nothing was written once the disk served again")
    this.outcome = f"named {named}, then went on"
    writer.end()


def _flipped(this: Round, dice: random.Random, folder: Path) -> None:
    _spoilt(this, folder, lambda content: _with_flipped(content, dice))


def _truncated(this: Round, dice: random.Random, folder: Path) -> None:
    _spoilt(this, folder, lambda content: content[: dice.randrange(len(content))])


def _with_flipped(content: bytes, dice: random.Random) -> bytes:
    spoilt = bytearray(content)
    for _ in range(dice.choice([1, 1, 1, 16])):
        spoilt[dice.randrange(len(spoilt))] ^= 1 << dice.randrange(8)
    return bytes(spoilt)


def _spoilt(this: Round, folder: Path, spoil: Callable[[bytes], bytes]) -> None:
    """Spoil a closed journal: it is named as broken, or what it holds is what was told."""
    path = folder / "journal.sqlite"
    writer = Writer(path)
    writer.more(6)
    writer.end()
    with Journal.open(path, DEVICE) as journal:
        for record in journal.close_interrupted():
            writer.told[record.device_seq] = record.sha256
        before = {record.device_seq: record.body for record in journal.records()}
        last_sha256 = [record.sha256 for record in journal.records()][-1]
    path.write_bytes(spoil(path.read_bytes()))
    named = _what_a_reader_finds(path, before)
    if named is None:
        this.problems.append("a record was read that is not the one that was written")
        return
    try:
        with Journal.open(path, DEVICE) as journal:
            aside = journal.set_aside
            _check_open(this, journal, max(before), last_sha256)
    except JournalError as error:
        # Left as it is, for a person: nothing was lost.
        this.outcome = f"refused to open: {type(error).__name__}"
        return
    this.told = len(writer.told)
    this.outcome = "set aside" if aside else ("found by verify" if named else "harmless: no record, trace or table met")


def _what_a_reader_finds(path: Path, before: dict[int, str]) -> bool | None:
    """Return whether `verify` names something; None where a wrong record is read as right."""
    try:
        with Deliveries.open(path, read_only=True) as seen:
            sound = seen.verify().sound
            found = {record.device_seq: record.body for record in seen.records()}
    except JournalError:
        return True
    if sound and found != before:
        return None
    return not sound


def _check_open(this: Round, journal: Journal, last_seq: int, last_sha256: str) -> None:
    fresh = draft()
    record = journal.append(lambda seq: fresh.model_copy(update={"device_seq": seq}))
    if record.device_seq != last_seq + 1:
        this.problems.append(f"the next record took number {record.device_seq}, after {last_seq}")
    if journal.set_aside is None and record.previous_sha256 != last_sha256:
        this.problems.append("the next record does not follow the last one")
    if journal.set_aside is not None and not list(journal.path.parent.glob("journal-broken-*.sqlite")):
        this.problems.append("a broken journal was not kept")


KINDS: dict[str, Callable[[Round, random.Random, Path], None]] = {
    "killed": _killed,
    "full": _full,
    "read_only": _read_only,
    "flipped": _flipped,
    "truncated": _truncated,
    "power_cut": power_cut,
    "power_cut_without_fsync": power_cut_without_fsync,
}
"""The last is the control: there what was told is lost, or a power cut would not be seen to lose anything."""


def campaign(rounds: int, seed: int) -> list[Round]:
    dice = random.Random(seed)  # noqa: S311 - a campaign that can be repeated, no secret
    played = []
    with (
        tempfile.TemporaryDirectory(prefix="jf-", ignore_cleanup_errors=True) as name,
        nothing_left_mounted(folder := Path(name)),
    ):
        for number in range(rounds):
            here = folder / str(number)
            here.mkdir()
            played.append(play(list(KINDS)[number % len(KINDS)], dice, here))
            last = played[-1]
            said = "; ".join([last.outcome, *last.problems])
            sys.stdout.write(f"{number + 1:4} {last.kind:10} {said}\n")
            sys.stdout.flush()
    return played


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=EVIDENCE)
    parser.add_argument("--sizes", action="store_true", help="only print what a press takes, packed in different ways")
    options = parser.parse_args()
    if options.sizes:
        sys.stdout.write("\n".join(sizes()) + "\n")
        return 0
    began_s = time.monotonic()
    played = campaign(options.rounds, options.seed)
    text, met = report(
        [(r.kind, r.outcome, r.told, r.problems) for r in played], options.seed, time.monotonic() - began_s
    )
    options.out.write_text(text, encoding="utf-8")
    sys.stdout.write(text)
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
