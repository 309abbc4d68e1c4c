"""What stands of a reading: the entry with what people added; the entry itself never changes."""

from datetime import datetime

import pytest
from device_bench import amendment, mottling, reading

from contract.amendment import Change
from contract.reading import BodySite, Side, utc
from device.standing import changed, standing, stands_as, text_of

ONSET = datetime.fromisoformat("2026-11-26T03:00:00+01:00")


def corrected(seq: int, about, *changes: tuple[str, str | None, str | None]):
    made = [{"field": field, "old": old, "new": new} for field, old, new in changes]
    return amendment(seq, about, action="corrected", why="typed_wrong", changes=made)


def test_a_reading_without_amendments_stands_as_it_was_entered() -> None:
    entry = reading(1)
    (stands,) = standing([entry])
    assert stands.now == entry
    assert (stands.confirmation, stands.mottling_score, stands.corrected) == (None, None, frozenset())


def test_corrections_stand_one_after_the_other_and_the_entry_stays() -> None:
    entry = reading(1).model_copy(update={"norepinephrine_onset_at": ONSET})
    before = entry.model_dump_json()
    (stands,) = standing(
        [
            entry,
            corrected(2, entry, ("inclusion", "0001", "0002"), ("side", None, "left"), ("body_site", "finger", "knee")),
            corrected(3, entry, ("inclusion", "0002", "0003"), ("event", None, "inclusion"), ("operator", None, "n7")),
            corrected(4, entry, ("norepinephrine_onset_at", utc(ONSET), None)),
        ]
    )
    now = stands.now
    assert (now.subject.inclusion, now.side, now.event, now.operator) == ("0003", Side.LEFT, "inclusion", "n7")
    assert now.body_site is BodySite.KNEE
    assert now.norepinephrine_onset_at is None
    assert stands.entry is entry
    assert entry.model_dump_json() == before
    assert now.result == entry.result
    everything = {"inclusion", "side", "body_site", "event", "operator", "norepinephrine_onset_at"}
    assert stands.corrected == everything


def test_a_correction_and_its_reversal_leave_nothing_corrected() -> None:
    entry = reading(1)
    (stands,) = standing(
        [entry, corrected(2, entry, ("side", None, "left")), corrected(3, entry, ("side", "left", None))]
    )
    assert stands.now == entry
    assert (stands.corrected, len(stands.amendments)) == (frozenset(), 2)


@pytest.mark.parametrize(
    ("field", "old", "new"),
    [
        ("inclusion", "0009", "0002"),  # something else stood
        ("inclusion", "0001", None),
        ("inclusion", "0001", "martin"),
        ("side", None, "middle"),
        ("body_site", "finger", None),
        ("norepinephrine_onset_at", None, "yesterday"),
        ("norepinephrine_onset_at", None, "2026"),
    ],
)
def test_a_change_of_what_did_not_stand_or_into_nonsense_changes_nothing(field: str, old: str, new: str) -> None:
    entry = reading(1)
    (stands,) = standing([entry, corrected(2, entry, (field, old, new))])
    assert stands.now == entry


def test_a_photo_has_no_body_site_that_could_be_corrected() -> None:
    entry = mottling(1)
    change = Change(field="body_site", old=None, new="knee")
    assert changed(entry, change) is None
    assert text_of(entry, "body_site") is None


def test_the_same_time_in_another_zone_is_what_stands() -> None:
    entry = reading(1).model_copy(update={"norepinephrine_onset_at": ONSET})
    assert stands_as(entry, "norepinephrine_onset_at", "2026-11-26T02:00:00Z")
    assert stands_as(entry, "norepinephrine_onset_at", utc(ONSET))
    for other in ("2026-11-26T03:00:00Z", "2026-11-26T03:00:00", "never", None):
        assert not stands_as(entry, "norepinephrine_onset_at", other)


def test_the_last_score_that_a_person_gave_counts_and_never_the_devices() -> None:
    entry = mottling(1)
    assert standing([entry])[0].mottling_score is None
    said = [entry, amendment(2, entry, mottling_score=3), amendment(3, entry, mottling_score=0)]
    (stands,) = standing([*said, amendment(4, entry, action="commented", comment="oedema")])
    assert stands.mottling_score == 0
    assert stands.confirmation == said[2]
    assert len(stands.amendments) == 3


def test_readings_stand_in_the_order_of_the_journal_and_strays_are_left_out() -> None:
    first, second, stranger = reading(1), mottling(2), reading(9)
    stands = standing([first, second, amendment(3, stranger), amendment(4, first)])
    assert [each.entry for each in stands] == [first, second]
    assert [len(each.amendments) for each in stands] == [1, 0]
