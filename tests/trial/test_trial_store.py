"""Exactly once: repeats, contradictions and bad messages in the database."""

import json
import threading
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event, func, select
from trial_bench import NOON, STUDY, chain, envelope, payload, reading

from contract.topics import Topic
from trial import queries, tables
from trial.database import writing
from trial.judge import Accepted, judge
from trial.keeping import keep
from trial.store import Arrival, Outcome, store

TOPIC = "refill/v1/demo/00/bedside-1/reading"
STATUS_TOPIC = "refill/v1/demo/00/bedside-1/status"


def arrive(content: bytes, topic: str = TOPIC, later_s: float = 0.0) -> Arrival:
    return Arrival(topic, content, NOON + timedelta(seconds=later_s), judge(topic, content, STUDY))


def count(engine: Engine, table: Any) -> int:
    with engine.connect() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def only(engine: Engine, table: Any) -> Any:
    with engine.connect() as connection:
        return connection.execute(select(table)).one()


def test_a_reading_is_stored_whole_with_its_presses_and_answered(engine: Engine) -> None:
    record = reading(event="inclusion", operator="n12")
    sealed = envelope(record)
    [outcome] = store(engine, [arrive(sealed.model_dump_json().encode())], NOON)
    row, press = only(engine, tables.reading), only(engine, tables.press)
    assert (row.body, row.sha256, row.previous_sha256) == (sealed.body, sealed.sha256, sealed.previous_sha256)
    assert (row.study, row.site, row.inclusion, row.device, row.device_seq) == ("demo", "00", "7", "bedside-1", 1)
    assert (row.crt_s, row.crt_low_s, row.crt_high_s, row.simulated) == (2.5, 2.3, 2.7, True)
    assert (row.measured_at, row.received_at, row.sent_at) == (record.measured.at, NOON, sealed.sent_at)
    assert (press.reading_id, press.position, press.crt_s, press.frames) == (str(record.reading_id), 1, 2.5, 300)
    assert outcome.device == Topic("demo", "00", "bedside-1", "reading")
    assert outcome.receipt is not None
    assert (outcome.receipt.outcome, outcome.receipt.sha256) == ("stored", sealed.sha256)


def test_the_same_reading_again_is_stored_once_and_answered_every_time_and_fills_no_table(engine: Engine) -> None:
    record = reading()
    first = store(engine, [arrive(payload(record)), arrive(payload(record))], NOON)
    later = store(engine, [arrive(payload(record), later_s=60)], NOON)
    assert [outcome.kind for outcome in first + later] == ["stored", "again", "again"]
    assert {outcome.receipt.received_at for outcome in first + later if outcome.receipt} == {NOON}
    assert (count(engine, tables.reading), count(engine, tables.press), count(engine, tables.receipt)) == (1, 1, 1)


def test_the_same_id_with_other_content_is_a_conflict(engine: Engine) -> None:
    record = reading()
    other = record.model_copy(update={"operator": "n99"})
    moved = record.model_copy(update={"device_seq": 2})
    store(engine, [arrive(payload(record))], NOON)
    outcomes = store(engine, [arrive(payload(other)), arrive(payload(moved))], NOON)
    assert [outcome.receipt.outcome for outcome in outcomes if outcome.receipt] == ["refused", "refused"]
    assert all("reading_id" in str(outcome.receipt.reason) for outcome in outcomes if outcome.receipt)
    assert (count(engine, tables.reading), count(engine, tables.dead_letter)) == (1, 2)
    assert only(engine, tables.reading).operator is None


def test_the_same_sequence_number_with_another_id_is_a_conflict(engine: Engine) -> None:
    outcomes = store(engine, [arrive(payload(reading(1))), arrive(payload(reading(1)))], NOON)
    assert [outcome.kind for outcome in outcomes] == ["stored", "refused"]
    letter = only(engine, tables.dead_letter)
    assert (letter.reason, letter.device_seq) == ("conflict", 1)
    assert "device_seq" in letter.detail


def test_the_same_record_behind_another_hash_is_a_conflict(engine: Engine) -> None:
    record = reading(2)
    outcomes = store(engine, [arrive(payload(record, "c" * 64)), arrive(payload(record, "d" * 64))], NOON)
    assert [outcome.kind for outcome in outcomes] == ["stored", "refused"]


def test_two_devices_may_use_the_same_sequence_numbers(engine: Engine) -> None:
    other = arrive(payload(reading(1, device="bedside-2")), "refill/v1/demo/00/bedside-2/reading")
    outcomes = store(engine, [arrive(payload(reading(1))), other], NOON)
    assert [outcome.kind for outcome in outcomes] == ["stored", "stored"]


