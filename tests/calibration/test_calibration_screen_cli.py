"""What `refill calibrate screen` refuses at its start: one sentence, exit 2, and nothing is served."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from firmware_config.device import DEFAULT_PATH
from refill.cli import app

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def never_served(monkeypatch: pytest.MonkeyPatch) -> None:
    def served(*given: object) -> None:
        raise AssertionError("it was served")

    monkeypatch.setattr("device.calibrating_screen.server.serve", served)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--seed", "3"], "--errors and --seed go with --simulate"),
        (["--simulate", "--language", "de"], "--language de: en or fr"),
        (["--simulate", "--config", "none.toml"], "none.toml"),
        (["--simulate", "--errors", "none.toml"], "none.toml: No such file"),
        (["--simulate", "--config", "pins.toml"], "the credential screen-pins was not handed over"),
    ],
)
def test_what_cannot_be_served_is_refused_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    packaged = DEFAULT_PATH.read_text(encoding="utf-8")
    Path("pins.toml").write_text(packaged.replace("[screen]", '[screen]\npins_credential = "screen-pins"'))
    done = CliRunner().invoke(app, ["calibrate", "screen", "--data", str(tmp_path / "data"), *words])
    assert done.exit_code in (1, 2)
    (line,) = done.stderr.strip().splitlines()
    assert says in line
    assert not list(tmp_path.glob("data/calibration/run/*"))
