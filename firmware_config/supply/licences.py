"""The licence of every wheel on a bedside device, as the wheel itself tells it: `python -m
firmware_config.supply.licences`."""

import sys
from dataclasses import dataclass

from firmware_config.install.packages import PACKAGES
from firmware_config.supply.locked import TARGETS, TREE, locked
from firmware_config.supply.wheels import Wheel, WheelError, download

FOLDER = TREE / "dist/wheels"
"""Where wheels stay between one look and the next."""

PAGE = TREE / "docs/licences.md"
UNKNOWN = "unknown"
LONG = 60
"""A licence field longer than this is the licence's text, and no name."""

HEAD = """\
# Licences

What is on a bedside device besides our own files (Apache-2.0, [LICENSE](../LICENSE)). Written by `make licences` from
the locked wheels for {targets}; the last column says which field
of the wheel's metadata told it. Whoever passes a device or a bundle on passes these on as well.

| package | version | licence | told by |
| --- | --- | --- | --- |
"""
TAIL = """
From the system, in the version that Debian or Raspberry Pi OS has; each brings its licence in
`/usr/share/doc/NAME/copyright`:
{packages}.
"""


@dataclass(frozen=True)
class Licence:
    """What a wheel says of its licence, in which field, and whether it is an SPDX expression."""

    text: str
    told_by: str
    is_spdx: bool = False


def licence_of(wheel: Wheel) -> Licence:
    """Return a wheel's licence: the expression, else the classifiers, else a short licence field, else `UNKNOWN`."""
    expression = wheel.metadata.get("license_expression")
    if expression:
        return Licence(str(expression), "License-Expression", is_spdx=True)
    classes = [str(one) for one in wheel.metadata.get("classifier", []) if str(one).startswith("License ::")]
    names = [one.rsplit(" :: ", 1)[-1] for one in classes if one != "License :: OSI Approved"]
    if names:
        return Licence(" AND ".join(sorted(names)), "classifier")
    field = str(wheel.metadata.get("license") or "").strip()
    if field and len(field) <= LONG and "\n" not in field and field.upper() != "UNKNOWN":
        return Licence(field, "License")
    return Licence(UNKNOWN, "nothing")


def everywhere() -> list[Wheel]:
    """Return the wheels of all targets, one for each name and version; raises `WheelError`."""
    found = {
        (wheel.name, wheel.version): wheel for target in TARGETS for wheel in download(locked(target), target, FOLDER)
    }
    return [found[key] for key in sorted(found)]


def page(wheels: list[Wheel]) -> str:
    """Return the page."""
    rows = [(wheel, licence_of(wheel)) for wheel in wheels]
    table = "".join(f"| {one.name} | {one.version} | {told.text} | {told.told_by} |\n" for one, told in rows)
    packages = ", ".join(package.names[0] for package in PACKAGES)
    return HEAD.format(targets=" and ".join(map(str, TARGETS))) + table + TAIL.format(packages=packages)


def main() -> int:
    """Write the page; name on standard error every wheel whose licence nobody knows, and exit 1 then."""
    try:
        wheels = everywhere()
    except WheelError as error:
        print(error, file=sys.stderr)
        return 1
    PAGE.write_text(page(wheels), encoding="utf-8")
    unknown = [wheel for wheel in wheels if licence_of(wheel).text == UNKNOWN]
    print(f"{PAGE.relative_to(TREE)}: {len(wheels)} wheels, {len(unknown)} of unknown licence")
    for wheel in unknown:
        print(f"{wheel.name} {wheel.version}: its metadata names no licence", file=sys.stderr)
    return 1 if unknown else 0


if __name__ == "__main__":
    sys.exit(main())
