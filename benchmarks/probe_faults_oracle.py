"""What a press with a fault has to answer for, judged from the true pressure: vented, named, no reading.

The first observable effect of a fault is the first instant at which
- the true pressure is not what the phase allows: in the ramp above its plan, above 1.15 times the target, under 10 % of
  it after half the ramp (0.5 s at least), or short of it after 1.5 ramps and 1.5 s; in the hold farther than 10 % from
  it, for 50 ms each; 0.3 s after the valve was told to open, and later, above 1.25 kPa;
- the sensor is farther than 1 kPa (10 % of the target where that is more) from what a whole sensor would show, or has
  been silent for over 0.12 s (0.06 s while the pressure falls);
- the lease has run out for want of a renewal, the owner is gone, a write to a line has failed, or the control loop has
  not run for over 0.22 s, while pressed (over 0.06 s while the pressure falls);
- the probe told of the release or the hold what was not so: time zero off by over 10 ms, the hold's mean by over 3 %.
A press with none of these up to its record is one without effect: nothing about it, true, seen or told, was not right.
"""

from bisect import bisect_left
from dataclasses import dataclass
from itertools import pairwise

from benchmarks.probe_faults_press import Case, Seen
from benchmarks.probe_faults_table import NAMES, VENT_GONE
from contract.reading import Status
from device.probe.faults import FAULTS, FaultCode
from device.probe.messages import Released

VENT_LIMIT_S = 0.7
VENTED_SHARE = 0.05
REST_KPA = 5.0
"""Vented, where the fault is a pump that blows against the open vent."""
EMPTY_KPA = 1.25
FALL_S = 0.3
HELD, HELD_S = 0.10, 0.05
ZERO_S, MEAN_SHARE = 0.010, 0.03


@dataclass(frozen=True)
class Outcome:
    """What came of one press. Times in s from the first effect; None where there is none."""

    case: Case
    phase: str
    effect: str
    """What was first to be seen of it; empty where nothing was."""
    named: FaultCode | None
    also: tuple[FaultCode, ...]
    right: bool
    named_s: float | None
    pressed: bool
    vented_s: float | None
    """Until the true pressure was gone for good; infinite where it was not; None where the fault is the vent itself."""
    let_go_s: float | None
    """Until the probe asked for an open valve and a standing pump, for good."""
    over_kpa: float
    """Highest true pressure over the target."""
    left_kpa: float
    """True pressure `VENT_LIMIT_S` after the valve was told to open; 0 where it never was closed."""
    reading: bool

    @property
    def verdict(self) -> str:
        """One of: right, otherwise, without effect, unnamed."""
        if self.named is not None:
            return "right" if self.right else "otherwise"
        return "unnamed" if self.effect else "without effect"

    @property
    def vented(self) -> bool:
        """Whether the pressure was gone in time; where the vent is gone, whether all that can be done was done."""
        if not self.effect or not self.pressed:
            return True
        if self.vented_s is None:
            return self.let_go_s is not None and self.let_go_s <= VENT_LIMIT_S
        return self.vented_s <= VENT_LIMIT_S

    @property
    def wrong_reading(self) -> bool:
        """Whether a number was made of a press that had a fault."""
        return self.reading and self.verdict != "without effect"

    @property
    def line(self) -> str:
        """The press in one line."""
        case, protocol = self.case, self.case.protocol
        made = f"{case.body}, {case.target_kpa:.0f} kPa, ramp {protocol.ramp_s:.2f} s, hold {protocol.hold_s:.1f} s"
        told = ", ".join(map(str, (self.named, *self.also))) if self.named else "nothing"
        vented = "" if self.vented_s is None else f", vented after {self.vented_s:.2f} s"
        seen = self.effect or "no effect"
        return f"press {case.number}, {case.fault} in {self.phase} ({made}): {seen}; named {told}{vented}"


