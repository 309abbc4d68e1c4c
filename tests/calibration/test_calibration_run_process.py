"""A calibration as real processes: to certificate and PDF; killed after every step, and gone on with to that end."""

import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from calibration.certificate.standing import in_force
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
        command(folder, *words), cwd=HERE, env=environment(), capture_output=True, text=True, timeout=240, check=False
    )


def kept(folder: Path) -> int:
    """How many steps were done, or left out because this device cannot."""
    return sum(len(list((folder / "calibration" / "run").glob(f"*-{kind}.json"))) for kind in ("measured", "skipped"))


def steps_of(run: Path) -> tuple[list[str], list[str]]:
    """The steps of a run that is over, as often as they were done: before corrections, and after."""
    bodies = [json.loads(json.loads(path.read_text())["body"]) for path in sorted(run.glob("*.json"))]
    place = next(number for number, body in enumerate(bodies) if body["kind"] == "correcting")
    done = [
        [body["outcome"]["step"] if body["kind"] == "measured" else body["step"] for body in part]
        for part in (
            [body for body in some if body["kind"] in ("measured", "skipped")]
            for some in (bodies[:place], bodies[place:])
        )
    ]
    return done[0], done[1]


def killed_after(folder: Path, outcomes: int, *words: str) -> int:
    """Kill a run with SIGKILL once so many outcomes are kept; returns how many were."""
    process = subprocess.Popen(
        command(folder, *words), cwd=HERE, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    until = time.monotonic() + 120
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


def assert_in_force(ended: subprocess.CompletedProcess[str], folder: Path) -> None:
    (kept,) = Store(folder / "calibration" / "certificates").all()
    assert kept.certificate is not None, kept.trouble
    assert (ended.returncode, state(folder)) == (0, "in_force"), ended.stdout + ended.stderr
    assert "PASSED" in ended.stdout


def test_a_healthy_device_gets_its_certificate_and_report(tmp_path: Path) -> None:
    packaged = DEFAULT_PATH.read_bytes()
    ended = calibrate(tmp_path, "--pdf", str(tmp_path / "one.pdf"))
    assert_in_force(ended, tmp_path)
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
    assert_in_force(ended, tmp_path)
    (over,) = (tmp_path / "calibration" / "runs").iterdir()
    first, again = steps_of(over)
    assert first == [step.name.value for step in ALL_STEPS], "every step once, in order"
    assert len(again) == len(set(again))
    assert {"camera_lock", "end_to_end"} <= set(again), "what was corrected, and what depends on it"
