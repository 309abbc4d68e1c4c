"""Which readings a study expects, at which event, and when."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from firmware_config.loading import Section

ReadingKind = Literal["finger", "knee", "mottling"]
NOREPINEPHRINE = "norepinephrine"
"""What hours may count from beside an event: the start of norepinephrine, as it was entered with a reading."""


class Expected(Section):
    """The readings of one event. Hours count from an anchor; both ends belong to the window.

    The anchor is the start of norepinephrine, or an earlier event: its first reading that names it. An event without
    `after` has no window: a reading belongs to it only where it says so.
    """

    event: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")] = Field(description="one of the study's events")
    readings: list[ReadingKind] = Field(min_length=1, description="what is measured at it: each once")
    after: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")] | None = Field(
        None, description="what the hours count from: an event above it, or norepinephrine; none: no window"
    )
    from_h: float = Field(0.0, ge=0, le=2400, description="first hour that counts")
    to_h: float = Field(0.0, ge=0, le=2400, description="last hour that counts")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.after is None and (self.from_h or self.to_h):
            raise ValueError("from_h and to_h need after: hours count from something")
        if self.after is not None and self.from_h >= self.to_h:
            raise ValueError(f"from_h = {self.from_h:g} is not before to_h = {self.to_h:g}")
        if len(set(self.readings)) < len(self.readings):
            raise ValueError("readings: each once")
        return self


class Ask(Section):
    """From where on the data ask a question of their own. These are no limits of the measurement."""

    crt_spread: float = Field(0.5, gt=0, le=10, description="spread of a reading's presses, fraction of their median")
    change_factor: float = Field(3.0, gt=1, le=100, description="a change of refill time by more than this factor asks")
    change_within_h: float = Field(6.0, gt=0, le=240, description="between two readings no further apart than this")


def wrong_in(expected: list[Expected], events: list[str]) -> list[str]:
    """Return what does not fit between the expected readings and the study's events, a sentence each."""
    wrong, seen = [], [NOREPINEPHRINE]
    for each in expected:
        if each.event not in events:
            wrong.append(f"expected: {each.event} is not among events")
        if each.event in seen:
            wrong.append(f"expected: {each.event} stands there twice")
        if each.after is not None and each.after not in seen:
            wrong.append(f"expected: {each.event}: after = {each.after} is no event above it, nor {NOREPINEPHRINE}")
        seen.append(each.event)
    return wrong
