"""What is true of a simulated press: time zero, recovery times of blood volume and signal, and the whole spec."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from contract.version import __version__
from phantom.plan import Plan
from phantom.pressure import pressure_nodes
from phantom.skin import blood_series

Floats = NDArray[np.float64]

GRID_S = 0.002


def last_rise(times_s: Floats, fraction: Floats, level: float) -> float | None:
    """First instant from which `fraction` stays at or above `level`, between samples; None if it never does."""
    below = np.flatnonzero(fraction < level)
    if len(below) == 0:
        return float(times_s[0])
    last = int(below[-1])
    if last + 1 >= len(times_s):
        return None
    share = (level - fraction[last]) / (fraction[last + 1] - fraction[last])
    return float(times_s[last] + share * (times_s[last + 1] - times_s[last]))


def _recovered(values: Floats, settled: float) -> Floats | None:
    step = settled - values[0]
    return None if abs(step) < 1e-9 else np.asarray((values - values[0]) / step)


def _time_to(since_s: Floats, fraction: Floats | None, level: float) -> float | None:
    reached = None if fraction is None else last_rise(since_s, fraction, level)
    return None if reached is None else round(reached, 6)


def truth(plan: Plan) -> dict[str, Any]:
    """Truth of the first release, JSON-ready, times in s after `t0` (itself in s of the recording); None where none is.

    `t90` and `t50` are those of the blood volume, `t90_signal` and `t50_signal` those of the pulse-free signal -ln(G/R)
    of the linear camera values: optics bend one into the other. Both count from the level at `t0` to the settled level.
    """
    spec = plan.spec
    skin = plan.new_skin()
    nodes = pressure_nodes(spec)
    blood_series(skin, *nodes, np.array([0.0]))
    named: dict[str, Any] = {"seed": spec.seed, "tone": spec.tone, "kind": spec.kind, "crt": spec.crt_s}
    if skin.releases:
        named |= _times(plan, skin.releases[0].t0_s, nodes)
    named |= {
        "tau": round(plan.recovery.scale_s, 9),
        "delay": spec.dead_time_s,
        "fault": spec.fault,
        "noise": spec.noise,
        "motion_px": spec.motion_px,
        "fps": spec.fps,
        "pulse": spec.pulse,
        "post": spec.window_s,
        "blood_blanched": round(plan.blood_pair[0], 9),
        "blood_settled": round(plan.blood_pair[1], 9),
        "camera_gain": round(plan.gain, 6),
        "release_times": [round(release.t0_s, 9) for release in skin.releases],
        "simulated": True,
        "software": f"refill {__version__}",
        "spec": spec.as_dict(),
    }
    return named


def _times(plan: Plan, t0_s: float, nodes: tuple[Floats, Floats]) -> dict[str, Any]:
    horizon_s = max(6.0 * plan.recovery.crt_s, plan.spec.window_s)
    since_s: Floats = np.arange(int(horizon_s / GRID_S) + 1, dtype=np.float64) * GRID_S
    blood = plan.in_field(plan.play(t0_s + since_s + 1e-12).blood)
    rest_kpa = float(np.interp(t0_s + horizon_s, *nodes))
    settled = float(plan.in_field(plan.new_skin().refilled(0.0, rest_kpa)))
    fraction = _recovered(blood, settled)
    signal = plan.table.haemoglobin_signal(plan.blood_fraction(blood))
    settled_signal = float(plan.table.haemoglobin_signal(plan.blood_fraction(settled)))
    recovered_signal = _recovered(signal, settled_signal)
    ln_g = plan.ln_camera_rgb(np.array([blood[0], settled]))[:, 1]
    return {
        "t0": round(t0_s, 9),
        "t90": _time_to(since_s, fraction, 0.9),
        "t50": _time_to(since_s, fraction, 0.5),
        "t90_signal": _time_to(since_s, recovered_signal, 0.9),
        "t50_signal": _time_to(since_s, recovered_signal, 0.5),
        "t10_signal": _time_to(since_s, recovered_signal, 0.1),
        "overshoot": round(max(float(np.max(blood)) - settled, 0.0), 6),
        "step_ln_g_true": round(float(ln_g[0] - ln_g[1]), 6),
        "step_signal_true": round(settled_signal - float(signal[0]), 6),
    }
