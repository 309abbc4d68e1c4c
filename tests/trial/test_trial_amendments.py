"""What is said at the bedside about an earlier reading arrives, once, in any order, and changes what stands."""

import json
from itertools import permutations
from pathlib import Path

import pytest
from amendments_bench import DAYS, DONE, arrival, arrive, at_once, count, made, stands
from sqlalchemy import Engine, select
from trial_bench import NOON, STUDY, amendment, corrected, journal, mottling_reading, new_database, payload, reading

from contract.amendment import Amendment
from contract.envelope import Envelope, chain_sha256
from contract.source import Source
from firmware_config.study import Inclusion
from trial import queries, tables
from trial.amendments import DecisionError, decide
from trial.amendments import queries as unsettled
from trial.corrections import correct
from trial.judge import Accepted, Refusal, Refused, anyone, judge
from trial.letters import replay
from trial.people import UnsignedError
from trial.reconcile import Export, Exported, compare, import_missing
from trial.store import Arrival, store

GOLDEN = Path(__file__).parents[1] / "contract" / "golden"


def asked(engine: Engine, study: str | None = None) -> list[tuple[int, str, bool]]:
    with engine.connect() as connection:
        return [(each.amendment.device_seq, each.reason, each.waits) for each in unsettled(connection, study)]


def letters(engine: Engine) -> list[tuple[str, str]]:
    with engine.connect() as connection:
        t = tables.dead_letter.c
        return [tuple(row) for row in connection.execute(select(t.reason, t.detail).order_by(t.id))]


def test_a_correction_from_the_bedside_changes_what_stands_and_says_who_and_why(engine: Engine) -> None:
    record = reading(1, event="inclusion")
    said = corrected(2, record, ("event", "inclusion", "day-1"), ("side", "left", "right"))
    assert arrive(engine, record, said) == ["stored", "stored"]
    event, side = made(engine, record)
    assert (event.field, event.old_value, event.new_value) == ("event", "inclusion", "day-1")
    assert (side.field, side.old_value, side.new_value) == ("side", "left", "right")
    for each in (event, side):
        assert (each.actor, each.why, each.amendment) == ("n12@bedside-1", "typed_wrong", str(said.reading_id))
    now = stands(engine, record)
    assert (now.event, now.side) == ("day-1", "right")
    with engine.connect() as connection:
        entry = connection.execute(select(tables.reading)).one()
        details = connection.execute(select(tables.audit.c.detail)).scalars().all()
    assert (entry.event, entry.side) == ("inclusion", "left"), "the entry stays as it came"
    assert f"reading {record.reading_id}: side from left to right: typed_wrong" in details
    assert asked(engine) == []


def test_a_mottling_reading_is_corrected_in_the_same_way(engine: Engine) -> None:
    record = mottling_reading(1)
    said = corrected(2, record, ("inclusion", "7", "0012"))
    arrive(engine, record, said)
    assert stands(engine, record).subject.inclusion == "0012"
    by_hand = correct(engine, DAYS, str(record.reading_id), "inclusion", "0013", stood="0012", **DONE)
    assert by_hand.supersedes == made(engine, record)[0].id


def test_an_amendment_that_comes_before_its_reading_waits_for_it(engine: Engine) -> None:
    record = reading(1)
    said = corrected(2, record, ("event", None, "day-1"))
    assert arrive(engine, said) == ["stored"]
    assert asked(engine) == [(2, "what it is about has not come", True)]
    assert arrive(engine, record) == ["stored"]
    assert stands(engine, record).event == "day-1"
    assert asked(engine) == []


def test_an_amendment_and_its_reading_in_one_batch_are_corrected_in_either_order(engine: Engine) -> None:
    for turn, order in enumerate(((0, 1), (1, 0))):
        record = reading(1, device=f"bedside-{turn}")
        both = [record, corrected(2, record, ("event", None, "day-1"))]
        kinds = [outcome.kind for outcome in store(engine, [arrival(both[i]) for i in order], NOON)]
        assert kinds == ["stored", "stored"]
        assert stands(engine, record).event == "day-1"


def test_a_correction_that_is_sent_again_is_made_once(engine: Engine) -> None:
    record = reading(1)
    said = corrected(2, record, ("event", None, "day-1"))
    assert arrive(engine, record, said, said, record, said) == ["stored", "stored", "again", "again", "again"]
    assert len(made(engine, record)) == 1
    assert count(engine, "amendment") == count(engine, "amendment_change") == 1


