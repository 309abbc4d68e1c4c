"""The table of steps in docs/calibration.md, from the plan: `python -m refill.calibrate_docs` renews it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from calibration.rig import Target
from calibration.step import Step

PAGE: Final = Path("docs/calibration.md")
BEGIN, END = "<!-- steps -->", "<!-- /steps -->"
PLACES: Final[dict[Target, str]] = {
    Target.NOTHING: "nothing",
    Target.PLUG: "plug on the nozzle",
    Target.DARK_CAP: "dark cap",
    Target.WHITE: "white target",
    Target.GREY_STEPS: "grey steps",
    Target.CHART: "colour chart",
    Target.SCALE_CARD: "scale card",
    Target.PAD: "soft pad",
    Target.RECOVERY: "screen with the recovery page",
}


def as_markdown(steps: Sequence[Step]) -> str:
    """Return the table for the page."""
    lines = [
        f"| {number} | `{step.name}` | {step.title.en} | {PLACES[step.target]} | {step.instruction.en} | "
        f"{'where the device can' if step.optional else 'yes'} |"
        for number, step in enumerate(steps, start=1)
    ]
    head = ["| | step | | in place | what you do | needed |", "|---|---|---|---|---|---|"]
    return "\n".join([*head, *lines])


def written(page: str, steps: Sequence[Step]) -> str:
    """Return the page with the table between its marks renewed; raises `ValueError` where a mark is missing."""
    if page.count(BEGIN) != 1 or page.count(END) != 1:
        raise ValueError(f"{PAGE}: wants one {BEGIN} and one {END}")
    before, _, rest = page.partition(BEGIN)
    after = rest.partition(END)[2]
    return f"{before}{BEGIN}\n\n{as_markdown(steps)}\n\n{END}{after}"


if __name__ == "__main__":
    from calibration.plan import ALL_STEPS

    PAGE.write_text(written(PAGE.read_text(encoding="utf-8"), ALL_STEPS), encoding="utf-8")
