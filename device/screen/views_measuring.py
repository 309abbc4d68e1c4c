"""The way of a measurement: ready, sure?, under way, and what came of it."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import UUID

from contract.hypoperfusion_words import ANSWERS, spoken
from contract.mottling import MottlingReading
from contract.reading import RefillResult, Status
from contract.reasons import sentence
from device.perfusion import perfusion_of
from device.screen import curve
from device.screen.hub import Shown
from device.screen.parts import box, picture, text
from device.screen.words import number
from device.standing import Standing

if TYPE_CHECKING:
    from contract.amendment import Action
    from device.screen.page import Page

TREND_OF: int = 12
DRAWN_EVERY: int = 4
"""What moves is drawn at every so many looks, and at once when the state changes: the browser may share the cores of
the measurement."""
DIGITS: int = 2
"""As the verdict has them: a number that stands beside a limit must not be rounded onto it."""


def idle_key(_: "Page") -> object:
    """Nothing: the view is drawn once, and its keys stay where they are while somebody touches them."""
    return None


def idle(page: "Page") -> Callable[[], None]:
    """Who is measured next, the large control, and what was measured last."""
    from device.screen.page import Key, later

    with box("main"):
        with box("rowed"):
            whose = Key("", later(page.show, "entry"), classes="grow")
            place = Key("", later(page.show, "place"))
        with box("rowed grow"):
            measure = Key(page.say("measure"), later(page.show, "confirm"), classes="act grow")
            mottling = Key(page.say("mottling"), later(page.show, "photo"))
        said, newest = box(), box()
    side(page)
    shown: list[object] = [None]

    def follow() -> None:
        ready = page.hub.connected and page.choice is not None
        whose.text, place.text = who(page), where(page)
        place.set_visibility(page.choice is not None)
        measure.can(ready)
        mottling.can(ready)
        now = (page.choice, page.hub.changed, page.hub.trouble, page.sentence)
        if now == shown[0]:
            return
        shown[0] = now
        said.clear()
        newest.clear()
        with said:
            trouble(page)
        with newest:
            last(page)

    return follow


def confirm_key(page: "Page") -> object:
    """Whose measurement it would be, and what was refused."""
    return page.choice, page.hub.trouble, page.sentence


def confirm(page: "Page") -> None:
    """Ask once whether the probe is in place: a screen may be far from the patient."""
    from device.screen.page import Key, later

    with box("main"):
        with box("card grow"):
            text(who(page), "quiet")
            text(page.say("ready_probe"), "big")
            trouble(page)
        with box("rowed grow"):
            Key(page.say("not_yet"), later(page.show, "idle"), classes="grow")
            Key(page.say("start"), page.start, classes="act grow")


def who(page: "Page") -> str:
    """Return the chosen subject, as it is shown everywhere."""
    choice = page.choice
    if choice is None:
        return f"{page.say('nobody')}\n{page.say('choose')}"
    event = f"\n{choice.event}" if choice.event else ""
    return f"{choice.subject.site}-{choice.subject.inclusion}{event}"


def where(page: "Page") -> str:
    """Return the body site and the side."""
    choice = page.choice
    if choice is None:
        return ""
    words = [page.say(choice.body_site.value), page.say(choice.side.value) if choice.side else ""]
    return "\n".join(filter(None, words))


def trouble(page: "Page") -> None:
    """Show what was refused, or what needs a person."""
    words = page.sentence or page.hub.trouble
    if words:
        text(words, "card", "p").props["role"] = "alert"


def last(page: "Page") -> None:
    """Show the last number and how the numbers went."""
    readings = [reading for reading in page.readings() if page.choice and reading.body_site is page.choice.body_site]
    with box("card rowed"):
        if not readings:
            text(page.say("no_readings"), "quiet")
            return
        for reading in readings[-TREND_OF:]:
            page.show_number(reading.reading_id)
        with box():
            text(outcome(readings[-1].result, page), "big")
            text(readings[-1].measured.at.astimezone().strftime("%d.%m. %H:%M"), "quiet")
        values = [reading.result.crt_s for reading in readings[-TREND_OF:]]
        limit = threshold(page, readings[-1].body_site.value)
        picture(curve.trend(values, limit, page.say("history")), "graph grow")


def threshold(page: "Page", body_site: str) -> float | None:
    """Return the study's limit at a body site, s."""
    study = page.study()
    return next((each.crt_s for each in study.hypoperfusion if each.body_site == body_site), None) if study else None


def outcome(result: RefillResult, page: "Page") -> str:
    """Return a result in a few words."""
    if result.crt_s is not None:
        return f"{number(result.crt_s, DIGITS, page.language)} {page.say('seconds')}"
    if result.crt_exceeds_s is not None:
        return page.say("longer_than", seconds=number(result.crt_exceeds_s, 1, page.language))
    return page.say("no_number")


def side(page: "Page") -> None:
    """Draw the ways to the other views."""
    from device.screen.page import Key, later

    with box("side", "nav"):
        for view in ("history", "check", "help"):
            Key(page.say(view), later(page.show, view))
        Key(page.say("language"), page.switch_language)


def measuring_key(_: "Page") -> object:
    """Nothing: Stop stays where it is."""
    return None


