"""The certificates as PDF, from the device's own store: what is altered is not printed."""

import tempfile
import threading
from pathlib import Path
from uuid import UUID

from fastapi import FastAPI, Response

from calibration.certificate.keys import DeviceKey, KeyFileError
from calibration.certificate.standing import FOLDER
from calibration.certificate.store import Store, StoreError
from contract.certificate import Certificate

_drawing = threading.Lock()
"""What draws holds much memory: one at a time."""


def address_of(certificate: Certificate) -> str:
    """Return where a certificate's PDF is served."""
    return f"/certificates/{certificate.certificate_id}.pdf"


def serve_papers(app: FastAPI, folder: Path) -> None:
    """Serve each certificate of the calibration's folder; 404 where there is none that is whole."""

    @app.get("/certificates/{certificate_id}.pdf")
    def get(certificate_id: UUID) -> Response:
        try:
            kept = Store(folder / FOLDER).all(DeviceKey.read(folder).public)
        except (KeyFileError, StoreError):
            return Response(status_code=404)
        found = {each.certificate.certificate_id: each.certificate for each in kept if each.certificate is not None}
        if certificate_id not in found:
            return Response(status_code=404)
        certificate = found[certificate_id]
        before = certificate.previous_certificate_id
        try:
            content = _written(certificate, found.get(before) if before is not None else None)
        except OSError:
            return Response(status_code=507)
        name = f"certificate-{certificate.device.name}-{certificate.made_at:%Y%m%d}.pdf"
        headers = {"content-disposition": f'attachment; filename="{name}"'}
        return Response(content, media_type="application/pdf", headers=headers)


def _written(certificate: Certificate, previous: Certificate | None) -> bytes:
    from calibration.report_pdf import write_certificate

    with _drawing, tempfile.TemporaryDirectory(prefix="refill-certificate-") as folder:
        file = Path(folder) / "certificate.pdf"
        write_certificate(file, certificate, previous)
        return file.read_bytes()
