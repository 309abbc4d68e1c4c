"""Fuzzed messages: judge and oracle agree, a short round on the real feed, and a broken promise is seen."""

import json
import os
import random
import tempfile
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, insert, select

from benchmarks.feed_fuzz import play
from benchmarks.feed_fuzz_account import HELD, Ledger, problems
from benchmarks.feed_fuzz_corpus import corpus
from benchmarks.feed_fuzz_kinds import KINDS
from benchmarks.feed_fuzz_messages import HOMES, RECORDS, SITES, STUDY, Message, Sender, fresh, sealed, topic_of
from benchmarks.feed_fuzz_messages import text as as_text
from benchmarks.feed_fuzz_oracle import OURS, Oracle
from benchmarks.feed_fuzz_report import as_markdown
from benchmarks.feed_fuzz_schema import Schema, UnreadableError, loads
from benchmarks.servers import MissingError
from contract.envelope import MAX_PAYLOAD_BYTES, EnvelopeError, open_envelope
from contract.record import SCHEMA_VERSION
from contract.topics import Topic
from firmware_config.study import Study
from trial import tables
from trial.database import open_database, upgrade
from trial.judge import Accepted, Refusal, Refused, judge
from trial.store import Arrival, store

TAKES = Study(name=STUDY, title="fuzz", sites=list(SITES), devices="enrolled")
BATCH = 25
GOLDEN = sorted((Path(__file__).parents[1] / "contract" / "golden").glob("*.json"))


def admits(topic: Topic) -> bool:
    return HOMES.get(topic.device) == topic.site


def sender(number: int) -> Sender:
    return Sender(random.Random(number), corpus(60, number), KINDS)


def sent(count: int, number: int) -> list[Message]:
    draws = sender(number)
    return [draws.valid("bedside-1") if n % 20 == 0 else draws.hostile() for n in range(count)]


def stored(engine: Engine, messages: list[Message]) -> None:
    now = datetime.now(UTC)
    arrivals = [Arrival(m.topic, m.payload, now, judge(m.topic, m.payload, TAKES, admits)) for m in messages]
    for begin in range(0, len(arrivals), BATCH):
        store(engine, arrivals[begin : begin + BATCH], now)


def expected(messages: list[Message]) -> tuple[Ledger, Oracle]:
    ledger, oracle = Ledger(), Oracle(STUDY, SITES, HOMES)
    for message in messages:
        ledger.note(message, oracle.fate(message.topic, message.payload))
    return ledger, oracle


def found(engine: Engine, messages: list[Message]) -> list[str]:
    before = Counter({table.name: 0 for table in tables.metadata.sorted_tables})
    with engine.connect() as connection:
        before["audit"] = len(connection.execute(select(tables.audit)).all())
        return problems(connection, *expected(messages), before)


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    made = open_database(str(tmp_path / "trial.sqlite3"))
    upgrade(made)
    return made


@pytest.mark.slow
def test_in_one_process_every_fuzzed_message_becomes_what_the_oracle_says(engine: Engine) -> None:
    messages = sent(1000, 11)
    assert {message.kind for message in messages} > set(KINDS) - {"at or over the limit of size", "nothing at all"}
    stored(engine, messages)
    assert found(engine, messages) == []
    with engine.connect() as connection:
        kept = {t.name: len(connection.execute(select(t)).all()) for t in tables.metadata.sorted_tables}
    assert min(kept[name] for name in HELD) > 0, f"every table has had something to hold: {kept}"


@pytest.mark.slow
@pytest.mark.parametrize("version", ["1.0", "1.1", "1.2", "1.3", "1.4"])
def test_a_receipt_is_in_the_version_of_the_envelope_that_it_answers(engine: Engine, version: str) -> None:
    now, topic = datetime.now(UTC), topic_of("bedside-1")
    good = sealed(fresh("bedside-1", 1), schema_version=version)
    bad = sealed(fresh("bedside-1", 2), schema_version=version) | {"sha256": "0" * 64}
    arrivals = [
        Arrival(topic, as_text(one), now, judge(topic, as_text(one), TAKES, admits)) for one in (good, bad, good)
    ]
    outcomes = store(engine, arrivals, now)
    assert [outcome.kind for outcome in outcomes] == ["stored", "refused", "again"]
    assert [outcome.receipt.schema_version for outcome in outcomes if outcome.receipt] == [version] * 3


@pytest.mark.slow
@pytest.mark.parametrize("number", range(3))
def test_a_reading_that_was_swallowed_or_altered_or_added_is_seen(engine: Engine, number: int) -> None:
    messages = sent(80, number)
    stored(engine, messages)
    assert found(engine, messages) == []
    first = json.loads(messages[0].payload)["sha256"].encode()
    assert found(engine, [m for m in messages if first not in m.payload]) != []
    assert found(engine, [*messages, sender(99).valid("bedside-2")]) != []
    bad = next(m for m in messages if m.kind == "some JSON")
    assert found(engine, [*messages, replace(bad, payload=bad.payload + b" ")]) != []
    assert found(engine, [m for m in messages if m.payload != bad.payload]) != []