def test_a_bad_message_is_kept_byte_for_byte_and_only_once(engine: Engine) -> None:
    content = b"\xff\x00 not a reading"
    outcomes = store(engine, [arrive(content), arrive(content)], NOON) + store(engine, [arrive(content)], NOON)
    assert [(outcome.kind, outcome.receipt) for outcome in outcomes] == [("refused", None)] * 3
    letter = only(engine, tables.dead_letter)
    assert (bytes(letter.payload), letter.topic, letter.reason) == (content, TOPIC, "unreadable")


def test_a_refused_record_sent_again_is_one_dead_letter_and_a_receipt_each_time(engine: Engine) -> None:
    record = reading(study="demo", site="01")
    outcomes = store(engine, [arrive(payload(record))], NOON) + store(engine, [arrive(payload(record))], NOON)
    assert [outcome.receipt.outcome for outcome in outcomes if outcome.receipt] == ["refused", "refused"]
    assert (count(engine, tables.dead_letter), count(engine, tables.receipt)) == (1, 1)


def test_a_receipt_that_was_never_written_down_is_when_its_reading_comes_again(engine: Engine) -> None:
    """As after a replay of dead letters: the reading stands, and its device has not been told."""
    content = arrive(payload(reading()))
    assert isinstance(content.verdict, Accepted)
    with writing(engine).begin() as connection:
        keep(connection, [(content.verdict, NOON)], NOON, alone=True, awaited=set())
    for _ in range(2):
        [outcome] = store(engine, [content], NOON)
        assert (outcome.kind, outcome.receipt and outcome.receipt.outcome) == ("again", "stored")
    assert count(engine, tables.receipt) == 1


def test_a_record_damaged_on_its_way_can_still_be_stored_when_it_comes_whole(engine: Engine) -> None:
    whole = payload(reading())
    outcomes = store(engine, [arrive(whole.replace(b"2.5", b"9.5")), arrive(whole)], NOON)
    assert [outcome.kind for outcome in outcomes] == ["refused", "stored"]


def test_a_very_large_message_is_kept_only_in_part_but_with_its_size_and_hash(engine: Engine) -> None:
    store(engine, [arrive(b"x" * 300_000)], NOON)
    letter = only(engine, tables.dead_letter)
    assert (len(letter.payload), letter.payload_bytes, letter.reason) == (256 * 1024, 300_000, "too_large")


def test_a_message_that_the_database_cannot_hold_does_not_stop_the_others(engine: Engine) -> None:
    good = arrive(payload(reading(1)))
    # As if a check in judge() had been forgotten: an integer that neither database can hold.
    content = payload(reading(2))
    sealed = judge(TOPIC, content, STUDY)
    assert isinstance(sealed, Accepted)
    bad = Arrival(TOPIC, content, NOON, Accepted(sealed.topic, sealed.envelope, _with_boottime(sealed, 1 << 70)))
    outcomes = store(engine, [good, bad, arrive(payload(reading(3)))], NOON)
    assert [outcome.kind for outcome in outcomes] == ["stored", "refused", "stored"]
    assert only(engine, tables.dead_letter).reason == "not_storable"


def _with_boottime(accepted: Accepted, boottime_ns: int) -> Any:
    measured = accepted.record.measured.model_copy(update={"boottime_ns": boottime_ns})
    return accepted.record.model_copy(update={"measured": measured})


def test_ingesters_that_write_the_same_records_at_once_store_each_once(engine: Engine) -> None:
    records = [sealed.model_dump_json().encode() for _, sealed in chain(60)]
    kinds: list[str] = []

    def work() -> None:
        for start in range(0, 60, 6):
            batch = [arrive(content) for content in records[start : start + 6]]
            kinds.extend(outcome.kind for outcome in store(engine, batch, NOON))

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert (kinds.count("stored"), kinds.count("again")) == (60, 120)
    assert count(engine, tables.reading) == 60


def race_of(engine: Engine, batches: list[list[Arrival]]) -> list[Outcome]:
    """Store each batch in a thread of its own, all at the same moment."""
    outcomes: list[Outcome] = []
    together = threading.Barrier(len(batches))

    def work(batch: list[Arrival]) -> None:
        together.wait(10)
        outcomes.extend(store(engine, batch, NOON))

    threads = [threading.Thread(target=work, args=(batch,)) for batch in batches]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return outcomes


@pytest.mark.slow
def test_ingesters_with_the_same_batch_in_another_order_end_in_one_row_and_a_receipt_for_each(engine: Engine) -> None:
    for turn in range(8):
        records = [sealed.model_dump_json().encode() for _, sealed in chain(30, device=f"bedside-{turn}")]
        topic = f"refill/v1/demo/00/bedside-{turn}/reading"
        backwards = [Arrival(topic, c, NOON, judge(topic, c, STUDY)) for c in reversed(records)]
        forwards = list(reversed(backwards))
        kinds = Counter(outcome.kind for outcome in race_of(engine, [forwards, backwards, forwards]))
        assert kinds == {"stored": 30, "again": 60}
    assert count(engine, tables.reading) == count(engine, tables.receipt) == 240
    assert count(engine, tables.dead_letter) == 0


