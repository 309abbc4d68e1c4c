"""The range of bodies and parts: what is in it, that it repeats, and that its edges are those that are argued."""

import random
from dataclasses import fields, replace

import pytest

from phantom.chamber import RANGE, Body, Chamber, flow_per_kpa, random_chamber
from phantom.hydraulics import Hydraulics

MS = 1_000_000


def falls_in_ms(chamber: Chamber, from_kpa: float) -> float:
    """How long a chamber at rest takes from 90 to 10 % through its open valve."""
    now_ns = 0
    model = Hydraulics(chamber, clock=lambda: now_ns)
    model._kpa, model._crept_ml = from_kpa, chamber.creep_target_ml(from_kpa)
    stamps = []
    while not stamps or model.pressure_kpa() >= 0.1 * from_kpa:
        now_ns += MS // 4
        if model.pressure_kpa() < 0.9 * from_kpa:
            stamps.append(now_ns)
    return (stamps[-1] - stamps[0]) / MS


def largest(body: Body) -> Chamber:
    spans = RANGE[body]
    return Chamber(**{name: span.high for name, span in spans.items()})


@pytest.mark.parametrize("body", ["finger", "knee"])
def test_every_figure_has_its_span_and_its_reason_and_is_drawn_within(body: Body) -> None:
    assert set(RANGE[body]) == {field.name for field in fields(Chamber)}
    for seed in range(50):
        chamber = random_chamber(random.Random(seed), body)
        for name, span in RANGE[body].items():
            assert span.low <= getattr(chamber, name) <= span.high
            assert span.why
    assert random_chamber(random.Random(7), body) == random_chamber(random.Random(7), body)


def test_a_draw_reaches_both_ends() -> None:
    rng = random.Random(1)
    drawn = [random_chamber(rng, "knee") for _ in range(400)]
    for name, span in RANGE["knee"].items():
        shares = [(getattr(chamber, name) - span.low) / (span.high - span.low) for chamber in drawn]
        assert min(shares) < 0.05
        assert max(shares) > 0.9


def test_flow_is_choked_above_the_critical_ratio_and_straight_close_to_zero() -> None:
    assert flow_per_kpa(150.0) * 150.0 == pytest.approx(101.3 + 150.0)
    assert flow_per_kpa(0.02) == pytest.approx(flow_per_kpa(0.05))
    flows = [kpa * flow_per_kpa(kpa) for kpa in (0.01, 0.1, 0.11, 1.0, 10.0, 60.0, 101.0, 102.0)]
    assert flows == sorted(flows)


def test_the_lower_edge_of_the_vent_is_what_150_ms_ask_of_a_valve() -> None:
    knee = largest("knee")
    assert falls_in_ms(replace(knee, vent_mm=RANGE["knee"]["vent_mm"].low), 60.0) < 150.0
    assert falls_in_ms(replace(knee, vent_mm=0.86), 60.0) == pytest.approx(150.0, abs=4.0)
    assert falls_in_ms(replace(knee, vent_mm=0.80), 60.0) > 165.0


def test_the_upper_edge_of_the_leak_has_the_weakest_pump_at_less_than_half_duty() -> None:
    spans = RANGE["knee"]
    leak_ml_s = spans["leak_ml_s_per_kpa"].high * 60.0 * flow_per_kpa(60.0) / flow_per_kpa(40.0)
    given_ml_s = spans["pump_ml_s"].low * (1 - 60.0 / spans["pump_stall_kpa"].low)
    assert 0.2 < leak_ml_s / given_ml_s < 0.35
    start = spans["pump_start_duty"].high + spans["pump_load_duty"].high * 60.0 / spans["pump_stall_kpa"].low
    assert start + leak_ml_s / given_ml_s * (1 - start) < 0.5
