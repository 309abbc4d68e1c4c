"""A Debian root with the device in it, on simulated skin: what an installer puts where, and what simulates.

Units, users, folders and rules are the tree's own, byte by byte. Only what presses and sees is simulated, by drop-ins
of `refill-probe` and `refill-bedside`; publisher, screen and ingester run as they are.
"""

import shutil
import subprocess
import sys
import sysconfig
import uuid
from pathlib import Path

from tests.systemd.units_bench import PROGRAM, SYSTEMD, UNITS

TREE = SYSTEMD.parent
TOOL = Path(__file__).with_name("debian-root")
RELEASES = {(3, 11): "bookworm", (3, 13): "trixie"}
"""Debian's releases by their Python: the root's own runs the tree, with this environment's libraries."""
VENV = Path(PROGRAM).parents[1]
LASTING = tuple(f"refill-{name}.service" for name in ("probe", "bedside", "publish", "screen", "trial-ingest"))
"""The services that run all day, in the order of docs/services.md."""
SECRETS = {"refill-mqtt-key": "the key of the test", "screen-pins": "nobody"}
SIMULATED = {
    "refill-probe.service": f"""\
[Service]
ExecStart=
ExecStart={PROGRAM} probe run --simulate --config /etc/refill/device.toml \\
    --socket /run/refill-probe/probe.sock --world /run/refill-probe/world
ExecStopPost=
ExecStopPost={PROGRAM} probe off --simulate --config /etc/refill/device.toml \\
    --socket /run/refill-probe/probe.sock --world /run/refill-probe/world
""",
    # A simulated bedside looks for the probe beside its own socket.
    "refill-bedside.service": f"""\
[Service]
Environment=XDG_RUNTIME_DIR=/run
ExecStartPre=/bin/ln -sf /run/refill-probe/probe.sock /run/refill/probe.sock
ExecStart=
ExecStart={PROGRAM} bedside --simulate --config /etc/refill/device.toml --world /run/refill-probe/world
""",
}
BROKER = f"""\
[Unit]
Description=The demo's broker
Before=refill-publish.service refill-trial-ingest.service

[Service]
ExecStart={PROGRAM} trial broker
User=nobody

[Install]
WantedBy=multi-user.target
"""
LOOKED_AT = """\
[Service]
ExecStartPre=/usr/bin/python3 /opt/refill/current/app/tests/systemd/inside.py
"""
"""What the sandbox lets through is tried in it, by a process of the unit's own."""
BOUND = {TREE: "/opt/refill/current/app", Path(sysconfig.get_paths()["purelib"]): "/opt/refill/wheels"}
"""What of this machine the container sees, read only."""


class NoRootError(Exception):
    """A root cannot be made here. One sentence."""


def base_root() -> Path:
    """The root that all copies are made of; raises `NoRootError` where this machine cannot make one."""
    release = RELEASES.get(sys.version_info[:2])
    if release is None:
        raise NoRootError(f"no release of Debian has Python {sys.version_info.major}.{sys.version_info.minor}")
    done = subprocess.run([TOOL, release], capture_output=True, text=True, timeout=900, check=False)
    if done.returncode == 3:
        raise NoRootError(done.stderr.strip().splitlines()[-1])
    assert done.returncode == 0, done.stderr[-2000:]
    return Path(done.stdout.strip())


def install(root: Path) -> None:
    """Put the device into a root, as an installer does."""
    _program(root)
    units = root / "etc/systemd/system"
    for name in UNITS:
        shutil.copy(SYSTEMD / name, units / name)
    for source, target in {
        "refill.sysusers": "usr/lib/sysusers.d/refill.conf",
        "refill-trial.sysusers": "usr/lib/sysusers.d/refill-trial.conf",
        "refill.tmpfiles": "usr/lib/tmpfiles.d/refill.conf",
        "70-refill.rules": "etc/udev/rules.d/70-refill.rules",
    }.items():
        shutil.copy(SYSTEMD / source, root / target)
    _configuration(root)
    for name, text in SIMULATED.items():
        _write(units / f"{name}.d/simulated.conf", text)
    for name in LASTING:
        _write(units / f"{name}.d/looked-at.conf", LOOKED_AT)
    _write(units / "broker.service", BROKER)
    enabled = [name for name in UNITS if not name.startswith("refill-trial-backup") and name != "refill-again.service"]
    for command in (
        ["systemd-sysusers", f"--root={root}"],
        ["systemctl", f"--root={root}", "--quiet", "enable", "broker.service", *enabled],
    ):
        subprocess.run(command, check=True, timeout=60, capture_output=True)


def _program(root: Path) -> None:
    """The current release: an environment that is Debian's Python, the tree, and this environment's libraries."""
    venv = root / VENV.relative_to("/")
    packages = venv / f"lib/python3.{sys.version_info.minor}/site-packages"
    packages.mkdir(parents=True)
    (packages / "refill.pth").write_text("".join(f"{place}\n" for place in BOUND.values()))
    _write(venv / "pyvenv.cfg", "home = /usr/bin\ninclude-system-site-packages = false\n")
    (venv / "bin").mkdir()
    (venv / "bin/python").symlink_to("/usr/bin/python3")
    script = f"#!{VENV}/bin/python\nfrom refill.cli import main\nmain()\n"
    _write(venv / "bin/refill", script).chmod(0o755)
    for place in BOUND.values():
        (root / place.removeprefix("/")).mkdir(parents=True)


def _configuration(root: Path) -> None:
    packaged = TREE / "firmware_config/device.toml"
    _write(root / "etc/refill/device.toml", packaged.read_text(encoding="utf-8"))
    _write(
        root / "etc/refill/trial.toml",
        'study = "demo"\ndatabase = "/var/lib/refill-trial/trial.sqlite3"\n',
    )
    # Without one it would be a first boot, which enables every unit that it finds.
    _write(root / "etc/machine-id", uuid.uuid4().hex + "\n")
    for name, secret in SECRETS.items():
        # As careless as a person may leave it: systemd-tmpfiles takes it from everybody else.
        _write(root / "etc/credstore" / name, secret).chmod(0o644)


def _write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path
