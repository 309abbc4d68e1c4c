"""The wire as one AsyncAPI 3.0 document, from the device's side: channels, messages, operations, schemas, examples.

Generated from the models with the JSON Schemas (`python -m contract.schema`), never edited by hand. Its schemas are of
JSON Schema draft 7, AsyncAPI's own; the files beside it are draft 2020-12.
"""

import json
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from contract.amendment import Amendment
from contract.asyncapi_calibration import CALIBRATED, CERTIFICATE_REFUSED, CERTIFICATE_STORED
from contract.asyncapi_examples import AMENDED, ENVELOPE, HOME, LOST, MOTTLED, READY, REFUSED, STORED
from contract.calibration import CertificateMessage, CertificateReceipt
from contract.certificate import Certificate
from contract.envelope import MAX_PAYLOAD_BYTES, Envelope
from contract.mottling import MottlingReading
from contract.reading import Reading, Receipt
from contract.record import SCHEMA_VERSION
from contract.status import DeviceStatus
from contract.topics import Kind

FILE: str = "asyncapi.json"
ASYNCAPI_VERSION: str = "3.0.0"
MQTT_BINDING: str = "0.2.0"

_Object = dict[str, Any]

PARAMETERS: dict[str, tuple[str, str]] = {
    "study": ("the study's name: lower-case letters, digits and hyphens, at most 63", HOME.study),
    "site": ("site number within the study, two to four digits", HOME.site),
    "device": ("the device's name: lower-case letters, digits and hyphens, at most 63", HOME.device),
}
"""Levels of a topic: what each is, and an example."""

CHANNELS: dict[Kind, tuple[tuple[str, ...], str]] = {
    "reading": (("envelope",), "Every record of the device's journal, each until a receipt has come for it."),
    "status": (("status",), "How the device does. Retained; the broker sends the last will where the device is lost."),
    "calibration": (("certificate",), "Every calibration certificate of the device, until a receipt has come for it."),
    "receipt": (
        ("receipt", "certificateReceipt"),
        "What became of a record or a certificate. Only `stored` ends its being sent.",
    ),
}
"""Kind of topic: its messages, and what it is for."""

OPERATIONS: dict[str, tuple[Literal["send", "receive"], Kind, bool]] = {
    "sendReading": ("send", "reading", False),
    "sendStatus": ("send", "status", True),
    "sendCertificate": ("send", "calibration", False),
    "receiveReceipt": ("receive", "receipt", False),
}
"""Operation of the device: action, kind of topic, retained or not. All are of QoS 1."""

HOW: dict[str, str] = {
    "sendReading": "In order of device_seq, at most 20 in flight; sent again, with another sent_at, until a receipt"
    " comes. The broker's acknowledgement proves nothing about storage. Any number of times is the same as once.",
    "sendStatus": "On every change and now and then. The same message with state `lost` is the last will of each"
    " connection; session_id tells a late one from the connection that followed.",
    "sendCertificate": "Alone, while no record is in flight, in the order in which the certificates were made; sent"
    " again, with another sent_at, until a receipt comes. Any number of times is the same as once.",
    "receiveReceipt": "Sent after the commit, for every time that a record or a certificate has come in, in the version"
    " that its message was written in.",
}

MESSAGES: dict[str, tuple[type[BaseModel], str, Sequence[tuple[str, BaseModel]]]] = {
    "envelope": (
        Envelope,
        f"A record as the bytes that the journal hashed. At most {MAX_PAYLOAD_BYTES} bytes in all.",
        [("a reading of one press", ENVELOPE), ("a mottling reading", MOTTLED), ("a confirmation of it", AMENDED)],
    ),
    "status": (DeviceStatus, "The device's state and the health of its parts.", [("ready", READY), ("lost", LOST)]),
    "receipt": (
        Receipt,
        "The trial database's word on one record.",
        [("stored", STORED), ("refused", REFUSED)],
    ),
    "certificate": (
        CertificateMessage,
        f"A certificate as the text that the device signed. At most {MAX_PAYLOAD_BYTES} bytes in all.",
        [("one step, passed", CALIBRATED)],
    ),
    "certificateReceipt": (
        CertificateReceipt,
        "The trial database's word on one certificate.",
        [("stored", CERTIFICATE_STORED), ("refused", CERTIFICATE_REFUSED)],
    ),
}
"""Message: its model, what it is, and examples."""

RECORDS: tuple[type[BaseModel], ...] = (Reading, MottlingReading, Amendment)
"""What may stand in an envelope, told apart by `kind`."""

HASHED: tuple[str, ...] = ("envelope", "receipt")
"""Messages that belong together by the record's hash."""
SIGNED: tuple[type[BaseModel], ...] = (Certificate,)
"""What stands in a certificate's body."""


