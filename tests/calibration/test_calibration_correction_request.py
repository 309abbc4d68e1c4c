"""The page may not write the device file: root does, from a request that may be anything."""

import os
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from run_bench import NOW, STEPS, WHO, Engineer, machine
from typer.testing import CliRunner, Result

from calibration.apply import ApplyError, corrected
from calibration.certificate.make import calibration_sha256
from calibration.correction_request import (
    REQUEST,
    WAITS_S,
    Answer,
    AskedOfRoot,
    Request,
    answer_request,
    last_answer,
)
from calibration.guide import carry_out
from calibration.run import begin
from calibration.state import Change
from calibration.whole_file import write_whole
from contract.certificate import StepName
from firmware_config.device import DEFAULT_PATH, load_device
from refill.calibrate_wiring import writer
from refill.cli import app

ZERO = Change(key="pressure_sensor.zero_kpa", step=StepName.PRESSURE_ZERO, old=0.0, new=-0.4)
GAIN = Change(key="pressure_sensor.gain", step=StepName.PRESSURE_SPAN, old=1.0, new=1.02)
COLOURS = Change(key="camera.lock.colour_gains", step=StepName.CAMERA_LOCK, old=(2.0, 1.6), new=(2.1, 1.7))
ID = UUID(int=7)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "etc/device.toml"
    path.parent.mkdir()
    path.write_text(DEFAULT_PATH.read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "calibration").mkdir()
    return path


def asked(file: Path, *changes: Change, **other: object) -> Path:
    """Lay a request beside the folder of the device file, as the page does."""
    device = load_device(file)
    try:
        after = corrected(device, changes)
    except (ApplyError, KeyError):
        after = device
    said = {
        "request_id": ID,
        "at": NOW,
        "changes": changes,
        "old_sha256": calibration_sha256(device),
        "new_sha256": calibration_sha256(after),
    }
    path = file.parent.parent / "calibration" / REQUEST
    write_whole(path, Request.model_validate({**said, **other}).model_dump_json())
    return path


def answered(file: Path) -> Answer | None:
    above = file.parent.parent
    return answer_request(file, above / "calibration", calibration_sha256, NOW, above / "answers")


def test_what_was_agreed_to_is_written_and_answered_once(file: Path) -> None:
    asked(file, ZERO, GAIN, COLOURS)
    answer = answered(file)
    assert answer is not None
    assert (answer.request_id, answer.trouble) == (ID, None)
    device = load_device(file)
    assert (device.pressure_sensor.zero_kpa, device.pressure_sensor.gain) == (-0.4, 1.02)
    assert device.camera.lock.colour_gains == (2.1, 1.7)
    assert answer.backup is not None
    assert file.with_name(answer.backup).read_bytes() == DEFAULT_PATH.read_bytes()
    assert answered(file) == answer, "started twice by one request, it says the same"
    assert len(list(file.parent.iterdir())) == 2


def test_where_nothing_is_asked_nothing_is_done(file: Path) -> None:
    assert answered(file) is None
    assert [path.name for path in file.parent.iterdir()] == ["device.toml"]


def with_other_value(change: Change, **values: object) -> Change:
    return Change.model_validate({**change.model_dump(), **values})


@pytest.mark.parametrize(
    ("changes", "other", "said"),
    [
        ([with_other_value(ZERO, key="press_limits.pressure_kpa", old=60.0)], {}, "is nothing that a calibration"),
        ([ZERO, with_other_value(ZERO, key="probe.plate_area_mm2")], {}, "probe.plate_area_mm2: is nothing that"),
        ([with_other_value(GAIN, new=0.8)], {}, "gain: is not within 0.95 to 1.05"),
        ([with_other_value(GAIN, new=(1.0, 1.0))], {}, "gain: is not within"),
        ([with_other_value(ZERO, old=0.1)], {}, "zero_kpa: is not what it was"),
        ([with_other_value(ZERO, new=-50.0)], {}, "do not fit the device"),
        ([ZERO], {"old_sha256": "a" * 64}, "was changed while"),
        ([ZERO], {"new_sha256": "a" * 64}, "would not say what was agreed to"),
        ([ZERO], {"at": NOW - timedelta(hours=25)}, "not of today"),
    ],
)
def test_what_no_calibration_asks_for_is_answered_in_a_sentence_and_nothing_is_written(
    file: Path, changes: list[Change], other: dict[str, object], said: str
) -> None:
    asked(file, *changes, **other)
    answer = answered(file)
    assert answer is not None
    assert answer.backup is None
    assert said in str(answer.trouble)
    assert file.read_bytes() == DEFAULT_PATH.read_bytes()
    assert [path.name for path in file.parent.iterdir()] == ["device.toml"]


def linked(path: Path) -> None:
    path.rename(path.with_name("other"))
    path.symlink_to(path.with_name("other"))


