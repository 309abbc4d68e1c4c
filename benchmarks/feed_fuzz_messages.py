"""Where the fuzzed messages start from: valid records and statuses of some devices, made with the contract."""

import json
import random
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any

from benchmarks.feed_records import reading
from contract.amendment import Amendment
from contract.envelope import canonical_json, chain_sha256
from contract.identifiers import GENESIS_SHA256, new_reading_id
from contract.mottling import LegLandmarks, MottlingReading, MottlingResult, MottlingZones
from contract.record import SCHEMA_VERSION
from contract.source import Source

STUDY = "fuzz"
HOMES: dict[str, str] = {"bedside-1": "00", "bedside-2": "00", "bedside-3": "01", "bedside-4": "02"}
"""The enrolled devices and their sites."""
SITES: tuple[str, ...] = ("00", "01", "02")
LIMIT_BYTES = 262_144

Content = dict[str, Any]

WILD: tuple[Any, ...] = (
    None, True, False, -1, 0, 1, 2, 0.5, -0.0, 1e-7, 5e-324, 1e308, 2**53, 2**63, 10**30, -(10**30),
    "", " ", "x", "0", "00", "measured", "moved", "\u0000", "a\u0000b", "\u2028", "\U0001f600", "e\u0301",
    "x" * 70, "0" * 64, "A" * 64, "1.0", "1.1", "1.2", "1.3", "1.4", "9.9", [], {}, [[]], [None], [1, 2], [2.2, 2.7],
    {"status": "measured"}, "2026-11-23T12:00:00Z", "2026-11-23T12:00:00", "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-12:00", "019ab0c4-9000-7000-8000-00000000000a", "0b0d7c1e-3f0a-4c39-9d0f-2f1a9c1b7e55",
)  # fmt: skip
"""Values put where others stand."""
RAW: tuple[str, ...] = (
    "NaN", "Infinity", "-Infinity", "1e400", "-1e400", "9" * 400, "9" * 5000, "0" * 40, "-0", "1.0", "1E2", "0x10",
    '"\\ud800"', '"\\udfff x"', '"\\u0000"', '"\\ud83d\\ude00"', '"\\x41"', '"\t"', "'x'", "nul", "tru", "[,]", "",
    "1 2", "1_000",
)  # fmt: skip
"""Texts put where a value stands, as they are."""
TOPICS: tuple[str, ...] = (
    "77/bedside-1", "0/bedside-1", "00000/bedside-1", "/bedside-1", "00/", "00/BEDSIDE", "00/stranger", "01/bedside-1",
    "00/-x", "\u0660\u0660/bedside-1", "00/" + "d" * 63, "00/" + "d" * 300, "00/b\u00e9d", "ab/\U0001f600",
)  # fmt: skip
"""Sites and devices beside those that there are, within the subscription all the same."""


RECORDS: tuple[str, ...] = ("refill", "mottling", "amendment", "refill")
"""Of what kind the records are that are drawn."""
LEG = LegLandmarks(knee=(900.5, 1800.0), patella=(905.0, 1500.25), groin=(940.0, 400.0))
SCORED = MottlingResult(
    status="measured", score=2, max_supported=4, confidence=0.9, zones=MottlingZones(knee_centre=0.4, knee=0.25)
)
SAID: tuple[Content, ...] = (
    {},
    {"mottling_score": 3},
    {"action": "commented", "comment": "oedema"},
    {"action": "timed", "stopwatch_s": 3.25, "before_number": True},
    {"action": "corrected", "why": "typed_wrong", "changes": [{"field": "side", "old": "left", "new": "right"}]},
    {"action": "corrected", "why": "typed_wrong", "changes": [{"field": "side", "old": "right", "new": None}]},
    {"action": "corrected", "why": "other", "changes": [{"field": "event", "old": None, "new": "day-1"}]},
)
"""What an amendment says."""


@dataclass(frozen=True)
class Message:
    """One publication."""

    kind: str
    topic: str
    payload: bytes
    retain: bool = False


