"""The way of a mottling score: photo, marks, what was found, and the person's word on it."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from nicegui import ui

from contract.mottling import mottling_sentence
from device.screen.hub import ScoredPhoto
from device.screen.parts import box, picture, text
from device.screen.views_measuring import trouble, who
from device.screen.ways_photographing import MARKS, MarkName, Photographing, Taken

if TYPE_CHECKING:
    from device.screen.page import Page

SCORES: range = range(6)
UPLOAD: str = """async (event) => {
  const file = event.target.files[0];
  event.target.value = "";
  if (!file) return;
  try {
    const seen = await createImageBitmap(file, {imageOrientation: "from-image"});
    const answer = await fetch("/photo", {method: "PUT", body: file});
    emit(answer.ok ? await answer.text() : "", seen.width, seen.height);
  } catch (error) { emit("", 0, 0); }
}"""
"""In the browser: the file as it is goes to this device; the size is that of the photo as people see it, upright."""
TOUCH: str = """(event) => {
  const shown = event.currentTarget.querySelector("svg");
  const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(shown.getScreenCTM().inverse());
  emit(at.x, at.y);
}"""


def photo(page: "Page") -> None:
    """How the leg has to lie, and the photo."""
    from device.screen.page import Key, later

    def taken(event: Any) -> None:
        name, width, height = event.args
        if name and width and height:
            page.leg.taken(Taken(str(name), int(width), int(height)))
        else:
            page.sentence = page.say("photo_refused")
            page.draw_anew()

    with box("main"):
        trouble(page)
        with box("card grow"), box("steps", "ol"):
            for step in ("photo_bare", "photo_light", "photo_whole"):
                text(page.say(step), "", "li")
        with box("key act taking", "label"):
            text(page.say("photo_take"), "", "span")
            chosen = ui.element("input").props('type=file accept="image/jpeg,image/png" capture=environment')
            chosen.on("change", taken, js_handler=UPLOAD)
    with box("side"):
        Key(page.say("back"), later(page.show, "idle"), classes="grow")


def marks(page: "Page") -> Callable[[], None]:
    """Knee, upper edge of the kneecap and fold of the groin are touched on the photo."""
    from device.screen.page import Key, later

    leg = page.leg

    def touched(event: Any) -> None:
        x, y = event.args
        leg.touched(float(x), float(y))

    with box("main"):
        said = text("", "card")
        said.props["aria-live"] = "polite"
        shown = picture(_marked(leg, page), "photo grow")
        shown.on("click", touched, js_handler=TOUCH)
    with box("side pair"):
        keys = {name: Key(page.say(f"mark_{name}"), later(leg.mark, name)) for name in MARKS}
        Key(page.say("mark_no_groin"), leg.no_groin)
        score = Key(page.say("score"), leg.score, classes="act small")
        Key(page.say("back"), leg.cancel)
    drawn: list[object] = [None]

    def follow() -> None:
        words = page.sentence or _asked(page, leg)
        if said.text != words:
            said.text = words
        score.can(leg.marked)
        now = (dict(leg.marks), leg.next_mark, leg.around, leg.photo)
        if now == drawn[0]:
            return
        drawn[0] = now
        shown.content = _marked(leg, page)
        for name, key in keys.items():
            key.classes(add="chosen", remove="") if name == leg.next_mark else key.classes(remove="chosen")

    return follow


def _asked(page: "Page", leg: Photographing) -> str:
    if leg.next_mark is None:
        return page.say("marks_done")
    return page.say(f"{'touch' if leg.around is None else 'exactly'}_{leg.next_mark}")


def _marked(leg: Photographing, page: "Page") -> str:
    """Return the photo with its marks; only names that we made and numbers stand in it."""
    if leg.photo is None:
        return ""
    left, top, width, height = leg.box()
    size = max(width, height) / 40
    marks_drawn = "".join(_mark(name, at, size) for name, at in leg.marks.items())
    source = json.dumps(f"/photos/{leg.photo.name}")
    return (
        f'<svg viewBox="{left:.1f} {top:.1f} {width:.1f} {height:.1f}" role="img" aria-label="{page.say("photo")}">'
        f'<image href={source} width="{leg.photo.width}" height="{leg.photo.height}"/>{marks_drawn}</svg>'
    )


def _mark(name: MarkName, at: tuple[float, float], size: float) -> str:
    x, y = at
    letter = {"knee": "1", "patella": "2", "groin": "3"}[name]
    cross = f"M{x - size:.1f} {y:.1f}h{2 * size:.1f}M{x:.1f} {y - size:.1f}v{2 * size:.1f}"
    return (
        f'<path class="halo" d="{cross}"/><path class="cross" d="{cross}"/>'
        f'<text class="number" x="{x + size:.1f}" y="{y - 0.4 * size:.1f}" font-size="{1.6 * size:.1f}">{letter}</text>'
    )


def waiting(page: "Page") -> None:
    """The photo is being looked at."""
    from device.screen.page import Key, later

    with box("main card"):
        text(page.say("scoring"), "big").props["role"] = "status"
        trouble(page)
    with box("side"):
        Key(page.say("back"), later(page.show, "idle"), classes="grow")


def score_key(page: "Page") -> object:
    """What came of the photo."""
    return page.hub.photo, page.hub.changed, page.sentence


def score(page: "Page") -> None:
    """The photo with what was found, the score in words, or the one reason; a person confirms or changes it."""
    from device.screen.page import Key, later

    found = page.hub.photo
    with box("main"):
        trouble(page)
        if found is not None:
            _found(page, found)
    with box("side wide"):
        if found is not None and found.result.score is not None:
            Key(page.say("confirm"), later(page.leg.confirm, found.result.score), classes="act")
        if found is not None:
            Key(page.say("other_score"), later(page.show, "scores"))
        Key(page.say("photo_again"), later(page.show, "photo"))
        Key(page.say("back"), later(page.show, "idle"), classes="grow")


def _found(page: "Page", found: ScoredPhoto) -> None:
    result = found.result
    text(f"{who(page).replace(chr(10), '   ')}   {page.say('mottling')}", "quiet")
    with box("rowed grow"):
        if found.picture is not None:
            shown = box("found grow", "img")
            shown.props["src"], shown.props["alt"] = f"/photos/{found.picture}", page.say("photo_found")
        with box("card grow"):
            if result.score is None:
                text(page.say("no_number"), "big")
            else:
                text(("≥ " if result.at_least else "") + str(result.score), "huge")
                text(page.say(f"score_{result.score}"), "big")
            if result.reason is not None:
                text(mottling_sentence(result.reason, page.language), "", "p").props["role"] = "alert"
            if result.max_supported is not None and result.max_supported < SCORES[-1]:
                text(page.say("at_most", score=result.max_supported), "quiet")
            if result.confidence is not None:
                text(page.say("confidence", percent=f"{100 * result.confidence:.0f}"), "quiet")
            text(page.say("reading_number", number=found.device_seq), "quiet")


def scores(page: "Page") -> None:
    """Which score it is in the person's eyes: each with its extent."""
    from device.screen.page import Key, later

    with box("main"):
        text(page.say("other_score"), "big")
        with box("keys three"):
            for number in SCORES:
                Key(f"{number}\n{page.say(f'score_{number}')}", later(page.leg.confirm, number), classes="small")
    with box("side"):
        Key(page.say("back"), later(page.show, "score"), classes="grow")
