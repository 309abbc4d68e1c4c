"""Which tests play real time, which files are read at all, and in what order the workers of `make test` get them.

Load would look like a fault where real time is played: those files run after all others, two at a time. Of the
exacting ones, which load would disturb first, never two at once.
"""

import gc
import re
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from xdist.scheduler import LoadFileScheduling

# How long an example takes is the machine's affair: a deadline would make a busy one look like a fault.
settings.register_profile("refill", deadline=None)
settings.load_profile("refill")

HERE = Path(__file__).parent
EXACTING: tuple[str, ...] = (
    "benchmarks/test_benchmarks_bedside_live.py",
    "probe/test_probe_cli_selftest.py",
    "refill/test_refill_demo.py",
    "screen/test_screen_flows.py",
    "device/test_device_bedside_camera.py",
    "device/test_device_logs_whole.py",
)
"""Play real time with many processes, or are judged by their speed: one at a time."""
REAL_TIME: tuple[str, ...] = (
    "probe/test_probe_process.py",
    "device/test_device_calibrating_probe.py",
    "probe/test_probe_cli_off.py",
    "probe/test_probe_cli_press.py",
    "probe/test_probe_cli_status.py",
    "probe/test_probe_guard.py",
    "screen/test_screen_timing_flows.py",
    "refill/test_refill_console.py",
    "refill/test_refill_supervisor.py",
    "device/test_device_bedside_console.py",
    "device/test_device_bedside.py",
)
"""Play real time, each beside an exacting one. Those that measure come last: until then the others only wait."""
LONG: tuple[str, ...] = (
    "systemd/test_systemd_booted.py",
    "install/test_install_booted.py",
    "benchmarks/test_benchmarks_feed_away.py",
    "benchmarks/test_benchmarks_mottling.py",
    "benchmarks/test_benchmarks_faults.py",
    "benchmarks/test_benchmarks_feed_kill.py",
    "benchmarks/test_benchmarks_feed_speed.py",
    "screen/test_screen_calibrating.py",
    "screen/test_screen_amend_flows.py",
    "install/test_install_root.py",
    "trial/test_trial_calibration_feed.py",
    "trial/backup/test_trial_backup.py",
    "trial/test_trial_page.py",
    "device/test_device_journal_damage.py",
)
"""Take long, and bear load: begun first, so that no worker is left with one of them at the end."""
PLACE: dict[str, int] = {name: number for number, name in enumerate((*EXACTING, *REAL_TIME, *LONG))}


def name_of(path: Path) -> str:
    """A test's file as the tables above have it."""
    return str(path.relative_to(HERE)) if path.is_relative_to(HERE) else ""


WHOLLY_SLOW = re.compile(r"^pytestmark = pytest\.mark\.slow\b(?!\()", re.MULTILINE)
"""The line by which a file says that all of its tests are slow."""


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Do not even read the files of which nothing is asked for: reading one imports what it tests, in every worker."""
    asked_for = config.getoption("markexpr")
    if collection_path.suffix != ".py":
        return None
    if asked_for == "real_time":
        return True if name_of(collection_path) not in (*EXACTING, *REAL_TIME) else None
    if asked_for == "not slow":
        return True if WHOLLY_SLOW.search(collection_path.read_text(encoding="utf-8")) else None
    return None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the real-time files, and put the long ones first; `make test` deals them out."""
    for item in items:
        name = name_of(item.path)
        if name in (*EXACTING, *REAL_TIME):
            item.add_marker(pytest.mark.real_time)
    items.sort(key=lambda item: PLACE.get(name_of(item.path), len(PLACE)))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Look for no garbage among thousands of tests and what they import: it is kept to the end, and cost a fifth."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()


class Dealt(LoadFileScheduling):
    """A file to a worker, as xdist deals them out; the exacting ones all to one."""

    def _split_scope(self, nodeid: str) -> str:
        file = str(super()._split_scope(nodeid))
        return "exacting" if name_of(HERE.parent / file) in EXACTING else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Dealt | None:
    return Dealt(config, log) if config.getoption("dist") == "loadfile" else None


def pytest_sessionstart() -> None:
    """Refuse to start where a table names a file that there is not: its tests would run beside others unseen."""
    missing = sorted(name for name in PLACE if not (HERE / name).is_file())
    if missing:
        raise pytest.UsageError(f"tests/conftest.py: no such file: {', '.join(missing)}")
