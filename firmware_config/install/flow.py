"""The order of an installation, what makes it go back by itself, and how everything is removed."""

import dataclasses
import shutil
import signal
from collections.abc import Callable

from firmware_config.install import boot, configuration, placed, release, selftest, services
from firmware_config.install.job import Job
from firmware_config.install.machine import InstallError, Machine
from firmware_config.install.state import CURRENT, HOME, STATE, State, read
from firmware_config.install.steps import BESIDE, IN_PLACE, Step, is_in_place, tidy

DONE, FAILED, REFUSED, WENT_BACK, STANDS_STILL = 0, 1, 2, 3, 4
"""Exit codes: installed, or nothing to do; a step failed and what runs was not touched; refused; the new release did
not pass and the one before runs again; it did not pass and nothing runs."""


def install(job: Job) -> int:
    """Install, or bring up to date. Every step is idempotent, so whoever was stopped in the middle starts again."""
    try:
        did = [_carry_out(job, step) for step in BESIDE]
    except InstallError as error:
        goes_on = f"; {job.state.good} is left as it is" if job.state.good else ""
        job.say(f"failed: {error}\nnothing that runs was changed{goes_on}")
        return FAILED
    try:
        with placed.site_files(job.machine, job.name) as job.site:
            return _take_over(job, beside=any(did))
    except InstallError as error:
        job.say(f"failed: {error}\nnothing that runs was changed")
        return FAILED


def dry_run(job: Job) -> int:
    """Say what `install` would do, and change nothing."""
    if release.is_complete(job.machine, job.name) and not configuration.missing(job.machine):
        with placed.site_files(job.machine, job.name) as job.site:
            said = _plans(job)
    else:
        said = _plans(job)
    if job.machine.has_systemd and said:
        said.append("services: stop while files change, then start and wait until each is ready")
    for sentence in said or [f"nothing to do: {job.name} is installed"]:
        job.say(sentence)
    return DONE


def uninstall(machine: Machine, say: Callable[[str], None]) -> int:
    """Remove releases, units, rules and boot settings. Journal, configuration and users stay; so do Debian's packages.

    What it remembers goes last, so that whoever was stopped in the middle starts again.
    """
    state = read(machine)
    if state is None and not machine.at(HOME).exists():
        say("nothing to do: not installed")
        return DONE
    services.stop(machine)
    for path in placed.take_away(machine, state or State()):
        say(f"files: {path} removed")
    machine.at(CURRENT).unlink(missing_ok=True)
    for name in release.others(machine, set()):
        release.remove(machine, name)
        say(f"release: {name} removed")
    for left in sorted(machine.at(HOME).iterdir()):
        if left.is_dir():
            shutil.rmtree(left)
        elif left != machine.at(STATE):
            left.unlink()
    shutil.rmtree(machine.at(HOME))
    say(f"kept: journal ({selftest.JOURNAL}), configuration ({configuration.FOLDER}), users, system packages")
    return DONE


def _plans(job: Job) -> list[str]:
    return [f"{step.name}: {sentence}" for step in (*BESIDE, *IN_PLACE) for sentence in step.plan(job)]


def _carry_out(job: Job, step: Step) -> bool:
    """Say what a step does and do it; return whether there was anything to do."""
    sentences = step.plan(job)
    for sentence in sentences:
        job.say(f"{step.name}: {sentence}")
    if sentences:
        step.do(job)
    return bool(sentences)


def _take_over(job: Job, *, beside: bool) -> int:
    """Stop, change, look, start, look again; go back where any of it fails."""
    planned = [sentence for step in IN_PLACE for sentence in step.plan(job)]
    if not planned and is_in_place(job):
        job.say(f"{job.name} is installed" if beside else f"nothing to do: {job.name} is installed")
        return DONE
    services.stop(job.machine)
    before = job.state.good
    try:
        for step in IN_PLACE:
            _carry_out(job, step)
        selftest.in_place(job.machine)
        _start(job, first=before is None)
    except (InstallError, OSError, KeyboardInterrupt) as error:
        job.say(f"self-test: {job.name} did not pass: {str(error) or 'stopped by hand'}")
        return _go_back(job, before)
    tidy(job)
    for path in configuration.offer(job.machine, job.app, job.state):
        job.say(f"configuration: {path} is the new default; yours stays as it is")
    for sentence in job.left_out:
        job.say(f"packages: {sentence}")
    job.say(f"{job.name} is installed")
    return DONE


def _start(job: Job, *, first: bool) -> None:
    """Start the services and hold them to be up; not before the boot that a first installation asks for."""
    if first and boot.reboot_needed(job.machine):
        job.say("services: they start with the next boot, which the boot settings need: sudo reboot")
        return
    services.start(job.machine)
    selftest.running(job.machine)


def _go_back(job: Job, before: str | None) -> int:
    """Put the release that passed last back in its place, with all of its files; without one, leave nothing started.

    Nobody can stop this half-way but by SIGKILL.
    """
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, signal.SIG_IGN)
    try:
        services.stop(job.machine, spare_a_press=False)
        if before is None or not release.is_complete(job.machine, before):
            placed.take_away(job.machine, job.state)
            job.machine.at(CURRENT).unlink(missing_ok=True)
            job.say("there is no release to go back to: no service is enabled; `install-pi` again once it is mended")
            return STANDS_STILL
        _put_back(dataclasses.replace(job, name=before, site=None))
    except (InstallError, OSError) as error:
        job.say(f"going back failed as well: {error}\nno measurement can be made: call the study engineer")
        return STANDS_STILL
    job.say(f"went back: {before} is the current release again, with its files; the data was not touched")
    return WENT_BACK


def _put_back(job: Job) -> None:
    """Carry out the steps for the release that was there before, and start it."""
    with placed.site_files(job.machine, job.name) as job.site:
        for step in IN_PLACE:
            _carry_out(job, step)
    services.start(job.machine)
    selftest.running(job.machine)
