"""The set of units as a whole: what systemd thinks of each, and that users, folders, groups and names fit together."""

import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from typer.main import get_command

from calibration.correction_request import ANSWERS, REQUEST
from firmware_config.device import DeviceConfig, load_device
from refill.cli import app
from tests.systemd.units_bench import (
    PROGRAM,
    SERVICES,
    SYSTEMD,
    UNITS,
    Settings,
    complaints,
    exposure,
    seconds,
    settings,
    verifiable,
)

analyses = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")
LASTING = tuple(name for name in SERVICES if settings(name)["Type"] != ["oneshot"])
OURS = tuple(name for name in SERVICES if PROGRAM in settings(name)["ExecStart"][0])
KIOSK = "refill-kiosk.service"
BY_HAND = "refill-calibrate.service"
APPLY = "refill-calibrate-apply.service"
AS_ROOT = {"refill-again.service", APPLY}
MOST_EXPOSED = {"refill-probe.service": 1.5, "refill-bedside.service": 1.5}
"""Where that is not 2.0. Chromium needs namespaces for a sandbox of its own, and compiles scripts."""


def lines(name: str) -> list[list[str]]:
    """The words of each line of a sysusers or tmpfiles file."""
    text = (SYSTEMD / name).read_text(encoding="utf-8")
    return [shlex.split(line) for line in text.splitlines() if line and not line.startswith("#")]


def device() -> DeviceConfig:
    return load_device()


@pytest.mark.slow
@analyses
@pytest.mark.parametrize("name", UNITS)
def test_systemd_understands_every_line_and_would_name_a_misspelt_key(tmp_path: Path, name: str) -> None:
    unit = verifiable(name, tmp_path)
    assert complaints(unit) == ""
    unit.write_text(unit.read_text(encoding="utf-8") + "\n[Unit]\nDescribtion=x\n", encoding="utf-8")
    assert "Describtion" in complaints(unit)


@analyses
@pytest.mark.parametrize("name", SERVICES)
def test_every_sandbox_is_tight(tmp_path: Path, name: str) -> None:
    assert exposure(verifiable(name, tmp_path)) <= MOST_EXPOSED.get(name, 2.0)


@pytest.mark.slow
@pytest.mark.parametrize("name", OURS)
def test_it_starts_a_command_that_there_is_with_options_that_there_are(name: str) -> None:
    for line in settings(name)["ExecStart"] + settings(name).get("ExecStopPost", []):
        program, *words = shlex.split(line)
        assert program == PROGRAM, "one path for all: the release that is current"
        command = get_command(app)
        while words and hasattr(command, "commands"):
            command = command.commands[words.pop(0)]
        options = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= options


@pytest.mark.parametrize("name", LASTING)
def test_it_starts_again_fails_where_that_is_a_loop_and_is_tried_again_later(name: str) -> None:
    unit, service = settings(name, "[Unit]"), settings(name)
    assert service["Restart"] == ["always"]
    burst, window_s = int(unit["StartLimitBurst"][0]), seconds(unit["StartLimitIntervalSec"][0])
    slowest_start_s = 8.0  # Python and its modules from an SD card
    assert burst * (slowest_start_s + seconds(service["RestartSec"][0])) <= window_s, "a loop has to be seen as one"
    (again,) = settings("refill-again.service")["ExecStart"]
    tried = name.removesuffix(".service") in again.replace(";", " ").split()
    assert tried == (name != BY_HAND), "what starts by itself would take the device from the bedside"
    assert not tried or seconds(settings("refill-again.timer", "[Timer]")["OnUnitInactiveSec"][0]) > window_s


def test_the_target_holds_all_of_the_device_and_nothing_of_the_server() -> None:
    wanted = " ".join(settings("refill.target", "[Unit]")["Wants"]).split()
    installed = {name for name in UNITS if settings(name, "[Install]").get("WantedBy") == ["refill.target"]}
    assert installed - set(wanted) == {KIOSK}, "a device may have no display"
    assert set(wanted) <= installed
    for name in installed:
        assert settings(name, "[Unit]")["PartOf"] == ["refill.target"], "stopping the target stops it"
    assert not any("trial" in name for name in wanted)


def test_every_row_of_the_table_names_a_test_that_there_is() -> None:
    table = (SYSTEMD.parent / "docs/services.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(test_\w+)`", table))
    here = "".join(file.read_text(encoding="utf-8") for file in Path(__file__).parent.glob("test_*.py"))
    assert named - set(re.findall(r"^def (test_\w+)\(", here, re.MULTILINE)) == set()
    for unit in LASTING:
        assert f"`{unit.removesuffix('.service')}`" in table


@pytest.mark.parametrize("name", SERVICES)
def test_each_account_and_group_of_a_unit_is_made_or_is_debians(name: str) -> None:
    made = {line[1] for file in ("refill.sysusers", "refill-trial.sysusers") for line in lines(file)}
    service = settings(name)
    named = service.get("User", []) + service.get("Group", [])
    named += " ".join(service.get("SupplementaryGroups", [])).split()
    assert set(named) <= made | {"video"}
    assert service.get("User") not in (None, ["root"]) or name in AS_ROOT


