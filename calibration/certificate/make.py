"""Certificates made, signed and opened again."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from pydantic import ValidationError

from calibration.certificate.keys import DeviceKey, fits
from contract.calibration import CertificateMessage
from contract.certificate import LONGEST_BODY, Certificate, SignedCertificate, StepOutcome
from contract.envelope import MAX_PAYLOAD_BYTES
from contract.identifiers import new_reading_id
from contract.record import SCHEMA_VERSION
from contract.source import Device
from firmware_config.device import DeviceConfig


class AlteredError(Exception):
    """A certificate is not as it was signed, or was signed by another key; the text is one sentence."""


class TooLargeError(Exception):
    """A certificate says more than a message may hold; the text is one sentence."""


SPARE_BYTES: int = 100
"""The times of two transmissions need not be of the same length."""


@dataclass(frozen=True)
class About:
    """Whose calibration it was: the device as configured in the end, where, by whom, when."""

    device: Device
    configuration: DeviceConfig
    operator: str
    simulated: bool
    now: datetime
    previous: UUID | None = None


def calibration_sha256(device: DeviceConfig) -> str:
    """Return the hash of what calibration depends on and what its safety steps tried.

    Sensor, camera, plate; limits, pins and pump, since another limit has another ceiling, and another valve another
    release. Another one needs another calibration.
    """
    parts = {
        "pressure_sensor": device.pressure_sensor.model_dump(mode="json"),
        "camera": device.camera.model_dump(mode="json"),
        "plate_area_mm2": device.probe.plate_area_mm2,
        "press_limits": device.press_limits.model_dump(mode="json"),
        "pins": device.pins.model_dump(mode="json"),
        "pump_pwm": device.pump_pwm.model_dump(mode="json"),
        "pump_start_duty": device.probe.pump_start_duty,
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def make_certificate(steps: Sequence[StepOutcome], about: About) -> Certificate:
    """Return the certificate of a calibration; raises `pydantic.ValidationError` where it would be none."""
    configuration = about.configuration
    return Certificate(
        schema_version=SCHEMA_VERSION,
        certificate_id=new_reading_id(),
        device=about.device,
        site=configuration.site,
        study=configuration.mqtt.study,
        operator=about.operator,
        simulated=about.simulated,
        made_at=about.now,
        due_at=about.now + timedelta(days=configuration.calibration.due_days),
        configuration_sha256=calibration_sha256(configuration),
        previous_certificate_id=about.previous,
        steps=tuple(steps),
    )


def signed(certificate: Certificate, key: DeviceKey) -> SignedCertificate:
    """Return a certificate as the text that the device signs; raises `TooLargeError` for one that could not be sent."""
    body = json.dumps(certificate.model_dump(mode="json"), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    if len(body) > LONGEST_BODY:
        raise TooLargeError(f"the certificate is too long: {len(body)} characters, and it may have {LONGEST_BODY}")
    content = SignedCertificate(body=body, public_key=key.public, signature=key.sign(body))
    sent = CertificateMessage(sent_at=certificate.made_at, certificate=content).model_dump_json()
    # Quotes are written with a stroke before them within the message, and letters beyond ASCII have several bytes.
    if len(sent.encode()) > MAX_PAYLOAD_BYTES - SPARE_BYTES:
        raise TooLargeError(f"the certificate is too long to be sent: {len(sent.encode())} bytes")
    return content


def opened(content: SignedCertificate, public_key: str | None = None) -> Certificate:
    """Return the certificate in a signed text; with `public_key`, one signed by that key only. Raises `AlteredError`.

    Without a key it is only shown that the text is as somebody signed it, not who.
    """
    if public_key is not None and content.public_key != public_key:
        raise AlteredError("the certificate was signed by another key than this device's")
    if not fits(content.public_key, content.signature, content.body):
        raise AlteredError("the certificate was altered after it was signed")
    try:
        return Certificate.model_validate_json(content.body)
    except ValidationError as error:
        raise AlteredError("the certificate is of no version that is known here") from error
