"""Every message accounted for: what the oracle says of all that was sent, held against every table of the database."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, func, select

from benchmarks.feed_fuzz_messages import LIMIT_BYTES, Message
from benchmarks.feed_fuzz_oracle import Fate, Oracle
from trial import tables

HELD = (
    *("record", "reading", "press", "mottling", "amendment", "amendment_change", "correction"),
    *("dead_letter", "receipt", "device_status", "audit"),
)
"""Tables that may grow; each is looked at below, the last one only for the ingester's own lines."""
CORRECTED = "reading corrected"
SHOWN = 5


@dataclass(frozen=True)
class Letter:
    """The dead letter that a bad message and its repeats must have become: that of the first to arrive."""

    topic: str
    payload_sha256: str
    payload_bytes: int
    reason: str


@dataclass
class Ledger:
    """What was sent: by kind and fate, and the letters and receipts that must be there for it."""

    sent: Counter[tuple[str, str]] = field(default_factory=Counter)
    letters: dict[str, Letter] = field(default_factory=dict)
    versions: dict[str, set[str]] = field(default_factory=dict)
    """By the hash of a stored record: the versions of the envelopes that it came in."""

    def note(self, message: Message, fate: Fate) -> None:
        """Enter one message."""
        self.sent[message.kind, fate.reason or fate.kind] += 1
        if fate.kind == "refused":
            mark = hashlib.sha256(message.payload).hexdigest()
            letter = Letter(message.topic, mark, len(message.payload), fate.reason)
            self.letters.setdefault(fate.letter, letter)
        elif fate.sha256:
            self.versions.setdefault(fate.sha256, set()).add(fate.version)

    @property
    def messages(self) -> int:
        """How many were sent."""
        return sum(self.sent.values())


def problems(connection: Connection, ledger: Ledger, oracle: Oracle, before: Mapping[str, int]) -> list[str]:
    """Return what is not as it must be, a line each."""
    checks = (
        ("record", _records(connection, oracle)),
        ("body", _bodies(connection, oracle)),
        ("change", _changes(connection, oracle)),
        ("correction", _corrections(connection, oracle)),
        ("press", _presses(connection, oracle)),
        ("dead letter", _letters(connection, ledger)),
        ("receipt", _receipts(connection, oracle)),
        ("status", _statuses(connection, oracle)),
        ("table", _others(connection, before)),
    )
    found = []
    for name, lines in checks:
        wrong = [f"{name}: {line}" for line in lines]
        found += wrong[:SHOWN] + ([f"{name}: and {len(wrong) - SHOWN} more"] if len(wrong) > SHOWN else [])
    return found


def _differ(there: set[Any], wanted: set[Any]) -> Iterator[str]:
    yield from (f"stands there and should not: {item}"[:300] for item in there - wanted)
    yield from (f"is missing: {item}"[:300] for item in wanted - there)


def _records(connection: Connection, oracle: Oracle) -> Iterator[str]:
    t = tables.record.c
    rows = connection.execute(select(t.reading_id, t.sha256, t.device, t.device_seq, t.kind)).all()
    bodies = _stored_bodies(oracle)
    kept = {
        (name, sha256, device, bodies[name]["device_seq"], bodies[name]["kind"])
        for name, (sha256, _, device) in oracle.stored.items()
    }
    yield from _differ({tuple(row) for row in rows}, kept)
    if len(rows) != len(oracle.stored):
        yield f"{len(rows)} rows for {len(oracle.stored)} records"


def _bodies(connection: Connection, oracle: Oracle) -> Iterator[str]:
    bodies = _stored_bodies(oracle)
    for kind, table in (("refill", tables.reading), ("mottling", tables.mottling), ("amendment", tables.amendment)):
        there = connection.execute(select(table.c.reading_id, table.c.body)).all()
        wanted = {(name, kept[1]) for name, kept in oracle.stored.items() if bodies[name]["kind"] == kind}
        yield from _differ({tuple(row) for row in there}, wanted)


def _changes(connection: Connection, oracle: Oracle) -> Iterator[str]:
    t = tables.amendment_change.c
    there = {tuple(r) for r in connection.execute(select(t.reading_id, t.position, t.field, t.old_value, t.new_value))}
    wanted = {
        (name, position, change["field"], change["old"], change["new"])
        for name, body in _stored_bodies(oracle).items()
        for position, change in enumerate(body.get("changes") or (), start=1)
    }
    yield from _differ(there, wanted)


