"""The presses of the accuracy ladder: what each is, and what was measured of it by us and by pyCRT.

Every press is a function of the campaign's seed, its group and its number, so that any one can be played again. Truth
is the time to 90 % of the blood volume's recovery. Simulation: it says nothing about people.
"""

import zlib
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from benchmarks import pycrt_peer
from benchmarks.pycrt_peer import PeerResult
from phantom.spec import PressSpec
from phantom.trace import SimulatedTrace, simulate
from vision.press import PressAnalysis, Settings, analyse_trace
from vision.pressure import PressureTrace
from vision.signal import haemoglobin
from vision.trace import Trace

Array = NDArray[np.float64]

KINDS: Final = ("exp", "biexp", "delayed", "sigmoid", "overshoot")
TONES: Final = ("I", "II", "III", "IV", "V", "VI")
FRAME_RATES: Final = (24.0, 30.0, 60.0, 120.0)
REFILL_S: Final = (0.5, 12.0)
STEPS: Final = (0.03, 0.5)
LIMIT_S: Final = 30.0
"""The longest window that the bedside watches."""
WINDOW_S: Final = 12.0
"""The window that the bedside watches first."""
FIRST_LOOK_S: Final = 4.0
"""The early stop is asked for from here on, then every second."""


@dataclass(frozen=True)
class Group:
    """A set of presses: how many there are for 1,000 of the main ladder, and what differs from that."""

    title: str
    per_thousand: int
    pulse: tuple[float, float] = (0.0, 0.12)
    slow_wave: tuple[float, float] = (0.0, 0.015)
    saturation: tuple[float, float] = (0.7, 0.7)
    pressure_known: bool = True
    window: str = "whole"


MAIN: Final = "main"
GROUPS: Final[dict[str, Group]] = {
    MAIN: Group("main ladder", 1000),
    "slow": Group("slow wave 1.5 to 4 %", 100, slow_wave=(0.015, 0.04)),
    "pulse": Group("pulse 12 to 25 %", 100, pulse=(0.12, 0.25)),
    "picture": Group("no pressure trace, from the first return", 100, pressure_known=False),
    "oxygen": Group("oxygen saturation 0.4 to 0.95", 100, saturation=(0.4, 0.95)),
    "bedside": Group("12 s, or 30 s when not finished", 100, window="bedside"),
    "early": Group("stopped when established", 100, window="early"),
}


@dataclass(frozen=True)
class Case:
    """One press to be played: its group, its number there, and the campaign's seed."""

    group: str
    number: int
    seed: int


@dataclass(frozen=True)
class Outcome:
    """One press played; times in s. `crt_s` is None where it was refused or censored, then `ended` says how.

    `exceeds_s` is the bound of a censored press. `watched_s` is how long after release the skin was watched.
    """

    case: Case
    spec: PressSpec
    with_surround: bool
    truth_s: float
    ended: str
    crt_s: float | None
    interval_s: tuple[float, float] | None
    exceeds_s: float | None
    watched_s: float
    peer: PeerResult

    @property
    def error_s(self) -> float:
        """Measured minus true; not a number where nothing was measured."""
        return float("nan") if self.crt_s is None else self.crt_s - self.truth_s

    @property
    def covered(self) -> bool:
        """Whether the interval holds the truth."""
        return self.interval_s is not None and self.interval_s[0] <= self.truth_s <= self.interval_s[1]

    @property
    def censored(self) -> bool:
        """Whether the answer is "longer than"."""
        return self.ended == "censored"

    @property
    def bound_holds(self) -> bool:
        """Whether a censored press indeed took longer than was said."""
        return self.censored and self.exceeds_s is not None and self.truth_s >= self.exceeds_s

    @property
    def refused(self) -> bool:
        """Whether there is no answer though there was one to give: refused, or censored though it had refilled."""
        return self.crt_s is None and not (self.censored and self.truth_s > self.watched_s)


def tolerance_s(truth_s: float) -> float:
    """Return the error that is allowed at this refill time: 0.10 s or 6 %, whichever is larger."""
    return max(0.10, 0.06 * truth_s)


