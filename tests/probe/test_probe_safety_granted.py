"""The arbiter: which presses are granted, what trips one, and which fault stays latched."""

import math
from dataclasses import replace

import pytest
from safety_bench import CLOSED, DANGER, FAULT, MS, NOTICE, START, S, pressing

from device.probe.faults import FAULTS, FaultCode
from device.probe.safety import CEILINGS, RELEASED, Arbiter


@pytest.mark.parametrize("target_kpa", [0.0, -1.0, 60.001, math.nan, math.inf])
def test_no_press_is_granted_for_a_pressure_beyond_the_limits(target_kpa: float) -> None:
    held = Arbiter(CEILINGS)
    assert not held.grant(START, START, target_kpa)
    assert held.presses_ns == ()
    assert not held.may_close
    assert held.grant(START, START, 60.0)


def test_a_press_may_be_as_light_as_one_likes() -> None:
    assert Arbiter(CEILINGS).grant(START, START, 0.5)


def test_no_press_is_granted_while_one_is_on_and_the_one_that_is_on_stays_as_it_was() -> None:
    held = pressing()
    assert not held.grant(START + 300 * MS, START + 300 * MS, 40.0)
    assert held.overdue(START + 500 * MS) == FaultCode.LEASE_LOST
    assert held.presses_ns == (START,)


def test_no_press_is_granted_once_the_process_ends() -> None:
    held = Arbiter(CEILINGS)
    held.close()
    assert not held.grant(START, START, 40.0)
    assert held.allow(START, CLOSED, 1.0) == RELEASED


def test_six_presses_a_minute_and_not_one_more() -> None:
    held = Arbiter(CEILINGS)
    for number in range(6):
        assert not held.too_often(START + number * S)
        assert held.grant(START + number * S, START + number * S, 40.0)
        held.end()
    assert held.too_often(START + 60 * S - 1)
    assert not held.grant(START + 60 * S - 1, START + 60 * S - 1, 40.0)
    assert not held.too_often(START + 60 * S)
    assert held.grant(START + 60 * S, START + 60 * S, 40.0)
    held.end()
    assert not held.grant(START + 60 * S + 1, START + 60 * S + 1, 40.0)
    assert held.presses_ns == (*(START + number * S for number in range(1, 6)), START + 60 * S)


def test_fewer_presses_a_minute_where_the_configuration_says_so() -> None:
    held = Arbiter(replace(CEILINGS, presses_per_minute=1))
    assert held.grant(START, START, 40.0)
    held.end()
    assert not held.grant(START + 59 * S, START + 59 * S, 40.0)
    assert held.grant(START + 60 * S, START + 60 * S, 40.0)


def test_what_an_earlier_process_left_behind_counts() -> None:
    held = Arbiter(CEILINGS, FAULT, [START - k * S for k in range(9, 0, -1)])
    assert held.latched == FAULT
    assert held.presses_ns == tuple(START - k * S for k in range(6, 0, -1))
    assert not held.grant(START, START, 40.0)
    held.clear()
    assert not held.grant(START, START, 40.0)
    assert held.grant(START + 60 * S, START + 60 * S, 40.0)


def test_once_tripped_only_the_next_press_is_allowed_anything() -> None:
    held = pressing()
    held.trip(NOTICE)
    assert held.latched is None
    assert held.allow(START + 1, CLOSED, 1.0) == RELEASED
    assert held.grant(START + 2, START + 2, 40.0)
    assert held.allow(START + 2, CLOSED, 1.0) == CLOSED


@pytest.mark.parametrize("code", list(FaultCode))
def test_every_fault_stops_a_press_and_latches_as_its_row_says(code: FaultCode) -> None:
    held = pressing()
    held.trip(code)
    assert not held.may_close
    assert held.allow(START + 1, CLOSED, 1.0) == RELEASED
    assert held.latched == (code if FAULTS[code].latched else None)
    assert held.grant(START + 2, START + 2, 40.0) is not FAULTS[code].latched


