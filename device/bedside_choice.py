"""Who is measured next and how: the choice that was made, with the study and the protocol that it names."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from calibration.certificate.standing import SAYS, Standing
from contract.reading import Device
from contract.reasons import Reason, sentence
from device.choice import ChoiceKeeper, refusal_of
from device.clock import Clock
from device.console_words import Choice
from device.records import About
from firmware_config.loading import ConfigurationError, load_named
from firmware_config.protocol import Protocol
from firmware_config.study import Study


@dataclass(frozen=True)
class Machine:
    """What of a choice's measurement the machine knows: what measures, on which plate, and whether on skin."""

    device: Device
    plate_area_mm2: float
    simulated: bool
    home_site: str | None = None
    """Where the device stands: a subject of another site is refused; None: anywhere."""
    language: str = "en"
    calibrated: Callable[[], Standing] | None = None
    """How its calibration stands; None: it has none, and is for bench use."""
    site_folder: Path | None = None
    """Where a site's own studies and protocols lie: they go before the packaged ones. None: there are no others."""


class Desk:
    """Takes choices, and turns the one that stands into what a measurement has to know."""

    def __init__(self, keeper: ChoiceKeeper, machine: Machine, clock: Clock) -> None:
        self._keeper = keeper
        self._clock = clock
        self._machine = machine
        self._made: tuple[Choice, About, Study] | None = None

    @property
    def machine(self) -> Machine:
        """What measures."""
        return self._machine

    def choose(self, choice: Choice) -> str | None:
        """Keep a choice, or return in one sentence why study, protocol and subject do not fit."""
        made = self._make(choice)
        if isinstance(made, str):
            return made
        self._keeper.keep(choice)
        self._made = (choice, *made)
        return None

    def forget(self) -> None:
        """Let nobody be chosen. A measurement under way is still of whom it began with."""
        self._keeper.forget()

    def current(self) -> Choice | None:
        """Return the choice that stands; None where none was made, or it was made too long ago."""
        return self._keeper.current()

    def about(self) -> About | str | None:
        """Return what a measurement of the present choice has to know; None where nobody is chosen.

        A sentence where a kept choice fits no more: its study or protocol may have been changed since.
        """
        choice = self._keeper.current()
        if choice is None:
            return None
        if self._made is None or self._made[0] != choice:
            made = self._make(choice)
            if isinstance(made, str):
                return made
            self._made = (choice, *made)
        standing = self._standing()
        return replace(self._made[1], calibration_id=None if standing is None else standing.certificate_id)

    def uncalibrated(self) -> str | None:
        """Return in one sentence why the present choice may not be pressed for; None where the calibration allows it.

        Nothing simulated is held up: it measures nobody, and its records say so.
        """
        if self._made is None or self._made[2].calibration == "bench" or self._machine.simulated:
            return None
        standing = self._standing()
        if standing is not None and standing.state == "in_force":
            return None
        language = self._machine.language
        says = SAYS["none" if standing is None else standing.state].in_("fr" if language == "fr" else "en")
        return f"{says} {sentence(Reason.CALIBRATION_DUE, language)}"

    def _standing(self) -> Standing | None:
        return None if self._machine.calibrated is None else self._machine.calibrated()

    def _make(self, choice: Choice) -> tuple[About, Study] | str:
        try:
            study = load_named("studies", choice.study, Study, self._machine.site_folder)
            protocol = load_named("protocols", choice.protocol, Protocol, self._machine.site_folder)
            target_kpa = protocol.target_kpa_on(self._machine.plate_area_mm2)
        except ConfigurationError as error:
            return str(error).splitlines()[0]
        refusal = refusal_of(choice, study, protocol, self._clock, self._machine.home_site, self._machine.language)
        if refusal is not None:
            return refusal
        about = About(
            study=study.name,
            site=choice.subject.site,
            inclusion=choice.subject.inclusion,
            body_site=choice.body_site,
            protocol=protocol,
            target_kpa=target_kpa,
            device=self._machine.device,
            simulated=self._machine.simulated,
            side=choice.side,
            event=choice.event,
            operator=choice.operator,
            norepinephrine_onset_at=choice.norepinephrine_onset_at,
        )
        return about, study
