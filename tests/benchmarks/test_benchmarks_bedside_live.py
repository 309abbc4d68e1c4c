"""A short fixed-seed round of each bedside campaign, on real processes."""

import argparse
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import bedside_day, bedside_faults, bedside_kill, bedside_speed
from benchmarks.bedside_disk import Disk, nothing_left_mounted, open_disk
from benchmarks.bedside_faults import Case
from benchmarks.bedside_faults_report import failures as fault_failures
from benchmarks.bedside_kill_report import failures as kill_failures
from benchmarks.bedside_place import a_place

pytestmark = pytest.mark.slow

KILLS, KILL_SEED = 2, 2283


@pytest.fixture
def folder() -> Iterator[Path]:
    # Not tmp_path: a socket's path may have 108 bytes.
    with tempfile.TemporaryDirectory(prefix="bt-") as name, nothing_left_mounted(Path(name)):
        yield Path(name)


@pytest.fixture
def disk(folder: Path) -> Iterator[Disk]:
    found = open_disk(folder, folder / "disk")
    if found is None:
        pytest.skip("mounting a disk takes root, and a kernel that lets us")
    yield found
    found.close()


def test_killed_beds_leave_a_whole_journal_and_go_on(folder: Path) -> None:
    done = bedside_kill.run(KILLS, KILL_SEED, 1, folder)
    assert kill_failures(done, KILLS) == []
    assert {killed.kill.victim for killed in done} >= {"bedside", "probe"}
    pressed = [killed for killed in done if killed.kpa > 5.0]
    assert pressed, "none of them met a pressed skin"
    assert all(killed.vented_s is not None and 0 < killed.vented_s < 0.7 for killed in pressed)


def test_a_full_disk_or_else_a_lost_camera_ends_by_its_name_and_the_next_press_works(folder: Path) -> None:
    done, problems, disk = bedside_faults.run([Case(1, "disk_full", "pressing", 0.5, 1)], 1, folder)
    if disk == "none":  # mounting takes root, and a kernel that lets us
        done, problems, _ = bedside_faults.run([Case(1, "camera_unplugged", "holding", 0.5, 1)], 1, folder)
    assert fault_failures(done, problems) == []
    assert [outcome.next_said for outcome in done] == ["a number"]


def test_two_presses_of_a_day_are_right_and_delivered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bedside_day, "PROTOCOL", "short")
    wanted = [bedside_day.Skin("finger", "IV", "exp", 1.2, 1), bedside_day.Skin("knee", "II", "exp", 0.9, 2)]
    with a_place("bt-", picture={"width_px": 128, "height_px": 96, "fps": 60.0}) as place:
        day = bedside_day.live(place, wanted, lambda _: None)
    assert day.home
    assert day.problems == []
    assert [abs(one.error_s or 9.0) < 0.3 for one in day.made] == [True, True]
    assert {one.skin.body for one in day.made} == {"finger", "knee"}
    assert all(one.watched.frames_per_s > 0 and one.watched.drawing > 0 for one in day.made)


def test_every_figure_of_the_bedsides_speed_is_taken() -> None:
    asked = argparse.Namespace(starts=2, readings=1, idle=4.0)
    with a_place("bt-", *bedside_speed.SKIN, picture={"width_px": 128, "height_px": 96}) as place:
        seen = bedside_speed.measure(place, asked)
    # Whether it is quick, `make bedside-speed` says: here the machine is busy with other tests.
    (one,) = seen.delays
    assert one.said == "measured"
    assert one.push_to_state_s > 0
    assert one.alone_s > 0
    assert one.to_panel_s > 0
    assert one.to_reading_s > 0
    assert len(seen.ready_s) == len(seen.libraries_s) == len(seen.bare_s) == 2
    assert min(*seen.ready_s, *seen.libraries_s, *seen.bare_s) > 0
    assert seen.idle is not None
    assert 0 < seen.idle.own <= seen.idle.total


def test_a_disk_fills_to_the_last_block_fails_under_its_users_and_is_repaired(folder: Path, disk: Disk) -> None:
    file = disk.at / "file"
    with file.open("wb") as kept:
        kept.write(b"kept")
        kept.flush()
        os.fsync(kept.fileno())
    disk.fill()
    with pytest.raises(OSError, match="No space left"):
        (disk.at / "more").write_bytes(bytes(100_000))
    disk.free()
    (disk.at / "more").write_bytes(bytes(100_000))
    if disk.kind != "ext4":
        return
    with file.open("ab", buffering=0) as still_open:
        disk.fail()
        with pytest.raises(OSError, match="Read-only"):
            still_open.write(b"lost")
    disk.repair()
    assert file.read_bytes() == b"kept"
    file.write_bytes(b"again")
