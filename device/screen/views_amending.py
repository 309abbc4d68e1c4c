"""The way of an amendment: confirm, comment or correct a reading; who and why. One question a view."""

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from contract.amendment import COMMENTS, CORRECTION_WHYS, Amendment, Change, Correctable
from contract.mottling import MottlingReading
from contract.reading import BodySite
from contract.reasons import Sentence
from contract.source import Side
from device.screen.amending import AmendDraft, correctable
from device.screen.parts import box, text
from device.screen.views_choosing import DIGITS
from device.screen.views_measuring import outcome, score_of, trouble
from device.screen.words import Language, number
from device.standing import text_of

if TYPE_CHECKING:
    from device.screen.page import Page
    from device.standing import Standing

LETTERS: str = "abcdefghijklmnopqrstuvwxyz"
MOST_CODE: int = 4
FIELD_WORDS: dict[Correctable, str] = {
    "inclusion": "inclusion",
    "event": "event",
    "body_site": "where",
    "side": "side",
    "operator": "operator",
    "norepinephrine_onset_at": "onset",
}


def told(sentence: Sentence, language: Language) -> str:
    """Return a sentence of one of the contract's tables."""
    return sentence.french if language == "fr" else sentence.english


def reading_key(page: "Page") -> object:
    """The reading and what was added to it."""
    return page.opened, page.hub.changed, page.sentence


def reading(page: "Page") -> None:
    """One reading as it stands, what was added to it, and what may be added."""
    from device.screen.page import Key, later

    kept = page.standing_of(page.opened)
    with box("main scroll"):
        trouble(page)
        if kept is None:
            text(page.say("moved"), "big")
        else:
            _standing(page, kept)
    with box("side wide"):
        if kept is not None:
            Key(
                page.say("confirm"),
                later(page.amend.begin, kept, "confirmed"),
                classes="" if kept.confirmation else "act",
            )
            Key(page.say("comment"), later(page.amend.begin, kept, "commented"))
            Key(page.say("correct"), later(page.amend.begin, kept, "corrected"))
            if page.settings.stopwatch and not isinstance(kept.now, MottlingReading):
                Key(page.say("stopwatch"), later(page.amend.begin, kept, "timed"))
        Key(page.say("back"), later(page.show, page.came_from), classes="grow")


def _standing(page: "Page", kept: "Standing") -> None:
    now = kept.now
    page.show_number(kept.entry.reading_id)
    with box("card"):
        text(f"{now.subject.site}-{now.subject.inclusion}   {_when(now.measured.at)}", "quiet")
        if isinstance(now, MottlingReading):
            text(score_of(page, kept), "big")
        else:
            text(f"{outcome(now.result, page)}   {page.say(now.body_site.value)}", "big")
        text(page.say("reading_number", number=now.device_seq), "quiet")
    if not kept.amendments:
        text(page.say("nothing_added"), "quiet")
        return
    with box("card"):
        for amendment in kept.amendments:
            text(_line(page, amendment))


def _line(page: "Page", amendment: Amendment) -> str:
    """Return what somebody added: who, when, what."""
    who = f"{_when(amendment.measured.at)}  {amendment.operator}: "
    if amendment.comment is not None:
        return who + told(COMMENTS[amendment.comment], page.language)
    if amendment.stopwatch_s is not None:
        return who + page.say("timed", seconds=number(amendment.stopwatch_s, 2, page.language))
    if amendment.action == "confirmed":
        score = amendment.mottling_score
        return who + page.say("confirmed") + ("" if score is None else f" ({page.say('mottling')} {score})")
    changes = "; ".join(_change(page, change) for change in amendment.changes)
    why = "" if amendment.why is None else f" ({told(CORRECTION_WHYS[amendment.why], page.language)})"
    return who + changes + why


def _change(page: "Page", change: Change) -> str:
    old, new = (value_text(page, change.field, value) for value in (change.old, change.new))
    return f"{page.say(FIELD_WORDS[change.field])}: {old} → {new}"


def value_text(page: "Page", field: Correctable, value: str | None) -> str:
    """Return a field's value as people read it."""
    if value is None:
        return page.say("nothing")
    if field in ("body_site", "side"):
        return page.say(value)
    return _when(datetime.fromisoformat(value)) if field == "norepinephrine_onset_at" else value


def _when(at: datetime) -> str:
    return at.astimezone().strftime("%d.%m. %H:%M")


def comments(page: "Page") -> None:
    """What is said about the reading: one touch."""
    _list(page, "comment", [(told(words, page.language), {"comment": code}) for code, words in COMMENTS.items()])


def whys(page: "Page") -> None:
    """Why it is corrected: one touch."""
    _list(page, "why", [(told(words, page.language), {"why": code}) for code, words in CORRECTION_WHYS.items()])


def fields(page: "Page") -> None:
    """What is corrected, with what stands there now."""
    draft = page.amend.draft
    kept = () if draft is None else correctable(draft.about)
    _list(page, "correct", [(_field(page, draft, field), {"field": field}) for field in kept if draft is not None])


