"""The campaign's devices calibrated in two processes, each device's outcome kept as a line of JSON when it is done.

What was found is held against the truth afterwards (`benchmarks.calibration_report`), from these lines.
"""

import json
import sys
import time
from collections.abc import Sequence
from functools import partial
from multiprocessing import Pool
from pathlib import Path
from typing import Any

from benchmarks.calibration_cases import Case, errors_of
from benchmarks.calibration_run import Calibrated, calibrate
from calibration.plan import ALL_STEPS
from calibration.state import Change
from contract.certificate import StepName, StepOutcome
from firmware_config.device import DeviceConfig, load_device

Done = tuple[Case, Calibrated]


def one(case: Case, only: frozenset[StepName] = frozenset()) -> Done:
    """Calibrate the device of a case, by all steps or by some of them only."""
    steps = [step for step in ALL_STEPS if not only or step.name in only]
    return case, calibrate(load_device(), errors_of(case), case.seed, case.end_to_end, steps)


def play(
    asked: Sequence[Case], processes: int, raw: Path, minutes: float = 0.0, only: frozenset[StepName] = frozenset()
) -> list[Done]:
    """Calibrate every device, in order, progress on stderr; none is begun after so many minutes (0: no end).

    What is in `raw` already is not done again.
    """
    found = [] if not raw.exists() else read(raw)
    have = {case for case, _ in found}
    left = [case for case in asked if case not in have]
    begun_s = time.monotonic()
    with raw.open("a", encoding="ascii") as file, Pool(processes) as pool:
        for case, done in pool.imap_unordered(partial(one, only=only), left):
            file.write(_as_line(case, done) + "\n")
            file.flush()
            found.append((case, done))
            took_min = (time.monotonic() - begun_s) / 60.0
            sys.stderr.write(f"{len(found)} of {len(asked)} devices, {took_min:.1f} min\n")
            if minutes and took_min > minutes:
                pool.terminate()
                break
    return found


def _as_line(case: Case, done: Calibrated) -> str:
    content = {
        "seed": case.seed,
        "wrong": case.wrong,
        "end_to_end": case.end_to_end,
        "first": [outcome.model_dump(mode="json") for outcome in done.first.values()],
        "last": [outcome.model_dump(mode="json") for outcome in done.last.values()],
        "before": done.before.model_dump(mode="json"),
        "after": done.after.model_dump(mode="json"),
        "changes": [change.model_dump(mode="json") for change in done.changes],
        "refused": done.refused,
    }
    return json.dumps(content)


def read(raw: Path) -> list[Done]:
    """Return the devices that are kept in a file."""
    return [_from_line(line) for line in raw.read_text(encoding="ascii").splitlines()]


def _from_line(line: str) -> Done:
    content = json.loads(line)
    done = Calibrated(
        _outcomes(content["first"]),
        _outcomes(content["last"]),
        DeviceConfig.model_validate(content["before"]),
        DeviceConfig.model_validate(content["after"]),
        tuple(Change.model_validate(change) for change in content["changes"]),
        content["refused"],
    )
    return Case(content["seed"], tuple(content["wrong"]), content["end_to_end"]), done


def _outcomes(content: list[Any]) -> dict[StepName, StepOutcome]:
    outcomes = [StepOutcome.model_validate(each) for each in content]
    return {outcome.step: outcome for outcome in outcomes}
