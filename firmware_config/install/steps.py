"""The steps of an installation as a table: what each would do, said before it is done, and how it is done.

A step that finds all as it should be plans nothing. `--dry-run` is the plans alone.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from firmware_config.install import boot, configuration, packages, placed, release, selftest
from firmware_config.install.job import TAKEN_IN, Job
from firmware_config.install.state import RELEASES, keep


@dataclass(frozen=True)
class Step:
    """`plan` returns a sentence for each thing to do and changes nothing; `do` does them."""

    name: str
    plan: Callable[[Job], list[str]]
    do: Callable[[Job], None]


def _plan_packages(job: Job) -> list[str]:
    rows = packages.missing(job.machine, packages.wanted(job.python, kiosk=job.state.kiosk))
    rows = [row for row in rows if not row.without or _looks_for_it(job)]
    stopped = ["let dpkg end what was interrupted"] if packages.interrupted(job.machine) else []
    return stopped + [f"install {row.names[0]} ({row.what_for})" for row in rows]


def _looks_for_it(job: Job) -> bool:
    """Whether a package that only Raspberry Pi OS has is looked for: it is that system, or nobody has looked yet."""
    return packages.is_raspberry(job.machine) or job.state.good is None


def _do_packages(job: Job) -> None:
    if packages.interrupted(job.machine):
        job.machine.run(["dpkg", "--configure", "-a"])
    rows = packages.missing(job.machine, packages.wanted(job.python, kiosk=job.state.kiosk))
    debs = job.from_bundle("debs") if rows else None
    job.left_out += packages.install(job.machine, rows, Path(debs) if debs else None)


def _plan_release(job: Job) -> list[str]:
    if release.is_complete(job.machine, job.name):
        return []
    source = f"the wheels in {job.bundle}" if job.bundle else "pip's index"
    return [f"make {release.folder(job.name)} with the locked requirements from {source}"]


def _do_release(job: Job) -> None:
    job.machine.at(RELEASES).mkdir(parents=True, exist_ok=True)
    release.make(job.machine, job.tree, job.name, job.from_bundle("wheels"))


def _plan_configuration(job: Job) -> list[str]:
    return [f"write {path}, the packaged one: yours to change" for path in configuration.missing(job.machine)]


def _do_configuration(job: Job) -> None:
    configuration.copy_missing(job.machine, job.app, job.state)


def _plan_trial(job: Job) -> list[str]:
    return [] if is_in_place(job) else [f"try {job.name} by itself"]


def _do_trial(job: Job) -> None:
    selftest.by_itself(job.machine, job.name)


def _plan_switch(job: Job) -> list[str]:
    now = release.current(job.machine)
    return (
        [] if now == job.name else [f"let {job.name} be the current release" + (f" in place of {now}" if now else "")]
    )


def _do_switch(job: Job) -> None:
    release.switch(job.machine, job.name)


def _plan_files(job: Job) -> list[str]:
    files = placed.wanted(job.app, job.site, kiosk=job.state.kiosk)
    if job.site is None:
        # Not made yet, so nobody knows what they will be.
        files |= {to: job.machine.at(to).read_bytes() for _, to in placed.SITE_FILES if job.machine.at(to).is_file()}
    return [
        f"{'write' if path in files else 'remove'} {path}" for path in placed.changes(job.machine, job.state, files)
    ]


def _do_files(job: Job) -> None:
    files = placed.wanted(job.app, job.site, kiosk=job.state.kiosk)
    changed = placed.changes(job.machine, job.state, files)
    placed.place(job.machine, job.state, files)
    if is_in_place(job):
        placed.tell(job.machine, changed)


def _plan_accounts(job: Job) -> list[str]:
    return [] if is_in_place(job) else ["make the services' users and folders, where they are missing"]


def _do_accounts(job: Job) -> None:
    job.machine.run(["systemd-sysusers", placed.SYSUSERS])
    job.machine.run(["systemd-tmpfiles", "--create", placed.TMPFILES])
    # Now that the groups are there, which device rules name; of all files: an installer that was killed told nobody.
    placed.tell(job.machine, list(job.state.placed))


def fragment(job: Job) -> str | None:
    """Return our lines of config.txt as the release wrote them."""
    path = job.site / placed.FRAGMENT if job.site else None
    return path.read_text(encoding="utf-8") if path is not None and path.is_file() else None


def _plan_boot(job: Job) -> list[str]:
    if boot.text_of(job.machine, boot.CONFIG) is None:
        return []
    if job.site is None:
        return [f"write into {boot.CONFIG} what `refill config boot` makes of the device file"]
    return [
        f"write our part of {path}; what was there stays beside it"
        for path in placed.boot_texts(job.machine, fragment(job))
    ]


def _do_boot(job: Job) -> None:
    placed.place_boot(job.machine, job.state, fragment(job))


def is_in_place(job: Job) -> bool:
    """Whether this release has passed, is the current one, and the running one as well."""
    return job.state.good == job.name == release.current(job.machine) and release.is_complete(job.machine, job.name)


BESIDE: tuple[Step, ...] = (
    Step("packages", _plan_packages, _do_packages),
    Step("release", _plan_release, _do_release),
    Step("configuration", _plan_configuration, _do_configuration),
    Step("self-test", _plan_trial, _do_trial),
)
"""Nothing of these concerns what runs; where one fails, it goes on."""

IN_PLACE: tuple[Step, ...] = (
    Step("switch", _plan_switch, _do_switch),
    Step("files", _plan_files, _do_files),
    Step("accounts", _plan_accounts, _do_accounts),
    Step("boot", _plan_boot, _do_boot),
)
"""Done while the services are stopped, and undone as a whole where what follows does not pass."""


def tidy(job: Job) -> None:
    """Remember that this release is good, and remove what nobody needs: releases before the last one, a bundle's
    copy."""
    before = job.state.good
    job.state.good = job.name
    keep(job.machine, job.state)
    if before != job.name:
        for name in release.others(job.machine, {job.name, before}):
            release.remove(job.machine, name)
            job.say(f"release: {name} removed")
    taken = job.machine.at(TAKEN_IN)
    if taken.exists():
        shutil.rmtree(taken)