def test_two_records_for_one_place_that_come_at_once_are_one_row_and_one_dead_letter(engine: Engine) -> None:
    for seq in range(1, 9):
        rivals = [arrive(payload(reading(seq))) for _ in range(2)]
        kinds = Counter(outcome.kind for outcome in race_of(engine, [[rival] for rival in rivals]))
        assert kinds == {"stored": 1, "refused": 1}
    with engine.connect() as connection:
        reasons = set(connection.execute(select(tables.dead_letter.c.reason)).scalars())
    assert (count(engine, tables.reading), count(engine, tables.dead_letter), reasons) == (8, 8, {"conflict"})


def test_one_bad_message_that_comes_twice_at_once_is_one_dead_letter(engine: Engine) -> None:
    for turn in range(8):
        bad = [arrive(b"nonsense %d" % turn)]
        assert {outcome.kind for outcome in race_of(engine, [bad, bad, bad])} == {"refused"}
    assert count(engine, tables.dead_letter) == 8


def test_a_batch_is_few_statements_however_large_it_is(engine: Engine) -> None:
    said: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *a: said.append(a[2].split()[0]))
    store(engine, [arrive(sealed.model_dump_json().encode()) for _, sealed in chain(50)], NOON)
    written = said.count("INSERT") + said.count("WITH")
    assert written == (4 if engine.dialect.name == "sqlite" else 3)
    assert len(said) <= 7


def test_gaps_and_broken_chains_can_be_seen(engine: Engine) -> None:
    records = chain(9)
    arrived = [records[i - 1][1].model_dump_json().encode() for i in (3, 4, 7)]
    stray = payload(reading(8), "e" * 64)
    bad = records[4][1].model_dump_json().encode().replace(b"2.5", b"9.5")
    store(engine, [arrive(content) for content in [*arrived, stray, bad]], NOON)
    with engine.connect() as connection:
        missing, broken = queries.gaps(connection, "demo"), queries.chain_breaks(connection)
        assert queries.gaps(connection, "other") == []
    assert [(gap.first_missing, gap.last_missing, gap.count, gap.refused) for gap in missing] == [
        (1, 2, 2, 0),
        (5, 6, 2, 1),
    ]
    assert [item.device_seq for item in broken] == [8]


def test_a_whole_chain_shows_neither_gap_nor_break_in_any_order_of_arrival(engine: Engine) -> None:
    store(engine, [arrive(sealed.model_dump_json().encode()) for _, sealed in reversed(chain(12))], NOON)
    with engine.connect() as connection:
        assert queries.gaps(connection) == queries.chain_breaks(connection) == []
        [device] = queries.devices(connection)
    assert (device.readings, device.measured, device.last_seq, device.last_received_at) == (12, 12, 12, NOON)


def status(session: int, state: str, unsent: int = 0) -> Arrival:
    content = {
        "session_id": f"00000000-0000-4000-8000-{session:012}",
        "state": state,
        "at": NOON.isoformat(),
        "software_version": "0.1.0",
        "unsent_readings": unsent,
    }
    return arrive(json.dumps(content).encode(), STATUS_TOPIC)


def test_a_late_last_will_does_not_overwrite_the_device_that_is_back(engine: Engine) -> None:
    outcomes = store(engine, [status(1, "ready"), status(2, "ready", 4), status(1, "lost")], NOON)
    assert [outcome.kind for outcome in outcomes] == ["status", "status", "status ignored"]
    row = only(engine, tables.device_status)
    assert (row.state, row.unsent_readings) == ("ready", 4)
    store(engine, [status(2, "lost")], NOON)
    assert only(engine, tables.device_status).state == "lost"


def test_a_status_that_another_ingester_has_kept_is_not_written_again(engine: Engine) -> None:
    store(engine, [status(1, "ready", 3)], NOON)
    said: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *a: said.append(a[2].split()[0]))
    assert [outcome.kind for outcome in store(engine, [status(1, "ready", 3)], NOON)] == ["status"]
    assert "UPDATE" not in said
    store(engine, [status(1, "ready", 2), status(1, "ready", 1)], NOON)
    assert said.count("UPDATE") == 1
    assert only(engine, tables.device_status).unsent_readings == 1


def test_a_device_that_only_says_it_is_ready_is_listed(engine: Engine) -> None:
    store(engine, [status(1, "ready", 3)], NOON)
    with engine.connect() as connection:
        [device] = queries.devices(connection, "demo")
    assert (device.readings, device.state, device.unsent_readings) == (0, "ready", 3)
