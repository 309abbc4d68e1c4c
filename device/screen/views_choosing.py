"""The way of a choice: number, body site, study event; and when norepinephrine was started."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from contract.reading import BodySite, Side
from device.screen.parts import box, text
from device.screen.views_measuring import trouble

if TYPE_CHECKING:
    from device.screen.page import Page

DIGITS: tuple[str, ...] = ("1", "2", "3", "4", "5", "6", "7", "8", "9", "0")


def entry(page: "Page") -> Callable[[], None]:
    """A keypad for the inclusion number; a bar-code reader types it as well."""
    from device.screen.page import Key, later

    def typed(digit: str) -> None:
        page.entry = page.entry.typed(digit)
        follow()

    def erased() -> None:
        page.entry = page.entry.erased()
        follow()

    def accepted() -> None:
        if page.entry.subject is not None:
            page.begin_choice(page.entry.subject)

    with box("main"):
        with box("card"):
            said = text("", "quiet")
            said.props["aria-live"] = "polite"
            number = text("", "typed")
            number.props["aria-live"] = "polite"
        with box("keys"):
            for digit in DIGITS:
                Key(digit, later(typed, digit))
            Key("⌫", erased, label=page.say("clear"))
            Key(page.say("accept"), accepted, classes="act")
    with box("side"):
        Key(page.say("back"), later(page.show, "idle"), classes="grow")

    def follow() -> None:
        # Never drawn anew while somebody types: a key that is replaced under a finger loses its touch.
        number.text = f"{page.entry.site}-{page.entry.digits}"
        said.text = page.sentence or page.say("enter")

    return follow


def place(page: "Page") -> None:
    """Which finger or knee: one touch."""
    from device.screen.page import Key, later

    draft = page.draft or page.choice
    with box("main"):
        trouble(page)
        for body_site in BodySite:
            with box("rowed grow"):
                for side in (Side.LEFT, None, Side.RIGHT):
                    chosen = draft is not None and (draft.body_site, draft.side) == (body_site, side)
                    words = [page.say(body_site.value), page.say(side.value) if side else ""]
                    Key(
                        "\n".join(filter(None, words)),
                        later(page.choose_place, body_site, side),
                        classes="grow chosen" if chosen else "grow",
                    )
    with box("side"):
        Key(page.say("back"), later(page.show, "idle"), classes="grow")


def event(page: "Page") -> None:
    """When in the study: one touch."""
    from device.screen.page import Key, later

    study = page.study()
    events = [] if study is None else study.events
    with box("main scroll"):
        text(page.say("event"), "big")
        with box("keys list"):
            for name in events:
                Key(name, later(page.choose_event, name))
            Key(page.say("no_event"), later(page.choose_event, None))
    with box("side"):
        Key(page.say("back"), later(page.show, "idle"), classes="grow")


def onset(page: "Page") -> Callable[[], None]:
    """When norepinephrine was started: the time of day as it stands in the chart, today or yesterday."""
    from device.screen.page import Key, later

    def typed(digit: str) -> None:
        page.onset_digits = (page.onset_digits + digit)[:4]
        follow()

    def erased() -> None:
        page.onset_digits = page.onset_digits[:-1]
        follow()

    with box("main"):
        with box("card"):
            said = text("", "quiet")
            said.props["aria-live"] = "polite"
            time = text("", "typed")
            time.props["aria-live"] = "polite"
        with box("keys"):
            for digit in DIGITS:
                Key(digit, later(typed, digit))
            Key("⌫", erased, label=page.say("clear"))
    with box("side wide"):
        Key(page.say("today"), later(page.choose_onset, 0), classes="grow")
        Key(page.say("yesterday"), later(page.choose_onset, 1), classes="grow")
        Key(page.say("back"), later(page.show, "check"))

    def follow() -> None:
        shown = page.onset_digits.ljust(4, "–")
        time.text = f"{shown[:2]}:{shown[2:]}"
        said.text = page.sentence or f"{page.say('onset')}: {page.say('onset_enter')}"

    return follow
