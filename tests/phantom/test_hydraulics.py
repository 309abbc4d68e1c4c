"""The simulated air behaves like the probe's: seconds up, milliseconds down, leaks, and no drift with the step."""

import itertools
import math
import random

import pytest

from phantom.chamber import random_chamber
from phantom.hydraulics import BODIES, STEP_NS, Chamber, Faults, Hydraulics

MS = 1_000_000


class Clock:
    now_ns = 0

    def __call__(self) -> int:
        return self.now_ns


def air(chamber: Chamber | None = None, faults: Faults | None = None) -> tuple[Hydraulics, Clock]:
    clock = Clock()
    return Hydraulics(chamber or Chamber(), clock=clock, faults=faults or Faults()), clock


def pass_ms(model: Hydraulics, clock: Clock, milliseconds: int) -> list[float]:
    seen = []
    for _ in range(milliseconds):
        clock.now_ns += MS
        seen.append(model.pressure_kpa())
    return seen


@pytest.mark.parametrize("body", ["finger", "knee"])
def test_forty_kpa_in_about_a_second_and_gone_in_30_to_100_ms(body: str) -> None:
    model, clock = air(BODIES["finger" if body == "finger" else "knee"])
    model.set_valve(True)
    model.set_pump(0.6)
    up = pass_ms(model, clock, 2000)
    reached = next(i for i, kpa in enumerate(up) if kpa >= 40)
    assert 500 <= reached <= 1500
    model.set_pump(0.0)
    model.set_valve(False)
    down = pass_ms(model, clock, 400)
    peak = max(down)
    fall = sum(0.1 * peak < kpa < 0.9 * peak for kpa in down)
    assert 30 <= fall <= 100
    assert down[-1] < 0.3


def test_a_release_loses_what_the_orifice_of_iso_6358_lets_through() -> None:
    rigid = Chamber(air_ml=10.0, wall_ml_per_kpa=0.0, give_ml=0.0, creep_ml=0.0, leak_ml_s_per_kpa=0.0)
    model, clock = air(rigid)
    model.set_valve(True)
    model.set_pump(0.9)
    pass_ms(model, clock, 800)
    model.set_pump(0.0)
    pass_ms(model, clock, 500)
    start = model.pressure_kpa()
    model.set_valve(False)
    pass_ms(model, clock, 4)
    assert model.pressure_kpa() == pytest.approx(start, rel=0.002)
    # The same by hand, in steps of a microsecond: C = 1.99 * 0.65 ml/(s kPa mm2), b = 0.5, 10 ml of air.
    kpa, conductance = start, 1.99 * 0.65 * math.pi / 4
    for _ in range(20_000):
        ratio = 101.3 / (101.3 + kpa)
        ml_s = conductance * (101.3 + kpa) * math.sqrt(1 - ((ratio - 0.5) / 0.5) ** 2)
        kpa -= 1e-6 * ml_s / (10.0 / 101.3)
    assert pass_ms(model, clock, 20)[-1] == pytest.approx(kpa, rel=0.003)


def test_a_leak_loses_what_is_stated_at_40_kpa_and_more_for_each_kpa_below() -> None:
    chamber = Chamber(creep_ml=0.0, leak_ml_s_per_kpa=0.02)
    model, clock = air(chamber)
    model.set_valve(True)
    model.set_pump(0.5)
    lost = {}
    for target_kpa in (10.0, 40.0):
        while model.pressure_kpa() < target_kpa:
            pass_ms(model, clock, 1)
            model.set_pump(0.5)
        model.set_pump(0.0)
        pass_ms(model, clock, 300)
        before = model.pressure_kpa()
        after = pass_ms(model, clock, 100)[-1]
        middle = (before + after) / 2
        lost[target_kpa] = (before - after) / 0.1 * chamber.compliance_ml_per_kpa(middle) / middle
    assert lost[40.0] == pytest.approx(0.02, rel=0.04)
    assert lost[10.0] > 1.5 * lost[40.0]


def test_air_is_neither_made_nor_lost() -> None:
    """What the pump gave is in the chamber: its air, its walls, the tissue and what of that has crept."""
    chamber = Chamber(leak_ml_s_per_kpa=0.0, pump_stall_kpa=1e9, pump_load_duty=0.0)
    model, clock = air(chamber)
    model.set_valve(True)
    pass_ms(model, clock, 10)
    model.set_pump(0.55)
    pass_ms(model, clock, 700)
    model.set_pump(0.0)
    pass_ms(model, clock, 3000)
    kpa = model.pressure_kpa()
    stiff = 1 - math.exp(-kpa / chamber.give_kpa)
    crept_ml = model._crept_ml
    volume_ml = chamber.air_ml + chamber.wall_ml_per_kpa * kpa + chamber.give_ml * stiff + crept_ml
    held_ml = (1 + kpa / 101.3) * volume_ml - chamber.air_ml
    assert held_ml == pytest.approx(0.7 * chamber.pump_ml_s * 0.45 / 0.9, rel=0.01)
    assert crept_ml > 0.05