def cases(presses: int, seed: int) -> list[Case]:
    """Return every case of a campaign with `presses` in its main ladder."""
    return [
        Case(name, number, seed)
        for name, group in GROUPS.items()
        for number in range(max(presses * group.per_thousand // 1000, 1))
    ]


def spec_of(case: Case) -> tuple[PressSpec, bool]:
    """Return the press of a case, and whether unblanched skin is in view.

    Curves and tones take turns (all 30 pairs); refill times and steps are log-uniform, disturbances uniform.
    """
    group = GROUPS[case.group]
    rng = np.random.default_rng([case.seed, zlib.crc32(case.group.encode()), case.number])
    crt_s, step = (float(np.exp(rng.uniform(*np.log(bounds)))) for bounds in (REFILL_S, STEPS))
    window_s = LIMIT_S if group.window != "whole" else min(max(10.0, 3.5 * crt_s), LIMIT_S)
    spec = PressSpec(
        kind=KINDS[case.number % len(KINDS)],
        tone=TONES[case.number % len(TONES)],
        crt_s=crt_s,
        step_ln_g=step,
        seed=int(rng.integers(2**31)),
        hold_s=float(rng.choice([5.0, 10.0])),
        fps=float(rng.choice(FRAME_RATES)),
        pulse=float(rng.uniform(*group.pulse)),
        pulse_per_min=float(rng.uniform(50.0, 130.0)),
        slow_wave=float(rng.uniform(*group.slow_wave)),
        respiration=float(rng.uniform(0.0, 0.01)),
        drift=float(rng.uniform(-0.03, 0.03)),
        noise=float(rng.uniform(0.5, 2.0)),
        motion_px=float(rng.uniform(0.0, 1.0)),
        release_s=float(rng.uniform(0.03, 0.12)),
        saturation=float(rng.uniform(*group.saturation)),
        post_s=window_s,
    )
    return spec, bool(rng.integers(2))


def trace_of(press: SimulatedTrace, with_surround: bool) -> Trace:
    """Return the trace that a camera would give of a simulated press."""
    surround = haemoglobin(press.surround_rgb_linear) if with_surround else None
    return Trace(press.time_s, haemoglobin(press.rgb_linear), light=press.rgb_linear, surround=surround)


def _watched(trace: Trace, pressure: PressureTrace | None, end_s: float) -> PressAnalysis:
    """Analyse what was seen up to `end_s` on the trace's clock."""
    seen = trace.only(trace.time_s <= end_s)
    if pressure is not None:
        told = pressure.time_s <= end_s
        pressure = PressureTrace(pressure.time_s[told], pressure.kpa[told])
    return analyse_trace(seen, pressure, Settings())


def _finished(found: PressAnalysis, window: str) -> bool:
    """Whether the bedside would stop here; of the early stop the analysis itself says so."""
    return bool(getattr(found, "established", False)) if window == "early" else found.status != "censored"


def _looks_s(window: str) -> tuple[float, ...]:
    """Return the times after release at which the bedside would analyse, in s."""
    if window == "whole":
        return (LIMIT_S + 1.0,)
    return (WINDOW_S, LIMIT_S) if window == "bedside" else tuple(np.arange(FIRST_LOOK_S, LIMIT_S + 0.5))


def _analyse(press: SimulatedTrace, trace: Trace, group: Group) -> tuple[PressAnalysis, float]:
    """Return the analysis and how long the skin was watched, in s after release."""
    pressure = PressureTrace(press.pressure_time_s, press.pressure_kpa) if group.pressure_known else None
    zero_s = float(press.truth["t0"])
    end_s = float(trace.time_s[-1])
    for look_s in _looks_s(group.window):
        found = _watched(trace, pressure, zero_s + look_s)
        if _finished(found, group.window):
            break
    return found, min(look_s, end_s - zero_s)


def measure(case: Case) -> Outcome:
    """Simulate one case and have it measured by us and by pyCRT."""
    spec, with_surround = spec_of(case)
    press = simulate(spec)
    found, watched_s = _analyse(press, trace_of(press, with_surround), GROUPS[case.group])
    zero_s = float(press.truth["t0"])
    seen = press.time_s <= zero_s + watched_s
    return Outcome(
        case=case,
        spec=spec,
        with_surround=with_surround,
        truth_s=float(press.truth["t90"]) - (0.0 if GROUPS[case.group].pressure_known else spec.dead_time_s),
        ended=found.reason or found.status,
        crt_s=found.crt_s,
        interval_s=found.crt_ci95_s,
        exceeds_s=found.crt_exceeds_s,
        watched_s=watched_s,
        peer=pycrt_peer.run(press.time_s[seen], press.rgb_encoded[seen, ::-1], zero_s),
    )
