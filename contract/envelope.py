"""The envelope: a record as the exact bytes that the journal hashed, with the hashes and the time of sending.

The body travels as a JSON string inside the envelope, so that nobody has to serialise a number again to check a hash.
Chain: `sha256 = SHA-256(previous_sha256 + LF + body)`, each in UTF-8; a device's first record follows 64 zeros.
"""

import hashlib
import json
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import from_json

from contract.amendment import Amendment
from contract.calibration import CertificateMessage
from contract.certificate import Certificate
from contract.identifiers import Sha256
from contract.mottling import MottlingReading
from contract.reading import Reading
from contract.record import SCHEMA_VERSION, SchemaVersion, newer_version
from contract.records import read_record
from contract.source import Source
from contract.status import DeviceStatus
from contract.times import Time

MAX_PAYLOAD_BYTES: int = 256 * 1024
"""Larger messages are refused unread; a reading with its presses takes about 3 kB."""

Fault = Literal["too_large", "unreadable", "newer_schema", "hash", "not_canonical"]
"""What is wrong with a message. `newer_schema`: it may be right, but this program is too old to tell."""


class EnvelopeError(ValueError):
    """A message cannot be accepted; the text says why, in one line, and `kind` which way."""

    def __init__(self, text: str, kind: Fault) -> None:
        super().__init__(text)
        self.kind: Fault = kind


class Envelope(BaseModel):
    """One record on the wire."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    schema_version: SchemaVersion = SCHEMA_VERSION
    sent_at: Time = Field(description="time of this transmission; differs when a record is sent again")
    previous_sha256: Sha256
    sha256: Sha256
    body: str = Field(
        description="canonical JSON of the record, the bytes that were hashed",
        json_schema_extra={"contentMediaType": "application/json"},
    )


_text_of = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False, check_circular=False
).encode
"""Made once: the trial side needs it for every message that it is sent."""


def canonical_json(record: Source) -> str:
    """Return the one JSON text of a record: keys sorted, no white space, shortest round-trip numbers."""
    return _text_of(record.model_dump(mode="json"))


def chain_sha256(previous_sha256: str, body: str) -> str:
    """Return the hash of a record that follows the record hashed `previous_sha256`."""
    return hashlib.sha256(f"{previous_sha256}\n{body}".encode()).hexdigest()


def first_error(error: ValidationError) -> str:
    """Return a pydantic error as one line: the first offending key and what is wrong with it."""
    entry = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in entry["loc"]) or "message"
    more = error.error_count() - 1
    # A key may be anything a sender made up: it must not carry line breaks or terminal codes into a log.
    safe = ascii(f"{place}: {entry['msg']}"[:300])[1:-1]
    return safe + (f" (and {more} more)" if more else "")


def _is_canonical(body: str) -> bool:
    """Whether a valid record's text is the one JSON text of it: no key twice, none out of order, no white space."""
    return _text_of(from_json(body)) == body


def _refused(error: ValidationError, content: str | bytes) -> EnvelopeError:
    """Return a model's refusal of `content` as ours: it is newer than this program, or it is nonsense."""
    version = newer_version(content)
    if version is None:
        return EnvelopeError(first_error(error), "unreadable")
    return EnvelopeError(f"schema_version: {version} is newer than {SCHEMA_VERSION}", "newer_schema")


def _limit(payload: bytes) -> None:
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise EnvelopeError(f"message of {len(payload)} bytes is over the limit of {MAX_PAYLOAD_BYTES}", "too_large")


def open_envelope(payload: bytes) -> tuple[Envelope, Reading | MottlingReading | Amendment]:
    """Return the envelope and its record; raises `EnvelopeError` unless both are valid and the hash is right."""
    _limit(payload)
    try:
        envelope = Envelope.model_validate_json(payload)
    except ValidationError as error:
        raise _refused(error, payload) from error
    try:
        record = read_record(envelope.body, strict=True)
    except ValidationError as error:
        raise _refused(error, envelope.body) from error
    if chain_sha256(envelope.previous_sha256, envelope.body) != envelope.sha256:
        raise EnvelopeError("sha256: does not match the body", "hash")
    if not _is_canonical(envelope.body):
        raise EnvelopeError("body: not canonical JSON", "not_canonical")
    return envelope, record


def open_status(payload: bytes) -> DeviceStatus:
    """Return a device's status; raises `EnvelopeError`, of the kinds that a message without a hash can be of."""
    _limit(payload)
    try:
        return DeviceStatus.model_validate_json(payload, strict=True)
    except ValidationError as error:
        raise _refused(error, payload) from error


def open_certificate(payload: bytes) -> tuple[CertificateMessage, Certificate]:
    """Return the message and the certificate in it; raises `EnvelopeError`. The signature is not looked at."""
    _limit(payload)
    try:
        message = CertificateMessage.model_validate_json(payload, strict=True)
    except ValidationError as error:
        raise _refused(error, payload) from error
    try:
        return message, Certificate.model_validate_json(message.certificate.body, strict=True)
    except ValidationError as error:
        raise _refused(error, message.certificate.body) from error
