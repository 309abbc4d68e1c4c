"""What is typed with a glove on, or on a keyboard: the code of who calibrates, and what the reference shows."""

import re
from string import ascii_lowercase
from typing import TYPE_CHECKING, Final

from device.calibrating_screen.calibrating import MOST_TYPED
from device.calibrating_screen.desk import Asking
from device.calibrating_screen.words import written
from device.screen.page import Key, later
from device.screen.parts import box, text

if TYPE_CHECKING:
    from collections.abc import Callable

    from device.calibrating_screen.page import Page

DIGITS: Final = "1234567890"
CODE: Final = re.compile(r"[a-z0-9][a-z0-9-]*")


class Pad:
    """One page's keypad. What is typed is the calibration's, so that every page shows it and a reload keeps it."""

    def __init__(self, page: "Page") -> None:
        self._page = page
        self.letters = True
        """Whether the keypad for a code shows letters; digits otherwise."""
        self._refused: tuple[int, str] | None = None

    def sign(self, sign: str) -> None:
        """Take one more sign."""
        calibrating = self._page.calibrating
        calibrating.typed = (calibrating.typed + sign)[:MOST_TYPED]
        self._refused = None

    def erase(self) -> None:
        """Take the last sign away."""
        self._page.calibrating.typed = self._page.calibrating.typed[:-1]
        self._refused = None

    def other(self) -> None:
        """Show digits instead of letters, or letters instead of digits."""
        self.letters = not self.letters

    @property
    def refused(self) -> str | None:
        """Why what was typed was not taken; it says nothing of a question that came afterwards."""
        number = self._page.seen.moment.number
        return self._refused[1] if self._refused is not None and self._refused[0] == number else None

    def key(self, name: str) -> None:
        """Take a key of a keyboard."""
        if name == "Enter":
            self.accept()
        elif name == "Backspace":
            self.erase()
        elif len(name) == 1 and ((name.isascii() and name.isalnum()) or name in "-.,"):
            self.sign(name.lower())

    def accept(self) -> None:
        """Take what was typed, where it can be."""
        page, asked, typed = self._page, self._page.seen.moment.asked, self._page.calibrating.typed
        self._refused = None
        if isinstance(asked, Asking):
            if asked.read(typed) is not None:
                page.calibrating.answer(page.seen.moment.number, typed)
            else:
                self._refuse(page.say("not_within", typed=typed or "–", limits=limits_of(page, asked)))
        elif CODE.fullmatch(typed):
            page.calibrating.begin(typed)
        else:
            self._refuse(page.say("operator_wrong"))

    def _refuse(self, why: str) -> None:
        self._refused = (self._page.seen.moment.number, why)


def limits_of(page: "Page", asked: Asking) -> str:
    """Return the limits of an answer in words."""
    question = asked.question
    return written(f"{question.at_least:g} to {question.at_most:g} {question.unit}".rstrip(), page.language)


def operator(page: "Page") -> "Callable[[], None]":
    """Who calibrates: a code of letters and digits."""
    pad = page.pad
    with box("main"):
        with box("card"):
            said, shown = text("", "quiet"), text("", "typed")
            shown.props["aria-live"] = "polite"
        with box("keys seven scroll"):
            for sign in ascii_lowercase if pad.letters else f"{DIGITS}-":
                Key(sign, page.does(pad.sign, sign))
    with box("side"):
        Key(page.say("accept"), page.does(pad.accept), classes="act")
        Key("123" if pad.letters else "abc", later(_turned, page))
        Key("⌫", page.does(pad.erase), label=page.say("clear"))
        if page.drives:
            Key(page.say("back"), page.does(page.calibrating.back))
        else:
            Key(page.say("take_over"), page.take_over)

    def follow() -> None:
        shown.text = page.calibrating.typed or "–"
        said.text = pad.refused or page.say("operator" if page.drives else "watching")

    return follow


def _turned(page: "Page") -> None:
    page.pad.other()
    page.look()


def asking(page: "Page") -> "Callable[[], None] | None":
    """A number that is read off, within its limits."""
    pad, asked = page.pad, page.seen.moment.asked
    if not isinstance(asked, Asking):
        return None
    question = asked.question
    with box("main"):
        with box("card asked"):
            with box("question"):
                if page.seen.again:
                    text(page.say("again"))
                text(question.words.in_(page.language))
                limits = text(limits_of(page, asked), "wrap")
                if question.shown is not None:
                    reference = written(f"{question.shown:g} {question.unit}", page.language)
                    text(page.say("shown", value=reference))
            shown = text("", "typed")
            shown.props["aria-live"] = "polite"
        with box("keys five"):
            for sign in f"{DIGITS}-.":
                label = "," if sign == "." and page.language == "fr" else sign
                Key(label, page.does(pad.sign, sign))
            Key("⌫", page.does(pad.erase), label=page.say("clear"))
    with box("side"):
        Key(page.say("accept"), page.does(pad.accept), classes="act grow")
        if not page.drives:
            Key(page.say("take_over"), page.take_over)
        Key(page.say("stop"), page.does(page.calibrating.stop))
        Key(page.say("language"), page.switch_language)

    def follow() -> None:
        shown.text = f"{written(page.calibrating.typed, page.language) or '–'} {question.unit}"
        limits.text = pad.refused or limits_of(page, asked)

    return follow