def folder_linked(path: Path) -> None:
    path.parent.rename(path.parent.with_name("other"))
    path.parent.symlink_to(path.parent.with_name("other"))


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.slow
@pytest.mark.parametrize(
    "hurt",
    [
        linked,
        folder_linked,
        pipe,
        lambda path: path.write_text(" " * 20_000 + path.read_text(encoding="utf-8"), encoding="utf-8"),
        lambda path: path.write_text('{"secret": 1}', encoding="utf-8"),
        lambda path: path.write_bytes(b"\xff"),
    ],
)
def test_what_is_no_small_file_of_the_pages_is_refused_and_not_repeated(
    file: Path, hurt: Callable[[Path], None]
) -> None:
    hurt(asked(file, ZERO))
    ended = by_hand(file)
    assert ended.exit_code == 1
    assert len(ended.output.splitlines()) == 1
    assert REQUEST in ended.output
    assert "secret" not in ended.output
    assert file.read_bytes() == DEFAULT_PATH.read_bytes()


def by_hand(file: Path) -> Result:
    above = file.parent.parent
    words = ["--config", str(file), "--data", str(above), "--answers", str(above / "answers")]
    return CliRunner().invoke(app, ["calibrate", "apply", *words])


def root(file: Path, ended: threading.Event, said: list[Result]) -> None:
    """Do as systemd does: start the command when the request is there."""
    while not ended.wait(0.01):
        if (file.parent.parent / "calibration" / REQUEST).exists():
            said.append(by_hand(file))
            return


def page(file: Path, waits_s: float) -> AskedOfRoot:
    above = file.parent.parent
    return AskedOfRoot(
        file,
        above / "calibration",
        calibration_sha256,
        lambda: datetime.now(UTC),
        answers=above / "answers",
        waits_s=waits_s,
    )


def test_a_run_whose_page_may_not_write_is_corrected_by_root_and_goes_on(file: Path, tmp_path: Path) -> None:
    at = replace(machine(tmp_path), file=file, sha256=calibration_sha256, write=page(file, waits_s=30.0))
    ended, said, engineer = threading.Event(), list[Result](), Engineer()
    thread = threading.Thread(target=root, args=(file, ended, said))
    thread.start()
    try:
        device = load_device(file)
        with closing(begin(tmp_path / "calibration", WHO, at.sha256(device), STEPS, NOW)) as run:
            after = carry_out(run, at, device, engineer)
            assert run.in_force(calibration_sha256(load_device(file)))
    finally:
        ended.set()
        thread.join(30.0)
    assert [each.exit_code for each in said] == [0], said[0].output
    assert after == load_device(file)
    assert after.pressure_sensor.zero_kpa == 0.8
    assert sum(line.startswith("written device.toml.before-") for line in engineer.heard) == 1
    assert not (tmp_path / "calibration" / REQUEST).exists(), "nothing is left to be written another day"


def test_a_page_that_nobody_answers_says_what_to_do_and_that_does_it(file: Path, tmp_path: Path) -> None:
    began_s = time.monotonic()
    with pytest.raises(ApplyError, match=r"within 0\.3 s: sudo refill calibrate apply at a terminal writes them"):
        page(file, waits_s=0.3)(load_device(file), [ZERO])
    assert time.monotonic() - began_s < WAITS_S, "its own limit, not the usual one"
    assert file.read_bytes() == DEFAULT_PATH.read_bytes()
    ended = by_hand(file)
    assert ended.exit_code == 0
    assert "corrected; the file as it was: device.toml.before-" in ended.output
    assert load_device(file).pressure_sensor.zero_kpa == -0.4


def test_the_file_counts_and_not_the_answer(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("calibration.correction_request.uuid4", lambda: ID)
    (tmp_path / "answers").mkdir()
    yes = Answer(request_id=ID, backup="device.toml.before-20261127T010203000000")
    write_whole(tmp_path / "answers/answer.json", yes.model_dump_json())
    assert last_answer(tmp_path / "answers") == yes
    with pytest.raises(ApplyError, match="does not say what was agreed to"):
        page(file, waits_s=5.0)(load_device(file), [ZERO])


def test_a_refusal_is_told_on_the_page(file: Path) -> None:
    ended, said = threading.Event(), list[Result]()
    thread = threading.Thread(target=root, args=(file, ended, said))
    thread.start()
    try:
        with pytest.raises(ApplyError, match="gain: is not within"):
            page(file, waits_s=30.0)(load_device(file), [with_other_value(GAIN, new=0.8)])
    finally:
        ended.set()
        thread.join(30.0)
    assert [each.exit_code for each in said] == [1]


def test_who_may_write_there_writes_and_asks_nobody(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer(file, tmp_path / "calibration")(load_device(file), [ZERO])
    assert load_device(file).pressure_sensor.zero_kpa == -0.4
    assert not (tmp_path / "calibration" / REQUEST).exists()
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert isinstance(writer(file, tmp_path / "calibration"), AskedOfRoot)
