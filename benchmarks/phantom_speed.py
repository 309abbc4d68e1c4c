"""How many presses a minute the phantom's fast trace makes: campaigns of thousands of presses live on it.

`python -m benchmarks.phantom_speed` prints it beside its target and exits 1 where that is missed.
"""

import argparse
import sys
import time

from benchmarks.verdict import Verdict
from phantom.spec import PressSpec
from phantom.trace import simulate

TARGET_PER_MINUTE: float = 1500.0
PRESS = PressSpec(seed=8, pre_s=1.5, hold_s=4.0, post_s=9.0)


def presses_per_minute(presses: int) -> float:
    """Simulate so many presses one after the other; the first, which imports and caches, is not counted."""
    simulate(PRESS)
    began_s = time.perf_counter()
    for seed in range(presses):
        simulate(PRESS.with_(seed=seed))
    return 60 * presses / (time.perf_counter() - began_s)


def verdict(per_minute: float) -> Verdict:
    """Hold the figure against its target."""
    target = f"simulated presses a minute >= {TARGET_PER_MINUTE:,.0f}"
    return Verdict(target, per_minute >= TARGET_PER_MINUTE, f"{per_minute:,.0f}")


def main() -> int:
    """Measure, print, and exit 1 where the target was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--presses", type=int, default=200)
    judged = verdict(presses_per_minute(parser.parse_args().presses))
    sys.stdout.write(judged.line + "\n")
    return 0 if judged.met else 1


if __name__ == "__main__":
    sys.exit(main())
