"""The hardware's page says what the code and the device file say, and what it cites exists."""

import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import get_args

import pytest
from config_bench import DS18B20, HARDWARE, MPRLS, NAMED, REFILL, written

from firmware_config.boot_files import config_txt
from firmware_config.device import DeviceConfig, load_device
from firmware_config.hardware import SPI_PINS, PumpPwm
from firmware_config.panel import Panel
from firmware_config.sensors import SENSORS
from firmware_config.tree import kind_of, models_in
from refill import hardware_docs
from refill.hardware_parts import rows
from refill.hardware_pneumatic import FAILURES
from refill.hardware_wiring import GROUND, HEADER, POWER, drawing, wires
from refill.probe_selftest_by_hand import procedures

HERE = Path(__file__).resolve().parents[2]
PAGE = HERE / hardware_docs.PAGE
SVG = "{http://www.w3.org/2000/svg}"


def device(folder: Path, text: str = "") -> DeviceConfig:
    return load_device(written(folder, {"device.toml": NAMED + text}) / "device.toml")


def words(svg: str) -> list[str]:
    return [element.text or "" for element in ET.fromstring(svg).iter(f"{SVG}text")]  # noqa: S314 - drawn here


def test_the_page_and_the_drawings_are_what_the_code_says() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == hardware_docs.written(page), "run python -m refill.hardware_docs"
    for name, text in hardware_docs.drawings(load_device()).items():
        assert (HERE / hardware_docs.IMAGES / name).read_text(encoding="utf-8") == text, name
        assert f"(images/{name})" in page


def test_a_page_that_lags_behind_would_be_seen() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert hardware_docs.written(page.replace("| 32 | 12 | pump |", "| 33 | 13 | pump |")) == page
    with pytest.raises(ValueError, match="wiring"):
        hardware_docs.written(page.replace("<!-- wiring -->", ""))


def test_every_line_of_the_header_is_there_once() -> None:
    assert sorted([*HEADER.values(), *POWER, *GROUND, 27, 28]) == list(range(1, 41))
    assert set(HEADER) == set(range(2, 28))


def test_the_wiring_has_every_pin_of_the_device_file_and_no_other(tmp_path: Path) -> None:
    config = load_device()
    assert {wire.gpio for wire in wires(config)} == {*config.pins.lines.values(), 8, 9, 10, 11}
    lit = {wire.key: wire for wire in wires(device(tmp_path, "[pins]\nlight = 25\n"))}["pins.light"]
    assert (lit.gpio, lit.at_rest) == (25, "10 kΩ to 3.3 V at the gate"), "lit while nobody drives it"
    by_i2c = device(tmp_path, MPRLS + DS18B20 + "gpio = 6\n" + "[pins]\npump = 13\n")
    assert {wire.gpio for wire in wires(by_i2c)} == {*by_i2c.pins.lines.values(), 2, 3, 6}
    assert not SPI_PINS & {wire.gpio for wire in wires(by_i2c)}


@pytest.mark.parametrize("text", ["", MPRLS, HARDWARE + "channel = 1\n[pins]\npump = 13\nbuzzer = 26\n", DS18B20])
def test_the_drawing_shows_each_line_at_its_pin_of_the_header(tmp_path: Path, text: str) -> None:
    config = device(tmp_path, text)
    root = ET.fromstring(drawing(config))  # noqa: S314 - drawn here
    height = {
        element.text: float(element.get("y", "0")) for element in root.iter(f"{SVG}text") if ":" in (element.text or "")
    }
    for wire in wires(config):
        assert height[f"{wire.part}: {wire.to}"] == pytest.approx(90 + 26 * ((wire.pin - 1) // 2), abs=8)
        assert str(wire.gpio) in words(drawing(config))


def test_the_pull_of_a_gate_follows_what_switches_it_on(tmp_path: Path) -> None:
    rest = {wire.part: wire.at_rest for wire in wires(device(tmp_path, "[pins]\npump_active_high = false\n"))}
    assert rest["pump"] == "10 kΩ to 3.3 V at the gate"
    assert rest["vent valve"] == "10 kΩ to ground at the gate"


def test_the_drawings_have_nothing_outside_of_the_sheet() -> None:
    for text in hardware_docs.drawings(load_device()).values():
        root = ET.fromstring(text)  # noqa: S314 - drawn here
        wide, high = float(root.get("width", "0")), float(root.get("height", "0"))
        for box in root.iter(f"{SVG}rect"):
            assert 0 <= float(box.get("x", "0")) <= wide - float(box.get("width", "0"))
            assert 0 <= float(box.get("y", "0")) <= high - float(box.get("height", "0"))
        for line in root.iter(f"{SVG}polyline"):
            points = [tuple(map(float, point.split(","))) for point in line.get("points", "").split()]
            assert all(0 <= x <= wide and 0 <= y <= high for x, y in points)


def test_every_kind_that_a_device_file_can_name_is_in_the_bill_of_materials() -> None:
    named = " ".join(kind for _, kind, _ in rows(load_device()))
    sensor = DeviceConfig.model_fields["pressure_sensor"].annotation
    thermometer = DeviceConfig.model_fields["temperature_sensor"].annotation
    for model in models_in(sensor) + models_in(PumpPwm) + models_in(thermometer):
        assert f'kind = "{kind_of(model) or "ds18b20"}"' in named
    for name in (*SENSORS, *get_args(Panel.model_fields["buzzer"].annotation)):
        assert f'= "{name}"' in named


def test_every_test_that_the_failure_table_cites_exists() -> None:
    cited = [each.shown for each in FAILURES if each.shown.startswith("tests/")]
    assert len(cited) > 12
    for place in cited:
        file, name = place.split("::")
        assert f"def {name}(" in (HERE / file).read_text(encoding="utf-8"), place


def test_every_procedure_that_the_failure_table_names_exists() -> None:
    last = len(procedures(load_device().pins))
    numbers = {int(each.shown.split()[1]) for each in FAILURES if each.shown.startswith("bench ")}
    assert numbers
    assert max(numbers) <= last
    assert f"1 to {last}" in PAGE.read_text(encoding="utf-8")


def test_every_command_of_the_checklist_exists() -> None:
    page = PAGE.read_text(encoding="utf-8").split("## Commissioning")[1]
    commands = {tuple(command.split()) for command in re.findall(r"`refill ([a-z ]+?)(?: --?[a-z].*?)?`", page)}
    assert len(commands) >= 7
    for parts in commands:
        here = REFILL
        for part in parts:
            here = here.commands[part]  # type: ignore[attr-defined]  # a group


def test_the_lines_that_boot_sets_are_those_of_the_wiring() -> None:
    config = load_device()
    set_at_boot = {
        int(pin) for pins in re.findall(r"^gpio=([0-9,]+)=", config_txt(config), re.M) for pin in pins.split(",")
    }
    assert set_at_boot == set(config.pins.lines.values())


def test_a_site_makes_its_own_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(HERE)
    path = written(tmp_path, {"device.toml": NAMED + "[pins]\npump = 13\n"}) / "device.toml"
    assert hardware_docs.main(["--config", str(path), "--out", str(tmp_path / "own")]) == 0
    assert "| 33 | 13 | pump |" in (tmp_path / "own" / "hardware.md").read_text(encoding="utf-8")
    assert (tmp_path / "own" / "images" / "wiring.svg").is_file()
    assert hardware_docs.main(["--config", str(tmp_path / "none.toml"), "--out", str(tmp_path)]) == 2
    assert hardware_docs.main(["--help"]) == 2
