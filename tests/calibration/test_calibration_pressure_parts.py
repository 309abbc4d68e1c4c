"""What goes wrong at the bench of the pressure steps ends in one sentence, never in a pass or a correction."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from probe_bench import BY_NAME, ProbeRig, figure, reads, run, site_device

from calibration.pressure_leak import lost
from calibration.pressure_release import crossing
from calibration.pressure_samples import rounding_u, step_kpa
from calibration.rig import Pressed, Pressure, RigError, Target
from calibration.step import Question
from contract.certificate import StepName as S
from firmware_config.device import DeviceConfig
from phantom.bench.probe_errors import ProbeErrors, healthy_probe, with_probe_error
from phantom.bench.probe_truth import falls

PRESSING = (S.PRESSURE_SPAN, S.PRESSURE_LEAK, S.PRESSURE_RELEASE)


def limited(**press_limits: float) -> DeviceConfig:
    return DeviceConfig.model_validate({"name": "bench-1", "site": "01", "press_limits": press_limits})


@pytest.mark.parametrize("per_minute", [1, 4, 6])
def test_no_step_presses_more_often_than_the_device_allows(per_minute: int) -> None:
    """The simulated probe refuses what comes too soon, as the real one does."""
    rig = ProbeRig(ProbeErrors(), limited(presses_per_minute=per_minute))
    for name in BY_NAME:
        assert run(rig, name).passed
    rig.wait(60.0)
    for _ in range(per_minute):
        rig.probe.press(rig.now_ns(), Target.PLUG, 20.0, 1.0, 1.0)
    with pytest.raises(RigError, match="presses a minute"):
        rig.probe.press(rig.now_ns(), Target.PLUG, 20.0, 1.0, 1.0)


def test_nothing_is_asked_beyond_the_devices_own_limits() -> None:
    asked: list[tuple[float, float]] = []
    rig = ProbeRig(ProbeErrors(), limited(pressure_kpa=30.0, hold_s=4.0))
    press = rig.press

    def noted(target_kpa: float, hold_s: float, ramp_s: float = 1.0) -> Pressed:
        asked.append((target_kpa, hold_s))
        return press(target_kpa, hold_s, ramp_s)

    rig.press = noted  # type: ignore[method-assign]  # to see what is asked for
    for name in BY_NAME:
        assert run(rig, name).passed
    assert max(target for target, _ in asked) == 30.0
    assert max(hold for _, hold in asked) <= 4.0


@pytest.mark.parametrize("name", PRESSING)
def test_an_open_nozzle_is_told_as_such(name: S) -> None:
    with pytest.raises(RigError, match="close its nozzle with the plug"):
        run(ProbeRig(ProbeErrors(), instead=Target.NOTHING), name)


@pytest.mark.parametrize("name", PRESSING)
@pytest.mark.parametrize(("fault", "words"), [("overshoot", "harder than asked"), ("sensor_stale", "sensor_stale")])
def test_a_press_that_did_not_come_off_is_not_measured(name: S, fault: str, words: str) -> None:
    rig = ProbeRig(ProbeErrors())
    rig.alters = lambda pressed: replace(pressed, faults=(fault,))
    outcome = run(rig, name)
    assert not outcome.passed
    assert words in (outcome.trouble or "")


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        (lambda question: reads(question) / (6.895 if question.unit == "kPa" else 1.0), "that its unit is kPa"),
        (lambda question: 0.0 if question.unit == "kPa" else 0.3, "in the line"),
        (lambda question: 30.0 if 5 < reads(question) < 35 else reads(question), "in the line"),
    ],
)
def test_a_manometer_that_shows_something_else_corrects_nothing(
    answers: Callable[[Question], float], words: str
) -> None:
    outcome = run(ProbeRig(ProbeErrors()), S.PRESSURE_SPAN, ask=answers)
    assert words in (outcome.trouble or "")
    assert outcome.corrections == {}


def test_one_level_misread_by_two_kpa_never_passes() -> None:
    seen: list[float] = []

    def misread(question: Question) -> float:
        seen.append(reads(question))
        return seen[-1] + (2.0 if len(seen) == 4 else 0.0)

    outcome = run(ProbeRig(healthy_probe(1)), S.PRESSURE_SPAN, ask=misread)
    assert not outcome.passed
    assert outcome.corrections == {}


def test_the_engineer_is_told_when_to_read_and_asked_for_each_press() -> None:
    said: list[str] = []
    asked: list[Question] = []

    def ask(question: Question) -> float:
        asked.append(question)
        return reads(question)

    outcome = run(ProbeRig(ProbeErrors()), S.PRESSURE_SPAN, ask=ask, said=said)
    assert [question.unit for question in asked] == ["%"] + ["kPa"] * 13
    assert len(said) == 13
    assert "12 kPa; read the manometer" in said[0]
    assert len(next(curve for curve in outcome.curves if curve.name == "span-falling").x) == 5


def test_the_manometers_own_uncertainty_is_in_the_gains() -> None:
    def worse(question: Question) -> float:
        return question.at_most if question.unit == "%" else reads(question)

    rig = ProbeRig(ProbeErrors())
    assert 0.25 < figure(run(rig, S.PRESSURE_SPAN), "gain-error-pct")[1] < 0.45
    assert 1.0 < figure(run(rig, S.PRESSURE_SPAN, ask=worse), "gain-error-pct")[1] < 1.2


def altered(what: str) -> Callable[[Pressure], Pressure]:
    def alter(heard: Pressure) -> Pressure:
        t_ns, kpa = heard.t_boot_ns, heard.kpa.copy()
        if what == "stuck":
            kpa[:] = 0.1
        elif what == "hand":
            kpa[700:900] += 4.0
        elif what == "pressed":
            kpa += 12.0
        elif what == "nan":
            kpa[5] = np.nan
        elif what == "few":
            t_ns, kpa = t_ns[::2], kpa[::2]
        elif what == "none":
            t_ns, kpa = t_ns[:0], kpa[:0]
        return Pressure(t_ns, kpa)

    return alter


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("stuck", "does not move at all"),
        ("hand", "leave the probe alone"),
        ("pressed", "not vented"),
        ("nan", "not in order"),
        ("few", "in place of 2000"),
        ("none", "no samples"),
    ],
)
def test_what_is_no_vented_living_sensor_is_told(what: str, words: str) -> None:
    rig = ProbeRig(replace(healthy_probe(2), offset_kpa=1.0))
    rig.hears = altered(what)
    outcome = run(rig, S.PRESSURE_ZERO)
    assert words in (outcome.trouble or "")
    assert outcome.corrections == {}


def test_more_than_the_configuration_takes_off_is_a_sentence() -> None:
    outcome = run(ProbeRig(ProbeErrors(offset_kpa=6.0)), S.PRESSURE_ZERO)
    assert "replace it" in (outcome.trouble or "")
    gain = run(ProbeRig(ProbeErrors(gain=0.7)), S.PRESSURE_SPAN)
    assert "The gain found is 1.429, outside 0.95 to 1.05" in (gain.trouble or "")
    assert gain.corrections == {}


def test_a_leak_is_not_called_tight_where_the_pump_made_up_for_it() -> None:
    rig = ProbeRig(ProbeErrors())
    rig.alters = lambda pressed: replace(pressed, still_ns=None)
    outcome = run(rig, S.PRESSURE_LEAK)
    assert not outcome.passed
    assert "pump stand still" in (outcome.trouble or "")


def test_a_pressure_that_does_not_fall_is_no_release() -> None:
    def blocked(pressed: Pressed) -> Pressed:
        t_ns, kpa = pressed.pressure.t_boot_ns, pressed.pressure.kpa.copy()
        kpa[t_ns > pressed.valve_open_ns] = kpa[t_ns < pressed.valve_open_ns][-1]
        return replace(pressed, pressure=Pressure(t_ns, kpa))

    rig = ProbeRig(ProbeErrors())
    rig.alters = blocked
    assert "did not fall" in (run(rig, S.PRESSURE_RELEASE).trouble or "")


def test_neither_zero_nor_gain_of_the_sensor_is_taken_for_a_slow_release() -> None:
    errors = replace(with_probe_error("slow_release", 3), offset_kpa=1.8, gain=1.1)
    found, uncertainty = figure(run(ProbeRig(errors), S.PRESSURE_RELEASE), "release-ms")
    assert abs(found - falls(site_device(), errors)[0]) <= uncertainty


def test_what_a_pump_still_gives_when_it_is_switched_off_is_no_part_of_the_leak() -> None:
    t_s = np.arange(0.0, 4.0, 0.01)
    still_s = 3.0
    sunk = 2.0 * (t_s - still_s - 0.03 * -np.expm1(-(t_s - still_s) / 0.03) * 4.0)
    kpa = 60.0 - np.where(t_s < still_s, 0.0, sunk)
    at_ns = np.rint(1e9 * t_s).astype(np.int64)
    pressed = Pressed(Pressure(at_ns, kpa), 0, 3_500_000_000, still_ns=3_000_000_000)
    rate, level, _ = lost(pressed, 0.0)
    assert rate == pytest.approx(2.0, rel=0.01)
    assert level == pytest.approx(59.6, abs=0.3)


def test_a_probe_that_never_lets_go_is_told() -> None:
    with pytest.raises(RigError, match="did not let go"):
        run(ProbeRig(ProbeErrors(ceiling=3.0)), S.PRESSURE_CEILING)


def test_crossings_of_a_fall_through_a_hole_are_found_between_samples() -> None:
    delay_ms, length_ms = 6.0, 60.0

    def share(t_ms: float) -> float:
        return max(1.0 - max(t_ms - delay_ms, 0.0) / length_ms, 0.0) ** 2 if t_ms > 0 else 1.0

    for phase in (0.0, 2.0, 4.0, 6.0, 8.0):
        t_ms = np.arange(-50.0 + phase, 400.0, 10.0)
        fall = np.array([share(float(each)) for each in t_ms])
        for level in (0.9, 0.5, 0.1):
            true = delay_ms + length_ms * (1.0 - level**0.5)
            assert crossing(t_ms, fall, level) == pytest.approx(true, abs=1.0), (phase, level)


def test_what_rounding_leaves_in_a_mean_is_within_its_uncertainty() -> None:
    chance = np.random.default_rng(1)
    step = step_kpa(site_device().pressure_sensor)
    assert step == pytest.approx(0.1085, abs=1e-4)
    for sigma in (0.0, 0.02, 0.03, 0.05, 0.1):
        for true in np.linspace(0.0, step, 9):
            samples = np.rint((true + sigma * chance.standard_normal(20_000)) / step) * step
            left = rounding_u(float(samples.std()), step)
            assert abs(samples.mean() - true) <= 2.0 * left + 4.0 * sigma / np.sqrt(20_000) + 1e-9, (sigma, true)
