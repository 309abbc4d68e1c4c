"""The dead letters: look at them, and judge them again when what stood in their way is gone.

A replayed letter stays; `replay` says which record it became. Its receipt goes the usual way: a device sends again
whatever the database has not called stored, a refused record included, and is then answered "stored".
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Engine, Select, and_, exists, insert, or_, select
from sqlalchemy.exc import IntegrityError

from contract.amendment import Amendment
from firmware_config.study import Study
from trial.amendments import about_problem
from trial.database import note
from trial.judge import Accepted, AcceptedCertificate, Admits, Refusal, Refused, judge
from trial.keeping import keep
from trial.people import changing, signed
from trial.tables import certificate, dead_letter, record
from trial.tables import replay as replayed

PAGE: int = 100
_ATTEMPTS = 3
CERTIFIED = exists().where(certificate.c.study == dead_letter.c.study, certificate.c.sha256 == dead_letter.c.sha256)
"""Whether a letter is of a certificate that has come in otherwise."""


class LetterError(ValueError):
    """A dead letter cannot be shown or replayed as asked. One sentence."""


@dataclass(frozen=True)
class Letter:
    """A message that was refused. `became` is the reading that a replay made of it; `overtaken`: the record that it
    claims to be has come in otherwise."""

    id: int
    received_at: datetime
    topic: str
    reason: str
    detail: str
    study: str | None
    device: str | None
    device_seq: int | None
    reading_id: str | None
    payload_bytes: int
    payload: bytes
    became: str | None
    overtaken: bool

    @property
    def cut(self) -> bool:
        """Whether only its beginning was kept."""
        return len(self.payload) < self.payload_bytes

    @property
    def state(self) -> str:
        """Return in two words where it stands."""
        if self.became is not None:
            return "replayed"
        return "stored meanwhile" if self.overtaken else "refused"


@dataclass(frozen=True)
class Replayed:
    """What came of one letter: the reading that it is now, or why it still is none."""

    letter_id: int
    reading_id: str | None
    said: str


def listed(
    connection: Connection, *, study: str | None = None, reason: str | None = None, after_id: int = 0, limit: int = PAGE
) -> list[Letter]:
    """Return letters by their number, from the first after `after_id` on."""
    d = dead_letter.c
    query = _letters().where(d.id > after_id).order_by(d.id).limit(limit)
    if study is not None:
        query = query.where(d.study == study)
    if reason is not None:
        query = query.where(d.reason == reason)
    return [_letter(row) for row in connection.execute(query)]


def one(connection: Connection, letter_id: int) -> Letter:
    """Return a letter; raises `LetterError` where there is none of that number."""
    row = connection.execute(_letters().where(dead_letter.c.id == letter_id)).one_or_none()
    if row is None:
        raise LetterError(f"there is no dead letter {letter_id}")
    return _letter(row)


def replay(
    engine: Engine, study: Study, admits: Admits, *, actor: str, why: str, reason: Refusal | None = None
) -> Iterator[Replayed]:
    """Judge the letters of a study again by today's rules and store what is acceptable now, each exactly once.

    Each letter is a transaction of its own: ended half-way, the rest can be replayed later. Raises
    `trial.people.UnsignedError` at once, and SQLAlchemy's errors.
    """
    because = signed(actor, why)
    return _replay_all(engine, study, admits, actor, because, reason)


def replay_one(engine: Engine, study: Study, admits: Admits, letter_id: int, *, actor: str, why: str) -> Replayed:
    """Do the same for one letter; raises `LetterError` where there is none of that number in the study."""
    because = signed(actor, why)
    with engine.connect() as connection:
        letter = one(connection, letter_id)
    if letter.study != study.name:
        whose = f"of study {letter.study}" if letter.study else "of no study"
        raise LetterError(f"dead letter {letter_id} is {whose}, not of {study.name}")
    return _replay(engine, letter, study, admits, actor, because)


def _replay_all(
    engine: Engine, study: Study, admits: Admits, actor: str, why: str, reason: Refusal | None
) -> Iterator[Replayed]:
    last_id = 0
    while True:
        with engine.connect() as connection:
            page = listed(connection, study=study.name, reason=reason, after_id=last_id, limit=PAGE)
        if not page:
            return
        for letter in page:
            if letter.became is None:
                yield _replay(engine, letter, study, admits, actor, why)
        last_id = page[-1].id


def _replay(engine: Engine, letter: Letter, study: Study, admits: Admits, actor: str, why: str) -> Replayed:
    if letter.became is not None:
        return Replayed(letter.id, letter.became, "replayed before")
    if letter.cut:
        kept = f"only {len(letter.payload)} of {letter.payload_bytes} bytes were kept"
        return Replayed(letter.id, None, f"{kept}: it cannot be replayed, its device must send it again")
    verdict = judge(letter.topic, letter.payload, study, admits)
    if isinstance(verdict, Refused):
        return Replayed(letter.id, None, f"still refused ({verdict.reason}): {verdict.detail}")
    if isinstance(verdict, AcceptedCertificate):
        return Replayed(letter.id, None, "a certificate is not replayed: its device sends it until it is stored")
    if not isinstance(verdict, Accepted):
        return Replayed(letter.id, None, "a status is not replayed: its device sends a new one")
    for _ in range(_ATTEMPTS - 1):
        try:
            return _store(engine, letter, verdict, actor, why)
        except IntegrityError:
            continue  # an ingester has stored the same record at this moment: look again
    return _store(engine, letter, verdict, actor, why)


def _store(engine: Engine, letter: Letter, accepted: Accepted, actor: str, why: str) -> Replayed:
    reading_id, now = str(accepted.record.reading_id), datetime.now(UTC)
    with changing(engine) as connection:
        before = one(connection, letter.id)
        if before.became is not None:
            return Replayed(letter.id, before.became, "replayed before")
        alike = _alike(connection, accepted)
        if any(row.sha256 != accepted.envelope.sha256 for row in alike):
            said = f"still refused ({Refusal.CONFLICT}): another record with this id or number is already stored"
            return Replayed(letter.id, None, said)
        problem = None if alike else _about_problem(connection, accepted)
        if problem is not None:
            return Replayed(letter.id, None, f"still refused ({Refusal.ABOUT}): {problem}")
        if not alike:
            # Received is when it came in, not when it was taken: that time is never rewritten.
            keep(connection, [(accepted, letter.received_at)], now, alone=True, awaited={reading_id})
        said = "stored already" if alike else "stored"
        row = {"dead_letter_id": letter.id, "reading_id": reading_id, "outcome": "again" if alike else "stored"}
        connection.execute(insert(replayed), row | {"at": now, "actor": actor, "why": why})
        whose = f"{letter.device} {accepted.record.device_seq}"
        detail = f"letter {letter.id} ({letter.reason}) is reading {reading_id} of {whose}, {said}: {why}"
        note(connection, actor, "dead letter replayed", detail)
    return Replayed(letter.id, reading_id, said)


def _alike(connection: Connection, accepted: Accepted) -> list[Any]:
    t, came = record.c, accepted.record
    same_place = and_(t.study == came.study, t.device == came.device.name, t.device_seq == came.device_seq)
    query = select(t.sha256).where(or_(t.reading_id == str(came.reading_id), same_place))
    return list(connection.execute(query))


def _about_problem(connection: Connection, accepted: Accepted) -> str | None:
    came = accepted.record
    if not isinstance(came, Amendment):
        return None
    about = connection.execute(select(record).where(record.c.reading_id == str(came.about))).one_or_none()
    if about is None:
        return None
    return about_problem(about, came.study, came.device.name, came.device_seq, came.mottling_score)


def _letters() -> Select[Any]:
    d, r, k = dead_letter.c, replayed.c, record.c
    same = and_(k.reading_id == d.reading_id, k.sha256 == d.sha256)
    query = select(
        *(d.id, d.received_at, d.topic, d.reason, d.detail, d.study, d.device, d.device_seq),
        *(
            d.reading_id,
            d.payload_bytes,
            d.payload,
            r.reading_id.label("became"),
            or_(k.id.is_not(None), CERTIFIED).label("overtaken"),
        ),
    )
    return query.select_from(dead_letter.outerjoin(replayed, r.dead_letter_id == d.id).outerjoin(record, same))


def _letter(row: Any) -> Letter:
    return Letter(**dict(row._mapping) | {"payload": bytes(row.payload), "overtaken": bool(row.overtaken)})
