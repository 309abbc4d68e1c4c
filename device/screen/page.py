"""One browser's page: which view it shows, in which language, and what it asks of the bedside.

All browsers show the same bedside. A measurement brings every page to its view; what is typed on one page stays there.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement

from contract.reading import BodySite, Reading, Side, Subject
from device.console_client import ConsoleError
from device.console_words import Abort, Choice, Choose, Measure, Request
from device.screen.entry import Entry, onset_at, scanned
from device.screen.link import Link
from device.screen.records import Records
from device.screen.ways_amending import Amending
from device.screen.ways_photographing import Photographing
from device.screen.words import LANGUAGES, Language, say
from device.standing import Standing
from firmware_config.loading import ConfigurationError, load_named
from firmware_config.study import Study

log = logging.getLogger(__name__)

ViewName = Literal[
    "idle",
    "entry",
    "place",
    "event",
    "onset",
    "confirm",
    "measuring",
    "result",
    "check",
    "history",
    "help",
    "reading",
    "comments",
    "fields",
    "value",
    "whys",
    "operator",
    "sure",
    "by_hand",
    "timing",
    "photo",
    "marks",
    "waiting",
    "score",
    "scores",
]
LOOK_S: float = 0.1
ASK_S: float = 5.0


@dataclass(frozen=True)
class Settings:
    """What the page knows of its device."""

    study: str
    site: str
    language: Language
    simulated: bool
    inbox: Path
    """Where photos wait for the bedside."""
    site_folder: Path | None = None
    """Where a site's own studies lie."""
    stopwatch: bool = False
    """Whether a reading is timed by hand before its number is shown."""


class Key(TextElement):
    """A touch target with a text; `act` is called when it is touched."""

    def __init__(
        self, text: str, act: Callable[[], Any] | None, *, classes: str = "", label: str | None = None
    ) -> None:
        super().__init__(tag="button", text=text)
        self.classes(f"key {classes}")
        self.props["type"] = "button"
        if label is not None:
            self.props["aria-label"] = label
        if act is None:
            self.props["disabled"] = True
        else:
            self.on("click", act, args=[])

    def can(self, enabled: bool) -> None:
        """Let it be touched or not, in place: a key that is replaced under a finger loses its touch."""
        if ("disabled" in self.props) == enabled:
            if enabled:
                del self.props["disabled"]
            else:
                self.props["disabled"] = True
            self.update()


