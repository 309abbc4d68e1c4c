"""What becomes of a message, decided without any I/O."""

import json
from collections.abc import Iterator
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trial_bench import STUDY, envelope, payload, reading

from contract.envelope import MAX_PAYLOAD_BYTES, Fault, chain_sha256
from contract.identifiers import GENESIS_SHA256
from contract.reading import Reading
from contract.record import SCHEMA_VERSION
from contract.status import DeviceStatus
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
    assert verdict.record == record
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
        ("refill/v1/demo/00/bedside-1/calibration", Refusal.UNREADABLE),
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
    assert refused.reason is Refusal.HASH
    assert refused.detail == "sha256: does not match the body"
    assert refused.claim is not None


def resealed(body: str, **outer: Any) -> bytes:
    """An envelope around any text, with the hash that it would have."""
    sealed = {"sent_at": "2026-11-23T12:00:00Z", "previous_sha256": GENESIS_SHA256, "body": body}
    return json.dumps({**sealed, "sha256": chain_sha256(GENESIS_SHA256, body), **outer}).encode()


def newer(sent_at: str = "2026-11-23T12:00:00Z") -> bytes:
    """A reading from a device that is a version ahead: it has a field that nobody here knows."""
    body = json.loads(envelope(reading()).body) | {"schema_version": "1.9", "lactate_mmol_l": 2.1}
    return resealed(json.dumps(body, sort_keys=True, separators=(",", ":")), sent_at=sent_at)


def test_a_reading_that_is_newer_than_this_program_is_kept_for_after_an_upgrade() -> None:
    refused = refusal(TOPIC, newer())
    assert refused.reason is Refusal.NEWER_SCHEMA
    assert "1.9" in refused.detail
    assert refused.claim is not None


def test_a_status_that_is_newer_than_this_program_is_told_from_nonsense() -> None:
    topic = "refill/v1/demo/00/bedside-1/status"
    newer_status = STATUS | {"schema_version": "2.0", "mood": "good"}
    assert refusal(topic, json.dumps(newer_status).encode()).reason is Refusal.NEWER_SCHEMA
    assert refusal(topic, json.dumps(STATUS | {"mood": "good"}).encode()).reason is Refusal.UNREADABLE
    assert refusal(topic, b"x" * (MAX_PAYLOAD_BYTES + 1)).reason is Refusal.TOO_LARGE


def test_the_same_content_in_other_words_is_not_what_was_sealed() -> None:
    body = envelope(reading()).body
    spaced = json.dumps(json.loads(body), sort_keys=True)
    assert refusal(TOPIC, resealed(spaced)).reason is Refusal.NOT_CANONICAL
    assert isinstance(judge(TOPIC, resealed(body), STUDY), Accepted)


def test_every_fault_of_the_contract_is_a_refusal_by_the_same_name() -> None:
    assert set(get_args(Fault)) <= set(Refusal)


@pytest.mark.parametrize("kind", ["reading", "status"])
def test_a_device_that_is_not_admitted_is_refused_and_its_sender_told(kind: str) -> None:
    asked: list[Topic] = []

    def nobody(topic: Topic) -> bool:
        asked.append(topic)
        return False

    topic = Topic("demo", "00", "bedside-1", "reading" if kind == "reading" else "status")
    content = payload(reading()) if kind == "reading" else json.dumps(STATUS).encode()
    verdict = judge(str(topic), content, STUDY, nobody)
    assert isinstance(verdict, Refused)
    assert (verdict.reason, verdict.detail) == (Refusal.DEVICE, "device bedside-1 is not enrolled at site 00")
    assert (verdict.topic, verdict.claim is not None) == (topic, kind == "reading")
    assert asked == [topic]


def test_nobody_is_looked_up_for_a_study_or_a_site_that_is_not_of_this_feed() -> None:
    def never(topic: Topic) -> bool:
        raise AssertionError(topic)

    for topic in ("refill/v1/other/00/bedside-1/reading", "refill/v1/demo/77/bedside-1/reading", "nonsense"):
        assert isinstance(judge(topic, payload(reading()), STUDY, never), Refused)


@pytest.mark.parametrize(("version", "answered"), [("1.0", "1.0"), (SCHEMA_VERSION, SCHEMA_VERSION)])
def test_a_sender_is_answered_in_its_own_version(version: str, answered: str) -> None:
    body = envelope(reading()).body
    accepted = judge(TOPIC, resealed(body, schema_version=version), STUDY)
    assert isinstance(accepted, Accepted)
    assert accepted.claim.answer_in == answered
    refused = refusal("refill/v1/demo/00/bedside-2/reading", resealed(body, schema_version=version))
    assert refused.claim is not None
    assert refused.claim.answer_in == answered


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


