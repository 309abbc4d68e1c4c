"""Times on the wire: RFC 3339, there and back, and nothing that has to be guessed."""

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from contract_bench import READING, reading
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from contract.reading import Reading, Receipt
from contract.times import Time

TIME: TypeAdapter[datetime] = TypeAdapter(Time)
ZONES = st.integers(-23 * 60 - 59, 23 * 60 + 59).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(st.datetimes(timezones=ZONES))
def test_what_is_written_is_read_as_it_was(at: datetime) -> None:
    assert TIME.validate_json(TIME.dump_json(at), strict=True) == at
    assert TIME.validate_json(json.dumps(at.isoformat()), strict=True).utcoffset() == at.utcoffset()


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize(
    "text",
    [
        *(
            "1790000000",
            "1.0",
            "-5",
            "+1790000000000",
            "",
            "now",
            "2026-11-23",
            "2026-11-23T12:00:00",
            "2026-11-23T12:00Z",
        ),
        *("2026-11-23 12:00:00Z", "2026-11-23t12:00:00z", "20261123T120000Z", "2026-11-23T12:00:00.1234567Z"),
        *("2026-11-23T12:00:00,5Z", "2026-02-30T12:00:00Z", "2026-11-23T24:00:00Z", "2026-11-23T12:00:60Z"),
        *("2026-11-23T12:00:00+01", "2026-11-23T12:00:00+01:60", "2026-11-23T12:00:00+24:00", "2026-W48-1T12:00:00Z"),
        *("0000-01-01T00:00:00Z", "2026-11-23T12:00:00Z\n", " 2026-11-23T12:00:00Z", "٢026-11-23T12:00:00Z"),
    ],
)
def test_what_is_no_time_is_refused(text: str, strict: bool) -> None:
    with pytest.raises(ValidationError):
        TIME.validate_json(json.dumps(text), strict=strict)


@pytest.mark.parametrize("value", [1_790_000_000, 1.5, None, True, [], {}])
def test_what_is_no_text_is_no_time(value: object) -> None:
    with pytest.raises(ValidationError):
        TIME.validate_json(json.dumps(value))


def test_a_reading_whose_time_stands_in_digits_is_refused() -> None:
    content = json.loads(reading().model_dump_json())
    for changes in (
        {"norepinephrine_onset_at": "1790000000"},
        {"measured": content["measured"] | {"at": "1790000000"}},
    ):
        with pytest.raises(ValidationError, match="pattern"):
            Reading.model_validate_json(json.dumps(content | changes), strict=True)


def test_in_python_a_time_is_a_time_as_before() -> None:
    at = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
    receipt = Receipt(reading_id=READING["reading_id"], device_seq=1, sha256="0" * 64, outcome="stored", received_at=at)
    assert receipt.received_at is at or receipt.received_at == at
    assert '"received_at":"2026-11-23T12:00:00Z"' in receipt.model_dump_json()
    with pytest.raises(ValidationError, match="timezone"):
        TIME.validate_python(at.replace(tzinfo=None))
    assert TIME.json_schema() == {"type": "string", "format": "date-time"}
