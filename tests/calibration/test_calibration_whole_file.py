"""What a calibration writes goes into a file of its own, whatever somebody has laid where its name was to be."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from calibration.apply import proposed, write_corrections
from calibration.certificate import latest
from calibration.certificate.keys import DeviceKey
from calibration.state import RunError, RunFiles
from calibration.whole_file import opened_anew, write_whole
from contract.certificate import StepName, StepOutcome
from contract.identifiers import new_reading_id
from firmware_config.device import DEFAULT_PATH, load_device

NOW = datetime(2026, 11, 27, 1, 2, 3, tzinfo=UTC)


@pytest.fixture
def roots(tmp_path: Path) -> Path:
    """A file that nobody here means to write."""
    path = tmp_path / "elsewhere"
    path.write_text("root's", encoding="utf-8")
    return path


def lay(part: Path, roots: Path, how: str) -> None:
    if how == "link":
        part.symlink_to(roots)
    else:
        part.hardlink_to(roots)


@pytest.mark.parametrize("how", ["link", "second name"])
def test_a_part_that_somebody_laid_is_taken_away_and_not_written_through(tmp_path: Path, roots: Path, how: str) -> None:
    lay(tmp_path / ".a.json.part", roots, how)
    write_whole(tmp_path / "a.json", "ours")
    assert (tmp_path / "a.json").read_text(encoding="utf-8") == "ours"
    assert not (tmp_path / "a.json").is_symlink()
    assert roots.read_text(encoding="utf-8") == "root's"


def test_one_who_lays_it_again_at_once_is_refused(tmp_path: Path, roots: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "unlink", lambda path: path.symlink_to(roots))
    with pytest.raises(FileExistsError):
        opened_anew(tmp_path / "part")
    assert roots.read_text(encoding="utf-8") == "root's"


def test_the_device_file_is_not_written_through_a_link(tmp_path: Path, roots: Path) -> None:
    site = tmp_path / "device.toml"
    site.write_text(DEFAULT_PATH.read_text(encoding="utf-8"), encoding="utf-8")
    lay(tmp_path / ".device.toml.part", roots, "link")
    device = load_device(site)
    zero = StepOutcome(step=StepName.PRESSURE_ZERO, at=NOW, corrections={"pressure_sensor.zero_kpa": -0.4})
    write_corrections(site, device, proposed(device, {zero.step: zero}), NOW)
    assert load_device(site).pressure_sensor.zero_kpa == -0.4
    assert not site.is_symlink()
    assert roots.read_text(encoding="utf-8") == "root's"


def test_the_word_on_the_newest_certificate_is_not_written_through_a_link(tmp_path: Path, roots: Path) -> None:
    key, said = DeviceKey.open(tmp_path / "keys"), latest.Latest(latest_certificate_id=new_reading_id(), others=())
    lay(tmp_path / ".latest.part", roots, "link")
    latest.write(tmp_path, said, key)
    assert latest.read(tmp_path, key.public) == said
    assert roots.read_text(encoding="utf-8") == "root's"


def test_the_lock_of_a_run_is_not_made_through_a_link(tmp_path: Path) -> None:
    (tmp_path / ".run.lock").symlink_to(tmp_path / "nologin")
    with pytest.raises(RunError, match="symbolic links"):
        RunFiles(tmp_path / "run").open()
    assert not (tmp_path / "nologin").exists()
