"""What the Pi has to be told follows from the device file, and from nothing else."""

import configparser
import json
import re
from pathlib import Path

import pytest
from config_bench import DS18B20, HARDWARE, MPRLS, NAMED, refill, written

from firmware_config.boot_files import MADE, WATCHDOG_S, config_txt, files
from firmware_config.camera_tuning import CHOICES, TuningError, tuned
from firmware_config.device import DEFAULT_PATH, DeviceConfig, load_device
from refill.probe_selftest_by_hand import procedures

BASE = {
    "version": 2.0,
    "target": "bcm2835",
    "algorithms": [{"rpi.contrast": {"gamma_curve": [0, 0]}}, {"rpi.alsc": {"n_iter": 100}}, {"rpi.noise": {}}],
}


def made(folder: Path, text: str) -> list[str]:
    path = written(folder, {"device.toml": NAMED + text}) / "device.toml"
    return config_txt(load_device(path)).splitlines()


def test_the_files_are_what_an_installation_looks_for(tmp_path: Path) -> None:
    ended = refill("config", "boot", "--config", DEFAULT_PATH, "--out", tmp_path / "new" / "boot")
    assert ended.exit_code == 0, ended.output
    found = {path.name: path.read_text(encoding="utf-8") for path in (tmp_path / "new" / "boot").iterdir()}
    assert found == files(load_device())
    assert {"config.txt.fragment", "chrony.conf", "journald.conf", "watchdog.conf"} <= set(found)
    assert all(text.startswith(MADE) and text.endswith("\n") for text in found.values())


def test_the_same_device_file_gives_the_same_text(tmp_path: Path) -> None:
    printed = refill("config", "boot", "--config", DEFAULT_PATH).stdout
    assert printed == refill("config", "boot", "--config", DEFAULT_PATH).stdout
    assert "dtoverlay=imx708\n" in printed


def test_every_line_of_the_machine_is_at_rest_from_boot_on(tmp_path: Path) -> None:
    lines = made(tmp_path, "")
    assert "gpio=12,17,23,24=op,dl,pd" in lines
    assert "gpio=22=ip,pu" in lines
    inverted = made(tmp_path, "[pins]\npump = 16\npump_active_high = false\nvent_valve_active_high = false\n")
    assert "gpio=16,17=op,dh,pu" in inverted
    assert "gpio=23,24=op,dl,pd" in inverted
    for settings in (lines, inverted):
        assert "dtparam=strict_gpiod" in settings
        assert "dtparam=watchdog=on" in settings


def test_a_switched_light_is_lit_from_boot_on(tmp_path: Path) -> None:
    lines = made(tmp_path, "[pins]\nlight = 25\n")
    assert "gpio=25=op,dh,pu" in lines
    assert "gpio=12,17,23,24=op,dl,pd" in lines
    assert not [line for line in made(tmp_path, "") if "dh" in line]


def test_the_procedure_on_the_bench_names_the_same_lines() -> None:
    pins = load_device().pins
    told = " ".join(procedure.shows for procedure in procedures(pins))
    [asked] = re.findall(r"gpio=([0-9,]+)=op,dl", told)
    [line] = re.findall(r"gpio=([0-9,]+)=op,dl", config_txt(load_device()))
    assert set(asked.split(",")) <= set(line.split(","))


@pytest.mark.parametrize("sensor", ["imx708", "imx477", "imx219", "imx296"])
def test_each_camera_has_its_overlay_and_no_other_is_looked_for(tmp_path: Path, sensor: str) -> None:
    lines = made(tmp_path, f"[camera]\nsensor = '{sensor}'\n")
    assert [line for line in lines if line.startswith("dtoverlay=")] == ["dtoverlay=", f"dtoverlay={sensor}"]
    assert "camera_auto_detect=0" in lines


@pytest.mark.parametrize(
    ("text", "wanted", "not_wanted"),
    [
        ("", ["dtparam=spi=on"], ["dtparam=i2c_arm=on"]),
        (MPRLS, ["dtparam=i2c_arm=on", "dtparam=i2c_arm_baudrate=400000"], ["dtparam=spi=on"]),
        (MPRLS + "bus = 3", ["[pi4]", "dtoverlay=i2c3,pins_4_5", "[pi5]", "dtoverlay=i2c3-pi5,pins_6_7", "[all]"], []),
        (MPRLS + "bus = 9", ["# Bus 9 is none of the header's: whoever wired it knows its overlay."], ["[pi4]"]),
        (HARDWARE + "channel = 0", ["dtparam=audio=off", "dtoverlay=pwm,pin=12,func=4"], []),
        (HARDWARE + "channel = 1\n[pins]\npump = 19", ["dtoverlay=pwm,pin=19,func=2"], []),
        (DS18B20 + "gpio = 6", ["dtoverlay=w1-gpio,gpiopin=6"], []),
    ],
)
def test_buses_and_pwm_are_switched_on_where_a_part_needs_them(
    tmp_path: Path, text: str, wanted: list[str], not_wanted: list[str]
) -> None:
    lines = made(tmp_path, text)
    assert [line for line in lines if line in wanted] == wanted
    assert not set(not_wanted) & set(lines)


