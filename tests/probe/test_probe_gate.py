"""The gate: who comes first does not matter. Interleavings are made, not waited for: the port itself stops or calls."""

import threading
from collections.abc import Callable

import pytest

from device.probe import gate as gate_module
from device.probe.faults import FaultCode
from device.probe.gate import Gate
from device.probe.ports import HardwareError
from device.probe.safety import CEILINGS, RELEASED, Arbiter, Outputs

S = 1_000_000_000
MS = 1_000_000
CLOSED = Outputs(valve_closed=True, pump_duty=0.5)


class Port:
    """Outputs that remember what they were told. A write can fail, or do something else on its way."""

    def __init__(self) -> None:
        self.writes: list[Outputs] = []
        self.fails = False
        self.before: Callable[[Outputs], None] | None = None
        """Called once, while a write is under way and has changed nothing yet."""
        self.after: Callable[[Outputs], None] | None = None
        """Called once, when a write has changed the outputs and has not returned yet."""

    def apply(self, outputs: Outputs) -> None:
        before, self.before = self.before, None
        if before is not None:
            before(outputs)
        if self.fails:
            raise HardwareError("vent valve: does not obey")
        self.writes.append(outputs)
        after, self.after = self.after, None
        if after is not None:
            after(outputs)

    def close(self) -> None:
        self.apply(RELEASED)


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lock that is taken is given up on at once: here the one who holds it never lets go meanwhile."""
    assert 0 < gate_module._LOCK_S <= 0.05
    monkeypatch.setattr(gate_module, "_LOCK_S", 0.0)


def pressing() -> tuple[Gate, Arbiter, Port]:
    """A gate in mid-press since `S`, with control alive and the lease good until 1.5 s."""
    held, port = Arbiter(CEILINGS), Port()
    way = Gate(port, held, 0)
    way.write(0, RELEASED, None)
    assert held.grant(S, S, 40.0)
    way.beat_ns = S
    way.write(S, CLOSED, 1.0)
    assert port.writes == [RELEASED, CLOSED]
    port.writes.clear()
    return way, held, port


def test_a_gate_that_has_not_written_yet_is_made_released_by_whoever_comes_first() -> None:
    held, port = Arbiter(CEILINGS), Port()
    way = Gate(port, held, S)
    assert way.beat_ns == S
    assert way.now == RELEASED
    way.guard(S)
    way.guard(S)
    assert port.writes == [RELEASED]


def test_the_guard_leaves_a_good_press_and_a_released_probe_alone() -> None:
    way, held, port = pressing()
    way.guard(S + 100 * MS)
    assert port.writes == []
    assert way.now == CLOSED
    held.end()
    way.write(S + 110 * MS, RELEASED, 1.0)
    way.guard(S + 120 * MS)
    assert port.writes == [RELEASED]
    assert list(way.guarded) == []


def test_the_guard_vents_when_the_lease_is_over_although_control_still_ticks() -> None:
    way, _, port = pressing()
    way.beat_ns = S + 500 * MS
    way.guard(S + 500 * MS)
    assert port.writes == [RELEASED]
    assert list(way.guarded) == [FaultCode.LEASE_LOST]
    assert way.now == RELEASED
    way.write(S + 500 * MS, CLOSED, 1.0)
    way.guard(S + 520 * MS)
    assert port.writes == [RELEASED, RELEASED]
    assert list(way.guarded) == [FaultCode.LEASE_LOST]


def test_the_guard_vents_when_control_stalls_although_the_lease_is_good() -> None:
    way, held, port = pressing()
    held.renew(S + 200 * MS, S + 200 * MS)
    way.guard(S + 200 * MS)
    assert port.writes == []
    way.guard(S + 200 * MS + 1)
    assert port.writes == [RELEASED]
    assert list(way.guarded) == [FaultCode.CONTROL_STALLED]
    assert held.latched == FaultCode.CONTROL_STALLED


def test_a_failed_vent_is_tried_again_by_the_guard_although_control_ticks() -> None:
    way, _, port = pressing()
    port.fails = True
    for number in range(5):
        way.beat_ns = S + (500 + 20 * number) * MS
        with pytest.raises(HardwareError):
            way.guard(way.beat_ns)
    assert list(way.guarded) == [FaultCode.LEASE_LOST]
    port.fails = False
    way.guard(S + 600 * MS)
    way.guard(S + 620 * MS)
    assert port.writes == [RELEASED]


def test_a_failed_vent_is_tried_again_by_control_although_the_guard_does_too() -> None:
    way, _, port = pressing()
    port.fails = True
    with pytest.raises(HardwareError):
        way.guard(S + 600 * MS)
    for _ in range(3):
        with pytest.raises(HardwareError):
            way.write(S + 610 * MS, CLOSED, 40.0)
    port.fails = False
    way.write(S + 620 * MS, CLOSED, 40.0)
    assert port.writes == [RELEASED]


def test_a_write_of_controls_that_fails_is_the_guards_to_undo_once_the_press_is_over() -> None:
    way, held, port = pressing()
    held.end()
    port.fails = True
    with pytest.raises(HardwareError):
        way.write(S + 10 * MS, RELEASED, 40.0)
    port.fails = False
    way.guard(S + 20 * MS)
    assert port.writes == [RELEASED]


def test_a_valve_that_closed_although_its_write_failed_is_the_guards_to_open() -> None:
    held, port = Arbiter(CEILINGS), Port()
    way = Gate(port, held, S)
    way.write(S, RELEASED, None)
    held.grant(S, S, 40.0)

    def fail(_: Outputs) -> None:
        raise HardwareError("pump: does not obey")

    port.after = fail
    with pytest.raises(HardwareError):
        way.write(S, CLOSED, 1.0)
    held.trip(FaultCode.LEAK)
    way.guard(S + 20 * MS)
    assert port.writes == [RELEASED, CLOSED, RELEASED]


def test_a_probe_at_rest_whose_control_hangs_is_released_again_and_again() -> None:
    held, port = Arbiter(CEILINGS), Port()
    way = Gate(port, held, S)
    way.write(S, RELEASED, None)
    way.guard(S + 200 * MS)
    assert len(port.writes) == 1
    way.guard(S + 200 * MS + 1)
    way.guard(S + 220 * MS)
    assert port.writes == [RELEASED] * 3
    assert list(way.guarded) == []


def test_the_name_of_a_fault_is_not_lost_where_the_outputs_do_not_obey() -> None:
    way, _, port = pressing()
    way.beat_ns = S + 500 * MS
    port.fails = True
    with pytest.raises(HardwareError, match="does not obey"):
        way.guard(S + 500 * MS)
    assert list(way.guarded) == [FaultCode.LEASE_LOST]


@pytest.mark.parametrize("end", ["guard", "trip", "close"])
def test_a_valve_that_closes_late_is_opened_again_by_the_one_who_closed_it(end: str) -> None:
    way, held, port = pressing()

    def meanwhile(_: Outputs) -> None:
        """Control is in the driver, with the lock; the others do their part."""
        if end == "guard":
            way.guard(S + 600 * MS)
        elif end == "trip":
            held.trip(FaultCode.LEAK)
            way.vent()
        else:
            held.close()
            way.vent()
        assert port.writes == [RELEASED]

    port.before = meanwhile
    way.write(S + 10 * MS, CLOSED, 40.0)
    assert port.writes == [RELEASED, CLOSED, RELEASED]
    assert way.now == RELEASED


def test_what_a_hanging_control_thread_closes_late_is_released_at_every_round_of_the_guard() -> None:
    way, _, port = pressing()

    def meanwhile(outputs: Outputs) -> None:
        """The guard vents, the valve closes all the same, and the driver does not come back."""
        way.guard(S + 600 * MS)
        port.writes.append(outputs)
        way.guard(S + 620 * MS)
        way.guard(S + 640 * MS)
        assert port.writes == [RELEASED, CLOSED, RELEASED, RELEASED]

    port.before = meanwhile
    way.write(S + 10 * MS, CLOSED, 40.0)
    assert port.writes[-1] == RELEASED


def test_a_late_write_that_cannot_be_undone_at_once_is_undone_by_the_guard() -> None:
    way, _, port = pressing()

    def meanwhile(_: Outputs) -> None:
        way.guard(S + 600 * MS)
        port.fails = True

    port.after = meanwhile
    with pytest.raises(HardwareError):
        way.write(S + 10 * MS, CLOSED, 40.0)
    assert port.writes == [CLOSED, RELEASED]
    port.fails = False
    way.beat_ns = S + 610 * MS
    way.guard(S + 620 * MS)
    assert port.writes == [CLOSED, RELEASED, RELEASED]


def test_the_guard_does_not_wait_for_a_control_thread_that_hangs_in_a_driver() -> None:
    way, _, port = pressing()
    inside, go_on = threading.Event(), threading.Event()

    def hang(_: Outputs) -> None:
        inside.set()
        assert go_on.wait(10)

    port.before = hang
    control = threading.Thread(target=way.write, args=(S + 10 * MS, CLOSED, 40.0))
    control.start()
    assert inside.wait(10)
    way.guard(S + 600 * MS)
    assert port.writes == [RELEASED]
    go_on.set()
    control.join(10)
    assert port.writes == [RELEASED, CLOSED, RELEASED]


def test_a_guard_that_has_vented_without_the_lock_leaves_the_lock_to_its_holder() -> None:
    way, _, port = pressing()
    port.before = lambda _: way.guard(S + 600 * MS)
    way.write(S + 10 * MS, CLOSED, 40.0)
    way.write(S + 620 * MS, CLOSED, 40.0)
    way.vent()
    assert port.writes == [RELEASED, CLOSED, RELEASED, RELEASED, RELEASED]


@pytest.mark.parametrize("failing", [False, True])
def test_the_lock_is_free_again_after_each_vent(failing: bool) -> None:
    way, held, port = pressing()
    held.end()
    port.fails = failing
    for _ in range(3):
        try:
            way.vent()
        except HardwareError:
            assert failing
        assert not way._lock.locked()


class GrantsMeanwhile:
    """The gate's lock, under which control grants the next press and closes the valve just before the guard gets it."""

    def __init__(self, way: Gate, arbiter: Arbiter, now_ns: int) -> None:
        self._lock = way._lock
        self._way = way
        self._arbiter = arbiter
        self._now_ns = now_ns

    def acquire(self, timeout: float) -> bool:
        assert timeout >= 0
        self._way._lock = self._lock
        self._way.beat_ns = self._now_ns
        assert self._arbiter.grant(self._now_ns, self._now_ns, 40.0)
        self._way.write(self._now_ns, CLOSED, 1.0)
        return self._lock.acquire()

    def release(self) -> None:
        self._lock.release()


def test_a_press_granted_while_the_guard_waits_for_its_turn_is_left_alone() -> None:
    way, held, port = pressing()
    held.end()
    port.fails = True
    with pytest.raises(HardwareError):
        way.vent()
    port.fails = False
    way._lock = GrantsMeanwhile(way, held, S + 900 * MS)
    way.guard(S + 900 * MS)
    assert port.writes == [CLOSED]
    assert way.now == CLOSED
    assert held.may_close
    assert not way._lock.locked()


def test_a_stall_that_was_over_before_the_guard_could_act_does_not_end_the_next_press() -> None:
    way, held, port = pressing()
    held.end()
    way.write(S + 10 * MS, RELEASED, 1.0)
    port.writes.clear()
    way._lock = GrantsMeanwhile(way, held, S + 900 * MS)
    way.guard(S + 900 * MS)
    assert port.writes == [CLOSED]
    assert list(way.guarded) == []
    assert held.latched is None


def test_a_vent_that_is_asked_for_is_done_whatever_is_on() -> None:
    way, _, port = pressing()
    way.vent()
    assert port.writes == [RELEASED]
