"""The end of a calibration: verdict, certificate, what changed since the last one. And what every view has."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nicegui import ui

from calibration.figures_text import missing, moved, verdict
from contract.certificate import Certificate
from device.calibrating_screen.papers import address_of
from device.calibrating_screen.words import written
from device.screen.page import Key
from device.screen.parts import box, text

if TYPE_CHECKING:
    from device.calibrating_screen.page import Page


def watching(page: "Page") -> None:
    """Say that another browser leads, and that the step is done again under the corrections, where that is so."""
    if not page.drives:
        text(page.say("watching"), "quiet").props["role"] = "status"
    if page.seen.again:
        text(page.say("again"), "quiet")


def last_keys(page: "Page") -> None:
    """Draw what each view has: the other language, and taking over where another browser leads."""
    if not page.drives:
        Key(page.say("take_over"), page.take_over)
    Key(page.say("language"), page.switch_language)


def link(words: str, address: str) -> None:
    """Draw a link that downloads a file."""
    made = ui.link(words, address).classes(replace="key")
    made.props["download"] = ""


def row(cells: Sequence[str], head: bool = False) -> None:
    """Draw one row of a table."""
    with box(tag="tr"):
        for cell in cells:
            text(cell, tag="th" if head else "td")


def breakable(name: str) -> str:
    """Return a key or a step's name with places where a line may end."""
    return name.replace("_", "_\u200b").replace(".", ".\u200b")


def ended(page: "Page") -> None:
    """What it came to."""
    end = page.seen.ended
    if end is None:
        return
    certificate = end.made.certificate
    lacking = missing(certificate)
    failed = [step.step.value for step in certificate.steps if not step.passed]
    with box("main"), box("card scroll grow"):
        watching(page)
        text(page.say(verdict(certificate)), "big")
        text(page.say("due", date=f"{certificate.due_at:%Y-%m-%d}"))
        if failed:
            text(page.say("failed_steps", steps=", ".join(failed)), "wrap")
        if lacking:
            text(page.say("missing_steps", steps=", ".join(lacking)), "wrap")
        for name, why in end.left_out.items():
            text(page.say("left_out", step=name, why=why), "wrap")
        text(page.say("certificate", id=certificate.certificate_id), "quiet wrap")
        text(end.made.file.name, "quiet wrap")
        if end.made.previous is not None:
            _changed(page, end.made.previous, certificate)
        text(page.say("bedside_again"), "quiet wrap")
    with box("side wide"):
        link(page.say("pdf"), address_of(certificate))
        Key(page.say("to_start"), page.does(page.calibrating.back), classes="grow")
        last_keys(page)


def _changed(page: "Page", previous: Certificate, certificate: Certificate) -> None:
    """Draw the figures that moved by more than measuring explains."""
    compared = moved(previous, certificate)
    beyond = [each for each in compared if each.en is not None and abs(each.en) > 1.0]
    text(page.say("changed", date=f"{previous.made_at:%Y-%m-%d %H:%M}"), "big")
    text(page.say("changed_some" if beyond else "changed_none", count=len(compared)), "wrap")
    if not beyond:
        return
    with box(tag="table"):
        with box(tag="thead"):
            row([page.say(key) for key in ("figure", "old", "new", "moved")], head=True)
        with box(tag="tbody"):
            for each in beyond:
                old, new = (written(f"{value:.4g} {each.unit}", page.language) for value in (each.old, each.new))
                row([f"{breakable(each.step.value)}: {each.name}", old, new, written(f"{each.en:+.1f}", page.language)])
