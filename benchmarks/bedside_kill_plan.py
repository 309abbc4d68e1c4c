"""When the kill campaign kills what: half of the moments spread over the measurement, half aimed at a phase of it."""

import random
from dataclasses import dataclass
from typing import Literal

Victim = Literal["bedside", "probe", "both"]

MEASUREMENT_S: float = 18.5
"""About what one of the campaign's protocol takes."""
BASELINE_S: float = 0.9
PHASE_S: dict[str, float] = {
    "baseline": 1.0,
    "pressing": 0.9,
    "holding": 2.1,
    "refilling": 3.8,
    "resting": 2.4,
    "committing": 0.02,
}
"""Where a kill can be aimed, and how long that lasts about; "committing" begins when the last press is kept."""
MEASURED_SHARE: float = 0.2
"""Of the kills are followed by a whole measurement; all by the begin of one."""
STARTING_SHARE: float = 0.1
"""Of the restarts are killed too, before or while they clean up."""
PRESSES: int = 2
"""Of the campaign's protocol."""


@dataclass(frozen=True)
class Kill:
    """SIGKILL for `victim`, `after_s` after the measurement began, or after `phase` of press `press` did."""

    number: int
    victim: Victim
    phase: str | None
    press: int
    after_s: float
    again_s: float | None
    """So long after its start the restarted bedside is killed too."""
    measured: bool
    """Whether a whole measurement follows."""

    @property
    def presses(self) -> int:
        """How many presses there will have been by then."""
        if self.phase is not None:
            return self.press
        return 0 if self.after_s < BASELINE_S else 1 if self.after_s < MEASUREMENT_S / 2 else PRESSES


def plan(kills: int, seed: int) -> list[Kill]:
    """Return the kills; what is random in them comes from the seed."""
    dice = random.Random(seed)  # noqa: S311 - a campaign that can be repeated, no secret
    planned = []
    for number in range(1, kills + 1):
        phase = dice.choice(list(PHASE_S)) if dice.random() < 0.5 else None
        press = PRESSES if phase == "committing" else 1 if phase == "resting" else dice.randint(1, PRESSES)
        after_s = dice.uniform(0.0, MEASUREMENT_S if phase is None else PHASE_S[phase])
        victim: Victim = dice.choices(("bedside", "probe", "both"), (0.84, 0.08, 0.08))[0]
        again_s = dice.uniform(0.2, 1.5) if victim != "probe" and dice.random() < STARTING_SHARE else None
        planned.append(Kill(number, victim, phase, press, after_s, again_s, dice.random() < MEASURED_SHARE))
    return planned
