"""The reading: numbers and status agree, identifiers, reasons, and the published schema."""

import json
from datetime import UTC, datetime
from uuid import RFC_4122

import pytest
from contract_bench import READING, reading
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from contract.identifiers import new_reading_id
from contract.reading import Reading, RefillResult, Status, utc
from contract.reasons import REASONS, Reason, sentence
from contract.schema import FOLDER, files

MEASURED = {"status": "measured", "crt_s": 2.1, "crt_ci95_s": [1.9, 2.3]}
CENSORED = {"status": "censored", "crt_exceeds_s": 30.0}
NOT_MEASURABLE = {"status": "not_measurable", "reason": "moved"}


@pytest.mark.parametrize("result", [MEASURED, CENSORED, NOT_MEASURABLE])
def test_the_three_ways_in_which_a_measurement_ends(result: dict) -> None:
    assert reading(result=result).result.status == result["status"]


@pytest.mark.parametrize(
    "result",
    [
        {"status": "measured"},
        {"status": "measured", "crt_s": 2.1},
        {"status": "measured", "crt_ci95_s": [1.9, 2.3]},
        MEASURED | {"reason": "moved"},
        MEASURED | {"crt_exceeds_s": 30.0},
        MEASURED | {"crt_ci95_s": [2.3, 1.9]},
        MEASURED | {"crt_s": -0.1},
        MEASURED | {"crt_s": float("nan")},
        MEASURED | {"crt_s": float("inf")},
        MEASURED | {"tau_s": 0.0},
        MEASURED | {"overshoot": float("nan")},
        {"status": "censored"},
        CENSORED | {"crt_s": 31.0, "crt_ci95_s": [30.0, 32.0]},
        CENSORED | {"reason": "moved"},
        {"status": "not_measurable"},
        NOT_MEASURABLE | {"crt_s": 2.1, "crt_ci95_s": [1.9, 2.3]},
        NOT_MEASURABLE | {"crt_exceeds_s": 30.0},
        {"status": "not_measurable", "reason": "because"},
        MEASURED | {"colour": "red"},
    ],
)
def test_never_a_number_with_a_shrug(result: dict) -> None:
    with pytest.raises(ValidationError):
        RefillResult.model_validate(result)


NUMBER = st.none() | st.floats(0, 120)


@given(st.sampled_from(Status), NUMBER, NUMBER, st.none() | st.sampled_from(Reason))
def test_every_result_that_can_be_made_says_exactly_one_thing(status, crt_s, exceeds_s, reason) -> None:
    interval = None if crt_s is None else (crt_s, crt_s)
    try:
        made = RefillResult(status=status, reason=reason, crt_s=crt_s, crt_ci95_s=interval, crt_exceeds_s=exceeds_s)
    except ValidationError:
        return
    said = [made.crt_s is not None, made.crt_exceeds_s is not None, made.reason is not None]
    assert sum(said) == 1
    assert said.index(True) == [Status.MEASURED, Status.CENSORED, Status.NOT_MEASURABLE].index(made.status)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("subject", {"site": "00", "inclusion": "7", "name": "Martin"}),
        ("subject", {"site": "0", "inclusion": "7"}),
        ("subject", {"site": "00", "inclusion": "JM"}),
        ("device_seq", 0),
        ("device_seq", 1 << 53),
        ("body_site", "forehead"),
        ("operator", "Marie Curie"),
        ("study", "I MICRO"),
        ("birth_date", "1950-01-01"),
        ("treatment_arm", "iloprost"),
    ],
)
def test_no_names_no_birth_date_no_treatment_arm(key: str, value) -> None:
    with pytest.raises(ValidationError):
        Reading.model_validate(READING | {key: value})


def test_a_reading_cannot_be_changed_after_it_is_made() -> None:
    record = reading()
    with pytest.raises(ValidationError):
        record.device_seq = 2


def test_a_time_without_offset_is_refused() -> None:
    with pytest.raises(ValidationError):
        reading(measured=READING["measured"] | {"at": "2026-11-23T12:00:00"})


def test_a_time_is_written_with_microseconds_and_offset() -> None:
    assert utc(datetime(2026, 11, 23, tzinfo=UTC)) == "2026-11-23T00:00:00.000000+00:00"


@given(st.integers(0, (1 << 48) - 1))
def test_a_reading_id_is_a_uuid_version_7_with_its_time_in_front(unix_ms: int) -> None:
    made = new_reading_id(unix_ms)
    assert (made.version, made.variant) == (7, RFC_4122)
    assert made.int >> 80 == unix_ms


def test_reading_ids_of_one_millisecond_differ_and_later_ones_sort_later() -> None:
    assert len({new_reading_id(5) for _ in range(2000)}) == 2000
    assert str(new_reading_id(5)) < str(new_reading_id(6))
    assert str(new_reading_id()) > str(new_reading_id(1_700_000_000_000))


@pytest.mark.parametrize("unix_ms", [-1, 1 << 48])
def test_a_time_that_does_not_fit_a_reading_id_is_refused(unix_ms: int) -> None:
    with pytest.raises(ValueError, match="out of range"):
        new_reading_id(unix_ms)


def test_every_random_bit_of_a_reading_id_is_used() -> None:
    made = [new_reading_id(0).int for _ in range(400)]
    ones, zeros = 0, (1 << 128) - 1
    for value in made:
        ones |= value
        zeros &= value
    assert (ones & ~zeros).bit_count() == 74


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_tells_the_nurse_what_to_do_in_both_languages(reason: Reason) -> None:
    english, french = sentence(reason), sentence(reason, "fr")
    assert english != french
    for text in (english, french):
        assert text.endswith(".")
        assert text[0].isupper()
        assert text.count(".") + text.count(";") >= 2  # what happened, and what to do
        assert len(text) <= 120
        assert text == text.strip()


def test_no_two_reasons_read_the_same() -> None:
    assert set(REASONS) == set(Reason)
    assert (
        len({entry.english for entry in REASONS.values()}) == len({e.french for e in REASONS.values()}) == len(Reason)
    )


def test_a_language_that_is_not_there_is_an_error() -> None:
    with pytest.raises(ValueError, match="de"):
        sentence(Reason.MOVED, "de")


@pytest.mark.parametrize(("name", "text"), files().items())
def test_the_published_schema_is_that_of_the_code(name: str, text: str) -> None:
    assert (FOLDER / name).read_text(encoding="utf-8") == text, "run: python -m contract.schema"


def test_no_published_schema_is_left_over() -> None:
    assert {path.name for path in FOLDER.iterdir()} == set(files())


def test_the_schema_refuses_unknown_keys_everywhere() -> None:
    schema = json.loads((FOLDER / "reading.schema.json").read_text(encoding="utf-8"))
    objects = [schema, *(part for part in schema["$defs"].values() if part.get("type") == "object")]
    assert len(objects) >= 7
    assert all(part["additionalProperties"] is False for part in objects)