def document() -> _Object:
    """Return the whole document."""
    return {
        "asyncapi": ASYNCAPI_VERSION,
        "info": {
            "title": "Refill: from the bedside device to the trial database",
            "version": SCHEMA_VERSION,
            "description": "Records, certificates, status and receipts over MQTT 3.1.1 or later, seen from the device."
            " docs/wire.md says what a version is and what becomes of messages that are older or newer.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": _servers(),
        "channels": {kind: _channel(kind) for kind in CHANNELS},
        "operations": {name: _operation(name) for name in OPERATIONS},
        "components": {
            "parameters": {
                name: {"description": what, "examples": [example]} for name, (what, example) in PARAMETERS.items()
            },
            "messages": {name: _message(name) for name in MESSAGES},
            "schemas": _schemas(),
            "securitySchemes": {
                "certificate": {"type": "X509", "description": "the device's own certificate, issued by the site"}
            },
        },
    }


def document_text() -> str:
    """Return the document as it is kept in the repository."""
    return json.dumps(document(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def address(kind: Kind) -> str:
    """Return the topics of a kind, with a parameter for each level that differs."""
    levels = "/".join(f"{{{name}}}" for name in PARAMETERS)
    return f"refill/v1/{levels}/{kind}"


def _ref(*place: str) -> _Object:
    return {"$ref": "/".join(("#", *place))}


def _servers() -> _Object:
    will: _Object = {"topic": address("status"), "qos": 1, "retain": True, "message": LOST.model_dump_json()}
    bindings = {"mqtt": {"lastWill": will, "bindingVersion": MQTT_BINDING}}
    return {
        "site": {
            "host": "{host}:{port}",
            "protocol": "secure-mqtt",
            "protocolVersion": "3.1.1",
            "description": "The site's broker: TLS, and a certificate on both sides.",
            "variables": {
                "host": {"description": "the broker's name, as in its certificate", "default": "localhost"},
                "port": {"default": "8883"},
            },
            "security": [_ref("components", "securitySchemes", "certificate")],
            "bindings": bindings,
        },
        "demo": {
            "host": "127.0.0.1:1883",
            "protocol": "mqtt",
            "protocolVersion": "3.1.1",
            "description": "On this machine only, without encryption.",
            "bindings": bindings,
        },
    }


def _channel(kind: Kind) -> _Object:
    messages, what = CHANNELS[kind]
    return {
        "address": address(kind),
        "description": what,
        "parameters": {name: _ref("components", "parameters", name) for name in PARAMETERS},
        "messages": {message: _ref("components", "messages", message) for message in messages},
    }


def _operation(name: str) -> _Object:
    action, kind, retain = OPERATIONS[name]
    messages, _ = CHANNELS[kind]
    sender, receiver = ("device", "trial") if action == "send" else ("trial", "device")
    return {
        "action": action,
        "channel": _ref("channels", kind),
        "summary": f"From {sender} to {receiver}.",
        "description": HOW[name],
        "messages": [_ref("channels", kind, "messages", message) for message in messages],
        "bindings": {"mqtt": {"qos": 1, "retain": retain, "bindingVersion": MQTT_BINDING}},
        "x-sender": sender,
        "x-receiver": receiver,
    }


def _message(name: str) -> _Object:
    model, what, examples = MESSAGES[name]
    made: _Object = {
        "name": name,
        "summary": what,
        "contentType": "application/json",
        "payload": _ref("components", "schemas", model.__name__),
        "examples": [{"name": title, "payload": example.model_dump(mode="json")} for title, example in examples],
    }
    if name in HASHED:
        made["correlationId"] = {"location": "$message.payload#/sha256", "description": "the record's own hash"}
    return made


def _schemas() -> _Object:
    """Return every schema that a message needs, by name; those of records belong to the text in the envelope."""
    models: list[type[BaseModel]] = [*RECORDS, *SIGNED, *(model for model, _, _ in MESSAGES.values())]
    _, made = models_json_schema(
        [(model, "validation") for model in models], ref_template="#/components/schemas/{model}"
    )
    schemas: _Object = _as_draft_7(made["$defs"])
    schemas["Envelope"]["properties"]["body"]["contentSchema"] = {
        "oneOf": [_ref("components", "schemas", model.__name__) for model in RECORDS]
    }
    body = schemas["SignedCertificate"]["properties"]["body"]
    body["contentMediaType"] = "application/json"
    body["contentSchema"] = _ref("components", "schemas", Certificate.__name__)
    return schemas


def _as_draft_7(schema: Any) -> Any:
    """Return a schema whose pairs are written as draft 7 does; nothing else that the models make differs."""
    if isinstance(schema, dict):
        return {("items" if key == "prefixItems" else key): _as_draft_7(value) for key, value in schema.items()}
    return [_as_draft_7(value) for value in schema] if isinstance(schema, list) else schema