def _field(page: "Page", draft: AmendDraft | None, field: Correctable) -> str:
    now = None if draft is None else text_of(draft.about.now, field)
    return f"{page.say(FIELD_WORDS[field])}\n{value_text(page, field, now)}"


def _list(page: "Page", title: str, ways: list[tuple[str, dict[str, object]]]) -> None:
    from device.screen.page import Key, later

    with box("main scroll"):
        text(page.say(title), "big")
        with box("keys list wide"):
            for words, given in ways:
                Key(words, later(page.amend.given, **given))
    with box("side"):
        Key(page.say("back"), page.amend.cancel, classes="grow")


def value(page: "Page") -> Callable[[], None] | None:
    """The new value, as its field is entered everywhere."""
    draft = page.amend.draft
    if draft is None or draft.field is None:
        return None
    nothing: tuple[str, str | None] = (page.say("nothing"), None)
    if draft.field == "body_site":
        _choices(page, [(page.say(site.value), site.value) for site in BodySite])
    elif draft.field == "side":
        _choices(page, [*((page.say(side.value), side.value) for side in Side), nothing])
    elif draft.field == "event":
        study = page.study()
        _choices(page, [*((name, name) for name in (study.events if study else [])), nothing])
    else:
        return _digits(page, draft.field)
    return None


def _choices(page: "Page", ways: list[tuple[str, str | None]]) -> None:
    draft = page.amend.draft
    others = [(words, new) for words, new in ways if draft is None or new != draft.old]
    _list(page, "new_value", [(words, {"new": new, "asked": True}) for words, new in others])


def _digits(page: "Page", field: Correctable) -> Callable[[], None]:
    """A keypad: an inclusion number, or a time of day."""
    from device.screen.page import Key, later

    clock = field == "norepinephrine_onset_at"

    def typed(digit: str) -> None:
        page.amend.typed = (page.amend.typed + digit)[: 4 if clock else 6]
        follow()

    def erased() -> None:
        page.amend.typed = page.amend.typed[:-1]
        follow()

    with box("main"):
        with box("card"):
            said, shown = text("", "quiet"), text("", "typed")
            shown.props["aria-live"] = "polite"
        with box("keys"):
            for digit in DIGITS:
                Key(digit, later(typed, digit))
            Key("⌫", erased, label=page.say("clear"))
            if not clock:
                Key(page.say("accept"), page.amend.number, classes="act")
    with box("side wide"):
        if clock:
            Key(page.say("today"), later(page.amend.onset, 0), classes="grow")
            Key(page.say("yesterday"), later(page.amend.onset, 1), classes="grow")
        Key(page.say("back"), page.amend.cancel, classes="grow")

    def follow() -> None:
        digits = page.amend.typed.ljust(4, "–")
        shown.text = f"{digits[:2]}:{digits[2:]}" if clock else page.amend.typed
        said.text = page.sentence or page.say("onset_enter" if clock else "inclusion")

    return follow


def operator(page: "Page") -> Callable[[], None]:
    """Who amends: a code of letters and digits, typed with a glove."""
    from device.screen.page import Key, later

    def typed(sign: str) -> None:
        page.amend.typed = (page.amend.typed + sign)[:MOST_CODE]
        follow()

    def erased() -> None:
        page.amend.typed = page.amend.typed[:-1]
        follow()

    def other() -> None:
        page.amend.letters = not page.amend.letters
        page.draw_anew()

    with box("main"):
        with box("card"):
            said, shown = text("", "quiet"), text("", "typed")
            shown.props["aria-live"] = "polite"
        with box("keys seven scroll"):
            for sign in LETTERS if page.amend.letters else "".join(DIGITS):
                Key(sign, later(typed, sign))
    with box("side"):
        Key(page.say("accept"), page.amend.operator, classes="act")
        Key("123" if page.amend.letters else "abc", other)
        Key("⌫", erased, label=page.say("clear"))
        Key(page.say("back"), page.amend.cancel)

    def follow() -> None:
        shown.text = page.amend.typed or "–"
        said.text = page.sentence or page.say("operator_enter")

    return follow


def sure(page: "Page") -> None:
    """What is corrected, once more: the old value and the new one."""
    from device.screen.page import Key

    draft = page.amend.draft
    with box("main"):
        trouble(page)
        with box("card grow"):
            if draft is not None and draft.field is not None:
                text(page.say(FIELD_WORDS[draft.field]), "quiet")
                text(f"{value_text(page, draft.field, draft.old)} → {value_text(page, draft.field, draft.new)}", "big")
                text(
                    f"{draft.operator}"
                    + ("" if draft.why is None else f": {told(CORRECTION_WHYS[draft.why], page.language)}")
                )
                text(page.say("old_stays"), "quiet")
        with box("rowed grow"):
            Key(page.say("back"), page.amend.cancel, classes="grow")
            Key(page.say("write_down"), page.amend.sure, classes="act grow")


def amend_key(page: "Page") -> object:
    """The draft, and what was refused. What is typed is no part of it: a key under a finger must stay."""
    return page.amend.draft, page.sentence, page.amend.letters
