"""The arbiter alone: what it allows, to the nanosecond, whatever the engine around it has checked or forgotten."""

import dataclasses
import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from safety_bench import CLOSED, FAULT, MS, NOTICE, START, S, kept_up, pressing

from device.probe import safety
from device.probe.faults import FaultCode
from device.probe.safety import CEILINGS, HOLD_SLACK_S, RELEASED, STALL_S, Arbiter, Limits, Outputs
from firmware_config import device as device_file
from firmware_config import protocol as protocol_file
from firmware_config.device import DeviceConfig


def test_code_and_configuration_name_the_same_ceilings() -> None:
    assert Limits(60.0, 20.0, 26.0, 6, 0.5) == CEILINGS
    assert safety.CEILING_KPA == protocol_file.CEILING_KPA
    assert safety.CEILING_HOLD_S == protocol_file.CEILING_HOLD_S
    assert safety.CEILING_PRESS_S == device_file.CEILING_PRESS_S
    assert safety.CEILING_PRESSES_PER_MINUTE == device_file.CEILING_PRESSES_PER_MINUTE
    assert safety.TRIP_FACTOR == device_file.TRIP_FACTOR == 1.1
    assert STALL_S == 0.2
    assert HOLD_SLACK_S == 0.5


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(Limits)])
def test_no_limit_can_be_above_its_ceiling_and_each_can_be_lower(name: str) -> None:
    ceiling = getattr(CEILINGS, name)
    assert Arbiter(replace(CEILINGS, **{name: ceiling * 3})).limits == CEILINGS
    lower = replace(CEILINGS, **{name: type(ceiling)(ceiling / 2)})
    assert Arbiter(lower).limits == lower
    assert Arbiter(replace(CEILINGS, **{name: math.nan})).limits == CEILINGS


def test_limits_and_outputs_are_not_changed_in_place() -> None:
    assert Outputs(valve_closed=False, pump_duty=0.0) == RELEASED
    with pytest.raises(dataclasses.FrozenInstanceError):
        CEILINGS.pressure_kpa = 99.0  # type: ignore[misc]
    with pytest.raises(dataclasses.FrozenInstanceError):
        RELEASED.valve_closed = True  # type: ignore[misc]


def test_limits_come_from_the_configuration_key_by_key(config: DeviceConfig) -> None:
    lower = config.model_copy(
        update={
            "press_limits": config.press_limits.model_copy(
                update={"pressure_kpa": 30.0, "hold_s": 5.0, "press_s": 7.0, "presses_per_minute": 2}
            ),
            "probe": config.probe.model_copy(update={"lease_s": 0.3}),
        }
    )
    assert Limits.of(lower) == Limits(30.0, 5.0, 7.0, 2, 0.3)


def test_nothing_is_allowed_before_a_press_is_granted() -> None:
    held = Arbiter(CEILINGS)
    held.renew(START, START)
    assert held.allow(START, CLOSED, 1.0) == RELEASED
    assert held.overdue(START + 99 * S) is None
    assert held.trip_if_due(START + 99 * S, START) is None


def test_the_lease_ends_half_a_second_after_the_grant_was_asked_for() -> None:
    held = Arbiter(CEILINGS)
    assert held.grant(START, START - 100 * MS, 40.0)
    assert held.allow(START + 400 * MS - 1, CLOSED, 1.0) == CLOSED
    assert held.overdue(START + 400 * MS - 1) is None
    assert held.overdue(START + 400 * MS) == FaultCode.LEASE_LOST
    assert held.allow(START + 400 * MS, CLOSED, 1.0) == RELEASED


def test_a_renewal_counts_from_when_it_was_sent_and_never_shortens() -> None:
    held = pressing()
    held.renew(START + 400 * MS, START + 300 * MS)
    held.renew(START + 401 * MS, START + 100 * MS)
    assert held.overdue(START + 800 * MS - 1) is None
    assert held.overdue(START + 800 * MS) == FaultCode.LEASE_LOST


@pytest.mark.parametrize("sent_ns", [START, START + 9 * S, START + 100 * MS])
def test_a_renewal_from_the_future_counts_from_now(sent_ns: int) -> None:
    held = pressing()
    held.renew(START, sent_ns)
    assert held.overdue(START + 500 * MS) == FaultCode.LEASE_LOST


