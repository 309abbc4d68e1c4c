"""Corrections in a site's own device file: what is changed, and what must never happen to it."""

import re
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from calibration import apply
from calibration.apply import CORRECTABLE, ApplyError, corrected, proposed, write_corrections
from calibration.state import Change
from calibration.toml_edit import EditError, with_values
from contract.certificate import StepName, StepOutcome
from firmware_config.device import DEFAULT_PATH, load_device

NOW = datetime(2026, 11, 27, 1, 2, 3, tzinfo=UTC)
LOCK = {
    "camera.lock.exposure_us": 5000.0,
    "camera.lock.analogue_gain": 1.5,
    "camera.lock.colour_gains": (2.1, 1.7),
}


def outcome(step: StepName, corrections: dict) -> StepOutcome:
    return StepOutcome(step=step, at=NOW, corrections=corrections)


def changes(path: Path, *outcomes: StepOutcome) -> tuple[Change, ...]:
    return proposed(load_device(path), {each.step: each for each in outcomes})


@pytest.fixture
def site(tmp_path: Path) -> Path:
    path = tmp_path / "device.toml"
    path.write_text(DEFAULT_PATH.read_text(encoding="utf-8"), encoding="utf-8")
    return path


def test_a_correction_changes_its_line_only_and_keeps_its_comment(site: Path) -> None:
    before = site.read_text(encoding="utf-8").splitlines()
    found = changes(
        site, outcome(StepName.PRESSURE_ZERO, {"pressure_sensor.zero_kpa": -0.42}), outcome(StepName.CAMERA_LOCK, LOCK)
    )
    backup = write_corrections(site, load_device(site), found, NOW)
    after = site.read_text(encoding="utf-8").splitlines()
    different = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    assert different == [
        ("zero_kpa = 0.0", "zero_kpa = -0.42"),
        ("exposure_us = 4000", "exposure_us = 5000"),
        (
            "analogue_gain = 1.2 # an imx708 cannot go below 1.123",
            "analogue_gain = 1.5 # an imx708 cannot go below 1.123",
        ),
        ("colour_gains = [2.0, 1.6] # red, blue", "colour_gains = [2.1, 1.7] # red, blue"),
    ]
    assert backup.read_text(encoding="utf-8").splitlines() == before
    assert load_device(site).camera.lock.exposure_us == 5000
    assert sorted(path.name for path in site.parent.iterdir()) == ["device.toml", backup.name]


def test_what_the_file_says_already_is_no_change(site: Path) -> None:
    same = {"camera.lock.exposure_us": 4000, "camera.lock.colour_gains": (2.0, 1.6), "pressure_sensor.zero_kpa": 0.0}
    assert changes(site, outcome(StepName.CAMERA_LOCK, same)) == ()


def test_the_last_step_that_names_a_key_wins(site: Path) -> None:
    found = changes(
        site,
        outcome(StepName.LIGHT_FLICKER, {"camera.lock.exposure_us": 10000}),
        outcome(StepName.CAMERA_LOCK, {"camera.lock.exposure_us": 8000}),
    )
    assert [(change.step, change.old, change.new) for change in found] == [(StepName.CAMERA_LOCK, 4000, 8000)]


def test_the_packaged_file_is_never_written() -> None:
    found = changes(DEFAULT_PATH, outcome(StepName.PRESSURE_ZERO, {"pressure_sensor.zero_kpa": -0.42}))
    before = DEFAULT_PATH.read_bytes()
    with pytest.raises(ApplyError, match="packaged"):
        write_corrections(DEFAULT_PATH, load_device(DEFAULT_PATH), found, NOW)
    assert DEFAULT_PATH.read_bytes() == before


def test_a_correction_that_the_device_refuses_leaves_the_file_as_it_was(site: Path) -> None:
    before, device = site.read_bytes(), load_device(site)
    wrong = (Change(key="camera.lock.exposure_us", step=StepName.CAMERA_LOCK, old=4000, new=40000),)
    with pytest.raises(ApplyError, match="exposure_us = 40000"):
        write_corrections(site, device, wrong, NOW)
    assert site.read_bytes() == before
    assert [path.name for path in site.parent.iterdir()] == ["device.toml"]


def test_a_file_that_was_changed_meanwhile_is_not_written(site: Path) -> None:
    device = load_device(site)
    found = changes(site, outcome(StepName.PRESSURE_ZERO, {"pressure_sensor.zero_kpa": -0.42}))
    site.write_text(site.read_text(encoding="utf-8").replace('language = "en"', 'language = "fr"'), encoding="utf-8")
    before = site.read_bytes()
    with pytest.raises(ApplyError, match="was changed while"):
        write_corrections(site, device, found, NOW)
    assert site.read_bytes() == before


