"""The views of a step: what to do, what is happening, what came of it; and the corrections."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from calibration.figures_text import configured, has_limits
from calibration.guide import Next
from calibration.step import Step
from contract.certificate import StepOutcome
from device.calibrating_screen.desk import Agreeing, CouldNot, Ready, Shown
from device.calibrating_screen.plots import plotted
from device.calibrating_screen.views_end import breakable, last_keys, row, watching
from device.calibrating_screen.words import figure_words, on_page, written
from device.screen.page import Key
from device.screen.parts import box, picture, text

if TYPE_CHECKING:
    from device.calibrating_screen.page import Page


def ready(page: "Page") -> None:
    """What is to be put in place."""
    asked = page.seen.moment.asked
    if not isinstance(asked, Ready):
        return
    with box("main"), box("card scroll grow"):
        watching(page)
        text(asked.step.instruction.in_(page.language), "instruction")
        backup = page.seen.moment.backup
        if backup is not None and page.seen.again:
            text(page.say("written", file=backup.name), "quiet wrap")
    with box("side wide"):
        Key(page.say("measure"), page.answers(True), classes="act grow")
        _stop(page)


def measuring(page: "Page") -> Callable[[], None]:
    """What is happening: the step's own lines, and for how long."""
    with box("main"), box("card scroll grow"):
        watching(page)
        text(page.say("measuring"), "big")
        seconds, lines = text("", "big"), text("", "lines wrap")
        lines.style("white-space: pre-line")
    with box("side wide"):
        _stop(page)

    def follow() -> None:
        moment = page.seen.moment
        lasted_s = page.calibrating.now_s() - moment.since_s
        seconds.text = page.say("seconds", seconds=f"{max(0.0, lasted_s):.0f}")
        lines.text = "\n".join(moment.said)

    return follow


def shown(page: "Page") -> None:
    """The figures of a step, each with its limits, and its curves."""
    asked = page.seen.moment.asked
    if not isinstance(asked, Shown):
        return
    outcome = asked.outcome
    with box("main"), box("card scroll grow"):
        watching(page)
        text(page.say("pass" if outcome.passed else "fail"), "big")
        if outcome.trouble is not None:
            text(on_page(outcome.trouble, page.language), "wrap")
        _figures(page, outcome)
        with box("plots"):
            for curve in outcome.curves:
                picture(plotted(curve, comma=page.language == "fr"), "plot")
    with box("side wide"):
        # What has failed is repeated unless somebody wants otherwise.
        wanted = ("act grow", "") if outcome.passed else ("", "act grow")
        Key(page.say("go_on"), page.answers(Next.GO_ON), classes=wanted[0])
        Key(page.say("repeat"), page.answers(Next.REPEAT), classes=wanted[1])
        _stop(page)


def _figures(page: "Page", outcome: StepOutcome) -> None:
    if not outcome.figures:
        return
    with box(tag="table"):
        with box(tag="thead"):
            row([page.say(key) for key in ("figure", "value", "limit", "verdict")], head=True)
        with box(tag="tbody"):
            for figure in outcome.figures:
                value, limits = figure_words(figure, page.language)
                verdict = page.say("pass" if figure.passed else "fail") if has_limits(figure) else ""
                row([figure.name, value, limits, verdict])


def could_not(page: "Page") -> None:
    """Why the machine could not, and what going on means."""
    asked = page.seen.moment.asked
    if not isinstance(asked, CouldNot):
        return
    with box("main"), box("card scroll grow"):
        watching(page)
        text(page.say("could_not"), "big")
        text(on_page(asked.why, page.language), "wrap").props["role"] = "alert"
        text(page.say(_without(asked.step)), "quiet")
    with box("side wide"):
        Key(page.say("repeat"), page.answers(Next.REPEAT), classes="act grow")
        Key(page.say("go_on"), page.answers(Next.GO_ON))
        _stop(page)


def _without(step: Step) -> str:
    return "leave_out" if step.optional else "fails"


def agreeing(page: "Page") -> None:
    """What the configuration says, and is to say."""
    asked = page.seen.moment.asked
    if not isinstance(asked, Agreeing):
        return
    with box("main"), box("card scroll grow"):
        watching(page)
        text(page.say("agree"), "big")
        with box(tag="table"):
            with box(tag="thead"):
                row([page.say(key) for key in ("key", "old", "new", "by_step")], head=True)
            with box(tag="tbody"):
                for change in asked.changes:
                    old, new = (written(configured(value), page.language) for value in (change.old, change.new))
                    row([breakable(change.key), old, new, breakable(change.step.value)])
    with box("side wide"):
        Key(page.say("yes"), page.answers(True), classes="act grow")
        Key(page.say("no"), page.answers(False))
        _stop(page)


def _stop(page: "Page") -> None:
    if page.drives:
        Key(page.say("stop"), page.does(page.calibrating.stop))
    last_keys(page)