def test_a_lease_that_has_run_out_is_not_brought_back() -> None:
    held = pressing()
    held.renew(START + 500 * MS, START + 500 * MS)
    assert held.overdue(START + 500 * MS) == FaultCode.LEASE_LOST
    early = pressing()
    early.renew(START + 500 * MS - 1, START + 500 * MS - 1)
    assert early.overdue(START + 500 * MS) is None


@pytest.mark.parametrize("ended", ["end", "trip", "close"])
def test_a_renewal_after_the_end_brings_nothing_back(ended: str) -> None:
    held = pressing()
    {"end": held.end, "trip": lambda: held.trip(NOTICE), "close": held.close}[ended]()
    held.renew(START + 10 * MS, START + 10 * MS)
    assert not held.may_close
    assert held.allow(START + 10 * MS, CLOSED, 1.0) == RELEASED
    assert held.overdue(START + 99 * S) is None


def test_the_whole_press_ends_at_its_limit_from_the_valves_closing_although_renewed() -> None:
    held = Arbiter(CEILINGS)
    held.grant(START - 300 * MS, START - 300 * MS, 40.0)
    assert held.allow(START - 100 * MS, RELEASED, 1.0) == RELEASED
    assert held.allow(START, CLOSED, 1.0) == CLOSED
    kept_up(held, START, START + 26 * S)
    assert held.allow(START + 26 * S, CLOSED, 20.0) == CLOSED
    assert held.overdue(START + 26 * S) is None
    assert held.overdue(START + 26 * S + 1) == FaultCode.HOLD_TOO_LONG
    assert held.allow(START + 26 * S + 1, CLOSED, 20.0) == RELEASED


def test_the_skin_is_held_no_longer_than_the_limit_whatever_control_says() -> None:
    held = pressing()
    kept_up(held, START, START + 2 * S)
    assert held.allow(START + 1 * S, CLOSED, 0.975 * 40.0 - 1e-9) == CLOSED
    assert held.allow(START + 2 * S, CLOSED, 0.975 * 40.0) == CLOSED
    kept_up(held, START + 2 * S, START + 23 * S)
    assert held.allow(START + 3 * S, CLOSED, 40.0) == CLOSED
    assert held.overdue(START + 22 * S + 500 * MS) is None
    assert held.overdue(START + 22 * S + 500 * MS + 1) == FaultCode.HOLD_TOO_LONG
    assert held.allow(START + 22 * S + 500 * MS + 1, CLOSED, 40.0) == RELEASED


def test_a_lower_hold_limit_is_held_too() -> None:
    held = pressing(replace(CEILINGS, hold_s=3.0))
    held.allow(START, CLOSED, 40.0)
    kept_up(held, START, START + 4 * S)
    assert held.overdue(START + 3500 * MS) is None
    assert held.overdue(START + 3500 * MS + 1) == FaultCode.HOLD_TOO_LONG


def test_a_dip_in_pressure_does_not_begin_the_hold_anew() -> None:
    held = pressing()
    held.allow(START, CLOSED, 40.0)
    kept_up(held, START, START + 21 * S)
    held.allow(START + 10 * S, CLOSED, 1.0)
    held.allow(START + 11 * S, CLOSED, 40.0)
    assert held.overdue(START + 20 * S + 500 * MS + 1) == FaultCode.HOLD_TOO_LONG


def test_the_next_press_has_its_own_clocks() -> None:
    held = pressing()
    held.allow(START, CLOSED, 40.0)
    held.end()
    later_ns = START + 30 * S
    assert held.grant(later_ns, later_ns, 40.0)
    assert held.overdue(later_ns) is None
    assert held.allow(later_ns, CLOSED, 1.0) == CLOSED
    kept_up(held, later_ns, later_ns + 21 * S)
    assert held.overdue(later_ns + 21 * S) is None


@pytest.mark.parametrize(
    ("kpa", "allowed"), [(65.999, True), (66.0, False), (1e9, False), (math.nan, False), (math.inf, False)]
)
def test_a_single_sample_at_the_trip_pressure_releases(kpa: float, allowed: bool) -> None:
    assert CEILINGS.trip_kpa == pytest.approx(66.0)
    held = pressing(replace(CEILINGS, pressure_kpa=60.0))
    assert (held.allow(START + 1, CLOSED, kpa if kpa != 66.0 else CEILINGS.trip_kpa) == CLOSED) is allowed


