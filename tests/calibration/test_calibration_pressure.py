"""Every hidden error of the probe is found, with its size; a good probe passes; a correction does what it is for."""

from dataclasses import replace
from functools import cache
from typing import Final

import numpy as np
import pytest
from probe_bench import BY_NAME, ProbeRig, corrected, figure, run, site_device

from calibration.rig import Target
from contract.certificate import StepName as S
from contract.certificate import StepOutcome
from firmware_config.device import DeviceConfig
from phantom.bench.probe_errors import ERRORS, healthy_probe, with_probe_error
from phantom.bench.probe_truth import FINDS, TRUTHS

SEEDS: Final = range(20)
HEALTHY: Final = range(200, 220)
DEVICE: Final = site_device()


def test_every_hidden_error_has_a_truth() -> None:
    assert set(FINDS) == set(ERRORS)
    assert set(FINDS.values()) <= set(TRUTHS)


@pytest.mark.slow
@pytest.mark.parametrize("name", ERRORS)
def test_a_hidden_error_is_found_with_its_size(name: str) -> None:
    step, which = FINDS[name]
    inside = 0
    for seed in SEEDS:
        errors = with_probe_error(name, seed)
        outcome = run(ProbeRig(errors, seed=seed), step)
        assert not outcome.passed, f"seed {seed}"
        found, uncertainty = figure(outcome, which)
        inside += abs(found - TRUTHS[step, which](DEVICE, errors)) <= uncertainty
    assert inside >= len(SEEDS) - 2  # k = 2 leaves one in twenty


@cache
def good(seed: int) -> dict[S, StepOutcome]:
    rig = ProbeRig(healthy_probe(seed), seed=seed)
    return {name: run(rig, name) for name in BY_NAME}


@pytest.mark.slow
def test_a_good_probe_passes_every_step() -> None:
    for seed in HEALTHY:
        wrong = {
            step: done.trouble or [each for each in done.figures if not each.passed]
            for step, done in good(seed).items()
            if not done.passed
        }
        assert wrong == {}, f"seed {seed}"


@pytest.mark.slow
@pytest.mark.parametrize(("step", "which"), TRUTHS)
def test_a_good_probes_figures_are_right_within_their_uncertainty(step: S, which: str) -> None:
    inside = 0
    for seed in HEALTHY:
        found, uncertainty = figure(good(seed)[step], which)
        inside += abs(found - TRUTHS[step, which](DEVICE, healthy_probe(seed))) <= uncertainty
    assert inside >= len(HEALTHY) - 2


CURVE: Final[list[dict[str, float]]] = [
    {"volts": 0.2, "kpa": 0.0},
    {"volts": 2.4, "kpa": 48.0},
    {"volts": 4.7, "kpa": 100.0},
]
SENSORS: Final[dict[str, DeviceConfig]] = {
    "line": site_device(),
    "points": site_device(points=CURVE),
    "mprls": site_device(kind="mprls"),
}


@pytest.mark.parametrize("name", SENSORS)
def test_zero_and_gain_are_corrected_whatever_the_sensor(name: str) -> None:
    errors = replace(healthy_probe(3), offset_kpa=-1.2, gain=1.045)
    device = SENSORS[name]
    rig = ProbeRig(errors, device, seed=3)
    found = [run(rig, step) for step in (S.PRESSURE_ZERO, S.PRESSURE_SPAN)]
    assert [outcome.passed for outcome in found] == [False, False]
    mended = corrected(device, *found)
    assert mended.pressure_sensor.zero_kpa == pytest.approx(-1.2, abs=0.02)
    assert mended.pressure_sensor.gain == pytest.approx(1 / 1.045, rel=0.004)
    again = ProbeRig(errors, mended, seed=4)
    assert all(run(again, step).passed for step in (S.PRESSURE_ZERO, S.PRESSURE_SPAN))
    # And the probe then presses as hard as it says.
    pressed, true_kpa = again.probe.press(10**12, Target.PLUG, 40.0, 3.0, 1.0)
    held = true_kpa(np.arange(pressed.hold_ns + 10**9, pressed.valve_open_ns - 6 * 10**8, 10**7))
    assert held.mean() == pytest.approx(40.0, rel=0.006)


def test_a_second_correction_adds_to_the_first() -> None:
    errors = replace(healthy_probe(4), offset_kpa=0.9, gain=0.96)
    device = site_device(zero_kpa=0.4, gain=1.01)
    rig = ProbeRig(errors, device)
    mended = corrected(device, run(rig, S.PRESSURE_ZERO), run(rig, S.PRESSURE_SPAN))
    assert mended.pressure_sensor.zero_kpa == pytest.approx(0.9, abs=0.02)
    assert mended.pressure_sensor.gain == pytest.approx(1 / 0.96, rel=0.004)


@pytest.mark.parametrize(
    ("errors", "configured"),
    [
        ({"gain": 1.1}, 1.0),
        ({"gain": 0.9}, 1.0),
        ({"reference_gain": 0.9}, 1.0),
        ({"gain": 1.1}, 0.92),
        ({"gain": 1.12}, 0.893),
    ],
    ids=["reads high", "reads low", "the manometer reads low", "corrected in part", "corrected altogether"],
)
def test_no_gain_far_from_the_sensors_curve_is_offered_and_the_step_fails(
    errors: dict[str, float], configured: float
) -> None:
    """A manometer that reads 10 % low would have the probe press 10 % harder, and its ceiling with it."""
    device = site_device(gain=configured)
    outcome = run(ProbeRig(replace(healthy_probe(4), **errors), device), S.PRESSURE_SPAN)
    assert not outcome.passed
    assert outcome.corrections == {}
    assert "replace the sensor, or check the reference with a second one" in (outcome.trouble or "")
    true = errors.get("gain", healthy_probe(4).gain) / errors.get("reference_gain", 1.0)
    found, uncertainty = figure(outcome, "gain-error-pct")
    assert found == pytest.approx(100 * (true * configured - 1), abs=uncertainty + 0.3), "the size is told all the same"


def test_an_absolute_sensor_has_no_zero_to_write() -> None:
    device = site_device(kind="mprls", measures="absolute", high_kpa=250.0)
    outcome = run(ProbeRig(replace(healthy_probe(5), offset_kpa=1.0), device), S.PRESSURE_ZERO)
    assert outcome.passed
    assert outcome.corrections == {}


@pytest.mark.parametrize("error", ["drift", "noise"])
def test_no_zero_is_written_of_a_sensor_that_does_not_hold_it(error: str) -> None:
    errors = replace(with_probe_error(error, 6), offset_kpa=1.0)
    outcome = run(ProbeRig(errors), S.PRESSURE_ZERO)
    assert not outcome.passed
    assert outcome.corrections == {}


@pytest.mark.parametrize("error", ["bow", "hysteresis"])
def test_no_gain_is_written_through_a_line_that_is_none(error: str) -> None:
    outcome = run(ProbeRig(replace(with_probe_error(error, 7), gain=1.03)), S.PRESSURE_SPAN)
    assert not outcome.passed
    assert outcome.corrections == {}
