"""Certificates made, signed and opened again."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from pydantic import ValidationError

from calibration.certificate.keys import DeviceKey, fits
from contract.certificate import Certificate, SignedCertificate, StepOutcome
from contract.identifiers import new_reading_id
from contract.source import Device
from firmware_config.device import DeviceConfig


class AlteredError(Exception):
    """A certificate is not as it was signed, or was signed by another key; the text is one sentence."""


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
    """Return the hash of what calibration depends on: sensor, camera, plate. Another one needs another calibration."""
    parts = {
        "pressure_sensor": device.pressure_sensor.model_dump(mode="json"),
        "camera": device.camera.model_dump(mode="json"),
        "plate_area_mm2": device.probe.plate_area_mm2,
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def make_certificate(steps: Sequence[StepOutcome], about: About) -> Certificate:
    """Return the certificate of a calibration; raises `pydantic.ValidationError` where it would be none."""
    configuration = about.configuration
    return Certificate(
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
    """Return a certificate as the text that the device signs."""
    body = json.dumps(certificate.model_dump(mode="json"), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return SignedCertificate(body=body, public_key=key.public, signature=key.sign(body))


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
