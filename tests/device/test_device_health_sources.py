"""What the machine tells of itself, from real and from made-up files; what it does not tell is None."""

from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from device import health_sources
from device.health import TemperatureFacts
from device.health_sources import clock_synchronised, disk, temperature

NOWHERE = Path("/nonexistent/at/all")


class Doubtful:
    def boottime_ns(self) -> int:
        return 0

    def now(self) -> datetime:
        return datetime.now(UTC)

    def boot_id(self) -> UUID:
        return UUID(int=0)

    def synchronised(self) -> bool:
        raise PermissionError("adjtimex")


def told(folder: Path, zone: str | None, word: str | None) -> TemperatureFacts | None:
    for name, text in (("zone", zone), ("word", word)):
        if text is not None:
            (folder / name).write_text(text)
    return temperature(folder / "zone", folder / "word")


@pytest.mark.parametrize(
    ("zone", "word", "facts"),
    [
        ("48312\n", None, TemperatureFacts(48.312)),
        ("48312\n", "0\n", TemperatureFacts(48.312, slowed=False, under_voltage=False)),
        ("48312\n", "50000\n", TemperatureFacts(48.312, slowed=False, under_voltage=False)),  # was so since the boot
        ("48312\n", "50005\n", TemperatureFacts(48.312, slowed=True, under_voltage=True)),
        ("48312\n", "0x8\n", TemperatureFacts(48.312, slowed=True, under_voltage=False)),
        (None, "1\n", TemperatureFacts(None, slowed=False, under_voltage=True)),
        ("-274000\n", None, None),
        ("300000\n", "0\n", TemperatureFacts(None, slowed=False, under_voltage=False)),
        ("hot\n", None, None),
        ("", "", None),
        (None, None, None),
    ],
)
def test_the_temperature_is_read_as_the_kernel_and_the_firmware_write_it(
    tmp_path: Path, zone: str | None, word: str | None, facts: TemperatureFacts | None
) -> None:
    assert told(tmp_path, zone, word) == facts


def test_the_disk_tells_what_is_free(tmp_path: Path) -> None:
    found = disk(tmp_path, 200)
    assert found is not None
    assert found.free_mb > 0
    assert found.minimum_mb == 200
    assert found.writable
    assert disk(NOWHERE, 200) is None


def test_a_disk_that_is_mounted_read_only_is_seen() -> None:
    found = disk(Path("/proc/sys"), 200) or disk(Path("/sys"), 200)
    if found is None or found.writable:
        pytest.skip("nothing is mounted read-only here")
    assert not found.writable


def test_a_clock_that_does_not_say_is_not_known() -> None:
    assert clock_synchronised(Doubtful()) is None


def test_no_source_is_a_program() -> None:
    source = Path(health_sources.__file__).read_text()
    assert "subprocess" not in source
    assert "os.system" not in source
