"""A device is installed, upgraded, not upgraded, and cleared, in a Debian root of its own (`debian-root`), without a
network.

Real: apt, dpkg, pip, venv, sysusers, tmpfiles, and the release's own self-test. Not there: systemd at work, which the
other tests of this folder have as a double, and a Pi's boot partition, which is a folder here. One device, from the
first installation to the last: the tests build on each other.
"""

import os
import signal
import stat
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from contract.identifiers import new_reading_id
from contract.reading import Reading
from device.journal import Journal
from firmware_config.install.packages import NOT_WHOLE
from tests.install.install_bench import Device, base_root, bundle_for, copy_root, tree_in

pytestmark = pytest.mark.slow

CONFIG = "dtparam=audio=on\n[cm4]\notg_mode=1\n"
CMDLINE = "console=tty1 root=PARTUUID=1-2 rootwait\n"
OWN = 'name = "bed-07" # ours\nsite = "001"\n[mqtt]\nhost = "127.0.0.1"\nstudy = "demo"\n'
LEFT_BY_USE = ("/var/log", "/var/lib/apt", "/var/cache", "/proc", "/dev", "/run")


@pytest.fixture(scope="module")
def device(tmp_path_factory: pytest.TempPathFactory) -> Device:
    base = base_root()
    folder = tmp_path_factory.mktemp("install")
    made = Device(copy_root(base, folder / "device"), bundle_for(base, folder / "bundle"))
    made.at("/boot/firmware").mkdir(parents=True)
    made.at("/boot/firmware/config.txt").write_text(CONFIG)
    made.at("/boot/firmware/cmdline.txt").write_text(CMDLINE)
    return made


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tree_in(tmp_path_factory.mktemp("trees") / "first")


def seen(device: Device) -> dict[str, tuple[int, int, int, int]]:
    """Every file of the device that is not left by mere use: mode, owner, size and time of its last change."""
    found = {}
    for place, folders, files in os.walk(device.root):
        inner = "/" + os.path.relpath(place, device.root)
        if inner.startswith(LEFT_BY_USE):
            folders.clear()
            continue
        for name in files:
            told = Path(place, name).lstat()
            found[f"{inner}/{name}"] = (told.st_mode, told.st_uid, told.st_size, told.st_mtime_ns)
    return found


def text_of(device: Device, path: str) -> str:
    return device.at(path).read_text()


def owner_and_mode(device: Device, path: str) -> str:
    return device.inside("stat", "-c", "%U:%G %a", path).stdout.strip()