@pytest.mark.slow
def test_whatever_order_corrections_come_in_the_last_word_of_the_device_stands(engine: Engine) -> None:
    """There and back, and a last word that starts from where the first did: every order of four records."""
    for turn, order in enumerate(permutations(range(4))):
        record = reading(1, event="inclusion", device=f"bedside-{turn}")
        said = [
            record,
            corrected(2, record, ("event", "inclusion", "day-1")),
            corrected(3, record, ("event", "day-1", "inclusion")),
            corrected(4, record, ("event", "inclusion", "day-2")),
        ]
        store(engine, [arrival(said[i]) for i in order[:2]], NOON)
        arrive(engine, *(said[i] for i in order[2:]))
        assert stands(engine, record).event == "day-2", order
        numbers = [each.amendment for each in made(engine, record)]
        assert numbers == sorted(numbers, key=[str(each.reading_id) for each in said].index), order


@pytest.mark.slow
def test_ingesters_that_get_an_amendment_and_its_reading_at_once_make_one_correction(engine: Engine) -> None:
    for turn in range(12):
        record = reading(1, device=f"bedside-{turn}")
        said = corrected(2, record, ("event", None, "day-1"), ("side", "left", None))
        other = reading(3, device=f"bedside-{turn}")
        outcomes = at_once(
            engine,
            [arrival(record), arrival(other)],
            [arrival(said)],
            [arrival(said), arrival(other)],
        )
        assert sorted(each.kind for each in outcomes) == ["again"] * 2 + ["stored"] * 3
        assert [each.field for each in made(engine, record)] == ["event", "side"]
    assert asked(engine) == []
    assert letters(engine) == []


@pytest.mark.slow
def test_ingesters_with_two_corrections_of_one_field_leave_the_later_one_standing(engine: Engine) -> None:
    for turn in range(8):
        record = reading(1, device=f"bedside-{turn}")
        first = corrected(2, record, ("event", None, "day-1"))
        second = corrected(3, record, ("event", "day-1", "day-2"))
        at_once(engine, [arrival(second)], [arrival(first)], [arrival(record)])
        assert stands(engine, record).event == "day-2"
        one, two = made(engine, record)
        assert (one.supersedes, two.supersedes) == (None, one.id)


def test_what_a_data_manager_has_corrected_meanwhile_is_left_and_asked_about(engine: Engine) -> None:
    record = reading(1, event="inclusion")
    arrive(engine, record)
    correct(engine, DAYS, str(record.reading_id), "event", "day-2", **DONE)
    said = corrected(2, record, ("side", "left", "right"), ("event", "inclusion", "day-1"))
    arrive(engine, said)
    now = stands(engine, record)
    assert (now.event, now.side) == ("day-2", "left"), "all of it or nothing"
    assert asked(engine) == [(2, "event: is day-2, not inclusion", False)]
    assert asked(engine, "other") == []
    with pytest.raises(UnsignedError):
        decide(engine, str(said.reading_id), actor="Jane Doe", why="")
    decide(engine, str(said.reading_id), **DONE)
    assert asked(engine) == []
    for unknown in (str(said.reading_id), str(record.reading_id), "nobody"):
        with pytest.raises(DecisionError, match="no amendment that waits"):
            decide(engine, unknown, **DONE)
    assert stands(engine, record) == now


def test_a_person_who_makes_the_same_correction_has_decided(engine: Engine) -> None:
    record = reading(1, event="inclusion")
    said = corrected(2, record, ("event", "day-2", "day-1"))
    arrive(engine, record, said)
    assert asked(engine) == [(2, "event: is inclusion, not day-2", False)]
    correct(engine, DAYS, str(record.reading_id), "event", "day-1", **DONE)
    assert asked(engine) == []


STRICT = DAYS.model_copy(
    update={"sides": True, "inclusion": Inclusion(least_digits=4, most_digits=5, check_digit="luhn")}
)
UNKNOWN: list[tuple[tuple[str, str | None, str | None], str]] = [
    (("event", None, "day-9"), "has no event day-9"),
    (("side", "left", None), "wants one with every measurement"),
    (("inclusion", "0018", "7"), "has 4 to 5 digits"),
    (("inclusion", "0018", "0019"), "check digit"),
    (("inclusion", "0018", "12ab"), "subject.inclusion"),
    (("inclusion", "0018", None), "subject.inclusion"),
    (("body_site", "finger", "toe"), "body_site"),
    (("operator", None, "jane-doe"), "no operator's code"),
    (("norepinephrine_onset_at", None, "2999-01-01T00:00:00Z"), "lies in the future"),
    (("norepinephrine_onset_at", None, "yesterday"), "norepinephrine_onset_at"),
    (("norepinephrine_onset_at", None, "0001-01-01T00:00:00+14:00"), "out of range"),
    (("operator", "n9", "n7"), "operator: is nothing, not n9"),
]


