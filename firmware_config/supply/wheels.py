"""Whether every locked requirement has a wheel for a target, by asking pip: `python -m
firmware_config.supply.wheels`."""

import email
import json
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.specifiers import SpecifierSet
from packaging.utils import parse_wheel_filename

from firmware_config.install.bundled import digest_of
from firmware_config.supply.locked import TARGETS, Requirement, Target, locked


class WheelError(Exception):
    """A locked requirement has no wheel for a target, or pip could not tell; a line for each."""


@dataclass(frozen=True)
class Wheel:
    """The file that pip would install: its name, its SHA-256, and what it says of itself."""

    name: str
    version: str
    file: str
    sha256: str
    metadata: dict[str, Any]

    @property
    def is_pure(self) -> bool:
        """Whether it fits every machine."""
        return self.file.endswith("-any.whl")


def resolve(requirements: list[Requirement], target: Target) -> list[Wheel]:
    """Return the wheel of each requirement, by name; raises `WheelError` naming every one that has none.

    Each is asked for by its locked hashes. Installs nothing.
    """
    try:
        return _asked(requirements, target)
    except WheelError:
        said = [sentence for one in requirements if (sentence := _missing(one, target))]
        if not said:
            raise
        raise WheelError("\n".join(said)) from None


def pip(
    command: str, requirements: Iterable[Requirement], target: Target, *options: str
) -> subprocess.CompletedProcess[str]:
    """Run pip's `command` for the requirements as if on the target."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "requirements.txt"
        path.write_text("\n".join(one.text for one in requirements) + "\n", encoding="utf-8")
        whole = [
            sys.executable,
            "-m",
            "pip",
            "-q",
            "--disable-pip-version-check",
            command,
            "--no-deps",
            "--require-hashes",
        ]
        return subprocess.run(
            [*whole, *target.options, *options, "-r", str(path)], capture_output=True, text=True, check=False
        )


def download(requirements: list[Requirement], target: Target, folder: Path) -> list[Wheel]:
    """Have the wheel of each requirement in `folder`, and return them by name, with what each itself says.

    A file that is there already is held against the locked hashes, and not asked for again. Raises `WheelError`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    there = _there(requirements, target, folder)
    if len(there) < len(requirements):
        done = pip("download", requirements, target, "--dest", str(folder))
        if done.returncode:
            raise WheelError(f"{target}: {last_line(done.stderr)}")
        there = _there(requirements, target, folder)
    return there


def _there(requirements: list[Requirement], target: Target, folder: Path) -> list[Wheel]:
    """Return the wheels of a folder, which may hold those of other targets too, that are locked and fit."""
    wanted = {one.name: one for one in requirements}
    found = {}
    for wheel in map(opened, sorted(folder.glob("*.whl"))):
        if wheel.name in wanted and wheel.sha256 in wanted[wheel.name].hashes and _fits(wheel, target):
            found[wheel.name] = wheel
    return [found[name] for name in sorted(found)]


def opened(path: Path) -> Wheel:
    """Return a wheel's name, version, hash and licence fields, as its own metadata has them."""
    with zipfile.ZipFile(path) as archive:
        inner = next(
            name for name in archive.namelist() if name.count("/") == 1 and name.endswith(".dist-info/METADATA")
        )
        told = email.message_from_bytes(archive.read(inner))
    metadata = {
        "classifier": told.get_all("Classifier", []),
        "license": told.get("License"),
        "license_expression": told.get("License-Expression"),
        "requires_python": told.get("Requires-Python"),
    }
    return Wheel(canonical(told["Name"]), told["Version"], path.name, digest_of(path), metadata)


def canonical(name: str) -> str:
    """Return a package's name as locks have it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def last_line(text: str) -> str:
    """Return what pip complained of."""
    lines = [line for line in text.splitlines() if line.startswith("ERROR")] or text.strip().splitlines() or ["no word"]
    return lines[-1].removeprefix("ERROR: ")


def main() -> int:
    """Print for each target how many wheels there are; exit 1 where one is missing."""
    code = 0
    for target in TARGETS:
        try:
            found = resolve(locked(target), target)
        except WheelError as error:
            print(error, file=sys.stderr)
            code = 1
        else:
            pure = sum(wheel.is_pure for wheel in found)
            print(f"{target}: {len(found)} wheels, {pure} of them for every machine; none is missing")
    return code


def _asked(requirements: list[Requirement], target: Target) -> list[Wheel]:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        options = (
            "--dry-run",
            "--ignore-installed",
            "--ignore-requires-python",
            "--target",
            folder,
            "--report",
            str(report),
        )
        done = pip("install", requirements, target, *options)
        if done.returncode:
            raise WheelError(f"{target}: {last_line(done.stderr)}")
        content = json.loads(report.read_text(encoding="utf-8"))
    found = sorted((_wheel(item) for item in content["install"]), key=lambda wheel: wheel.name)
    # pip would hold this against the Python that it runs on.
    unfit = [
        wheel
        for wheel in found
        if not SpecifierSet(wheel.metadata.get("requires_python") or "").contains(target.python)
    ]
    if unfit:
        raise WheelError("\n".join(f"{wheel.file}: not for {target}" for wheel in unfit))
    return found


def _wheel(item: dict[str, Any]) -> Wheel:
    told = item["metadata"]
    file = item["download_info"]["url"].rsplit("/", 1)[-1]
    digest = item["download_info"]["archive_info"]["hashes"]["sha256"]
    return Wheel(canonical(told["name"]), told["version"], file, digest, told)


def _fits(wheel: Wheel, target: Target) -> bool:
    """Whether a wheel's tags are a target's."""
    _, _, _, tags = parse_wheel_filename(wheel.file)
    minor = int(target.python.split(".")[1])
    here = {f"cp3{minor}", "py3", "py2", f"py3{minor}"}
    return any(
        (tag.interpreter in here or (tag.abi == "abi3" and int(tag.interpreter[3:]) <= minor))
        and (tag.platform == "any" or tag.platform.endswith(f"_{target.machine}"))
        for tag in tags
    )


def _missing(one: Requirement, target: Target) -> str | None:
    """Return why a requirement has no wheel; None where it has."""
    try:
        _asked([one], target)
    except WheelError as error:
        return f"{one.name}=={one.version}: {error}"
    return None


if __name__ == "__main__":
    sys.exit(main())
