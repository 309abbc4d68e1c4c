"""The folder from which a Pi is installed without a network: `python -m firmware_config.supply.bundle FOLDER`.

`source` is the tree, `wheels` the locked wheels, `debs` the system's packages once a Pi with a network has fetched them
(`firmware_config.install.debs`), `SHA256SUMS` the checksum of every file.
"""

import argparse
import shutil
import sys
from pathlib import Path

from firmware_config.install import payload
from firmware_config.install.bundled import seal
from firmware_config.supply.locked import TARGETS, TREE, Target, locked
from firmware_config.supply.wheels import WheelError, download

README = """\
Refill {version} ({build}), to be installed without a network. docs/install.md has the whole way.

1. Once, on a Pi with a network and the same fresh Raspberry Pi OS as the devices:
       sudo make -C source debs-pi BUNDLE="$PWD"
   fetches the system's packages into debs/ and writes SHA256SUMS anew.
2. On each device:
       sudo make -C source install-pi BUNDLE="$PWD"

Wheels are for {targets}.
"""


def make(folder: Path, targets: tuple[Target, ...] = TARGETS) -> int:
    """Make a bundle in a new folder, or a newer one in a bundle's; return how many wheels it has. Raises `WheelError`.

    Wheels and debs that are there are kept as far as they still belong to it.
    """
    shutil.rmtree(folder / "source", ignore_errors=True)
    payload.copy(TREE, folder / "source")
    wanted = {wheel.file for target in targets for wheel in download(locked(target), target, folder / "wheels")}
    for path in (folder / "wheels").iterdir():
        if path.name not in wanted:
            path.unlink()
    (folder / "debs").mkdir(exist_ok=True)
    told = {"version": payload.version(TREE), "build": payload.build(TREE), "targets": " and ".join(map(str, targets))}
    (folder / "README.txt").write_text(README.format(**told), encoding="utf-8")
    seal(folder)
    return len(wanted)


def main(arguments: list[str]) -> int:
    """Make a bundle and say what to do with it."""
    parser = argparse.ArgumentParser(
        prog="bundle", description="Make the folder for an installation without a network."
    )
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args(arguments).folder.resolve()
    if folder.exists() and any(folder.iterdir()) and not (folder / "source").is_dir():
        print(f"{folder}: holds something else", file=sys.stderr)
        return 2
    try:
        wheels = make(folder)
    except WheelError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{folder}: {wheels} wheels; README.txt there says how to go on")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
