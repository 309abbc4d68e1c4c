"""A certificate and its receipts as they stand on the wire, for the document: made by the models.

The signature is one in form only: an example has no key. `refill calibrate verify` would call it altered.
"""

import json
from datetime import timedelta

from contract.asyncapi_examples import AT, HOME, READING
from contract.calibration import CertificateMessage, CertificateReceipt, certificate_sha256
from contract.certificate import Certificate, SignedCertificate
from contract.record import SCHEMA_VERSION

CERTIFICATE = Certificate.model_validate(
    {
        "schema_version": SCHEMA_VERSION,
        "certificate_id": "019ab0c4-9000-7000-8000-00000000000a",
        "device": READING.device,
        "site": HOME.site,
        "study": HOME.study,
        "operator": "eng-1",
        "simulated": True,
        "made_at": AT,
        "due_at": AT + timedelta(days=365),
        "configuration_sha256": "e" * 64,
        "steps": [
            {
                "step": "pressure_zero",
                "at": AT,
                "figures": [{"name": "zero", "value": 0.01, "unit": "kPa", "uncertainty": 0.02, "at_most": 0.1}],
                "curves": [
                    {
                        "name": "zero",
                        "x_label": "time, s",
                        "y_label": "pressure, kPa",
                        "x": [0.0, 1.0],
                        "y": [0.01, 0.01],
                    }
                ],
                "corrections": {"pressure_sensor.zero_kpa": 0.01},
            }
        ],
    }
)
_SIGNED = SignedCertificate(
    body=json.dumps(CERTIFICATE.model_dump(mode="json"), sort_keys=True, separators=(",", ":"), ensure_ascii=False),
    public_key="A" * 43 + "=",
    signature="A" * 86 + "==",
)
CALIBRATED = CertificateMessage(sent_at=AT, certificate=_SIGNED)


def _receipt(**outcome: str) -> CertificateReceipt:
    whose = {"certificate_id": CERTIFICATE.certificate_id, "sha256": certificate_sha256(_SIGNED)}
    return CertificateReceipt.model_validate({**whose, **outcome, "received_at": AT})


CERTIFICATE_STORED = _receipt(outcome="stored")
CERTIFICATE_REFUSED = _receipt(outcome="refused", reason="the certificate was altered after it was signed")
