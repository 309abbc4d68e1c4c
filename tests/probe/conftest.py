import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from running_probe import RunningProbe

from firmware_config.device import DeviceConfig, load_device


@pytest.fixture(scope="session")
def config() -> DeviceConfig:
    return load_device()


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A folder whose paths fit into a socket's 108 bytes, unlike pytest's own."""
    with tempfile.TemporaryDirectory(prefix="rp-") as folder:
        yield Path(folder)


@pytest.fixture
def start_probe(short_folder: Path) -> Iterator[Callable[..., RunningProbe]]:
    started: list[RunningProbe] = []

    def start(*options: str) -> RunningProbe:
        probe = RunningProbe(short_folder, *options)
        started.append(probe)
        probe.wait_ready()
        return probe

    yield start
    for probe in started:
        if probe.process.poll() is None:
            probe.process.kill()
        probe.process.wait(10)
