"""A device with systemd, in a folder: its commands are answered here and written down, its files are real."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from firmware_config.install import flow, payload
from firmware_config.install.job import Job
from firmware_config.install.machine import InstallError, Machine
from firmware_config.install.state import State, read

TREE = Path(__file__).resolve().parents[2]
PACKAGES = ("python3-venv", "libgl1", "libglib2.0-0", "chrony", "cage", "seatd", "chromium", "fonts-dejavu-core")
FRAGMENT = "dtparam=strict_gpiod\n"


@dataclass
class Answers:
    """What the device's commands answer. apt knows all but what is `lacking`. A command that has one of `failing` in
    it fails; units in `down` do not start."""

    architecture: str = "arm64"
    python: str = "3 13"
    phase: str = "idle"
    failing: tuple[str, ...] = ()
    down: tuple[str, ...] = ()
    lacking: tuple[str, ...] = ()
    crt_s: float = 2.41
    said: list[str] = field(default_factory=list)


class Double(Machine):
    """A machine of which only the files are real."""

    def __init__(self, root: Path, answers: Answers) -> None:
        super().__init__(root, {})
        self.answers = answers
        self.commands: list[str] = []
        for name in ("run/systemd/system", "var/lib/dpkg", "etc", "boot/firmware"):
            (root / name).mkdir(parents=True)
        (root / "etc/os-release").write_text('PRETTY_NAME="Debian GNU/Linux 13 (trixie)"\nID=debian\n')
        stanzas = [f"Package: {name}\nStatus: install ok installed\n" for name in (*PACKAGES, "python3-lgpio")]
        (root / "var/lib/dpkg/status").write_text("\n".join(stanzas))
        (root / "boot/firmware/config.txt").write_text("dtparam=audio=on\n")
        (root / "boot/firmware/cmdline.txt").write_text("console=tty1\n")

    @property
    def is_this_one(self) -> bool:
        return True

    def reboot(self) -> None:
        (self.root / "run/refill-reboot-needed").unlink(missing_ok=True)

    def run(self, command: Sequence[str], *, user: str | None = None) -> str:
        line = " ".join([*(["as", user] if user else []), *command])
        self.commands.append(line)
        if any(part in line for part in self.answers.failing):
            raise InstallError(f"`{line}` ended with 1")
        return self._answer(list(command))

    def _answer(self, command: list[str]) -> str:
        last = command[-1]
        if command[:2] == ["dpkg", "--print-architecture"]:
            return self.answers.architecture
        if command[:2] == ["python3", "-c"]:
            return self.answers.python
        if command[0] == "apt-cache":
            asked = command[command.index("policy") + 1 :]
            told = {name: "(none)" if name in self.answers.lacking else "1.0" for name in asked}
            return "".join(f"{name}:\n  Installed: (none)\n  Candidate: {told[name]}\n" for name in asked)
        if "venv" in command:
            self.at(last).joinpath("bin").mkdir(parents=True)
        elif "sysconfig" in last:
            return command[0].replace("bin/python", "lib")
        elif last == "--version":
            app = self.at(command[0]).parents[2] / "app"
            return f"{payload.version(app)} ({(app / payload.BUILD).read_text().strip()})\n"
        elif "boot" in command:
            self.at(last).joinpath("config.txt.fragment").write_text(FRAGMENT)
            self.at(last).joinpath("chrony.conf").write_text("makestep 1.0 3\n")
        elif "analyse" in command:
            return f'{{"crt_s": {self.answers.crt_s}}}'
        elif command[1:3] == ["probe", "status"]:
            return f'{{"phase": "{self.answers.phase}"}}'
        elif command[:2] == ["systemctl", "show"]:
            state = "failed" if last in self.answers.down else "active"
            return f"ActiveState={state}\nConditionResult=yes\nConditionTimestampMonotonic=7\n"
        return ""


def small_tree(folder: Path, description: str = "Refill bedside device", default: str = "") -> Path:
    """Return a tree with the parts that the installer looks at, which differs by what the target is called."""
    for name in ("contract/version.py", "firmware_config/device.toml", "requirements/pi.txt", "Makefile"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(TREE / name, folder / name)
    shutil.copytree(TREE / "systemd", folder / "systemd")
    target = folder / "systemd/refill.target"
    target.write_text(target.read_text().replace("Refill bedside device", description))
    with (folder / "firmware_config/device.toml").open("a") as file:
        file.write(default)
    return folder


def job_of(machine: Double, tree: Path) -> Job:
    state = read(machine) or State()
    return Job(machine, tree, payload.release_name(tree, (3, 13)), (3, 13), state, machine.answers.said.append)


def install(machine: Double, tree: Path) -> int:
    """Install, and return the exit code; what is said and run from here on stands in the machine alone."""
    machine.answers.said.clear()
    machine.commands.clear()
    return flow.install(job_of(machine, tree))