@pytest.mark.slow
def test_a_value_that_the_study_or_the_record_does_not_know_changes_nothing_in_either_order(engine: Engine) -> None:
    for turn, (change, words) in enumerate(UNKNOWN):
        for order in ((0, 1), (1, 0)):
            device = f"bedside-{turn}-{order[0]}"
            record = reading(1, device=device, subject={"site": "00", "inclusion": "0018"})
            both = [record, corrected(2, record, change)]
            assert arrive(engine, *(both[i] for i in order), study=STRICT) == ["stored", "stored"]
            assert made(engine, record) == []
            assert stands(engine, record) == record
            with engine.connect() as connection:
                [told] = [each for each in unsettled(connection) if each.amendment.device == device]
            assert (words in told.reason, told.waits) == (True, False), told


def test_the_same_time_in_another_zone_is_what_stood(engine: Engine) -> None:
    record = reading(1, norepinephrine_onset_at="2026-11-23T02:00:00Z")
    change = ("norepinephrine_onset_at", "2026-11-23T03:00:00.000000+01:00", "2026-11-23T01:30:00Z")
    arrive(engine, record, corrected(2, record, change))
    [done] = made(engine, record)
    assert (done.old_value, done.new_value) == ("2026-11-23T02:00:00.000000+00:00", "2026-11-23T01:30:00.000000+00:00")


def about_what_it_cannot_be() -> dict[str, tuple[list[Source], Amendment]]:
    mine, other, later = reading(1), reading(1, device="bedside-2"), reading(9)
    comment = amendment(2, mine, action="commented", comment="oedema")
    return {
        "of another device": ([other], amendment(2, other, device="bedside-1")),
        "comes after it": ([later], amendment(2, later)),
        "an amendment itself": ([mine, comment], amendment(3, comment)),
        "none of mottling": ([mine], amendment(2, mine, mottling_score=2)),
    }


@pytest.mark.parametrize("words", sorted(about_what_it_cannot_be()))
def test_an_amendment_of_what_it_cannot_be_about_is_refused_or_asked_about(engine: Engine, words: str) -> None:
    there, said = about_what_it_cannot_be()[words]
    assert arrive(engine, *there, said) == ["stored"] * len(there) + ["refused"]
    [(reason, detail)] = letters(engine)
    assert (reason, words in detail) == ("about", True)
    with engine.connect() as connection:
        given = connection.execute(select(tables.receipt).where(tables.receipt.c.outcome == "refused")).one()
    assert (given.reading_id, given.device_seq) == (str(said.reading_id), said.device_seq)
    assert [each.said for each in replay(engine, DAYS, anyone, **DONE)] == [f"still refused (about): {detail}"]


@pytest.mark.parametrize("words", sorted(about_what_it_cannot_be()))
def test_one_that_came_before_what_it_cannot_be_about_changes_nothing(engine: Engine, words: str) -> None:
    there, said = about_what_it_cannot_be()[words]
    assert arrive(engine, said, *there) == ["stored"] * (1 + len(there))
    [(seq, reason, waits)] = [each for each in asked(engine) if each[0] == said.device_seq]
    assert (words in reason, waits) == (True, False), (seq, reason)


def test_an_amendment_of_itself_is_refused() -> None:
    said = amendment(2, reading(1))
    content = payload(said.model_copy(update={"about": said.reading_id}))
    verdict = judge("refill/v1/demo/00/bedside-1/reading", content, STUDY)
    assert isinstance(verdict, Refused)
    assert verdict.reason is Refusal.ABOUT


def test_a_refused_amendment_is_replayed_and_makes_its_correction(engine: Engine) -> None:
    record = reading(1)
    said = corrected(2, record, ("event", None, "day-1"))
    topic = "refill/v1/demo/00/bedside-1/reading"
    for each in (said, record):
        content = payload(each)
        store(engine, [Arrival(topic, content, NOON, judge(topic, content, DAYS, lambda _: False))], NOON)
    assert count(engine, "record") == 0
    assert [each.said for each in replay(engine, DAYS, anyone, **DONE)] == ["stored", "stored"]
    assert stands(engine, record).event == "day-1"
    assert count(engine, "replay") == 2


