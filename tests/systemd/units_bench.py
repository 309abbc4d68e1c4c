"""What the tests of units share: their settings as systemd reads them, and systemd's own opinion of them."""

import re
import subprocess
from pathlib import Path

SYSTEMD = Path(__file__).resolve().parents[2] / "systemd"
PROGRAM = "/opt/refill/current/venv/bin/refill"
SERVICES = tuple(sorted(path.name for path in SYSTEMD.glob("*.service")))
UNITS = tuple(
    sorted(path.name for kind in ("service", "timer", "target", "path") for path in SYSTEMD.glob(f"*.{kind}"))
)
NOT_HERE = (PROGRAM, "/usr/bin/cage")
"""Programs that a machine without the device's packages has not."""

Settings = dict[str, list[str]]


def settings(name: str, section: str = "[Service]") -> Settings:
    """Every value of each key of a section, in order; a line that goes on is one value."""
    values: Settings = {}
    here = ""
    text = (SYSTEMD / name).read_text(encoding="utf-8").replace("\\\n", "")
    for line in text.splitlines():
        if line.startswith("["):
            here = line
        elif here == section and re.match(r"\w+=", line):
            key, _, value = line.partition("=")
            values.setdefault(key, []).append(value)
    return values


def seconds(text: str) -> float:
    """A time of systemd, as far as the units here write them."""
    number, unit = re.fullmatch(r"([0-9]+)(s|min|h)?", text).groups()  # type: ignore[union-attr]  # else the unit is wrong
    return float(number) * {None: 1, "s": 1, "min": 60, "h": 3600}[unit]


def verifiable(name: str, folder: Path) -> Path:
    """A copy of a unit, and of those it may name, with programs that are there."""
    for each in UNITS:
        text = (SYSTEMD / each).read_text(encoding="utf-8")
        for program in NOT_HERE:
            text = text.replace(program, "/bin/true")
        (folder / each).write_text(text, encoding="utf-8")
    return folder / name


def complaints(unit: Path) -> str:
    """What `systemd-analyze verify` has to say; nothing where every line is understood."""
    command = ["systemd-analyze", "verify", "--recursive-errors=yes", "--man=no", str(unit)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return done.stderr if done.returncode == 0 else done.stderr or f"exit {done.returncode}"


def exposure(unit: Path) -> float:
    """What `systemd-analyze security` makes of the unit's sandbox: 0 is none that is exposed, 10 is no sandbox."""
    command = ["systemd-analyze", "security", "--offline=true", "--no-pager", str(unit)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    found = re.search(r"Overall exposure level for \S+: ([0-9.]+)", done.stdout)
    assert found is not None, done.stdout[-500:] + done.stderr
    return float(found.group(1))