def test_accounts_have_no_shell_and_the_hardwares_groups_no_member() -> None:
    for file in ("refill.sysusers", "refill-trial.sysusers"):
        for kind, *rest in lines(file):
            assert kind in "gu", "m would make somebody a member for good"
            assert kind == "g" or rest[-1] == "/usr/sbin/nologin"


def test_the_hardware_is_given_to_groups_of_our_own_and_no_later_rule_takes_it_back() -> None:
    rules = (SYSTEMD / "70-refill.rules").read_text(encoding="utf-8")
    given = dict(re.findall(r'^SUBSYSTEM=="(\w[\w-]*)".*GROUP:="([\w-]+)", MODE:="0660"$', rules, re.MULTILINE))
    assert given == {
        "gpio": "refill-pins",
        "spidev": "refill-bus",
        "i2c-dev": "refill-bus",
        "video4linux": "refill-camera",
        "media": "refill-camera",
        "dma_heap": "refill-camera",
        "drm": "video",
    }
    assert 'SUBSYSTEM=="pwm"' in rules
    reached = {name: " ".join(settings(name).get("SupplementaryGroups", [])).split() for name in SERVICES}
    assert {name for name, groups in reached.items() if "refill-pins" in groups} == {
        "refill-probe.service",
        "refill-bedside.service",
    }
    pins = {name for name in SERVICES if "char-gpiochip rw" in settings(name).get("DeviceAllow", [])}
    assert pins == {"refill-probe.service", "refill-bedside.service"}
    assert {name for name, groups in reached.items() if "refill-camera" in groups} == {
        "refill-bedside.service",
        BY_HAND,
    }


def test_the_calibration_has_camera_and_probe_to_itself_and_is_started_by_hand_only() -> None:
    unit, service = settings(BY_HAND, "[Unit]"), settings(BY_HAND)
    others = {"refill-bedside.service", "refill-screen.service"}
    assert set(unit["Conflicts"][0].split()) == others
    assert others <= set(unit["After"][0].split()), "what it stops has let go before it takes"
    owners = {name for name in SERVICES if "refill-camera" in " ".join(settings(name).get("SupplementaryGroups", []))}
    assert owners - {BY_HAND} <= others
    assert settings(BY_HAND, "[Install]") == {}
    assert unit["PartOf"] == ["refill.target"], "an upgrade and a shutdown stop it"
    assert not any(BY_HAND in " ".join(settings(name, "[Unit]").get("Wants", [])) for name in UNITS)
    assert (service["Type"], service["Restart"]) == (["notify"], ["always"]), "killed, its page comes back"
    kiosk = settings(KIOSK, "[Unit]")
    assert "refill-screen.service" not in " ".join(kiosk.get("Requires", []) + kiosk.get("BindsTo", []))


def test_without_a_probe_there_is_no_calibration_and_where_it_fails_the_bedside_comes_back() -> None:
    unit = settings(BY_HAND, "[Unit]")
    assert unit["BindsTo"] == ["refill-probe.service"]
    assert "refill-probe.service" in unit["After"][0].split()
    assert set(unit["OnFailure"][0].split()) == set(unit["Conflicts"][0].split()), "what it stopped"
    service = settings(BY_HAND)
    hangs_s = seconds(service["TimeoutStartSec"][0]) + seconds(service["RestartSec"][0])
    burst, window_s = int(unit["StartLimitBurst"][0]), seconds(unit["StartLimitIntervalSec"][0])
    assert burst * hangs_s < window_s, "a start that hangs each time fails for good too"


def test_the_sites_configuration_is_roots_and_one_unit_alone_writes_there() -> None:
    made = {line[1]: (line[2], line[3], line[4]) for line in lines("refill.tmpfiles") if line[0] == "d"}
    assert made["/etc/refill"] == made["/etc/refill/tls"] == ("0755", "root", "root")
    assert not any("settings" in line[1] for line in lines("refill.sysusers"))
    for name in OURS:
        service = settings(name)
        assert ("/etc/refill" in " ".join(service.get("ReadWritePaths", []))) == (name == APPLY)
        assert service["ProtectSystem"] == ["strict"]
    assert settings(APPLY)["ReadWritePaths"] == ["/etc/refill"]


def test_what_writes_the_sites_configuration_has_nothing_else_of_root_and_answers_where_the_page_looks() -> None:
    service = settings(APPLY)
    for key, value in {
        "Type": "oneshot",
        "CapabilityBoundingSet": "",
        "PrivateNetwork": "yes",
        "PrivateDevices": "yes",
        "RestrictAddressFamilies": "none",
        "NoNewPrivileges": "yes",
    }.items():
        assert service[key] == [value], key
    assert not service.keys() & {"DeviceAllow", "StateDirectory", "LoadCredential"}
    (folder,), (mode,) = service["RuntimeDirectory"], service["RuntimeDirectoryMode"]
    assert (Path("/run") / folder, mode) == (ANSWERS, "0755")
    assert service["RuntimeDirectoryPreserve"] == ["yes"], "it has ended before the page has read it"


