"""`refill calibrate run` at the command line: its exit codes, what it refuses, and what it leaves behind."""

import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from run_bench import STEPS, machine
from typer.testing import CliRunner, Result

from calibration.certificate import latest
from calibration.certificate.standing import in_force
from calibration.certificate.store import Store
from contract.certificate import StepName
from firmware_config.device import load_device
from refill import calibrate_wiring
from refill.cli import app

QUICK = ("--simulate", "--yes")


def calibrate(*words: str) -> Result:
    return CliRunner().invoke(app, ["calibrate", "run", *words])


@pytest.fixture
def quick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three quick steps in place of the plan; returns the device file."""
    at = machine(tmp_path)

    def bench(*_: object, **__: object) -> calibrate_wiring.Bench:
        return calibrate_wiring.Bench(load_device(at.file), at, tmp_path, STEPS, simulated=True)

    monkeypatch.setattr(calibrate_wiring, "bench", bench)
    monkeypatch.setattr("calibration.certificate.standing.NEEDED", {step.name for step in STEPS if not step.optional})
    return at.file


def answers(folder: Path, zero: list[float]) -> str:
    path = folder / "answers.toml"
    path.write_text(f"pressure_zero = {zero}\n", encoding="utf-8")
    return str(path)


def test_a_whole_run_says_what_it_found_and_wrote(quick: Path, tmp_path: Path) -> None:
    ended = calibrate(*QUICK, "--answers", answers(tmp_path, [0.0, 0.01]), "--operator", "eng-1")
    assert ended.exit_code == 0, ended.output
    assert "pressure_sensor.zero_kpa" in ended.output
    assert "left out: light_ambient: There is no light pin." in ended.output
    assert ": PASSED" in ended.output
    device = load_device(quick)
    assert device.pressure_sensor.zero_kpa == 0.8
    standing = in_force(tmp_path, device, datetime.now(UTC), simulated=True)
    assert standing.state == "in_force"
    assert standing.certificate is not None
    assert standing.certificate.operator == "eng-1"


def test_a_failed_step_fails_the_certificate_and_the_command(quick: Path, tmp_path: Path) -> None:
    ended = calibrate(*QUICK, "--answers", answers(tmp_path, [0.0, 0.5]))
    assert ended.exit_code == 1
    assert "FAILED" in ended.output
    assert "failed: pressure_zero" in ended.output
    assert in_force(tmp_path, load_device(quick), datetime.now(UTC), simulated=True).state == "failed"


@pytest.mark.slow
def test_a_missing_answer_stops_and_is_gone_on_with(quick: Path, tmp_path: Path) -> None:
    stopped = calibrate(*QUICK, "--answers", answers(tmp_path, [0.0]))
    assert stopped.exit_code == 2
    assert "there is no answer to this" in stopped.output
    assert calibrate(*QUICK).exit_code == 2
    ended = calibrate(*QUICK, "--resume", "--answers", answers(tmp_path, [0.0]))
    assert ended.exit_code == 0, ended.output
    assert "3/3" not in ended.output


@pytest.mark.slow
def test_one_step_is_kept_in_the_run(quick: Path, tmp_path: Path) -> None:
    ended = calibrate(*QUICK, "--step", "camera_dark")
    assert ended.exit_code == 0
    assert "2 steps left: go on with --resume" in ended.output
    again = calibrate(*QUICK, "--resume", "--step", "pressure_zero", "--answers", answers(tmp_path, [0.0]))
    assert again.exit_code == 1, "a sensor that shows 0.8 kPa in air has not passed"
    wrong = calibrate(*QUICK, "--resume", "--step", "presure_zero")
    assert wrong.exit_code == 2
    assert "--step presure_zero: there is no such step; there are pressure_zero, light_ambient" in wrong.output


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--yes",), "go with --simulate"),
        (("--seed", "3"), "go with --simulate"),
        (("--simulate", "--resume", "--fresh"), "not both"),
        ((*QUICK, "--operator", "Jane Doe"), "operator code"),
        ((*QUICK, "--resume"), "no calibration is under way"),
        ((*QUICK, "--answers", "/nowhere.toml"), "/nowhere.toml: No such file"),
    ],
)
def test_wrong_use_is_one_line(quick: Path, words: tuple[str, ...], said: str) -> None:
    ended = calibrate(*words)
    assert ended.exit_code == 2
    assert said in ended.output
    assert len(ended.output.strip().splitlines()) == 1


@pytest.mark.slow
def test_an_altered_run_is_refused_and_thrown_away(quick: Path, tmp_path: Path) -> None:
    calibrate(*QUICK, "--step", "camera_dark")
    kept = tmp_path / "run" / "0001-measured.json"
    kept.write_text(kept.read_text(encoding="utf-8").replace("0.5", "0.4"), encoding="utf-8")
    refused = calibrate(*QUICK, "--resume")
    assert refused.exit_code == 2
    assert "altered or damaged" in refused.output
    assert calibrate(*QUICK, "--fresh", "--step", "camera_dark").exit_code == 0


def test_a_disk_that_cannot_be_written_is_no_wrong_use(
    quick: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("calibration.state.write_whole", full)
    ended = calibrate(*QUICK, "--step", "camera_dark")
    assert ended.exit_code == 1
    assert "No space left on device" in ended.output


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can write for somebody else")
def test_what_root_calibrated_is_the_devices_own(quick: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, elsewhere = tmp_path / "state" / "calibration", tmp_path / "elsewhere"
    folder.mkdir(parents=True)
    elsewhere.touch()
    (folder / "link").symlink_to(elsewhere)
    os.chown(folder.parent, 65534, 65534)
    on = replace(calibrate_wiring.bench(None, None, simulate=True, seed=0, errors=None), folder=folder)
    monkeypatch.setattr(calibrate_wiring, "bench", lambda *_, **__: on)
    assert calibrate(*QUICK, "--answers", answers(tmp_path, [0.0, 0.0])).exit_code == 0
    written = [path for path in (folder, *folder.rglob("*")) if path.name != "link"]
    assert {path.lstat().st_uid for path in written} == {65534}
    assert {"latest", "device-key.pem"} <= {path.name for path in written}
    assert elsewhere.stat().st_uid == 0, "never through a link"


@pytest.mark.slow
def test_killed_between_the_certificate_and_the_word_on_it_both_stand_in_the_end(
    quick: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("calibration.certificate.latest.write", die)
        assert calibrate(*QUICK, "--answers", answers(tmp_path, [0.0, 0.0])).exit_code == 130
    (only,) = Store(tmp_path / "certificates").all()
    assert latest.read(tmp_path / "certificates") is None
    assert calibrate(*QUICK, "--resume").exit_code == 0
    said = latest.read(tmp_path / "certificates")
    assert said is not None
    assert (said.latest_certificate_id, said.others) == (only.certificate_id, ())
    assert len(Store(tmp_path / "certificates").all()) == 1


@pytest.mark.slow
def test_killed_once_the_certificate_is_kept_there_are_not_two_of_one_run(
    quick: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    told = answers(tmp_path, [0.0, 0.0])
    with monkeypatch.context() as patched:
        patched.setattr("calibration.run.Run.end", die)
        assert calibrate(*QUICK, "--answers", told).exit_code == 130
    assert calibrate(*QUICK, "--resume").exit_code == 0
    assert len(Store(tmp_path / "certificates").all()) == 1


@pytest.mark.slow
def test_a_second_calibration_names_the_first_and_the_report_compares_them(quick: Path, tmp_path: Path) -> None:
    told = answers(tmp_path, [0.0, 0.0])
    for words in ((), ("--fresh",)):
        assert calibrate(*QUICK, "--answers", told, *words).exit_code == 0
    first, second = (kept for kept in Store(tmp_path / "certificates").all())
    assert first.certificate is not None
    assert second.certificate is not None
    assert second.certificate.previous_certificate_id == first.certificate.certificate_id
    pdf = tmp_path / "second.pdf"
    ended = CliRunner().invoke(app, ["calibrate", "report", str(second.path), "--pdf", str(pdf)])
    assert ended.exit_code == 0, ended.output
    assert "PASSED, 2 steps" in ended.output
    alone = tmp_path / "alone.json"
    alone.write_bytes(second.path.read_bytes())
    other = tmp_path / "alone.pdf"
    assert CliRunner().invoke(app, ["calibrate", "report", str(alone), "--pdf", str(other)]).exit_code == 0
    assert other.stat().st_size < pdf.stat().st_size, "nothing to compare with: a page less"


@pytest.mark.slow
def test_an_altered_certificate_is_not_reported(quick: Path, tmp_path: Path) -> None:
    calibrate(*QUICK, "--answers", answers(tmp_path, [0.0, 0.5]))
    (kept,) = Store(tmp_path / "certificates").all()
    bad = tmp_path / "bad.json"
    bad.write_text(kept.path.read_text(encoding="utf-8").replace("0.5", "0.0"), encoding="utf-8")
    ended = CliRunner().invoke(app, ["calibrate", "report", str(bad), "--pdf", str(tmp_path / "bad.pdf")])
    assert ended.exit_code == 2
    assert "altered" in ended.output
    assert not (tmp_path / "bad.pdf").exists()


def test_a_certificate_that_lacks_a_step_has_not_passed(
    quick: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("calibration.certificate.standing.NEEDED", {StepName.PRESSURE_ZERO, StepName.FOCUS})
    ended = calibrate(*QUICK, "--answers", answers(tmp_path, [0.0, 0.0]))
    assert ended.exit_code == 1
    assert ": INCOMPLETE" in ended.output
    assert "never in force, since these steps are missing: focus" in ended.output
