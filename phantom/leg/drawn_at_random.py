"""Specs drawn at random over tones, patterns, light, cloth, crops and everything that is no mottling."""

from typing import Final, Literal

import numpy as np

from phantom.leg.mottles import coin_radius_mm
from phantom.leg.spec import DISTRACTORS, PATTERNS, SHEETS, LegSpec, Renderer
from phantom.tones import TONES

REACHES: Final[dict[int, tuple[float, float]]] = {2: (-0.03, 0.0), 3: (0.05, 0.48), 4: (0.54, 0.97), 5: (1.05, 1.22)}
"""Reach of mottling that a score stands for, drawn evenly: also close to the levels."""
SIZES: Final[tuple[tuple[int, int], ...]] = ((1600, 1200), (2048, 1536), (2592, 1944), (4000, 3000))


def spec_of(number: int, renderer: Renderer, score: int | None = None) -> LegSpec:
    """Return the spec with a number: always the same. `score` 0 to 5; None: drawn evenly."""
    rng = np.random.default_rng([number, 78 if renderer == "painter" else 77])
    wanted = int(rng.integers(0, 6)) if score is None else score
    size = SIZES[int(rng.choice(len(SIZES), p=[0.55, 0.25, 0.15, 0.05]))]
    reach = float(rng.uniform(*REACHES[wanted])) if wanted >= 2 else None
    # Something else is on every unmottled leg: these have to be told from mottling.
    several = int(rng.integers(1, 4)) if wanted == 0 else int(rng.choice([0, 1, 2], p=[0.5, 0.3, 0.2]))
    distractors = frozenset(str(name) for name in rng.choice(DISTRACTORS, several, replace=False))
    return LegSpec(
        seed=number,
        renderer=renderer,
        tone=TONES[number // 2 % len(TONES)],
        reach=reach,
        coin_mm=coin_radius_mm(rng) if wanted == 1 else None,
        pattern=PATTERNS[int(rng.integers(0, len(PATTERNS)))],
        intensity=float(rng.uniform(0.35, 1.0)),
        width_px=size[0],
        height_px=size[1],
        thigh_mm=float(rng.uniform(350, 450)),
        girth=float(rng.uniform(0.85, 1.2)),
        bend_deg=float(rng.uniform(-5, 35)),
        turn_deg=float(rng.uniform(-7, 7)),
        mirrored=bool(rng.random() < 0.5),
        view=_view(rng),
        covered_from=float(rng.uniform(0.25, 1.2)) if rng.random() < 0.25 else None,
        light_kelvin=float(rng.uniform(2900, 6500)),
        white_balance_error=float(rng.normal(0, 0.06)),
        gradient=float(rng.uniform(0.0, 0.35)),
        shadow=float(rng.uniform(0.15, 0.5)) if rng.random() < 0.3 else 0.0,
        sheet=str(rng.choice(list(SHEETS))),
        gown=str(rng.choice(["blue", "green", "white"])),
        distractors=distractors,
        noise=float(rng.uniform(0.003, 0.012)),
        exposure=float(rng.uniform(0.75, 1.25)),
        blur_px=float(rng.uniform(0.5, 1.3)),
        groin_given=bool(rng.random() < 0.9),
    )


def _view(rng: np.random.Generator) -> Literal["whole", "no_groin", "half_thigh", "to_groin"]:
    drawn = rng.random()
    return "whole" if drawn < 0.7 else "to_groin" if drawn < 0.8 else "no_groin" if drawn < 0.9 else "half_thigh"