def test_a_request_is_seen_where_the_page_lays_it_and_only_while_there_is_a_page() -> None:
    path = APPLY.replace(".service", ".path")
    request = device().storage.journal_folder / "calibration" / REQUEST
    assert settings(path, "[Path]") == {"PathChanged": [str(request)]}, "what lies there already starts nothing"
    assert settings(path, "[Unit]")["StopWhenUnneeded"] == ["yes"]
    assert {name for name in UNITS if path in " ".join(settings(name, "[Unit]").get("Wants", []))} == {BY_HAND}
    assert path in settings(BY_HAND, "[Unit]")["After"][0].split()
    assert settings(path, "[Install]") == settings(APPLY, "[Install]") == {}


FAKE = """#!/bin/sh
[ "$1" = is-active ] && { echo "$STATE"; [ "$STATE" = active ]; exit; }
[ "$2" = is-failed ] && exit 0
echo "$@" >> "$SAID"
"""


@pytest.mark.parametrize(
    ("state", "spared"),
    [("active", True), ("activating", True), ("inactive", False), ("failed", False)],
)
def test_a_bedside_that_failed_before_is_not_started_into_a_calibration(
    tmp_path: Path, state: str, spared: bool
) -> None:
    (tmp_path / "systemctl").write_text(FAKE, encoding="utf-8")
    (tmp_path / "systemctl").chmod(0o755)
    (command,) = settings("refill-again.service")["ExecStart"]
    words = [word.replace("$$", "$") for word in shlex.split(command)]
    there = {"PATH": f"{tmp_path}:/usr/bin:/bin", "STATE": state, "SAID": str(tmp_path / "said")}
    subprocess.run(words, env=there, check=True, timeout=30, capture_output=True)
    started = re.findall(r"start (\S+)\.service", (tmp_path / "said").read_text(encoding="utf-8"))
    assert {"refill-probe", "refill-publish", "refill-kiosk"} <= set(started)
    assert {"refill-bedside", "refill-screen"} & set(started) == (
        set() if spared else {"refill-bedside", "refill-screen"}
    )


def test_folders_have_the_owner_and_mode_that_their_unit_would_give_them() -> None:
    made = {line[1]: (line[2], line[3], line[4]) for line in lines("refill.tmpfiles") if line[0] == "d"}
    for name in ("refill-probe.service", "refill-bedside.service"):
        service: Settings = settings(name)
        (folder,), (mode,) = service["StateDirectory"], service["StateDirectoryMode"]
        assert made[f"/var/lib/{folder}"] == (mode, service["User"][0], service["Group"][0])
    assert str(device().storage.journal_folder) in made
    assert made["/etc/credstore"] == ("0700", "root", "root")
    assert all(line[0] in "dz" for line in lines("refill.tmpfiles")), "no line may ever empty a folder"


@pytest.mark.parametrize("name", SERVICES)
def test_a_credential_that_is_not_there_keeps_no_unit_from_starting(name: str) -> None:
    assert all(":" not in value for value in settings(name).get("LoadCredential", []))


def test_the_display_shows_one_address_and_takes_no_key() -> None:
    service = settings(KIOSK)
    (command,) = service["ExecStart"]
    cage, dashes, *rest = shlex.split(command)
    assert (cage, dashes) == ("/usr/bin/cage", "--"), "no -s: it would allow other consoles"
    assert "--kiosk" in rest
    assert "--no-sandbox" not in rest
    assert rest[-1] == "http://127.0.0.1:${REFILL_SCREEN_PORT}/"
    assert f"REFILL_SCREEN_PORT={device().screen.port}" in service["Environment"]
    policies = json.loads((SYSTEMD / "refill-kiosk.policies.json").read_text(encoding="utf-8"))
    assert {"*", "chrome://*"} <= set(policies["URLBlocklist"])
    assert policies["URLAllowlist"] == ["http://127.0.0.1"]
    assert policies["NewTabPageLocation"] == f"http://127.0.0.1:{device().screen.port}/", "a new tab is the page again"
    assert policies["DeveloperToolsAvailability"] == 2
    assert policies["AllowFileSelectionDialogs"] is False
    assert (service["IPAddressDeny"], service["IPAddressAllow"]) == (["any"], ["localhost"])
    rules = (SYSTEMD / "70-refill.rules").read_text(encoding="utf-8")
    for kind in ("KEYBOARD", "MOUSE"):
        assert f'ENV{{ID_INPUT_{kind}}}=="1", ENV{{LIBINPUT_IGNORE_DEVICE}}="1"' in rules, "Chromium has a key for all"
