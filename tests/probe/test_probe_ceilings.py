"""Ceilings hold whatever configuration, commands or the controller say."""

import pytest

from device.probe.link import Refusal, Refused
from device.probe.messages import Press, Renew
from device.probe.safety import Limits
from firmware_config import device as device_file
from firmware_config import protocol as protocol_file
from firmware_config.device import DeviceConfig
from refill.simulation import LEASE, SteppedProbe

S = 1_000_000_000


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
        refused = [event for event in probe.seen.events if isinstance(event, Refused)]
        assert (refused[0].command, refused[0].why) == ("press", Refusal.BUSY)
        assert {(event.command, event.why) for event in refused[1:]} == {("renew", Refusal.NOT_OWNER)}
        assert 40 <= len(refused[1:]) <= 52
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
