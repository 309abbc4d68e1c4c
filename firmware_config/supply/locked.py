"""The locked requirements, and which of them a target machine needs."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from packaging.markers import Marker

TREE = Path(__file__).resolve().parents[2]
LOCK = TREE / "requirements/pi.txt"


@dataclass(frozen=True)
class Requirement:
    """One pinned package: where it applies (a marker, empty for everywhere), and the SHA-256 of every file that may
    be it."""

    name: str
    version: str
    marker: str
    hashes: tuple[str, ...]

    @property
    def text(self) -> str:
        """As pip reads it, without the marker."""
        return " \\\n    ".join([f"{self.name}=={self.version}", *(f"--hash=sha256:{one}" for one in self.hashes)])


@dataclass(frozen=True)
class Target:
    """A Python on a machine: what pip has to find wheels for. `glibc` is the minor version that the system has."""

    python: str
    glibc: int
    machine: str = "aarch64"

    def __str__(self) -> str:
        """How it is named to people."""
        return f"Python {self.python}, {self.machine}"

    @property
    def environment(self) -> dict[str, str]:
        """What markers ask of it."""
        return {
            "implementation_name": "cpython",
            "os_name": "posix",
            "platform_machine": self.machine,
            "platform_python_implementation": "CPython",
            "platform_system": "Linux",
            "python_full_version": f"{self.python}.0",
            "python_version": self.python,
            "sys_platform": "linux",
        }

    @property
    def options(self) -> list[str]:
        """pip's options for it. pip takes each platform by itself, so that all of them are named."""
        platforms = [f"manylinux_2_{minor}_{self.machine}" for minor in range(self.glibc, 16, -1)]
        platforms.append(f"manylinux2014_{self.machine}")
        named = [part for platform in platforms for part in ("--platform", platform)]
        return [*named, "--python-version", self.python, "--implementation", "cp", "--only-binary", ":all:"]


TARGETS = (Target("3.11", 36), Target("3.13", 41))
"""Raspberry Pi OS on bookworm and on trixie."""


def read(text: str) -> list[Requirement]:
    """Return the requirements of a lock file as uv writes it; raises `ValueError` at a line that is none."""
    found: list[Requirement] = []
    for line in text.splitlines():
        words = line.strip().rstrip("\\").strip()
        if not words or words.startswith("#"):
            continue
        if words.startswith("--hash=sha256:") and found:
            found[-1] = replace(found[-1], hashes=(*found[-1].hashes, words.removeprefix("--hash=sha256:")))
            continue
        pinned, _, marker = words.partition(";")
        name, equal, version = pinned.strip().partition("==")
        if not equal:
            raise ValueError(f"not a locked requirement: {line.strip()}")
        found.append(Requirement(name, version, marker.strip(), ()))
    return found


def for_target(requirements: Iterable[Requirement], target: Target) -> list[Requirement]:
    """Return those that a target needs. pip cannot tell: it asks the markers of the Python that it runs on."""
    return [one for one in requirements if not one.marker or Marker(one.marker).evaluate(target.environment)]


def locked(target: Target) -> list[Requirement]:
    """Return what a bedside device of that kind needs, by our own lock."""
    return for_target(read(LOCK.read_text(encoding="utf-8")), target)
