"""Random and mutated messages to the probe's socket: nothing crashes, nothing moves outside a lease, a press survives.

`python -m benchmarks.probe_fuzz --messages 100000 --seed 1`: four of five messages go to the real server, engine and
drivers on a real Unix socket at the pace of a stepped clock, where every write to the outputs is checked; the fifth to
a real probe process in real time. Exit 0 where every promise held.
"""

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.probe_fuzz_process import against_a_process
from benchmarks.probe_fuzz_report import Played, as_markdown, as_text
from benchmarks.probe_fuzz_stepped import against_the_engine

EVIDENCE = Path(__file__).resolve().parent.parent / "docs" / "evidence" / "probe-fuzz.md"


def play(messages: int, seed: int) -> Played:
    """Send that many messages, a fifth of them to a real process."""
    began_s = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="rp-") as folder:
        stepped = against_the_engine(messages * 4 // 5, random.Random(seed), Path(folder))  # noqa: S311 - no secret
        real = against_a_process(messages - messages * 4 // 5, random.Random(seed + 1), Path(folder))  # noqa: S311
    return Played(stepped, real, time.monotonic() - began_s)


def main() -> int:
    """Play the campaign, print it and write it down."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--messages", type=int, default=100_000)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--write", type=Path, default=EVIDENCE, help="evidence file")
    asked = options.parse_args()
    played = play(asked.messages, asked.seed)
    print(as_text(played))
    command = f"python -m benchmarks.probe_fuzz --messages {asked.messages} --seed {asked.seed}"
    asked.write.write_text(as_markdown(played, command), encoding="utf-8")
    return 0 if played.held else 1


if __name__ == "__main__":
    sys.exit(main())
