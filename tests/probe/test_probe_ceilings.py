"""Ceilings hold whatever configuration, commands or the controller say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.probe import safety
from device.probe.faults import FaultCode
from device.probe.link import Refusal, Refused
from device.probe.messages import Press, Renew
from device.probe.safety import RELEASED, Arbiter, Limits, Outputs
from firmware_config import device as device_file
from firmware_config import protocol as protocol_file
from firmware_config.device import DeviceConfig
from refill.simulation import LEASE, SteppedProbe

CLOSED = Outputs(valve_closed=True, pump_duty=1.0)
S = 1_000_000_000


def test_code_and_configuration_name_the_same_ceilings() -> None:
    assert safety.CEILING_KPA == protocol_file.CEILING_KPA == 60.0
    assert safety.CEILING_HOLD_S == protocol_file.CEILING_HOLD_S == 20.0
    assert safety.CEILING_PRESS_S == device_file.CEILING_PRESS_S
    assert safety.CEILING_PRESSES_PER_MINUTE == device_file.CEILING_PRESSES_PER_MINUTE
    assert safety.TRIP_FACTOR == device_file.TRIP_FACTOR


def test_a_configuration_that_got_past_its_bounds_still_cannot_raise_a_ceiling(config: DeviceConfig) -> None:
    unchecked = config.model_copy(
        update={
            "press_limits": config.press_limits.model_copy(
                update={"pressure_kpa": 200.0, "hold_s": 500.0, "press_s": 900.0, "presses_per_minute": 60}
            ),
            "probe": config.probe.model_copy(update={"lease_s": 30.0}),
        }
    )
    assert Limits.of(unchecked) == Limits(60.0, 20.0, 26.0, 6, 0.5)


def test_a_configuration_can_lower_them(config: DeviceConfig) -> None:
    lower = config.model_copy(
        update={"press_limits": config.press_limits.model_copy(update={"pressure_kpa": 30.0, "hold_s": 5.0})}
    )
    assert Limits.of(lower).pressure_kpa == 30.0
    with SteppedProbe(lower) as probe:
        probe.run(0.3)
        probe.press(31.0, 1.0, 3.0)
        probe.press(20.0, 1.0, 6.0)
        probe.run(1.0)
        assert [event.why for event in probe.seen.events if isinstance(event, Refused)] == [Refusal.OVER_LIMIT] * 2
        assert max(kpa for _, kpa in probe.seen.true_kpa) == 0


@pytest.mark.parametrize(("target_kpa", "ramp_s", "hold_s"), [(60.1, 1, 5), (40, 1, 20.1), (40, 10, 19), (1e6, 1, 1)])
def test_commands_cannot_raise_them(config: DeviceConfig, target_kpa: float, ramp_s: float, hold_s: float) -> None:
    with SteppedProbe(config) as probe:
        probe.run(0.3)
        probe.press(target_kpa, ramp_s, hold_s)
        probe.run(1.0)
        assert [event.why for event in probe.seen.events if isinstance(event, Refused)] == [Refusal.OVER_LIMIT]
        assert not probe.engine.gate.now.valve_closed


def test_every_protocol_that_ships_is_within_them(config: DeviceConfig) -> None:
    limits = Limits.of(config)
    names = sorted(path.stem for path in (device_file.PACKAGED / "protocols").glob("*.toml"))
    assert len(names) >= 5
    for name in names:
        chosen = device_file.load(device_file.PACKAGED / "protocols" / f"{name}.toml", protocol_file.Protocol)
        assert chosen.target_kpa_on(config.probe.plate_area_mm2) <= limits.pressure_kpa
        assert chosen.hold_s <= limits.hold_s
        assert 1.1 * chosen.ramp_s + chosen.hold_s + 0.3 <= limits.press_s


@pytest.mark.slow
def test_the_seventh_press_in_a_minute_is_refused_and_the_next_minute_is_free(config: DeviceConfig) -> None:
    with SteppedProbe(config) as probe:
        probe.run(0.3)
        for _ in range(7):
            probe.press(20.0, 0.5, 0.5)
            probe.run(3.0)
        assert [event.why for event in probe.seen.events if isinstance(event, Refused)] == [Refusal.TOO_OFTEN]
        probe.run(50.0)
        probe.press(20.0, 0.5, 0.5)
        probe.run(0.5)
        assert probe.engine.phase == "ramp"


def arbiter(config: DeviceConfig) -> Arbiter:
    return Arbiter(Limits.of(config))


def test_nothing_is_allowed_without_a_lease(config: DeviceConfig) -> None:
    assert arbiter(config).allow(0, CLOSED, 1.0) == RELEASED


def test_the_lease_runs_from_when_the_renewal_was_sent(config: DeviceConfig) -> None:
    held = arbiter(config)
    held.grant(10 * S, 10 * S)
    held.renew(11 * S, 10 * S + S // 10)
    assert held.allow(10 * S + S // 2, CLOSED, 1.0) == CLOSED
    assert held.allow(10 * S + 6 * S // 10, CLOSED, 1.0) == RELEASED
    assert held.overdue(10 * S + 6 * S // 10) == FaultCode.LEASE_LOST


def test_a_renewal_from_the_future_does_not_lengthen_the_lease(config: DeviceConfig) -> None:
    held = arbiter(config)
    held.grant(10 * S, 10 * S)
    held.renew(10 * S, 99 * S)
    assert held.allow(11 * S, CLOSED, 1.0) == RELEASED


def test_once_tripped_only_the_next_press_is_allowed_anything(config: DeviceConfig) -> None:
    held = arbiter(config)
    held.grant(10 * S, 10 * S)
    held.trip(FaultCode.LEAK)
    held.renew(10 * S, 10 * S)
    assert held.allow(10 * S, CLOSED, 1.0) == RELEASED
    held.grant(20 * S, 20 * S)
    assert held.allow(20 * S, CLOSED, 1.0) == CLOSED


def test_a_latched_fault_outlives_the_next_grant_and_a_graver_one_replaces_it(config: DeviceConfig) -> None:
    held = arbiter(config)
    held.trip(FaultCode.SENSOR_IMPLAUSIBLE)
    held.grant(20 * S, 20 * S)
    assert held.allow(20 * S, CLOSED, 1.0) == RELEASED
    held.trip(FaultCode.BLOCKED_VENT)
    held.trip(FaultCode.SENSOR_STUCK)
    assert held.latched == FaultCode.BLOCKED_VENT


def test_the_pump_never_runs_into_an_open_valve(config: DeviceConfig) -> None:
    held = arbiter(config)
    held.grant(10 * S, 10 * S)
    assert held.allow(10 * S, Outputs(valve_closed=False, pump_duty=1.0), 1.0) == RELEASED


def test_the_valve_opens_at_the_press_ceiling_although_the_lease_is_renewed(config: DeviceConfig) -> None:
    held = arbiter(config)
    held.grant(0, 0)
    for tenth in range(400):
        now_ns = tenth * S // 10
        held.renew(now_ns, now_ns)
        if held.allow(now_ns, CLOSED, 1.0) == RELEASED:
            break
    assert 26.0 <= now_ns / S <= 26.2


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["renew", "old", "future", "trip", "silence"]),
            st.integers(1, S // 3),
            st.floats(-5, 100),
            st.floats(-1, 3),
        ),
        max_size=60,
    )
)
def test_no_history_of_calls_keeps_the_valve_closed_beyond_lease_pressure_or_ceiling(
    steps: list[tuple[str, int, float, float]],
) -> None:
    limits = Limits(60.0, 20.0, 5.0, 6, 0.5)
    held = Arbiter(limits)
    now_ns = last_sent_ns = first_ns = 50 * S
    held.grant(now_ns, now_ns)
    tripped = False
    for what, step_ns, kpa, duty in steps:
        now_ns += step_ns
        if what == "renew":
            held.renew(now_ns, now_ns)
            last_sent_ns = now_ns
        elif what == "old":
            held.renew(now_ns, now_ns - S)
        elif what == "future":
            held.renew(now_ns, now_ns + 9 * S)
            last_sent_ns = now_ns
        elif what == "trip":
            held.trip(FaultCode.LEAK)
            tripped = True
        outputs = held.allow(now_ns, Outputs(valve_closed=True, pump_duty=duty), kpa)
        if outputs.valve_closed:
            assert not tripped
            assert now_ns - last_sent_ns < S // 2
            assert kpa < 66.0
            assert 0 <= outputs.pump_duty <= 1
        else:
            assert outputs == RELEASED
        if now_ns - first_ns > 5 * S and held.overdue(now_ns) is not None:
            assert outputs == RELEASED


def test_a_late_press_does_not_start(config: DeviceConfig) -> None:
    with SteppedProbe(config) as probe:
        probe.run(0.3)
        late = Press(lease=LEASE, sent_ns=probe.clock() - S, target_kpa=40, ramp_s=1, hold_s=3)
        probe.engine.submit(1, late)
        future = Press(lease=LEASE, sent_ns=probe.clock() + S, target_kpa=40, ramp_s=1, hold_s=3)
        probe.engine.submit(1, future)
        probe.run(0.5)
        assert [event.why for event in probe.seen.events if isinstance(event, Refused)] == [Refusal.TOO_LATE] * 2


def test_only_the_owner_renews_and_a_second_press_waits_its_turn(config: DeviceConfig) -> None:
    with SteppedProbe(config) as probe:
        probe.run(0.3)
        probe.press(40.0, 1.0, 8.0)
        probe.run(1.5)
        other = Press(lease="a" * 32, sent_ns=probe.clock(), target_kpa=40, ramp_s=1, hold_s=3)
        probe.engine.submit(2, other)
        for _ in range(100):
            probe.engine.submit(2, Renew(lease=LEASE, sent_ns=probe.clock()))
            probe.run(0.01, renew=False)
        assert [event.why for event in probe.seen.events if isinstance(event, Refused)] == [Refusal.BUSY]
        assert not probe.engine.gate.now.valve_closed


def test_once_the_process_ends_no_press_starts_any_more(config: DeviceConfig) -> None:
    with SteppedProbe(config) as probe:
        probe.run(0.3)
        probe.press(40.0, 1.0, 8.0)
        probe.run(2.0)
        assert probe.seen.true_kpa[-1][1] > 38
        probe.engine.close()
        probe.run(0.5)
        probe.press(40.0, 1.0, 8.0)
        probe.run(1.0)
        assert not probe.engine.gate.now.valve_closed
        assert probe.seen.true_kpa[-1][1] < 0.5
