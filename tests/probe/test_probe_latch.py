"""What a restart must not forget: a latched fault, and how often has been pressed. And what must not stop a night."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from device.probe import latch
from device.probe.faults import FaultCode
from device.probe.latch import Cleared, Keeper, Memory, UnreadableError, as_text, from_text
from device.probe.link import FaultCleared, Refusal, Refused
from device.probe.messages import ClearFault
from firmware_config.device import DeviceConfig
from refill.simulation import SteppedProbe

S = 1_000_000_000
KNOWN = Memory(
    boot_id=str(UUID(int=7)),
    latched=FaultCode.BLOCKED_VENT,
    since_utc="2026-11-24T03:00:00+00:00",
    presses_ns=(90 * S, 95 * S),
    cleared=(Cleared(code=FaultCode.OVERPRESSURE, operator="eng-4", utc="2026-11-23T03:00:00+00:00"),),
)


class Standing:
    """Clocks that stand still: boot 7, 100 s after its start."""

    boot = UUID(int=7)

    def boottime_ns(self) -> int:
        return 100 * S

    def now(self) -> datetime:
        return datetime(2026, 11, 24, 3, 0, 0, tzinfo=UTC)

    def boot_id(self) -> UUID:
        return self.boot

    def synchronised(self) -> bool:
        return False


def keeper(folder: Path | None) -> Keeper:
    return Keeper(folder, Standing())


def stored(folder: Path, memory: Memory = KNOWN) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / latch.FILE
    path.write_text(as_text(memory))
    return path


def test_what_is_written_is_what_is_read() -> None:
    assert from_text(as_text(KNOWN)) == KNOWN
    assert from_text(as_text(Memory())) == Memory()


def test_a_file_torn_at_any_byte_or_with_any_byte_changed_is_not_believed() -> None:
    text = as_text(KNOWN)
    for cut in range(len(text)):
        with pytest.raises(UnreadableError):
            from_text(text[:cut])
        with pytest.raises(UnreadableError):
            from_text(text[:cut] + chr(ord(text[cut]) ^ 1) + text[cut + 1 :])


@pytest.mark.parametrize(
    "wrong", [{"version": 2}, {"latched": "gremlins"}, {"more": 1}, {"presses_ns": list(range(99))}]
)
def test_a_whole_file_of_another_age_is_not_believed_either(wrong: dict[str, object]) -> None:
    import hashlib
    import json

    body = json.dumps({**json.loads(KNOWN.model_dump_json()), **wrong})
    with pytest.raises(UnreadableError):
        from_text(f"{body}\n{hashlib.sha256(body.encode()).hexdigest()}\n")


def test_the_first_start_finds_nothing_and_says_so_by_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    first = keeper(tmp_path / "state")
    first.start()
    first.close()
    assert first.memory.latched is None
    assert first.memory.presses_ns == ()
    assert first.kept
    assert caplog.messages == []
    assert from_text((tmp_path / "state" / latch.FILE).read_text()) == first.memory
    assert (tmp_path / "state").stat().st_mode & 0o027 == 0


def test_a_latched_fault_and_the_presses_outlive_the_process(tmp_path: Path) -> None:
    stored(tmp_path)
    assert keeper(tmp_path).memory == KNOWN


def test_presses_of_another_boot_are_forgotten_and_its_faults_are_not(tmp_path: Path) -> None:
    stored(tmp_path, KNOWN.model_copy(update={"boot_id": str(UUID(int=6))}))
    found = keeper(tmp_path).memory
    assert found.presses_ns == ()
    assert found.latched == FaultCode.BLOCKED_VENT
    assert found.boot_id == str(UUID(int=7))


def test_a_press_from_the_future_counts_from_now_and_not_until_then(tmp_path: Path) -> None:
    stored(tmp_path, KNOWN.model_copy(update={"presses_ns": (90 * S, 10**6 * S)}))
    assert keeper(tmp_path).memory.presses_ns == (90 * S, 100 * S)


@pytest.mark.parametrize("content", [b"", b"{}\n", as_text(KNOWN).encode()[:-9], b"\xff\xfe" * 40, b"x" * 70_000])
def test_an_unreadable_file_counts_as_latched_is_kept_aside_and_can_be_cleared(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / latch.FILE
    path.write_bytes(content)
    found = keeper(tmp_path)
    assert found.memory.latched == FaultCode.MEMORY_UNREADABLE
    assert str(path) in caplog.messages[0]
    assert path.with_suffix(".unreadable").read_bytes() == content
    found.write()
    assert keeper(tmp_path).memory.latched == FaultCode.MEMORY_UNREADABLE
    found.note(None, ())
    found.cleared(FaultCode.MEMORY_UNREADABLE, "eng-4")
    found.write()
    after = keeper(tmp_path).memory
    assert after.latched is None
    assert [(one.code, one.operator) for one in after.cleared] == [(FaultCode.MEMORY_UNREADABLE, "eng-4")]


def test_a_folder_in_the_files_place_counts_as_unreadable(tmp_path: Path) -> None:
    (tmp_path / latch.FILE).mkdir()
    assert keeper(tmp_path).memory.latched == FaultCode.MEMORY_UNREADABLE


def test_only_what_is_new_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = keeper(tmp_path)
    kept.write()
    written: list[str] = []
    monkeypatch.setattr(latch, "replace_file", lambda _, text: written.append(text))
    kept.note(None, ())
    kept.write()
    assert written == []
    kept.note(None, (5,))
    kept.write()
    kept.write()
    kept.note(FaultCode.BLOCKED_VENT, (5,))
    kept.write()
    assert [from_text(text).latched for text in written] == [None, FaultCode.BLOCKED_VENT]
    assert from_text(written[1]).since_utc == "2026-11-24T03:00:00+00:00"
    kept.note(None, (5,))
    kept.write()
    assert from_text(written[2]).since_utc is None


def test_only_the_last_clears_are_kept() -> None:
    kept = keeper(None)
    for number in range(latch.MOST_CLEARED + 5):
        kept.cleared(FaultCode.OVERPRESSURE, f"eng-{number}")
    assert len(kept.memory.cleared) == latch.MOST_CLEARED
    assert kept.memory.cleared[-1].operator == f"eng-{latch.MOST_CLEARED + 4}"


def test_without_a_folder_it_says_so_and_goes_on_in_memory(caplog: pytest.LogCaptureFixture) -> None:
    kept = keeper(None)
    kept.start()
    kept.note(FaultCode.BLOCKED_VENT, (5,))
    kept.write()
    kept.close()
    assert not kept.kept
    assert kept.memory.latched == FaultCode.BLOCKED_VENT
    assert caplog.messages == ["no state folder; latched faults are kept in memory only"]


def test_a_folder_that_cannot_be_written_is_said_once_and_used_as_soon_as_it_can_be(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    blocked = tmp_path / "state"
    blocked.write_text("a file in the folder's place")
    kept = keeper(blocked)
    assert kept.memory.latched is None
    for presses in ((1,), (1, 2)):
        kept.note(FaultCode.BLOCKED_VENT, presses)
        kept.write()
        assert not kept.kept
    assert kept.memory.latched == FaultCode.BLOCKED_VENT
    assert len(caplog.messages) == 1
    assert "in memory only" in caplog.messages[0]
    blocked.unlink()
    kept.write()
    assert kept.kept
    assert keeper(blocked).memory.latched == FaultCode.BLOCKED_VENT


def test_a_crash_between_the_new_file_and_its_place_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored(tmp_path)
    kept = keeper(tmp_path)
    kept.note(None, ())

    def crash(*_: object) -> None:
        raise OSError(5, "cut off")

    monkeypatch.setattr(Path, "replace", crash)
    kept.write()
    monkeypatch.undo()
    assert keeper(tmp_path).memory == KNOWN


def test_whoever_notes_never_waits_for_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inside, go_on = threading.Event(), threading.Event()
    write = latch.replace_file

    def slow(path: Path, text: str) -> None:
        inside.set()
        assert go_on.wait(10)
        write(path, text)

    kept = keeper(tmp_path)
    kept.start()
    monkeypatch.setattr(latch, "replace_file", slow)
    kept.note(FaultCode.BLOCKED_VENT, ())
    assert inside.wait(10)
    kept.note(FaultCode.BLOCKED_VENT, (1,))
    kept.cleared(FaultCode.BLOCKED_VENT, "eng-4")
    kept.note(None, (1,))
    assert kept.kept
    go_on.set()
    kept.close()
    after = keeper(tmp_path).memory
    assert after.latched is None
    assert after.presses_ns == (1,)
    assert len(after.cleared) == 1


def test_a_file_is_on_the_disk_before_it_takes_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    monkeypatch.setattr(latch.os, "fsync", lambda _: order.append("fsync"))
    replace = Path.replace

    def note(path: Path, target: Path) -> Path:
        order.append("replace")
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", note)
    latch.replace_file(tmp_path / "f", "text")
    assert order == ["fsync", "replace", "fsync"]
    assert (tmp_path / "f").read_text() == "text"


def answers(probe: SteppedProbe) -> list[object]:
    probe.run(0.02)
    told = [event for event in probe.seen.events if isinstance(event, FaultCleared | Refused)]
    probe.seen.events.clear()
    return [event.why if isinstance(event, Refused) else (event.code, event.operator) for event in told]


@pytest.fixture
def restarted(config: DeviceConfig) -> Callable[[Memory], SteppedProbe]:
    return lambda memory: SteppedProbe(config, memory=memory)


@pytest.mark.parametrize("code", [FaultCode.BLOCKED_VENT, FaultCode.OUTPUT_FAILED, FaultCode.PUMP_RUNAWAY])
def test_no_restart_clears_what_only_a_repair_mends_but_somebody_who_says_who_does(
    restarted: Callable[[Memory], SteppedProbe], code: FaultCode
) -> None:
    with restarted(Memory(latched=code)) as probe:
        probe.run(1.0)
        probe.press()
        assert answers(probe) == [Refusal.FAULT]
        probe.engine.submit(1, ClearFault())
        assert answers(probe) == [Refusal.NOT_CLEARABLE]
        assert probe.engine.latched == code
        probe.engine.submit(1, ClearFault(operator="eng-4"))
        assert answers(probe) == [(code, "eng-4")]
        assert probe.engine.latched is None
        probe.press()
        assert answers(probe) == []
        assert probe.engine.phase == "ramp"


def test_a_record_that_could_not_be_read_is_cleared_like_any_other_latched_fault(
    restarted: Callable[[Memory], SteppedProbe],
) -> None:
    with restarted(Memory(latched=FaultCode.MEMORY_UNREADABLE)) as probe:
        probe.run(1.0)
        probe.press()
        assert answers(probe) == [Refusal.FAULT]
        probe.engine.submit(1, ClearFault())
        assert answers(probe) == [(FaultCode.MEMORY_UNREADABLE, None)]


def test_who_is_named_still_cannot_clear_a_fault_while_the_sensor_is_broken(
    restarted: Callable[[Memory], SteppedProbe],
) -> None:
    with restarted(Memory(latched=FaultCode.BLOCKED_VENT)) as probe:
        probe.faults.sensor = "stale"
        probe.run(1.0)
        probe.seen.events.clear()
        probe.engine.submit(1, ClearFault(operator="eng-4"))
        assert answers(probe) == [Refusal.NOT_CLEARABLE]


@pytest.mark.slow
def test_a_restart_does_not_give_six_more_presses(restarted: Callable[[Memory], SteppedProbe]) -> None:
    now_ns = 1_000_000_000_000
    with restarted(Memory(presses_ns=tuple(now_ns - k * S for k in range(6)))) as probe:
        probe.run(1.0)
        probe.press()
        assert answers(probe) == [Refusal.TOO_OFTEN]
        probe.run(59.0)
        probe.press()
        assert answers(probe) == []
        assert probe.engine.presses_ns[-1] == probe.clock() - 10_000_000
