"""`refill probe off`: what a killed probe needs, and never to a probe that lives."""

import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from running_probe import START, RunningProbe
from typer.testing import CliRunner

from device.probe.link import ProbeClient, State, boot_ns
from phantom.world import PressureWorldReader
from refill import probe_cli
from refill.probe_cli import app


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Counts how often the outputs were put off."""
    calls: list[Any] = []
    monkeypatch.setattr("device.probe.hardware.outputs_off", lambda _, factory: calls.append(factory))
    return calls


def off(*options: str) -> Any:
    return CliRunner().invoke(app, ["off", "--simulate", *options])


def test_without_a_probe_the_outputs_are_put_off(short_folder: Path, written: list[Any]) -> None:
    ended = off("--socket", str(short_folder / "p.sock"))
    assert (ended.exit_code, ended.stdout) == (0, "outputs off: vent valve open, pump stopped\n")
    assert len(written) == 1


def test_a_name_that_a_killed_probe_left_behind_is_no_probe(short_folder: Path, written: list[Any]) -> None:
    path = short_folder / "p.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
        dead.listen(1)
    assert path.exists()
    assert off("--socket", str(path)).exit_code == 0
    assert len(written) == 1


def test_where_a_probe_answers_it_refuses_unless_forced(short_folder: Path, written: list[Any]) -> None:
    path = short_folder / "p.sock"
    with socket.socket(socket.AF_UNIX) as alive:
        alive.bind(str(path))
        alive.listen(5)
        refused = off("--socket", str(path))
        assert refused.exit_code == 4
        assert refused.stderr.startswith(f"a probe runs at {path} and holds the outputs")
        assert written == []
        forced = off("--socket", str(path), "--force")
    assert forced.exit_code == 0
    assert "does not answer" in forced.stderr
    assert len(written) == 1


def test_lines_that_cannot_be_had_are_told_and_never_called_off(
    short_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GPIOZERO_PIN_FACTORY", raising=False)
    path = short_folder / "device.toml"
    path.write_text('name = "bed-7"\nsite = "012"\n')
    ended = CliRunner().invoke(app, ["off", "--config", str(path), "--socket", str(short_folder / "p.sock")])
    assert ended.exit_code == 1
    assert ended.stdout == ""
    assert ended.stderr.startswith("outputs NOT known to be off: GPIOZERO_PIN_FACTORY")


def test_a_world_without_a_simulation_makes_no_sense(short_folder: Path) -> None:
    ended = CliRunner().invoke(app, ["off", "--world", str(short_folder / "w")])
    assert (ended.exit_code, ended.stderr) == (2, "--world goes with --simulate\n")


@pytest.mark.slow
def test_it_needs_no_more_than_the_drivers(short_folder: Path) -> None:
    """Every tenth of a second counts while a dead probe's valve is closed: nothing heavy is loaded on the Pi's way."""
    loaded = "import sys; print([name for name in ('numpy', 'cv2', 'matplotlib', 'rich.live') if name in sys.modules])"
    script = f"import refill.cli, refill.probe_cli, device.probe.hardware, device.probe.drivers; {loaded}"
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert told.stdout == "[]\n"
    assert probe_cli.off.__doc__


@pytest.mark.slow
def test_a_killed_probes_outputs_are_put_off_from_a_fresh_process(start_probe: Callable[..., RunningProbe]) -> None:
    probe = start_probe()
    here = ["off", "--simulate", "--socket", str(probe.socket), "--world", str(probe.world)]

    def off_from_outside() -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-c", START, *here]
        return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)

    assert off_from_outside().returncode == 4
    client = ProbeClient(probe.socket)
    client.press(40.0, 0.5, 10.0)
    end = time.monotonic() + 10
    while not any(isinstance(event, State) and event.phase == "hold" for event in client.poll()):
        assert time.monotonic() < end
        client.renew()
        time.sleep(0.05)
    probe.process.kill()
    probe.process.wait(5)
    dead = off_from_outside()
    assert (dead.returncode, dead.stdout) == (0, "outputs off: vent valve open, pump stopped\n")
    assert PressureWorldReader(probe.world).pressure_at(boot_ns()) < 2.0
    client.close()
