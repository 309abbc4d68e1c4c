"""Versions of the wire: old messages are read for ever, new ones told from rubbish, and answers understood."""

import hashlib
import json
from pathlib import Path
from typing import Any, get_args

import pytest
from contract_bench import reading
from hypothesis import given
from hypothesis import strategies as st

from calibration.certificate.make import opened
from contract.calibration import ANY_RECEIPT, CertificateReceipt, certificate_sha256
from contract.envelope import (
    MAX_PAYLOAD_BYTES,
    EnvelopeError,
    canonical_json,
    chain_sha256,
    open_certificate,
    open_envelope,
    open_status,
)
from contract.identifiers import GENESIS_SHA256
from contract.reading import Reading, Receipt
from contract.record import SCHEMA_VERSION, SchemaVersion, answer_version, newer_version
from contract.schema import MODELS

GOLDEN = Path(__file__).with_name("golden")
VERSIONS: tuple[str, ...] = get_args(SchemaVersion)
SEALS: dict[str, str] = {
    "1.0": "3cef3060916bd66e4bf8ef8bf7001c449eb651eb201f7aa69729fd0fc2dd7df4",
    "1.1": "65f4d87b62552dbc5ee67e755ffdbe7380f00d84b8f2d3476767507f58499e2f",
    "1.2": "f570331f9cd777627c388336077b3994e8c08e333f38134c2b10bdc6341c370b",
    "1.3": "8689943b5a3663aa4b80f9f60288fabb557ec8078b8078761e72bd4b441a47b8",
    "1.4": "ea4d903fbe09e225a5dd967467999075f7825e3ad571d8f420ef6411c5e49952",
}
"""SHA-256 over a version's golden files in order of their names: written by that version's code, never changed."""
SHAPES: dict[str, str] = {
    "1.4": "d092798d66bfee95c6ddb23f6e6ce04e96ee61823373a9ca061c73a65bb8e7f3",
}
"""SHA-256 over what a version's models take, words aside. Another shape is another version: docs/wire.md."""


def golden(kind: str, version: str = "*") -> list[Path]:
    return sorted(GOLDEN.glob(f"{kind}-{version}-*.json"))


def version_of(path: Path) -> str:
    return path.name.split("-")[1]


def without_words(schema: Any) -> Any:
    if isinstance(schema, dict):
        words = ("description", "title", "contentMediaType")
        return {k: without_words(v) for k, v in schema.items() if k not in words or not isinstance(v, str)}
    return [without_words(value) for value in schema] if isinstance(schema, list) else schema


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def raised(payload: bytes, opened: Any = open_envelope) -> EnvelopeError:
    with pytest.raises(EnvelopeError) as caught:
        opened(payload)
    assert "\n" not in str(caught.value)
    return caught.value


def enveloped(body: str, **changes: Any) -> bytes:
    outer = {
        "schema_version": SCHEMA_VERSION,
        "sent_at": "2026-11-23T12:00:00Z",
        "previous_sha256": GENESIS_SHA256,
        "sha256": chain_sha256(GENESIS_SHA256, body),
        "body": body,
    }
    return json.dumps(outer | changes).encode()


BODY = canonical_json(reading())


@pytest.mark.parametrize("path", golden("reading"), ids=lambda path: path.stem)
def test_a_record_of_every_version_opens(path: Path) -> None:
    envelope, record = open_envelope(path.read_bytes())
    assert envelope.schema_version == record.schema_version == version_of(path)
    assert record.norepinephrine_onset_at is None or version_of(path) != "1.0"
    said = json.loads(envelope.body)
    read = record.model_dump(mode="json")
    if version_of(path) in ("1.0", "1.1", "1.2"):
        assert read["device"].pop("build") is None
    assert {name: read[name] for name in said if name != "presses"} == {n: v for n, v in said.items() if n != "presses"}
    if isinstance(record, Reading):
        assert [press.set_number for press in record.presses] in ([1], [1, 1], [1, 2])
    else:
        assert version_of(path) not in ("1.0", "1.1")
        assert path.stem.split("-")[2] == said["kind"]


