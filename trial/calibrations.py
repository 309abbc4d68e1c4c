"""Certificates of devices into the trial database, each exactly once, and answered each time.

The rules are those of records (`trial.store`): the same again changes nothing, the same id with another text is
refused. A device's key is not asked for beforehand: the first that comes is its key from then on, and another one is a
question to people (`trial.calibration_queries`), never a reason to refuse.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, insert, select, tuple_

from calibration.certificate.standing import missing_steps
from contract.calibration import CertificateReceipt
from contract.topics import Topic
from trial.judge import AcceptedCertificate, CertificateClaim
from trial.tables import certificate, certificate_receipt

Place = tuple[str, str, str]
"""Study, device and id: another study's trial has its own, and no device takes the place of another's."""


def place_of(accepted: AcceptedCertificate) -> Place:
    """Return where a certificate stands."""
    return accepted.topic.study, accepted.topic.device, str(accepted.certificate.certificate_id)


def known(connection: Connection, accepted: Iterable[AcceptedCertificate]) -> dict[Place, tuple[str, datetime]]:
    """Return hash and time of those that are stored already."""
    places = {place_of(each) for each in accepted}
    if not places:
        return {}
    t = certificate.c
    query = select(t.study, t.device, t.certificate_id, t.sha256, t.received_at)
    rows = connection.execute(query.where(tuple_(t.study, t.device, t.certificate_id).in_(places)))
    return {(row.study, row.device, row.certificate_id): (row.sha256, row.received_at) for row in rows}


def keep(connection: Connection, new: Mapping[Place, tuple[AcceptedCertificate, datetime]]) -> None:
    """Write new ones, in the order of their keys; raises SQLAlchemy's `IntegrityError` where another was faster."""
    if new:
        connection.execute(insert(certificate), [_row(*new[place]) for place in sorted(new)])


def _row(accepted: AcceptedCertificate, received_at: datetime) -> dict[str, Any]:
    made, content, topic = accepted.certificate, accepted.message.certificate, accepted.topic
    before = made.previous_certificate_id
    return {
        "study": topic.study,
        "certificate_id": str(made.certificate_id),
        "site": topic.site,
        "device": topic.device,
        "sha256": accepted.sha256,
        "body": content.body,
        "public_key": content.public_key,
        "signature": content.signature,
        "previous_certificate_id": None if before is None else str(before),
        "operator": made.operator,
        "simulated": made.simulated,
        "failed_steps": ", ".join(step.step.value for step in made.steps if not step.passed),
        "missing_steps": ", ".join(name.value for name in missing_steps(made)),
        "configuration_sha256": made.configuration_sha256,
        "software_version": made.device.software_version,
        "made_at": made.made_at,
        "due_at": made.due_at,
        "sent_at": accepted.message.sent_at,
        "received_at": received_at,
    }


def receipt(
    claim: CertificateClaim, outcome: Literal["stored", "refused"], received_at: datetime, reason: str | None = None
) -> CertificateReceipt:
    """Return the word on a certificate."""
    return CertificateReceipt(
        schema_version=claim.answer_in,
        certificate_id=claim.certificate_id,
        sha256=claim.sha256,
        outcome=outcome,
        reason=reason,
        received_at=received_at,
    )


def note_receipts(connection: Connection, given: Iterable[tuple[Topic, CertificateReceipt]], now: datetime) -> None:
    """Write down the receipts that are given, each certificate and outcome once for each device in each study."""
    new = {
        (device.study, device.device, str(word.certificate_id), word.sha256, word.outcome): (device, word)
        for device, word in given
    }
    if not new:
        return
    t = certificate_receipt.c
    ids = {certificate_id for _, _, certificate_id, _, _ in new}
    query = select(t.study, t.device, t.certificate_id, t.sha256, t.outcome).where(t.certificate_id.in_(ids))
    for row in connection.execute(query).all():
        new.pop(tuple(row), None)
    rows: list[dict[str, Any]] = [
        {
            "study": device.study,
            "site": device.site,
            "device": device.device,
            "certificate_id": str(word.certificate_id),
            "sha256": word.sha256,
            "outcome": word.outcome,
            "reason": word.reason,
            "received_at": word.received_at,
            "issued_at": now,
        }
        for _, (device, word) in sorted(new.items(), key=lambda each: each[0])
    ]
    if rows:
        connection.execute(insert(certificate_receipt), rows)
