"""A calibration as real processes: to certificate and PDF; killed after every step, and gone on with to that end."""

import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from calibration.certificate.standing import NEEDED, in_force
from calibration.certificate.store import Store
from calibration.plan import ALL_STEPS
from firmware_config.device import DEFAULT_PATH, load_device

HERE = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.slow


def command(folder: Path, *words: str) -> list[str]:
    base = [sys.executable, "-m", "refill", "calibrate", "run", "--simulate", "--seed", "3", "--yes"]
    return [*base, "--data", str(folder), *words]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(HERE), "OPENBLAS_NUM_THREADS": "1"}


def calibrate(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(folder, *words), cwd=HERE, env=environment(), capture_output=True, text=True, timeout=120, check=False
    )


def kept(folder: Path) -> int:
    return len(list((folder / "calibration" / "run").glob("*-measured.json")))


def killed_after(folder: Path, outcomes: int, *words: str) -> int:
    """Kill a run with SIGKILL once so many outcomes are kept; returns how many were."""
    process = subprocess.Popen(
        command(folder, *words), cwd=HERE, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    until = time.monotonic() + 60
    try:
        while kept(folder) < outcomes and process.poll() is None and time.monotonic() < until:
            time.sleep(0.002)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert process.returncode == -signal.SIGKILL, "it ended before it could be killed"
    return kept(folder)


def state(folder: Path) -> str:
    at = folder / "calibration"
    return in_force(at, load_device(at / "device.toml"), datetime.now(UTC), simulated=True).state


def assert_as_good_as_its_plan(ended: subprocess.CompletedProcess[str], folder: Path) -> None:
    """Every step has passed; in force it is once the plan has all the steps that a certificate needs."""
    (kept,) = Store(folder / "calibration" / "certificates").all()
    assert kept.certificate is not None, kept.trouble
    assert kept.certificate.passed
    whole = {step.name for step in ALL_STEPS} >= NEEDED
    assert (ended.returncode, state(folder)) == ((0, "in_force") if whole else (1, "incomplete")), ended.stderr
    assert ("PASSED" if whole else "INCOMPLETE") in ended.stdout


def test_a_healthy_camera_gets_its_certificate_and_report(tmp_path: Path) -> None:
    packaged = DEFAULT_PATH.read_bytes()
    ended = calibrate(tmp_path, "--pdf", str(tmp_path / "one.pdf"))
    assert_as_good_as_its_plan(ended, tmp_path)
    assert (tmp_path / "one.pdf").read_bytes().startswith(b"%PDF")
    assert DEFAULT_PATH.read_bytes() == packaged
    chosen = load_device(tmp_path / "calibration" / "device.toml").camera.lock
    assert chosen != load_device(DEFAULT_PATH).camera.lock


def test_killed_after_every_step_it_comes_to_the_same_end(tmp_path: Path) -> None:
    words: tuple[str, ...] = ()
    done = 0
    while done < len(ALL_STEPS):
        done = killed_after(tmp_path, done + 1, *words)
        words = ("--resume",)
    ended = calibrate(tmp_path, "--resume")
    assert_as_good_as_its_plan(ended, tmp_path)
    (over,) = (tmp_path / "calibration" / "runs").iterdir()
    outcomes = [path for path in over.iterdir() if path.name.endswith("-measured.json")]
    assert len(outcomes) == len(ALL_STEPS) + 1, "every step once, and the lock again as verification"
