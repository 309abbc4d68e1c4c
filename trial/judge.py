"""Decide what to do with one message: pure, no I/O, never raises, whatever the bytes.

The chain from one record to the next is not judged here: records may arrive in any order, so a break is a query
(`trial.queries.chain_breaks`).
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from contract.envelope import MAX_PAYLOAD_BYTES, Envelope, EnvelopeError, first_error, open_envelope
from contract.reading import Reading
from contract.status import DeviceStatus
from contract.topics import Topic, TopicError, parse
from firmware_config.study import Study

MAX_INTEGER: int = (1 << 63) - 1
"""Largest integer that both databases hold."""
MAX_CLAIM_BYTES: int = 16 * MAX_PAYLOAD_BYTES
"""A message over the limit is refused, but up to this size its sender is still told so."""


class Refusal(StrEnum):
    """Why a message became a dead letter."""

    TOPIC = "topic"
    STUDY = "study"
    SITE = "site"
    TOO_LARGE = "too_large"
    UNREADABLE = "unreadable"
    WRONG_PLACE = "wrong_place"
    SIMULATED = "simulated"
    NOT_STORABLE = "not_storable"
    CONFLICT = "conflict"


@dataclass(frozen=True)
class Claim:
    """What a message says it is, believed or not: enough to tell its sender that it was refused."""

    reading_id: UUID
    device_seq: int
    sha256: str


@dataclass(frozen=True)
class Accepted:
    """A reading that may be stored."""

    topic: Topic
    envelope: Envelope
    reading: Reading

    @property
    def claim(self) -> Claim:
        """Return what identifies it."""
        return Claim(self.reading.reading_id, self.reading.device_seq, self.envelope.sha256)


@dataclass(frozen=True)
class AcceptedStatus:
    """A device's status."""

    topic: Topic
    status: DeviceStatus


@dataclass(frozen=True)
class Refused:
    """A message for the dead letters. `topic` stands where it was one of ours, `claim` where it could be read."""

    reason: Refusal
    detail: str
    topic: Topic | None = None
    claim: Claim | None = None


Verdict = Accepted | AcceptedStatus | Refused


def judge(topic_text: str, payload: bytes, study: Study) -> Verdict:
    """Return what becomes of a message that came in on `topic_text`, in the feed of `study`."""
    try:
        topic = parse(topic_text)
    except TopicError as error:
        return Refused(Refusal.TOPIC, _clip(str(error)))
    if topic.kind == "reading":
        verdict = _judge_reading(topic, payload, study)
        return verdict if isinstance(verdict, Accepted) else _with_claim(verdict, topic, payload)
    if topic.kind == "status":
        return _judge_status(topic, payload, study)
    return Refused(Refusal.TOPIC, f"no {topic.kind} is expected here", topic)


def _judge_reading(topic: Topic, payload: bytes, study: Study) -> Accepted | Refused:
    place = _place_refusal(topic, study)
    if place is not None:
        return place
    if len(payload) > MAX_PAYLOAD_BYTES:
        return Refused(Refusal.TOO_LARGE, f"message of {len(payload)} bytes is over the limit of {MAX_PAYLOAD_BYTES}")
    try:
        envelope, reading = open_envelope(payload)
    except EnvelopeError as error:
        return Refused(Refusal.UNREADABLE, _clip(str(error)))
    claimed = (reading.study, reading.subject.site, reading.device.name)
    if claimed != (topic.study, topic.site, topic.device):
        return Refused(Refusal.WRONG_PLACE, f"reading of {'/'.join(claimed)} came in on {topic}")
    if reading.simulated and not study.accept_simulated:
        return Refused(Refusal.SIMULATED, f"study {study.name} does not accept simulated readings")
    problem = _not_storable(reading.model_dump()) or _not_storable(envelope.model_dump(exclude={"body"}))
    if problem is not None:
        return Refused(Refusal.NOT_STORABLE, problem)
    return Accepted(topic, envelope, reading)


def _judge_status(topic: Topic, payload: bytes, study: Study) -> AcceptedStatus | Refused:
    place = _place_refusal(topic, study)
    if place is not None:
        return place
    if len(payload) > MAX_PAYLOAD_BYTES:
        return Refused(Refusal.TOO_LARGE, f"status of {len(payload)} bytes", topic)
    try:
        status = DeviceStatus.model_validate_json(payload)
    except ValidationError as error:
        return Refused(Refusal.UNREADABLE, _clip(first_error(error)), topic)
    problem = _not_storable(status.model_dump())
    if problem is not None:
        return Refused(Refusal.NOT_STORABLE, problem, topic)
    return AcceptedStatus(topic, status)


def _place_refusal(topic: Topic, study: Study) -> Refused | None:
    if topic.study != study.name:
        return Refused(Refusal.STUDY, f"study {topic.study} is not the study {study.name} of this feed", topic)
    if topic.site not in study.sites:
        return Refused(Refusal.SITE, f"site {topic.site} is not in study {study.name}", topic)
    return None


def _not_storable(value: Any, key: str = "") -> str | None:
    """Return why a database could not hold `value` (PostgreSQL has no NUL in text, 64-bit integers, UTC years)."""
    if isinstance(value, dict):
        return next((p for k, v in value.items() if (p := _not_storable(v, str(k)))), None)
    if isinstance(value, list | tuple):
        return next((p for v in value if (p := _not_storable(v, key))), None)
    if isinstance(value, str) and "\0" in value:
        return f"{key}: holds a NUL character"
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > MAX_INTEGER:
        return f"{key}: integer out of range"
    if isinstance(value, datetime):
        try:
            value.astimezone(UTC)
        except OverflowError:
            return f"{key}: time out of range"
    return None


MAX_COUNT: int = 2**53 - 1
"""The largest `device_seq` that the contract knows."""


def _with_claim(refused: Refused, topic: Topic, payload: bytes) -> Refused:
    return Refused(refused.reason, refused.detail, topic, _read_claim(payload))


def _read_claim(payload: bytes) -> Claim | None:
    """Return id, sequence number and hash of a refused reading as far as all three can be read, else None."""
    if len(payload) > MAX_CLAIM_BYTES:
        return None
    try:
        outer = json.loads(payload)
        inner = json.loads(outer["body"])
        reading_id, device_seq, sha256 = UUID(inner["reading_id"]), inner["device_seq"], outer["sha256"]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    whole = isinstance(device_seq, int) and not isinstance(device_seq, bool) and 1 <= device_seq <= MAX_COUNT
    # A receipt can only name what the contract lets it name: one bad record must not stop those beside it.
    if (
        reading_id.version != 7
        or not whole
        or not isinstance(sha256, str)
        or len(sha256) != 64
        or not set(sha256) <= set("0123456789abcdef")
    ):
        return None
    return Claim(reading_id, device_seq, sha256)


def fingerprint(topic_text: str, payload: bytes) -> str:
    """Return a hash that is the same when the same bad record is sent again, though its `sent_at` has changed."""
    content = payload
    if len(payload) <= MAX_PAYLOAD_BYTES:
        try:
            envelope = Envelope.model_validate_json(payload)
        except ValidationError:
            pass
        else:
            content = "\n".join((envelope.previous_sha256, envelope.sha256, envelope.body)).encode()
    return hashlib.sha256(topic_text.encode(errors="surrogateescape") + b"\n" + content).hexdigest()


def _clip(text: str) -> str:
    """Return `text` on one line, short, and without what a database or a terminal could choke on."""
    return "".join(c if c.isprintable() else "?" for c in text)[:400]
