"""Decide what to do with one message: pure, no I/O, never raises, whatever the bytes.

Only `admits`, which knows the enrolled devices, may look somewhere and fail; what it raises passes through. The chain
from one record to the next is not judged here: records may arrive in any order, so a break is a query
(`trial.queries.chain_breaks`).
"""

import hashlib
import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

from pydantic import ValidationError

from calibration.certificate.keys import fits
from contract.amendment import Amendment
from contract.calibration import certificate_sha256
from contract.certificate import SignedCertificate
from contract.envelope import (
    MAX_PAYLOAD_BYTES,
    Envelope,
    EnvelopeError,
    open_certificate,
    open_envelope,
    open_status,
)
from contract.mottling import MottlingReading
from contract.reading import Reading
from contract.record import answer_version, newer_version
from contract.status import DeviceStatus
from contract.topics import Topic, TopicError, parse
from firmware_config.study import Study
from trial.values import study_refuses
from trial.verdicts import (
    Accepted,
    AcceptedCertificate,
    AcceptedStatus,
    CertificateClaim,
    Claim,
    Refusal,
    Refused,
    Verdict,
)

__all__ = [
    "Accepted",
    "AcceptedCertificate",
    "AcceptedStatus",
    "Admits",
    "CertificateClaim",
    "Claim",
    "Refusal",
    "Refused",
    "Verdict",
    "anyone",
    "fingerprint",
    "judge",
    "not_storable",
]

MAX_CLAIM_BYTES: int = 16 * MAX_PAYLOAD_BYTES
"""A message over the limit is refused, but up to this size its sender is still told so."""


LONGEST_TERM: timedelta = timedelta(days=731)
"""Two years, and a day for clocks: a device's file takes no more (`calibration.due_days`)."""

Admits = Callable[[Topic], bool]


def anyone(_topic: Topic) -> bool:
    """Admit every device."""
    return True


def judge(topic_text: str, payload: bytes, study: Study, admits: Admits = anyone) -> Verdict:
    """Return what becomes of a message that came in on `topic_text`, in the feed of `study`.

    `admits` says whether a device may send (`trial.enrolment.Register.admits`).
    """
    try:
        topic = parse(topic_text)
    except TopicError as error:
        return Refused(Refusal.TOPIC, _clip(str(error)))
    if topic.kind == "reading":
        verdict = _place_refusal(topic, study, admits) or _judge_record(topic, payload, study)
        return verdict if isinstance(verdict, Accepted) else _with_claim(verdict, topic, payload)
    if topic.kind == "status":
        return _place_refusal(topic, study, admits) or _judge_status(topic, payload)
    if topic.kind == "calibration":
        found = _place_refusal(topic, study, admits) or _judge_certificate(topic, payload, study)
        if isinstance(found, Refused):
            return Refused(found.reason, found.detail, topic, _read_certificate_claim(payload))
        return found
    return Refused(Refusal.TOPIC, f"no {topic.kind} is expected here", topic)


def _judge_record(topic: Topic, payload: bytes, study: Study) -> Accepted | Refused:
    try:
        envelope, record = open_envelope(payload)
    except EnvelopeError as error:
        return Refused(Refusal(error.kind), _clip(str(error)))
    claimed = (record.study, record.subject.site, record.device.name)
    if claimed != (topic.study, topic.site, topic.device):
        return Refused(Refusal.WRONG_PLACE, f"reading of {'/'.join(claimed)} came in on {topic}")
    if record.simulated and not study.accept_simulated:
        return Refused(Refusal.SIMULATED, f"study {study.name} does not accept simulated readings")
    problem = not_storable(record) or _unheld("sent_at", envelope.sent_at)
    if problem is not None:
        return Refused(Refusal.NOT_STORABLE, problem)
    if not isinstance(record, Amendment):
        return Accepted(topic, envelope, record)
    if record.about == record.reading_id:
        return Refused(Refusal.ABOUT, "about: an amendment is not about itself")
    return Accepted(topic, envelope, record, _unknown_value(record, study))


def _unknown_value(amendment: Amendment, study: Study) -> str | None:
    """Return why the study does not know a value that is corrected to; the record is stored all the same."""
    found = (study_refuses(change.field, change.new, study) for change in amendment.changes)
    return next((why for why in found if why is not None), None)


def _judge_status(topic: Topic, payload: bytes) -> AcceptedStatus | Refused:
    try:
        status = open_status(payload)
    except EnvelopeError as error:
        return Refused(Refusal(error.kind), _clip(str(error)), topic)
    problem = _status_not_storable(status)
    if problem is not None:
        return Refused(Refusal.NOT_STORABLE, problem, topic)
    return AcceptedStatus(topic, status)