@pytest.mark.parametrize("path", golden("status"), ids=lambda path: path.stem)
def test_a_status_of_every_version_opens(path: Path) -> None:
    status = open_status(path.read_bytes())
    assert status.schema_version == version_of(path)
    assert status.state in path.stem


@pytest.mark.parametrize("path", golden("receipt"), ids=lambda path: path.stem)
def test_a_receipt_of_every_version_is_read(path: Path) -> None:
    receipt = Receipt.model_validate_json(path.read_bytes())
    assert receipt.schema_version == version_of(path)
    assert receipt.outcome in path.stem


@pytest.mark.parametrize("path", golden("calibration"), ids=lambda path: path.stem)
def test_a_certificate_of_every_version_opens_and_is_as_it_was_signed(path: Path) -> None:
    message, certificate = open_certificate(path.read_bytes())
    assert message.schema_version == certificate.schema_version == version_of(path)
    assert opened(message.certificate) == certificate
    assert certificate.passed == ("passed" in path.stem)


@pytest.mark.parametrize("path", golden("certificate_receipt"), ids=lambda path: path.stem)
def test_a_certificates_receipt_of_every_version_is_read_and_told_from_a_records(path: Path) -> None:
    receipt = ANY_RECEIPT.validate_json(path.read_bytes())
    assert isinstance(receipt, CertificateReceipt)
    assert receipt.outcome in path.stem
    sent = [open_certificate(each.read_bytes())[0].certificate for each in golden("calibration", version_of(path))]
    assert receipt.sha256 in [certificate_sha256(each) for each in sent]


def test_a_certificate_of_a_newer_version_is_not_called_rubbish() -> None:
    message = json.loads(golden("calibration", "1.4")[0].read_text(encoding="utf-8"))
    newer = message["certificate"] | {"body": message["certificate"]["body"].replace('"1.4"', '"1.5"')}
    for content in (message | {"schema_version": "1.5"}, message | {"certificate": newer}):
        assert raised(json.dumps(content).encode(), open_certificate).kind == "newer_schema"
    for content in (message | {"certificate": {}}, message | {"colour": "red"}):
        assert raised(json.dumps(content).encode(), open_certificate).kind == "unreadable"
    assert raised(b" " * (MAX_PAYLOAD_BYTES + 1), open_certificate).kind == "too_large"


@pytest.mark.parametrize("version", VERSIONS)
def test_the_golden_files_of_a_version_are_all_there_and_never_change(version: str) -> None:
    kinds = ("reading", "receipt", "status", "calibration", "certificate_receipt")
    files = [path for kind in kinds for path in golden(kind, version)]
    assert len(files) == {"1.0": 7, "1.1": 7, "1.2": 12, "1.3": 12}.get(version, 17)
    assert sha256("".join(path.read_text(encoding="utf-8") for path in files)) == SEALS[version]


def test_every_golden_file_is_of_a_version_that_is_known() -> None:
    assert {version_of(path) for path in GOLDEN.iterdir()} == set(VERSIONS) == set(SEALS)


def test_the_wire_does_not_change_under_the_same_version() -> None:
    shape = json.dumps({name: without_words(m.model_json_schema()) for name, m in MODELS.items()}, sort_keys=True)
    assert sha256(shape) == SHAPES[SCHEMA_VERSION], "another wire: give it a version, and golden files (docs/wire.md)"


