"""The fault campaign: every fault of the phantom as pictures, over tones, sizes and seeds, and what came of it.

`python -m benchmarks.faults` renders each press at 320x240, gives the frames to the sampler as the bedside does, has
them analysed, and prints by fault and size how many were refused for the right reason, refused for another, harmless,
censored, or a wrong number; fault-free presses with a moving hand stand beside them. It writes
`docs/evidence/faults.md` and ends with 1 where a wrong number got through. No target pressure is given to the analysis:
that would make it easier.
"""

import argparse
import os
import sys
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing import Pool
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.accuracy_ladder import KINDS, TONES
from benchmarks.faults_table import ANSWERS, FOUND_AT_PART_SIZE, FOUND_WITHOUT_PRESSURE, WITHOUT_PRESSURE
from phantom.plan import plan
from phantom.pressure import sensor_series
from phantom.scene import Scene
from phantom.schedule import end_s, schedule
from phantom.spec import PressSpec
from phantom.truth import truth
from vision.grid import GridRecording, GridSampler
from vision.press import Settings, analyse_recording
from vision.pressure import PressureTrace

EVIDENCE = Path("docs/evidence")
PER_FAULT, PER_FAULT_WITHOUT_PRESSURE, CONTROLS = 12, 6, 24
HARMLESS_S, HARMLESS_SHARE = 0.15, 0.06
MOTION_PX = (0.4, 1.0, 2.0, 0.4)


@dataclass(frozen=True)
class FaultCase:
    """One press with a fault (None: a control) of `size` times its default, and whether the pressure is known."""

    fault: str | None
    size: float
    number: int
    seed: int
    pressure_known: bool = True

    @property
    def title(self) -> str:
        """Name of the table's row."""
        name = self.fault or "none (control)"
        return name if self.pressure_known else f"{name}, no pressure trace"


@dataclass(frozen=True)
class FaultOutcome:
    """What came of one press; times in s, None where there is none. `ended` is a reason or a status.

    `truths_s` are the true times to 90 %: none where nothing refills, two where the skin was pressed twice, counted
    from the first and from the last release. A number has to be near one of them.
    """

    case: FaultCase
    spec: PressSpec
    truths_s: tuple[float, ...]
    ended: str
    crt_s: float | None
    interval_s: tuple[float, float] | None
    exceeds_s: float | None

    @property
    def verdict(self) -> str:
        """One of: right reason, other reason, harmless, censored, wrong number."""
        answers = ANSWERS.get(self.case.fault or "")
        if self.crt_s is not None:
            never = answers is not None and answers.never_a_number
            return "harmless" if self._near() and not never else "wrong number"
        if self.ended == "censored":
            holds = not self.truths_s or (self.exceeds_s is not None and max(self.truths_s) >= self.exceeds_s)
            return "censored" if holds and not (answers and answers.never_a_number) else "wrong number"
        accepted = answers.reasons if answers else ()
        if self.case.size < 1:
            accepted = (*accepted, *FOUND_AT_PART_SIZE)
        if not self.case.pressure_known:
            accepted = (*accepted, *FOUND_WITHOUT_PRESSURE)
        return "right reason" if self.ended in accepted else "other reason"

    def _near(self) -> bool:
        crt_s = self.crt_s
        return crt_s is not None and any(
            abs(crt_s - true_s) <= max(HARMLESS_S, HARMLESS_SHARE * true_s) for true_s in self.truths_s
        )

    @property
    def line(self) -> str:
        """The press in one line, to be found and played again."""
        spec, told = self.spec, " or ".join(f"{true_s:.2f} s" for true_s in self.truths_s) or "none"
        answer = "no number" if self.crt_s is None else f"{self.crt_s:.2f} s"
        answer = f"longer than {self.exceeds_s:.2f} s" if self.exceeds_s is not None else answer
        interval = "" if self.interval_s is None else f" ({self.interval_s[0]:.2f} to {self.interval_s[1]:.2f})"
        made = f"size {self.case.size:g}, press {self.case.number}, tone {spec.tone}, {spec.kind}, {spec.fps:g} fps"
        return f"{self.case.title}, {made}: true {told}, told {answer}{interval}"


def cases(seed: int, quick: bool) -> Iterator[FaultCase]:
    """Yield the campaign's presses; `quick`: one of every fault at its default size, without repetition."""
    for number in range(1 if quick else CONTROLS):
        yield FaultCase(None, 1.0, number, seed)
    for fault, answers in ANSWERS.items():
        sizes = (1.0,) if quick else answers.sizes
        for number in range(1 if quick else PER_FAULT):
            yield FaultCase(fault, sizes[number % len(sizes)], number, seed)
    for fault in WITHOUT_PRESSURE:
        sizes = (1.0,) if quick else ANSWERS[fault].sizes
        for number in range(1 if quick else PER_FAULT_WITHOUT_PRESSURE):
            yield FaultCase(fault, sizes[number % len(sizes)], number, seed, pressure_known=False)


