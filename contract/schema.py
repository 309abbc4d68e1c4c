"""JSON Schema of the wire and its AsyncAPI document, generated from the models.

`python -m contract.schema` writes `contract/schema/*.json`.
"""

import json
import sys
from pathlib import Path

from pydantic import BaseModel

from contract import asyncapi
from contract.amendment import Amendment
from contract.calibration import CertificateMessage, CertificateReceipt
from contract.certificate import Certificate
from contract.envelope import Envelope
from contract.mottling import MottlingReading
from contract.reading import Reading, Receipt
from contract.status import DeviceStatus

MODELS: dict[str, type[BaseModel]] = {
    "amendment": Amendment,
    "calibration": CertificateMessage,
    "certificate": Certificate,
    "certificate_receipt": CertificateReceipt,
    "envelope": Envelope,
    "mottling": MottlingReading,
    "reading": Reading,
    "receipt": Receipt,
    "status": DeviceStatus,
}
FOLDER: Path = Path(__file__).with_name("schema")


def schema_text(model: type[BaseModel]) -> str:
    """Return the JSON Schema (draft 2020-12) of a model as it is kept in the repository."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **model.model_json_schema()}
    return json.dumps(schema, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def files() -> dict[str, str]:
    """Return every generated file: name and text."""
    schemas = {f"{name}.schema.json": schema_text(model) for name, model in MODELS.items()}
    return {**schemas, asyncapi.FILE: asyncapi.document_text()}


def write() -> list[Path]:
    """Write every file; returns their paths."""
    FOLDER.mkdir(exist_ok=True)
    paths = []
    for name, text in files().items():
        path = FOLDER / name
        path.write_text(text, encoding="utf-8")
        paths.append(path)
    return paths


if __name__ == "__main__":
    sys.stdout.write("".join(f"wrote {path.name}\n" for path in write()))
