"""What is drawn: one view a function, which returns what follows the moving parts, so that no key flickers.

Symbols and words carry every state; colour carries none. The keys are drawn for all, and can be touched by one.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from calibration.certificate.standing import SAYS
from device.calibrating_screen import keypad, views_end
from device.calibrating_screen.calibrating import Phase
from device.calibrating_screen.desk import Agreeing, CouldNot, Ready, Shown
from device.calibrating_screen.papers import address_of
from device.calibrating_screen.start import How
from device.calibrating_screen.views_steps import agreeing, could_not, measuring, ready, shown
from device.calibrating_screen.words import on_page
from device.screen.page import Key
from device.screen.parts import box, text

if TYPE_CHECKING:
    from device.calibrating_screen.page import Page

View = Callable[["Page"], Callable[[], None] | None]
MARKS: dict[bool | None, str] = {True: "✓", False: "✕", None: "·"}


def top(page: "Page") -> None:
    """Draw the line above everything: the place among the steps, and how each of them went."""
    seen, steps = page.seen, page.calibrating.site.steps
    names = [step.name for step in steps]
    step = seen.moment.step if seen.phase is Phase.RUNNING else None
    if step is not None and step.name in names:
        words = page.say("step_of", place=names.index(step.name) + 1, of=len(steps))
        text(page.say("heading", where=words, title=step.title.in_(page.language)), "title", tag="h1")
    else:
        text(page.say("heading", where=page.say("title"), title=page.calibrating.site.name), "title", tag="h1")
    if seen.phase is Phase.RUNNING:
        strip = text("".join(MARKS[mark] for mark in seen.marks), "strip")
        strip.props["role"] = "img"
        passed, failed = seen.marks.count(True), seen.marks.count(False)
        strip.props["aria-label"] = page.say("marks", passed=passed, failed=failed, of=len(steps))
    if page.calibrating.site.simulated:
        text(page.say("simulated"), "say")


def start(page: "Page") -> None:
    """How the calibration stands, and how to begin."""
    seen = page.seen
    under_way = seen.start.under_way if seen.start is not None else None
    with box("main"), box("card scroll grow"):
        views_end.watching(page)
        if seen.trouble is not None:
            text(on_page(seen.trouble.in_(page.language), page.language), "big wrap").props["role"] = "alert"
        _standing(page)
        text(page.say("steps", of=len(page.calibrating.site.steps)), "quiet")
        if under_way is not None:
            words = {"operator": under_way.operator, "done": under_way.done, "of": len(page.calibrating.site.steps)}
            began = under_way.began_at.astimezone().strftime("%d.%m. %H:%M")
            text(page.say("under_way", date=began, **words), "wrap")
    with box("side wide"):
        if under_way is not None:
            Key(page.say("resume"), page.chooses(How.RESUME), classes="act grow")
        begin = How.BEGIN if under_way is None and not _run_is_broken(page) else How.FRESH
        Key(page.say(begin.value), page.chooses(begin), classes="act grow" if under_way is None else "")
        views_end.last_keys(page)


def _run_is_broken(page: "Page") -> bool:
    """Whether a run is there that cannot be read: it has to be put aside."""
    start = page.seen.start
    return start is not None and any("--fresh" in trouble for trouble in start.troubles)


def _standing(page: "Page") -> None:
    found = page.seen.start
    if found is None:
        return
    if found.standing is None:
        text(page.say("no_file"), "big wrap")
    else:
        text(SAYS[found.standing.state].in_(page.language), "big wrap")
        certificate = found.standing.certificate
        if certificate is not None:
            text(page.say("due", date=f"{certificate.due_at:%Y-%m-%d}"))
            made = f"{certificate.made_at:%Y-%m-%d}"
            text(page.say("last", date=made, id=certificate.certificate_id), "quiet wrap")
            views_end.link(page.say("pdf").replace("\n", " "), address_of(certificate))
    for trouble in found.troubles:
        text(on_page(trouble, page.language), "wrap").props["role"] = "alert"


def sure(page: "Page") -> None:
    """Whether the interrupted calibration is put aside."""
    with box("main"):
        with box("card grow"):
            views_end.watching(page)
            text(page.say("sure"), "instruction")
        with box("rowed"):
            Key(page.say("back"), page.does(page.calibrating.back), classes="grow")
            Key(page.say("sure_yes"), page.does(page.calibrating.sure), classes="grow")
    with box("side wide"):
        views_end.last_keys(page)


VIEWS: dict[str, View] = {
    Phase.START.value: start,
    Phase.SURE.value: sure,
    Phase.OPERATOR.value: keypad.operator,
    Phase.ENDED.value: views_end.ended,
    "measuring": measuring,
    "asking": keypad.asking,
    Ready.__name__.lower(): ready,
    Shown.__name__.lower(): shown,
    CouldNot.__name__.lower(): could_not,
    Agreeing.__name__.lower(): agreeing,
}
