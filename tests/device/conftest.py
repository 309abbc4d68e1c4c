import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder whose paths fit into a socket's 108 bytes, unlike pytest's own."""
    with tempfile.TemporaryDirectory(prefix="rb-") as name:
        yield Path(name)


@pytest.fixture
def probe(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A simulated probe that runs in `folder`."""
    options = ["run", "--simulate", "--socket", str(folder / "p.sock"), "--world", str(folder / "world")]
    process = subprocess.Popen(
        [sys.executable, "-m", "refill", "probe", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    assert "simulated probe" in process.stdout.readline()
    yield process
    process.terminate()
    process.wait(10)
