"""The pages on which people answer: how complete each subject is, and the queries."""

from collections import Counter
from collections.abc import Mapping
from html import escape

from trial.freezing import Freeze, Whose, held
from trial.page.desk import Desk, NotYoursError
from trial.page.markup import Cell, Markup, entry, form, frozen_line, link, select, table, text
from trial.page.standing import Standing
from trial.schedule.asked import CODES, MAY_FOLLOW, Query, queries, with_reasons
from trial.schedule.rules import Schedule, Slot, Subject
from trial.schedule.stored import STATES

Asked = Mapping[str, str]
DO: dict[str, str] = {"answered": "Answer", "closed": "Close"}
SAID: dict[str, str] = {
    "kept": "Kept, with your code and the time, in the audit trail.",
    "frozen": "Nothing was changed: it is frozen.",
    "refused": "Nothing was changed: what was asked does not fit what stands now, or the reason is missing.",
}
"""What a page says after something was done. Only these: an address must not put words into it."""


def completeness_page(standing: Standing, desk: Desk, query: Asked) -> Markup:
    """Return how many expected readings are done, by site or by subject; of one subject, each of them."""
    site = desk.site_of(query.get("site") or None)
    if not desk.study.expected:
        return Markup("<p>The study's file names no expected readings, so there is no schedule.</p>")
    found = standing.latest()
    counted = found.counted
    at = "not computed yet: look again in a moment" if counted is None else f"as it stood at {text(counted.at)} UTC"
    said = f"<p role='status'>{SAID.get(query.get('said', ''), '')} {escape(found.trouble or '')}</p>"
    inclusion = query.get("inclusion", "").strip()
    one = counted.schedule((site, inclusion)) if counted is not None and site is not None else None
    if one is not None:
        return Markup(said + _of_subject(desk, one, at))
    states = {} if counted is None else counted.states
    return Markup(f"{said}{_chooser(desk, site)}<div class='wide'>{_counts(states, site, at)}</div>")


def queries_page(desk: Desk, query: Asked) -> Markup:
    """Return the queries that may be seen, open ones first."""
    site = desk.site_of(query.get("site") or None)
    with desk.looking() as connection:
        found = queries(connection, desk.study.name, site)
    wanted = query.get("state") or None
    shown = [each for each in found if wanted is None or each.action == wanted]
    shown.sort(key=lambda each: (each.action == "closed", -each.id))
    narrowed = form(
        "/queries",
        (select("site", "site", desk.sites(), query.get("site")), select("state", "state", list(MAY_FOLLOW), wanted)),
    )
    frozen = desk.frozen()
    rows = [_query(desk, each, frozen) for each in shown[:200]]
    heads = ("number", "site", "subject", "what", "question", "state", "last (UTC)", "who", "said", "")
    counted = (
        f"{len(shown)} queries, {sum(each.action != 'closed' for each in shown)} not closed; the first 200 are shown"
    )
    said = f"<p role='status'>{SAID.get(query.get('said', ''), '')}</p>"
    return Markup(f"{said}{narrowed}<div class='wide'>{table(heads, rows, counted)}</div>{_ask(desk)}")


def _chooser(desk: Desk, site: str | None) -> Markup:
    return form("/completeness", (select("site", "site", desk.sites(), site), entry("inclusion", "subject", None)))


def _counts(states: Mapping[Subject, Counter[str]], site: str | None, caption: str) -> Markup:
    """Return how many expected readings are in each state: of each site, or of each subject of one."""
    summed: dict[str, Counter[str]] = {}
    for subject, counts in sorted(states.items()):
        if site is None:
            summed.setdefault(subject[0], Counter()).update(counts)
        elif subject[0] == site:
            summed["-".join(subject)] = counts
    rows: list[tuple[Cell, ...]] = []
    for name, counts in summed.items():
        of, _, inclusion = name.partition("-")
        address = f"/completeness?site={of}" + (f"&inclusion={inclusion}" if inclusion else "")
        rows.append((link(address, name), *(counts[state] for state in STATES)))
    return table(("subject" if site else "site", *STATES), rows, f"expected readings, {caption}")


