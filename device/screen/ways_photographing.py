"""What a page does with a photo of the leg: takes it, has its landmarks marked, has it scored, and asks for the score.

A mark takes two touches: the first shows the place larger, the second is the mark. A finger in a glove covers a third
of a thigh on the whole photo.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from uuid import UUID

from contract.mottling import LegLandmarks
from device.console_words import Mottling
from device.photo_inbox import remove

if TYPE_CHECKING:
    from device.screen.page import Page

MarkName = Literal["knee", "patella", "groin"]
MARKS: tuple[MarkName, ...] = ("knee", "patella", "groin")
ZOOM: float = 5.0


@dataclass(frozen=True)
class Taken:
    """A photo in the inbox and its size as it is seen upright, pixels."""

    name: str
    width: int
    height: int


class Photographing:
    """One page's photo on its way to a score."""

    def __init__(self, page: "Page") -> None:
        self._page = page
        self.photo: Taken | None = None
        self.marks: dict[MarkName, tuple[float, float]] = {}
        self.next_mark: MarkName | None = "knee"
        """Which mark the next touch is for; None where none is."""
        self.around: tuple[float, float] | None = None
        """What is shown larger; None: the whole photo."""
        self._without_groin = False

    def taken(self, photo: Taken) -> None:
        """Begin with a photo that lies in the inbox."""
        self._drop()
        self.photo, self.marks, self.next_mark, self.around = photo, {}, "knee", None
        self._without_groin = False
        self._page.show("marks")

    def touched(self, x: float, y: float) -> None:
        """Take a touch at photo pixels: the first shows the place larger, the second marks it."""
        if self.photo is None or self.next_mark is None:
            return
        x, y = min(max(x, 0.0), self.photo.width - 1.0), min(max(y, 0.0), self.photo.height - 1.0)
        if self.around is None:
            self.around = x, y
            return
        self.around = None
        self.marks[self.next_mark] = round(x, 1), round(y, 1)
        self.next_mark = self._missing()

    def _missing(self) -> MarkName | None:
        wanted = MARKS[:2] if self._without_groin else MARKS
        return next((name for name in wanted if name not in self.marks), None)

    def mark(self, name: MarkName) -> None:
        """Mark this one next, also once more."""
        self.next_mark, self.around = name, None
        self._without_groin = self._without_groin and name != "groin"

    def no_groin(self) -> None:
        """The fold of the groin is not in the photo: less can be told then."""
        self.marks.pop("groin", None)
        self.around, self._without_groin = None, True
        self.next_mark = self._missing()

    @property
    def marked(self) -> bool:
        """Whether enough is marked to score."""
        return "knee" in self.marks and "patella" in self.marks

    async def score(self) -> None:
        """Ask the bedside for the score; it comes as an event."""
        choice = self._page.choice
        if self.photo is None or choice is None or not self.marked:
            return
        marks = LegLandmarks(
            knee=self.marks["knee"], patella=self.marks["patella"], groin=self.marks.get("groin"), given_by="person"
        )
        self._page.hub.photo = None
        if await self._page.ask(Mottling(choice=choice, photo=self.photo.name, landmarks=marks)):
            self.photo = None  # the bedside has taken it
            self._page.show("waiting")

    async def confirm(self, score: int | None) -> None:
        """Confirm the score that was found, or another one."""
        shown = self._page.hub.photo
        kept = None if shown is None else self._page.standing_of(UUID(shown.reading_id))
        if kept is not None:
            self._page.came_from = "idle"
            await self._page.amend.begin(kept, "confirmed", score)

    def cancel(self) -> None:
        """Let go of the photo; it is removed."""
        self._drop()
        self._page.show("idle")

    def _drop(self) -> None:
        if self.photo is not None:
            remove(self._page.settings.inbox, self.photo.name)
        self.photo = None

    def box(self) -> tuple[float, float, float, float]:
        """Return the part of the photo that is shown: left, top, width, height, pixels."""
        if self.photo is None:
            return 0.0, 0.0, 1.0, 1.0
        width, height = float(self.photo.width), float(self.photo.height)
        if self.around is None:
            return 0.0, 0.0, width, height
        w, h = width / ZOOM, height / ZOOM
        left = min(max(self.around[0] - w / 2, 0.0), width - w)
        top = min(max(self.around[1] - h / 2, 0.0), height - h)
        return left, top, w, h
