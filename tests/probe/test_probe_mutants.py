"""The safety core's tests see small changes of it: here one in five, all of them with `make probe-mutants`."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

HERE = Path(__file__).resolve().parent


def test_no_small_change_of_the_safety_core_goes_unseen() -> None:
    done = subprocess.run(
        [sys.executable, str(HERE / "mutants.py"), "--every", "5"],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.strip().endswith(" 0 survived")
