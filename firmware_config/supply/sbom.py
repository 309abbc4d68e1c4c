"""The list of parts (SBOM) of a bedside device, CycloneDX 1.6 in JSON: `python -m firmware_config.supply.sbom`."""

import json
import sys
import uuid
from pathlib import Path
from typing import Any

from firmware_config.install import payload
from firmware_config.install.packages import PACKAGES
from firmware_config.supply.licences import UNKNOWN, everywhere, licence_of
from firmware_config.supply.locked import TREE
from firmware_config.supply.wheels import Wheel, WheelError

FOLDER = TREE / "dist"
SPACE = uuid.UUID("5d0a9c1e-6c0b-4c55-8f5e-6a4a9a3f0b11")
"""Names the serial number: the same parts have the same one."""


def sbom(wheels: list[Wheel], version: str, build: str) -> dict[str, Any]:
    """Return the list of parts: the locked wheels with hash and licence, and the system's packages by name alone.

    A system package is there in the version that the system has, which nobody knows before it is installed.
    """
    product = {
        "type": "application",
        "bom-ref": "refill",
        "name": "refill",
        "version": version,
        "licenses": [{"license": {"id": "Apache-2.0"}}],
        "properties": [{"name": "refill:build", "value": build}],
    }
    components = [_wheel(wheel) for wheel in wheels] + [_package(package.names[0]) for package in PACKAGES]
    refs = [component["bom-ref"] for component in components]
    text = json.dumps([product, components], sort_keys=True)
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(SPACE, text)}",
        "version": 1,
        "metadata": {"component": product},
        "components": components,
        "dependencies": [{"ref": "refill", "dependsOn": refs}, *({"ref": ref} for ref in refs)],
    }


def main() -> int:
    """Write the list of parts; exit 1 where pip cannot tell them."""
    version, build = payload.version(TREE), payload.build(TREE)
    try:
        wheels = everywhere()
    except WheelError as error:
        print(error, file=sys.stderr)
        return 1
    path = write(sbom(wheels, version, build), FOLDER / f"refill-{version}.cdx.json")
    print(f"{path.relative_to(TREE)}: {len(wheels)} wheels, {len(PACKAGES)} system packages")
    return 0


def write(content: dict[str, Any], path: Path) -> Path:
    """Write a list of parts and return where."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return path


def _wheel(wheel: Wheel) -> dict[str, Any]:
    told = licence_of(wheel)
    licences = [{"expression": told.text}] if told.is_spdx else [{"license": {"name": told.text}}]
    purl = f"pkg:pypi/{wheel.name}@{wheel.version}"
    return {
        "type": "library",
        "bom-ref": purl,
        "name": wheel.name,
        "version": wheel.version,
        "purl": purl,
        "hashes": [{"alg": "SHA-256", "content": wheel.sha256}],
        "licenses": [] if told.text == UNKNOWN else licences,
        "properties": [{"name": "refill:file", "value": wheel.file}],
    }


def _package(name: str) -> dict[str, Any]:
    purl = f"pkg:deb/debian/{name}"
    return {"type": "library", "bom-ref": purl, "name": name, "purl": purl}


if __name__ == "__main__":
    sys.exit(main())
