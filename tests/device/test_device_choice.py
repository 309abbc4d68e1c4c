"""Whose measurement comes next: what is kept, what is forgotten, what is refused; and never a name."""

import json
import re
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from contract.amendment import Amendment
from contract.mottling import MottlingReading
from contract.reading import Reading, Receipt
from contract.status import DeviceStatus
from contract.topics import TopicError, parse
from device.choice import FILE_NAME, REFUSALS, ChoiceKeeper, refusal_of, wrong_inclusion
from device.console_words import Amend, Choice, Mottling
from firmware_config.loading import load_named
from firmware_config.protocol import Protocol
from firmware_config.study import Inclusion, Study

H_NS = 3_600_000_000_000
NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
CHOICE: dict[str, Any] = {
    "study": "i-micro",
    "subject": {"site": "01", "inclusion": "0042"},
    "body_site": "finger",
    "protocol": "andromeda-finger",
}


@dataclass
class FakeClock:
    boot_ns: int = 50 * H_NS
    boot: UUID = field(default_factory=uuid4)
    wall: datetime = NOW
    set_by_server: bool = True

    def boottime_ns(self) -> int:
        return self.boot_ns

    def now(self) -> datetime:
        return self.wall

    def boot_id(self) -> UUID:
        return self.boot

    def synchronised(self) -> bool:
        return self.set_by_server


def choice(**changes: Any) -> Choice:
    return Choice.model_validate(CHOICE | changes)


def study(**changes: Any) -> Study:
    return load_named("studies", "i-micro", Study).model_copy(update=changes)


FINGER = load_named("protocols", "andromeda-finger", Protocol)


def test_a_choice_outlives_its_process_but_not_its_boot(tmp_path: Path) -> None:
    clock = FakeClock()
    ChoiceKeeper(tmp_path / "run", clock, 12).keep(choice())
    assert ChoiceKeeper(tmp_path / "run", clock, 12).current() == choice()
    clock.boot = uuid4()
    assert ChoiceKeeper(tmp_path / "run", clock, 12).current() is None


def test_a_choice_is_not_believed_for_ever_and_the_wall_clock_has_no_say(tmp_path: Path) -> None:
    clock = FakeClock()
    keeper = ChoiceKeeper(tmp_path, clock, 12)
    keeper.keep(choice())
    clock.wall += timedelta(days=1)
    clock.boot_ns += 12 * H_NS - 1
    assert keeper.current() == choice()
    clock.boot_ns += 1
    assert keeper.current() is None
    assert ChoiceKeeper(tmp_path, clock, 12).current() is None


def test_a_choice_that_was_made_later_than_now_is_none(tmp_path: Path) -> None:
    clock = FakeClock()
    ChoiceKeeper(tmp_path, clock, 12).keep(choice())
    clock.boot_ns -= 1
    assert ChoiceKeeper(tmp_path, clock, 12).current() is None


def test_forgotten_is_forgotten_after_a_restart_too(tmp_path: Path) -> None:
    clock = FakeClock()
    keeper = ChoiceKeeper(tmp_path, clock, 12)
    keeper.keep(choice())
    keeper.forget()
    assert keeper.current() is None
    assert ChoiceKeeper(tmp_path, clock, 12).current() is None


def test_where_a_choice_cannot_be_kept_no_older_one_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = FakeClock()
    keeper = ChoiceKeeper(tmp_path, clock, 12)
    keeper.keep(choice())

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("device.choice.os.fsync", full)
    newer = choice(subject={"site": "01", "inclusion": "0043"})
    keeper.keep(newer)
    assert keeper.current() == newer
    assert ChoiceKeeper(tmp_path, clock, 12).current() is None


