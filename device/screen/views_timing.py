"""A stopwatch in the hand of a nurse: the time by eye beside the device's, before its number is shown where it can be.

Both touches are timed by the browser that was touched: what the network does to them does not count.
"""

from typing import TYPE_CHECKING, Any
from uuid import UUID

from device.screen.parts import box, text
from device.screen.words import number

if TYPE_CHECKING:
    from device.screen.page import Page
    from device.standing import Standing

LEAST_S: float = 0.2
"""What is shorter is one finger that came down twice."""


def by_hand_key(page: "Page") -> object:
    """The reading, and who has timed it so far."""
    return page.hub.reading, page.hub.changed, page.sentence


def by_hand(page: "Page") -> None:
    """The measurement is done, its number is not shown yet: somebody times the skin first, or looks at the number."""
    from device.screen.page import Key, later

    kept = _kept(page)
    with box("main"):
        with box("card grow"):
            text(page.say("by_hand"), "big")
            times = [] if kept is None else [each for each in kept.amendments if each.action == "timed"]
            if times:
                text(page.say("times_kept", count=len(times)), "quiet")
            if page.sentence:
                text(page.sentence, "card", "p").props["role"] = "alert"
        with box("rowed grow"):
            Key(page.say("show_number"), later(page.show, "result"), classes="grow")
            Key(page.say("stopwatch"), None if kept is None else later(_begin, page, kept), classes="act grow")


def _kept(page: "Page") -> "Standing | None":
    shown = page.hub.reading
    return None if shown is None else page.standing_of(UUID(shown.reading_id))


async def _begin(page: "Page", kept: "Standing") -> None:
    page.opened = kept.entry.reading_id
    await page.amend.begin(kept, "timed")


def timing_key(page: "Page") -> object:
    """How far the stopwatch is."""
    return page.amend.let_go_ms, page.amend.timed_s, page.sentence


def timing(page: "Page") -> None:
    """Let go, colour is back, keep it: one large control at a time, and no number runs that would lead the thumb."""
    from device.screen.page import Key, later

    amend = page.amend
    with box("main"):
        with box("card"):
            text(page.sentence or page.say(_says(page)), "big").props["aria-live"] = "polite"
            if amend.timed_s is not None:
                text(f"{number(amend.timed_s, 2, page.language)} {page.say('seconds')}", "huge")
        with box("rowed grow"):
            if amend.timed_s is None:
                _touched(page, "let_go" if amend.let_go_ms is None else "is_back")
            else:
                Key(page.say("time_again"), amend.time_again, classes="grow")
                Key(page.say("accept"), later(amend.given, stopwatch_s=amend.timed_s), classes="act grow")
    with box("side"):
        Key(page.say("back"), amend.cancel, classes="grow")


def _says(page: "Page") -> str:
    if page.amend.timed_s is not None:
        return "stopwatch"
    return "hold_first" if page.amend.let_go_ms is None else "running"


def _touched(page: "Page", word: str) -> None:
    """Draw the control of a touch that is timed as it comes down; a keyboard's Enter is timed as well."""
    from device.screen.page import Key

    def down(event: Any) -> None:
        if not event.args.get("repeat"):  # a key that is held down repeats by itself
            page.amend.touched(float(event.args["timeStamp"]), LEAST_S)

    key = Key(page.say(word), None, classes="act grow")
    key.can(True)
    key.on("pointerdown", down, args=["timeStamp"])
    key.on("keydown.enter", down, args=["timeStamp", "repeat"])