def _of_subject(desk: Desk, one: Schedule, at: str) -> Markup:
    why_not = held(desk.frozen(), *one.subject)
    with desk.looking() as connection:  # a reason was kept a moment ago, the count is older
        (one,) = with_reasons(connection, desk.study.name, [one])
    rows: list[tuple[Cell, ...]] = []
    for slot in one.slots:
        counts = slot.counts
        reading = "" if counts is None else link(f"/readings/{counts.taken.reading_id}", text(counts.taken.measured_at))
        flags = "" if counts is None else " ".join(_flags(counts.late, counts.out_of_window))
        rows.append(
            (slot.event, slot.kind, slot.state, reading, flags, slot.why, "" if why_not else _reason(desk, slot))
        )
    heads = ("event", "reading", "state", "the reading that counts", "", "why", "")
    listed = table(heads, rows, f"{'-'.join(one.subject)}, {at}")
    others = [each for each in one.placed if each.superseded or each.could_be or not each.event]
    more = [
        (
            link(f"/readings/{each.taken.reading_id}", text(each.taken.measured_at)),
            each.taken.kind,
            each.event or ", ".join(each.could_be) or "no event fits",
            "superseded" if each.superseded else "ambiguous" if each.could_be else "unplaced",
        )
        for each in others
    ]
    beside = table(("reading", "kind", "event", ""), more, "readings that count for no place") if more else ""
    return Markup(f"{frozen_line(why_not)}<div class='wide'>{listed}</div>{beside}")


def _flags(late: bool, out_of_window: bool) -> list[str]:
    return [word for word, stands in (("late", late), ("out of window", out_of_window)) if stands]


def _reason(desk: Desk, slot: Slot) -> Markup:
    """Return the form by which somebody who may says why an expected reading is missing."""
    if slot.state != "missing" or not desk.who().may_write:
        return Markup("")
    fields = {"site": slot.subject[0], "inclusion": slot.subject[1], "event": slot.event, "kind": slot.kind}
    hidden = "".join(
        f'<input type="hidden" name="{name}" value="{escape(str(value))}">' for name, value in fields.items()
    )
    options = "".join(f'<option value="{code}">{code.replace("_", " ")}</option>' for code in CODES)
    return Markup(
        f'<form class="row" method="post" action="/do/missing">{hidden}'
        f'<select name="code" aria-label="reason">{options}</select><button>Keep</button></form>'
    )


def _query(desk: Desk, each: Query, frozen: Mapping[Whose, Freeze]) -> tuple[Cell, ...]:
    subject = "" if each.inclusion is None else f"{each.site}-{each.inclusion}"
    about = text(each.question)
    if each.reading_id is not None:
        about = link(f"/readings/{each.reading_id}", each.question)
    last = (each.action, each.at, each.actor, each.why)
    why_not = held(frozen, each.site, each.inclusion)
    answer = Markup(f"{frozen_line(why_not)}{_answer(desk, each, why_not is not None)}")
    return (str(each.id), each.site, subject, each.code, Markup(about), *last, answer)


def _answer(desk: Desk, each: Query, is_frozen: bool) -> Markup:
    account = desk.who()
    may = MAY_FOLLOW[each.action] if account.may_write else ()
    # A site answers; whether that settles it is for those who see the study.
    may = tuple(action for action in may if action == "answered" or account.role == "data_manager")
    if is_frozen:  # closing changes no data, answering might
        may = tuple(action for action in may if action != "answered")
    if not may:
        return Markup("")
    buttons = "".join(f'<button name="action" value="{action}">{DO[action]}</button>' for action in may)
    return Markup(
        f'<form class="row" method="post" action="/do/say"><input type="hidden" name="number" value="{each.id}">'
        f'<input name="why" maxlength="500" aria-label="answer or reason for query {each.id}" required>{buttons}</form>'
    )


def _ask(desk: Desk) -> Markup:
    try:
        desk.writes()
    except NotYoursError:
        return Markup("")
    sites = "".join(f"<option>{site}</option>" for site in desk.sites())
    return Markup(
        '<h2>Ask</h2><form class="filter" method="post" action="/do/ask">'
        f'<label>site<select name="site">{sites}</select></label>'
        '<label>subject<input name="inclusion" maxlength="6" size="6"></label>'
        '<label>question<input name="why" maxlength="500" size="60" required></label><button>Open</button></form>'
    )
