"""What is drawn: one view a function, each with the key that tells when it has to be drawn anew.

A view draws once and returns what follows the moving numbers, so that nothing flickers and a screen reader is not
interrupted. Symbols and words carry every state; colour carries none.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from contract.status import Condition, PartHealth, PartName
from device.screen import (
    views_amending,
    views_choosing,
    views_looking,
    views_measuring,
    views_mottling,
    views_timing,
)
from device.screen.parts import box, text

if TYPE_CHECKING:
    from device.screen.page import Page, ViewName

Live = Callable[[], None]
MARKS: dict[Condition, str] = {
    Condition.OK: "✓",
    Condition.WARNING: "!",
    Condition.FAULT: "✕",
    Condition.UNKNOWN: "?",
}


ALWAYS: frozenset[PartName] = frozenset(
    {PartName.PROBE, PartName.CAMERA, PartName.CALIBRATION, PartName.CLOCK, PartName.BROKER, PartName.FEED}
)
"""Parts that stand in the line whatever they do; the others only where they are not well."""


@dataclass(frozen=True)
class View:
    """`key`: what has to be the same for the view to stand; `draw`: draws it, and returns what moves in it."""

    key: Callable[["Page"], object]
    draw: Callable[["Page"], Live | None]


VIEWS: dict["ViewName", View] = {
    "idle": View(views_measuring.idle_key, views_measuring.idle),
    "confirm": View(views_measuring.confirm_key, views_measuring.confirm),
    "measuring": View(views_measuring.measuring_key, views_measuring.measuring),
    "result": View(views_measuring.result_key, views_measuring.result),
    "entry": View(lambda _: None, views_choosing.entry),
    "place": View(lambda page: (page.draft, page.sentence), views_choosing.place),
    "event": View(lambda page: page.draft, views_choosing.event),
    "onset": View(lambda _: None, views_choosing.onset),
    "check": View(views_looking.readings_key, views_looking.check),
    "history": View(views_looking.readings_key, views_looking.history),
    "help": View(lambda _: None, views_looking.card),
    "reading": View(views_amending.reading_key, views_amending.reading),
    "comments": View(views_amending.amend_key, views_amending.comments),
    "fields": View(views_amending.amend_key, views_amending.fields),
    "value": View(views_amending.amend_key, views_amending.value),
    "whys": View(views_amending.amend_key, views_amending.whys),
    "operator": View(views_amending.amend_key, views_amending.operator),
    "sure": View(views_amending.amend_key, views_amending.sure),
    "by_hand": View(views_timing.by_hand_key, views_timing.by_hand),
    "timing": View(views_timing.timing_key, views_timing.timing),
    "photo": View(lambda page: page.sentence, views_mottling.photo),
    "marks": View(lambda page: page.leg.photo, views_mottling.marks),
    "waiting": View(lambda page: page.sentence, views_mottling.waiting),
    "score": View(views_mottling.score_key, views_mottling.score),
    "scores": View(lambda _: None, views_mottling.scores),
}


def top(page: "Page") -> Live:
    """Draw the line of quiet marks; returns what keeps them true."""
    shown: list[object] = [None]
    row = box("top-row")

    def follow() -> None:
        hub = page.hub
        parts = [part for part in hub.health if part.part in ALWAYS or part.condition is not Condition.OK]
        key = (page.language, hub.connected, parts)
        if key == shown[0]:
            return
        shown[0] = key
        row.clear()
        with row:
            if not hub.connected:
                text(page.say("gone"), "say")
                return
            if page.settings.simulated:
                text(page.say("simulated"), "say")
            for part in parts:
                _mark(page, part)

    return follow


def _mark(page: "Page", part: PartHealth) -> None:
    """Draw a part: a symbol, its name, and for what is not sent yet how many."""
    name = page.say(part.part.value)
    count = f" {part.value:.0f}" if part.part is PartName.FEED and part.value else ""
    mark = text(f"{MARKS[part.condition]} {name}{count}")
    mark.props["role"] = "note"
    mark.props["aria-label"] = f"{name}: {part.sentence or MARKS[part.condition]}"
    if part.sentence:
        mark.props["title"] = part.sentence
