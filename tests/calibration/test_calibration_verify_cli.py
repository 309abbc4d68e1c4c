"""`refill calibrate verify` and `changed`, as a site engineer or an auditor asks them."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from test_calibration_certificate import NOW, about, whole
from typer.testing import CliRunner

from calibration.certificate.keys import DeviceKey
from calibration.certificate.make import make_certificate, signed
from calibration.certificate.receipts import Receipts
from calibration.certificate.standing import FOLDER
from calibration.certificate.store import Store
from contract.calibration import CertificateReceipt
from contract.certificate import Figure, StepName, StepOutcome
from refill.cli import app

pytestmark = pytest.mark.slow

DEVICE = 'name = "bed-7"\nsite = "12"\n'
YEAR = timedelta(days=365)


def zero(value: float, *more: Figure) -> StepOutcome:
    figure = Figure(name="zero", value=value, unit="kPa", uncertainty=0.02, at_most=0.1)
    return StepOutcome(step=StepName.PRESSURE_ZERO, at=NOW, figures=(figure, *more))


def kept(
    folder: Path, last: StepOutcome, previous: UUID | None = None, at: datetime = NOW, name: str = "bed-7"
) -> Path:
    made = make_certificate(whole(last), about(name, previous=previous))
    made = made.model_copy(update={"made_at": at, "due_at": at + YEAR})
    key = DeviceKey.open(folder)
    return Store(folder / FOLDER).add(signed(made, key), key)


def ask(*arguments: str | Path) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["calibrate", *map(str, arguments)])
    return result.exit_code, result.output


def test_a_certificate_as_it_was_signed_says_who_when_and_what_it_came_to(tmp_path: Path) -> None:
    path = kept(tmp_path, zero(0.01))
    code, said = ask("verify", path)
    assert code == 0
    for words in ("of bed-7: as it was signed", "verdict PASSED", "2026-11-27 02:00Z by eng1", "due 2027-11-27"):
        assert words in said
    told = json.loads(ask("verify", path, "--json")[1])
    assert (told["verdict"], told["public_key"]) == ("PASSED", DeviceKey.read(tmp_path).public)


def test_a_failed_one_that_is_whole_is_as_it_was_signed(tmp_path: Path) -> None:
    code, said = ask("verify", kept(tmp_path, zero(0.5)))
    assert (code, "verdict FAILED" in said, "failed: pressure_zero" in said) == (0, True, True)


def test_one_that_was_altered_or_that_another_key_signed_is_told(tmp_path: Path) -> None:
    path = kept(tmp_path, zero(0.01))
    own, other = DeviceKey.read(tmp_path).public, DeviceKey.open(tmp_path / "other").public
    file = tmp_path / "key.txt"
    file.write_text(own + "\n", encoding="utf-8")
    assert [ask("verify", path, "--key", key)[0] for key in (own, file, other)] == [0, 0, 1]
    assert "signed by another key" in ask("verify", path, "--key", other)[1]
    path.write_text(path.read_text(encoding="utf-8").replace("eng1", "eng2"), encoding="utf-8")
    code, said = ask("verify", path)
    assert (code, said) == (1, f"refill: {path}: the certificate was altered after it was signed\n")


def test_what_is_no_certificate_or_no_key_is_wrong_use(tmp_path: Path) -> None:
    path = kept(tmp_path, zero(0.01))
    assert ask("verify", tmp_path / "none.json")[0] == 2
    assert ask("verify", tmp_path / FOLDER / "latest")[0] == 1
    rubbish = tmp_path / "x.json"
    rubbish.write_text("{}", encoding="utf-8")
    assert ask("verify", rubbish) == (2, f"refill: {rubbish}: not a certificate\n")
    assert ask("verify", path, "--key", rubbish)[0] == 2
    assert ask("verify", path, "--key", tmp_path / "none")[0] == 2


def test_what_moved_since_the_last_one_is_told_and_drawn(tmp_path: Path) -> None:
    old = kept(tmp_path, zero(0.01, Figure(name="noise", value=1.0, unit="kPa")))
    new = kept(tmp_path, zero(0.07, Figure(name="drift", value=1.0, unit="kPa")), at=NOW + YEAR)
    picture = tmp_path / "moved.png"
    code, said = ask("changed", old, new, "--plot", picture)
    lines = said.splitlines()
    assert code == 0
    assert lines[0] == "bed-7: from 2026-11-27 to 2027-11-27, 365 days"
    # 0.06 over the root of 0.02² twice.
    assert lines[2].split() == ["pressure_zero", "zero", "0.01", "0.07", "kPa", "2.12", "moved"]
    assert "1 figures compared, 1 moved by more than measuring explains" in lines
    assert "only in the old one: pressure_zero noise" in lines
    assert "only in the new one: pressure_zero drift" in lines
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert ask("changed", old, new, "--plot", tmp_path / "moved.pdf")[0] == 0
    assert (tmp_path / "moved.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize("wrong", ["other device", "altered", "picture", "folder"])
def test_what_cannot_be_compared_or_drawn_is_said_in_one_line(tmp_path: Path, wrong: str) -> None:
    old = kept(tmp_path, zero(0.01))
    new = kept(tmp_path, zero(0.02), name="bed-8" if wrong == "other device" else "bed-7", at=NOW + YEAR)
    plot = {"picture": tmp_path / "x.doc", "folder": tmp_path / "none" / "x.png"}.get(wrong, tmp_path / "x.png")
    if wrong == "altered":
        old.write_text(old.read_text(encoding="utf-8").replace("eng1", "eng2"), encoding="utf-8")
    code, said = ask("changed", old, new, "--plot", plot)
    assert code == 2
    assert said.splitlines()[-1].startswith("refill: ")
    assert not plot.exists()


def test_a_clock_before_the_making_and_the_trials_receipt_are_told(tmp_path: Path) -> None:
    folder = tmp_path / "calibration"
    kept(folder, zero(0.01), at=datetime.now(UTC) + YEAR)
    config = tmp_path / "device.toml"
    config.write_text(DEVICE, encoding="utf-8")
    asked = ("certificate", "--config", config, "--data", tmp_path)
    code, said = ask(*asked)
    assert code == 0
    assert "The clock stands before the calibration's making: one of the two is wrong." in said
    assert "study demo: not sent yet" in said
    (newest,) = Store(folder / FOLDER).all()
    assert newest.certificate_id is not None
    word = {"certificate_id": newest.certificate_id, "sha256": "0" * 64, "outcome": "stored", "received_at": NOW}
    Receipts(folder).keep("demo", CertificateReceipt.model_validate(word))
    assert "study demo: stored by its trial 2026-11-27 02:00Z" in ask(*asked)[1]
    newest.path.unlink()
    code, said = ask(*asked)
    assert (code, said) == (1, "The newest calibration certificate is missing.\n")
