"""The bytes that are hashed, the chain, and what the envelope refuses."""

import json
from datetime import UTC, datetime

import pytest
from contract_bench import reading
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.envelope import (
    MAX_PAYLOAD_BYTES,
    Envelope,
    EnvelopeError,
    _is_canonical,
    canonical_json,
    chain_sha256,
    open_envelope,
)
from contract.identifiers import GENESIS_SHA256
from contract.reading import Reading

BODY = (
    '{"body_site":"finger","calibration_id":null,"crt_spread":null,"device":{"algorithm_version":"1","build":null,'
    '"configuration_sha256":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb","name":"bedside-1",'
    '"software_version":"0.1.0"},"device_seq":1,"event":null,"kind":"refill","measured":'
    '{"at":"2026-11-23T13:00:00.250000+01:00","boot_id":"00000000-0000-4000-8000-000000000001","boottime_ns":1,'
    '"clock_synchronised":true},"norepinephrine_onset_at":null,"operator":null,"presses":[],"protocol":{"name":"demo","sha256":'
    '"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","version":"1"},'
    '"reading_id":"019ab0c4-9000-7000-8000-000000000001","result":{"crt_100_10_s":null,"crt_90_10_s":null,'
    '"crt_ci95_s":[1.9,2.3],"crt_exceeds_s":null,"crt_s":2.1,"delay_s":null,"overshoot":null,"reason":null,'
    '"status":"measured","t50_s":null,"tau_s":null},"schema_version":"1.4","side":null,"simulated":true,'
    '"study":"demo","subject":{"inclusion":"7","site":"00"}}'
)


def sealed(body: str = BODY, previous: str = GENESIS_SHA256) -> bytes:
    envelope = Envelope(
        sent_at=datetime(2026, 11, 23, tzinfo=UTC),
        previous_sha256=previous,
        sha256=chain_sha256(previous, body),
        body=body,
    )
    return envelope.model_dump_json().encode()


def test_a_reading_has_one_text_and_it_never_changes() -> None:
    assert canonical_json(reading()) == BODY
    assert canonical_json(Reading.model_validate_json(BODY)) == BODY


def test_a_record_of_version_1_0_is_still_taken_as_it_was_hashed() -> None:
    old = BODY.replace('"norepinephrine_onset_at":null,', "").replace('"1.4"', '"1.0"').replace('"build":null,', "")
    envelope, record = open_envelope(sealed(old))
    assert envelope.body == old
    assert record == reading().model_copy(update={"schema_version": "1.0"})


def test_the_hash_of_a_record_is_that_of_the_previous_hash_a_line_feed_and_the_body() -> None:
    assert chain_sha256(GENESIS_SHA256, "{}") == "5649d09ed68c17156095d175eef152856c5b1a81c117c409c1e00f096aa6838e"


def test_what_is_sealed_opens_as_it_was() -> None:
    envelope, record = open_envelope(sealed())
    assert envelope.body == BODY
    assert record == reading()


@given(st.floats(min_value=0, max_value=120), st.floats(min_value=0, max_value=1e-6))
def test_numbers_survive_the_wire_to_the_last_bit(crt_s: float, low_s: float) -> None:
    record = reading(result={"status": "measured", "crt_s": crt_s, "crt_ci95_s": [min(low_s, crt_s), 120.0]})
    body = canonical_json(record)
    assert open_envelope(sealed(body))[1] == record
    assert canonical_json(Reading.model_validate_json(body)) == body


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "message"),
        (b"\xff\xfe", "message"),
        (b"[]", "message"),
        (b"{}", "sent_at: Field required (and 3 more)"),
        (b"x" * (MAX_PAYLOAD_BYTES + 1), "over the limit"),
        (sealed("{}"), "message: Unable to extract tag using discriminator 'kind'"),
        (sealed(BODY.replace('"kind":"refill"', '"kind":"pulse"')), "message: Input tag 'pulse' found"),
        (sealed(BODY.replace('"kind":"refill"', '"kind":"mottling"')), "mottling.result.crt_100_10_s: Extra inputs"),
        (sealed(BODY.replace('"study":', '"colour":')), "study: Field required"),
        (sealed(BODY.replace('"side":null', '"side":null,"name":"x"')), "name: Extra inputs"),
        (sealed(BODY.replace("2.1", "NaN")), "result.crt_s: Input should be a finite number"),
        (sealed(BODY.replace("+01:00", "")), "measured.at"),
        (sealed(BODY.replace('"1.4"', '"2.0"')), "schema_version"),
        (sealed().replace(b'\\"device_seq\\":1', b'\\"device_seq\\":2'), "sha256: does not match the body"),
        (sealed().replace(b'"previous_sha256":"0', b'"previous_sha256":"1'), "sha256: does not match the body"),
    ],
)
def test_a_bad_message_is_refused_in_one_line(content: bytes, words: str) -> None:
    with pytest.raises(EnvelopeError) as caught:
        open_envelope(content)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.slow
@settings(max_examples=400)
@given(st.integers(0, len(sealed()) - 1), st.binary(max_size=3), st.integers(0, 3))
def test_whatever_is_cut_or_changed_the_body_is_either_the_same_or_refused(at: int, put: bytes, cut: int) -> None:
    whole = sealed()
    try:
        envelope, record = open_envelope(whole[:at] + put + whole[at + cut :])
    except EnvelopeError:
        return
    assert (envelope.body, envelope.previous_sha256, record) == (BODY, GENESIS_SHA256, reading())


@given(st.binary(max_size=600))
def test_no_bytes_make_it_stumble(content: bytes) -> None:
    with pytest.raises(EnvelopeError):
        open_envelope(content)


@pytest.mark.parametrize("depth", [100, 10_000, 100_000])
def test_deep_nesting_is_refused_like_any_other_nonsense(depth: int) -> None:
    nest = "[" * depth + "]" * depth
    for content in (nest, json.dumps({"body": nest}), sealed(BODY.replace("[]", nest)).decode()):
        with pytest.raises(EnvelopeError):
            open_envelope(content.encode())


@pytest.mark.parametrize(
    "body",
    [
        BODY.replace(":", ": ", 1),
        BODY.replace('"device_seq":1', '"device_seq":1,"device_seq":1'),
        "{" + ",".join(reversed(BODY.strip("{}").split(",", 1))) + "}",
    ],
)
def test_a_body_that_says_the_same_in_other_bytes_is_refused(body: str) -> None:
    with pytest.raises(EnvelopeError):
        open_envelope(sealed(body))


TEXTS = st.text(max_size=6) | st.sampled_from(["\x7f", "\u2028", "/", '"', "\\", "\b", "\u001f", "\U0001f600"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.slow
@settings(max_examples=300)
@given(JSON, st.booleans(), st.booleans(), st.booleans())
def test_one_text_of_each_content_is_canonical_and_no_other(
    content: object, in_order: bool, spaced: bool, escaped: bool
) -> None:
    separators = (", ", ": ") if spaced else (",", ":")
    text = json.dumps(content, sort_keys=in_order, separators=separators, ensure_ascii=escaped)
    only = json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert _is_canonical(text) == (text == only)
    assert _is_canonical(only)


@pytest.mark.parametrize(
    "number", ["1e5", "1E-7", "1e-7", "0.00001", "1.50", "-0", "1e16", "10000000000000000.0", "1e+16"]
)
def test_a_number_has_one_spelling(number: str) -> None:
    assert _is_canonical(number) == (json.dumps(json.loads(number)) == number)
