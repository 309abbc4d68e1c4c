"""The same on a device that runs: its own systemd, in a container, on simulated skin. Services are really stopped and
started.

The device is the one of `tests/systemd`, before anything of ours is on it. What presses and sees is simulated by
drop-ins, as a site would have them, and no installer touches those.
"""

import shutil
import subprocess
import uuid
from collections.abc import Iterator

import pytest

from tests.install.install_bench import bundle_for, tree_in
from tests.systemd import machine_bench, machine_place
from tests.systemd.machine_bench import Machine

pytestmark = pytest.mark.slow

UNITS = "/etc/systemd/system"
SERVICES = ("refill-probe.service", "refill-bedside.service", "refill-publish.service", "refill-screen.service")


@pytest.fixture(scope="module")
def device(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    folder = tmp_path_factory.mktemp("booted")
    media = {
        tree_in(folder / "first"): "/media/first",
        tree_in(
            folder / "worse", {"systemd/refill-screen.service": ("screen serve", "screen serve --no-such")}
        ): "/media/worse",
        bundle_for(machine_place.base_root(), folder / "bundle"): "/media/bundle",
    }
    root = folder / "machine"
    subprocess.run(["cp", "-a", "--reflink=auto", machine_place.base_root(), root], check=True, timeout=300)
    for place in media.values():
        (root / place.lstrip("/")).mkdir(parents=True)
    for name, text in machine_place.SIMULATED.items():
        (root / f"etc/systemd/system/{name}.d").mkdir(parents=True)
        (root / f"etc/systemd/system/{name}.d/simulated.conf").write_text(text)
    (root / "etc/machine-id").write_text(uuid.uuid4().hex + "\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(machine_bench, "BOUND", media)
        booted = Machine(root)
    try:
        booted.wait_for_boot()
        yield booted
    finally:
        booted.end()
        shutil.rmtree(root, ignore_errors=True)


def installed(device: Machine, tree: str) -> str:
    """Install from a tree, and return all that was said, with the exit code in a line of its own."""
    command = (
        f"cd {tree} && python3 -B -m firmware_config.install install --bundle /media/bundle --no-kiosk 2>&1; echo =$?"
    )
    return device.run("sh", "-c", command, limit_s=600)


def test_a_first_installation_ends_with_every_service_up(device: Machine) -> None:
    said = installed(device, "/media/first")
    assert said.endswith("is installed\n=0\n"), said
    assert [unit for unit in SERVICES if not device.is_active(unit)] == []


def test_an_upgrade_whose_screen_does_not_start_goes_back_and_every_service_is_up_again(device: Machine) -> None:
    before = {unit: device.pid(unit) for unit in SERVICES}
    said = installed(device, "/media/worse")
    assert "did not pass" in said, said
    assert said.endswith("=3\n"), said
    assert "went back" in said
    assert [unit for unit in SERVICES if not device.is_active(unit)] == []
    now = {unit: device.pid(unit) for unit in SERVICES}
    assert not set(before.values()) & set(now.values()), "a service of before went on while its files were changed"
    assert "no-such" not in device.path(f"{UNITS}/refill-screen.service").read_text()


def test_after_uninstalling_nothing_of_ours_runs_and_the_journal_is_there(device: Machine) -> None:
    command = "cd /media/first && python3 -B -m firmware_config.install uninstall 2>&1; echo =$?"
    said = device.run("sh", "-c", command, limit_s=300)
    assert said.endswith("=0\n"), said
    assert device.run("sh", "-c", "pgrep -f /opt/refill || true") == ""
    assert device.path("/var/lib/refill/journal.sqlite").is_file()
    assert not device.path(f"{UNITS}/refill.target").exists()
