"""What stands on each page, as HTML: a question to the desk, and a table of its answer."""

from collections.abc import Mapping
from datetime import UTC, datetime
from math import ceil

from contract.reading import Reading
from trial import corrections
from trial.calibration_queries import Calibration
from trial.freezing import held, since
from trial.history import History
from trial.page.curves import presses
from trial.page.desk import PER_PAGE, Desk, Filter, Kind, NotYoursError, Row
from trial.page.files import DICTIONARIES, EXPORTS
from trial.page.markup import Cell, Markup, entry, form, frozen_line, link, pager, select, table, text
from trial.page.plots import enrolment_plot, refill_plot
from trial.page.pooled import by_site, first_readings, refill_by_event

Query = Mapping[str, str]
STATUSES = ("measured", "censored", "not_measurable")
KINDS: tuple[Kind, ...] = ("refill", "mottling")


def overview(desk: Desk, _query: Query) -> Markup:
    """Return what has arrived, by site, and two plots; pooled over all subjects, whatever they were given."""
    site = desk.site_of(None)
    with desk.looking() as connection:
        counted = by_site(connection, desk.study.name, site)
        first = first_readings(connection, desk.study.name, site)
        refill = refill_by_event(connection, desk.study.name, site)
    heads = ("site", "subjects", "readings", "measured", "censored", "not measurable", "last received")
    rows: list[tuple[Cell, ...]] = [
        (link(f"/readings?site={each.site}", each.site), *each.numbers, each.last_received_at)
        for each in counted
        if each.site in desk.sites()
    ]
    silent = [each for each in desk.sites() if each not in {one.site for one in counted}]
    said = f"sites without a reading: {', '.join(silent)}" if silent else "every site has sent readings"
    frozen = "".join(frozen_line(since(*each)) for each in desk.frozen().items())
    plots = f'<div class="plots">{enrolment_plot(first)}{refill_plot(refill, desk.study.events)}</div>'
    return Markup(f'<div class="wide">{table(heads, rows, said)}</div>{frozen}{plots}')


def readings(desk: Desk, query: Query) -> Markup:
    """Return a page of the readings, narrowed by what stands in the address."""
    asked = _asked(query)
    number = int(query["page"]) if query.get("page", "").isdecimal() and len(query["page"]) < 8 else 0
    count = desk.count(asked)
    rows = [_listed(row) for row in desk.page(asked, number)]
    kept = {name: value for name, value in vars(asked).items() if value is not None}
    narrowed = form(
        "/readings",
        (
            select("site", "site", desk.sites(), asked.site),
            entry("inclusion", "subject", asked.inclusion),
            select("event", "event", desk.study.events, asked.event),
            select("status", "status", STATUSES, asked.status),
            select("kind", "kind", KINDS, asked.kind),
        ),
    )
    heads = ("measured at (UTC)", "subject", "event", "where", "result", "device", "received (UTC)", "")
    listed = table(heads, rows, f"{count} readings, as entered; times of the device")
    turning = pager("/readings", kept, number, ceil(count / PER_PAGE))
    return Markup(f'{narrowed}<div class="wide">{listed}</div>{turning}')


def reading(desk: Desk, query: Query) -> Markup:
    """Return all that is known of one reading."""
    found = desk.one(query.get("reading_id", ""))
    stands = corrections.corrected(found.entry, list(found.corrections)).subject
    line = frozen_line(held(desk.frozen(), stands.site, stands.inclusion))
    about = _about(found, desk.certificate(found.entry.device.name, found.entry.calibration_id))
    pressed = presses(found.entry, desk.traces(str(found.entry.reading_id))) if isinstance(found.entry, Reading) else ""
    return Markup("".join((line, about, pressed, _changes(found), _remarks(found), _way(found))))


def devices(desk: Desk, _query: Query) -> Markup:
    """Return the fleet: who was heard when, what waits, what troubles."""
    heads = (
        "site",
        "device",
        "state",
        "problem",
        "readings",
        "measured",
        "amendments",
        "unsent",
        "last received (UTC)",
        "calibration",
        "due",
    )
    calibrated, now = desk.calibrations(), datetime.now(UTC)
    rows = [
        (
            *(each.site, each.device, each.state or "unknown", each.problem, each.readings, each.measured),
            *(each.amendments, each.unsent_readings, each.last_received_at),
            *_calibration(calibrated.get(each.device), now),
        )
        for each in desk.devices()
    ]
    return Markup(f'<div class="wide">{table(heads, rows, f"{len(rows)} devices")}</div>')


