"""A release: our files and their virtual environment in one folder, made beside the one that runs, then switched to.

`/opt/refill/releases/NAME` holds `app` (the tree's files), `venv`, and `complete` once both are whole; a folder without
that was left by an installer that was stopped, and is made anew. `/opt/refill/current` points at the one that runs.
"""

import os
import shutil
from pathlib import Path

from firmware_config.install import payload
from firmware_config.install.machine import Machine, link, sync_folder, write
from firmware_config.install.state import CURRENT, RELEASES

COMPLETE = "complete"
LOCK = "requirements/pi.txt"

PIP = (
    *("-m", "pip", "install", "--no-input", "--disable-pip-version-check", "--no-cache-dir", "--no-compile"),
    *("--require-hashes", "--only-binary", ":all:", "--no-deps", "--ignore-installed"),
)

COMMAND = """\
#!{venv}/bin/python
from refill.cli import main

main()
"""


def folder(name: str) -> str:
    """Return where a release stands on its machine."""
    return f"{RELEASES}/{name}"


def is_complete(machine: Machine, name: str) -> bool:
    """Whether a release is there and whole."""
    return machine.at(folder(name)).joinpath(COMPLETE).is_file()


def current(machine: Machine) -> str | None:
    """Return the name of the release that runs; None where there is none."""
    path = machine.at(CURRENT)
    return path.readlink().name if path.is_symlink() else None


def make(machine: Machine, tree: Path, name: str, wheels: str | None) -> None:
    """Make a release from the tree: files, environment, locked requirements by hash.

    `wheels` is a folder on the machine, and then nothing is asked of a network. Everything is installed into the
    environment although the system's packages can be seen from it: apt's numpy is older than ours, and its simplejpeg
    does not load beside a newer numpy.
    """
    home = folder(name)
    there = machine.at(home)
    if there.exists():
        shutil.rmtree(there)
    payload.copy(tree, there / "app")
    venv = f"{home}/venv"
    machine.run(["python3", "-m", "venv", "--system-site-packages", venv])
    source = ["--no-index", "--find-links", wheels] if wheels else []
    machine.run([f"{venv}/bin/python", *PIP, *source, "-r", f"{home}/app/{LOCK}"])
    packages = machine.run(
        [f"{venv}/bin/python", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    ).strip()
    write(machine.at(packages) / "refill.pth", f"{home}/app\n".encode())
    write(machine.at(venv) / "bin/refill", COMMAND.format(venv=venv).encode(), 0o755)
    # The units write no byte code, and a Pi would compile at every start. On all of its cores, which pip does not use.
    machine.run([f"{venv}/bin/python", "-m", "compileall", "-q", "-j", "0", f"{home}/app", packages])
    os.sync()
    write(there / COMPLETE, f"{name}\n".encode())
    sync_folder(there.parent)


def switch(machine: Machine, name: str) -> None:
    """Let a release be the one that runs, in one step."""
    link(machine.at(CURRENT), f"releases/{name}")


def others(machine: Machine, keep: set[str | None]) -> list[str]:
    """Return the releases that nobody needs any more."""
    there = machine.at(RELEASES)
    return sorted(path.name for path in there.iterdir() if path.name not in keep) if there.is_dir() else []


def remove(machine: Machine, name: str) -> None:
    """Remove a release; what marks it as whole goes first."""
    there = machine.at(folder(name))
    there.joinpath(COMPLETE).unlink(missing_ok=True)
    shutil.rmtree(there)
