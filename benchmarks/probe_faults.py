"""The probe's fault campaign: every fault at a random moment of random presses, through the engine and the session.

`python -m benchmarks.probe_faults` plays 500 presses (random body, pressure, ramp, hold), each with one fault at a
random moment of its phase, and judges each by its true pressure: vented, named, no reading. It prints the table, writes
`docs/evidence/probe-faults.md` and ends with 1 where a press was not vented, a fault not named or a reading made.
Beside them stand presses without a fault (`--controls`), and what one sensor alone cannot know (`--beyond`).
"""

import argparse
import math
import os
import random
import sys
from collections.abc import Sequence
from multiprocessing import Pool
from pathlib import Path

from benchmarks.probe_faults_oracle import Outcome, judge
from benchmarks.probe_faults_press import PHASES, Case, play
from firmware_config.device import load_device
from firmware_config.protocol import Protocol
from phantom.chamber import Body, random_chamber
from phantom.probe_faults import BEYOND_ONE_SENSOR, INJECTIONS

EVIDENCE = Path("docs/evidence")
PRESSES, CONTROLS, BEYOND = 500, 200, 90
KPA = (10.0, 60.0)
RAMP_S = (0.2, 5.0)
HOLD_S = (1.0, 12.0)


def case_of(seed: int, number: int, faults: Sequence[str | None]) -> Case:
    """Return press `number`: faults and phases take turns, so that all of them meet; the rest is drawn."""
    rng = random.Random(f"{seed} {number} {len(faults)}")  # noqa: S311  # simulated presses
    body: Body = rng.choice(("finger", "knee"))
    ramp_s = math.exp(rng.uniform(*map(math.log, RAMP_S)))
    hold_s = math.exp(rng.uniform(*map(math.log, HOLD_S)))
    return Case(
        number=number,
        fault=faults[number % len(faults)],
        phase=PHASES[(number // len(faults) + number) % len(PHASES)],
        where=rng.random(),
        body=body,
        chamber=random_chamber(rng, body),
        target_kpa=rng.uniform(*KPA),
        protocol=_protocol(body, ramp_s, hold_s, rng.uniform(1.0, 2.0)),
        seed=rng.randrange(2**31),
    )


def _protocol(body: Body, ramp_s: float, hold_s: float, baseline_s: float) -> Protocol:
    return Protocol.model_validate(
        {
            "name": "campaign",
            "version": "1",
            "source": "the probe's fault campaign",
            "body_sites": [body],
            "target_kpa": 40.0,
            "ramp_s": ramp_s,
            "hold_s": hold_s,
            "baseline_s": baseline_s,
            "presses": 1,
            "spacing_s": 0.0,
            "least_observe_s": 3.0,
            "observe_s": 4.0,
            "observe_limit_s": 4.0,
        }
    )


def run_case(case: Case) -> Outcome:
    """Play and judge one press."""
    every = INJECTIONS | BEYOND_ONE_SENSOR
    return judge(play(case, every[case.fault] if case.fault else None, load_device()))


def run(cases: Sequence[Case], jobs: int) -> list[Outcome]:
    """Play every case, in order; progress on stderr."""
    if jobs <= 1:
        return [run_case(case) for case in cases]
    outcomes: list[Outcome] = []
    with Pool(jobs) as pool:
        for outcome in pool.imap(run_case, cases, chunksize=4):
            outcomes.append(outcome)
            if len(outcomes) % 100 == 0 or len(outcomes) == len(cases):
                sys.stderr.write(f"{len(outcomes)} of {len(cases)} presses\n")
    return outcomes


def campaign(seed: int, presses: int) -> list[Case]:
    """Return the presses with a fault that a probe has to find by itself."""
    faults = tuple(INJECTIONS)
    return [case_of(seed, number, faults) for number in range(presses)]


def controls(seed: int, presses: int) -> list[Case]:
    """Return presses without a fault."""
    return [case_of(seed + 1_000_000, number, (None,)) for number in range(presses)]


def beyond(seed: int, presses: int) -> list[Case]:
    """Return presses with a fault that one sensor alone cannot always know."""
    faults = tuple(BEYOND_ONE_SENSOR)
    return [case_of(seed + 2_000_000, number, faults) for number in range(presses)]


def main() -> int:
    """Run the campaign; exit 1 where a press was not vented, not named or read, or a control was not."""
    from benchmarks.probe_faults_report import as_markdown, as_text, failures

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--presses", type=int, default=PRESSES)
    parser.add_argument("--controls", type=int, default=CONTROLS, help="presses without a fault")
    parser.add_argument("--beyond", type=int, default=BEYOND, help="presses with what one sensor cannot know")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--out", type=Path, help=f"folder for the table ({EVIDENCE})")
    asked = parser.parse_args()
    faulty, whole = campaign(asked.seed, asked.presses), controls(asked.seed, asked.controls)
    outcomes = run([*faulty, *whole, *beyond(asked.seed, asked.beyond)], asked.jobs)
    first, second = len(faulty), len(faulty) + len(whole)
    parts = (outcomes[:first], outcomes[first:second], outcomes[second:])
    sys.stdout.write(as_text(*parts) + "\n")
    complete = (asked.presses, asked.controls, asked.beyond) == (PRESSES, CONTROLS, BEYOND)
    out: Path | None = asked.out or (EVIDENCE if complete else None)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        text = as_markdown(*parts, f"python -m benchmarks.probe_faults --seed {asked.seed}")
        (out / "probe-faults.md").write_text(text, encoding="utf-8")
    return 1 if failures(*parts[:2]) else 0


if __name__ == "__main__":
    sys.exit(main())