def _torn(text: str) -> str:
    return text[: len(text) // 2]


def _no_protocol(text: str) -> str:
    content = json.loads(text)
    del content["choice"]["protocol"]
    return json.dumps(content)


def _endless(text: str) -> str:
    return json.dumps(json.loads(text) | {"made_boottime_ns": float("inf")})


@pytest.mark.parametrize("spoil", [_torn, _no_protocol, _endless, lambda _: "", lambda _: "[]", lambda _: "null"])
def test_a_file_that_cannot_be_read_is_no_choice_and_the_log_names_nobody(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, spoil: Callable[[str], str]
) -> None:
    clock = FakeClock()
    ChoiceKeeper(tmp_path, clock, 12).keep(choice(subject={"site": "01", "inclusion": "987654"}))
    path = tmp_path / FILE_NAME
    path.write_text(spoil(path.read_text(encoding="utf-8")), encoding="utf-8")
    assert ChoiceKeeper(tmp_path, clock, 12).current() is None
    assert "987654" not in caplog.text


@pytest.mark.slow
@given(st.binary(max_size=300))
def test_whatever_stands_in_the_file_is_a_choice_or_none(content: bytes) -> None:
    with tempfile.TemporaryDirectory(prefix="choice-") as folder:
        (Path(folder) / FILE_NAME).write_bytes(content)
        assert ChoiceKeeper(Path(folder), FakeClock(), 12).current() is None


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"subject": {"site": "33", "inclusion": "0042"}}, "has no site 33"),
        ({"event": "day-9"}, "has no event day-9"),
        ({"body_site": "knee"}, "not for the knee"),
        ({"operator": "jane-doe"}, "never a name"),
        ({"norepinephrine_onset_at": NOW + timedelta(minutes=6)}, "in the future"),
        ({"norepinephrine_onset_at": NOW - timedelta(days=31)}, "days ago"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_sentence(changes: dict[str, Any], words: str) -> None:
    refusal = refusal_of(choice(**changes), study(), FINGER, FakeClock())
    assert refusal is not None
    assert words in refusal
    assert "\n" not in refusal
    assert refusal_of(choice(**changes), study(), FINGER, FakeClock(), language="fr") not in (None, refusal)


def test_what_fits_is_not_refused() -> None:
    whole = choice(event="day-1", operator="ab1", side="left", norepinephrine_onset_at=NOW - timedelta(hours=7))
    assert refusal_of(whole, study(sides=True), FINGER, FakeClock()) is None
    assert refusal_of(choice(), study(sides=True), FINGER, FakeClock()) == "Choose the side, left or right."


def test_a_clock_that_was_never_set_refuses_no_onset() -> None:
    ahead = choice(norepinephrine_onset_at=NOW + timedelta(days=40))
    assert refusal_of(ahead, study(), FINGER, FakeClock(set_by_server=False)) is None


def test_a_subject_of_another_site_is_none_of_this_device() -> None:
    assert refusal_of(choice(), study(), FINGER, home_site="01") is None
    refusal = refusal_of(choice(), study(), FINGER, home_site="10")
    assert refusal == "Check the site number: this device belongs to site 10, not to site 01."


@pytest.mark.parametrize(
    ("number", "words"),
    [
        ("2363", None),
        ("2364", "a digit of it is wrong"),
        ("236", "it has 4-6 digits"),
        ("123451", None),
        ("02363", "with zeros in front it has 4 digits"),
        ("0000000", "it has 4-6 digits"),
    ],
)
def test_an_inclusion_number_has_the_length_and_the_check_digit_of_its_study(number: str, words: str | None) -> None:
    wrong = wrong_inclusion(number, Inclusion(least_digits=4, most_digits=6, check_digit="verhoeff"))
    assert (wrong is None) == (words is None)
    if wrong is not None and words is not None:
        assert wrong.startswith("Check the inclusion number: ")
        assert words in wrong
        assert number not in wrong, "a refusal may end up in a log"


@given(st.integers(0, 999_999), st.integers(1, 6), st.integers(0, 5))
def test_no_number_can_be_written_in_two_ways(number: int, least: int, more: int) -> None:
    asked = Inclusion(least_digits=least, most_digits=min(6, least + more))
    ways = {f"{number:0{digits}}" for digits in range(1, 8)}
    assert sum(wrong_inclusion(way, asked) is None for way in ways) == (len(str(number)) <= asked.most_digits)


def test_every_refusal_has_both_languages_and_says_who_to_nobody() -> None:
    for english, french in REFUSALS.values():
        assert english
        assert french
        assert {"inclusion}", "operator}"}.isdisjoint(english.split("{") + french.split("{"))


LETTERS = "abcdefghijklmnopqrstuvwxyz"
NAMES = st.one_of(
    st.sampled_from(
        ["Ann Lee", "Müller", "O'Brien", "Jean-Luc", "DUPONT", "martin dupont", "ann.lee", "ann@lee", "李"]
    ),
    # Two words, and one with a letter that is not a to z: what a slug never is.
    st.tuples(st.text(min_size=1, max_size=12), st.text(LETTERS, min_size=1, max_size=12)).map(" ".join),
    st.tuples(st.text(LETTERS, max_size=8), st.sampled_from("éèçñüøßÀÉ"), st.text(LETTERS, max_size=8)).map("".join),
)


@given(NAMES, st.sampled_from(["operator", "event", "protocol", "study"]))
def test_what_looks_like_a_name_is_taken_nowhere(name: str, field_name: str) -> None:
    with pytest.raises(ValidationError):
        choice(**{field_name: name})
    for key in ("site", "inclusion"):
        with pytest.raises(ValidationError):
            choice(subject=CHOICE["subject"] | {key: name})


@pytest.mark.slow
@given(st.text(LETTERS, min_size=1, max_size=10), st.text(LETTERS, min_size=4, max_size=10))
def test_a_name_in_small_letters_is_no_operator_whatever_the_study_takes(first: str, last: str) -> None:
    anything = study(operator_pattern=".*")
    for name in (f"{first}{last}", f"{first}-{last}"):
        assert refusal_of(choice(operator=name), anything, FINGER) == "The operator is a short code, never a name."
    assert refusal_of(choice(operator=f"{last[:2]}-12"), anything, FINGER) is None


def _strings(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every kind of text that a schema takes, in lists and tables too."""
    if schema.get("type") == "string":
        yield schema
    inner = [*schema.get("anyOf", []), *schema.get("prefixItems", []), schema.get("items"), schema.get("not")]
    for part in [*inner, schema.get("additionalProperties")]:
        if isinstance(part, dict):
            yield from _strings(part)


def _keys(model: type[BaseModel], kind: Callable[[dict[str, Any]], bool]) -> set[str]:
    """Every key of a model under which a text of this kind would be taken."""
    whole = model.model_json_schema()
    return {
        f"{name}.{key}".strip(".")
        for name, part in {"": whole, **whole.get("$defs", {})}.items()
        for key, schema in part.get("properties", {}).items()
        if any(kind(text) for text in _strings(schema))
    }


def _is_free(text: dict[str, Any]) -> bool:
    return not {"pattern", "format", "enum", "const"} & set(text)


def _takes_a_word(text: dict[str, Any]) -> bool:
    return "pattern" in text and re.search(text["pattern"], "jane-doe") is not None


MACHINE = {"Device.software_version", "Device.algorithm_version", "Device.build"}


def test_no_record_has_a_place_for_a_name() -> None:
    assert _keys(Choice, _is_free) == set()
    # Versions of software and protocol, which no person types.
    assert _keys(Reading, _is_free) == {*MACHINE, "ProtocolRef.version"}
    # Sentences, which are ours.
    assert _keys(DeviceStatus, _is_free) == {"software_version", "problem", "PartHealth.sentence"}
    assert _keys(Receipt, _is_free) == {"reason"}
    for model in (MottlingReading, Amendment):
        assert _keys(model, _is_free) == MACHINE
    for word in (Amend, Mottling):
        assert _keys(word, _is_free) == set()


def test_a_word_is_taken_only_where_a_study_or_a_device_file_says_which() -> None:
    # Names of packaged files, events that the study lists, and the operator, whom `is_code` holds to few letters.
    assert _keys(Choice, _takes_a_word) == {"study", "protocol", "event", "operator"}
    assert _keys(Reading, _takes_a_word) == {"study", "event", "operator", "ProtocolRef.name", "Device.name"}
    assert _keys(MottlingReading, _takes_a_word) == {"study", "event", "operator", "Device.name"}
    # What an operator or an event is corrected to is held to the study's own words (`device.amending`).
    corrected = {"Change.old", "Change.new"}
    assert _keys(Amendment, _takes_a_word) == {"study", "event", "operator", "Device.name", *corrected}
    assert _keys(Amend, _takes_a_word) == {"operator", *corrected}
    assert _keys(DeviceStatus, _takes_a_word) == set()
    assert _keys(Receipt, _takes_a_word) == set()


@given(NAMES)
def test_no_level_of_a_topic_takes_a_name(name: str) -> None:
    for level in range(4):
        levels = ["demo", "00", "bedside-1", "reading"]
        levels[level] = name
        with pytest.raises(TopicError):
            parse("refill/v1/" + "/".join(levels))