def leaves(schema: dict[str, Any], model: dict[str, Any], way: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every field of a model's JSON Schema that holds a value, with its way."""
    if "$ref" in model:
        model = schema["$defs"][model["$ref"].rsplit("/", 1)[1]]
    for choice in model.get("anyOf", []):
        yield from leaves(schema, choice, way)
    for name, part in model.get("properties", {}).items():
        yield from leaves(schema, part, f"{way}.{name}" if way else name)
    for part in ([model["items"]] if "items" in model else []) + model.get("prefixItems", []):
        yield from leaves(schema, part, way)
    if model.get("type") in ("string", "integer", "number"):
        yield way, model


@pytest.mark.parametrize("model", [Reading, DeviceStatus])
def test_only_what_is_looked_at_could_be_too_much_for_a_database(model: Any) -> None:
    schema = model.model_json_schema()
    free, unbounded = set(), set()
    for way, leaf in leaves(schema, schema):
        closed = {"pattern", "enum", "const"} & set(leaf) or leaf.get("format") == "uuid"
        if leaf["type"] == "string" and not closed:
            free.add(way)
        if leaf["type"] == "integer" and not 0 <= leaf.get("minimum", -1) <= leaf.get("maximum", 2**64) < 2**63:
            unbounded.add(way)
    assert unbounded == set()
    assert (
        free
        == {
            Reading: {
                "protocol.version",
                "device.software_version",
                "device.algorithm_version",
                "device.build",
                "measured.at",
                "norepinephrine_onset_at",
            },
            DeviceStatus: {"software_version", "problem", "health.sentence", "at"},
        }[model]
    ), "a new free text or time: look at it in trial.judge"


NUL = "1\0"
NEVER = "0001-01-01T00:00:00+14:00"


@pytest.mark.parametrize(
    "changes",
    [
        {"device": {"software_version": NUL}},
        {"device": {"algorithm_version": NUL}},
        {"device": {"build": NUL}},
        {"protocol": {"version": NUL}},
        {"measured": {"at": NEVER}},
        {"norepinephrine_onset_at": NEVER},
        {"norepinephrine_onset_at": "9999-12-31T23:59:59-14:00"},
    ],
)
def test_each_of_them_is_looked_at(changes: dict[str, Any]) -> None:
    content = reading().model_dump(mode="json")
    for name, value in changes.items():
        content[name] = content[name] | value if isinstance(value, dict) else value
    assert refusal(TOPIC, payload(Reading.model_validate(content))).reason is Refusal.NOT_STORABLE


@pytest.mark.parametrize("change", [{"software_version": NUL}, {"problem": NUL}, {"at": NEVER}])
def test_each_of_a_status_too(change: dict[str, Any]) -> None:
    topic = "refill/v1/demo/00/bedside-1/status"
    assert refusal(topic, json.dumps(STATUS | change).encode()).reason is Refusal.NOT_STORABLE


def test_a_time_of_sending_that_no_database_holds_is_refused() -> None:
    assert refusal(TOPIC, resealed(envelope(reading()).body, sent_at=NEVER)).reason is Refusal.NOT_STORABLE


def test_a_newer_or_too_large_record_sent_again_has_the_same_fingerprint_and_another_has_not() -> None:
    first = newer()
    again = first.replace(b"12:00:00", b"12:05:00")
    assert first != again
    assert fingerprint(TOPIC, first) == fingerprint(TOPIC, again)
    assert fingerprint(TOPIC, first) != fingerprint(TOPIC, first.replace(b"2.1", b"2.2"))
    large = first.replace(b"2.1", b"2.1" + b" " * MAX_PAYLOAD_BYTES)
    assert fingerprint(TOPIC, large) == fingerprint(TOPIC, large.replace(b"12:00:00", b"12:05:00"))


def test_the_statuses_of_a_device_that_is_not_taken_do_not_fill_the_dead_letters() -> None:
    topic = "refill/v1/demo/77/bedside-1/status"

    def mark(**change: Any) -> str:
        return fingerprint(topic, json.dumps(STATUS | change).encode())

    assert mark() == mark(at="2026-11-23T13:00:00Z", unsent_readings=3)
    assert len({mark(), mark(state="lost"), mark(software_version="0.2"), mark(mood="good"), mark(mood="bad")}) == 5
    newer = {mark(schema_version="2.0", mood="good"), mark(schema_version="2.0", mood="bad", unsent_readings=4)}
    assert len(newer) == 1, "a newer device says something new every minute"
    assert len(newer | {mark(schema_version="2.1", mood="good")}) == 2


def test_the_same_bad_record_sent_again_has_the_same_fingerprint() -> None:
    record = reading()
    first, again = payload(record), payload(record)
    assert fingerprint(TOPIC, first) == fingerprint(TOPIC, again)
    assert fingerprint(TOPIC, first) != fingerprint(TOPIC, payload(record, "c" * 64))
    assert fingerprint(TOPIC, b"\xff") != fingerprint(TOPIC, b"\xfe")


@pytest.mark.parametrize(
    "topic", ["\ud800", "refill/v1/demo/00/\udcff/reading", "\0", "refill/v1/demo/00/bedside-1/reading\n"]
)
def test_no_text_is_too_odd_for_a_topic(topic: str) -> None:
    assert refusal(topic, b"").reason is Refusal.TOPIC
    assert fingerprint(topic, b"") != fingerprint(topic + "x", b"")


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


@pytest.mark.slow
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
