"""The engineer at a terminal, and the one who is not there."""

import io
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rich.console import Console
from run_bench import STEPS

from calibration.guide import Next
from calibration.state import Change
from calibration.step import Question, Words
from contract.certificate import Figure, StepName, StepOutcome
from refill.calibrate_desk import Absent, DeskError, Terminal, read_answers

NOW = datetime(2026, 11, 27, tzinfo=UTC)
MANOMETER = Question(Words("What does the manometer show?", "Que montre le manomètre ?"), "kPa", 0.0, 60.0)


def outcome(value: float) -> StepOutcome:
    figure = Figure(name="offset-kpa", value=value, unit="kPa", uncertainty=0.05, at_least=-0.3, at_most=0.3)
    return StepOutcome(step=StepName.PRESSURE_ZERO, at=NOW, figures=(figure,))


def typed(monkeypatch: pytest.MonkeyPatch, *lines: str) -> tuple[Terminal, io.StringIO]:
    told = iter(lines)
    monkeypatch.setattr("builtins.input", lambda *_: next(told))
    shown = io.StringIO()
    return Terminal(Console(file=shown, width=100), "en"), shown


def test_an_answer_beyond_the_limits_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    desk, shown = typed(monkeypatch, "61", "x", "20.5")
    assert desk.ask(STEPS[0], MANOMETER) == 20.5
    assert "61 is not within 0 to 60 kPa" in shown.getvalue()


@pytest.mark.parametrize(
    ("value", "answer", "wanted"),
    [(0.1, "", Next.GO_ON), (0.1, "y", Next.REPEAT), (0.5, "", Next.REPEAT), (0.5, "n", Next.GO_ON)],
)
def test_a_figure_is_shown_with_its_limit_and_verdict(
    monkeypatch: pytest.MonkeyPatch, value: float, answer: str, wanted: Next
) -> None:
    desk, shown = typed(monkeypatch, answer)
    assert desk.shown(STEPS[0], outcome(value)) is wanted
    assert f"{value:.3f} ± 0.050 kPa" in shown.getvalue()
    assert "-0.3 to 0.3 kPa" in shown.getvalue()
    assert ("✓ pass" if value < 0.3 else "✗ FAIL") in shown.getvalue()


def test_corrections_are_shown_old_and_new(monkeypatch: pytest.MonkeyPatch) -> None:
    desk, shown = typed(monkeypatch, "n")
    change = Change(key="pressure_sensor.zero_kpa", step=StepName.PRESSURE_ZERO, old=0.0, new=0.42)
    assert desk.agree([change]) is False
    assert "pressure_sensor.zero_kpa" in shown.getvalue()
    assert "0.42" in shown.getvalue()


def test_answers_are_taken_in_order_and_their_end_is_said() -> None:
    desk = Absent(Console(file=io.StringIO()), "en", {"pressure_zero": [1.0, 2.0]})
    assert [desk.ask(STEPS[0], MANOMETER) for _ in range(2)] == [1.0, 2.0]
    with pytest.raises(DeskError, match=r"pressure_zero: What does the manometer show\?"):
        desk.ask(STEPS[0], MANOMETER)


def test_an_answer_of_the_file_has_limits_too() -> None:
    desk = Absent(Console(file=io.StringIO()), "en", {"pressure_zero": [61.0]})
    with pytest.raises(DeskError, match="61 is not within 0 to 60 kPa"):
        desk.ask(STEPS[0], MANOMETER)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("pressure_span = 3\n", "pressure_span: is not an array of numbers"),
        ("=", "not TOML"),
        ('a = ["1"]', "a: is not"),
    ],
)
def test_a_file_that_is_none_is_named(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "answers.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DeskError, match=f"answers.toml: {said}"):
        read_answers(path)


def test_answers_are_read_by_step(tmp_path: Path) -> None:
    path = tmp_path / "answers.toml"
    path.write_text("pressure_span = [1, 2.5]\n", encoding="utf-8")
    assert read_answers(path) == {"pressure_span": [1.0, 2.5]}
