"""What a message may be judged to be (`trial.judge`)."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from contract.amendment import Amendment
from contract.calibration import CertificateMessage
from contract.certificate import Certificate
from contract.envelope import Envelope
from contract.mottling import MottlingReading
from contract.reading import Reading
from contract.record import SCHEMA_VERSION, SchemaVersion, answer_version
from contract.status import DeviceStatus
from contract.topics import Topic


class Refusal(StrEnum):
    """Why a message became a dead letter."""

    TOPIC = "topic"
    STUDY = "study"
    SITE = "site"
    DEVICE = "device"
    """Not enrolled, revoked, or enrolled at another site."""
    TOO_LARGE = "too_large"
    UNREADABLE = "unreadable"
    NEWER_SCHEMA = "newer_schema"
    """From a device that is newer than this program: to be replayed after an upgrade."""
    HASH = "hash"
    NOT_CANONICAL = "not_canonical"
    WRONG_PLACE = "wrong_place"
    SIMULATED = "simulated"
    NOT_STORABLE = "not_storable"
    CONFLICT = "conflict"
    SIGNATURE = "signature"
    """A certificate that is not as its device signed it."""
    TERM = "term"
    """A certificate that holds for longer than any device may be set to."""
    ABOUT = "about"
    """An amendment of what it cannot be about: another device's record, a later one, another amendment, itself."""


@dataclass(frozen=True)
class Claim:
    """What a message says it is, believed or not: enough to tell its sender that it was refused.

    `answer_in` is the version that its receipt is written in: an older device cannot read a newer one.
    """

    reading_id: UUID
    device_seq: int
    sha256: str
    answer_in: SchemaVersion = SCHEMA_VERSION


@dataclass(frozen=True)
class CertificateClaim:
    """The same for a certificate."""

    certificate_id: UUID
    sha256: str
    answer_in: SchemaVersion = SCHEMA_VERSION


@dataclass(frozen=True)
class Accepted:
    """A record that may be stored. `problem`: why the study does not know a value that an amendment corrects to."""

    topic: Topic
    envelope: Envelope
    record: Reading | MottlingReading | Amendment
    problem: str | None = None

    @property
    def claim(self) -> Claim:
        """Return what identifies it."""
        answer_in = answer_version(self.envelope.schema_version)
        return Claim(self.record.reading_id, self.record.device_seq, self.envelope.sha256, answer_in)


@dataclass(frozen=True)
class AcceptedStatus:
    """A device's status."""

    topic: Topic
    status: DeviceStatus


@dataclass(frozen=True)
class AcceptedCertificate:
    """A device's certificate, as the key in it signed it; whose key that is, is not judged here."""

    topic: Topic
    message: CertificateMessage
    certificate: Certificate
    sha256: str

    @property
    def claim(self) -> CertificateClaim:
        """Return what identifies it."""
        answer_in = answer_version(self.message.schema_version)
        return CertificateClaim(self.certificate.certificate_id, self.sha256, answer_in)


@dataclass(frozen=True)
class Refused:
    """A message for the dead letters. `topic` stands where it was one of ours, `claim` where it could be read."""

    reason: Refusal
    detail: str
    topic: Topic | None = None
    claim: Claim | CertificateClaim | None = None


Verdict = Accepted | AcceptedStatus | AcceptedCertificate | Refused
