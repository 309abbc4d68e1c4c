"""The screen without a browser: state, keypad, words, curves."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.reading import BodySite, Subject
from contract.status import PartName
from device.console_words import Choice
from device.screen import curve
from device.screen.entry import Entry, scanned
from device.screen.hub import Hub, Point
from device.screen.page import onset_at
from device.screen.words import QUICK_CARD, WORDS, number, say
from device.session_words import ACTIVE, State

CHOICE = Choice(
    study="demo", subject=Subject(site="00", inclusion="0042"), body_site=BodySite.FINGER, protocol="demo", event=None
)
MEASURED = {"status": "measured", "crt_s": 2.5, "crt_ci95_s": [2.3, 2.7]}
HERE = Path(__file__).resolve().parents[2]


def progress(state: State, **more: Any) -> dict[str, Any]:
    base = {"event": "state", "state": state.value, "press": 1, "presses": 2, "set_number": 1, "remaining_s": 3.0}
    return base | {"kpa": 1.0, "time_s": None, "signal": None} | more


def reading(seq: int, **more: Any) -> dict[str, Any]:
    whose = {"reading_id": str(UUID(int=seq)), "body_site": "finger", "crt_spread": None}
    return {"event": "reading", "device_seq": seq, "result": MEASURED, **whose} | more


def told(*events: dict[str, Any]) -> Hub:
    hub = Hub()
    hub.greeted()
    for event in events:
        hub.hear(event)
    return hub


def test_what_measures_is_known_once_it_is_told_and_forgotten_with_the_line() -> None:
    machine = {"name": "bed-7", "software_version": "0.1.0", "algorithm_version": "2.1", "build": "v0.1.0-3-gabc1234"}
    hub = told({"event": "machine", "t_boot_ns": 5, **machine, "configuration_sha256": "b" * 64})
    assert hub.machine is not None
    assert (hub.machine.build, hub.machine.configuration_sha256) == ("v0.1.0-3-gabc1234", "b" * 64)
    hub.lost()
    hub.greeted()
    assert hub.machine is None


def test_a_measurement_is_followed_from_its_start_to_its_reading() -> None:
    hub = told({"event": "choice", "choice": CHOICE.model_dump(mode="json")}, progress(State.BASELINE))
    assert hub.active
    for index in range(5):
        hub.hear(progress(State.HOLDING, event="progress", time_s=index / 10, signal=index / 100, kpa=40.0))
    hub.hear(progress(State.REFILLING, event="progress", time_s=0.6, signal=0.1, kpa=0.0))
    assert [point.released for point in hub.points] == [False] * 5 + [True]
    hub.hear({"event": "press", "number": 1, "set_number": 1, "result": MEASURED})
    hub.hear(progress(State.DONE))
    hub.hear(reading(7))
    assert not hub.active
    assert hub.ended == 1
    assert hub.reading is not None
    assert (hub.reading.device_seq, hub.reading.result.crt_s, len(hub.reading.presses)) == (7, 2.5, 1)


def test_a_new_measurement_shows_nothing_of_the_last_one() -> None:
    hub = told(progress(State.REFILLING, time_s=1.0, signal=0.2), progress(State.DONE), reading(1))
    hub.hear({"event": "problem", "sentence": "The probe does not answer."})
    hub.hear(progress(State.BASELINE))
    assert (hub.reading, hub.trouble, len(hub.points)) == (None, None, 0)


def test_a_number_is_never_shown_for_somebody_else() -> None:
    hub = told(reading(1))
    hub.hear({"event": "choice", "choice": CHOICE.model_dump(mode="json")})
    assert hub.reading is None


def test_a_reading_told_again_after_a_restart_is_no_news() -> None:
    hub = told(reading(3))
    hub.lost()
    hub.greeted()
    hub.hear(reading(3))
    assert hub.ended == 1
    hub.hear(reading(4))
    assert hub.ended == 2


def test_only_a_measurement_that_was_seen_can_end_in_a_number_that_nobody_has_seen() -> None:
    hub = told(reading(3))
    assert not hub.fresh  # a screen that was started anew is told what others may have looked at
    for event in (progress(State.BASELINE), progress(State.DONE), reading(4)):
        hub.hear(event)
    assert hub.fresh
    hub.hear(reading(5))
    assert not hub.fresh


@pytest.mark.slow
@given(
    st.dictionaries(
        st.sampled_from(
            ["event", "state", "press", "presses", "set_number", "time_s", "signal", "result", "parts", "x"]
        ),
        st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=9), st.lists(st.none())),
    ).map(lambda made: {"event": "progress", **made})
)
def test_what_is_not_whole_changes_nothing_and_never_raises(event: dict[str, Any]) -> None:
    hub = told()
    version = hub.version
    hub.hear(event)
    assert hub.version in (version, version + 1)
    hub.hear(progress(State.IDLE))
    assert hub.state is State.IDLE


def test_a_keypad_takes_digits_and_no_more_than_fit() -> None:
    entry = Entry("07")
    assert entry.subject is None
    for digit in "12345678":
        entry = entry.typed(digit)
    assert entry.digits == "123456"
    assert entry.typed("x") == entry.typed("²") == entry
    assert entry.erased().subject == Subject(site="07", inclusion="12345")


@pytest.mark.parametrize(
    ("text", "subject"),
    [
        ("07-0042", ("07", "0042")),
        ("07/0042\n", ("07", "0042")),
        (" 007 42 ", ("007", "42")),
        ("070042", None),
        ("7-42", None),
        ("07-Jean", None),
        ("", None),
        ("07-1234567", None),
    ],
)
def test_a_bar_code_is_a_subject_or_nothing(text: str, subject: tuple[str, str] | None) -> None:
    found = scanned(text)
    assert (found and (found.site, found.inclusion)) == subject


def test_every_word_that_is_said_is_in_the_table_and_has_both_languages() -> None:
    said: set[str] = set()
    for path in (HERE / "device/screen").glob("*.py"):
        said |= set(re.findall(r'say\("([a-z_]+)"', path.read_text(encoding="utf-8")))
    said |= {f"state_{state.value}" for state in State} | {part.value for part in PartName}
    said |= {f"window_{answer}" for answer in ("before", "inside", "after", "undetermined")}
    said |= {site.value for site in BodySite} | {"history", "check", "help", "when", "where", "event", "result"}
    assert said <= WORDS.keys()
    for english, french in [*WORDS.values(), *QUICK_CARD]:
        assert english
        assert french
        assert set(re.findall(r"\{(\w+)\}", english)) == set(re.findall(r"\{(\w+)\}", french))


def test_numbers_have_a_comma_in_french() -> None:
    assert number(2.46, 1, "en") == "2.5"
    assert number(2.46, 1, "fr") == "2,5"
    assert say("interval", "fr", low="2,3", high="2,7") == "intervalle à 95 % : 2,3 à 2,7 s"


@pytest.mark.parametrize(
    ("digits", "said"),
    [("0730", "07:30"), ("2359", "23:59"), ("0000", "00:00"), ("2400", None), ("0760", None), ("07", None)],
)
def test_a_time_of_day_is_one_or_none(digits: str, said: str | None) -> None:
    now = datetime(2026, 11, 26, 12, 0, tzinfo=UTC).astimezone()
    found = onset_at(digits, 1, now)
    assert (found and found.strftime("%H:%M")) == said
    if found is not None:
        assert found.date() == (now - timedelta(days=1)).date()
        assert found.tzinfo is not None


def test_curves_stay_inside_and_show_where_there_was_no_number() -> None:
    points = [Point(index / 10, 0.001 * index, 1.0, index > 5) for index in range(20)]
    drawn = curve.live(points, "skin")
    assert 'class="mark"' in drawn
    ys = [float(pair.split(",")[1]) for pair in re.search(r'points="([^"]+)"', drawn)[1].split()]  # type: ignore[index] # it is there
    assert min(ys) >= 0
    assert max(ys) <= curve.HEIGHT
    assert max(ys) - min(ys) < curve.HEIGHT, "noise does not fill the picture"
    plotted = curve.trend([2.0, None, 3.0], 3.0, "history")
    assert plotted.count('class="dot"') == 2
    assert plotted.count('class="thin"') == 0
    assert plotted.count('class="limit"') == 1
    assert "dot" not in curve.trend([None], 3.0, "history")
    assert curve.live([], "skin").count("polyline") == 0


def test_no_state_that_presses_can_be_left_without_stop() -> None:
    for state in ACTIVE:
        assert told(progress(state)).active