def _corrections(connection: Connection, oracle: Oracle) -> Iterator[str]:
    """Every correction is one that was asked; a sole one that plainly fits was made.

    Which of several fit, and in what order, the tests of the trial side show.
    """
    t, bodies = tables.correction.c, _stored_bodies(oracle)
    there = {tuple(row) for row in connection.execute(select(t.reading_id, t.amendment, t.field, t.new_value))}
    asked: dict[str, list[tuple[str, dict[str, Any]]]] = {}
    for name, body in bodies.items():
        if body.get("changes"):
            asked.setdefault(str(UUID(body["about"])), []).append((name, body))
    allowed = {
        (about, name, change["field"], change["new"])
        for about, each in asked.items()
        for name, body in each
        for change in body["changes"]
    }
    yield from (f"stands there and was not asked: {row}" for row in there - allowed)
    for about, each in asked.items():
        name, body = each[0]
        if len(each) == 1 and about in bodies and _plainly_fits(body, bodies[about]):
            row = (about, name, "side", body["changes"][0]["new"])
            yield from [] if row in there else [f"was asked and not made: {row}"]


def _plainly_fits(body: Mapping[str, Any], entry: Mapping[str, Any]) -> bool:
    change, *more = body["changes"]
    mine = entry["device"]["name"] == body["device"]["name"] and entry["device_seq"] < body["device_seq"]
    known = change["field"] == "side" and change["new"] in ("left", "right", None) and entry["kind"] != "amendment"
    return mine and known and not more and change["old"] == entry.get("side")


def _stored_bodies(oracle: Oracle) -> dict[str, dict[str, Any]]:
    return {name: json.loads(body) for name, (_, body, _) in oracle.stored.items()}


def _presses(connection: Connection, oracle: Oracle) -> Iterator[str]:
    t = tables.press.c
    rows = connection.execute(select(t.reading_id, func.count()).group_by(t.reading_id))
    counts = {name: len(body.get("presses", ())) for name, body in _stored_bodies(oracle).items()}
    yield from _differ({tuple(row) for row in rows}, {(name, count) for name, count in counts.items() if count})


def _letters(connection: Connection, ledger: Ledger) -> Iterator[str]:
    t = tables.dead_letter.c
    query = select(t.topic, t.payload_sha256, t.payload_bytes, t.reason, t.payload)
    there: Counter[Letter] = Counter()
    for row in connection.execute(query.execution_options(yield_per=500)):
        there[Letter(row.topic, row.payload_sha256, row.payload_bytes, row.reason)] += 1
        if row.payload_bytes <= LIMIT_BYTES and hashlib.sha256(row.payload).hexdigest() != row.payload_sha256:
            yield f"does not hold what was sent: {row.payload_sha256}"
    yield from _differ(set(there), set(ledger.letters.values()))
    yield from (f"stands there {count} times: {letter}" for letter, count in there.items() if count > 1)


def _receipts(connection: Connection, oracle: Oracle) -> Iterator[str]:
    t, letter = tables.receipt.c, tables.dead_letter.c
    rows = [tuple(row) for row in connection.execute(select(t.outcome, t.reading_id, t.sha256))]
    stored = {row for row in rows if row[0] == "stored"}
    yield from _differ(stored, {("stored", name, kept[0]) for name, kept in oracle.stored.items()})
    buried = {tuple(row) for row in connection.execute(select(letter.reading_id, letter.sha256))}
    yield from (f"for nothing that is kept: {row}" for row in rows if row[0] == "refused" and row[1:] not in buried)


def _statuses(connection: Connection, oracle: Oracle) -> Iterator[str]:
    t = tables.device_status.c
    there = {
        (row.site, row.device, row.state, row.session_id, row.unsent_readings, row.problem)
        for row in connection.execute(select(t.site, t.device, t.state, t.session_id, t.unsent_readings, t.problem))
    }
    wanted = {
        (*home, kept["state"], str(UUID(kept["session_id"])), kept["unsent_readings"], kept.get("problem"))
        for home, kept in oracle.statuses.items()
    }
    yield from _differ(there, wanted)


def _others(connection: Connection, before: Mapping[str, int]) -> Iterator[str]:
    for table in tables.metadata.sorted_tables:
        if table.name not in HELD:
            count = connection.execute(select(func.count()).select_from(table)).scalar_one()
            if count != before[table.name]:
                yield f"{table.name} has {count} rows, and had {before[table.name]}"
    t = tables.audit.c
    actions = connection.execute(select(t.action).order_by(t.id)).scalars().all()[before["audit"] :]
    yield from (f"audit: {action}" for action in actions if not action.startswith("ingest") and action != CORRECTED)
