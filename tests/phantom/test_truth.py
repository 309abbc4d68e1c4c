"""What the truth file says of a press, checked against the signal itself."""

import json

import numpy as np
import pytest

from phantom.curves import KINDS
from phantom.plan import plan
from phantom.spec import ImpossibleSpecError, PressSpec
from phantom.trace import simulate
from phantom.truth import last_rise, truth

QUIET = PressSpec(noise=0.0, pulse=0.0, respiration=0.0, slow_wave=0.0, motion_px=0.0, fps=240.0, pre_s=1.0, hold_s=3.0)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("crt_s", [0.5, 2.4, 6.0])
def test_t90_of_the_blood_is_the_asked_one(kind: str, crt_s: float) -> None:
    assert truth(plan(QUIET.with_(kind=kind, crt_s=crt_s)))["t90"] == pytest.approx(crt_s, abs=2e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_t90_of_the_signal_is_read_off_a_noiseless_trace(kind: str) -> None:
    traced = simulate(QUIET.with_(kind=kind, post_s=14.0))
    told = traced.truth
    since = traced.time_s - told["t0"]
    h = -np.log(traced.rgb_linear[:, 1] / traced.rgb_linear[:, 0])
    blanched, settled = h[(since > -0.3) & (since < 0)].mean(), h[-200:].mean()
    rise = since > 0
    measured = last_rise(since[rise], (h[rise] - blanched) / (settled - blanched), 0.9)
    assert measured == pytest.approx(told["t90_signal"], abs=0.02)


def test_time_zero_is_the_last_instant_at_half_of_the_hold() -> None:
    traced = simulate(QUIET)
    held = traced.pressure_kpa[(traced.pressure_time_s > 2.0) & (traced.pressure_time_s < 4.4)].mean()
    last = traced.pressure_time_s[np.flatnonzero(traced.pressure_kpa >= 0.5 * held)[-1]]
    assert traced.truth["t0"] == pytest.approx(last, abs=0.011)
    assert traced.truth["t0"] == pytest.approx(1.0 + 0.5 + 3.0 + 0.03, abs=1e-3)


@pytest.mark.parametrize("tone", ["I", "III", "VI"])
def test_the_step_in_ln_green_is_the_asked_one(tone: str) -> None:
    traced = simulate(QUIET.with_(tone=tone, step_ln_g=0.2, post_s=16.0))
    since = traced.time_s - traced.truth["t0"]
    green = np.log(traced.rgb_linear[:, 1])
    step = green[(since > -0.3) & (since < 0)].mean() - green[-100:].mean()
    assert step == pytest.approx(0.2, rel=0.02)
    assert traced.truth["step_ln_g_true"] == pytest.approx(0.2, rel=0.02)


def test_a_refill_that_never_comes_has_no_time() -> None:
    told = truth(plan(QUIET.with_(fault="edge_crossing")))
    assert told["t90"] is None
    assert told["t90_signal"] is None


def test_the_truth_is_json_and_holds_the_whole_spec() -> None:
    told = json.loads(json.dumps(truth(plan(QUIET.with_(seed=9)))))
    assert told["spec"]["seed"] == told["seed"] == 9
    assert {"t0", "t90", "t90_signal", "t50", "fault", "software", "kind", "tone"} <= set(told)
    assert told["simulated"] is True


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"tone": "VII"}, "tone 'VII' is none of I, II, III, IV, V, VI"),
        ({"fault": "gremlins"}, "fault 'gremlins' is none of"),
        ({"crt_s": float("nan")}, "crt_s nan is outside"),
        ({"crt_s": -1.0, "fps": 0.0}, "crt_s -1 is outside 0.1 to 30 s; fps 0 is outside"),
        ({"crt_s": 1.0, "delay_s": 1.0}, "leaves no time to refill"),
        ({"width_px": 321}, "must be even"),
    ],
)
def test_an_impossible_press_is_refused_in_one_line(changes: dict[str, object], sentence: str) -> None:
    with pytest.raises(ImpossibleSpecError, match=sentence) as refused:
        plan(QUIET.with_(**changes))
    assert "\n" not in str(refused.value)