class Page:
    """One browser. Built by the server for each client; everything here runs in the server's loop."""

    def __init__(self, link: Link, records: Records, settings: Settings) -> None:
        self.link = link
        self.hub = link.hub
        self.settings = settings
        self.language: Language = settings.language
        self.view: ViewName = "idle"
        self.entry = Entry(settings.site)
        self.draft: Choice | None = None
        """What is being chosen; stands only on this page until the bedside has taken it."""
        self.onset_digits = ""
        """Hour and minute of norepinephrine's start, as far as they are typed."""
        self.sentence: str | None = None
        """Why the last thing that was asked for was refused."""
        self.opened: UUID | None = None
        """The reading that is looked at more closely."""
        self.came_from: ViewName = "history"
        self.amend = Amending(self)
        self.leg = Photographing(self)
        self._records = records
        self._ended = self.hub.ended
        self._drawn: object = None
        self._live: Callable[[], None] | None = None

    def build(self) -> None:
        """Draw the page, and look for news from now on."""
        from device.screen.views import top

        with ui.element("header").classes("top"):
            self._top = top(self)
        self._body = ui.element("main").classes("body")
        ui.timer(LOOK_S, self._look)
        ui.keyboard(on_key=self._typed, ignore=[])
        self._scan = ""

    # what it shows

    def say(self, key: str, **values: object) -> str:
        """Return a text of the table in the page's language."""
        return say(key, self.language, **values)

    def study(self) -> Study | None:
        """Return the study that is measured for, or None where its file cannot be read."""
        try:
            name = self.choice.study if self.choice else self.settings.study
            return load_named("studies", name, Study, self.settings.site_folder)
        except ConfigurationError as error:
            log.warning("%s", error)
            return None

    @property
    def choice(self) -> Choice | None:
        """Whoever is measured next."""
        return self.hub.choice

    def standings(self) -> list[Standing]:
        """Return what stands of the chosen subject, oldest first."""
        choice = self.choice
        return [] if choice is None else self._records.of(choice.study, choice.subject, self.hub.changed)

    def readings(self) -> list[Reading]:
        """Return the chosen subject's refill readings as they stand, oldest first."""
        return [each.now for each in self.standings() if isinstance(each.now, Reading)]

    def standing_of(self, reading_id: UUID | None) -> Standing | None:
        """Return one of the chosen subject's readings as it stands, or None where it is not theirs any more."""
        return next((each for each in self.standings() if each.entry.reading_id == reading_id), None)

    def open(self, reading_id: UUID, came_from: ViewName) -> None:
        """Look at one reading more closely."""
        self.opened, self.came_from = reading_id, came_from
        self.show("reading")

    def has_shown(self, reading_id: UUID) -> bool:
        """Whether a reading's number was shown, here or on another screen of this bedside."""
        return reading_id in self.hub.looked_at

    def show_number(self, reading_id: UUID) -> None:
        """Note that it is from now on."""
        self.hub.looked_at.add(reading_id)

    def show(self, view: ViewName) -> None:
        """Go to a view."""
        self.view, self.sentence = view, None
        self._look()

    def draw_anew(self) -> None:
        """Draw what is shown once more."""
        self._drawn = None
        self._look()

    def switch_language(self) -> None:
        """Go on in the other language."""
        self.language = LANGUAGES[1 - LANGUAGES.index(self.language)]
        ui.run_javascript(f'document.documentElement.lang = "{self.language}"')
        self._look()

    def _look(self) -> None:
        from device.screen.views import VIEWS

        with self.link.lock:
            self._follow()
            view = VIEWS[self.view]
            key = (self.view, self.language, view.key(self))
            if key != self._drawn:
                self._drawn = key
                self._body.clear()
                with self._body:
                    self._live = view.draw(self)
            if self._live is not None:
                self._live()
            self._top()

    def _follow(self) -> None:
        """Go where the measurement is; a page that looks something up is not torn away from it by an end."""
        if self.hub.active:
            if self.view != "measuring":
                self.view, self.sentence = "measuring", None
        elif self.hub.ended != self._ended:
            self._ended = self.hub.ended
            if self.view in ("measuring", "idle", "confirm"):
                self.view = "by_hand" if self._by_hand_first() else "result"
        elif self.view == "waiting" and self.hub.photo is not None:
            self.view = "score"
        elif self.view == "measuring":
            self.view = "idle"

    def _by_hand_first(self) -> bool:
        """Whether what has just ended has a number, which a stopwatch's time has to come before."""
        shown = self.hub.reading
        return self.settings.stopwatch and self.hub.fresh and shown is not None and shown.result.crt_s is not None

    # what it asks

    async def ask(self, request: Request) -> bool:
        """Ask the bedside; a refusal stands on the page as a sentence. Returns whether it was done."""
        import asyncio

        try:
            refusal = await asyncio.wait_for(asyncio.wrap_future(self.link.ask(request)), ASK_S)
        except (ConsoleError, TimeoutError):
            refusal = self.say("gone")
        self.sentence = refusal
        self._look()
        return refusal is None

    async def stop(self) -> None:
        """Stop the measurement under way."""
        await self.ask(Abort())

    async def start(self) -> None:
        """Start a measurement of whoever is shown as chosen, and of nobody else."""
        choice = self.choice
        if choice is None:
            self.show("entry")
            return
        await self.ask(Measure(choice=choice))
        if self.sentence is not None:
            self.view = "idle"

    def begin_choice(self, subject: Subject) -> None:
        """Take a subject; where, and when in the study, is asked next."""
        study = self.study()
        site: BodySite = self.choice.body_site if self.choice else BodySite.FINGER
        if study is None:
            self.sentence = self.say("gone")
            return
        before = self.choice if self.choice is not None and self.choice.subject == subject else None
        self.draft = before or Choice(
            study=study.name, subject=subject, body_site=site, protocol=protocol_for(study, site)
        )
        self.show("place")

    async def choose_place(self, body_site: BodySite, side: Side | None) -> None:
        """Take the body site; for a study with events, the event is asked next."""
        study, draft = self.study(), self.draft or self.choice
        if study is None or draft is None:
            return
        self.draft = draft.model_copy(
            update={"body_site": body_site, "side": side, "protocol": protocol_for(study, body_site)}
        )
        if self.view == "place" and study.events and self.draft.event is None:
            self.show("event")
            return
        await self.finish_choice()

    async def choose_event(self, event: str | None) -> None:
        """Take the study event, and choose."""
        if self.draft is not None:
            self.draft = self.draft.model_copy(update={"event": event})
            await self.finish_choice()

    async def choose_onset(self, days_ago: int) -> None:
        """Take the start of norepinephrine by the clock on the wall: today, or so many days ago."""
        if self.choice is None:
            return
        onset = onset_at(self.onset_digits, days_ago, datetime.now().astimezone())
        if onset is None:
            self.sentence = self.say("onset_wrong")
            return
        self.draft = self.choice.model_copy(update={"norepinephrine_onset_at": onset})
        await self.finish_choice(then="check", refused="onset")

    async def finish_choice(self, then: ViewName = "idle", refused: ViewName = "entry") -> None:
        """Let the bedside take the choice; where it refuses, what was typed is typed anew."""
        if self.draft is None:
            return
        self.entry, self.onset_digits = Entry(self.entry.site), ""
        if await self.ask(Choose(choice=self.draft)):
            self.draft = None
            self.show(then)
        else:
            self.view = refused

    def _typed(self, event: Any) -> None:
        """Take what a keyboard or a bar-code reader types: digits, a dash between the numbers, Enter at the end."""
        if not event.action.keydown or self.hub.active:
            return
        name = str(event.key.name)
        if name == "Enter":
            subject = scanned(self._scan)
            self._scan = ""
            if subject is not None:
                self.begin_choice(subject)
        elif len(name) == 1:
            self._scan = (self._scan + name)[-20:]


def protocol_for(study: Study, body_site: BodySite) -> str:
    """Return the protocol that a study measures a body site with; "demo" where it names none."""
    return study.protocols.get(body_site.value, "demo")


def later(act: Callable[..., Any], *values: Any, **named: Any) -> Callable[[], Any]:
    """Return a handler that calls `act` with these values."""
    return partial(act, *values, **named)
