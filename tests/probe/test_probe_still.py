"""A hold that ends with the pump at rest: what is lost then is the leak, and nothing is held for any longer."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from device.probe.faults import FaultCode
from device.probe.link import FaultRaised, Released, State
from firmware_config.device import DeviceConfig
from phantom.chamber import Chamber, conductance_of_leak, flow_per_kpa
from refill.simulation import SteppedProbe

pytestmark = pytest.mark.slow

PLUGGED = Chamber(give_ml=0.0, creep_ml=0.0, leak_ml_s_per_kpa=0.006)
HOLD_S, STILL_S = 3.0, 0.5


def pressed(config: DeviceConfig, chamber: Chamber, still_s: float) -> SteppedProbe:
    with SteppedProbe(config, chamber=chamber) as probe:
        probe.run(0.3)
        probe.press(40.0, 1.0, HOLD_S, still_s)
        probe.run(HOLD_S + 3.0)
    return probe


def released(probe: SteppedProbe) -> Released:
    return next(event for event in probe.seen.events if isinstance(event, Released))


def lost_kpa_per_s(probe: SteppedProbe) -> float:
    """What the true pressure loses in the last 0.3 s before the valve opens."""
    opened = released(probe).valve_open_ns
    last = [(t_ns / 1e9, kpa) for t_ns, kpa in probe.seen.true_kpa if opened - 3e8 <= t_ns < opened]
    return -float(np.polyfit(*np.array(last).T, 1)[0])


def test_with_the_pump_at_rest_the_pressure_falls_by_its_leak(config: DeviceConfig) -> None:
    flow_ml_s = conductance_of_leak(PLUGGED.leak_ml_s_per_kpa) * flow_per_kpa(39.5) * 39.5
    true = flow_ml_s / PLUGGED.compliance_ml_per_kpa(39.5)
    assert lost_kpa_per_s(pressed(config, PLUGGED, STILL_S)) == pytest.approx(true, rel=0.05)
    assert abs(lost_kpa_per_s(pressed(config, PLUGGED, 0.0))) < 0.2 * true


def test_the_hold_is_as_long_as_asked_for_and_ends_as_held(config: DeviceConfig) -> None:
    probe = pressed(config, PLUGGED, STILL_S)
    told = released(probe)
    assert (told.why, told.fault) == ("held", None)
    assert told.held_s == pytest.approx(HOLD_S, abs=0.02)
    phases = [(event.phase, event.t_boot_ns) for event in probe.seen.events if isinstance(event, State)]
    times = {phase: (after - t_ns) / 1e9 for (phase, t_ns), (_, after) in pairwise(phases)}
    assert times["hold"] == pytest.approx(HOLD_S, abs=0.02)


def test_what_the_pump_made_up_for_is_told_of_the_time_in_which_it_could(config: DeviceConfig) -> None:
    with_, without = (released(pressed(config, PLUGGED, still_s)) for still_s in (1.0, 0.0))
    assert with_.leak_kpa_per_s == pytest.approx(without.leak_kpa_per_s, rel=0.15)


def test_a_pressure_that_sinks_too_far_meanwhile_is_a_leak_as_ever(config: DeviceConfig) -> None:
    probe = pressed(config, replace(PLUGGED, leak_ml_s_per_kpa=0.06), 1.0)
    faults = [event.code for event in probe.seen.events if isinstance(event, FaultRaised)]
    assert faults == [FaultCode.LEAK]
    assert released(probe).why == "fault"