def test_a_row_where_none_belongs_is_seen(engine: Engine) -> None:
    now = datetime.now(UTC)
    other = {
        "study": STUDY,
        "site": "00",
        "device": "bedside-1",
        "action": "enrolled",
        "at": now,
        "actor": "x",
        "why": "x",
    }
    with engine.begin() as connection:
        connection.execute(insert(tables.enrolment), other)
    assert found(engine, []) == ["table: enrolment has 1 rows, and had 0"]
    assert {table.name for table in tables.metadata.sorted_tables} > set(HELD)


def test_the_oracle_and_the_contract_name_the_same_limit_and_version() -> None:
    oracle = Oracle(STUDY, SITES, HOMES)
    padding = MAX_PAYLOAD_BYTES - len(as_text(sealed(fresh("bedside-1", 1))))
    whole = as_text(sealed(fresh("bedside-1", 1)))[:-1] + b" " * padding + b"}"
    assert oracle.fate(topic_of("bedside-1"), whole).kind == "stored"
    assert oracle.fate(topic_of("bedside-1"), whole + b" ").reason == "too_large"
    assert f"{OURS[0]}.{OURS[1]}" == SCHEMA_VERSION


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_the_published_schemas_take_the_messages_of_every_version(path: Path) -> None:
    kind = path.stem.split("-")[0]
    content = loads(path.read_text(encoding="utf-8"))
    Schema("envelope" if kind == "reading" else kind).check(content)
    if kind == "reading":
        body = loads(content["body"])
        Schema({"refill": "reading"}.get(body["kind"], body["kind"])).check(body)
    with pytest.raises(UnreadableError):
        Schema("envelope" if kind == "reading" else kind).check(content | {"colour": "red"})


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
PLACES = st.sampled_from(
    [
        *("reading_id", "device_seq", "measured", "result", "presses", "subject", "protocol", "study", "kind"),
        *("landmarks", "photo_sha256", "about", "action", "comment", "changes", "mottling_score", "operator"),
    ]
)
OUTER = st.sampled_from(["schema_version", "sent_at", "previous_sha256", "sha256", "body", "extra"])


@pytest.mark.slow
@settings(max_examples=150)
@given(
    kind=st.sampled_from(RECORDS),
    place=PLACES,
    value=VALUES,
    outer=OUTER,
    outside=st.booleans(),
    cut=st.integers(0, 3),
    seq=st.integers(1, 10**9),
)
def test_judge_never_raises_and_agrees_with_the_oracle(
    kind: str, place: str, value: object, outer: str, outside: bool, cut: int, seq: int
) -> None:
    body = fresh("bedside-1", seq, kind)
    payload = as_text(sealed(body) | {outer: value} if outside else sealed(body | {place: value}))
    payload = payload[: len(payload) - cut]
    verdict = judge(topic_of("bedside-1"), payload, TAKES, admits)
    fate = Oracle(STUDY, SITES, HOMES).fate(topic_of("bedside-1"), payload)
    assert fate.kind == ("stored" if isinstance(verdict, Accepted) else "refused")
    assert fate.reason == (str(verdict.reason) if isinstance(verdict, Refused) else "")


@pytest.mark.slow
@settings(max_examples=150)
@given(
    st.binary(max_size=400) | VALUES.map(lambda value: json.dumps(value).encode()),
    st.sampled_from(["reading", "status"]),
)
def test_no_bytes_and_no_json_make_it_stumble(payload: bytes, kind: str) -> None:
    verdict = judge(topic_of("bedside-1", kind), payload, TAKES, admits)
    assert isinstance(verdict, Refused)
    assert verdict.reason in (Refusal.UNREADABLE, Refusal.NEWER_SCHEMA)
    with pytest.raises(EnvelopeError):
        open_envelope(payload)


@pytest.mark.slow
def test_a_short_round_on_the_real_feed_keeps_every_promise() -> None:
    with tempfile.TemporaryDirectory(prefix="fz-") as folder:
        url = f"sqlite:///{folder}/trial.sqlite3"
        try:
            played = play(1500, 7, Path(folder), url)
        except MissingError as missing:
            if os.environ.get("CI") == "true":
                pytest.fail(str(missing))
            pytest.skip(str(missing))
    assert played.problems == []
    assert [verdict.line for verdict in played.verdicts if not verdict.met] == []
    page = as_markdown(played, "python -m benchmarks.feed_fuzz")
    assert "| valid reading | 15 | 15 |" in page
    assert "NOT MET" not in page
    for broken in (replace(played, late=1), replace(played, traceback=True), replace(played, problems=["x"])):
        assert not broken.held
        assert "NOT MET" in as_markdown(broken, "")
