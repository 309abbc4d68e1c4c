"""How a study turns the device's seconds into a stopwatch's before it holds them against a threshold, if it does."""

import math
from typing import Literal, Self

from pydantic import Field, model_validator

from firmware_config.loading import Section

NARROWEST_S: float = 0.5


class StopwatchLine(Section):
    """One agreement calibration, as `refill calibrate agreement PAIRS.csv --mapping` wrote it."""

    version: str = Field(
        pattern=r"^[a-z0-9][a-z0-9.-]{0,62}$", description="name of this calibration, in every verdict that it governs"
    )
    body_site: Literal["finger", "knee"] = Field(description="where the pairs were made; each once")
    intercept_s: float = Field(ge=-5, le=5, description="stopwatch = intercept_s + slope x device")
    slope: float = Field(ge=0.2, le=5, description="seconds of the stopwatch for one of the device")
    covariance: list[float] = Field(
        min_length=3, max_length=3, description="intercept's variance, s2; covariance of both, s; slope's variance"
    )
    from_s: float = Field(gt=0, le=60, description="shortest refill time of the device that the pairs hold")
    to_s: float = Field(gt=0, le=60, description="longest one; beyond both nothing is mapped, and it is said")
    subjects: int = Field(ge=10, description="how many subjects the pairs are of")
    pairs: int = Field(ge=10, description="how many pairs there are")

    @model_validator(mode="after")
    def _is_a_line(self) -> Self:
        var_0, both, var_1 = self.covariance
        if not all(map(math.isfinite, self.covariance)) or var_0 < 0 or var_1 < 0 or both**2 > 1.001 * var_0 * var_1:
            raise ValueError("covariance is none: variance, covariance, variance")
        if self.to_s - self.from_s < NARROWEST_S:
            raise ValueError(f"from_s to to_s is narrower than {NARROWEST_S:g} s: no line is known from that")
        return self


def wrong_lines(lines: list[StopwatchLine]) -> list[str]:
    """Return what is wrong with a study's lines together."""
    sites = [line.body_site for line in lines]
    return [
        f"stopwatch: {site} stands there twice" for site in sorted({site for site in sites if sites.count(site) > 1})
    ]