@pytest.mark.slow
@pytest.mark.parametrize("body", ["finger", "knee"])
@pytest.mark.parametrize("seed", range(6))
def test_steps_of_a_sixteenth_change_nothing_that_matters(body: str, seed: int) -> None:
    """Rise, hold with a pulsing pump, release: to 0.02 kPa and 0.2 ms of the same in steps of 0.125 ms."""
    chamber = random_chamber(random.Random(seed), "finger" if body == "finger" else "knee")
    told = []
    for step_ns in (STEP_NS, STEP_NS // 16):
        clock = Clock()
        model = Hydraulics(chamber, clock=clock, step_ns=step_ns)
        model.set_valve(True)
        model.set_pump(0.45)
        up = pass_ms(model, clock, 500)
        for duty in (0.0, 0.2) * 5:
            model.set_pump(duty)
            up += pass_ms(model, clock, 50)
        model.set_pump(0.0)
        model.set_valve(False)
        down = pass_ms(model, clock, 250)
        fine = next(i for i, kpa in enumerate(down) if kpa < 0.5 * up[-1])
        share = (down[fine - 1] - 0.5 * up[-1]) / (down[fine - 1] - down[fine])
        told.append((up, fine + share))
    assert max(up[-1] for up, _ in told) > 10
    assert max(abs(a - b) for a, b in zip(told[0][0], told[1][0], strict=True)) < 0.02
    assert abs(told[0][1] - told[1][1]) < 0.2


@pytest.mark.parametrize("step_ms", [1, 7, 50, 900])
def test_it_does_not_matter_how_often_one_looks(step_ms: int) -> None:
    model, clock = air()
    model.set_valve(True)
    model.set_pump(0.5)
    for _ in range(900 // step_ms):
        clock.now_ns += step_ms * MS
        model.pressure_kpa()
    clock.now_ns = 900 * MS
    assert model.pressure_kpa() == pytest.approx(36.0, abs=4.0)
    reference, other = air()
    reference.set_valve(True)
    reference.set_pump(0.5)
    pass_ms(reference, other, 900)
    assert model.pressure_kpa() == pytest.approx(reference.pressure_kpa(), rel=0.02)


def test_a_gap_of_hours_is_quick_and_ends_vented() -> None:
    model, clock = air()
    model.set_valve(True)
    model.set_pump(0.5)
    pass_ms(model, clock, 500)
    model.set_pump(0.0)
    model.set_valve(False)
    clock.now_ns += 10 * 3600 * 1000 * MS
    assert model.pressure_kpa() < 1e-6


def test_below_its_start_duty_the_pump_does_nothing() -> None:
    model, clock = air()
    model.set_valve(True)
    model.set_pump(0.09)
    assert max(pass_ms(model, clock, 500)) == 0.0


@pytest.mark.parametrize(
    ("faults", "low", "high"),
    [
        (Faults(pump_dead=True), 0.0, 0.0),
        (Faults(extra_leak_ml_s_per_kpa=0.6), 1.0, 12.0),
        (Faults(blocked_vent=True), 15.0, 40.0),
    ],
)
def test_what_is_broken_shows(faults: Faults, low: float, high: float) -> None:
    model, clock = air(faults=faults)
    model.set_valve(True)
    model.set_pump(0.5)
    pass_ms(model, clock, 600)
    model.set_valve(not faults.blocked_vent)
    assert low <= pass_ms(model, clock, 100)[-1] <= high


def test_a_pump_at_rest_takes_more_to_turn_than_to_go_on() -> None:
    model, clock = air(Chamber(pump_stick_duty=0.05))
    model.set_valve(True)
    model.set_pump(0.14)
    assert max(pass_ms(model, clock, 300)) == 0.0
    model.set_pump(0.16)
    assert pass_ms(model, clock, 100)[-1] > 0.3
    model.set_pump(0.14)
    before = pass_ms(model, clock, 150)[-1]
    assert pass_ms(model, clock, 100)[-1] > before + 0.3


def test_against_pressure_a_pump_gives_less_and_at_its_stall_pressure_none() -> None:
    model, clock = air(Chamber(leak_ml_s_per_kpa=0.0, creep_ml=0.0, pump_stall_kpa=50.0))
    model.set_valve(True)
    model.set_pump(1.0)
    up = pass_ms(model, clock, 6000)
    assert up[150] - up[100] > 2 * (up[700] - up[650])
    assert up[-1] == pytest.approx(50.0, rel=0.01)


def test_a_sensor_follows_a_ramp_by_its_lag() -> None:
    model, clock = air(Chamber(noise_kpa=0.0, sensor_lag_s=0.005, creep_ml=0.0))
    model.set_valve(True)
    model.set_pump(0.5)
    seen = []
    for _ in range(400):
        clock.now_ns += MS
        seen.append((model.pressure_kpa(), model.sensed_kpa()))
    assert seen[300][1] == pytest.approx(seen[295][0], abs=0.02)


def test_sensor_noise_is_that_of_the_chamber_and_repeats_with_its_seed() -> None:
    first, _ = air()
    again, _ = air()
    values = [first.sensed_kpa() for _ in range(2000)]
    assert values == [again.sensed_kpa() for _ in range(2000)]
    assert math.sqrt(sum(v * v for v in values) / len(values)) == pytest.approx(Chamber().noise_kpa, rel=0.1)


def test_the_record_is_in_order_and_at_least_every_two_ms() -> None:
    seen: list[tuple[int, float]] = []
    clock = Clock()
    model = Hydraulics(clock=clock, record=lambda t, kpa: seen.append((t, kpa)))
    model.set_valve(True)
    model.set_pump(0.5)
    for _ in range(50):
        clock.now_ns += 10 * MS
        model.pressure_kpa()
    stamps = [t for t, _ in seen]
    assert stamps == sorted(stamps)
    assert max(b - a for a, b in itertools.pairwise(stamps)) <= 2 * MS
    assert seen[-1] == (500 * MS, model.pressure_kpa())
