"""Writes a journal as fast as it can, one measurement after the other, and says each step.

`python -m benchmarks.journal_writer FILE [unsynced]`. An error of the journal is said and the same step given again,
as the bedside does. Ends on SIGTERM or SIGKILL.
"""

import hashlib
import os
import random
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar
from uuid import UUID

from contract.identifiers import new_reading_id
from contract.reading import (
    BodySite,
    Device,
    Measured,
    PressRecord,
    ProtocolRef,
    Reading,
    RefillResult,
    Status,
    Subject,
)
from contract.reasons import Reason
from device.journal import Journal, JournalError

DEVICE = "refill-campaign"
BOOT = UUID("11111111-2222-4333-8444-555555555555")
RESULT = RefillResult(status=Status.MEASURED, crt_s=2.0, crt_ci95_s=(1.9, 2.1))
PAUSE_S = 0.02

Done = TypeVar("Done")


def draft() -> Reading:
    return Reading(
        reading_id=new_reading_id(),
        device_seq=1,
        study="demo",
        subject=Subject(site="00", inclusion="0001"),
        body_site=BodySite.FINGER,
        simulated=True,
        protocol=ProtocolRef(name="demo", version="1", sha256="a" * 64),
        device=Device(name=DEVICE, software_version="0", algorithm_version="0", configuration_sha256="b" * 64),
        measured=Measured(at=datetime.now(UTC), boot_id=BOOT, boottime_ns=1, clock_synchronised=False),
        result=RefillResult(status=Status.NOT_MEASURABLE, reason=Reason.INTERRUPTED),
        presses=[],
    )


def press_of(trace: bytes) -> PressRecord:
    return PressRecord(
        number=1,
        result=RESULT,
        target_kpa=40.0,
        frames=1,
        frames_dropped=0,
        trace_sha256=hashlib.sha256(trace).hexdigest(),
    )


def say(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


def until_done(step: Callable[[], Done]) -> Done:
    """Do a step, saying every error, until the journal takes it."""
    while True:
        try:
            return step()
        except JournalError as error:
            say("error", type(error).__name__)
            time.sleep(PAUSE_S)


def measure(journal: Journal, dice: random.Random) -> None:
    begun = draft()
    trace = dice.randbytes(20_000)
    press = press_of(trace)
    until_done(lambda: journal.begin(begun))
    say("begun", begun.reading_id)
    until_done(lambda: journal.keep_press(str(begun.reading_id), press, trace))

    def made(seq: int) -> Reading:
        return begun.model_copy(update={"device_seq": seq, "result": RESULT, "presses": [press]})

    record = until_done(lambda: journal.append(made))
    say("record", record.device_seq, record.sha256)


def main() -> None:
    path = Path(sys.argv[1])
    dice = random.Random()  # noqa: S311 - traces that do not compress, no secret
    journal = until_done(lambda: Journal.open(path, DEVICE))
    if sys.argv[2:] == ["unsynced"]:
        journal._connection.execute("PRAGMA synchronous = OFF")
        os.fsync = lambda fd: None  # noqa: ARG005 - the name is os.fsync's
    say("open", journal.set_aside or "whole")
    for record in until_done(journal.close_interrupted):
        say("record", record.device_seq, record.sha256)
    while True:
        measure(journal, dice)


if __name__ == "__main__":
    main()
