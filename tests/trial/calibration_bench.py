"""Certificates as a device signs and sends them, for the tests of the trial side."""

from datetime import timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from trial_bench import NOON, STUDY

from calibration.certificate.keys import DeviceKey
from calibration.certificate.make import signed
from contract.calibration import CertificateMessage
from contract.certificate import Certificate, StepName, StepOutcome
from contract.identifiers import new_reading_id
from firmware_config.study import Study
from trial.judge import judge
from trial.store import Arrival

KEY = DeviceKey(Ed25519PrivateKey.generate())
YEAR = timedelta(days=365)
PASSED = tuple(StepOutcome(step=name, at=NOON) for name in StepName)
FAILED = (*PASSED[:-1], StepOutcome(step=StepName.END_TO_END, at=NOON, trouble="It gave nothing."))


def certificate(device: str = "bedside-1", after: Certificate | None = None, **changes: Any) -> Certificate:
    """A certificate that has passed; `after` is the one before it."""
    content: dict[str, Any] = {
        "certificate_id": new_reading_id(),
        "device": {
            "name": device,
            "software_version": "0.1.0",
            "algorithm_version": "1",
            "configuration_sha256": "b" * 64,
        },
        "site": "00",
        "study": "demo",
        "operator": "eng-1",
        "simulated": True,
        "made_at": NOON,
        "due_at": NOON + YEAR,
        "configuration_sha256": "e" * 64,
        "previous_certificate_id": None if after is None else after.certificate_id,
        "steps": PASSED,
    }
    return Certificate.model_validate(content | changes)


def message(made: Certificate, key: DeviceKey = KEY, sent_s: float = 0.0) -> bytes:
    sent = CertificateMessage(sent_at=NOON + timedelta(seconds=sent_s), certificate=signed(made, key))
    return sent.model_dump_json().encode()


def topic(device: str = "bedside-1", site: str = "00") -> str:
    return f"refill/v1/demo/{site}/{device}/calibration"


def came(content: bytes, where: str | None = None, study: Study = STUDY) -> Arrival:
    where = where or topic()
    return Arrival(where, content, NOON, judge(where, content, study))
