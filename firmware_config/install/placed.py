"""What a release puts outside of its own folder: units, users, folders, device rules, boot settings. All of it is
derived from the release, so that going back to an older one is putting that one's files in place."""

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from firmware_config.install import boot, release
from firmware_config.install.machine import Machine, link, scratch, write
from firmware_config.install.state import HOME, State, keep

UNITS = "/etc/systemd/system"
ENDS = ("service", "target", "timer", "path")
ELSEWHERE = ("refill-trial",)
"""Beginnings of units that belong on the trial's server, not on a bedside device."""

SYSUSERS = "/usr/lib/sysusers.d/refill.conf"
TMPFILES = "/usr/lib/tmpfiles.d/refill.conf"

FILES: tuple[tuple[str, str], ...] = (
    ("systemd/refill.sysusers", SYSUSERS),
    ("systemd/refill.tmpfiles", TMPFILES),
    ("systemd/70-refill.rules", "/etc/udev/rules.d/70-refill.rules"),
)
KIOSK_FILES: tuple[tuple[str, str], ...] = (
    ("systemd/refill-kiosk.policies.json", "/etc/chromium/policies/managed/refill.json"),
)
SITE_FILES: tuple[tuple[str, str], ...] = (
    ("chrony.conf", "/etc/chrony/conf.d/refill.conf"),
    ("journald.conf", "/etc/systemd/journald.conf.d/refill.conf"),
    ("watchdog.conf", "/etc/systemd/system.conf.d/refill.conf"),
)
"""What `refill config boot` writes from the site's device file, and where it belongs."""

FRAGMENT = "config.txt.fragment"

AFTER: tuple[tuple[str, tuple[tuple[str, ...], ...]], ...] = (
    ("/etc/udev/", (("udevadm", "control", "--reload"), ("udevadm", "trigger"))),
    ("/etc/chrony/", (("systemctl", "try-restart", "chrony.service"),)),
    ("/etc/systemd/journald.conf.d/", (("systemctl", "try-restart", "systemd-journald.service"),)),
)
"""Whom to tell where a file below a folder has changed."""

Wanted = dict[str, bytes | str]
"""Each path with its content, or with the target of a symbolic link."""


def wanted(app: Path, site: Path | None, *, kiosk: bool) -> Wanted:
    """Return what the release whose files stand in `app` wants outside; `site` is the folder of its boot files."""
    found: Wanted = {}
    for unit in sorted(path for end in ENDS for path in (app / "systemd").glob(f"*.{end}")):
        if unit.name.startswith(ELSEWHERE) or (unit.name.startswith("refill-kiosk") and not kiosk):
            continue
        text = unit.read_text(encoding="utf-8")
        found[f"{UNITS}/{unit.name}"] = text.encode()
        for wants in re.findall(r"^WantedBy=(\S+)", text, re.M):
            found[f"{UNITS}/{wants}.wants/{unit.name}"] = f"{UNITS}/{unit.name}"
    rows = [(app / inner, to) for inner, to in (*FILES, *(KIOSK_FILES if kiosk else ()))]
    rows += [(site / inner, to) for inner, to in SITE_FILES if site is not None and (site / inner).is_file()]
    return found | {to: path.read_bytes() for path, to in rows}


@contextmanager
def site_files(machine: Machine, name: str) -> Iterator[Path]:
    """Have a release write its boot files from the site's device file, and give their folder for a while.

    Raises `InstallError`, with what the release says, where the device file does not do.
    """
    with scratch(machine, HOME) as (folder, inside):
        machine.run([f"{release.folder(name)}/venv/bin/refill", "config", "boot", "--out", inside])
        yield folder


def mark(content: bytes | str) -> str:
    """Return how the state remembers a file or a link."""
    return f"-> {content}" if isinstance(content, str) else hashlib.sha256(content).hexdigest()


def differs(machine: Machine, path: str, content: bytes | str) -> bool:
    """Whether the machine has something else there, or nothing."""
    there = machine.at(path)
    if isinstance(content, str):
        return not there.is_symlink() or str(there.readlink()) != content
    return there.is_symlink() or not there.is_file() or there.read_bytes() != content


def changes(machine: Machine, state: State, files: Wanted) -> list[str]:
    """Return the paths to be written, and those of an earlier release that go."""
    written = [path for path, content in files.items() if differs(machine, path, content)]
    return written + sorted(path for path in state.placed if path not in files)


def place(machine: Machine, state: State, files: Wanted) -> None:
    """Put the files of a release in their places, and take away what an earlier one had more. Nobody is told."""
    changed = changes(machine, state, files)
    state.placed |= {path: mark(content) for path, content in files.items()}
    keep(machine, state)
    for path in changed:
        if path not in files:
            machine.at(path).unlink(missing_ok=True)
            continue
        content = files[path]
        if isinstance(content, str):
            link(machine.at(path), content)
        else:
            write(machine.at(path), content)
    state.placed = {path: mark(content) for path, content in files.items()}
    keep(machine, state)


def tell(machine: Machine, changed: list[str]) -> None:
    """Tell the running machine of changed files; nothing where systemd does not run.

    Who cannot be told (no udev in a container, no chrony) is in the log, and reads the files with the next boot; what
    the services need of it now, their start shows. Raises `InstallError` where systemd does not read its units.
    """
    if not machine.has_systemd:
        return
    for folder, commands in AFTER:
        if any(path.startswith(folder) for path in changed):
            for command in commands:
                machine.runs(command)
    machine.run(["systemctl", "daemon-reload"])


def boot_texts(machine: Machine, fragment: str | None) -> dict[str, str]:
    """Return the boot files that would change, with their new text. No Pi: none. No fragment: our lines go."""
    new: dict[str, str] = {}
    config, line = boot.text_of(machine, boot.CONFIG), boot.text_of(machine, boot.CMDLINE)
    if config is not None and fragment is not None:
        new[boot.CONFIG] = boot.with_block(config, fragment)
    if line is not None:
        new[boot.CMDLINE] = boot.with_words(line)[0]
    return {path: text for path, text in new.items() if text != (config if path == boot.CONFIG else line)}


def place_boot(machine: Machine, state: State, fragment: str | None) -> None:
    """Write the boot settings where they differ, and remember the words that are ours."""
    line = boot.text_of(machine, boot.CMDLINE)
    if line is not None:
        state.cmdline += boot.with_words(line)[1]
        keep(machine, state)
    for path, text in boot_texts(machine, fragment).items():
        boot.put(machine, path, text)


def take_away(machine: Machine, state: State) -> list[str]:
    """Remove all that was placed outside, boot settings included; return the paths that were there."""
    gone = [path for path in state.placed if machine.at(path).exists() or machine.at(path).is_symlink()]
    for path in gone:
        machine.at(path).unlink()
        folder = machine.at(path).parent
        if folder.name.endswith(".wants") and not any(folder.iterdir()):
            folder.rmdir()
    config, line = boot.text_of(machine, boot.CONFIG), boot.text_of(machine, boot.CMDLINE)
    if config is not None and boot.without_block(config) != config:
        boot.put(machine, boot.CONFIG, boot.without_block(config))
    if line is not None and any(word in line.split() for word in state.cmdline):
        boot.put(machine, boot.CMDLINE, boot.without_words(line, state.cmdline))
    state.placed, state.cmdline = {}, []
    keep(machine, state)
    tell(machine, gone)
    return gone
