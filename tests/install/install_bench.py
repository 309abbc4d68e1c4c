"""A Debian root to install into, trees to install from, and a bundle so that it works without a network."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from firmware_config.install import payload
from firmware_config.install.bundled import seal
from firmware_config.supply import bundle
from firmware_config.supply.locked import LOCK, Target

TREE = Path(__file__).resolve().parents[2]
TOOL = TREE / "tests/install/debian-root"
CANNOT = 3
HERE = Target("3.11", 36, os.uname().machine)
"""Python and machine of the root: bookworm's, and this one's."""

ENTER = """
mount --bind /dev "$1/dev"
mount -t proc proc "$1/proc"
shift
exec "$@"
"""


@dataclass(frozen=True)
class Device:
    """A root that stands for a device, and how it is installed."""

    root: Path
    bundle: Path

    def at(self, path: str) -> Path:
        return self.root / path.lstrip("/")

    def inside(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the root, without a network."""
        return subprocess.run(
            self.entering("chroot", str(self.root), *command),
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def make(self, tree: Path, what: str, *options: str, network: bool = False) -> subprocess.CompletedProcess[str]:
        """Run the installer of a tree for this root, as a root that is careful with its files."""
        return subprocess.run(
            self.entering(*self.installer(what, *options), network=network),
            cwd=tree,
            capture_output=True,
            text=True,
            timeout=600,
            umask=0o077,
            check=False,
        )

    def install(self, tree: Path, *options: str) -> subprocess.CompletedProcess[str]:
        return self.make(tree, "install", "--bundle", str(self.bundle), "--no-kiosk", *options)

    def installer(self, what: str, *options: str) -> list[str]:
        return [sys.executable, "-B", "-m", "firmware_config.install", what, "--root", str(self.root), *options]

    def entering(self, *command: str, network: bool = False) -> list[str]:
        alone = [] if network else ["--net"]
        space = ["unshare", "--mount", "--propagation", "private", *alone]
        return [*space, "bash", "-ec", ENTER, "bench", str(self.root), *command]

    def state(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(self.at("/opt/refill/state.json").read_text())
        return content

    def current(self) -> str:
        return self.at("/opt/refill/current").readlink().name


def tree_in(folder: Path, changed: dict[str, tuple[str, str]] | None = None) -> Path:
    """Return a copy of the tree's product in a new folder, with a text replaced in each file of `changed`."""
    payload.copy(TREE, folder)
    for name, (old, new) in (changed or {}).items():
        text = (folder / name).read_text()
        assert old in text, f"{name} has no {old!r}"
        (folder / name).write_text(text.replace(old, new, 1))
    return folder


def base_root() -> Path:
    """Return the root that copies are taken of; it is made where there is none."""
    done = subprocess.run([str(TOOL)], capture_output=True, text=True, timeout=600, check=False)
    if done.returncode == CANNOT and not os.environ.get("CI"):
        pytest.skip(done.stderr.strip())
    assert done.returncode == 0, done.stderr[-2000:]
    return Path(done.stdout.strip())


def copy_root(base: Path, folder: Path) -> Path:
    subprocess.run(["cp", "-a", "--reflink=auto", str(base), str(folder)], check=True)
    return folder


def bundle_for(base: Path, folder: Path) -> Path:
    """Return a bundle for copies of a root: wheels by pip, debs by apt. Both are kept, and fetched once."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "refill"
    wheels = cache / f"install-wheels-{hashlib.sha256(LOCK.read_bytes()).hexdigest()[:16]}" / "wheels"
    debs = cache / f"install-debs-{base.name}" / "debs"
    folder.mkdir()
    for part in (wheels, debs):
        if part.is_dir():
            shutil.copytree(part, folder / part.name)
    bundle.make(folder, (HERE,))
    if not debs.is_dir():
        fresh = Device(copy_root(base, folder.with_name("fresh")), folder)
        shutil.copyfile("/etc/resolv.conf", fresh.at("/etc/resolv.conf"))
        done = fresh.make(TREE, "debs", "--bundle", str(folder), "--no-kiosk", network=True)
        assert done.returncode == 0, done.stderr[-2000:]
        subprocess.run(["rm", "-rf", "--one-file-system", str(fresh.root)], check=True)
    for part in (wheels, debs):
        if not part.is_dir():
            shutil.copytree(folder / part.name, part)
    seal(folder)
    return folder
