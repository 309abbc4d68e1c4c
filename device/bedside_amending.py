"""Amendments at the bedside: what is asked, held against the journal and the study, and written down."""

from contract.amendment import Amendment
from device.amending import amendment_of, refusal
from device.bedside_choice import Machine
from device.bedside_keeping import NOT_OPEN, Keeper
from device.clock import Clock
from device.console_words import Amend
from device.journal import Journal, JournalError
from device.standing import standing
from firmware_config.loading import ConfigurationError, load_named
from firmware_config.study import Study


class Amender:
    """Writes amendments into the keeper's journal. Use it in the loop's thread, and never while a measurement runs."""

    def __init__(self, keeper: Keeper, machine: Machine, clock: Clock) -> None:
        self._keeper = keeper
        self._machine = machine
        self._clock = clock

    def amend(self, asked: Amend) -> str | None:
        """Write an amendment down; returns in one sentence why not.

        Where the disk does not take it the sentence is the journal's: it is kept, and given again.
        """
        journal = self._keeper.journal
        if self._keeper.refusal is not None or journal is None:
            return self._keeper.refusal or NOT_OPEN
        try:
            made = self._made(asked, journal)
        except JournalError as error:
            return str(error)
        return made if isinstance(made, str) else self._keeper.add(made)

    def _made(self, asked: Amend, journal: Journal) -> Amendment | str:
        found = standing(record.content for record in journal.with_amendments(str(asked.about)))
        if not found:
            return refusal("unknown", self._machine.language)
        try:
            study = load_named("studies", found[0].entry.study, Study, self._machine.site_folder)
        except ConfigurationError as error:
            return str(error).splitlines()[0]
        return amendment_of(asked, found[0], study, self._machine.device, self._clock, self._machine.language)
