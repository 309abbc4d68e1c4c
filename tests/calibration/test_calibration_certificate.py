"""The certificate: made, signed, kept, and what ends it. Altered in any way it counts for nothing."""

import json
import os
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from calibration.certificate.keys import FILE, DeviceKey, KeyFileError
from calibration.certificate.make import About, AlteredError, calibration_sha256, make_certificate, opened, signed
from calibration.certificate.standing import CLOCK_BEHIND, FOLDER, NEEDED, in_force
from calibration.certificate.store import Store, StoreError, read
from contract.certificate import Figure, SignedCertificate, StepName, StepOutcome
from contract.source import Device
from device.health_table import FINDINGS
from firmware_config.device import DeviceConfig

NOW = datetime(2026, 11, 27, 2, 0, tzinfo=UTC)
CONFIG = DeviceConfig(name="bed-7", site="12")


def step(value: float = 0.01, **changes: Any) -> StepOutcome:
    figure = Figure(name="zero", value=value, unit="kPa", uncertainty=0.02, at_most=0.1)
    return StepOutcome(step=StepName.PRESSURE_ZERO, at=NOW, figures=(figure,), **changes)


def whole(last: StepOutcome | None = None) -> list[StepOutcome]:
    """Every step that a certificate needs, `last` at its end."""
    rest = [StepOutcome(step=name, at=NOW) for name in StepName if name in NEEDED - {StepName.PRESSURE_ZERO}]
    return [*rest, last or step()]


def about(name: str = "bed-7", simulated: bool = False, **changes: Any) -> About:
    device = Device(name=name, software_version="0.1.0", algorithm_version="2.1", configuration_sha256="b" * 64)
    return About(device=device, configuration=CONFIG, operator="eng1", simulated=simulated, now=NOW, **changes)


def kept(folder: Path, *steps: StepOutcome, **changes: Any) -> Path:
    certificate = make_certificate(steps or whole(), about(**changes))
    return Store(folder / FOLDER).add(signed(certificate, DeviceKey.open(folder)))


def test_a_certificate_is_signed_kept_and_read_again_as_it_was(tmp_path: Path) -> None:
    certificate = make_certificate(whole(), about())
    path = Store(tmp_path / FOLDER).add(signed(certificate, DeviceKey.open(tmp_path)))
    assert read(path, DeviceKey.open(tmp_path).public) == certificate
    assert certificate.due_at - certificate.made_at == timedelta(days=365)
    found = in_force(tmp_path, CONFIG, NOW)
    assert (found.state, found.certificate_id, found.days_left) == ("in_force", certificate.certificate_id, 365)


def test_the_key_is_its_owners_alone_and_the_same_for_ever(tmp_path: Path) -> None:
    first = DeviceKey.open(tmp_path)
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600
    assert DeviceKey.open(tmp_path).public == first.public
    (tmp_path / FILE).chmod(0o640)
    with pytest.raises(KeyFileError, match="others than its owner"):
        DeviceKey.open(tmp_path)
    (tmp_path / FILE).chmod(0o600)
    (tmp_path / FILE).write_text("no key")
    with pytest.raises(KeyFileError, match="not a key"):
        DeviceKey.open(tmp_path)


def altered(path: Path, change: dict[str, Any]) -> None:
    content = json.loads(path.read_text(encoding="utf-8"))
    for name, (old, new) in change.items():
        assert old in content[name]
        content[name] = content[name].replace(old, new, 1)
    path.write_text(json.dumps(content), encoding="utf-8")


@pytest.mark.parametrize(
    "change",
    [
        {"body": ('"value":0.01', '"value":0.02')},
        {"body": ("2027-11-27", "2037-11-27")},
        {"body": ('"operator":"eng1"', '"operator":"eng2"')},
    ],
)
def test_what_was_altered_after_it_was_signed_counts_for_nothing(tmp_path: Path, change: dict[str, Any]) -> None:
    path = kept(tmp_path)
    altered(path, change)
    assert in_force(tmp_path, CONFIG, NOW).state == "altered"
    with pytest.raises(StoreError, match="altered after it was signed"):
        read(path)


def test_one_that_another_key_signed_counts_for_nothing_though_its_signature_fits(tmp_path: Path) -> None:
    other = DeviceKey.open(tmp_path / "other")
    forged = signed(make_certificate(whole(), about()), other)
    Store(tmp_path / FOLDER).add(forged)
    DeviceKey.open(tmp_path)
    assert in_force(tmp_path, CONFIG, NOW).state == "altered"
    with pytest.raises(AlteredError, match="another key"):
        opened(forged, DeviceKey.open(tmp_path).public)


@pytest.mark.parametrize("content", ["", "{", "{}", '{"body":"x","public_key":"y","signature":"z"}', "[]"])
def test_rubbish_in_the_place_of_the_newest_is_no_calibration(tmp_path: Path, content: str) -> None:
    kept(tmp_path)
    (tmp_path / FOLDER / "99999999T000000-x.json").write_text(content, encoding="utf-8")
    assert in_force(tmp_path, CONFIG, NOW).state == "altered"


def test_a_folder_that_is_not_there_yet_holds_none(tmp_path: Path) -> None:
    assert Store(tmp_path / FOLDER).all() == []
    assert Store(tmp_path / FOLDER).newest() is None


