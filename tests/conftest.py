"""Which slow tests have the machine to themselves: those that play real time, where load would look like a fault."""

from pathlib import Path

import pytest
from hypothesis import settings

# How long an example takes is the machine's affair: a deadline would make a busy one look like a fault.
settings.register_profile("refill", deadline=None)
settings.load_profile("refill")

HERE = Path(__file__).parent
ALONE: frozenset[str] = frozenset(
    {
        "benchmarks/test_benchmarks_bedside_live.py",
        "device/test_device_bedside.py",
        "device/test_device_bedside_camera.py",
        "device/test_device_bedside_console.py",
        "device/test_device_calibrating_probe.py",
        "device/test_device_logs_whole.py",
        "install/test_install_booted.py",
        "probe/test_probe_cli_off.py",
        "probe/test_probe_cli_press.py",
        "probe/test_probe_cli_selftest.py",
        "probe/test_probe_cli_status.py",
        "probe/test_probe_guard.py",
        "probe/test_probe_process.py",
        "refill/test_refill_console.py",
        "refill/test_refill_demo.py",
        "refill/test_refill_supervisor.py",
        "screen/test_screen_flows.py",
        "systemd/test_systemd_booted.py",
    }
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark them `alone`; `make test` runs the others two at a time."""
    for item in items:
        if item.path.is_relative_to(HERE) and str(item.path.relative_to(HERE)) in ALONE:
            item.add_marker(pytest.mark.alone)


def pytest_sessionstart() -> None:
    """Refuse to start where the table names a file that there is not: its tests would run beside others unseen."""
    missing = sorted(name for name in ALONE if not (HERE / name).is_file())
    if missing:
        raise pytest.UsageError(f"tests/conftest.py: ALONE: no such file: {', '.join(missing)}")
