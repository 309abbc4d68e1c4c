"""Which certificate is the newest: by what each names as the one before, and by the device's own signed word."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from test_calibration_certificate import CONFIG, NOW, about, kept, step, whole

from calibration.certificate import latest
from calibration.certificate.keys import DeviceKey
from calibration.certificate.make import TooLargeError, make_certificate, signed
from calibration.certificate.standing import FOLDER, in_force
from calibration.certificate.store import Store
from contract.certificate import Certificate, Curve, Figure, StepName, StepOutcome

YEAR = timedelta(days=365)


def calibrated(
    folder: Path, at: datetime = NOW, previous: Certificate | None = None, *, passes: bool = True, noted: bool = True
) -> Certificate:
    """A calibration as `refill calibrate run` ends it; not `noted` as versions before 1.4 did, or killed just then."""
    whose = about(previous=None if previous is None else previous.certificate_id)
    made = make_certificate(whole(None if passes else step(0.5)), whose)
    made = made.model_copy(update={"made_at": at, "due_at": at + YEAR})
    key = DeviceKey.open(folder)
    Store(folder / FOLDER).add(signed(made, key), key if noted else None)
    return made


def file_of(folder: Path, certificate: Certificate) -> Path:
    (found,) = (folder / FOLDER).glob(f"*{certificate.certificate_id}.json")
    return found


def counts(folder: Path) -> UUID | str:
    found = in_force(folder, CONFIG, NOW + timedelta(hours=3))
    return found.certificate_id or found.state


@pytest.mark.parametrize("noted", [True, False], ids=["noted", "kept by an older version"])
def test_a_failed_one_that_was_made_with_the_clock_set_ahead_is_not_the_newest_for_ever(
    tmp_path: Path, noted: bool
) -> None:
    first = calibrated(tmp_path, noted=noted)
    ahead = calibrated(tmp_path, NOW + 5 * YEAR, first, passes=False, noted=noted)
    assert counts(tmp_path) == "failed"
    last = calibrated(tmp_path, NOW + timedelta(hours=1), ahead, noted=noted)
    assert counts(tmp_path) == last.certificate_id
    behind = calibrated(tmp_path, NOW - 9 * YEAR, last, passes=False, noted=noted)
    assert counts(tmp_path) == "failed"
    assert [each.certificate for each in Store(tmp_path / FOLDER).all()] == [first, ahead, last, behind]


def test_taking_the_newest_away_does_not_bring_the_one_before_back(tmp_path: Path) -> None:
    first = calibrated(tmp_path)
    failed = calibrated(tmp_path, NOW + timedelta(hours=1), first, passes=False)
    taken = file_of(tmp_path, failed)
    text = taken.read_text(encoding="utf-8")
    taken.unlink()
    assert counts(tmp_path) == "missing"
    taken.write_text(text, encoding="utf-8")
    assert counts(tmp_path) == "failed"
    for path in (tmp_path / FOLDER).glob("*.json"):
        path.unlink()
    assert counts(tmp_path) == "missing"


def test_a_calibration_mends_a_missing_one_and_that_one_does_not_come_back_as_the_newest(tmp_path: Path) -> None:
    first = calibrated(tmp_path)
    lost = calibrated(tmp_path, NOW + timedelta(hours=2), first, passes=False)
    text = file_of(tmp_path, lost).read_text(encoding="utf-8")
    path = file_of(tmp_path, lost)
    path.unlink()
    mended = calibrated(tmp_path, NOW + timedelta(hours=1), first)
    assert counts(tmp_path) == mended.certificate_id
    path.write_text(text, encoding="utf-8")
    assert counts(tmp_path) == mended.certificate_id


def test_killed_between_the_certificate_and_the_word_on_it_the_certificate_counts(tmp_path: Path) -> None:
    first = calibrated(tmp_path)
    failed = calibrated(tmp_path, NOW + timedelta(hours=1), first, passes=False, noted=False)
    assert counts(tmp_path) == "failed"
    Store(tmp_path / FOLDER).note_newest(failed.certificate_id, DeviceKey.open(tmp_path))
    assert counts(tmp_path) == "failed"


def test_spoiling_the_newest_or_rubbish_beside_it_ends_the_calibration_until_the_next(tmp_path: Path) -> None:
    first = calibrated(tmp_path)
    second = calibrated(tmp_path, NOW + timedelta(hours=1), first)
    file_of(tmp_path, second).write_text("{}", encoding="utf-8")
    assert counts(tmp_path) == "altered"
    third = calibrated(tmp_path, NOW + timedelta(hours=2), first)
    assert counts(tmp_path) == third.certificate_id
    (tmp_path / FOLDER / "20200101T000000-x.json").write_text("{}", encoding="utf-8")
    assert counts(tmp_path) == "altered"


def test_rubbish_and_a_copy_beside_the_newest_do_not_bring_an_older_one_back(tmp_path: Path) -> None:
    first = calibrated(tmp_path)
    second = calibrated(tmp_path, NOW + timedelta(hours=1), first)
    last = calibrated(tmp_path, NOW + timedelta(hours=2), second, passes=False)
    copy = file_of(tmp_path, first).read_text(encoding="utf-8")
    (tmp_path / FOLDER / "1.json").write_text(copy, encoding="utf-8")
    assert counts(tmp_path) == "failed"
    (tmp_path / FOLDER / "0.json").write_text("{}", encoding="utf-8")
    assert counts(tmp_path) == "altered"
    mended = calibrated(tmp_path, NOW + timedelta(hours=3), last)
    assert counts(tmp_path) == mended.certificate_id, "what was there before it is older"


def test_an_older_one_in_a_file_of_another_name_stays_older(tmp_path: Path) -> None:
    first = calibrated(tmp_path)
    spoilt = calibrated(tmp_path, NOW + timedelta(hours=1), first)
    last = calibrated(tmp_path, NOW + timedelta(hours=2), spoilt, passes=False)
    old = file_of(tmp_path, spoilt)
    old.rename(old.with_name(f"20300101T000000-{spoilt.certificate_id}.json"))
    assert counts(tmp_path) == "failed"
    file_of(tmp_path, spoilt).write_text("{}", encoding="utf-8")
    assert counts(tmp_path) == "failed", "of it is known that it is older, whatever it says"
    assert latest.read(tmp_path / FOLDER) == latest.Latest(
        latest_certificate_id=last.certificate_id, others=tuple(sorted([first.certificate_id, spoilt.certificate_id]))
    )


@pytest.mark.parametrize("text", ["", "{}", "nonsense"])
def test_a_word_on_the_newest_that_is_damaged_or_forged_is_not_believed(tmp_path: Path, text: str) -> None:
    first = calibrated(tmp_path)
    calibrated(tmp_path, NOW + timedelta(hours=1), first, passes=False)
    word = tmp_path / FOLDER / latest.FILE
    forged = json.loads(word.read_text(encoding="utf-8"))
    said = latest.Latest(latest_certificate_id=first.certificate_id, others=())
    latest.write(tmp_path / FOLDER, said, DeviceKey.open(tmp_path / "other"))
    assert counts(tmp_path) == "altered"
    word.write_text(json.dumps(forged | {"body": forged["body"].replace("[", '["x",')}), encoding="utf-8")
    assert counts(tmp_path) == "altered"
    word.write_text(text, encoding="utf-8")
    assert counts(tmp_path) == "altered"


def test_a_folder_of_an_older_version_stands_as_it_did(tmp_path: Path) -> None:
    old = kept(tmp_path)
    assert in_force(tmp_path, CONFIG, NOW).state == "in_force"
    old.write_text("{}", encoding="utf-8")
    assert in_force(tmp_path, CONFIG, NOW).state == "altered"


def test_a_certificate_that_no_message_could_hold_is_not_signed(tmp_path: Path) -> None:
    key = DeviceKey.open(tmp_path)
    values = tuple(1e5 / (3 + number) for number in range(400))
    curve = {"x_label": "t, s", "y_label": "p, kPa", "x": values, "y": values}
    curves = tuple(Curve.model_validate({"name": f"c{number}", **curve}) for number in range(15))
    large = make_certificate([StepOutcome(step=StepName.FOCUS, at=NOW, curves=curves)], about())
    with pytest.raises(TooLargeError, match="characters, and it may have 200000"):
        signed(large, key)
    quoted = tuple(Figure(name=f"f{number}", value=1.0, unit='"' * 16) for number in range(1600))
    with pytest.raises(TooLargeError, match="to be sent"):
        signed(make_certificate([StepOutcome(step=StepName.FOCUS, at=NOW, figures=quoted)], about()), key)
