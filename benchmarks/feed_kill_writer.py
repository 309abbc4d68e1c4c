"""Writes the journals of some bedsides all along: a few readings a second, and now and then a burst.

`python -m benchmarks.feed_kill_writer FOLDER SEED DEVICE...`: the journal of a device is FOLDER/DEVICE/journal.sqlite.
Ends on SIGTERM, after the reading at hand.
"""

import random
import signal
import sys
import threading
from contextlib import ExitStack
from pathlib import Path

from benchmarks.feed_records import append
from device.journal import Journal

PER_S: float = 4.0
BURST: int = 50
BURST_EVERY_S: float = 8.0
JOURNAL: str = "journal.sqlite"


def main() -> None:
    folder, seed, devices = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    dice = random.Random(seed)  # noqa: S311 - a campaign that can be repeated, no secret
    with ExitStack() as opened:
        journals = {name: opened.enter_context(Journal.open(folder / name / JOURNAL, name)) for name in devices}
        while not stop.is_set():
            name = dice.choice(devices)
            burst = dice.random() < 1.0 / (PER_S * BURST_EVERY_S)
            for _ in range(BURST if burst else 1):
                append(journals[name], 1, device=name)
                if stop.is_set():
                    break
            stop.wait(dice.expovariate(PER_S))


if __name__ == "__main__":
    main()