def _calibration(newest: Calibration | None, now: datetime) -> tuple[Cell, Cell]:
    if newest is None:
        return "no certificate", None
    return newest.standing(now), f"{newest.due_at:%Y-%m-%d}"


def audit(desk: Desk, query: Query) -> Markup:
    """Return a page of the audit trail."""
    number = int(query["page"]) if query.get("page", "").isdecimal() and len(query["page"]) < 8 else 0
    rows = desk.audit(number)
    more = number + 2 if len(rows) == PER_PAGE else number + 1
    listed = table(("at (UTC)", "who", "what", "about"), rows, "newest first; nothing in it can be changed")
    return Markup(f'<div class="wide">{listed}</div>{pager("/audit", {}, number, more)}')


def exports(_desk: Desk, _query: Query) -> Markup:
    """Return the files that can be had."""
    dictionary = {of: link(f"/files/{name}", "what its columns mean") for name, of in DICTIONARIES.items()}
    rows = [(link(f"/files/{name}", name), what, dictionary.get(name)) for name, (what, _) in EXPORTS.items()]
    return table(("file", "what it is", ""), rows, "each is noted in the audit trail; a large one takes a minute")


def _asked(query: Query) -> Filter:
    given = {name: query.get(name, "").strip() or None for name in ("site", "inclusion", "event", "status")}
    kind = next((each for each in KINDS if each == query.get("kind")), None)
    if query.get("kind") and kind is None:
        raise NotYoursError
    return Filter(**given, kind=kind)


def _listed(row: Row) -> tuple[Cell, ...]:
    result = text(row.reason or row.status)
    if row.crt_s is not None:
        result = f"{row.crt_s:.2f} s ({row.crt_low_s or 0:.2f} to {row.crt_high_s or 0:.2f})"
    elif row.crt_exceeds_s is not None:
        result = f"over {row.crt_exceeds_s:.1f} s"
    elif row.score is not None:
        result = f"score {row.score}"
    marks = " ".join(word for word, stands in (("corrected", row.corrected), ("simulated", row.simulated)) if stands)
    subject = f"{row.site}-{row.inclusion}"
    where = (row.event, row.where, result, row.device, row.received_at)
    return (link(f"/readings/{row.reading_id}", text(row.measured_at)), subject, *where, marks)


def _about(found: History, calibrated: str) -> Markup:
    entered = found.entry
    result = entered.result
    rows: list[tuple[Cell, ...]] = [
        ("reading", str(entered.reading_id)),
        ("subject, as entered", f"{entered.subject.site}-{entered.subject.inclusion}"),
        ("event, as entered", entered.event),
        ("measured at", str(entered.measured.at)),
        ("clock synchronised", "yes" if entered.measured.clock_synchronised else "no"),
        ("device", f"{entered.device.name}, number {entered.device_seq}"),
        ("software, algorithm", f"{entered.device.software_version}, {entered.device.algorithm_version}"),
        ("calibration", calibrated),
        ("simulated", "yes" if entered.simulated else "no"),
    ]
    rows += [(name, _plain(value)) for name, value in result.model_dump(mode="json").items() if value is not None]
    return table(("", ""), rows, "the entry, as the device sealed it")


def _plain(value: object) -> Cell:
    return value if isinstance(value, str | int | float) else str(value)


def _changes(found: History) -> Markup:
    rows = [(one.at, one.actor, one.field, one.old_value, one.new_value, one.why) for one in found.corrections]
    heads = ("at (UTC)", "who", "field", "was", "is", "why")
    stands = corrections.corrected(found.entry, list(found.corrections))
    said = f"stands now: subject {stands.subject.site}-{stands.subject.inclusion}, event {stands.event or 'none'}"
    return Markup(f"<h2>Corrections</h2>{table(heads, rows, said)}") if rows else Markup("")


def _remarks(found: History) -> Markup:
    rows = [(one.at, one.operator, one.action, one.comment, one.mottling_score, one.why) for one in found.remarks]
    heads = ("at (UTC)", "who", "what", "comment", "score", "why")
    return Markup(f"<h2>At the bedside</h2>{table(heads, rows, 'in the order of the device')}") if rows else Markup("")


def _way(found: History) -> Markup:
    rows: list[tuple[Cell, ...]] = [("sent", found.sent_at), ("received", found.received_at)]
    rows += [(f"receipt: {outcome}", at) for at, outcome in found.receipts]
    return Markup(f"<h2>Its way</h2>{table(('', 'at (UTC)'), rows, '')}")
