"""Leak and release on the probe's own control, over simulated air: what the bench's simple probe leaves out."""

import random
from typing import Final

import numpy as np
import pytest
from probe_bench import ProbeRig, figure, run

from calibration.rig import STILL_S, Pressed, Pressure
from contract.certificate import StepName as S
from device.probe.messages import FaultRaised, Released, State
from phantom.bench.probe_errors import ProbeErrors
from phantom.chamber import RANGE, Chamber, conductance_of_leak, flow_per_kpa
from refill.simulation import SteppedProbe

pytestmark = pytest.mark.slow

CHAMBERS: Final = range(3)


class ControlRig(ProbeRig):
    """The probe's control, drivers and faults on one chamber; each press on a probe that has just started."""

    def __init__(self, chamber: Chamber, seed: int) -> None:
        super().__init__(ProbeErrors(), seed=seed)
        self._chamber, self._number = chamber, seed
        self.release_ms: list[float] = []
        self.half_ms: list[float] = []

    def press(self, target_kpa: float, hold_s: float, ramp_s: float = 1.0) -> Pressed:
        self._number += 1
        late = random.Random(self._number)
        with SteppedProbe(self.device, chamber=self._chamber, seed=self._number, late=late) as probe:
            probe.run(0.3)
            probe.press(target_kpa, ramp_s, hold_s, STILL_S)
            probe.run(hold_s + 4.0)
            seen = probe.seen
        faults = tuple(str(event.code) for event in seen.events if isinstance(event, FaultRaised))
        released = next(event for event in seen.events if isinstance(event, Released))
        held = next(event for event in seen.events if isinstance(event, State) and event.phase == "hold")
        assert released.why == "held"
        open_ns = released.valve_open_ns
        t_ns, kpa = np.array(seen.finely_kpa).T
        after = t_ns >= open_ns
        t_ms, share = (t_ns[after] - open_ns) / 1e6, kpa[after] / kpa[after][0]
        high, half, low = (t_ms[np.flatnonzero(share >= level)[-1]] for level in (0.9, 0.5, 0.1))
        self.release_ms.append(low - high)
        self.half_ms.append(half)
        at = np.array([each.t_ns for each in seen.samples], dtype=np.int64)
        reads = np.array([each.kpa for each in seen.samples])
        self.wait(hold_s + 4.3)
        still_ns = open_ns - round(STILL_S * 1e9)
        return Pressed(Pressure(at, reads), held.t_boot_ns, open_ns, faults, None, still_ns)


def chamber(seed: int, leak: tuple[float, float]) -> Chamber:
    """Return a probe as they differ, on the plug, which neither gives nor creeps."""
    chance = random.Random(seed)
    parts = {name: span.draw(chance) for name, span in RANGE["finger"].items()}
    parts |= {"give_ml": 0.0, "creep_ml": 0.0, "leak_ml_s_per_kpa": chance.uniform(*leak)}
    return Chamber(**parts)


def test_the_leak_is_told_where_the_probe_itself_controls() -> None:
    for seed in CHAMBERS:
        made = chamber(seed, (0.0003, 0.012))
        found, uncertainty = figure(run(ControlRig(made, 100 * seed), S.PRESSURE_LEAK), "leak-kpa-per-s")
        flow = conductance_of_leak(made.leak_ml_s_per_kpa) * flow_per_kpa(59.0) * 59.0
        true = flow / made.compliance_ml_per_kpa(59.0)
        assert abs(found - true) <= uncertainty, f"chamber {seed}: {found} +- {uncertainty}, true {true}"


def test_the_release_is_told_where_the_probe_itself_controls() -> None:
    for seed in CHAMBERS:
        rig = ControlRig(chamber(seed, (0.0003, 0.002)), 100 * seed)
        outcome = run(rig, S.PRESSURE_RELEASE)
        for name, true in (("release-ms", rig.release_ms), ("valve-to-half-ms", rig.half_ms)):
            found, uncertainty = figure(outcome, name)
            assert abs(found - float(np.mean(true))) <= uncertainty, f"chamber {seed}: {name} {found}, true {true}"