@dataclass
class Sender:
    """Draws messages. `corpus` are JSON texts from elsewhere; `good` are this run's valid readings so far.

    `kinds`: kind of hostile message, how often, and how it is made (`feed_fuzz_kinds.KINDS`). What is drawn comes from
    the dice alone; ids and times are of the moment.
    """

    dice: random.Random
    corpus: Sequence[str]
    kinds: Mapping[str, tuple[float, Callable[["Sender"], Message]]]
    good: list[Message] = field(default_factory=list)
    bad: list[Message] = field(default_factory=list)
    _seqs: dict[str, int] = field(default_factory=dict)
    _heads: dict[str, str] = field(default_factory=dict)
    _extra: int = 1_000_000

    def valid(self, device: str) -> Message:
        """Return the next record of a device's journal, in its chain: of every kind in turn."""
        seq = self._seqs[device] = self._seqs.get(device, 0) + 1
        outer = sealed(self._fitting(device, seq, RECORDS[seq % len(RECORDS)]), self._heads.get(device, GENESIS_SHA256))
        self._heads[device] = outer["sha256"]
        made = Message("valid reading", topic_of(device), text(outer))
        self.good.append(made)
        return made

    def hostile(self) -> Message:
        """Return one message of a kind drawn by weight."""
        kind = self.dice.choices(list(self.kinds), [weight for weight, _ in self.kinds.values()])[0]
        made = self.kinds[kind][1](self)
        message = Message(kind, made.topic, made.payload, made.retain)
        if self.dice.random() < 0.05:
            self.bad.append(message)
        return message

    def base(self, kind: str | None = None) -> tuple[str, Content]:
        """Return a device and the envelope of a new valid record outside its chain, of that kind or of any."""
        device, body = self.inner(kind)
        return device, sealed(body)

    def inner(self, kind: str | None = None) -> tuple[str, Content]:
        """Return a device and the body of such a record."""
        device = self.dice.choice(list(HOMES))
        self._extra += 1
        return device, self._drawn(device, self._extra, kind or self.dice.choice(RECORDS))

    def _fitting(self, device: str, seq: int, kind: str) -> Content:
        """Return a new valid body; an amendment is about a reading of its device before it, or about none that came."""
        body = fresh(device, seq, kind)
        if kind != "amendment":
            return body
        about = self.dice.choice([*self._sent(device), fresh(device, seq)])
        fits = [said for said in SAID if "mottling_score" not in said or about["kind"] == "mottling"]
        # A copy: what is drawn here is broken in place afterwards.
        return body | {"about": about["reading_id"]} | deepcopy(self.dice.choice(fits))

    def _drawn(self, device: str, seq: int, kind: str) -> Content:
        """Return a new body; an amendment may be about what it cannot be about, though it is valid by itself."""
        body = self._fitting(device, seq, kind)
        if kind == "amendment" and self.dice.random() < 0.4:
            other = self._sent(self.dice.choice(list(HOMES)), amendments=True)
            if other:
                body["about"] = self.dice.choice(other)["reading_id"]
        return body

    def _sent(self, device: str, *, amendments: bool = False) -> list[Content]:
        """Return the bodies of the last valid records of a device."""
        topic = topic_of(device)
        bodies = (json.loads(json.loads(good.payload)["body"]) for good in self.good[-60:] if good.topic == topic)
        return [body for body in bodies if amendments or body["kind"] != "amendment"]

    def status(self) -> tuple[str, Content]:
        """Return a device and a valid status."""
        device = self.dice.choice(list(HOMES))
        session = f"00000000-0000-4000-8000-{self.dice.randrange(3):012d}"
        content: Content = {
            "schema_version": self.dice.choice(["1.0", "1.1", "1.2", "1.3", "1.4"]),
            "session_id": session,
            "state": self.dice.choice(["ready", "ready", "lost", "stopped"]),
            "at": datetime.now(UTC).isoformat(),
            "software_version": "0.1.0",
            "unsent_readings": self.dice.randrange(100),
        }
        if self.dice.random() < 0.5:
            content["problem"] = "The disk is nearly full."
        if content["schema_version"] != "1.0" and self.dice.random() < 0.5:
            content["health"] = [{"part": "camera", "condition": "ok", "value": 60.0, "unit": "fps"}]
        return device, content


@cache
def _pattern(device: str, kind: str) -> str:
    made = reading(1, device=device, site=HOMES[device], study=STUDY).model_copy(update={"simulated": False})
    if kind == "refill":
        return canonical_json(made)
    common = {name: getattr(made, name) for name in Source.model_fields}
    if kind == "mottling":
        return canonical_json(MottlingReading(**common, photo_sha256="c" * 64, landmarks=LEG, result=SCORED))
    said = {"operator": "n12", "about": made.reading_id, "action": "confirmed"}
    return canonical_json(Amendment(**common | said))


def fresh(device: str, seq: int, kind: str = "refill") -> Content:
    """Return the body of a new valid record."""
    content: Content = json.loads(_pattern(device, kind))
    content |= {"reading_id": str(new_reading_id()), "device_seq": seq}
    content["measured"]["boottime_ns"] = 1_000_000 * seq
    return content


def topic_of(device: str, kind: str = "reading") -> str:
    return f"refill/v1/{STUDY}/{HOMES[device]}/{device}/{kind}"


def text(content: Any) -> bytes:
    """Return a JSON text; half characters go out as the bytes that nobody should send."""
    return json.dumps(content, ensure_ascii=False).encode("utf-8", "surrogatepass")


def sealed(body: Content | str, previous: str = GENESIS_SHA256, **changes: Any) -> Content:
    """Return the envelope of a body, its hash right."""
    inside = body if isinstance(body, str) else canonical(body)
    outer = {
        "schema_version": SCHEMA_VERSION,
        "sent_at": datetime.now(UTC).isoformat(),
        "previous_sha256": previous,
        "sha256": chain_sha256(previous, inside.encode("utf-8", "surrogatepass").decode("utf-8", "replace")),
        "body": inside,
    }
    return outer | changes


def canonical(body: Any) -> str:
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def at(device: str, payload: bytes, kind: str = "reading", *, retain: bool = False) -> Message:
    return Message("", topic_of(device, kind), payload, retain)