def killed_at(device: Device, tree: Path, line: str) -> list[str]:
    """Install, and SIGKILL everything that it started as soon as it says a line that begins so; return what it had
    said."""
    whole = device.entering(*device.installer("install", "--bundle", str(device.bundle), "--no-kiosk"))
    said = []
    with subprocess.Popen(whole, cwd=tree, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        assert process.stdout is not None
        for one in process.stdout:
            said.append(one.rstrip())
            if one.startswith(line):
                break
        os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL, said
    return said


def killed_when(device: Device, tree: Path, seen: Callable[[], bool]) -> None:
    """Install, and SIGKILL everything that it started as soon as something is seen on the device."""
    whole = device.entering(*device.installer("install", "--bundle", str(device.bundle), "--no-kiosk"))
    with subprocess.Popen(whole, cwd=tree, stdout=subprocess.DEVNULL, start_new_session=True) as process:
        while not seen():
            assert process.poll() is None, "it has ended, and nothing was seen"
            time.sleep(0.005)
        os.killpg(process.pid, signal.SIGKILL)


def test_a_dry_run_says_each_step_and_changes_nothing(device: Device, tree: Path) -> None:
    before = seen(device)
    done = device.install(tree, "--dry-run")
    assert done.returncode == 0, done.stderr
    for said in (
        "packages: install libgl1",
        "release: make /opt/refill/releases/0.1.0-",
        "configuration: write /etc/refill/device.toml",
        "files: write /etc/systemd/system/refill-probe.service",
        "files: write /etc/systemd/system/multi-user.target.wants/refill.target",
        "boot: write into /boot/firmware/config.txt",
    ):
        assert said in done.stdout
    assert "kiosk" not in done.stdout, "a device without a display was asked for"
    assert seen(device) == before
    assert not device.at("/var/log/refill-install.log").exists()


def test_an_installation_killed_while_dpkg_is_at_work_leaves_no_release(device: Device, tree: Path) -> None:
    status = device.at("/var/lib/dpkg/status")
    killed_when(device, tree, lambda: any(word in status.read_text() for word in NOT_WHOLE))
    assert not device.at("/opt/refill/current").exists()
    assert not device.at("/etc/systemd/system/refill.target").exists()


def test_the_next_one_goes_on_and_the_device_is_installed_without_a_network(device: Device, tree: Path) -> None:
    done = device.install(tree)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == f"{device.current()} is installed"
    assert "python3-picamera2 is not in apt's sources here: no camera" in done.stdout
    told = device.inside("/opt/refill/current/venv/bin/refill", "--version").stdout
    assert told.startswith("0.1.0 (")
    assert "not installed" not in told
    assert device.inside("/opt/refill/current/venv/bin/refill", "config", "check").returncode == 0
    assert device.inside("dpkg-query", "-W", "-f", "${db:Status-Status}", "libgl1").stdout == "installed"
    assert not device.at("/opt/refill/bundle").exists(), "a copy of the wheels would stay on the card"


def test_every_service_of_the_device_is_there_and_starts_with_it_and_no_other(device: Device) -> None:
    units = {path.name for path in device.at("/etc/systemd/system").glob("refill*")}
    assert {"refill.target", "refill-probe.service", "refill-bedside.service", "refill-publish.service"} <= units
    assert not [name for name in units if "trial" in name or "kiosk" in name]
    wanted = device.at("/etc/systemd/system/refill.target.wants")
    for unit in ("refill-probe.service", "refill-bedside.service", "refill-publish.service", "refill-screen.service"):
        assert str((wanted / unit).readlink()) == f"/etc/systemd/system/{unit}"
        starts = [line for line in text_of(device, f"/etc/systemd/system/{unit}").splitlines() if "ExecStart=" in line]
        command = starts[0].removeprefix("ExecStart=").split()[0]
        assert os.access(device.at(command), os.X_OK), f"{unit} starts {command}, which is not there"


def test_the_services_have_their_users_and_folders_and_nobody_else_has(device: Device) -> None:
    assert owner_and_mode(device, "/var/lib/refill") == "refill:refill 750"
    assert owner_and_mode(device, "/var/lib/refill-probe") == "refill-probe:refill 750"
    assert owner_and_mode(device, "/etc/refill/device.toml") == "root:root 644"
    as_refill = ("runuser", "-u", "refill", "--", "/opt/refill/current/venv/bin/refill", "config", "check")
    assert device.inside(*as_refill).stdout == "1 file valid\n", "a service could not read what it runs by"
    for place, _, names in os.walk(device.at("/opt/refill/current/app")):
        loose = [name for name in names if stat.S_IMODE(Path(place, name).stat().st_mode) & 0o022]
        assert not loose, f"others may write {loose} in {place}"


def test_the_boot_settings_stand_between_marks_behind_what_was_there(device: Device) -> None:
    config = text_of(device, "/boot/firmware/config.txt")
    assert config.startswith(CONFIG + "\n# >>> refill")
    assert "\n[all]\n" in config, "a filter before our lines must not hold for them"
    assert "dtparam=strict_gpiod" in config
    assert text_of(device, "/boot/firmware/cmdline.txt") == CMDLINE.strip() + " cgroup_enable=memory\n"
    assert text_of(device, "/boot/firmware/config.txt.before-refill") == CONFIG


def test_installing_again_changes_nothing(device: Device, tree: Path) -> None:
    before = seen(device)
    done = device.install(tree)
    assert (done.returncode, done.stdout) == (0, f"nothing to do: {device.current()} is installed\n"), done.stderr
    again = device.install(tree, "--dry-run")
    assert again.stdout == done.stdout
    assert seen(device) == before


def test_a_release_that_cannot_be_made_leaves_the_one_that_runs(device: Device, tree: Path, tmp_path: Path) -> None:
    lock = (tree / "requirements/pi.txt").read_text()
    pin = next(line for line in lock.splitlines() if line.startswith("h11=="))
    broken = tree_in(tmp_path / "broken", {"requirements/pi.txt": (pin, "h11==0.0.1 \\")})
    before = device.current()
    done = device.install(broken)
    assert done.returncode == 1
    assert "h11" in done.stdout
    assert f"nothing that runs was changed; {before} is left as it is" in done.stdout
    assert device.current() == before
    assert device.inside("/opt/refill/current/venv/bin/refill", "--version").returncode == 0


def keep_a_reading(device: Device) -> bytes:
    """Put a reading into the device's journal, as its bedside process would, and return the file's content."""
    path = device.at("/var/lib/refill/journal.sqlite")
    content = {
        "reading_id": new_reading_id(),
        "device_seq": 1,
        "study": "demo",
        "subject": {"site": "001", "inclusion": "0001"},
        "body_site": "finger",
        "simulated": True,
        "protocol": {"name": "demo", "version": "1", "sha256": "a" * 64},
        "device": {"name": "d", "software_version": "0", "algorithm_version": "0", "configuration_sha256": "b" * 64},
        "measured": {
            "at": "2026-11-26T12:00:00Z",
            "boot_id": "00000000-0000-4000-8000-000000000001",
            "boottime_ns": 1,
            "clock_synchronised": True,
        },
        "result": {"status": "not_measurable", "reason": "probe_fault"},
        "presses": [],
    }
    with Journal.open(path, "d") as journal:
        draft = Reading.model_validate(content)
        journal.begin(draft)
        journal.append(lambda seq: draft.model_copy(update={"device_seq": seq}))
    owner = device.at("/var/lib/refill").stat()
    for file in path.parent.iterdir():
        os.chown(file, owner.st_uid, owner.st_gid)
    return path.read_bytes()


def verified(device: Device) -> str:
    command = ("runuser", "-u", "refill", "--", "/opt/refill/current/venv/bin/refill", "journal", "verify")
    return device.inside(*command, "--data", "/var/lib/refill").stdout


def test_an_upgrade_that_fails_in_its_place_goes_back_by_itself(device: Device, tmp_path: Path) -> None:
    journal = keep_a_reading(device)
    worse = tree_in(
        tmp_path / "worse",
        {
            "device/journal/keeping.py": (
                "\n\n\ndef ",
                "\n\nraise RuntimeError('a journal that cannot be read')\n\n\ndef ",
            ),
            "systemd/refill.target": ("Description=Refill bedside device", "Description=Refill, but worse"),
            "systemd/70-refill.rules": ("# Hardware", "# Worse. Hardware"),
        },
    )
    before, files = device.current(), seen(device)
    done = device.install(worse)
    assert done.returncode == 3, done.stdout + done.stderr
    assert "did not pass: not so: the journal's chain is whole" in done.stdout
    assert done.stdout.splitlines()[-1].startswith(f"went back: {before} is the current release again")
    assert device.current() == before == device.state()["good"]
    assert "worse" not in text_of(device, "/etc/systemd/system/refill.target")
    assert "Worse" not in text_of(device, "/etc/udev/rules.d/70-refill.rules")
    kept = {path: told for path, told in files.items() if path.startswith(("/etc", "/var/lib/refill", "/boot"))}
    # The two that were changed and put back are as they were, in all but their time.
    ours = ("/etc/systemd/system/", "/etc/udev/rules.d/")
    now = seen(device)
    assert {path: told[:3] for path, told in kept.items()} == {path: now[path][:3] for path in kept}
    assert {path: told for path, told in kept.items() if not path.startswith(ours)}.items() <= now.items()
    assert device.at("/var/lib/refill/journal.sqlite").read_bytes() == journal
    assert "1 records" in verified(device)


def test_an_upgrade_killed_anywhere_is_whole_once_it_is_run_again(device: Device, tmp_path: Path) -> None:
    device.at("/etc/refill/device.toml").write_text(OWN)
    better = tree_in(
        tmp_path / "better",
        {
            "systemd/refill.target": ("Description=Refill bedside device", "Description=Refill, and better"),
            "systemd/refill-publish.service": ("Description=Refill publish", "Description=Better: publish"),
            "firmware_config/device.toml": ('name = "refill-demo"', 'name = "refill-better"'),
        },
    )
    before = device.current()
    for line in ("release:", "self-test:", "switch:", "files: write /etc/systemd/system/refill.target", "accounts:"):
        killed_at(device, better, line)
        assert device.state()["good"] == before
        assert device.inside("/opt/refill/current/venv/bin/refill", "--version").returncode == 0, f"killed at {line}"
    done = device.install(better)
    assert done.returncode == 0, done.stdout + done.stderr
    assert device.current() == device.state()["good"] != before
    assert "and better" in text_of(device, "/etc/systemd/system/refill.target")
    assert device.install(better).stdout == f"nothing to do: {device.current()} is installed\n"


def test_an_upgrade_keeps_data_and_the_sites_configuration_and_lays_the_new_default_beside(device: Device) -> None:
    assert text_of(device, "/etc/refill/device.toml") == OWN
    assert 'name = "refill-better"' in text_of(device, "/etc/refill/device.toml.new")
    assert "1 records" in verified(device)
    assert len(list(device.at("/opt/refill/releases").iterdir())) == 2, "the one before stays, to go back to; no other"


def test_uninstalling_leaves_the_journal_and_the_configuration_and_nothing_else_of_ours(
    device: Device, tree: Path
) -> None:
    journal = device.at("/var/lib/refill/journal.sqlite").read_bytes()
    # As somebody does who has the device and not the tree.
    done = device.inside("sh", "-c", "cd /opt/refill/current/app && python3 -m firmware_config.install uninstall")
    assert done.returncode == 0, done.stdout + done.stderr
    assert not device.at("/opt/refill").exists()
    ours = [
        path for path in seen(device) if "refill" in path and not path.startswith(("/var/lib/refill", "/etc/refill"))
    ]
    assert sorted(ours) == ["/boot/firmware/cmdline.txt.before-refill", "/boot/firmware/config.txt.before-refill"]
    assert text_of(device, "/boot/firmware/config.txt") == CONFIG
    assert text_of(device, "/boot/firmware/cmdline.txt") == CMDLINE
    assert device.at("/var/lib/refill/journal.sqlite").read_bytes() == journal
    assert text_of(device, "/etc/refill/device.toml") == OWN
    assert owner_and_mode(device, "/var/lib/refill/journal.sqlite").startswith("refill:refill")
    again = device.make(tree, "uninstall")
    assert (again.returncode, again.stdout) == (0, "nothing to do: not installed\n")
