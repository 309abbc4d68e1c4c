"""What of the tree becomes a release, under which name, and which build it is."""

import hashlib
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

FOLDERS = (
    "calibration",
    "contract",
    "device",
    "firmware_config",
    "phantom",
    "refill",
    "requirements",
    "systemd",
    "trial",
    "vision",
    "web",
)
FILES = ("LICENSE", "Makefile", "README.md", "pyproject.toml")
BUILD = "contract/build.txt"
"""Written into a release and a bundle, never kept in the tree: `contract.build` reads it."""


def files(tree: Path) -> Iterator[Path]:
    """Yield the path below `tree` of every file of a release, in order; not what Python or an editor leaves there."""
    for name in sorted((*FOLDERS, *FILES)):
        whole = tree / name
        for path in [whole] if whole.is_file() else sorted(whole.rglob("*")):
            inner = path.relative_to(tree)
            hidden = any(part.startswith(".") or part in ("__pycache__", "build.txt") for part in inner.parts)
            if path.is_file() and not hidden and path.suffix != ".pyc":
                yield inner


def version(tree: Path) -> str:
    """Return the product's version as the tree has it."""
    found = re.search(r'^__version__ = "([^"]+)"', (tree / "contract/version.py").read_text(encoding="utf-8"), re.M)
    if found is None:
        raise ValueError(f"{tree / 'contract/version.py'}: no version")
    return found[1]


def release_name(tree: Path, python: tuple[int, int]) -> str:
    """Return the name of the release that this tree makes on that Python: the same content has the same name."""
    seen = hashlib.sha256()
    for inner in files(tree):
        content = (tree / inner).read_bytes()
        seen.update(f"{inner}\0{len(content)}\0".encode())
        seen.update(content)
    return f"{version(tree)}-{seen.hexdigest()[:12]}-py{python[0]}{python[1]}"


def build(tree: Path) -> str:
    """Return which build a tree is: what git says of it, else what a bundle wrote into it, else `unknown`."""
    command = ["git", "-c", f"safe.directory={tree}", "-C", str(tree), "describe", "--always", "--dirty", "--tags"]
    if (tree / ".git").exists():
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        except OSError:
            done = None
        if done is not None and done.returncode == 0 and done.stdout.strip():
            return done.stdout.strip()
    written = tree / BUILD
    return written.read_text(encoding="utf-8").strip() if written.is_file() else "unknown"


def copy(tree: Path, to: Path) -> None:
    """Copy the files of a release to a new folder, readable by everybody, with its build written in."""
    for inner in files(tree):
        there = to / inner
        there.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(tree / inner, there)
        there.chmod(0o755 if (tree / inner).stat().st_mode & 0o100 else 0o644)
    (to / BUILD).write_text(build(tree) + "\n", encoding="utf-8")