def test_without_a_sample_nothing_closes() -> None:
    held = Arbiter(CEILINGS)
    held.grant(START, START, 40.0)
    assert held.allow(START, CLOSED, None) == RELEASED
    assert held.allow(START + 1, CLOSED, 1.0) == CLOSED


@pytest.mark.parametrize("opened", ["wanted", "no sample", "pressure", "nonsense"])
def test_once_opened_the_valve_stays_open_until_the_next_grant(opened: str) -> None:
    held = pressing()
    wanted = RELEASED if opened == "wanted" else CLOSED
    kpa = {"no sample": None, "pressure": 70.0, "nonsense": math.nan}.get(opened, 40.0)
    assert held.may_close
    assert held.allow(START + 1, wanted, kpa) == RELEASED
    assert not held.may_close
    assert held.allow(START + 2, CLOSED, 40.0) == RELEASED
    held.renew(START + 3, START + 3)
    assert held.allow(START + 3, CLOSED, 40.0) == RELEASED
    assert held.overdue(START + 500 * MS + 3) == FaultCode.LEASE_LOST
    held.end()
    assert held.grant(START + S, START + S, 40.0)
    assert held.allow(START + S, CLOSED, 1.0) == CLOSED


def test_the_pump_never_runs_into_an_open_valve_and_its_duty_is_a_share() -> None:
    held = Arbiter(CEILINGS)
    held.grant(START, START, 40.0)
    assert held.allow(START, Outputs(valve_closed=False, pump_duty=1.0), 1.0) == RELEASED
    assert held.allow(START, Outputs(valve_closed=True, pump_duty=7.0), 1.0) == Outputs(True, 1.0)
    assert held.allow(START, Outputs(valve_closed=True, pump_duty=-7.0), 1.0) == Outputs(True, 0.0)
    assert held.allow(START, Outputs(valve_closed=True, pump_duty=0.25), 1.0) == Outputs(True, 0.25)


@pytest.mark.slow
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["renew", "old", "future", "trip", "latch", "grant", "end", "guard", "silence"]),
            st.integers(1, S // 3),
            st.one_of(st.none(), st.floats(-5, 100)),
            st.floats(-1, 3),
            st.booleans(),
        ),
        max_size=60,
    )
)
def test_no_history_of_calls_keeps_the_valve_closed_beyond_lease_pressure_or_ceiling(
    steps: list[tuple[str, int, float | None, float, bool]],
) -> None:
    limits = Limits(60.0, 3.0, 5.0, 6, 0.5)
    held = Arbiter(limits)
    now_ns = START
    sent_ns, closed_ns, held_ns, grants = -S, None, None, 0
    for what, step_ns, kpa, duty, wants in steps:
        now_ns += step_ns
        if what in ("renew", "future"):
            sent_ns = now_ns if held.overdue(now_ns) is None else sent_ns
            held.renew(now_ns, now_ns + 9 * S * (what == "future"))
        elif what == "old":
            held.renew(now_ns, now_ns - S)
        elif what == "trip":
            held.trip(NOTICE)
        elif what == "latch":
            held.trip(FAULT)
        elif what == "end":
            held.end()
        elif what == "guard":
            held.trip_if_due(now_ns, now_ns - step_ns)
        elif what == "grant" and held.grant(now_ns, now_ns, 40.0):
            grants += 1
            sent_ns, closed_ns, held_ns = now_ns, None, None
        outputs = held.allow(now_ns, Outputs(valve_closed=wants, pump_duty=duty), kpa)
        if outputs == RELEASED:
            continue
        assert outputs.valve_closed
        assert wants
        assert held.latched is None
        assert kpa is not None
        assert kpa < 66.0
        assert 0 <= outputs.pump_duty <= 1
        assert now_ns - sent_ns < S // 2
        closed_ns = closed_ns or now_ns
        held_ns = held_ns or (now_ns if kpa >= 39.0 else None)
        assert now_ns - closed_ns <= 5 * S
        assert held_ns is None or now_ns - held_ns <= 3.5 * S
    assert grants <= 6