@pytest.mark.parametrize("version", ["1.5", "1.10", "2.0", "9999.0"])
def test_what_is_newer_is_not_called_rubbish(version: str) -> None:
    newer_body = BODY.replace(f'"{SCHEMA_VERSION}"', f'"{version}"').replace('"kind"', '"new_field":{"a":1},"kind"')
    for payload in (
        enveloped(newer_body),
        enveloped(newer_body, schema_version=version),
        enveloped(BODY, schema_version=version),
        enveloped("{}", schema_version=version, colour="red"),
        json.dumps({"schema_version": version}).encode(),
    ):
        error = raised(payload)
        assert error.kind == "newer_schema"
        assert str(error) == f"schema_version: {version} is newer than {SCHEMA_VERSION}"
    status = json.dumps({"schema_version": version, "state": "ready"}).encode()
    assert raised(status, open_status).kind == "newer_schema"


@pytest.mark.parametrize(
    "version",
    ["", "1", "1.1.1", "1.4 ", "v1.4", "01.4", "1.04", "-1.4", "1.4\n", "٢.٠", "99999.0", "0.9", 1.4, 2, None, [], {}],
)
def test_what_names_no_newer_version_is_rubbish(version: Any) -> None:
    assert newer_version(json.dumps({"schema_version": version})) is None
    assert raised(enveloped(BODY, schema_version=version)).kind == "unreadable"
    assert raised(json.dumps({"schema_version": version}).encode(), open_status).kind == "unreadable"


def test_a_version_that_stands_elsewhere_in_a_message_says_nothing() -> None:
    assert newer_version('{"a":{"schema_version":"2.0"}}') is None
    assert newer_version('["schema_version","2.0"]') is None
    assert newer_version('{"schema_version":"2.0"') is None


@pytest.mark.parametrize(
    ("payload", "kind"),
    [
        (b"x" * (MAX_PAYLOAD_BYTES + 1), "too_large"),
        (b"{", "unreadable"),
        (enveloped("{}"), "unreadable"),
        (enveloped(BODY, sha256="0" * 64), "hash"),
        (enveloped(BODY.replace(":", ": ", 1)), "not_canonical"),
        (enveloped(BODY, sent_at=1_790_000_000), "unreadable"),
    ],
)
def test_every_refusal_says_of_which_kind_it_is(payload: bytes, kind: str) -> None:
    assert raised(payload).kind == kind


def test_a_status_is_read_as_strictly_as_a_reading() -> None:
    good = json.loads(golden("status", SCHEMA_VERSION)[0].read_text(encoding="utf-8"))
    for changes in ({"unsent_readings": "3"}, {"unsent_readings": 3.0}, {"at": 1_790_000_000}, {"colour": "red"}):
        assert raised(json.dumps(good | changes).encode(), open_status).kind == "unreadable"
    assert raised(b" " * (MAX_PAYLOAD_BYTES + 1), open_status).kind == "too_large"


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        ("1.0", "1.0"),
        ("1.1", "1.1"),
        ("1.2", "1.2"),
        ("1.3", "1.3"),
        ("1.4", "1.4"),
        ("1.5", "1.4"),
        ("2.0", "1.4"),
        (None, "1.0"),
        ("0.9", "1.0"),
        (1.2, "1.0"),
        ([], "1.0"),
    ],
)
def test_an_answer_is_in_a_version_that_its_reader_knows(asked: object, answered: str) -> None:
    assert answer_version(asked) == answered


@pytest.mark.parametrize("version", VERSIONS)
def test_an_answer_in_an_older_version_is_what_that_version_wrote(version: SchemaVersion) -> None:
    """Its reader refuses unknown keys and other values: the code of 1.0 ignored every receipt that says 1.1."""
    for path in golden("receipt", version):
        kept = json.loads(path.read_text(encoding="utf-8"))
        ours = Receipt.model_validate({**kept, "schema_version": answer_version(version)})
        assert json.loads(ours.model_dump_json()) == kept


@pytest.mark.slow
@given(st.binary(max_size=200) | st.text(max_size=200))
def test_no_content_makes_the_look_for_a_version_stumble(content: bytes | str) -> None:
    assert newer_version(content) is None
    assert answer_version(content) in VERSIONS
