"""Which certificates a trial has: its receipts, one file for each study and certificate, in `receipts/`.

Beside the certificates' folder, since what looks at that must not take a receipt for a certificate.
"""

from pathlib import Path
from uuid import UUID

from pydantic import ValidationError

from calibration.whole_file import write_whole
from contract.calibration import CertificateReceipt

FOLDER: str = "receipts"


class Receipts:
    """Of the calibration's folder `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / FOLDER

    def of(self, study: str, certificate_id: UUID) -> CertificateReceipt | None:
        """Return the receipt of a study's trial for a certificate, None where there is none that can be read.

        None is the safe answer: the certificate is sent once more, and answered once more.
        """
        try:
            return CertificateReceipt.model_validate_json(self._file(study, certificate_id).read_bytes())
        except (OSError, ValidationError):
            return None

    def keep(self, study: str, receipt: CertificateReceipt) -> None:
        """Keep a receipt, on the disk on return; raises `OSError`."""
        path = self._file(study, receipt.certificate_id)
        path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        write_whole(path, receipt.model_dump_json() + "\n")

    def _file(self, study: str, certificate_id: UUID) -> Path:
        return self._folder / study / f"{certificate_id}.json"
