from collections.abc import Iterator
from pathlib import Path

import pytest

from device.probe.server import LinkServer, open_listener
from firmware_config.device import DeviceConfig
from refill.simulation import SteppedProbe


@pytest.fixture
def probe(config: DeviceConfig) -> Iterator[SteppedProbe]:
    with SteppedProbe(config) as stepped:
        stepped.run(0.3)
        yield stepped


@pytest.fixture
def server(probe: SteppedProbe, short_folder: Path) -> Iterator[LinkServer]:
    link = LinkServer(open_listener(short_folder / "p.sock"), probe.engine)
    yield link
    link.close()