def test_a_fault_that_latches_while_a_press_is_being_granted_still_stops_it() -> None:
    held = Arbiter(CEILINGS)
    held.trip(FAULT)
    held.latched, before = None, held.latched
    held.grant(START, START, 40.0)
    held.latched = before
    assert not held.may_close
    assert held.allow(START, CLOSED, 1.0) == RELEASED


def test_a_graver_latch_takes_a_lesser_ones_place_and_no_other_does() -> None:
    held = Arbiter(CEILINGS)
    held.trip(NOTICE)
    assert held.latched is None
    held.trip(FAULT)
    held.trip(NOTICE)
    held.trip(FaultCode.SENSOR_CLIPPED)
    assert held.latched == FAULT
    held.trip(DANGER)
    held.trip(FaultCode.OUTPUT_FAILED)
    held.trip(FAULT)
    assert held.latched == DANGER
    held.clear()
    assert held.latched is None


def test_the_guard_trips_what_is_overdue_and_names_it_once() -> None:
    held = pressing()
    assert held.trip_if_due(START + 499 * MS, START + 499 * MS) is None
    assert held.may_close
    assert held.trip_if_due(START + 500 * MS, START + 500 * MS) == FaultCode.LEASE_LOST
    assert not held.may_close
    assert held.trip_if_due(START + 500 * MS, START + 500 * MS) is None
    assert held.latched is None


def test_the_guard_trips_a_press_whose_control_has_stalled() -> None:
    held = pressing()
    held.renew(START + 300 * MS, START + 300 * MS)
    assert held.trip_if_due(START + 300 * MS, START + 100 * MS) is None
    assert held.trip_if_due(START + 300 * MS + 1, START + 100 * MS) == FaultCode.CONTROL_STALLED
    assert held.latched == FaultCode.CONTROL_STALLED


def test_a_stall_is_a_stall_also_where_the_lease_is_over_by_then() -> None:
    held = pressing()
    assert held.trip_if_due(START + 600 * MS, START) == FaultCode.CONTROL_STALLED


def test_a_beat_that_was_read_before_the_press_began_does_not_end_it() -> None:
    held = pressing()
    assert held.trip_if_due(START + 200 * MS, START - 5 * S) is None
    assert held.may_close
    assert held.trip_if_due(START + 200 * MS + 1, START - 5 * S) == FaultCode.CONTROL_STALLED


def test_a_stall_without_a_closed_valve_is_no_fault() -> None:
    held = Arbiter(CEILINGS)
    assert held.trip_if_due(START, START - 5 * S) is None
    held.grant(START, START, 40.0)
    assert held.trip_if_due(START + 400 * MS, START - 5 * S) is None
    assert held.allow(START + 400 * MS, CLOSED, 1.0) == CLOSED
    held.allow(START + 401 * MS, RELEASED, 1.0)
    assert held.trip_if_due(START + 499 * MS, START - 5 * S) is None
    held.end()
    assert held.trip_if_due(START + 9 * S, START) is None


def test_a_fault_that_only_a_raised_reading_showed_gives_way_to_any_real_one_and_takes_no_place() -> None:
    held = pressing()
    held.trip(NOTICE, injected=True)
    assert (held.latched, held.injected) == (None, False)
    held.trip(DANGER, injected=True)
    assert (held.latched, held.injected) == (DANGER, True)
    held.trip(FAULT)
    assert (held.latched, held.injected) == (FAULT, False)
    held.trip(DANGER, injected=True)
    assert (held.latched, held.injected) == (FAULT, False)
    held.clear()
    held.trip(FAULT, injected=True)
    held.trip(FAULT)
    assert (held.latched, held.injected) == (FAULT, False)


def test_what_was_left_behind_as_injected_is_so_only_with_its_fault_and_until_it_is_cleared() -> None:
    assert not Arbiter(CEILINGS, injected=True).injected
    held = Arbiter(CEILINGS, FAULT, injected=True)
    assert held.injected
    held.clear()
    assert (held.latched, held.injected) == (None, False)
