"""One browser's page: in which language it shows the calibration, and whether it may touch it."""

from collections.abc import Callable
from typing import Any

from nicegui import ui

from calibration.guide import Next
from device.calibrating_screen.calibrating import Calibrating, Phase, Seen
from device.calibrating_screen.desk import Asking
from device.calibrating_screen.keypad import Pad
from device.calibrating_screen.start import How
from device.calibrating_screen.views import VIEWS, top
from device.calibrating_screen.wheel import Wheel
from device.calibrating_screen.words import say
from device.screen.words import LANGUAGES, Language

LOOK_S: float = 0.1


class Shared:
    """What all pages of the server share. Languages are kept by tab: a reload does not change them."""

    def __init__(self, calibrating: Calibrating, language: Language) -> None:
        self.calibrating = calibrating
        self.wheel = Wheel(calibrating.now_s)
        self.language = language
        self.languages: dict[str, Language] = {}


class Page:
    """One browser. Built by the server for each client; everything here runs in the server's loop."""

    def __init__(self, shared: Shared) -> None:
        self.calibrating = shared.calibrating
        self.language: Language = shared.language
        self.drives = False
        """Whether it may touch the calibration: only one browser does."""
        self.pad = Pad(self)
        self.seen: Seen = self.calibrating.seen()
        self._shared = shared
        self._client = ui.context.client
        self._tab: str | None = None
        self._drawn: object = None
        self._live: Callable[[], None] | None = None

    def build(self) -> None:
        """Draw the page, and look for news from now on."""
        self._header = ui.element("header").classes("top")
        self._body = ui.element("main").classes("body")
        ui.timer(LOOK_S, self.look)
        ui.keyboard(on_key=self._typed, ignore=[])

    def say(self, key: str, **values: object) -> str:
        """Return a text of the table in the page's language."""
        return say(key, self.language, **values)

    def look(self) -> None:
        """Draw what has changed."""
        if not self._client.has_socket_connection:
            return
        self._arrive()
        self.drives = self._shared.wheel.look(self._tab or self._client.id)
        self.seen = self.calibrating.seen()
        key = (self.seen.key, self.language, self.drives, self.pad.letters)
        if key != self._drawn:
            self._drawn = key
            for part in (self._header, self._body):
                part.clear()
            with self._header:
                top(self)
            with self._body:
                self._live = VIEWS[view_of(self.seen)](self)
        if self._live is not None:
            self._live()

    def _arrive(self) -> None:
        if self._tab is None:
            self._tab = self._client.tab_id
            self.language = self._shared.languages.get(self._tab or "", self._shared.language)
            self._say_language()

    def _say_language(self) -> None:
        ui.run_javascript(f'document.documentElement.lang = "{self.language}"')

    # what it asks

    def switch_language(self) -> None:
        """Go on in the other language."""
        self.language = LANGUAGES[1 - LANGUAGES.index(self.language)]
        self._shared.languages[self._tab or self._client.id] = self.language
        self._say_language()
        self.look()

    def take_over(self) -> None:
        """Lead from here."""
        self._shared.wheel.take(self._tab or self._client.id)
        self.look()

    def does(self, act: Callable[..., Any], *given: object) -> Callable[[], None] | None:
        """Return what a key does; None, so that it cannot be touched, where another browser drives."""
        if not self.drives:
            return None

        def touched() -> None:
            # Asked again: another may have taken over between drawing and touch.
            if self._shared.wheel.look(self._tab or self._client.id):
                act(*given)
            self.look()

        return touched

    def answers(self, given: bool | Next) -> Callable[[], None] | None:
        """Return what a key does that answers the prompt as it stands now: a second tap must not answer the next."""
        return self.does(self.calibrating.answer, self.seen.moment.number, given)

    def chooses(self, how: How) -> Callable[[], None] | None:
        """Return what a key does that begins."""
        return self.does(self.calibrating.choose, how)

    def _typed(self, event: Any) -> None:
        """Take what a keyboard types."""
        if event.action.keydown and self.drives and view_of(self.seen) in ("operator", "asking"):
            self.pad.key(str(event.key.name))


def view_of(seen: Seen) -> str:
    """Return which view shows it."""
    if seen.phase is not Phase.RUNNING:
        return seen.phase.value
    asked = seen.moment.asked
    return "measuring" if asked is None else "asking" if isinstance(asked, Asking) else type(asked).__name__.lower()
