from collections.abc import Iterator
from pathlib import Path

import pytest
from console_bench import Raw

from device.console import Console


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run" / "bedside.sock"


@pytest.fixture
def console(path: Path) -> Iterator[Console]:
    opened = Console(path)
    yield opened
    opened.close()


@pytest.fixture
def caller(path: Path, console: Console) -> Iterator[Raw]:
    raw = Raw(path)
    console.poll()
    yield raw
    raw.socket.close()
