"""What becomes of a message, decided without any I/O."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trial_bench import STUDY, envelope, payload, reading

from contract.envelope import MAX_PAYLOAD_BYTES
from contract.identifiers import GENESIS_SHA256
from contract.topics import Topic
from trial.judge import Accepted, AcceptedStatus, Refusal, Refused, fingerprint, judge

TOPIC = "refill/v1/demo/00/bedside-1/reading"
STATUS = {
    "session_id": "00000000-0000-4000-8000-000000000009",
    "state": "ready",
    "at": "2026-11-23T12:00:00Z",
    "software_version": "0.1.0",
    "unsent_readings": 0,
}


def refusal(topic: str, content: bytes, study=STUDY) -> Refused:
    verdict = judge(topic, content, study)
    assert isinstance(verdict, Refused)
    return verdict


def test_a_good_reading_is_accepted_with_its_body_untouched() -> None:
    record = reading()
    verdict = judge(TOPIC, payload(record), STUDY)
    assert isinstance(verdict, Accepted)
    assert verdict.reading == record
    assert verdict.envelope.body == envelope(record).body


def test_a_status_is_accepted() -> None:
    verdict = judge("refill/v1/demo/00/bedside-1/status", json.dumps(STATUS).encode(), STUDY)
    assert isinstance(verdict, AcceptedStatus)
    assert verdict.status.state == "ready"


def test_a_status_that_cannot_be_read_is_refused_without_a_receipt() -> None:
    refused = refusal("refill/v1/demo/00/bedside-1/status", b'{"state": "ready"}')
    assert (refused.reason, refused.claim) == (Refusal.UNREADABLE, None)


@pytest.mark.parametrize(
    ("topic", "reason"),
    [
        ("refill/v1/demo/00/bedside-1/readings", Refusal.TOPIC),
        ("refill/v1/demo/00/bedside-1/receipt", Refusal.TOPIC),
        ("refill/v1/demo/00/bedside-1/calibration", Refusal.TOPIC),
        ("", Refusal.TOPIC),
        ("refill/v1/other/00/bedside-1/reading", Refusal.STUDY),
        ("refill/v1/demo/77/bedside-1/reading", Refusal.SITE),
        ("refill/v1/demo/01/bedside-1/reading", Refusal.WRONG_PLACE),
        ("refill/v1/demo/00/bedside-2/reading", Refusal.WRONG_PLACE),
    ],
)
def test_a_reading_in_the_wrong_place_is_refused(topic: str, reason: Refusal) -> None:
    assert refusal(topic, payload(reading())).reason is reason


def test_a_refused_reading_is_answered_on_the_topic_it_came_from() -> None:
    record = reading()
    refused = refusal("refill/v1/demo/00/bedside-2/reading", payload(record))
    assert refused.topic == Topic("demo", "00", "bedside-2", "reading")
    assert refused.claim is not None
    assert (refused.claim.reading_id, refused.claim.device_seq) == (record.reading_id, 1)


def test_a_simulated_reading_needs_a_study_that_accepts_them() -> None:
    strict = STUDY.model_copy(update={"accept_simulated": False})
    assert refusal(TOPIC, payload(reading()), strict).reason is Refusal.SIMULATED
    assert isinstance(judge(TOPIC, payload(reading(simulated=False)), strict), Accepted)


def test_an_altered_body_is_refused_and_its_sender_told() -> None:
    altered = payload(reading()).replace(b"2.5", b"2.6")
    refused = refusal(TOPIC, altered)
    assert refused.reason is Refusal.UNREADABLE
    assert refused.detail == "sha256: does not match the body"
    assert refused.claim is not None


def test_a_message_over_the_limit_is_refused_and_its_sender_told() -> None:
    sealed = json.loads(payload(reading()))
    sealed["padding"] = "x" * MAX_PAYLOAD_BYTES
    refused = refusal(TOPIC, json.dumps(sealed).encode())
    assert refused.reason is Refusal.TOO_LARGE
    assert refused.claim is not None


@pytest.mark.parametrize(
    "changes",
    [
        {"protocol": {"name": "demo", "version": "1\0", "sha256": "a" * 64}},
        {
            "measured": {
                "at": "0001-01-01T00:00:00+14:00",
                "boot_id": "00000000-0000-4000-8000-000000000001",
                "boottime_ns": 1,
                "clock_synchronised": False,
            }
        },
    ],
)
def test_what_no_database_can_hold_is_refused_before_it_reaches_one(changes: dict) -> None:
    assert refusal(TOPIC, payload(reading(**changes))).reason is Refusal.NOT_STORABLE


def test_the_same_bad_record_sent_again_has_the_same_fingerprint() -> None:
    record = reading()
    first, again = payload(record), payload(record)
    assert fingerprint(TOPIC, first) == fingerprint(TOPIC, again)
    assert fingerprint(TOPIC, first) != fingerprint(TOPIC, payload(record, "c" * 64))
    assert fingerprint(TOPIC, b"\xff") != fingerprint(TOPIC, b"\xfe")


@given(st.text(max_size=80), st.binary(max_size=400))
def test_no_topic_and_no_bytes_make_it_stumble(topic: str, content: bytes) -> None:
    assert isinstance(judge(topic, content, STUDY), Refused)
    assert isinstance(judge(TOPIC, content, STUDY), Refused)
    fingerprint(topic, content)


NESTED = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=150)
@given(st.sampled_from(["reading_id", "device_seq", "subject", "measured", "result", "presses", "study"]), NESTED)
def test_any_value_in_any_key_is_accepted_or_refused_but_never_raised(key: str, value) -> None:
    inner = json.loads(envelope(reading()).body)
    inner[key] = value
    body = json.dumps(inner)
    outer = {"sent_at": "2026-11-23T12:00:00Z", "previous_sha256": GENESIS_SHA256, "sha256": "d" * 64, "body": body}
    verdict = judge(TOPIC, json.dumps(outer).encode(), STUDY)
    assert isinstance(verdict, Refused)


@pytest.mark.parametrize(
    "changes", [{"reading_id": "0b0d7c1e-3f0a-4c39-9d0f-2f1a9c1b7e55"}, {"device_seq": 2**53}, {"device_seq": 2**63}]
)
def test_a_refusal_never_claims_what_a_receipt_cannot_name(changes: dict) -> None:
    sealed = json.loads(payload(reading()))
    sealed["body"] = json.dumps(json.loads(sealed["body"]) | changes, sort_keys=True, separators=(",", ":"))
    refused = refusal(TOPIC, json.dumps(sealed).encode())
    assert refused.reason is Refusal.UNREADABLE
    assert refused.claim is None
