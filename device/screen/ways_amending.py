"""What a page does with an amendment: one question after the other, then the bedside is asked to write it down."""

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from contract.reading import utc
from device.screen.amending import Action, AmendDraft
from device.screen.entry import onset_at

if TYPE_CHECKING:
    from device.screen.page import Page
    from device.standing import Standing


class Amending:
    """One page's amendment under way. What is typed stays on this page until the bedside has taken it."""

    def __init__(self, page: "Page") -> None:
        self._page = page
        self.draft: AmendDraft | None = None
        self.typed = ""
        self.letters = True
        """Whether the keypad for a code shows letters; digits otherwise."""
        self._operator: str | None = None
        """Who amended last on this page: offered again for the same subject."""
        self._whose: object = None

    async def begin(self, about: "Standing", action: Action, mottling_score: int | None = None) -> None:
        """Begin; where all is known already it is one touch."""
        choice = self._page.choice
        if choice is None or self._whose != choice.subject:
            self._operator, self._whose = None, choice.subject if choice else None
        operator = (choice.operator if choice else None) or self._operator
        if action == "confirmed" and mottling_score is None:
            # What a person has said before is confirmed, not what the device had found.
            mottling_score = about.mottling_score
        self.draft = AmendDraft(about, action, operator, mottling_score=mottling_score)
        await self._go_on()

    async def given(self, **values: Any) -> None:
        """Take an answer; the next question follows."""
        if self.draft is not None:
            self.draft = replace(self.draft, **values)
            await self._go_on()

    async def number(self) -> None:
        """Take an inclusion number."""
        if self.typed:
            await self.given(new=self.typed, asked=True)

    async def onset(self, days_ago: int) -> None:
        """Take the start of norepinephrine by the clock on the wall."""
        onset = onset_at(self.typed, days_ago, datetime.now().astimezone())
        if onset is None:
            self._page.sentence = self._page.say("onset_wrong")
        else:
            await self.given(new=utc(onset), asked=True)

    async def operator(self) -> None:
        """Take who amends."""
        if self.typed:
            self._operator = self.typed
            await self.given(operator=self.typed)

    async def sure(self) -> None:
        """Write it down as it is shown."""
        await self.given(sure=True)

    def cancel(self) -> None:
        """Let go of it; nothing was written."""
        self.draft, self.typed = None, ""
        self._page.show("reading" if self._page.opened is not None else "idle")

    async def _go_on(self) -> None:
        draft, self.typed = self.draft, ""
        if draft is None:
            return
        if draft.step is not None:
            self._page.show(draft.step)
            return
        done = await self._page.ask(draft.word())
        refusal = self._page.sentence
        if not done:
            self._operator = None
        self.draft = None
        self._page.opened = draft.about.entry.reading_id
        self._page.show("reading")
        self._page.sentence = refusal