def _judge_certificate(topic: Topic, payload: bytes, study: Study) -> AcceptedCertificate | Refused:
    """A certificate is its device's wherever that stands now: the study and site in it are those of its making."""
    try:
        message, certificate = open_certificate(payload)
    except EnvelopeError as error:
        return Refused(Refusal(error.kind), _clip(str(error)))
    content, name = message.certificate, certificate.device.name
    if name != topic.device:
        return Refused(Refusal.WRONG_PLACE, f"certificate of {name} came in on {topic}")
    if not fits(content.public_key, content.signature, content.body):
        return Refused(Refusal.SIGNATURE, "the certificate was altered after it was signed")
    if certificate.simulated and not study.accept_simulated:
        return Refused(Refusal.SIMULATED, f"study {study.name} does not accept simulated certificates")
    problem = (
        _unheld("device.software_version", certificate.device.software_version)
        or _unheld("made_at", certificate.made_at)
        or _unheld("due_at", certificate.due_at)
        or _unheld("sent_at", message.sent_at)
    )
    if problem is not None:
        return Refused(Refusal.NOT_STORABLE, problem)
    if certificate.due_at - certificate.made_at > LONGEST_TERM:
        return Refused(Refusal.TERM, f"due more than {LONGEST_TERM.days} days after it was made: no device may say so")
    return AcceptedCertificate(topic, message, certificate, certificate_sha256(content))


def _place_refusal(topic: Topic, study: Study, admits: Admits) -> Refused | None:
    if topic.study != study.name:
        return Refused(Refusal.STUDY, f"study {topic.study} is not the study {study.name} of this feed", topic)
    if topic.site not in study.sites:
        return Refused(Refusal.SITE, f"site {topic.site} is not in study {study.name}", topic)
    if not admits(topic):
        return Refused(Refusal.DEVICE, f"device {topic.device} is not enrolled at site {topic.site}", topic)
    return None


def not_storable(record: Reading | MottlingReading | Amendment) -> str | None:
    """Return why a database could not hold a record, though it is as the contract wants it.

    Only free texts and times can be wrong; every other field is bounded by its type (a test walks the schema).
    """
    device = record.device
    return (
        _unheld("device.software_version", device.software_version)
        or _unheld("device.algorithm_version", device.algorithm_version)
        or _unheld("device.build", device.build)
        or _unheld("measured.at", record.measured.at)
        or _unheld("norepinephrine_onset_at", record.norepinephrine_onset_at)
        or (_unheld("protocol.version", record.protocol.version) if isinstance(record, Reading) else None)
    )


def _status_not_storable(status: DeviceStatus) -> str | None:
    sentences = [part.sentence for part in status.health or ()]
    return (
        _unheld("software_version", status.software_version)
        or _unheld("problem", status.problem)
        or next((why for text in sentences if (why := _unheld("health.sentence", text))), None)
        or _unheld("at", status.at)
    )


def _unheld(key: str, value: str | datetime | None) -> str | None:
    """PostgreSQL has no NUL in a text, and a time at the calendar's end may not exist in another zone."""
    if isinstance(value, str):
        return f"{key}: holds a NUL character" if "\0" in value else None
    if value is not None and not 1 < value.year < 9999:
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
    return Claim(reading_id, device_seq, sha256, answer_version(outer.get("schema_version")))


def _read_certificate_claim(payload: bytes) -> CertificateClaim | None:
    """Return id and hash of a refused certificate as far as both can be read, else None."""
    if len(payload) > MAX_CLAIM_BYTES:
        return None
    try:
        outer = json.loads(payload)
        content = SignedCertificate.model_validate(outer["certificate"])
        certificate_id = UUID(json.loads(content.body)["certificate_id"])
        sha256 = certificate_sha256(content)
    # A lone surrogate in a text has no hash.
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    return CertificateClaim(certificate_id, sha256, answer_version(outer.get("schema_version")))


_SENT_AT = re.compile(rb'"sent_at"\s*:\s*"[^"\\]{0,64}"')
"""As it stands in an envelope; the quotes inside a body are escaped."""


def fingerprint(topic_text: str, payload: bytes) -> str:
    """Return a hash that is the same when the same bad record is sent again, though its `sent_at` has changed.

    Of the statuses of one device that is not taken, those of one session and state are the same: it sends them for as
    long as it is there, and nothing may be deleted from the dead letters.
    """
    content = payload
    if topic_text.endswith("/status"):
        content = _status_mark(payload)
    elif topic_text.endswith("/calibration") or len(payload) > MAX_PAYLOAD_BYTES or newer_version(payload) is not None:
        content = _SENT_AT.sub(b"", payload, count=1)
    else:
        try:
            envelope = Envelope.model_validate_json(payload)
        except ValidationError:
            pass
        else:
            content = "\n".join((envelope.previous_sha256, envelope.sha256, envelope.body)).encode()
    return hashlib.sha256(topic_text.encode(errors="backslashreplace") + b"\n" + content).hexdigest()


def _status_mark(payload: bytes) -> bytes:
    newer = newer_version(payload)
    if newer is not None:
        # What a newer device says of itself cannot be read; that it cannot is one letter, not one for each minute.
        return f"status of version {newer}".encode()
    try:
        status = open_status(payload)
    except EnvelopeError:
        return payload
    return f"{status.session_id} {status.state} {status.software_version}".encode()


def _clip(text: str) -> str:
    """Return `text` on one line, short, and without what a database or a terminal could choke on."""
    return "".join(c if c.isprintable() else "?" for c in text)[:400]
