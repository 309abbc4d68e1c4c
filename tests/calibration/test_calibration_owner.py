"""Root calibrates in the folder of another user, who may lay links there: nothing of root's is given away by that."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from calibration.certificate.owner import OwnerError, left_to_the_owner
from firmware_config.device import DEFAULT_PATH
from refill.cli import app

USER = 4321
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    """The device's own folder, with root's beside it."""
    folder = tmp_path / "state"
    folder.mkdir()
    os.chown(folder, USER, USER)
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").write_text("root")
    yield folder
    assert {(tmp_path / name).stat().st_uid for name in ("etc", "etc/passwd")} == {0}, "root's own stays root's"


def owners(folder: Path) -> dict[str, int]:
    return {path.name: path.lstat().st_uid for path in (folder, *folder.rglob("*"))}


def test_what_root_makes_belongs_to_the_owner_of_the_folder_above(state: Path) -> None:
    with left_to_the_owner(state / "calibration"):
        (state / "calibration/run").mkdir(parents=True)
        (state / "calibration/run/0000-begun.json").touch()
    assert owners(state / "calibration") == dict.fromkeys(("calibration", "run", "0000-begun.json"), USER)


@pytest.mark.slow
@pytest.mark.parametrize("linked", ["calibration", "calibration/run"])
def test_in_a_linked_folder_nothing_is_begun(state: Path, linked: str) -> None:
    link = state / linked
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(state.parent / "etc")
    words = ["calibrate", "run", "--simulate", "--yes", "--data", str(state), "--config", str(site(state.parent))]
    ended = CliRunner().invoke(app, words)
    assert ended.exit_code == 1
    assert f"{link}: is a link" in ended.output
    assert [path.name for path in (state.parent / "etc").iterdir()] == ["passwd"]


def site(folder: Path) -> Path:
    path = folder / "device.toml"
    path.write_text(DEFAULT_PATH.read_text(encoding="utf-8"), encoding="utf-8")
    return path


def test_a_folder_exchanged_for_a_link_meanwhile_is_not_followed(state: Path) -> None:
    with pytest.raises(OwnerError, match="calibration: is a link"), left_to_the_owner(state / "calibration"):
        (state / "calibration").symlink_to(state.parent / "etc")


def test_a_folder_within_exchanged_for_a_link_is_not_followed(state: Path) -> None:
    with left_to_the_owner(state / "calibration"):
        (state / "calibration").mkdir()
        (state / "calibration/run").symlink_to(state.parent / "etc")
        (state / "calibration/latest").symlink_to(state.parent / "etc/passwd")


def test_what_has_a_second_name_is_not_given_away(state: Path) -> None:
    with left_to_the_owner(state / "calibration"):
        (state / "calibration").mkdir()
        os.link(state.parent / "etc/passwd", state / "calibration/0000-begun.json")
        os.mkfifo(state / "calibration/pipe")
    assert owners(state / "calibration") == {"calibration": USER, "0000-begun.json": 0, "pipe": 0}
