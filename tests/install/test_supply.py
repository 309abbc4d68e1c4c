"""What the product is made of: the lock as a target reads it, wheels and licences as they tell themselves, the list
of parts."""

import re
import zipfile
from pathlib import Path

import pytest
from packaging.markers import Marker

from firmware_config.install.packages import PACKAGES
from firmware_config.supply import wheels
from firmware_config.supply.licences import PAGE, UNKNOWN, licence_of, page
from firmware_config.supply.locked import LOCK, TARGETS, Requirement, Target, for_target, locked, read
from firmware_config.supply.sbom import sbom, write
from firmware_config.supply.wheels import Wheel, WheelError, download, opened, resolve

OLD, NEW = TARGETS


def names(requirements: list[Requirement]) -> set[str]:
    return {one.name for one in requirements}


def test_each_target_has_one_version_of_everything_with_a_hash() -> None:
    for target in TARGETS:
        needed = locked(target)
        assert len(names(needed)) == len(needed)
        assert all(one.hashes for one in needed)
        assert {"numpy", "opencv-python", "nicegui", "simplejpeg"} <= names(needed)


def test_python_3_13_takes_the_systems_lgpio() -> None:
    assert names(locked(OLD)) - names(locked(NEW)) == {"lgpio"}


def test_what_apt_brings_on_a_pi_is_not_in_the_lock() -> None:
    assert not names(read(LOCK.read_text())) & {"picamera2", "python-prctl", "openexr", "pidng"}


def test_markers_are_asked_of_the_target_and_not_of_this_machine() -> None:
    text = "a==1 ; python_full_version < '3.12' \\\n    --hash=sha256:11\nb==2 ; platform_machine == 'aarch64'\nc==3\n"
    assert names(for_target(read(text), OLD)) == {"a", "b", "c"}
    assert names(for_target(read(text), NEW)) == {"b", "c"}
    assert read(text)[0].hashes == ("11",)
    assert Marker("sys_platform == 'linux'").evaluate(OLD.environment)


def test_a_line_that_locks_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="not a locked requirement: numpy>=2"):
        read("numpy>=2\n")


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS, ids=str)
def test_every_locked_requirement_has_a_wheel_for_a_pi(target: Target) -> None:
    found = resolve(locked(target), target)
    assert {wheel.name for wheel in found} == names(locked(target))


@pytest.mark.slow
def test_a_requirement_without_a_wheel_is_named() -> None:
    # From PyPI it is source only: why picamera2 comes from apt.
    only_source = Requirement("python-prctl", "1.8.1", "", ("0" * 64,))
    good = next(one for one in locked(NEW) if one.name == "h11")
    words = r"^python-prctl==1\.8\.1: Python 3\.13, aarch64: No matching distribution"
    with pytest.raises(WheelError, match=words) as told:
        resolve([good, only_source], NEW)
    assert "h11" not in str(told.value)


def wheel_file(folder: Path, name: str, metadata: str) -> Path:
    path = folder / name
    package, version = name.split("-")[:2]
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(
            f"{package}-{version}.dist-info/METADATA",
            f"Metadata-Version: 2.4\nName: {package}\nVersion: {version}\n{metadata}\n\nText of it.\n",
        )
    return path


@pytest.mark.parametrize(
    ("metadata", "licence"),
    [
        ("License-Expression: MIT OR Apache-2.0\nLicense: other", "MIT OR Apache-2.0"),
        ("Classifier: License :: OSI Approved :: BSD License\nLicense: other", "BSD License"),
        ("Classifier: License :: OSI Approved\nLicense: MPL-2.0", "MPL-2.0"),
        ("License: " + "Permission is hereby granted to everybody " * 3, UNKNOWN),
        ("License: UNKNOWN", UNKNOWN),
        ("Classifier: Programming Language :: Python", UNKNOWN),
    ],
)
def test_a_licence_is_what_the_wheel_tells_most_plainly(tmp_path: Path, metadata: str, licence: str) -> None:
    wheel = opened(wheel_file(tmp_path, "some_thing-1.0-py3-none-any.whl", metadata))
    assert (wheel.name, wheel.version, licence_of(wheel).text) == ("some-thing", "1.0", licence)


def test_wheels_that_are_there_are_taken_by_hash_and_tags_and_not_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for_both = wheel_file(tmp_path, "pure-1.0-py3-none-any.whl", "")
    for_new = wheel_file(tmp_path, "built-2.0-cp313-cp313-manylinux_2_28_aarch64.whl", "")
    wheel_file(tmp_path, "built-2.0-cp311-cp311-manylinux_2_28_aarch64.whl", "")
    wheel_file(tmp_path, "built-2.0-cp313-cp313-manylinux_2_28_x86_64.whl", "")
    locked_here = [
        Requirement("pure", "1.0", "", (opened(for_both).sha256,)),
        Requirement("built", "2.0", "", tuple(opened(path).sha256 for path in tmp_path.glob("built*"))),
    ]
    monkeypatch.setattr(wheels, "pip", lambda *_: pytest.fail("pip was asked"))
    assert {wheel.file for wheel in download(locked_here, NEW, tmp_path)} == {for_both.name, for_new.name}


def some_wheels() -> list[Wheel]:
    told: dict[str, object] = {"license_expression": "MIT AND BSD-3-Clause"}
    return [
        Wheel("a", "1.0", "a-1.0-py3-none-any.whl", "a" * 64, told),
        Wheel("b", "2.0", "b-2.0-py3-none-any.whl", "b" * 64, {"license": "MPL 2"}),
        Wheel("c", "3.0", "c-3.0-py3-none-any.whl", "c" * 64, {}),
    ]


@pytest.mark.slow
def test_the_list_of_parts_is_valid_cyclonedx_1_6(tmp_path: Path) -> None:
    # Imported here: it takes a second, in every worker that reads this file.
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    path = write(sbom(some_wheels(), "0.1.0", "v0.1.0-3-gabc1234"), tmp_path / "deep/parts.cdx.json")
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(path.read_text()) is None


def test_the_list_of_parts_has_hash_and_licence(tmp_path: Path) -> None:
    content = sbom(some_wheels(), "0.1.0", "v0.1.0-3-gabc1234")
    write(content, tmp_path / "deep/parts.cdx.json")
    parts = {part["name"]: part for part in content["components"]}
    assert parts["a"]["hashes"] == [{"alg": "SHA-256", "content": "a" * 64}]
    assert parts["a"]["licenses"] == [{"expression": "MIT AND BSD-3-Clause"}]
    assert parts["b"]["licenses"] == [{"license": {"name": "MPL 2"}}]
    assert {package.names[0] for package in PACKAGES} <= set(parts)


def test_the_same_parts_make_the_same_list() -> None:
    assert sbom(some_wheels(), "0.1.0", "x") == sbom(some_wheels(), "0.1.0", "x")
    assert sbom(some_wheels(), "0.1.0", "x")["serialNumber"] != sbom(some_wheels()[:2], "0.1.0", "x")["serialNumber"]


def test_the_page_of_licences_names_what_nobody_knows() -> None:
    assert f"| c | 3.0 | {UNKNOWN} | nothing |" in page(some_wheels())


def test_the_page_of_licences_has_every_part_of_the_lock_and_no_unknown() -> None:
    rows = dict(re.findall(r"^\| ([a-z0-9-]+ \| [0-9][^|]*) \| ([^|]+) \|", PAGE.read_text(), re.M))
    assert set(rows) == {f"{one.name} | {one.version}" for target in TARGETS for one in locked(target)}
    assert UNKNOWN not in {licence.strip() for licence in rows.values()}
