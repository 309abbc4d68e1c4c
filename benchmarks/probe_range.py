"""The probe's range: how presses hold, overshoot and let go over simulated fingers, knees, leaks and parts.

`python -m benchmarks.probe_range` draws bodies (`phantom.chamber.RANGE`), presses each by every packaged protocol for
it and to further targets, on the whole probe with simulated hardware and a stepped clock whose steps are as uneven as
Linux makes them, and holds what comes of it against the true pressure. Then it presses on the range's corners: every
figure at an end of its span. It writes `docs/evidence/probe-range.md` with its plot, and ends with 1 where a target is
not met.
"""

import argparse
import itertools
import os
import random
import statistics
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from multiprocessing import Pool
from pathlib import Path

from device.probe.messages import FaultRaised, Released, State
from firmware_config.device import DeviceConfig, load_device
from firmware_config.loading import PACKAGED, load_named
from firmware_config.protocol import Protocol
from phantom.chamber import RANGE, Body, Chamber, random_chamber
from refill.simulation import SteppedProbe

EVIDENCE = Path("docs/evidence")
BODIES = 300
TARGETS_KPA = (5.0, 10.0, 20.0, 60.0)
RAMPS_S = (0.5, 1.0, 1.0, 2.0)
FREE_HOLD_S = 5.0
TOLERANCE = 0.05
"""Of the target: a hold sample within this counts as held."""
HIGH, LOW = 0.9, 0.1
_LONGEST_RAMP_S = 4.0
_AFTER_S = 1.3
"""At most so long until the release is told."""
Trace = list[tuple[int, float]]

CORNER_GROUPS: tuple[tuple[str, ...], ...] = (
    ("air_ml", "wall_ml_per_kpa", "give_ml", "creep_ml"),
    ("give_kpa", "creep_s"),
    ("leak_ml_s_per_kpa",),
    ("vent_mm", "valve_delay_s"),
    ("pump_ml_s", "pump_stall_kpa"),
    ("pump_start_duty", "pump_load_duty"),
    ("pump_lag_s", "pump_stick_duty", "sensor_lag_s"),
    ("noise_kpa",),
)
"""Figures that go to an end of their span together."""


@dataclass(frozen=True)
class RangeCase:
    """One press. `what` names the protocol or the target, `number` the body."""

    group: str
    number: int
    body: Body
    what: str
    target_kpa: float
    ramp_s: float
    hold_s: float
    chamber: Chamber
    seed: int


@dataclass(frozen=True)
class RangeOutcome:
    """What came of one press; None where it did not get that far. Shares 0 to 1; errors are told less true.

    `overshoot` and `true_...` are of the true pressure, `within` counts sensor samples of the hold.
    """

    case: RangeCase
    faults: tuple[str, ...]
    samples: int
    within: int
    true_within: int
    overshoot: float
    rise_s: float | None
    release_ms: float | None
    true_release_ms: float | None
    instant_error_ms: float | None

    @property
    def share(self) -> float:
        """Share of hold samples within the tolerance; 0 without a hold."""
        return self.within / self.samples if self.samples else 0.0

    @property
    def release_error_ms(self) -> float | None:
        """How much too long the release was told."""
        if self.release_ms is None or self.true_release_ms is None:
            return None
        return self.release_ms - self.true_release_ms

    @property
    def line(self) -> str:
        """The press in one line, to be found and played again."""
        case = self.case
        told = f"{100 * self.share:.1f} % within, overshoot {100 * self.overshoot:+.1f} %"
        released = "no release" if self.release_ms is None else f"release {self.release_ms:.0f} ms"
        named = f", {' '.join(self.faults)}" if self.faults else ""
        return (
            f"{case.group} {case.number}, {case.body}, {case.what}, ramp {case.ramp_s:g} s: {told}, {released}{named}"
        )


def cases(bodies: int, seed: int, device: DeviceConfig) -> Iterator[RangeCase]:
    """Yield the presses: per body every packaged protocol for it and `TARGETS_KPA`."""
    names = sorted(path.stem for path in (PACKAGED / "protocols").glob("*.toml"))
    protocols = [load_named("protocols", name, Protocol) for name in names]
    for number in range(bodies):
        body: Body = "finger" if number % 2 == 0 else "knee"
        rng = random.Random(f"{seed} {number}")  # noqa: S311  # nothing here is secret
        chamber = random_chamber(rng, body)
        for protocol in protocols:
            if body in protocol.body_sites:
                target_kpa = protocol.target_kpa_on(device.probe.plate_area_mm2)
                yield RangeCase(
                    "body", number, body, protocol.name, target_kpa, protocol.ramp_s, protocol.hold_s, chamber, number
                )
        for target_kpa in TARGETS_KPA:
            ramp_s = rng.choice(RAMPS_S)
            what = f"{target_kpa:g} kPa"
            yield RangeCase("body", number, body, what, target_kpa, ramp_s, FREE_HOLD_S, chamber, number)


def corners(every: int = 1) -> Iterator[RangeCase]:
    """Yield one press on each corner of both ranges, or on each `every`th; targets and ramps take turns."""
    turns = itertools.cycle([(5.0, 1.0), (20.0, 1.0), (60.0, 1.0), (5.0, 0.5), (40.0, 0.5), (60.0, 2.0), (5.0, 2.0)])
    number = 0
    for ends in itertools.product((0, 1), repeat=len(CORNER_GROUPS)):
        for body in RANGE:
            target_kpa, ramp_s = next(turns)
            if number % every == 0:
                what = f"{target_kpa:g} kPa"
                yield RangeCase("corner", number, body, what, target_kpa, ramp_s, 3.0, corner(body, ends), number)
            number += 1


