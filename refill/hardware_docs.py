"""Writes what docs/hardware.md takes from the code, and its drawings: `python -m refill.hardware_docs`.

Made from the packaged device file; a site with another one prints its own: `--config FILE --out FOLDER`.
"""

import sys
from pathlib import Path

from firmware_config.boot_files import config_txt
from firmware_config.device import DeviceConfig, load_device
from firmware_config.loading import ConfigurationError
from refill import hardware_parts, hardware_pneumatic, hardware_wiring

PAGE = Path("docs/hardware.md")
IMAGES = Path("docs/images")


def parts(device: DeviceConfig) -> dict[str, str]:
    """Return what the code says, by the name of its marks on the page."""
    return {
        "parts": hardware_parts.as_markdown(device),
        "wiring": hardware_wiring.as_markdown(device),
        "boot": "```\n" + config_txt(device) + "```",
        "failures": hardware_pneumatic.as_markdown(),
        "dimensions": hardware_pneumatic.dimensions(device),
    }


def drawings(device: DeviceConfig) -> dict[str, str]:
    """Return the drawings by the names of their files."""
    return {
        "wiring.svg": hardware_wiring.drawing(device),
        "pneumatic.svg": hardware_pneumatic.drawing(device),
    }


def written(page: str, device: DeviceConfig | None = None) -> str:
    """Return the page with every part between its marks renewed; raises `ValueError` where a mark is missing."""
    for name, text in parts(device or load_device()).items():
        begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
        if page.count(begin) != 1 or page.count(end) != 1:
            raise ValueError(f"{PAGE}: wants one {begin} and one {end}")
        before, _, rest = page.partition(begin)
        page = f"{before}{begin}\n\n{text}\n\n{end}{rest.partition(end)[2]}"
    return page


def write(device: DeviceConfig, page: Path, images: Path, source: Path = PAGE) -> None:
    """Write page and drawings of a device; `source` is the page whose words stand around them."""
    page.parent.mkdir(parents=True, exist_ok=True)
    images.mkdir(parents=True, exist_ok=True)
    page.write_text(written(source.read_text(encoding="utf-8"), device), encoding="utf-8")
    for name, text in drawings(device).items():
        (images / name).write_text(text, encoding="utf-8")


def main(arguments: list[str]) -> int:
    """Write the repository's page, or with `--config FILE --out FOLDER` a site's own; return the exit code."""
    if not arguments:
        write(load_device(), PAGE, IMAGES)
        return 0
    if len(arguments) != 4 or arguments[0] != "--config" or arguments[2] != "--out":
        sys.stderr.write("usage: python -m refill.hardware_docs [--config FILE --out FOLDER]\n")
        return 2
    out = Path(arguments[3])
    try:
        write(load_device(Path(arguments[1])), out / PAGE.name, out / IMAGES.name)
    except ConfigurationError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
