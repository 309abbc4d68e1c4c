"""A device's certificate on the wire, and the trial database's word on it.

A certificate is about a device, not about a subject: it is no record of the journal, has no place in its count, and is
told from others by its own id and hash (docs/decisions/0027).
"""

import hashlib
from typing import Literal
from uuid import UUID

from pydantic import Field, TypeAdapter

from contract.certificate import SignedCertificate
from contract.identifiers import Sha256
from contract.reading import Receipt
from contract.record import SCHEMA_VERSION, Record, SchemaVersion
from contract.times import Time


class CertificateMessage(Record):
    """One certificate on the wire, as it was signed: passed, failed, incomplete or simulated."""

    schema_version: SchemaVersion = SCHEMA_VERSION
    sent_at: Time = Field(description="time of this transmission; differs when a certificate is sent again")
    certificate: SignedCertificate


class CertificateReceipt(Record):
    """The trial database's word on one certificate. Only `stored` ends its being sent."""

    schema_version: SchemaVersion = SCHEMA_VERSION
    certificate_id: UUID
    sha256: Sha256 = Field(description="hash of key, signature and body, as received")
    outcome: Literal["stored", "refused"] = Field(description="refused: kept as a dead letter, not in the trial data")
    reason: str | None = Field(None, max_length=500)
    received_at: Time


ANY_RECEIPT: TypeAdapter[Receipt | CertificateReceipt] = TypeAdapter(Receipt | CertificateReceipt)
"""What comes on the topic `receipt`: closed both, and told apart by the id that they name."""


def certificate_sha256(signed: SignedCertificate) -> str:
    """Return SHA-256 over public key, line feed, signature, line feed and body, in UTF-8: all that was signed, and by
    whom."""
    text = f"{signed.public_key}\n{signed.signature}\n{signed.body}"
    return hashlib.sha256(text.encode()).hexdigest()