def measuring(page: "Page") -> Callable[[], None]:
    """What is happening, how long it takes, the pressure, the skin's curve; Stop is always under the thumb."""
    from device.screen.page import Key

    hub = page.hub
    with box("main"):
        state = text("", "big")
        state.props["aria-live"] = "polite"
        with box("rowed"):
            press, left = text("", "grow"), text("", "big")
        pressure = text("", "quiet")
        text(page.say("curve"), "quiet")
        graph = picture("", "graph grow card")
    with box("side wide"):
        text(who(page), "quiet")
        Key(page.say("stop"), page.stop, classes="stop")

    looks = [0]
    known: list[object] = [None]

    def follow() -> None:
        now = (hub.state, hub.press)
        looks[0] += 1
        if looks[0] % DRAWN_EVERY and now == known[0]:
            return
        known[0] = now
        state.text = page.say(f"state_{hub.state.value}")
        press.text = page.say("press_of", press=hub.press, presses=hub.presses) if hub.press else ""
        left.text = "" if hub.remaining_s is None else page.say("seconds_left", seconds=f"{hub.remaining_s:.0f}")
        shown_kpa = "" if hub.kpa is None else f"{number(hub.kpa, 1, page.language)} kPa"
        pressure.text = f"{page.say('pressure')}  {shown_kpa}"
        # Whoever is to time the refill by eye must not see the camera's first.
        points = [point for point in hub.points if not (page.settings.stopwatch and point.released)]
        graph.content = curve.live(points, page.say("curve"))

    return follow


def result_key(page: "Page") -> object:
    """The reading."""
    return page.hub.reading, page.hub.changed, page.hub.trouble, page.sentence


def result(page: "Page") -> None:
    """The number, large, with its interval and what it means; or the one reason and what to do."""
    from device.screen.page import Key, later

    shown = page.hub.reading
    with box("main card"):
        if shown is None:
            trouble(page)
        else:
            text(f"{who(page)}   {page.say(shown.body_site)}", "quiet")
            (_number if shown.result.status is not Status.NOT_MEASURABLE else _reason)(page, shown)
            _beside(page)
    kept = None if shown is None else page.standing_of(UUID(shown.reading_id))
    if shown is not None:
        page.show_number(UUID(shown.reading_id))
    with box("side pair"):
        Key(page.say("confirm"), amending(page, kept, "confirmed"), classes="act small")
        Key(page.say("again"), later(page.show, "confirm") if page.choice else None)
        Key(page.say("comment"), amending(page, kept, "commented"))
        Key(page.say("correct"), amending(page, kept, "corrected"))
        Key(page.say("check"), later(page.show, "check"))
        Key(page.say("back"), later(page.show, "idle"))


def amending(page: "Page", kept: Standing | None, action: "Action") -> Callable[[], Any] | None:
    """Return what a key does that adds to the reading shown; None where it cannot be found in the journal."""
    if kept is None:
        return None
    return partial(_amend, page, kept, action)


async def _amend(page: "Page", kept: Standing, action: "Action") -> None:
    page.opened, page.came_from = kept.entry.reading_id, "idle"
    await page.amend.begin(kept, action)


def _beside(page: "Page") -> None:
    """Show the last mottling score that a person confirmed, and the verdict, where they are known."""
    choice, study = page.choice, page.study()
    if choice is None or study is None:
        return
    scored = [each for each in page.standings() if isinstance(each.now, MottlingReading)]
    if scored:
        text(score_of(page, scored[-1]), "quiet")
    found = perfusion_of(page.standings(), study, choice.subject, choice.event, page.language)
    text(f"{page.say('hypoperfusion')}: {spoken(ANSWERS[found.answer], page.language)}", "quiet")


def score_of(page: "Page", kept: Standing) -> str:
    """Return a mottling reading in a few words: the person's score, the device's own, or why there is none."""
    now = kept.now
    if not isinstance(now, MottlingReading):
        raise TypeError("no mottling reading")
    if kept.mottling_score is not None:
        return page.say("score_confirmed", score=kept.mottling_score)
    if now.result.score is None:
        return f"{page.say('mottling')}: {page.say('no_number')}"
    return page.say("score_unconfirmed", score=now.result.score)


def _number(page: "Page", shown: Shown) -> None:
    result = shown.result
    text(page.say("refill_time"), "quiet")
    text(outcome(result, page), "huge" if result.crt_s is not None else "big")
    if result.crt_ci95_s is not None:
        low, high = (number(value, DIGITS, page.language) for value in result.crt_ci95_s)
        text(page.say("interval", low=low, high=high), "big")
    text(page.say("definition"), "quiet")
    text(_presses(page, shown))
    text(page.say("reading_number", number=shown.device_seq), "quiet")


def _presses(page: "Page", shown: Shown) -> str:
    """Return each press, and how far they lie apart."""
    if len(shown.presses) < 2:
        return page.say("one_press")
    each = ", ".join(outcome(press.result, page) for press in shown.presses)
    words = [f"{page.say('median_of', count=len(shown.presses))}: {each}"]
    if shown.spread is not None:
        words.append(page.say("spread", percent=f"{100 * shown.spread:.0f}"))
    return "; ".join(words)


def _reason(page: "Page", shown: Shown) -> None:
    text(page.say("no_number"), "big")
    if shown.result.reason is not None:
        text(sentence(shown.result.reason, page.language), "big", "p").props["role"] = "alert"
    text(page.say("reading_number", number=shown.device_seq), "quiet")
