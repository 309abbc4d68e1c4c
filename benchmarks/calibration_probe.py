"""Hidden errors of simulated probes, and good ones, through the pressure steps of calibration.

`python -m benchmarks.calibration_probe --first 5000 --devices 100` prints, for each hidden error, in how many devices
its step failed and in how many the true size was within the stated uncertainty; and for good devices how many passed
every step, and how often each figure's interval held the truth.
"""

import argparse
import sys
from collections.abc import Sequence

from calibration.pressure_steps import STEPS
from calibration.rig import Pressed, Pressure, Target
from calibration.step import Bench, Question, Step
from contract.certificate import StepName, StepOutcome
from firmware_config.device import DeviceConfig, load_device
from phantom.bench.probe import BenchProbe
from phantom.bench.probe_errors import ERRORS, ProbeErrors, healthy_probe, with_probe_error
from phantom.bench.probe_truth import FINDS, TRUTHS
from phantom.streams import stream


class ProbeOnly:
    """As much of a rig as the pressure steps use, in its own time."""

    simulated = True

    def __init__(self, device: DeviceConfig, errors: ProbeErrors, seed: int) -> None:
        self._probe = BenchProbe(device, errors, stream(seed, "calibration benchmark"))
        self._target = Target.NOTHING
        self._now_ns = 0

    def now_ns(self) -> int:
        """Return its own time."""
        return self._now_ns

    def wait(self, seconds: float) -> None:
        """Let it pass."""
        self._now_ns += round(seconds * 1e9)

    def put(self, target: Target) -> None:
        """Put a target in place."""
        self._target = target

    def pressure(self, seconds: float) -> Pressure:
        """Listen."""
        heard = self._probe.listen(self._now_ns, seconds)
        self.wait(seconds)
        return heard

    def press(self, target_kpa: float, hold_s: float, ramp_s: float = 1.0) -> Pressed:
        """Press."""
        pressed, _ = self._probe.press(self._now_ns, self._target, target_kpa, hold_s, ramp_s)
        self._now_ns = int(pressed.pressure.t_boot_ns[-1])
        return pressed

    def ceiling_kpa(self, _operator: str | None = None) -> float:
        """Have it let go."""
        return self._probe.ceiling_kpa(self._now_ns)


def calibrated(
    device: DeviceConfig, errors: ProbeErrors, seed: int, steps: Sequence[Step] = STEPS
) -> dict[StepName, StepOutcome]:
    """Return the outcomes of pressure steps, done one after another on one probe."""
    rig = ProbeOnly(device, errors, seed)
    done: dict[StepName, StepOutcome] = {}
    for step in steps:
        rig.put(step.target)
        bench = Bench(rig, device, _shown, lambda _: None, done)  # type: ignore[arg-type]  # they use no more of a rig
        done[step.name] = step.run(bench)
    return done


def _shown(question: Question) -> float:
    if question.shown is None:
        raise ValueError(f"nobody is there to answer: {question.words.en}")
    return question.shown


def held(device: DeviceConfig, errors: ProbeErrors, outcome: StepOutcome, name: str) -> bool:
    """Whether a figure's interval holds the truth."""
    found = next((figure for figure in outcome.figures if figure.name == name), None)
    true = TRUTHS[outcome.step, name](device, errors)
    return found is not None and abs(found.value - true) <= (found.uncertainty or 0.0)


def main() -> int:
    """Run the campaign; exit 1 where less than asked for is found: errors all, sizes 95 %, good ones 99 %."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--first", type=int, default=5000, help="first seed")
    parser.add_argument("--devices", type=int, default=100)
    asked = parser.parse_args()
    device, seeds = load_device(), range(asked.first, asked.first + asked.devices)
    met = True
    for error in ERRORS:
        step, name = FINDS[error]
        devices = [(with_probe_error(error, seed), seed) for seed in seeds]
        only = [each for each in STEPS if each.name is step]
        done = [(errors, calibrated(device, errors, seed, only)[step]) for errors, seed in devices]
        found = sum(not outcome.passed for _, outcome in done)
        sized = sum(held(device, errors, outcome, name) for errors, outcome in done)
        sys.stdout.write(f"{error:14} {step:17} found {found}, size {name} held {sized} of {asked.devices}\n")
        met = met and found == asked.devices and sized >= 0.95 * asked.devices
    good = [(errors, calibrated(device, errors, seed)) for seed in seeds for errors in [healthy_probe(seed)]]
    passed = sum(all(outcome.passed for outcome in done.values()) for _, done in good)
    sys.stdout.write(f"good probes: {passed} of {asked.devices} passed every step\n")
    for step, name in TRUTHS:
        sized = sum(held(device, errors, done[step], name) for errors, done in good)
        sys.stdout.write(f"  {name:20} held {sized} of {asked.devices}\n")
        met = met and sized >= 0.95 * asked.devices
    return 0 if met and passed >= 0.99 * asked.devices else 1


if __name__ == "__main__":
    sys.exit(main())
