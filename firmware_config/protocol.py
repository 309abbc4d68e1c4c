"""The protocol: how the skin is pressed and for how long it is watched. A named, versioned file in `protocols/`."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from firmware_config.loading import ConfigurationError, Section

CEILING_KPA: float = 60.0
"""No protocol may ask for more. The probe's own code holds the same ceiling again, where the valve is driven."""
CEILING_HOLD_S: float = 20.0
CEILING_N: float = 120.0
"""`CEILING_KPA` on the largest plate that a device file may name; a smaller plate lowers it."""


class Protocol(Section):
    """One way to make a measurement."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")] = Field(description="as the file is called")
    version: Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)*$")] = Field(
        description="raised with every change: it stands in each reading"
    )
    source: str = Field(description="publication or document that the protocol comes from")
    body_sites: list[Literal["finger", "knee"]] = Field(min_length=1, description="where it may be used")
    target_kpa: float | None = Field(
        None, gt=0, le=CEILING_KPA, description="pressure under the window during the hold; this or target_n"
    )
    target_n: float | None = Field(
        None, gt=0, le=CEILING_N, description="force on the window plate during the hold; this or target_kpa"
    )
    ramp_s: float = Field(1.0, ge=0.2, le=5, description="time in which the pressure rises to the target")
    hold_s: float = Field(gt=0, le=CEILING_HOLD_S, description="from the target reached to the release")
    baseline_s: float = Field(2.0, ge=1, le=10, description="skin watched before the press")
    presses: int = Field(3, ge=1, le=5, description="in a set; the reading is their median")
    spacing_s: float = Field(20.0, ge=0, le=300, description="rest between one press's window and the next press")
    early_stop: bool = Field(
        True,
        description="a press ends before observe_s once a longer window would not change its number; "
        "false: the same window for every press, as a comparison of methods needs it",
    )
    least_observe_s: float = Field(4.0, ge=3, le=30, description="window before the first look for an early end")
    observe_s: float = Field(12.0, ge=3, le=30, description="window watched after release")
    observe_limit_s: float = Field(30.0, ge=3, le=30, description="window is extended up to this until refill settles")
    hold_tolerance: float = Field(0.10, gt=0, le=0.25, description="of the target, for the hold to count as held")
    repeat_sets: int = Field(
        1, ge=0, le=2, description="how often all presses are made again where they disagree; each set is judged alone"
    )
    repeat_after_s: float = Field(120.0, ge=0, le=600, description="rest before the presses are made again")
    agreement: float = Field(0.25, gt=0, le=1, description="largest (max - min) / median of the presses' refill times")

    @model_validator(mode="after")
    def _one_target(self) -> Self:
        if (self.target_kpa is None) == (self.target_n is None):
            raise ValueError("asks for target_kpa or for target_n, one of the two")
        return self

    @model_validator(mode="after")
    def _window_in_order(self) -> Self:
        if self.observe_limit_s < self.observe_s:
            raise ValueError("observe_limit_s is shorter than observe_s")
        if self.early_stop and self.least_observe_s > self.observe_s:
            raise ValueError("least_observe_s is longer than observe_s")
        return self

    def target_kpa_on(self, area_mm2: float) -> float:
        """Return the pressure to hold under a window plate of `area_mm2`; kPa is 1000 N / mm².

        Raises `ConfigurationError` where a force on so small a plate is more than any probe may press with.
        """
        if self.target_kpa is not None:
            return self.target_kpa
        asked_n = self.target_n or 0.0
        kpa = 1000.0 * asked_n / area_mm2
        if kpa > CEILING_KPA:
            raise ConfigurationError(
                f"protocol {self.name}: target_n: {asked_n:g} N on a plate of {area_mm2:g} mm2 is {kpa:.1f} kPa, "
                f"above {CEILING_KPA:g} kPa"
            )
        return kpa
