"""The AsyncAPI document: whole in itself, and of the same mind as topics and models."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from contract.asyncapi import CHANNELS, FILE, MESSAGES, OPERATIONS, PARAMETERS, RECORDS, SIGNED, document
from contract.asyncapi_examples import HOME
from contract.calibration import CertificateMessage, CertificateReceipt
from contract.envelope import Envelope, open_certificate, open_envelope, open_status
from contract.reading import Receipt
from contract.record import SCHEMA_VERSION
from contract.schema import FOLDER, MODELS
from contract.status import DeviceStatus
from contract.topics import parse, subscription

DOCUMENT = json.loads((FOLDER / FILE).read_text(encoding="utf-8"))
OPENED = {
    "envelope": lambda text: open_envelope(text)[0],
    "status": open_status,
    "receipt": lambda text: Receipt.model_validate_json(text, strict=True),
    "certificate": lambda text: open_certificate(text)[0],
    "certificateReceipt": lambda text: CertificateReceipt.model_validate_json(text, strict=True),
}
EXAMPLES = [
    (name, example["payload"]) for name, m in DOCUMENT["components"]["messages"].items() for example in m["examples"]
]


def refs(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        for value in part.values():
            yield from refs(value)
    elif isinstance(part, list):
        for value in part:
            yield from refs(value)


def resolved(ref: str) -> Any:
    part = DOCUMENT
    assert ref.startswith("#/")
    for step in ref[2:].split("/"):
        part = part[step]
    return part


def filled(address: str) -> str:
    for name, parameter in DOCUMENT["components"]["parameters"].items():
        address = address.replace(f"{{{name}}}", parameter["examples"][0])
    return address


def test_every_reference_leads_somewhere() -> None:
    found = set(refs(DOCUMENT))
    assert len(found) > 20
    assert all(isinstance(resolved(ref), dict) for ref in found)


def test_every_schema_and_message_is_needed() -> None:
    parts = DOCUMENT["components"]
    kept = {f"#/components/{kind}/{name}" for kind in ("schemas", "messages", "parameters") for name in parts[kind]}
    assert kept <= set(refs(DOCUMENT))


@pytest.mark.parametrize("kind", CHANNELS)
def test_the_address_of_a_channel_is_a_topic_of_its_kind(kind: str) -> None:
    channel = DOCUMENT["channels"][kind]
    assert parse(filled(channel["address"])) == HOME.sibling(kind)
    assert set(channel["parameters"]) == set(PARAMETERS)


def test_what_the_device_sends_is_what_the_trial_side_subscribes_to() -> None:
    for operation in DOCUMENT["operations"].values():
        kind = operation["channel"]["$ref"].rsplit("/", 1)[1]
        levels = resolved(operation["channel"]["$ref"])["address"].replace("{study}", HOME.study).split("/")
        wanted = "/".join("+" if level.startswith("{") else level for level in levels)
        assert wanted == subscription(HOME.study, kind)
        assert operation["x-sender"] == ("device" if operation["action"] == "send" else "trial")


def test_only_a_status_is_retained_and_everything_is_sent_at_least_once() -> None:
    bindings = {name: operation["bindings"]["mqtt"] for name, operation in DOCUMENT["operations"].items()}
    assert {name for name, binding in bindings.items() if binding["retain"]} == {"sendStatus"}
    assert all(binding["qos"] == 1 for binding in bindings.values())


def test_the_last_will_is_a_status_of_a_lost_device() -> None:
    for server in DOCUMENT["servers"].values():
        will = server["bindings"]["mqtt"]["lastWill"]
        assert open_status(will["message"].encode()).state == "lost"
        assert parse(filled(will["topic"])).kind == "status"
        assert (will["qos"], will["retain"]) == (1, True)


@pytest.mark.parametrize(("name", "payload"), EXAMPLES)
def test_an_example_is_a_message(name: str, payload: dict[str, Any]) -> None:
    opened = OPENED[name](json.dumps(payload).encode())
    assert isinstance(opened, MESSAGES[name][0])
    assert opened.model_dump(mode="json") == payload
    assert payload["schema_version"] == SCHEMA_VERSION


def test_every_message_has_an_example_and_every_model_its_place() -> None:
    assert {name for name, _ in EXAMPLES} == set(MESSAGES) == {one for sent, _ in CHANNELS.values() for one in sent}
    assert {kind for _, kind, _ in OPERATIONS.values()} == set(CHANNELS)
    assert set(MODELS.values()) == {*RECORDS, *SIGNED, *(model for model, _, _ in MESSAGES.values())}
    assert {Envelope, DeviceStatus, Receipt, CertificateMessage, CertificateReceipt} == {
        model for model, _, _ in MESSAGES.values()
    }


def test_every_kind_of_record_has_an_example() -> None:
    bodies = [open_envelope(json.dumps(payload).encode())[1] for name, payload in EXAMPLES if name == "envelope"]
    assert [type(body) for body in bodies] == list(RECORDS)
    assert all(body.study == HOME.study and body.device.name == HOME.device for body in bodies)


def test_no_pair_is_written_in_a_way_that_draft_7_would_overlook() -> None:
    assert "prefixItems" not in json.dumps(DOCUMENT)
    interval = DOCUMENT["components"]["schemas"]["RefillResult"]["properties"]["crt_ci95_s"]["anyOf"][0]
    assert [item["type"] for item in interval["items"]] == ["number", "number"]


def test_it_comes_out_the_same_every_time() -> None:
    assert document() == document() == DOCUMENT
