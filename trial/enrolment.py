"""Which devices may send: an append-only list of who was enrolled and revoked, and the ingesters' view of it.

The broker lets a device in by its certificate; the ingester takes its messages by this list. A device has one home: it
is revoked at one site before it is enrolled at another.
"""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from sqlalchemy import Connection, Engine, func, insert, select

from contract.topics import Topic, TopicError
from firmware_config.study import Study
from trial.database import note
from trial.people import changing, signed
from trial.tables import enrolment

REREAD_S: float = 5.0
"""A revoked device is turned away after this at the latest."""
NO_STANDS_S: float = 0.25
"""A "no" is looked up again when it is older than this, so that strangers cannot keep the database busy."""

Action = Literal["enrolled", "revoked"]
_SHA256 = re.compile(r"[0-9a-f]{64}")


class EnrolmentError(ValueError):
    """A device cannot be enrolled or revoked as asked. One sentence."""


@dataclass(frozen=True)
class Enrolment:
    """What was last said about a device. `certificate_sha256` is that of its certificate, where one was made."""

    study: str
    site: str
    device: str
    action: Action
    certificate_sha256: str | None
    at: datetime
    actor: str
    why: str


def enrol(
    engine: Engine, *, study: str, site: str, device: str, certificate_sha256: str | None, actor: str, why: str
) -> None:
    """Let a device send, from now on; enrolled again it has a new certificate. The site's place in the study is the
    caller's to check.

    Raises `EnrolmentError`, `trial.people.UnsignedError` and SQLAlchemy's errors.
    """
    _checked(study, site, device)
    reason = signed(actor, why)
    if certificate_sha256 is not None and not _SHA256.fullmatch(certificate_sha256):
        raise EnrolmentError("a certificate's SHA-256 is 64 lower-case hexadecimal digits")
    with changing(engine) as connection:
        now = _latest(connection, study, device)
        if now is not None and now.action == "enrolled" and now.site != site:
            raise EnrolmentError(f"device {device} is enrolled at site {now.site}: revoke it there first")
        _say(connection, Enrolment(study, site, device, "enrolled", certificate_sha256, _now(), actor, reason))


def revoke(engine: Engine, *, study: str, site: str, device: str, actor: str, why: str) -> None:
    """Take no more of a device's messages; what is stored stays. Raises as `enrol` does."""
    _checked(study, site, device)
    reason = signed(actor, why)
    with changing(engine) as connection:
        now = _latest(connection, study, device)
        if now is None or now.action != "enrolled" or now.site != site:
            raise EnrolmentError(f"device {device} is not enrolled at site {site} of study {study}")
        _say(connection, Enrolment(study, site, device, "revoked", now.certificate_sha256, _now(), actor, reason))


def listed(connection: Connection, study: str | None = None) -> list[Enrolment]:
    """Return what was last said about every device, in order of study, site and name."""
    t = enrolment.c
    last = select(func.max(t.id)).group_by(t.study, t.device)
    if study is not None:
        last = last.where(t.study == study)
    columns = (t.study, t.site, t.device, t.action, t.certificate_sha256, t.at, t.actor, t.why)
    query = select(*columns).where(t.id.in_(last)).order_by(t.study, t.site, t.device)
    return [Enrolment(*row) for row in connection.execute(query)]


class Register:
    """The enrolled devices of a study as an ingester sees them; any number of ingesters share the list.

    For one thread. The list is read again every `REREAD_S`, and before a "no", so that a device that was enrolled a
    second ago is taken. A database that does not answer raises SQLAlchemy's error: nobody is turned away for that.
    """

    def __init__(self, engine: Engine, study: Study, clock: Callable[[], float] = time.monotonic) -> None:
        self._engine = engine
        self._study = study
        self._clock = clock
        self._read_at_s = float("-inf")
        self._homes: dict[str, str] = {}

    def admits(self, topic: Topic) -> bool:
        """Return whether the device of a topic of this study may send; all may where the study says so."""
        if self._study.devices == "any":
            return True
        age_s = self._clock() - self._read_at_s
        if age_s > REREAD_S or (age_s > NO_STANDS_S and not self._is_home(topic)):
            self._read()
        return self._is_home(topic)

    def _is_home(self, topic: Topic) -> bool:
        return self._homes.get(topic.device) == topic.site

    def _read(self) -> None:
        read_at_s = self._clock()
        with self._engine.connect() as connection:
            said = listed(connection, self._study.name)
        self._homes = {each.device: each.site for each in said if each.action == "enrolled"}
        self._read_at_s = read_at_s


def _checked(study: str, site: str, device: str) -> None:
    try:
        str(Topic(study, site, device, "status"))
    except TopicError as error:
        raise EnrolmentError(f"study {study}, site {site}, device {device} do not make a topic") from error


def _latest(connection: Connection, study: str, device: str) -> Enrolment | None:
    return next((each for each in listed(connection, study) if each.device == device), None)


def _say(connection: Connection, said: Enrolment) -> None:
    connection.execute(insert(enrolment).values(vars(said)))
    certificate = f", certificate {said.certificate_sha256}" if said.certificate_sha256 else ""
    detail = f"{said.study}, site {said.site}, {said.device}{certificate}: {said.why}"
    note(connection, said.actor, f"device {said.action}", detail)


def _now() -> datetime:
    return datetime.now(UTC)
