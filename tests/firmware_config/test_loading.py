"""Configuration files: every error at once, by file and key; a site's own file goes first."""

from pathlib import Path

import pytest
from pydantic import Field

from firmware_config.loading import PACKAGED, ConfigurationError, Section, content_sha256, load, load_named, named
from firmware_config.study import Study


class Lamp(Section):
    """An example."""

    name: str
    level: float = Field(0.5, ge=0, le=1)


class Room(Section):
    """An example with parts."""

    lamps: list[Lamp]
    width_m: float


def written(folder: Path, text: str, name: str = "room.toml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_good_file_is_loaded_with_its_defaults(tmp_path: Path) -> None:
    path = written(tmp_path, 'width_m = 3\nlamps = [{ name = "ceiling" }]')
    assert load(path, Room) == Room(lamps=[Lamp(name="ceiling", level=0.5)], width_m=3.0)


def test_every_error_is_named_at_once_with_file_and_key(tmp_path: Path) -> None:
    path = written(tmp_path, 'depth_m = 3\nlamps = [{ name = "a" }, { name = 7, level = 2 }]')
    with pytest.raises(ConfigurationError) as caught:
        load(path, Room)
    lines = str(caught.value).splitlines()
    assert len(lines) == 4
    assert all(line.startswith(f"{path}: ") for line in lines)
    keys = {line.removeprefix(f"{path}: ").split(": ")[0] for line in lines}
    assert keys == {"lamps.1.name", "lamps.1.level", "width_m", "depth_m"}


@pytest.mark.parametrize("number", ["inf", "-inf", "nan"])
def test_a_number_that_is_not_finite_is_refused(tmp_path: Path, number: str) -> None:
    with pytest.raises(ConfigurationError, match="width_m"):
        load(written(tmp_path, f"lamps = []\nwidth_m = {number}"), Room)


@pytest.mark.parametrize("content", [b"width_m = ", b"a = 1\na = 2", b"\xff\xfe", b"[["])
def test_a_file_that_is_not_toml_is_said_in_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "room.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match="not TOML") as caught:
        load(path, Room)
    assert str(path) in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_a_file_that_is_not_there_or_is_a_folder_is_said_in_one_line(tmp_path: Path) -> None:
    for path in (tmp_path / "none.toml", tmp_path):
        with pytest.raises(ConfigurationError) as caught:
            load(path, Room)
        assert str(caught.value).startswith(f"{path}: ")
        assert len(str(caught.value).splitlines()) == 1


def test_a_loaded_configuration_cannot_be_changed(tmp_path: Path) -> None:
    room = load(written(tmp_path, "lamps = []\nwidth_m = 3"), Room)
    with pytest.raises(ValueError, match="frozen"):
        room.width_m = 4.0


def test_the_packaged_file_is_found_and_a_sites_own_goes_first(tmp_path: Path) -> None:
    assert named("studies", "demo") == PACKAGED / "studies" / "demo.toml"
    (tmp_path / "studies").mkdir()
    own = written(tmp_path / "studies", "", "demo.toml")
    assert named("studies", "demo", tmp_path) == own
    assert named("studies", "i-micro", tmp_path) == PACKAGED / "studies" / "i-micro.toml"


def test_a_name_that_is_not_there_is_answered_with_those_that_are(tmp_path: Path) -> None:
    (tmp_path / "studies").mkdir()
    written(tmp_path / "studies", "", "successor.toml")
    with pytest.raises(ConfigurationError, match=r"no such file; there are: demo, i-micro, successor$"):
        named("studies", "dmeo", tmp_path)
    with pytest.raises(ConfigurationError, match="there are: none"):
        named("lamps", "x", tmp_path)


@pytest.mark.parametrize("name", ["../studies/demo", "sub/demo", "/etc/hostname", "..", "", "demo.toml"])
def test_a_name_never_leads_out_of_its_folder(name: str) -> None:
    with pytest.raises(ConfigurationError, match="no such file"):
        named("studies", name)


def test_the_hash_is_that_of_the_content_not_of_the_file(tmp_path: Path) -> None:
    one = load(written(tmp_path, 'name = "x" # a lamp\nlevel = 0.50', "1"), Lamp)
    two = load(written(tmp_path, 'level = 0.5\nname = "x"', "2"), Lamp)
    default = load(written(tmp_path, 'name = "x"', "3"), Lamp)
    other = load(written(tmp_path, 'name = "x"\nlevel = 0.6', "4"), Lamp)
    assert content_sha256(one) == content_sha256(two) == content_sha256(default)
    assert content_sha256(one) != content_sha256(other)
    assert len(content_sha256(one)) == 64


def test_a_study_that_was_loaded_has_the_same_hash_every_time() -> None:
    path = named("studies", "i-micro")
    assert content_sha256(load(path, Study)) == content_sha256(load(path, Study))


def test_a_copy_under_another_name_is_not_taken_for_what_it_was_copied_from(tmp_path: Path) -> None:
    (tmp_path / "studies").mkdir()
    (tmp_path / "studies" / "second.toml").write_text(named("studies", "i-micro").read_text(encoding="utf-8"))
    with pytest.raises(ConfigurationError, match="name: is 'i-micro', but the file is called 'second'"):
        load_named("studies", "second", Study, tmp_path)
    assert load_named("studies", "i-micro", Study, tmp_path).name == "i-micro"