def test_a_filter_for_one_model_ends_before_the_next_part(tmp_path: Path) -> None:
    model = "all"
    for line in made(tmp_path, MPRLS + "bus = 5\n" + "[pins]\npump = 18\n"):
        model = line.strip("[]") if line.startswith("[") else model
        if line.startswith(("dtoverlay=imx", "gpio=")):
            assert model == "all"
    assert model == "all"


def test_the_clock_asks_the_sites_servers(tmp_path: Path) -> None:
    device = DeviceConfig(name="a", site="01", clock={"servers": ["ntp.hospital.example", "192.0.2.7"]})  # type: ignore[arg-type]  # as a file has it
    lines = files(device)["chrony.conf"].splitlines()
    assert [line for line in lines if line.startswith("server ")] == [
        "server ntp.hospital.example iburst",
        "server 192.0.2.7 iburst",
    ]
    assert not [line for line in files(load_device())["chrony.conf"].splitlines() if line.startswith("server")]


def test_drop_ins_say_what_they_have_to(tmp_path: Path) -> None:
    texts = files(load_device())
    read = configparser.ConfigParser()
    read.optionxform = str  # type: ignore[assignment,method-assign]  # systemd's keys have capitals
    read.read_string(texts["watchdog.conf"])
    read.read_string(texts["journald.conf"])
    assert read["Manager"]["RuntimeWatchdogSec"] == str(WATCHDOG_S)
    assert WATCHDOG_S <= 15
    assert read["Journal"]["Storage"] == "persistent"


def test_what_has_to_stay_is_on_the_data_partition(tmp_path: Path) -> None:
    path = written(tmp_path, {"device.toml": NAMED + "[storage]\njournal_folder = '/srv/journal'\n"}) / "device.toml"
    rows = [line.split() for line in files(load_device(path))["fstab.fragment"].splitlines() if line[0] != "#"]
    assert all(len(row) == 6 for row in rows)
    assert rows[0][:3] == ["LABEL=refill-data", "/data", "ext4"]
    assert {row[1] for row in rows[1:]} >= {"/srv/journal", "/var/lib/refill-probe", "/var/log/journal"}
    assert all(row[0] == f"/data{row[1]}" for row in rows[1:])


def test_the_cameras_tone_curve_and_shading_are_held_still_and_nothing_else_changes(tmp_path: Path) -> None:
    before = json.dumps(BASE)
    new = tuned(BASE)
    assert json.dumps(BASE) == before
    assert new["algorithms"][0] == {"rpi.contrast": {"gamma_curve": [0, 0], "ce_enable": 0}}
    assert new["algorithms"][1] == {"rpi.alsc": {"n_iter": 0}}
    assert new["algorithms"][2] == BASE["algorithms"][2]  # type: ignore[index]  # a list
    (tmp_path / "imx708.json").write_text(before)
    ended = refill("config", "boot", "--config", DEFAULT_PATH, "--out", tmp_path, "--tuning", tmp_path / "imx708.json")
    assert ended.exit_code == 0
    assert json.loads((tmp_path / "camera-tuning.json").read_text()) == new


@pytest.mark.parametrize("base", [[], {}, {"algorithms": {}}, {"algorithms": [{"rpi.alsc": {}}, 3]}])
def test_what_is_no_tuning_file_is_refused_in_one_line(tmp_path: Path, base: object) -> None:
    with pytest.raises(TuningError):
        tuned(base)
    (tmp_path / "base.json").write_text(json.dumps(base))
    ended = refill("config", "boot", "--config", DEFAULT_PATH, "--out", tmp_path, "--tuning", tmp_path / "base.json")
    assert ended.exit_code == 2
    assert ended.stderr.startswith(f"{tmp_path}/base.json: ")
    assert len(ended.stderr.splitlines()) == 1
    assert set(CHOICES) == {"rpi.contrast", "rpi.alsc"}


def test_a_wrong_device_file_makes_no_files(tmp_path: Path) -> None:
    path = written(tmp_path, {"device.toml": NAMED + "[pins]\npump = 17"}) / "device.toml"
    ended = refill("config", "boot", "--config", path, "--out", tmp_path / "out")
    assert ended.exit_code == 2
    assert "pins.vent_valve" in ended.stderr
    assert not (tmp_path / "out").exists()
    (tmp_path / "file").write_text("")
    assert refill("config", "boot", "--config", DEFAULT_PATH, "--out", tmp_path / "file").exit_code == 1
