"""What an engineer sees of an installation on a device with systemd: order, going back, and what is never touched."""

import json
import signal
from pathlib import Path

import pytest

from firmware_config.install import flow, release, services
from firmware_config.install.machine import InstallError
from firmware_config.install.state import read
from tests.install.machine_double import Answers, Double, install, job_of, small_tree

UNITS = "/etc/systemd/system"


@pytest.fixture(autouse=True)
def signals_as_they_were() -> object:
    kept = {name: signal.getsignal(name) for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    yield
    for name, handler in kept.items():
        signal.signal(name, handler)


@pytest.fixture
def device(tmp_path: Path) -> Double:
    return Double(tmp_path / "device", Answers())


@pytest.fixture
def installed(device: Double, tmp_path: Path) -> Double:
    assert install(device, small_tree(tmp_path / "first")) == flow.DONE, device.answers.said
    device.reboot()
    return device


def said(device: Double) -> str:
    return "\n".join(device.answers.said)


def target(device: Double) -> str:
    return device.at(f"{UNITS}/refill.target").read_text()


def test_a_first_installation_waits_for_the_boot_that_its_boot_settings_need(device: Double, tmp_path: Path) -> None:
    assert install(device, small_tree(tmp_path / "first")) == flow.DONE
    assert "they start with the next boot" in said(device)
    assert not [line for line in device.commands if "systemctl start" in line]
    assert device.at(f"{UNITS}/multi-user.target.wants/refill.target").is_symlink()


def test_an_upgrade_stops_everything_before_it_changes_anything_and_starts_it_after(
    installed: Double, tmp_path: Path
) -> None:
    before = release.current(installed)
    assert install(installed, small_tree(tmp_path / "second", "Newer")) == flow.DONE
    lines = installed.commands
    stop = next(index for index, line in enumerate(lines) if line.startswith("systemctl stop refill.target"))
    start = next(index for index, line in enumerate(lines) if line.startswith("systemctl start refill.target"))
    made = next(index for index, line in enumerate(lines) if "pip install" in line)
    assert made < stop < lines.index("systemctl daemon-reload") < start
    assert "refill-probe.service" in lines[stop]
    assert "Newer" in target(installed)
    assert release.current(installed) != before


def test_a_service_that_does_not_come_up_takes_the_upgrade_back(installed: Double, tmp_path: Path) -> None:
    before, files = release.current(installed), target(installed)
    second = small_tree(tmp_path / "second", "Newer")
    installed.answers.down = ("refill-screen.service",)
    seen: list[str] = []

    def comes_up_again(sentence: str) -> None:
        seen.append(sentence)
        if "did not pass" in sentence:
            installed.answers.down = ()

    job = job_of(installed, second)
    job.say = comes_up_again
    assert flow.install(job) == flow.WENT_BACK
    assert any("not running: refill-screen.service" in line for line in seen)
    assert (release.current(installed), target(installed)) == (before, files)
    assert installed.commands[-1].startswith("systemctl show"), "the one before was looked at too"
    state = read(installed)
    assert state is not None
    assert state.good == before


def test_device_rules_are_read_once_the_groups_that_they_name_are_there(device: Double, tmp_path: Path) -> None:
    assert install(device, small_tree(tmp_path / "first")) == flow.DONE
    lines = device.commands
    assert lines.index("systemd-sysusers /usr/lib/sysusers.d/refill.conf") < lines.index("udevadm control --reload")


def test_units_of_an_installer_that_was_killed_are_read_although_no_file_changes_any_more(
    installed: Double, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    second = small_tree(tmp_path / "second", "Newer")
    monkeypatch.setattr(flow, "_go_back", lambda *_: flow.FAILED)
    installed.answers.failing = ("systemd-sysusers",)
    assert install(installed, second) == flow.FAILED
    assert "systemctl daemon-reload" not in installed.commands
    installed.answers.failing = ()
    assert install(installed, second) == flow.DONE
    assert "files: write" not in said(installed)
    assert "systemctl daemon-reload" in installed.commands


@pytest.mark.parametrize(
    ("told", "down"),
    [
        ("ActiveState=active\nConditionResult=yes\nConditionTimestampMonotonic=7\n", False),
        ("ActiveState=inactive\nConditionResult=no\nConditionTimestampMonotonic=7\n", False),
        ("ActiveState=inactive\nConditionResult=no\nConditionTimestampMonotonic=0\n", True),
        ("ActiveState=activating\nConditionResult=yes\nConditionTimestampMonotonic=7\n", True),
        ("", True),
    ],
)
def test_a_display_that_is_not_there_is_no_failure_and_a_start_that_was_never_reached_is(
    installed: Double, monkeypatch: pytest.MonkeyPatch, told: str, down: bool
) -> None:
    monkeypatch.setattr(installed, "run", lambda *_, **__: told)
    assert bool(services.not_active(installed)) is down


def test_where_going_back_fails_as_well_it_says_that_nothing_can_be_measured(installed: Double, tmp_path: Path) -> None:
    installed.answers.down = ("refill-probe.service",)
    assert install(installed, small_tree(tmp_path / "second", "Newer")) == flow.STANDS_STILL
    assert "no measurement can be made: call the study engineer" in said(installed)


def test_a_first_installation_that_does_not_pass_enables_nothing(device: Double, tmp_path: Path) -> None:
    device.answers.failing = ("/opt/refill/current/venv/bin/refill config check",)
    assert install(device, small_tree(tmp_path / "first")) == flow.STANDS_STILL
    assert "no service is enabled" in said(device)
    assert not list(device.at(UNITS).rglob("refill*"))
    assert device.at("/boot/firmware/config.txt").read_text() == "dtparam=audio=on\n"
    device.answers.failing = ()
    assert install(device, small_tree(tmp_path / "again")) == flow.DONE
    assert device.at(f"{UNITS}/refill.target").is_file()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("failing", "crt_s", "words"),
    [
        ("pip install", 2.4, "pip install"),
        ("config check", 2.4, "the site's configuration is valid"),
        ("import cv2", 2.4, "the libraries load"),
        ("nothing", 3.1, "a simulated press of 2.4 s was read as 3.1"),
    ],
)
def test_a_release_that_fails_by_itself_never_stops_a_service(
    installed: Double, tmp_path: Path, failing: str, crt_s: float, words: str
) -> None:
    before = release.current(installed)
    installed.answers.failing, installed.answers.crt_s = (failing,), crt_s
    assert install(installed, small_tree(tmp_path / "second", "Newer")) == flow.FAILED
    assert words in said(installed)
    assert f"nothing that runs was changed; {before} is left as it is" in said(installed)
    assert not [line for line in installed.commands if line.startswith("systemctl")]
    assert release.current(installed) == before


def test_a_press_is_not_cut_by_an_upgrade(installed: Double, tmp_path: Path) -> None:
    installed.answers.phase = "hold"
    before = release.current(installed)
    assert install(installed, small_tree(tmp_path / "second", "Newer")) == flow.FAILED
    assert "a press is on: nothing was changed; again when it has ended" in said(installed)
    assert release.current(installed) == before
    assert not [line for line in installed.commands if line.startswith("systemctl stop")]


def test_a_probe_that_cannot_be_asked_does_not_hinder_an_upgrade(installed: Double, tmp_path: Path) -> None:
    installed.answers.failing = ("probe status",)
    assert install(installed, small_tree(tmp_path / "second", "Newer")) == flow.DONE


def test_ctrl_c_in_the_middle_of_the_change_goes_back(
    installed: Double, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = release.current(installed)
    run = installed.run
    stopped: list[bool] = []

    def interrupted(command: list[str], *, user: str | None = None) -> str:
        if command[0] == "systemd-sysusers" and not stopped:
            stopped.append(True)
            raise KeyboardInterrupt
        return run(command, user=user)

    monkeypatch.setattr(installed, "run", interrupted)
    assert install(installed, small_tree(tmp_path / "second", "Newer")) == flow.WENT_BACK
    assert "stopped by hand" in said(installed)
    assert release.current(installed) == before


def test_the_journal_is_verified_as_its_owner_and_only_where_there_is_one(installed: Double, tmp_path: Path) -> None:
    assert not [line for line in installed.commands if "journal verify" in line]
    installed.at("/var/lib/refill").mkdir(parents=True)
    installed.at("/var/lib/refill/journal.sqlite").touch()
    assert install(installed, small_tree(tmp_path / "second", "Newer")) == flow.DONE
    assert [line for line in installed.commands if line.startswith("as refill /opt/refill/current/venv/bin/refill jou")]


def test_a_pin_moved_in_the_device_file_reaches_the_boot_settings_by_installing_again(
    installed: Double, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.install.machine_double.FRAGMENT", "gpio=5=op,dl,pd\n")
    assert install(installed, small_tree(tmp_path / "same")) == flow.DONE
    config = installed.at("/boot/firmware/config.txt").read_text()
    assert "gpio=5=op,dl,pd" in config
    assert "strict_gpiod" not in config
    assert config.count("# >>> refill") == 1


def test_a_new_default_is_offered_once_and_the_sites_file_stays(installed: Double, tmp_path: Path) -> None:
    own = 'name = "bed-07"\n'
    installed.at("/etc/refill/device.toml").write_text(own)
    assert install(installed, small_tree(tmp_path / "second", default="# newer\n")) == flow.DONE
    assert "/etc/refill/device.toml.new is the new default; yours stays as it is" in said(installed)
    assert installed.at("/etc/refill/device.toml").read_text() == own
    installed.at("/etc/refill/device.toml.new").unlink()
    assert install(installed, small_tree(tmp_path / "third", "Third", default="# newer\n")) == flow.DONE
    assert "device.toml.new" not in said(installed)


def test_the_last_two_releases_stay_and_older_ones_go(installed: Double, tmp_path: Path) -> None:
    for number in (2, 3, 4):
        assert install(installed, small_tree(tmp_path / str(number), f"Number {number}")) == flow.DONE
    assert len(list(installed.at("/opt/refill/releases").iterdir())) == 2


def test_a_state_file_that_cannot_be_read_is_said_and_not_guessed(installed: Double) -> None:
    installed.at("/opt/refill/state.json").write_text(json.dumps({"good": None, "colour": "blue"}))
    with pytest.raises(InstallError, match=r"state\.json: cannot be read"):
        read(installed)
