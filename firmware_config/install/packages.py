"""The system packages of a bedside device: which, what for, and what of them is missing."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from firmware_config.install.machine import InstallError, Machine

APT = ("apt-get", "-q", "-o", "DPkg::Lock::Timeout=300")


class When(StrEnum):
    """On which machines a package is wanted."""

    ALWAYS = "always"
    NEW_PYTHON = "where Python is 3.13 or newer"
    KIOSK = "with a screen of its own"


@dataclass(frozen=True)
class Package:
    """A package, under each of the names that Debian releases have for it; the first that apt has is taken.

    `without` says what is missing where it is only in the archive of Raspberry Pi OS and this is another system; one
    that has none is needed everywhere.
    """

    names: tuple[str, ...]
    what_for: str
    when: When = When.ALWAYS
    without: str = ""


PACKAGES: tuple[Package, ...] = (
    Package(("python3-venv",), "the virtual environment"),
    Package(("libgl1",), "OpenCV (libGL.so.1)"),
    Package(("libglib2.0-0t64", "libglib2.0-0"), "OpenCV (libgthread-2.0.so.0)"),
    Package(("chrony",), "the wall clock of records"),
    Package(("python3-lgpio",), "pins: no wheel of lgpio for this Python", When.NEW_PYTHON, "no pins"),
    Package(("python3-picamera2",), "the camera", without="no camera"),
    Package(("cage",), "one window on the display", When.KIOSK),
    Package(("seatd",), "display and touch panel for that window", When.KIOSK),
    Package(("chromium", "chromium-browser"), "the screen's page on the display", When.KIOSK),
    Package(("fonts-dejavu-core",), "letters on the display", When.KIOSK),
)

NOT_WHOLE = ("half-installed", "half-configured", "unpacked", "triggers-awaited", "triggers-pending")


def states(machine: Machine) -> dict[str, str]:
    """Return the state of every package that dpkg knows, by name."""
    found: dict[str, str] = {}
    name = ""
    for line in machine.at("/var/lib/dpkg/status").read_text(encoding="utf-8", errors="replace").splitlines():
        key, _, value = line.partition(": ")
        if key == "Package":
            name = value
        elif key == "Status":
            found[name] = value.split()[-1]
    return found


def wanted(python: tuple[int, int], *, kiosk: bool) -> list[Package]:
    """Return the table's rows for a machine."""
    return [
        package
        for package in PACKAGES
        if not (package.when is When.NEW_PYTHON and python < (3, 13)) and not (package.when is When.KIOSK and not kiosk)
    ]


def missing(machine: Machine, rows: Iterable[Package]) -> list[Package]:
    """Return the rows of which no name is installed."""
    known = states(machine)
    return [package for package in rows if all(known.get(name) != "installed" for name in package.names)]


def interrupted(machine: Machine) -> bool:
    """Whether an earlier dpkg was stopped half-way."""
    return any(state in NOT_WHOLE for state in states(machine).values())


def install(machine: Machine, rows: list[Package], debs: Path | None) -> list[str]:
    """Install what is missing; return a sentence for each package that could be left out.

    `debs` is a folder with an index, as the bundle has it, and then the only source. Raises `InstallError` where a
    package that is wanted cannot be had.
    """
    if not rows:
        return []
    if debs and not machine.at(debs / "Packages").is_file():
        lacking = ", ".join(row.names[0] for row in rows)
        raise InstallError(
            f"the bundle has no debs (its README.txt says how to fetch them), and these are missing: {lacking}"
        )
    options = _only_from(machine, debs) if debs else []
    machine.run([*APT, *options, "update"])
    names, left_out = choose(machine, rows, options)
    if names:
        machine.run([*APT, *options, "install", "-y", "--no-install-recommends", *names])
    return left_out


def choose(machine: Machine, rows: list[Package], options: list[str]) -> tuple[list[str], list[str]]:
    """Return the names to install, and a sentence for each row that this machine's sources do not have and need not."""
    known = _candidates(machine, [name for row in rows for name in row.names], options)
    names, left_out = [], []
    for package in rows:
        found = next((name for name in package.names if name in known), None)
        if found:
            names.append(found)
        elif package.without and not is_raspberry(machine):
            left_out.append(f"{package.names[0]} is not in apt's sources here: {package.without}")
        else:
            raise InstallError(f"apt's sources have no {' or '.join(package.names)} ({package.what_for})")
    return names, left_out


def is_raspberry(machine: Machine) -> bool:
    """Whether this is Raspberry Pi OS, whose archive has what Debian's lacks."""
    return machine.at("/etc/rpi-issue").exists()


def _candidates(machine: Machine, names: list[str], options: list[str]) -> set[str]:
    """Return those of the names that apt could install by its lists."""
    found, name = set(), ""
    for line in machine.run(["apt-cache", *options, "policy", *names]).splitlines():
        if not line.startswith(" "):
            name = line.rstrip(":")
        elif line.strip().startswith("Candidate:") and "(none)" not in line:
            found.add(name)
    return found


def _only_from(machine: Machine, debs: Path) -> list[str]:
    """Return apt's options for which a folder is the only source. What it holds was checked by the bundle's
    checksums."""
    lists = "/opt/refill/apt/lists"
    machine.at(lists).joinpath("partial").mkdir(parents=True, exist_ok=True)
    source = machine.at("/opt/refill/apt/sources.list")
    source.write_text(f"deb [trusted=yes] file:{debs} ./\n", encoding="utf-8")
    options = {
        "Dir::Etc::SourceList": "/opt/refill/apt/sources.list",
        "Dir::Etc::SourceParts": "/dev/null",
        "Dir::State::Lists": lists,
    }
    return [part for key, value in options.items() for part in ("-o", f"{key}={value}")]