def judge(seen: Seen) -> Outcome:
    """Return what came of a press."""
    case = seen.case
    effect = first_effect(seen)
    named = [event for event in seen.faults if seen.injected_ns is None or event.t_boot_ns >= seen.injected_ns]
    first = named[0] if named else None
    if first is not None and (effect is None or first.t_boot_ns < effect[0]):
        effect = (first.t_boot_ns, "named")
    record = seen.record
    from_ns = effect[0] if effect else 0
    return Outcome(
        case=case,
        phase=seen.phase,
        effect=effect[1] if effect else "",
        named=first.code if first else None,
        also=tuple(event.code for event in named[1:]),
        right=first is not None and first.code in NAMES.get(case.fault or "", ()),
        named_s=(first.t_boot_ns - from_ns) / 1e9 if first else None,
        pressed=seen.since("ramp") is not None,
        vented_s=None if case.fault in VENT_GONE else _until(_gone_ns(seen, from_ns), from_ns),
        let_go_s=_until(max((t_ns for t_ns, on in seen.closed if on and t_ns >= from_ns), default=from_ns), from_ns),
        over_kpa=max((kpa for _, kpa in seen.true_kpa), default=0.0) - case.target_kpa,
        left_kpa=_left_kpa(seen),
        reading=record is not None and record[1].result.status is not Status.NOT_MEASURABLE,
    )


def _until(end_ns: float, from_ns: int) -> float:
    return (end_ns - from_ns) / 1e9


def _left_kpa(seen: Seen) -> float:
    open_ns = seen.since("release")
    return 0.0 if open_ns is None else _true_at(seen, open_ns + round(VENT_LIMIT_S * 1e9))


def _gone_ns(seen: Seen, from_ns: int) -> float:
    """Return when the true pressure was last too high; infinite where it was so at the end."""
    level_kpa = VENTED_SHARE * seen.case.target_kpa
    if seen.case.fault == "pump_runs_on":
        level_kpa = REST_KPA
    high = [t_ns for t_ns, kpa in seen.true_kpa if kpa > level_kpa and t_ns >= from_ns]
    if not high:
        return from_ns
    return high[-1] if high[-1] < seen.true_kpa[-1][0] - 10_000_000 else float("inf")


def first_effect(seen: Seen) -> tuple[int, str] | None:
    """Return when the fault first showed, and how; None where it did not before the measurement was decided."""
    decided_ns = seen.record[0] if seen.record else seen.ticks_ns[-1]
    found = [*_of_pressure(seen), *_of_sensor(seen), *_of_control(seen), *_of_told(seen)]
    from_ns = seen.injected_ns if seen.injected_ns is not None else decided_ns
    return min(((max(t_ns, from_ns), how) for t_ns, how in found if t_ns <= decided_ns), default=None)


def _of_pressure(seen: Seen) -> list[tuple[int, str]]:
    """Return where the true pressure was not what the phase allows."""
    protocol, target = seen.case.protocol, seen.case.target_kpa
    ramp_ns, hold_ns = seen.since("ramp"), seen.since("hold")
    open_ns = seen.since("release")
    off_ns: int | None = None
    for t_ns, kpa in seen.true_kpa:
        if ramp_ns is None or t_ns < ramp_ns or (open_ns is not None and t_ns >= open_ns):
            falls = open_ns is not None and open_ns <= t_ns < open_ns + FALL_S * 1e9
            if kpa > EMPTY_KPA and not falls:
                return [(t_ns, f"{kpa:.1f} kPa while vented")]
            continue
        if hold_ns is None or t_ns < hold_ns:
            wrong = _off_the_ramp(kpa, (t_ns - ramp_ns) / 1e9, target, protocol.ramp_s)
        else:
            wrong = "in the hold" if abs(kpa - target) > max(HELD * target, 1.0) else None
        off_ns = (off_ns or t_ns) if wrong else None
        if wrong and off_ns is not None and t_ns - off_ns > HELD_S * 1e9:
            return [(off_ns, f"{kpa:.1f} kPa {wrong}")]
    return []


def _off_the_ramp(kpa: float, since_s: float, target_kpa: float, ramp_s: float) -> str | None:
    plan_kpa = target_kpa / ramp_s * since_s + max(3.0, 0.1 * target_kpa)
    if kpa > min(plan_kpa, 1.15 * target_kpa + 0.5):
        return "ahead of the ramp"
    slow = since_s > max(0.5, 0.5 * ramp_s) and kpa < 0.1 * target_kpa
    return "behind the ramp" if slow or since_s > 1.5 * ramp_s + 1.5 else None


def _of_sensor(seen: Seen) -> list[tuple[int, str]]:
    """Return where the sensor was wrong or silent."""
    off_kpa = max(1.0, HELD * seen.case.target_kpa)
    found = [
        (t_ns, f"sensor off by {sample.kpa - felt:.1f} kPa")
        for (t_ns, felt), sample in zip(seen.felt_kpa, seen.samples, strict=True)
        if abs(sample.kpa - felt) > off_kpa
    ][:1]
    times = [sample.t_ns for sample in seen.samples]
    silent = [
        (before, f"sensor silent for {(after - before) / 1e9:.2f} s")
        for before, after in pairwise([*times, seen.ticks_ns[-1]])
        if after - before > (0.06 if _falls(seen, after) else 0.12) * 1e9 and _ticked(seen, before, after)
    ]
    return found + silent[:1]


