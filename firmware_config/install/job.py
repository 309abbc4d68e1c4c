"""One installation: on which machine, from which tree, as which release, and how to say what happens."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from firmware_config.install import release
from firmware_config.install.machine import Machine
from firmware_config.install.state import HOME, State

TAKEN_IN = f"{HOME}/bundle"
"""Where the wheels and debs of a bundle stand while they are installed into a root that cannot see the bundle's
folder."""


@dataclass
class Job:
    """What the steps need to know. `site` is the folder of boot files that the release wrote, once it has."""

    machine: Machine
    tree: Path
    name: str
    python: tuple[int, int]
    state: State
    say: Callable[[str], None]
    bundle: Path | None = None
    site: Path | None = None
    left_out: list[str] = field(default_factory=list)

    @property
    def app(self) -> Path:
        """The files of the release where we see them: its own once it is whole, until then the tree's."""
        made = self.machine.at(release.folder(self.name)) / "app"
        return made if release.is_complete(self.machine, self.name) else self.tree

    def from_bundle(self, inner: str) -> str | None:
        """Return a folder of the bundle as the machine sees it; None where there is no bundle."""
        if self.bundle is None:
            return None
        if self.machine.is_this_one:
            return str(self.bundle / inner)
        there = self.machine.at(f"{TAKEN_IN}/{inner}")
        if not there.exists():
            shutil.copytree(self.bundle / inner, there)
        return f"{TAKEN_IN}/{inner}"
