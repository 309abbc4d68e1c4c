"""The simulated air behaves like the probe's: seconds up, milliseconds down, leaks, and no drift with the step."""

import itertools
import math

import pytest

from phantom.hydraulics import BODIES, Chamber, Faults, Hydraulics

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
def test_forty_kpa_in_about_a_second_and_gone_in_50_to_100_ms(body: str) -> None:
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
    assert 50 <= fall <= 100
    assert down[-1] < 0.3


def test_the_release_is_the_exponential_of_valve_and_compliance() -> None:
    chamber = Chamber(creep=0.0, leak_ml_s_per_kpa=0.0)
    model, clock = air(chamber)
    model.set_valve(True)
    model.set_pump(0.6)
    pass_ms(model, clock, 900)
    model.set_pump(0.0)
    pass_ms(model, clock, 500)
    start = model.pressure_kpa()
    model.set_valve(False)
    pass_ms(model, clock, 4)
    assert model.pressure_kpa() == pytest.approx(start, rel=0.002)
    pass_ms(model, clock, 30)
    tau_s = chamber.compliance_ml_per_kpa / chamber.valve_ml_s_per_kpa
    assert model.pressure_kpa() == pytest.approx(start * math.exp(-0.030 / tau_s), rel=0.01)


def test_a_leak_loses_pressure_at_its_rate() -> None:
    chamber = Chamber(creep=0.0, leak_ml_s_per_kpa=0.05)
    model, clock = air(chamber)
    model.set_valve(True)
    model.set_pump(0.8)
    pass_ms(model, clock, 900)
    model.set_pump(0.0)
    pass_ms(model, clock, 300)
    start = model.pressure_kpa()
    pass_ms(model, clock, 1000)
    assert model.pressure_kpa() == pytest.approx(start * math.exp(-0.05 / 0.10), rel=0.02)


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
        (Faults(extra_leak_ml_s_per_kpa=0.6), 2.0, 12.0),
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


def test_sensor_noise_is_that_of_the_chamber_and_repeats_with_its_seed() -> None:
    first, _ = air()
    again, _ = air()
    values = [first.sensed_kpa() for _ in range(2000)]
    assert values == [again.sensed_kpa() for _ in range(2000)]
    assert math.sqrt(sum(v * v for v in values) / len(values)) == pytest.approx(0.08, rel=0.1)


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