def test_a_key_that_the_device_has_not_is_named(site: Path) -> None:
    with pytest.raises(ApplyError, match=r"pressure_sensor\.low_kpa"):
        changes(site, outcome(StepName.PRESSURE_SPAN, {"pressure_sensor.low_kpa": 0.1}))


def test_what_the_probe_is_held_to_is_corrected_by_no_step(site: Path) -> None:
    with pytest.raises(ApplyError, match=r"press_limits\.pressure_kpa: is nothing that a calibration corrects"):
        changes(site, outcome(StepName.PRESSURE_CEILING, {"press_limits.pressure_kpa": 61.0}))


def test_all_that_steps_correct_may_be_corrected_and_nothing_else() -> None:
    room = Path(apply.__file__).parent
    steps = [path.read_text(encoding="utf-8") for path in room.glob("*.py") if path.name != "apply.py"]
    assert set(re.findall(r'"((?:pressure_sensor|camera)\.[a-z_.]*[a-z])"', "".join(steps))) == CORRECTABLE


def test_a_backup_is_never_written_over(site: Path) -> None:
    kept = site.with_name("device.toml.before-20261127T010203000000")
    kept.write_text("the file of a year ago", encoding="utf-8")
    found = changes(site, outcome(StepName.PRESSURE_ZERO, {"pressure_sensor.zero_kpa": -0.42}))
    before = site.read_bytes()
    with pytest.raises(ApplyError, match="exists"):
        write_corrections(site, load_device(site), found, NOW)
    assert kept.read_text(encoding="utf-8") == "the file of a year ago"
    assert site.read_bytes() == before


def test_mode_stays(site: Path) -> None:
    site.chmod(0o640)
    found = changes(site, outcome(StepName.PRESSURE_ZERO, {"pressure_sensor.zero_kpa": -0.42}))
    backup = write_corrections(site, load_device(site), found, NOW)
    assert site.stat().st_mode & 0o777 == backup.stat().st_mode & 0o777 == 0o640


def test_the_file_says_what_was_agreed_to(site: Path) -> None:
    device = load_device(site)
    found = changes(site, outcome(StepName.PRESSURE_ZERO, {"pressure_sensor.zero_kpa": 0.1 + 0.2}))
    wanted = corrected(device, found)
    write_corrections(site, device, found, NOW)
    assert load_device(site) == wanted


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a.b.c = 1 # why\n", "a.b.c = 2.5 # why\n"),
        ("[a]\nb.c = 1\n", "[a]\nb.c = 2.5\n"),
        ("[a]\nb = { d = 3, c = 1 } # both\n", "[a]\nb = { d = 3, c = 2.5 } # both\n"),
        ("[a]\nb = { d = 3 }\n", "[a]\nb = { d = 3, c = 2.5 }\n"),
        ("[a]\nb = {}\n", "[a]\nb = { c = 2.5 }\n"),
        ("[a.b]\nc = 1", "[a.b]\nc = 2.5"),
        ("[a.b]\n\n# end\n[d]\nc = 1\n", "[a.b]\nc = 2.5\n\n# end\n[d]\nc = 1\n"),
        ("x = 1", "x = 1\n\n[a.b]\nc = 2.5\n"),
        ("", "\n[a.b]\nc = 2.5\n"),
        ("[ a . b ] # t\r\n c=1\r\n", "[ a . b ] # t\r\n c=2.5\r\n"),
        ("[a.b]\ncc = 1\nc = 1\n[e]\nc = 3\n", "[a.b]\ncc = 1\nc = 2.5\n[e]\nc = 3\n"),
    ],
)
def test_values_are_put_where_a_person_would(text: str, expected: str) -> None:
    assert with_values(text, {"a.b.c": 2.5}) == expected


def test_arrays_over_several_lines_are_replaced_whole() -> None:
    assert with_values("[a]\ng = [ # red\n  2.0,\n  1.6,\n] # blue\nh = 1\n", {"a.g": (1.5, 2.5)}) == (
        "[a]\ng = [1.5, 2.5] # blue\nh = 1\n"
    )


@pytest.mark.parametrize(
    "text",
    [
        't = """\n[a]\nb = 1\n"""\n[a]\nb = 2\n',  # what looks like a table is text
        "[[a]]\nb = 1\n",
        '[a]\n"b" = 1\n',
    ],
)
def test_what_it_does_not_know_is_refused_or_right(text: str) -> None:
    try:
        changed = with_values(text, {"a.b": 7})
    except (EditError, TypeError):
        return
    meant = tomllib.loads(text)
    meant["a"]["b"] = 7
    assert tomllib.loads(changed) == meant
