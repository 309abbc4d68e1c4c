"""Queries and coded reasons for what is missing, as people keep them: only ever added to, each with a line of audit."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection, Engine, insert, select

from contract.identifiers import new_reading_id
from firmware_config.study_schedule import ReadingKind
from trial.database import note
from trial.freezing import problem as frozen
from trial.people import changing, signed
from trial.schedule.finding import Finding
from trial.schedule.rules import Schedule, Subject
from trial.tables import missing_reason, query, query_event

Action = Literal["opened", "answered", "closed"]
MAY_FOLLOW: dict[str, tuple[Action, ...]] = {
    "opened": ("answered", "closed"),
    "answered": ("answered", "closed"),
    "closed": (),
}
CODES = ("not_done", "died", "discharged", "withdrawn", "device_failed", "staff_missing", "site_not_reachable", "other")
"""Why an expected reading is missing. None of them says anything of the treatment."""


class AskedError(ValueError):
    """A query or a reason cannot be kept as asked. One sentence."""


class HeldError(AskedError):
    """What it is about is frozen. One sentence."""


@dataclass(frozen=True)
class Query:
    """A query as it stands: `action` is what was done last, by whom, when and with which words."""

    id: int
    site: str
    code: str
    inclusion: str | None
    reading_id: str | None
    question: str
    action: str
    at: datetime
    actor: str
    why: str


def queries(connection: Connection, study: str, site: str | None = None) -> list[Query]:
    """Return the queries of a study, of one site or of all, in the order in which they were opened."""
    q, e = query.c, query_event.c
    chosen = select(q.id, q.site, q.code, q.inclusion, q.reading_id, q.question, e.action, e.at, e.actor, e.why)
    chosen = chosen.select_from(query.join(query_event, e.query_id == q.id)).where(q.study == study)
    if site is not None:
        chosen = chosen.where(q.site == site)
    last = {row.id: Query(**row._mapping) for row in connection.execute(chosen.order_by(q.id, e.id))}
    return list(last.values())


def open_findings(engine: Engine, study: str, found: Sequence[Finding], now: datetime, *, actor: str) -> int:
    """Open a query for each finding that none was opened for yet, closed ones included; return how many."""
    why = signed(actor, "found in the data")
    with changing(engine) as connection:
        known = set(connection.execute(select(query.c.stable_key).where(query.c.study == study)).scalars())
        new = [each for each in found if each.key not in known]
        for each in new:
            _open(connection, study, each, now, actor, why)
    return len(new)


def open_by_hand(
    engine: Engine, study: str, site: str, question: str, now: datetime, *, actor: str, inclusion: str | None = None
) -> int:
    """Open a query of a person's own; return its number. Raises `UnsignedError`. The site is the caller's to check."""
    text = signed(actor, question)
    with changing(engine) as connection:
        asked = Finding(f"hand:{new_reading_id()}", "by-hand", site, text, inclusion)
        return _open(connection, study, asked, now, actor, "asked by hand")


def _open(connection: Connection, study: str, asked: Finding, now: datetime, actor: str, why: str) -> int:
    row = {"study": study, "site": asked.site, "stable_key": asked.key, "code": asked.code, "question": asked.question}
    about = {"inclusion": asked.inclusion, "reading_id": asked.reading_id}
    number = int(connection.execute(insert(query).values(**row, **about).returning(query.c.id)).scalar_one())
    _add(connection, study, number, "opened", now, actor, why)
    return number


def say(
    engine: Engine, study: str, number: int, action: Action, why: str, now: datetime, *, actor: str, site: str | None
) -> None:
    """Answer or close a query; with `site`, one of that site only. Raises `AskedError`, `UnsignedError`."""
    text = signed(actor, why)
    with changing(engine) as connection:
        found = next((each for each in queries(connection, study, site) if each.id == number), None)
        if found is None:
            raise AskedError(f"there is no query {number} in study {study}" + (f" at site {site}" if site else ""))
        if action not in MAY_FOLLOW[found.action]:
            raise AskedError(f"query {number} is {found.action} and cannot be {action}")
        held = frozen(connection, study, found.site, found.inclusion) if action == "answered" else None
        if held is not None:
            raise HeldError(held)
        _add(connection, study, number, action, now, actor, text)


def _add(connection: Connection, study: str, number: int, action: Action, now: datetime, actor: str, why: str) -> None:
    row = {"query_id": number, "action": action, "at": now, "actor": actor, "why": why}
    connection.execute(insert(query_event).values(**row))
    note(connection, actor, f"query {action}", f"{study}, query {number}: {why}")


def code_missing(
    engine: Engine, study: str, subject: Subject, event: str, kind: ReadingKind, code: str, now: datetime, *, actor: str
) -> None:
    """Say why an expected reading is missing; said again, the last stands. Raises `AskedError`, `UnsignedError`."""
    if code not in CODES:
        raise AskedError(f"{code!r} is no reason: one of {', '.join(CODES)}")
    signed(actor, code)
    row = {"study": study, "site": subject[0], "inclusion": subject[1], "event": event, "kind": kind, "code": code}
    with changing(engine) as connection:
        held = frozen(connection, study, *subject)
        if held is not None:
            raise HeldError(held)
        connection.execute(insert(missing_reason).values(**row, at=now, actor=actor))
        note(connection, actor, "missing reading coded", f"{study}, {'-'.join(subject)}, {event}, {kind}: {code}")


def with_reasons(connection: Connection, study: str, found: Sequence[Schedule]) -> list[Schedule]:
    """Return the schedules with the coded reason at each missing reading that has one."""
    m = missing_reason.c
    rows = connection.execute(
        select(m.site, m.inclusion, m.event, m.kind, m.code).where(m.study == study).order_by(m.id)
    )
    said = {(row.site, row.inclusion, row.event, row.kind): row.code for row in rows}
    return [
        replace(
            one,
            slots=tuple(
                replace(slot, why=said.get((*slot.subject, slot.event, slot.kind))) if slot.state == "missing" else slot
                for slot in one.slots
            ),
        )
        for one in found
    ]
