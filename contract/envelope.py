"""The envelope: a reading as the exact bytes that the journal hashed, with the hashes and the time of sending.

The body travels as a JSON string inside the envelope, so that nobody has to serialise a number again to check a hash.
Chain: `sha256 = SHA-256(previous_sha256 + LF + body)`, each in UTF-8; a device's first record follows 64 zeros.
"""

import hashlib
import json

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from contract.identifiers import Sha256
from contract.reading import Reading
from contract.record import SCHEMA_VERSION, SchemaVersion

MAX_PAYLOAD_BYTES: int = 256 * 1024
"""Larger messages are refused unread; a reading with its presses takes about 3 kB."""


class EnvelopeError(ValueError):
    """A message cannot be accepted as a reading; the text says why, in one line."""


class Envelope(BaseModel):
    """One record on the wire."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: SchemaVersion = SCHEMA_VERSION
    sent_at: AwareDatetime = Field(description="time of this transmission; differs when a record is sent again")
    previous_sha256: Sha256
    sha256: Sha256
    body: str = Field(description="canonical JSON of the reading, the bytes that were hashed")


def canonical_json(reading: Reading) -> str:
    """Return the one JSON text of a reading: keys sorted, no white space, shortest round-trip numbers."""
    return json.dumps(
        reading.model_dump(mode="json"), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


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
    """Whether a text is the one JSON text of its content: no key twice, none out of order, no white space."""
    return json.dumps(json.loads(body), sort_keys=True, separators=(",", ":"), ensure_ascii=False) == body


def open_envelope(payload: bytes) -> tuple[Envelope, Reading]:
    """Return the envelope and its reading; raises `EnvelopeError` unless both are valid and the hash is right."""
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise EnvelopeError(f"message of {len(payload)} bytes is over the limit of {MAX_PAYLOAD_BYTES}")
    try:
        envelope = Envelope.model_validate_json(payload)
        reading = Reading.model_validate_json(envelope.body, strict=True)
    except ValidationError as error:
        raise EnvelopeError(first_error(error)) from error
    if chain_sha256(envelope.previous_sha256, envelope.body) != envelope.sha256:
        raise EnvelopeError("sha256: does not match the body")
    if not _is_canonical(envelope.body):
        raise EnvelopeError("body: not canonical JSON")
    return envelope, reading
