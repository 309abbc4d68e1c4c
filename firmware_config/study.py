"""The study: its sites, events, numbers and thresholds. A successor trial is a new file in `studies/`."""

import re
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from firmware_config.loading import Section
from firmware_config.study_crf import Crf, wrong_events
from firmware_config.study_schedule import Ask, Expected, wrong_in
from firmware_config.study_stopwatch import StopwatchLine, wrong_lines
from firmware_config.wrong import refuse

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
BodySiteName = Literal["finger", "knee"]


class Threshold(Section):
    """Above this refill time, at this body site, perfusion counts as poor."""

    body_site: BodySiteName = Field(description="where it counts")
    crt_s: float = Field(gt=0, le=30, description="refill time above which perfusion is poor")


class Inclusion(Section):
    """What an inclusion number looks like within its site. A check digit is its last digit.

    It is filled up to `least_digits` with zeros in front and no further: each subject's number is written in one way.
    """

    least_digits: int = Field(4, ge=1, le=6, description="shorter numbers get zeros in front")
    most_digits: int = Field(6, ge=1, le=6, description="longer ones are refused")
    check_digit: Literal["none", "luhn", "damm", "verhoeff", "iso7064-mod11-10"] = Field(
        "none", description="method by which the last digit is checked"
    )

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.least_digits > self.most_digits:
            raise ValueError(f"least_digits = {self.least_digits} is above most_digits = {self.most_digits}")
        if self.check_digit != "none" and self.least_digits < 2:
            raise ValueError("check_digit needs least_digits of 2 or more: a digit alone checks nothing")
        return self


class Window(Section):
    """When the study measures, in hours after norepinephrine was started; both ends belong to it."""

    after: Literal["norepinephrine"] = Field("norepinephrine", description="what the hours count from: its start")
    from_h: float = Field(6.0, ge=0, le=240, description="first hour that counts")
    to_h: float = Field(24.0, gt=0, le=240, description="last hour that counts")
    events: list[Name] = Field(
        default_factory=list, description="events at which an input counts only inside it; none named: at every one"
    )

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.from_h >= self.to_h:
            raise ValueError(f"from_h = {self.from_h:g} is not before to_h = {self.to_h:g}")
        return self


class Study(Section):
    """What a study expects. Subjects are a site number and an inclusion number, nothing else."""

    name: Name = Field(description="as the file is called")
    title: str = Field(description="as people call it")
    registration: str | None = Field(None, description="registry number, for example NCT03788837")
    sites: list[Annotated[str, Field(pattern=r"^[0-9]{2,4}$")]] = Field(
        min_length=1, description="numbers of its hospitals, in quotes; each once"
    )
    inclusion: Inclusion = Field(default_factory=Inclusion)
    calibration: Literal["required", "bench"] = Field(
        "required", description="whether a device without a certificate in force may press; bench: it may, and says so"
    )
    accept_simulated: bool = Field(False, description="whether readings without skin behind them may be stored")
    devices: Literal["any", "enrolled"] = Field(
        "enrolled", description="whose messages are taken: those of enrolled devices, or, for a demonstration, anyone's"
    )
    events: list[Name] = Field(default_factory=list, description="occasions to measure at; each once")
    sides: bool = Field(False, description="whether a side must be named with every measurement")
    operator_pattern: str = Field(
        r"[a-z0-9]{1,4}",
        max_length=60,
        description="what an operator code looks like; whatever it says, more than four letters are refused",
    )
    protocols: dict[BodySiteName, Name] = Field(
        default_factory=dict, description="protocol that is taken where none is named"
    )
    window: Window | None = Field(None, description="none: the study has no window")
    hypoperfusion: list[Threshold] = Field(default_factory=list)
    mottling_from_score: int | None = Field(
        None, ge=1, le=5, description="from this score on perfusion counts as poor; none: mottling does not count"
    )
    stopwatch: list[StopwatchLine] = Field(
        default_factory=list,
        description="agreement calibrations; none: thresholds are held against the device's seconds",
    )
    inputs_within_h: float = Field(
        2.0, gt=0, le=24, description="a verdict takes no input that is older than this against its newest one"
    )

    expected: list[Expected] = Field(
        default_factory=list, description="which readings are expected at which event; none: no schedule is kept"
    )
    late_after_h: float = Field(
        24.0, gt=0, le=2400, description="a reading that came in longer than this after it was measured is late"
    )

    crf: Crf = Field(default_factory=Crf, description="identifiers of the case report form")
    ask: Ask = Field(default_factory=Ask, description="when a query is opened without a person")

    @field_validator("operator_pattern")
    @classmethod
    def _is_a_pattern(cls, value: str) -> str:
        try:
            re.compile(value)
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from error
        return value

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        wrong = []
        for key, values in (
            ("sites", self.sites),
            ("events", self.events),
            ("window.events", [] if self.window is None else self.window.events),
            ("hypoperfusion", [str(threshold.body_site) for threshold in self.hypoperfusion]),
        ):
            twice = sorted({value for value in values if values.count(value) > 1})
            if twice:
                wrong.append(f"{key}: {', '.join(twice)} stands there twice")
        refuse(wrong)
        return self

    @model_validator(mode="after")
    def _lines_each_once(self) -> Self:
        refuse(wrong_lines(self.stopwatch))
        return self

    @model_validator(mode="after")
    def _window_is_of_its_events(self) -> Self:
        unknown = [
            event for event in (self.window.events if self.window is not None else []) if event not in self.events
        ]
        if unknown:
            raise ValueError(f"window.events: {', '.join(unknown)} is not among events")
        return self

    @model_validator(mode="after")
    def _schedule_is_of_its_events(self) -> Self:
        refuse(wrong_in(self.expected, self.events))
        return self

    @model_validator(mode="after")
    def _identifiers_are_of_its_events(self) -> Self:
        refuse(wrong_events(self.crf, self.events))
        return self
