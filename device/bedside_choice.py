"""Who is measured next and how: the choice that was made, with the study and the protocol that it names."""

from dataclasses import dataclass

from contract.reading import Device
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


class Desk:
    """Takes choices, and turns the one that stands into what a measurement has to know."""

    def __init__(self, keeper: ChoiceKeeper, machine: Machine, clock: Clock) -> None:
        self._keeper = keeper
        self._clock = clock
        self._machine = machine
        self._made: tuple[Choice, About] | None = None

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
        self._made = (choice, made)
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
            self._made = (choice, made)
        return self._made[1]

    def _make(self, choice: Choice) -> About | str:
        try:
            study = load_named("studies", choice.study, Study)
            protocol = load_named("protocols", choice.protocol, Protocol)
            target_kpa = protocol.target_kpa_on(self._machine.plate_area_mm2)
        except ConfigurationError as error:
            return str(error).splitlines()[0]
        refusal = refusal_of(choice, study, protocol, self._clock, self._machine.home_site, self._machine.language)
        if refusal is not None:
            return refusal
        return About(
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