def corner(body: Body, ends: Sequence[int]) -> Chamber:
    """Return the chamber with each group of figures at the low (0) or high (1) end of its span."""
    figures = {}
    for names, end in zip(CORNER_GROUPS, ends, strict=True):
        for name in names:
            span = RANGE[body][name]
            figures[name] = span.high if end else span.low
    return Chamber(**figures)


def play(case: RangeCase) -> RangeOutcome:
    """Press as the case says, with the packaged device."""
    device = load_device()
    late = random.Random(f"late {case.number} {case.what}")  # noqa: S311  # as above
    with SteppedProbe(device, chamber=case.chamber, seed=case.seed, late=late) as probe:
        probe.run(0.3)
        probe.press(case.target_kpa, case.ramp_s, case.hold_s)
        probe.run(0.05)
        for _ in range(round((_LONGEST_RAMP_S + case.ramp_s + case.hold_s + _AFTER_S) / 0.1)):
            probe.run(0.1)
            if probe.engine.phase == "idle":
                break
    return _judged(case, probe)


def _judged(case: RangeCase, probe: SteppedProbe) -> RangeOutcome:
    seen, target_kpa = probe.seen, case.target_kpa
    began = {event.phase: event.t_boot_ns for event in seen.events if isinstance(event, State)}
    released = next((event for event in seen.events if isinstance(event, Released)), None)
    faults = tuple(str(event.code) for event in seen.events if isinstance(event, FaultRaised))
    held_from, ramp_from = began.get("hold"), began.get("ramp", 0)
    held = [
        (t_ns, kpa)
        for t_ns, kpa in seen.true_kpa
        if held_from is not None and released is not None and held_from <= t_ns <= released.valve_open_ns
    ]
    true_release_ms = instant_error_ms = None
    if held and released is not None:
        level_kpa = statistics.fmean(kpa for _, kpa in held)
        after = [sample for sample in seen.finely_kpa if sample[0] > released.valve_open_ns - 20_000_000]
        high_ns, half_ns, low_ns = (last_crossing_ns(after, share * level_kpa) for share in (HIGH, 0.5, LOW))
        if high_ns is not None and low_ns is not None:
            true_release_ms = (low_ns - high_ns) / 1e6
        if half_ns is not None and released.t_boot_ns is not None:
            instant_error_ms = (released.t_boot_ns - half_ns) / 1e6
    release_s = released.release_s if released is not None else None
    return RangeOutcome(
        case=case,
        faults=faults,
        samples=len(seen.hold_kpa),
        within=sum(abs(kpa / target_kpa - 1) <= TOLERANCE for kpa in seen.hold_kpa),
        true_within=sum(abs(kpa / target_kpa - 1) <= TOLERANCE for _, kpa in held),
        overshoot=max((kpa for _, kpa in seen.finely_kpa), default=0.0) / target_kpa - 1,
        rise_s=None if held_from is None else (held_from - ramp_from) / 1e9,
        release_ms=None if release_s is None else release_s * 1e3,
        true_release_ms=true_release_ms,
        instant_error_ms=instant_error_ms,
    )


def last_crossing_ns(trace: Trace, level_kpa: float) -> float | None:
    """Return when the trace last fell through the level, on the straight line between its samples; None if never."""
    found = None
    for (before_ns, before_kpa), (after_ns, after_kpa) in pairwise(trace):
        if before_kpa >= level_kpa > after_kpa:
            share = (before_kpa - level_kpa) / (before_kpa - after_kpa)
            found = before_ns + share * (after_ns - before_ns)
    return found


def run(asked: Sequence[RangeCase], jobs: int) -> list[RangeOutcome]:
    """Play every case, in order; progress on stderr."""
    outcomes: list[RangeOutcome] = []
    with Pool(jobs) as pool:
        for outcome in pool.imap(play, asked, chunksize=4):
            outcomes.append(outcome)
            if len(outcomes) % 200 == 0 or len(outcomes) == len(asked):
                sys.stderr.write(f"{len(outcomes)} of {len(asked)} presses\n")
    return outcomes


def main() -> int:
    """Run the campaign; exit 1 where a target is not met."""
    from benchmarks.probe_range_report import as_markdown, as_text, plot, verdicts

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bodies", type=int, default=BODIES)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--out", type=Path, default=EVIDENCE, help="folder for the table and the plot")
    asked = parser.parse_args()
    outcomes = run([*cases(asked.bodies, asked.seed, load_device()), *corners()], asked.jobs)
    sys.stdout.write(as_text(outcomes) + "\n")
    asked.out.mkdir(parents=True, exist_ok=True)
    command = f"python -m benchmarks.probe_range --bodies {asked.bodies} --seed {asked.seed}"
    (asked.out / "probe-range.md").write_text(as_markdown(outcomes, command), encoding="utf-8")
    plot(outcomes, asked.out / "probe-range.png")
    return 0 if all(verdict.met for verdict in verdicts(outcomes)) else 1


if __name__ == "__main__":
    sys.exit(main())
