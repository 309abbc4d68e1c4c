"""What is only looked at: the inclusion check, a subject's history, and the quick card."""

from typing import TYPE_CHECKING
from uuid import UUID

from contract.hypoperfusion_words import ANSWERS, SENTENCES, spoken
from contract.reading import Reading
from device.perfusion import perfusion_of
from device.screen import curve
from device.screen.parts import box, picture, text
from device.screen.views_measuring import outcome, score_of, threshold, trouble, who
from device.screen.words import LANGUAGES, QUICK_CARD, number

if TYPE_CHECKING:
    from contract.hypoperfusion import Verdict
    from device.screen.page import Page
    from device.standing import Standing

MOST_ROWS: int = 60


def readings_key(page: "Page") -> object:
    """The choice and the newest reading."""
    return page.choice, page.hub.changed, page.sentence


def check(page: "Page") -> None:
    """Whether the study's criterion is met: onset, window, inputs, and what is missing."""
    from device.screen.page import Key, later

    choice, study = page.choice, page.study()
    with box("main scroll"):
        trouble(page)
        if choice is None or study is None:
            text(page.say("nobody"), "big")
        else:
            found = perfusion_of(page.standings(), study, choice.subject, choice.event, page.language)
            _verdict(page, found)
    with box("side wide"):
        Key(page.say("onset"), later(page.show, "onset") if choice else None)
        Key(page.say("back"), later(page.show, "idle"), classes="grow")


def _verdict(page: "Page", found: "Verdict") -> None:
    choice = page.choice
    onset = choice.norepinephrine_onset_at if choice else None
    with box("card"):
        text(who(page), "quiet")
        begun = onset.astimezone().strftime("%d.%m. %H:%M") if onset else page.say("onset_unknown")
        text(f"{page.say('onset')}: {begun}")
        text(_window(page, found))
    with box("card"):
        text(f"{page.say('hypoperfusion')}: {spoken(ANSWERS[found.answer], page.language)}", "big")
        text(spoken(SENTENCES[found.answer], page.language))
        text(found.calibration_note(page.language), "quiet")
    with box("card"), box("", "table"), box("", "tbody"):
        for given in found.inputs:
            if given.reading_id is not None:
                page.show_number(UUID(given.reading_id))
            with box("", "tr"):
                text(page.say(given.what), "", "th").props["scope"] = "row"
                text(given.shown or "–", "", "td")
                text(spoken(ANSWERS[given.answer], page.language), "", "td")
                text("; ".join(given.remarks), "quiet", "td")


def _window(page: "Page", found: "Verdict") -> str:
    if found.window is None:
        return page.say("window_none")
    hours = "?" if found.window.hours is None else number(found.window.hours, 1, page.language)
    return page.say(f"window_{found.window.answer.value}", hours=hours)


def history(page: "Page") -> None:
    """The chosen subject's readings, newest first, as a plot and a table."""
    from device.screen.page import Key, later

    readings, kept = page.readings(), page.standings()
    for each in kept:
        page.show_number(each.entry.reading_id)
    with box("main scroll"):
        text(who(page), "quiet")
        if not kept:
            text(page.say("no_readings"), "big")
        else:
            for site in dict.fromkeys(reading.body_site for reading in readings):
                values = [reading.result.crt_s for reading in readings if reading.body_site is site]
                if not any(value is not None for value in values):
                    continue
                text(page.say(site.value), "quiet")
                picture(curve.trend(values, threshold(page, site.value), page.say(site.value)), "graph card")
            _table(page, kept)
    with box("side"):
        Key(page.say("back"), later(page.show, "idle"), classes="grow")


def _table(page: "Page", kept: "list[Standing]") -> None:
    """Each reading is a key of its own: touched, it opens with what was added to it."""
    from device.screen.page import Key, later

    with box("keys list one"):
        for each in kept[: -MOST_ROWS - 1 : -1]:
            now = each.now
            refill = isinstance(now, Reading)
            what = outcome(now.result, page) if isinstance(now, Reading) else score_of(page, each)
            where = [page.say(now.body_site.value)] if isinstance(now, Reading) else []
            where += [page.say(now.side.value)] if now.side else []
            words = [
                now.measured.at.astimezone().strftime("%d.%m. %H:%M"),
                " ".join(where) if refill else "",
                now.event or "",
                what,
            ]
            mark = f"\n{page.say('amended', count=len(each.amendments))}" if each.amendments else ""
            opens = later(page.open, each.entry.reading_id, "history")
            Key("   ".join(filter(None, words)) + mark, opens, classes="row")


def card(page: "Page") -> None:
    """The quick card."""
    from device.screen.page import Key, later

    with box("main scroll card"):
        with box("steps", "ol"):
            for step in QUICK_CARD:
                text(step[LANGUAGES.index(page.language)], "", "li")
        _machine(page)
    with box("side"):
        Key(page.say("back"), later(page.show, "idle"), classes="grow")


def _machine(page: "Page") -> None:
    """What measures, for whoever is called: as every record says it, the hash by its first digits."""
    told = page.hub.machine
    if told is None:
        return
    build, configuration = told.build or page.say("not_installed"), told.configuration_sha256[:12]
    text(page.say("machine", version=told.software_version, build=build, configuration=configuration), "quiet")