def spec_of(case: FaultCase) -> PressSpec:
    """Return the press of a case: tones and curves take turns so that every size meets several."""
    rng = np.random.default_rng([case.seed, zlib.crc32(case.title.encode()), case.number])
    fps = ANSWERS[case.fault].fps if case.fault else (24.0, 30.0)
    number = case.number
    return PressSpec(
        crt_s=float(np.exp(rng.uniform(np.log(0.8), np.log(4.0)))),
        tone=TONES[(number + number // len(TONES)) % len(TONES)],
        kind=KINDS[number % len(KINDS)],
        step_ln_g=float(np.exp(rng.uniform(np.log(0.05), np.log(0.3)))),
        fps=fps[number // 2 % len(fps)],
        seed=int(rng.integers(2**31)),
        fault=case.fault,
        fault_size=case.size,
        pulse=float(rng.uniform(0.0, 0.12)),
        pulse_per_min=float(rng.uniform(50.0, 130.0)),
        slow_wave=float(rng.uniform(0.0, 0.015)),
        motion_px=0.4 if case.fault else MOTION_PX[number % len(MOTION_PX)],
        pre_s=2.5,
        hold_s=4.0,
        post_s=10.0,
    )


def truths_s(told: dict[str, Any]) -> tuple[float, ...]:
    """Return the true t90 from the phantom's truth: from the first release and, where there are more, from the last."""
    if told.get("t90") is None:
        return ()
    end_s = told["t0"] + told["t90"]
    return tuple(end_s - released_s for released_s in dict.fromkeys([told["t0"], told["release_times"][-1]]))


def record(spec: PressSpec) -> tuple[GridRecording, PressureTrace, dict[str, Any]]:
    """Render a press into the sampler; return the grid recording, the pressure, and the phantom's truth."""
    made = plan(spec)
    times, scene = schedule(made), Scene(made)
    played = made.play(times.times_s)
    sampler = GridSampler(spec.width_px, spec.height_px)
    picture, shown = None, -1
    for index, source in enumerate(times.shows):
        if picture is None or source != shown:
            since_s = float(played.since_release_s[index])
            picture, shown = scene.render(float(times.times_s[index]), float(played.blood[index]), since_s), source
        sampler.add(picture, float(times.times_s[index]))
    return sampler.finish(), PressureTrace(*sensor_series(spec, end_s(made))), truth(made)


def play(case: FaultCase) -> FaultOutcome:
    """Render and analyse one case."""
    spec = spec_of(case)
    recording, pressure, told = record(spec)
    found = analyse_recording(recording, pressure if case.pressure_known else None, Settings())
    ended = found.reason or found.status
    return FaultOutcome(case, spec, truths_s(told), ended, found.crt_s, found.crt_ci95_s, found.crt_exceeds_s)


def run(asked: Sequence[FaultCase], jobs: int) -> list[FaultOutcome]:
    """Play every case, in order; progress on stderr."""
    outcomes: list[FaultOutcome] = []
    with Pool(jobs) as pool:
        for outcome in pool.imap(play, asked):
            outcomes.append(outcome)
            if len(outcomes) % 20 == 0 or len(outcomes) == len(asked):
                sys.stderr.write(f"{len(outcomes)} of {len(asked)} presses\n")
    return outcomes


def main() -> int:
    """Run the campaign; exit 1 where a wrong number got through."""
    from benchmarks.faults_report import as_markdown, as_text

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument(
        "--quick", action="store_true", help="one press a fault; nothing is written unless --out is given"
    )
    parser.add_argument("--only", help="one fault only")
    parser.add_argument("--out", type=Path, help=f"folder for the table ({EVIDENCE})")
    asked = parser.parse_args()
    chosen = [case for case in cases(asked.seed, asked.quick) if asked.only in (None, case.fault)]
    outcomes = run(chosen, asked.jobs)
    sys.stdout.write(as_text(outcomes) + "\n")
    whole = not asked.quick and asked.only is None
    out: Path | None = asked.out or (EVIDENCE if whole else None)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        text = as_markdown(outcomes, f"python -m benchmarks.faults --seed {asked.seed}")
        (out / "faults.md").write_text(text, encoding="utf-8")
    return 1 if any(outcome.verdict == "wrong number" for outcome in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())
