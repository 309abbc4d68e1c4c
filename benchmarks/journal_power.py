"""A power cut, as near as one comes to it without cutting the power: the disk as it was, without what waited in memory.

The writer's disk is an image on a loop device. The image holds what the file system had given to the disk; what it had
not, as a page nobody had asked to be synced, is in the kernel's memory only and not in a copy of the image. The copy is
mounted as a disk is after the power came back. What this leaves out: a disk that itself says it had written and had
not, and a write that was cut in half. The kernel here has no dm-flakey and no dm-log-writes.

The control writes without asking for anything to be synced. Had it kept what it told, the round would show nothing.
"""

import filecmp
import random
import shutil
import subprocess
import time
from pathlib import Path

from benchmarks.journal_rig import Round, Writer, a_disk, held

COPIES = 20


def power_cut(this: Round, dice: random.Random, folder: Path) -> None:
    """Cut the power of a writer at a random moment: everything that it told is there."""
    _cut(this, dice, folder, synced=True)
    this.outcome = "whole when the power came back"


def power_cut_without_fsync(this: Round, dice: random.Random, folder: Path) -> None:
    """The same for a writer that syncs nothing: something that it told is gone."""
    control = Round(this.kind)
    _cut(control, dice, folder, synced=False)
    this.outcome = "lost what it told, as it has to"
    if not control.problems:
        this.problems.append("nothing was lost without fsync: a power cut is not seen here")


def _cut(this: Round, dice: random.Random, folder: Path, *, synced: bool) -> None:
    disk = a_disk(folder)
    writer = Writer(disk.at / "journal.sqlite", synced=synced)
    writer.more()
    time.sleep(dice.uniform(0.0, 0.5))
    writer.freeze()
    told, begun = dict(writer.told), list(writer.begun)
    after = folder / "after.img"
    if not _copied_at_one_moment(folder / "disk.img", after):
        this.problems.append("the kernel wrote on and on: the copy is of no one moment")
    writer.end()
    disk.close()
    at = folder / "after"
    at.mkdir()
    subprocess.run(["mount", "-o", "loop", str(after), str(at)], check=True, capture_output=True)
    try:
        held(this, at / "journal.sqlite", told, begun)
    finally:
        subprocess.run(["umount", str(at)], check=True, capture_output=True)


def _copied_at_one_moment(image: Path, to: Path) -> bool:
    """Copy an image until the kernel wrote nothing into it meanwhile: half of two moments was never on a disk."""
    for _ in range(COPIES):
        shutil.copyfile(image, to)
        if filecmp.cmp(image, to, shallow=False):
            return True
    return False
