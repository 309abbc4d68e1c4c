"""The command: `python3 -m firmware_config.install install | uninstall | debs`, as the Makefile's targets call it."""

import argparse
import fcntl
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from firmware_config.install import flow, payload
from firmware_config.install.bundled import BundleError, checked
from firmware_config.install.debs import fetch
from firmware_config.install.job import Job
from firmware_config.install.machine import InstallError, Machine
from firmware_config.install.refusals import python_of, refusals
from firmware_config.install.state import HOME, State, read

STOPPED = 130
TREE = Path(__file__).resolve().parents[2]


def main(arguments: list[str]) -> int:
    """Run the command and return its exit code (`flow`). A session that is closed meanwhile stops it as Ctrl-C does."""
    # The services run as users of their own, and have to read what a careful root would make for itself alone.
    os.umask(0o022)
    for name in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, signal.default_int_handler)
    given = _parser().parse_args(arguments)
    machine = Machine(given.root, logs=not given.dry_run)
    try:
        if given.what == "uninstall":
            return _uninstall(machine)
        if given.what == "debs":
            return _debs(machine, given)
        return _install(machine, given)
    except (InstallError, BundleError) as error:
        print(f"failed: {error}", file=sys.stderr)
        return flow.FAILED
    except KeyboardInterrupt:
        print("stopped: nothing that runs was changed; the same command goes on from here", file=sys.stderr)
        return STOPPED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="install", description="Install Refill on a bedside Pi, or remove it.")
    parser.add_argument("what", choices=("install", "uninstall", "debs"))
    parser.add_argument("--dry-run", action="store_true", help="say each step, and change nothing")
    parser.add_argument("--root", type=Path, default=Path("/"), help="install into this root, as for an image")
    parser.add_argument("--bundle", type=Path, help="folder of `make bundle-pi`: no network is needed then")
    kiosk = parser.add_mutually_exclusive_group()
    kiosk.add_argument(
        "--kiosk", dest="kiosk", action="store_true", default=None, help="a display of its own (default)"
    )
    kiosk.add_argument("--no-kiosk", dest="kiosk", action="store_false", help="no browser and no display")
    return parser


def _install(machine: Machine, given: argparse.Namespace) -> int:
    bundle = checked(given.bundle) if given.bundle is not None else None
    reasons = refusals(machine, TREE)
    if reasons:
        print("\n".join(f"refused: {reason}" for reason in reasons), file=sys.stderr)
        return flow.REFUSED
    python = python_of(machine)
    if given.dry_run:
        return flow.dry_run(_job(machine, given, python, bundle))
    with _alone(machine):
        return flow.install(_job(machine, given, python, bundle))


def _job(machine: Machine, given: argparse.Namespace, python: tuple[int, int], bundle: Path | None) -> Job:
    state = read(machine) or State()
    if given.kiosk is not None:
        state.kiosk = given.kiosk
    return Job(machine, TREE, payload.release_name(TREE, python), python, state, _say, bundle)


def _debs(machine: Machine, given: argparse.Namespace) -> int:
    if given.bundle is None:
        print("refused: which bundle? make debs-pi BUNDLE=FOLDER", file=sys.stderr)
        return flow.REFUSED
    bundle = checked(given.bundle)
    print(f"{bundle / 'debs'}: {fetch(machine, bundle, kiosk=given.kiosk is not False)} packages")
    return flow.DONE


def _uninstall(machine: Machine) -> int:
    if not machine.at(HOME).exists():
        return flow.uninstall(machine, _say)
    with _alone(machine):
        return flow.uninstall(machine, _say)


@contextmanager
def _alone(machine: Machine) -> Iterator[None]:
    """Hold the lock of this machine's installation; raises `InstallError` where somebody else does."""
    machine.at(HOME).mkdir(parents=True, exist_ok=True)
    with machine.at(f"{HOME}/lock").open("a", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InstallError("another installation is going on") from error
        yield


def _say(sentence: str) -> None:
    # Whoever listened may be gone; the work is not.
    with suppress(OSError):
        print(sentence, flush=True)
