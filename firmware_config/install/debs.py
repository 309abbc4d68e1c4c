"""The system's packages as files with an index, so that apt installs from a folder: fetched once, where there is a
network."""

import shutil
from pathlib import Path

from firmware_config.install import packages
from firmware_config.install.bundled import digest_of, seal
from firmware_config.install.machine import Machine
from firmware_config.install.refusals import python_of

FETCHED = "/var/cache/refill-debs"
INDEX = "Packages"


def fetch(machine: Machine, bundle: Path, *, kiosk: bool) -> int:
    """Fetch what a machine lacks, with all that it needs, into the bundle's `debs`; return how many packages.

    The machine has to be as fresh as those that are installed later: what it has already is not fetched. Nothing is
    installed on it. Raises `InstallError`.
    """
    rows = packages.missing(machine, packages.wanted(python_of(machine), kiosk=kiosk))
    machine.run([*packages.APT, "update"])
    names, _ = packages.choose(machine, rows, [])
    folder = machine.at(FETCHED)
    folder.joinpath("partial").mkdir(parents=True, exist_ok=True)
    cache = ["-o", f"Dir::Cache::Archives={FETCHED}/"]
    machine.run([*packages.APT, *cache, "install", "-y", "--download-only", "--no-install-recommends", *names])
    debs = bundle / "debs"
    shutil.rmtree(debs, ignore_errors=True)
    debs.mkdir(parents=True)
    for path in sorted(folder.glob("*.deb")):
        shutil.copyfile(path, debs / path.name)
    entries = [_entry(machine, f"{FETCHED}/{path.name}", path) for path in sorted(debs.glob("*.deb"))]
    (debs / INDEX).write_text("\n".join(entries), encoding="utf-8")
    shutil.rmtree(folder)
    seal(bundle)
    return len(entries)


def _entry(machine: Machine, inside: str, path: Path) -> str:
    """Return a package's paragraph of the index: what it says of itself, where it is, how large, and its checksum."""
    told = machine.run(["dpkg-deb", "-f", inside]).strip()
    return f"{told}\nFilename: ./{path.name}\nSize: {path.stat().st_size}\nSHA256: {digest_of(path)}\n"
