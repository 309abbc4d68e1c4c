"""The study: its sites, events and thresholds. A successor trial is a new file in `studies/`."""

from typing import Annotated, Literal

from pydantic import Field

from firmware_config.loading import Section


class Threshold(Section):
    """Above this refill time, at this body site, perfusion counts as poor."""

    body_site: Literal["finger", "knee"]
    crt_s: float = Field(gt=0, le=30)


class Study(Section):
    """What a study expects. Subjects are a site number and an inclusion number, nothing else."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
    title: str
    registration: str | None = Field(None, description="registry number, for example NCT03788837")
    sites: list[Annotated[str, Field(pattern=r"^[0-9]{2,4}$")]] = Field(min_length=1)
    accept_simulated: bool = Field(False, description="whether readings without skin behind them may be stored")
    events: list[Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]] = Field(default_factory=list)
    hypoperfusion: list[Threshold] = Field(default_factory=list)
