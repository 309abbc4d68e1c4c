"""`refill panel`: the table that the page carries, the drawn lights and sounds, and the report of a push."""

import re
import threading
from pathlib import Path

import pytest
from gpiozero.pins.mock import MockFactory, MockPWMPin
from typer.testing import CliRunner

from device.panel.looks import LOOKS
from device.session_words import State
from firmware_config.device import load_device
from refill import panel_try
from refill.panel_cli import app
from refill.panel_docs import as_markdown, written
from refill.panel_try import Edge, PanelTrialError, as_line, report_of, trials, try_on_hardware

HERE = Path(__file__).resolve().parents[2]
PAGE = HERE / "docs" / "panel.md"
CONFIG = load_device()
MS = 1_000_000


def edges_at(*at_ms: int) -> list[Edge]:
    return [(number % 2 == 0, at * MS) for number, at in enumerate(at_ms)]


def test_the_page_is_what_the_code_says() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == written(page), "run python -m refill.panel_docs"


def test_a_page_that_lags_behind_would_be_seen() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert written(page.replace("| `idle` | steady |", "| `idle` | off |")) == page
    with pytest.raises(ValueError, match="wants one <!-- looks -->"):
        written(page.replace("<!-- looks -->", ""))


def test_every_test_that_the_page_cites_exists() -> None:
    cited = re.findall(r"`(tests/\S+?\.py)::(test_\w+)`", PAGE.read_text(encoding="utf-8"))
    assert len(cited) > 5
    for file, name in cited:
        assert f"def {name}(" in (HERE / file).read_text(encoding="utf-8"), f"{file}::{name}"


def test_the_table_has_a_row_for_every_state() -> None:
    told = CliRunner().invoke(app, ["table"]).stdout
    for state in State:
        row = next(line for line in told.splitlines() if line.startswith(f"{state.value} "))
        assert LOOKS[state].light.name in row
        assert row.endswith(LOOKS[state].says)
    assert CliRunner().invoke(app, ["table", "--markdown"]).stdout.strip() == as_markdown()


def test_every_light_and_sound_is_drawn_as_the_pins_had_it() -> None:
    ended = CliRunner().invoke(app, ["try", "--simulate"])
    assert ended.exit_code == 0
    drawn = dict(re.findall(r"^(\S.*?)  +\S.*\n  light  (\S+)", ended.stdout, re.MULTILINE))
    assert set(drawn) == {name for name, _, _ in trials()}
    assert drawn["idle"] == "#" * 40
    assert re.fullmatch(r"#*(\.{7,8}#{9})+.*", drawn["pressing"].lstrip("."))
    sounds = re.findall(r"^  sound  (\S+)", ended.stdout, re.MULTILINE)
    assert len(sounds) == len(drawn)
    assert sounds[-2].startswith("##..##..")
    assert ended.stdout.splitlines()[-1] == ("contact for 0.43 s, 6 bounces, the longest 4.0 ms (debounce 30 ms): push")


def test_by_night_only_faults_sound() -> None:
    told = CliRunner().invoke(app, ["try", "--simulate", "--night"]).stdout
    sounding = re.findall(r"^(\S+) .*\n  light  .*\n  sound  #", told, re.MULTILINE)
    assert sounding == [state.value for state in State if state.value.endswith("fault")]


def test_without_a_pi_it_says_so_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GPIOZERO_PIN_FACTORY", raising=False)
    ended = CliRunner().invoke(app, ["try", "--config", str(HERE / "firmware_config" / "device.toml")])
    assert ended.exit_code == 1
    assert ended.stderr == "GPIOZERO_PIN_FACTORY must be lgpio, not 'unset'; without a Pi use --simulate\n"


def test_a_device_file_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    ended = CliRunner().invoke(app, ["try", "--config", str(tmp_path / "none.toml")])
    assert (ended.exit_code, ended.stderr) == (2, f"{tmp_path / 'none.toml'}: No such file or directory\n")


@pytest.mark.parametrize(
    ("at_ms", "line"),
    [
        ((0, 200), "contact for 0.20 s, no bounce: push"),
        ((0, 2, 5, 2000), "contact for 2.00 s, 2 bounces, the longest 3.0 ms (debounce 30 ms): push, long push: stop"),
        ((0, 12), "contact for 0.01 s, 1 bounce, the longest 12.0 ms (debounce 30 ms): no push, too short"),
        ((0, 100, 150, 300), "contact for 0.30 s, no bounce: push, push"),
    ],
)
def test_a_push_is_reported_by_its_contact_and_by_what_it_was_taken_for(at_ms: tuple[int, ...], line: str) -> None:
    assert as_line(report_of(edges_at(*at_ms), CONFIG), CONFIG) == line


def test_the_trial_on_pins_goes_through_everything_and_ends_where_nobody_pushes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(panel_try, "SHOWN_S", 0.02)
    monkeypatch.setattr(panel_try, "POLL_S", 0.005)
    monkeypatch.setattr(panel_try, "WAIT_S", 0.1)
    factory, said = MockFactory(pin_class=MockPWMPin), []
    with pytest.raises(PanelTrialError, match="No push was seen"):
        try_on_hardware(CONFIG, factory, night=False, say=said.append)
    assert [line.split("  ")[0].strip() for line in said[:-1]] == [name for name, _, _ in trials()]


def test_the_trial_on_pins_tells_of_a_stuck_button(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(panel_try, "SHOWN_S", 0.02)
    factory = MockFactory(pin_class=MockPWMPin)
    with pytest.raises(PanelTrialError, match="The button is stuck"):
        try_on_hardware(CONFIG, factory, night=False, say=lambda _: factory.pin(CONFIG.pins.button).drive_low())


def test_the_trial_on_pins_reports_the_push_that_it_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(panel_try, "SHOWN_S", 0.02)
    monkeypatch.setattr(panel_try, "AFTER_S", 0.06)
    factory, said = MockFactory(pin_class=MockPWMPin), []
    button = factory.pin(CONFIG.pins.button)

    def say(line: str) -> None:
        said.append(line)
        if line.startswith("Push"):
            threading.Timer(0.1, button.drive_low).start()
            threading.Timer(0.3, button.drive_high).start()

    try_on_hardware(CONFIG, factory, night=False, say=say)
    assert re.fullmatch(r"contact for 0\.[1-9]\d s, no bounce: push", said[-1])
