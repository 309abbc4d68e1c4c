"""What a page does with an amendment: one question after the other, then the bedside is asked to write it down."""

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from contract.amendment import Action
from contract.reading import utc
from device.screen.amending import AmendDraft
from device.screen.entry import onset_at

LONGEST_S: float = 60.0

if TYPE_CHECKING:
    from device.screen.page import Page, ViewName
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
        self._then: ViewName = "reading"
        """Where the page goes on afterwards."""
        self.let_go_ms: float | None = None
        """When the skin was let go of, by the browser's clock."""
        self.timed_s: float | None = None
        """What the stopwatch said, until it is kept."""

    async def begin(self, about: "Standing", action: Action, mottling_score: int | None = None) -> None:
        """Begin; where all is known already it is one touch."""
        choice = self._page.choice
        if choice is None or self._whose != choice.subject:
            self._operator, self._whose = None, choice.subject if choice else None
        operator = (choice.operator if choice else None) or self._operator
        if action == "timed":
            operator = None  # raters take turns: each says who
        if action == "confirmed" and mottling_score is None:
            # What a person has said before is confirmed, not what the device had found.
            mottling_score = about.mottling_score
        blind = not self._page.has_shown(about.entry.reading_id)
        self.time_again()
        self._then = self._page.view if self._page.view in ("reading", "by_hand") else "reading"
        self.draft = AmendDraft(about, action, operator, mottling_score=mottling_score, before_number=blind)
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

    def touched(self, at_ms: float, least_s: float) -> None:
        """Take a touch of the stopwatch, by the browser's clock: skin let go of, then colour back."""
        self._page.sentence = None
        if self.let_go_ms is None:
            self.let_go_ms = at_ms
        elif (at_ms - self.let_go_ms) / 1000.0 >= least_s:
            timed_s = round((at_ms - self.let_go_ms) / 1000.0, 3)
            if timed_s > LONGEST_S:
                self.time_again()
                self._page.sentence = self._page.say("too_long")
            else:
                self.timed_s = timed_s
        self._page.draw_anew()

    def time_again(self) -> None:
        """Forget what the stopwatch said."""
        self.let_go_ms, self.timed_s = None, None

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
        self.time_again()
        self._page.show(self._then if self._page.opened is not None else "idle")

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
        if not done and draft.action == "timed":
            # What was timed cannot be timed again: it waits here for a code that is taken.
            self.draft = replace(draft, operator=None)
            self._page.show("operator")
            self._page.sentence = refusal
            return
        self.draft = None
        self._page.opened = draft.about.entry.reading_id
        self._page.show(self._then)
        self._page.sentence = refusal
