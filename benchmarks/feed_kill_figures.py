"""What the kill campaign measured: how soon the feed was back, and how long a reading waited for its receipt."""

import contextlib
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, func, select

from trial.tables import reading, receipt


@dataclass(frozen=True)
class Restart:
    """A victim that was started again; of a publisher only its own device's readings, sent since, show that."""

    victim: str
    at: datetime
    device: str | None = None


@dataclass(frozen=True)
class Back:
    """How long after its restart the first new reading was stored, for each victim, in s."""

    seconds: Mapping[str, list[float]]
    disturbed: int
    """Restarts that the next kill came too soon after."""


@dataclass(frozen=True, order=True)
class Stored:
    """When a reading was stored, when it had been sent, and whose it was."""

    at: datetime
    sent_at: datetime
    device: str


def first_stored(connection: Connection) -> list[Stored]:
    """Return when each reading was stored, in order of time: that is when it was first answered."""
    r, c = reading.c, receipt.c
    query = select(func.min(c.issued_at), r.sent_at, r.device).join(reading, r.reading_id == c.reading_id)
    return sorted(Stored(*row) for row in connection.execute(query.group_by(r.reading_id, r.sent_at, r.device)))


def back(restarts: Iterable[Restart], struck: Sequence[datetime], stored: Sequence[Stored]) -> Back:
    """Return how soon the feed was back; `struck` is when kills came, in order. A disturbed restart tells nothing."""
    seconds: dict[str, list[float]] = {}
    disturbed = 0
    for restart in restarts:
        first = next((one.at for one in stored if _shows(one, restart)), None)
        if first is None or any(restart.at < kill < first for kill in struck):
            disturbed += 1
        else:
            seconds.setdefault(restart.victim, []).append((first - restart.at).total_seconds())
    return Back(seconds, disturbed)


def _shows(one: Stored, restart: Restart) -> bool:
    """Whether a reading shows that what was started again is back."""
    if restart.device is None:
        return one.at >= restart.at
    return one.device == restart.device and one.sent_at >= restart.at


def waits_s(journals: Mapping[str, Path]) -> list[float]:
    """Return for how long each reading waited for its receipt, by its journal's own times."""
    query = (
        "SELECT r.committed_at, MIN(d.noted_at) FROM record r JOIN delivery d USING (device_seq) GROUP BY r.device_seq"
    )
    waits = []
    for path in journals.values():
        with contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            for committed, noted in connection.execute(query):
                waits.append((datetime.fromisoformat(noted) - datetime.fromisoformat(committed)).total_seconds())
    return waits
