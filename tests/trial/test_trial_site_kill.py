"""An enrolment that ends anywhere, and a SIGKILL in the middle of one: the site's folder goes on."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from site_bench import DEVICE, NOW, acl_of, revoked, run, serial

from trial import site_files
from trial.site import Site, make_site
from trial.site_entries import Asked

pytestmark = pytest.mark.slow


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_site(tmp_path / "site", ["broker.example"], 8883, NOW).folder


class KilledError(BaseException):
    """What a kill would be: nothing after it runs but what the disk then holds."""


@pytest.mark.parametrize("at", range(1, 15))
def test_an_enrolment_that_ends_anywhere_leaves_a_folder_that_goes_on(
    folder: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    """At every rename and every sync in turn. `finally` is kept from tidying up: a killed process does not."""
    steps = 0

    def counted(real):
        def step(*arguments):
            nonlocal steps
            steps += 1
            if steps == at:
                raise KilledError
            return real(*arguments)

        return step

    with monkeypatch.context() as patched:
        patched.setattr(site_files, "sync", counted(site_files.sync))
        patched.setattr(Path, "rename", counted(Path.rename))
        patched.setattr("shutil.rmtree", lambda *_, **__: None)
        try:
            with Site.changing(folder) as site:
                site.enrol(Asked("device", "bedside-1", "demo", "00"), NOW)
        except KilledError:
            pass
        else:
            assert at > 12, "the enrolment took fewer steps than expected"
    assert goes_on(folder)


def goes_on(folder: Path) -> bool:
    """Whether the folder is consistent, and the device can be enrolled again by the one way or the other."""
    last = Site(folder).registry.last("bedside-1")
    run(folder, "enrol", "bedside-1", *DEVICE, *(["--renew"] if last is not None else []))
    bundle = folder / "bundles" / "bedside-1"
    live = {entry.serial for entry in Site(folder).registry.live() if entry.kind == "device"}
    assert live == {f"{serial(bundle):x}"}
    assert revoked(folder) == {serial for serial, _ in Site(folder).registry.revoked()}
    assert acl_of(folder).count("user ") == 1
    assert not list(folder.rglob(f"{site_files.UNFINISHED}*"))
    return True


def test_kill_9_in_the_middle_of_an_enrolment(folder: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from datetime import UTC, datetime\n"
        "from trial.site import Site; from trial.site_entries import Asked\n"
        "print('ready', flush=True)\n"
        "for number in range(1000):\n"
        "    with Site.changing(Path(sys.argv[1])) as site:\n"
        "        renew = site.registry.last('bedside-1') is not None\n"
        "        site.enrol(Asked('device', 'bedside-1', 'demo', '00', renew=renew), datetime.now(UTC))\n"
    )
    for wait_ms in (1, 3, 7, 13, 29, 47):
        child = subprocess.Popen([sys.executable, "-c", code, str(folder)], stdout=subprocess.PIPE)
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
        time.sleep(wait_ms / 1000)
        os.kill(child.pid, signal.SIGKILL)
        assert child.wait() == -signal.SIGKILL
        child.stdout.close()
        assert goes_on(folder)
