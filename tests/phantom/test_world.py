"""The shared skin: one pressure for the probe's process and the camera's, whoever starts, ends or dies."""

import math
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from phantom.hydraulics import boot_ns
from phantom.world import CAPACITY, PressureWorldReader, PressureWorldWriter, WorldError

MS = 1_000_000
T0 = 5_000_000_000


def test_the_reader_sees_what_was_written_interpolated(tmp_path: Path) -> None:
    writer, reader = PressureWorldWriter(tmp_path / "w"), PressureWorldReader(tmp_path / "w")
    for i in range(50):
        writer.write(T0 + i * 2 * MS, float(i))
    assert reader.pressure_at(T0 + 10 * MS) == 5.0
    assert reader.pressure_at(T0 + 11 * MS) == pytest.approx(5.5)
    assert reader.pressure_at(T0 - 900 * MS) == 0.0
    writer.close()


def test_without_a_writer_the_skin_is_not_pressed_and_one_may_come_later(tmp_path: Path) -> None:
    reader = PressureWorldReader(tmp_path / "w")
    assert reader.pressure_at(T0) == 0.0
    assert len(reader.history()[0]) == 0
    writer = PressureWorldWriter(tmp_path / "w")
    assert reader.pressure_at(T0) == 0.0
    writer.write(T0, 12.0)
    assert reader.pressure_at(T0) == 12.0
    writer.close()


def test_a_quiet_probe_vents_after_50_ms(tmp_path: Path) -> None:
    writer, reader = PressureWorldWriter(tmp_path / "w"), PressureWorldReader(tmp_path / "w")
    writer.write(T0 - 2 * MS, 40.0)
    writer.write(T0, 40.0)
    assert reader.pressure_at(T0 + 49 * MS) == 40.0
    assert reader.pressure_at(T0 + 80 * MS) == pytest.approx(40.0 * math.exp(-1.0))
    assert reader.pressure_at(T0 + 400 * MS) < 0.01
    writer.close()


def test_a_gap_between_two_writers_is_vented_not_interpolated(tmp_path: Path) -> None:
    first = PressureWorldWriter(tmp_path / "w")
    first.write(T0, 40.0)
    first.close()
    second = PressureWorldWriter(tmp_path / "w")
    second.write(T0 + 1000 * MS, 0.0)
    second.write(T0 + 1002 * MS, 40.0)
    reader = PressureWorldReader(tmp_path / "w")
    assert reader.pressure_at(T0) == 40.0
    assert reader.pressure_at(T0 + 500 * MS) < 0.01
    assert reader.pressure_at(T0 + 1001 * MS) == pytest.approx(20.0)
    second.close()


def test_the_ring_keeps_the_newest(tmp_path: Path) -> None:
    writer, reader = PressureWorldWriter(tmp_path / "w"), PressureWorldReader(tmp_path / "w")
    for i in range(CAPACITY + 500):
        writer.write(T0 + i * 2 * MS, float(i))
    t_ns, kpa = reader.history()
    assert len(t_ns) == CAPACITY
    assert (kpa[0], kpa[-1]) == (500.0, CAPACITY + 499.0)
    assert (t_ns[1:] > t_ns[:-1]).all()
    since, _ = reader.history(T0 + (CAPACITY + 490) * 2 * MS)
    assert since[0] == T0 + (CAPACITY + 489) * 2 * MS
    assert len(since) == 11
    writer.close()


def test_one_writer_at_a_time(tmp_path: Path) -> None:
    writer = PressureWorldWriter(tmp_path / "w")
    with pytest.raises(WorldError, match="another simulated probe"):
        PressureWorldWriter(tmp_path / "w")
    writer.close()
    PressureWorldWriter(tmp_path / "w").close()
    with pytest.raises(WorldError):
        PressureWorldWriter(Path("/proc/no/such/place"))


def test_a_torn_record_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "w"
    writer = PressureWorldWriter(path)
    for i in range(10):
        writer.write(T0 + i * 2 * MS, 1.0)
    writer.close()
    with path.open("r+b") as file:
        file.seek(40 + 9 * 32 + 16)
        file.write(b"\x01")
    t_ns, kpa = PressureWorldReader(path).history()
    assert len(t_ns) == 9
    assert (kpa == 1.0).all()


def test_a_file_of_something_else_is_not_read_and_is_taken_over_by_a_writer(tmp_path: Path) -> None:
    path = tmp_path / "w"
    path.write_bytes(os.urandom(400_000))
    reader = PressureWorldReader(path)
    assert reader.pressure_at(T0) == 0.0
    writer = PressureWorldWriter(path)
    writer.write(T0, 3.0)
    assert PressureWorldReader(path).pressure_at(T0) == 3.0
    writer.close()


def test_a_file_that_was_replaced_is_found_again(tmp_path: Path) -> None:
    path = tmp_path / "w"
    first, reader = PressureWorldWriter(path), PressureWorldReader(path)
    first.write(T0, 7.0)
    assert reader.pressure_at(T0) == 7.0
    path.unlink()
    assert reader.pressure_at(T0) == 0.0
    second = PressureWorldWriter(path)
    second.write(T0, 9.0)
    assert reader.pressure_at(T0) == 9.0
    first.close()
    second.close()


WRITER = """
import sys, time
from pathlib import Path
from phantom.hydraulics import boot_ns
from phantom.world import PressureWorldWriter
writer = PressureWorldWriter(Path(sys.argv[1]))
number = 0
while True:
    number += 1
    writer.write(boot_ns(), float(number))
    if number == 100:
        print("going", flush=True)
"""


@pytest.mark.slow
def test_a_reader_beside_a_racing_writer_sees_only_whole_records_also_after_its_kill(tmp_path: Path) -> None:
    path = tmp_path / "w"
    process = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"going\n"
    reader = PressureWorldReader(path)
    end = time.monotonic() + 2.0
    rounds = 0
    while time.monotonic() < end:
        if rounds == 20:
            process.kill()
            process.wait(5)
        t_ns, kpa = reader.history()
        assert (t_ns[1:] >= t_ns[:-1]).all()
        assert (kpa[1:] > kpa[:-1]).all()
        rounds += 1
    assert rounds > 25
    process.stdout.close()
    assert reader.pressure_at(boot_ns()) < 1.0


def test_a_dead_probes_lines_are_kept_for_whoever_looks_at_it_so(tmp_path: Path) -> None:
    path = tmp_path / "world"
    dropped, kept = PressureWorldReader(path), PressureWorldReader(path, lines_kept=True)
    assert kept.left_closed() is None
    writer = PressureWorldWriter(path)
    now_ns = 10**12
    writer.write(now_ns, 40.0)
    assert kept.left_closed() is None
    writer.lines(valve_closed=True, duty=0.25)
    writer.close()
    later_ns = now_ns + 10**9
    assert kept.left_closed() == 0.25
    assert kept.pressure_at(later_ns) == 40.0
    assert dropped.pressure_at(later_ns) < 0.1
    successor = PressureWorldWriter(path)
    successor.lines(valve_closed=False, duty=0.25)
    assert kept.left_closed() is None
    assert kept.pressure_at(later_ns) < 0.1
    successor.close()