def test_what_ends_a_certificate(tmp_path: Path) -> None:
    assert in_force(tmp_path, CONFIG, NOW).state == "none"
    kept(tmp_path)
    assert in_force(tmp_path, CONFIG, NOW + timedelta(days=366)).state == "expired"
    moved = CONFIG.model_copy(update={"pressure_sensor": CONFIG.pressure_sensor.model_copy(update={"zero_kpa": 0.2})})
    assert calibration_sha256(moved) != calibration_sha256(CONFIG)
    assert in_force(tmp_path, moved, NOW).state == "changed"
    assert in_force(tmp_path, CONFIG.model_copy(update={"language": "fr"}), NOW).state == "in_force"
    assert in_force(tmp_path, CONFIG.model_copy(update={"name": "bed-8"}), NOW).state == "other_device"


@pytest.mark.parametrize(
    ("section", "change"),
    [
        ("press_limits", {"pressure_kpa": 50.0}),
        ("press_limits", {"presses_per_minute": 3}),
        ("pins", {"vent_valve": 27}),
        ("pins", {"pump_active_high": False}),
        ("pump_pwm", {"frequency_hz": 321}),
        ("probe", {"pump_start_duty": 0.2}),
        ("probe", {"plate_area_mm2": 100.0}),
    ],
)
def test_what_the_safety_steps_tried_is_no_more_so_once_it_is_changed(
    tmp_path: Path, section: str, change: dict[str, Any]
) -> None:
    kept(tmp_path)
    assert change.keys() <= type(getattr(CONFIG, section)).model_fields.keys()
    moved = CONFIG.model_copy(update={section: getattr(CONFIG, section).model_copy(update=change)})
    assert in_force(tmp_path, moved, NOW).state == "changed"
    elsewhere = CONFIG.probe.model_copy(update={"socket": Path("/run/other.sock"), "lease_s": 0.4})
    assert in_force(tmp_path, CONFIG.model_copy(update={"probe": elsewhere}), NOW).state == "in_force"


def test_one_that_lacks_a_step_is_not_in_force(tmp_path: Path) -> None:
    kept(tmp_path, step())
    assert in_force(tmp_path, CONFIG, NOW).state == "incomplete"


def test_a_clock_that_stands_before_the_making_ends_nothing_and_is_told(tmp_path: Path) -> None:
    kept(tmp_path)
    found = in_force(tmp_path, CONFIG, datetime(1970, 1, 1, tzinfo=UTC))
    assert (found.state, found.clock_behind) == ("in_force", True)
    assert not in_force(tmp_path, CONFIG, NOW - timedelta(minutes=1)).clock_behind
    assert FINDINGS["calibration_ahead"].english == CLOCK_BEHIND.en


@pytest.mark.parametrize("bad", [step(0.5), step(trouble="The sensor gave nothing.")])
def test_a_failed_step_fails_the_certificate_and_the_newest_decides(tmp_path: Path, bad: StepOutcome) -> None:
    kept(tmp_path)
    store = Store(tmp_path / FOLDER)
    later = make_certificate(whole(bad), about()).model_copy(update={"made_at": NOW + timedelta(hours=1)})
    store.add(signed(later, DeviceKey.open(tmp_path)))
    assert in_force(tmp_path, CONFIG, NOW).state == "failed"
    newest = store.newest()
    assert newest is not None
    assert newest.certificate == later


def test_a_simulated_certificate_is_for_a_simulated_device_only(tmp_path: Path) -> None:
    kept(tmp_path, simulated=True)
    assert in_force(tmp_path, CONFIG, NOW).state == "simulated"
    assert in_force(tmp_path, CONFIG, NOW, simulated=True).state == "in_force"


def test_nothing_that_is_kept_is_written_over_and_a_killed_write_leaves_nothing(tmp_path: Path) -> None:
    content = signed(make_certificate(whole(), about()), DeviceKey.open(tmp_path))
    store = Store(tmp_path / FOLDER)
    path = store.add(content)
    with pytest.raises(StoreError, match="is there already"):
        store.add(content)
    (tmp_path / FOLDER / f".{path.name}.part").write_text("half")
    assert [each.path for each in store.all()] == [path]


def seen_by_nobody(folder: Path) -> str:
    """The state as a user sees it who may not look into everything."""
    heard, told = os.pipe()
    child = os.fork()
    if child == 0:
        state = "crashed"
        try:
            os.setgid(65534)
            os.setuid(65534)
            state = in_force(folder, CONFIG, NOW).state
        finally:
            os.write(told, state.encode())
            os._exit(0)
    os.close(told)
    with os.fdopen(heard) as answer:
        said = answer.read()
    os.waitpid(child, 0)
    return said


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody who may not")
@pytest.mark.parametrize("closed", [".", FOLDER, FILE])
def test_what_may_not_be_read_is_no_calibration_and_no_crash(closed: str) -> None:
    """As after a calibration that root made: the bedside looks at it many times a minute."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "calibration"
        kept(folder)
        for path in (Path(place), folder, folder / FOLDER):
            path.chmod(0o755)
        (folder / closed).chmod(0o600)
        assert seen_by_nobody(folder) == "unreadable"


def test_looking_makes_no_key(tmp_path: Path) -> None:
    kept(tmp_path)
    (tmp_path / FILE).unlink()
    assert in_force(tmp_path, CONFIG, NOW).state == "unreadable"
    assert not (tmp_path / FILE).exists()


def test_a_signed_certificate_has_one_form() -> None:
    with pytest.raises(ValueError, match="String should match"):
        SignedCertificate(body="{}", public_key="short", signature="short")