def test_amendments_and_mottling_readings_fill_their_numbers_in_the_chain(engine: Engine) -> None:
    first, scored = reading(1), mottling_reading(2)
    said = amendment(3, scored, mottling_score=3)
    last = reading(4)
    topic = "refill/v1/demo/00/bedside-1/reading"
    contents = journal(first, scored, said, last)
    store(engine, [Arrival(topic, content, NOON, judge(topic, content, DAYS)) for content in contents[::3]], NOON)
    with engine.connect() as connection:
        [gap] = queries.gaps(connection)
    assert (gap.first_missing, gap.last_missing) == (2, 3)
    store(engine, [Arrival(topic, content, NOON, judge(topic, content, DAYS)) for content in contents[1:3]], NOON)
    with engine.connect() as connection:
        assert queries.gaps(connection) == queries.chain_breaks(connection) == []
        [device] = queries.devices(connection)
    assert (device.readings, device.measured, device.amendments, device.last_seq) == (3, 3, 1, 4)


def test_a_journal_that_is_imported_after_a_loss_brings_its_corrections_back(engine: Engine) -> None:
    first, scored = reading(1), mottling_reading(2)
    records = [first, scored, corrected(3, first, ("event", None, "day-1")), amendment(4, scored, mottling_score=3)]
    sent = [json.loads(content) for content in journal(*records)]
    sealed = [(one["body"], one["previous_sha256"], one["sha256"]) for one in sent]
    exported = [Exported(seq, "demo", "00", *hashes, True) for seq, hashes in enumerate(sealed, start=1)]
    export = Export("bedside-1", exported, "e" * 64)
    with engine.connect() as connection:
        [lost] = compare(connection, export)
    assert (lost.same, len(lost.missing)) == (0, 4)
    open_to_all = DAYS.model_copy(update={"devices": "any"})
    done = import_missing(engine, export, lost, open_to_all, **DONE)
    assert (done.stored, done.refused) == (4, [])
    assert stands(engine, first).event == "day-1"
    with engine.connect() as connection:
        [found] = compare(connection, export)
    assert (found.same, found.agrees) == (4, True)


def test_another_record_in_the_place_of_an_amendment_is_a_conflict(engine: Engine) -> None:
    record = reading(1)
    assert arrive(engine, record, amendment(2, record), reading(2), mottling_reading(2)) == [
        *("stored", "stored", "refused", "refused")
    ]
    assert [reason for reason, _ in letters(engine)] == ["conflict", "conflict"]


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("reading-*.json")), ids=lambda path: path.stem)
def test_a_record_of_every_version_that_was_ever_written_is_stored_as_it_came(tmp_path: Path, path: Path) -> None:
    engine = new_database(tmp_path / "trial.sqlite3")
    content = path.read_bytes()
    body = json.loads(json.loads(content)["body"])
    study = STUDY.model_copy(update={"name": body["study"], "sites": [body["subject"]["site"]]})
    topic = f"refill/v1/{body['study']}/{body['subject']['site']}/{body['device']['name']}/reading"
    verdict = judge(topic, content, study)
    assert isinstance(verdict, Accepted), verdict
    [outcome] = store(engine, [Arrival(topic, content, NOON, verdict)], NOON)
    assert (outcome.kind, outcome.receipt and outcome.receipt.schema_version) == ("stored", path.name.split("-")[1])
    name = {"refill": "reading"}.get(body["kind"], body["kind"])
    with engine.connect() as connection:
        row = connection.execute(select(tables.metadata.tables[name])).one()
    assert row.body == json.loads(content)["body"]
    engine.dispose()


def test_a_version_that_is_not_known_yet_waits_for_the_upgrade() -> None:
    body = json.loads(json.loads(payload(amendment(2, reading(1))))["body"]) | {"schema_version": "1.9", "mood": "good"}
    text = json.dumps(body, sort_keys=True, separators=(",", ":"))
    sealed = Envelope(sent_at=NOON, previous_sha256="0" * 64, sha256=chain_sha256("0" * 64, text), body=text)
    verdict = judge("refill/v1/demo/00/bedside-1/reading", sealed.model_dump_json().encode(), STUDY)
    assert isinstance(verdict, Refused)
    assert verdict.reason is Refusal.NEWER_SCHEMA


def test_a_text_that_no_database_holds_is_refused_in_every_kind() -> None:
    record = reading(1)
    nul = record.device.model_copy(update={"software_version": "a\0"})
    for each in (record, mottling_reading(1), amendment(2, record)):
        content = payload(each.model_copy(update={"device": nul}))
        verdict = judge("refill/v1/demo/00/bedside-1/reading", content, STUDY)
        assert isinstance(verdict, Refused)
        assert verdict.reason is Refusal.NOT_STORABLE
