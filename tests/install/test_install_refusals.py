"""What a machine is refused for, each in one line; and how the installer starts where nothing of ours is there yet."""

import ast
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from firmware_config.install import refusals as looked_at
from firmware_config.install.flow import REFUSED
from firmware_config.install.refusals import NEEDED_MB, refusals
from tests.install.machine_double import TREE, Answers, Double, small_tree

ROOT = 0


@pytest.fixture
def device(tmp_path: Path) -> Double:
    return Double(tmp_path / "device", Answers())


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return small_tree(tmp_path / "tree")


def test_a_fit_machine_is_not_refused(device: Double, tree: Path) -> None:
    assert refusals(device, tree, as_user=ROOT) == []


def test_an_ordinary_user_is_told_how(device: Double, tree: Path) -> None:
    assert refusals(device, tree, as_user=1000) == ["only root can install: sudo make install-pi"]


@pytest.mark.parametrize("release", ['PRETTY_NAME="Fedora Linux 43"\nID=fedora\n', "ID=arch\nPRETTY_NAME=Arch\n"])
def test_another_system_than_debian_is_refused_by_its_name(device: Double, tree: Path, release: str) -> None:
    device.at("/etc/os-release").write_text(release)
    (said,) = refusals(device, tree, as_user=ROOT)
    assert said.endswith("is not Debian or Raspberry Pi OS")
    assert said.startswith(("Fedora Linux 43", "Arch"))


def test_a_system_that_calls_itself_like_debian_is_taken(device: Double, tree: Path) -> None:
    device.at("/etc/os-release").write_text('ID=raspbian\nID_LIKE="debian"\n')
    assert refusals(device, tree, as_user=ROOT) == []


def test_a_32_bit_system_is_refused_also_under_a_64_bit_kernel(device: Double, tree: Path) -> None:
    device.answers.architecture = "armhf"
    (said,) = refusals(device, tree, as_user=ROOT)
    assert said.startswith("this system is armhf: a 64-bit Raspberry Pi OS is needed")


@pytest.mark.parametrize("version", ["3 9", "3 10", "3 14", "4 0"])
def test_a_python_that_the_lock_does_not_know_is_refused(device: Double, tree: Path, version: str) -> None:
    device.answers.python = version
    assert refusals(device, tree, as_user=ROOT) == [
        f"python3 is {version.replace(' ', '.')}: Python 3.11 to 3.13 is needed"
    ]


def test_a_full_card_is_refused_with_both_figures(device: Double, tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1_500_000_000))
    assert refusals(device, tree, as_user=ROOT) == [f"1500 MB are free for /opt/refill: {NEEDED_MB} are needed"]


def test_a_root_whose_changes_are_lost_at_the_next_boot_is_refused(device: Double, tree: Path) -> None:
    line = device.at("/proc/cmdline")
    line.parent.mkdir()
    line.write_text("console=tty1 overlayroot=tmpfs:recurse=0 rootwait\n")
    (said,) = refusals(device, tree, as_user=ROOT)
    assert said.startswith("the root is read-only: sudo raspi-config nonint disable_overlayfs")
    line.write_text("console=tty1 overlayroot=disabled rootwait\n")
    assert refusals(device, tree, as_user=ROOT) == []


def test_all_reasons_are_told_at_once(device: Double, tree: Path) -> None:
    device.answers.architecture, device.answers.python = "armhf", "3 9"
    (tree / "requirements/pi.txt").unlink()
    assert len(refusals(device, tree, as_user=ROOT)) == 3


def test_a_refused_machine_is_left_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/os-release").write_text("ID=fedora\nPRETTY_NAME=Fedora\n")
    done = subprocess.run(
        [sys.executable, "-B", "-m", "firmware_config.install", "install", "--root", str(tmp_path)],
        cwd=TREE,
        capture_output=True,
        text=True,
        check=False,
    )
    # As another user than root, there is another reason; it is one line all the same.
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (REFUSED, "", 1)
    assert done.stderr.startswith("refused: ")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["etc", "os-release"]


def test_the_installer_imports_nothing_that_a_fresh_system_lacks() -> None:
    folder = Path(looked_at.__file__).parent
    foreign = set()
    for path in [*folder.glob("*.py"), folder.parent / "__init__.py"]:
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            foreign |= {
                f"{path.name}: {name}"
                for name in names
                if name.split(".")[0] not in sys.stdlib_module_names and not name.startswith("firmware_config.install")
            }
    assert foreign == set()


def test_an_old_python_is_told_so_before_it_meets_anything_that_it_cannot_read() -> None:
    first = (Path(looked_at.__file__).parent / "__main__.py").read_text()
    tree = ast.parse(first, feature_version=(3, 7))
    gate = next(index for index, node in enumerate(tree.body) if isinstance(node, ast.If))
    ours = [node for node in tree.body[:gate] if isinstance(node, ast.ImportFrom)]
    assert ours == []
    assert (Path(looked_at.__file__).parent / "__init__.py").read_text().count("import ") == 0