def _ticked(seen: Seen, before_ns: int, after_ns: int) -> bool:
    """Return whether control ran in between, so that the silence was the sensor's."""
    return bisect_left(seen.ticks_ns, after_ns) - bisect_left(seen.ticks_ns, before_ns) > 3


def _falls(seen: Seen, t_ns: int) -> bool:
    open_ns = seen.since("release")
    return open_ns is not None and open_ns <= t_ns and _true_at(seen, t_ns) > EMPTY_KPA


def _pressed(seen: Seen, t_ns: int) -> bool:
    ramp_ns, open_ns = seen.since("ramp"), seen.since("release")
    return ramp_ns is not None and ramp_ns <= t_ns and (open_ns is None or t_ns < open_ns)


def _true_at(seen: Seen, t_ns: int) -> float:
    index = bisect_left(seen.true_kpa, (t_ns, -1.0))
    return seen.true_kpa[min(index, len(seen.true_kpa) - 1)][1]


def _of_control(seen: Seen) -> list[tuple[int, str]]:
    """Return where the link, the lines or the control loop failed the press."""
    found = []
    if seen.gone_ns is not None and _pressed(seen, seen.gone_ns):
        found.append((seen.gone_ns, "owner gone"))
    if seen.write_failed_ns is not None:
        found.append((seen.write_failed_ns, "a write failed"))
    open_ns = seen.since("release") or seen.ticks_ns[-1]
    last = [t_ns for t_ns in seen.renewed_ns if t_ns < open_ns]
    if seen.since("ramp") is not None:
        found += [(a, "lease run out") for a, b in pairwise([*last, open_ns]) if b - a >= 0.5e9][:1]
    for before, after in pairwise(seen.ticks_ns):
        least_s = 0.06 if _falls(seen, before) or _falls(seen, after) else 0.22
        if after - before > least_s * 1e9 and (_pressed(seen, before) or least_s < 0.22):
            found.append((before, f"no control for {(after - before) / 1e9:.2f} s"))
            break
    return found


def _of_told(seen: Seen) -> list[tuple[int, str]]:
    """Return what the probe said of a whole press that was not so."""
    told = seen.released
    if told is None or told.fault is not None or told.why != "held":
        return []
    wrong = _wrong_zero(seen, told) or _wrong_mean(seen, told)
    return [(told.valve_open_ns, wrong)] if wrong else []


def _wrong_zero(seen: Seen, told: Released) -> str | None:
    if told.t_boot_ns is None or told.hold_mean_kpa is None:
        return None
    half = 0.5 * told.hold_mean_kpa
    above = [i for i, (t_ns, kpa) in enumerate(seen.true_kpa[:-1]) if kpa >= half and t_ns < told.valve_open_ns + 10**9]
    if not above:
        return "a time zero of what never was so high"
    (t0, kpa0), (t1, kpa1) = seen.true_kpa[above[-1]], seen.true_kpa[above[-1] + 1]
    true_ns = t0 + (kpa0 - half) / max(kpa0 - kpa1, 1e-9) * (t1 - t0)
    off_s = (told.t_boot_ns - true_ns) / 1e9
    return f"time zero off by {1e3 * off_s:.0f} ms" if abs(off_s) > ZERO_S else None


def _wrong_mean(seen: Seen, told: Released) -> str | None:
    hold_ns = seen.since("hold")
    if hold_ns is None or told.hold_mean_kpa is None:
        return None
    held = [kpa for t_ns, kpa in seen.true_kpa if hold_ns <= t_ns < told.valve_open_ns]
    off = told.hold_mean_kpa / (sum(held) / len(held)) - 1 if held else 0.0
    return f"mean of the hold off by {100 * off:.1f} %" if abs(off) > MEAN_SHARE else None


def danger_told(outcome: Outcome) -> bool:
    """Return whether "take the finger out" was told, where the vent is gone and a pressure is left behind."""
    if outcome.case.fault not in VENT_GONE or not outcome.effect or outcome.left_kpa <= REST_KPA:
        return True
    return any(FAULTS[code].severity == "danger" for code in (outcome.named, *outcome.also) if code)
