"""Whether light and camera stood still, and whether it was blood that moved the colours.

Blood moves ln R, ln G and ln B along one line. The press itself draws that line, from free skin to blanched; what does
not lie on it at the end of the window, or on the way there, is light, white balance or something else than skin.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vision.pressure import PressProfile
from vision.quality.limits import Limits
from vision.quality.series import jump, moving_mean, sharp
from vision.trace import Trace
from vision.weights import robust_sd

Array = NDArray[np.float64]

BASELINE_S: float = 0.8
"""Less free skin than this before the press draws no line."""
LATE: float = 0.75
"""The end of the window is what lies behind this share of it."""


def of_light_level(trace: Trace, limits: Limits) -> str | None:
    """Return whether the region was clipped or black, from its mean light."""
    if trace.light is None:
        return None
    if float(np.quantile(trace.light, 0.99, axis=0).max()) > limits.brightest_linear:
        return "saturated"
    if float(np.median(trace.light[:, :2], axis=0).min()) < limits.darkest_linear:
        return "too_dark"
    return None


@dataclass(frozen=True)
class _Line:
    """Mean ln of R, G, B (3,) of free skin, of blanched skin and at the end of the window, and the noise of B - R."""

    free: Array
    blanched: Array
    end: Array
    noise: float
    noise_of_mean: float

    @property
    def step(self) -> Array:
        """From blanched to free, (3,)."""
        return self.free - self.blanched

    @property
    def h_step(self) -> float:
        """Step of h = ln R - ln G from blanched to free."""
        return float(self.step[0] - self.step[1])


def _line(trace: Trace, profile: PressProfile | None, time_zero_s: float) -> _Line | None:
    """Return the line that the press drew; None without light, pressure or enough free skin before the press."""
    if trace.light is None or profile is None:
        return None
    ln = np.log(np.maximum(trace.light, 1e-5))
    time_s = trace.time_s
    free = time_s < profile.press_from_s - 0.05
    held = trace.between(time_zero_s - 1.2, time_zero_s - 0.06)
    late = time_s > time_zero_s + LATE * (time_s[-1] - time_zero_s)
    if free.sum() < 8 or np.ptp(time_s[free]) < BASELINE_S or held.sum() < 4 or late.sum() < 4:
        return None
    noise = robust_sd(np.diff((ln[:, 2] - ln[:, 0])[free | held | late])) / np.sqrt(2)
    counts = sum(1 / float(part.sum()) for part in (free, held, late))
    return _Line(
        ln[free].mean(axis=0), ln[held].mean(axis=0), ln[late].mean(axis=0), noise, noise * float(np.sqrt(counts))
    )


def of_brightening(trace: Trace, profile: PressProfile | None, time_zero_s: float) -> str | None:
    """Return whether the skin grew brighter where blood should have darkened it; asked where no press draws the line.

    Refill darkens green. A lamp that goes on may raise h as refill does, but not that way.
    """
    if trace.light is None or profile is not None:
        return None
    ln = np.log(np.maximum(trace.light, 1e-5))
    late = trace.time_s > time_zero_s + 0.6 * (trace.time_s[-1] - time_zero_s)
    change = np.median(ln[late], axis=0) - np.median(ln[trace.blanched(time_zero_s)], axis=0)
    return "light_changed" if change[1] > 0.5 * abs(change[0] - change[1]) else None


def of_colour(trace: Trace, profile: PressProfile | None, time_zero_s: float, limits: Limits) -> str | None:
    """Return whether the colours moved as blood moves them: green more than red, blue between them or about as green.

    Told by the press where it is seen, else by the refill, which goes back the same way.
    """
    moved = _moved(trace, profile, time_zero_s)
    # The probe's shadow moves all channels alike: where the step is small it may be more of it than the blood.
    if moved is None or abs(moved[1]) < limits.colour_step:
        return None
    red, blue = float(moved[0] / moved[1]), float(moved[2] / moved[1])
    fits = limits.red_share[0] < red < limits.red_share[1] and limits.blue_share[0] < blue < limits.blue_share[1]
    return None if fits else "not_a_refill"


def _moved(trace: Trace, profile: PressProfile | None, time_zero_s: float) -> Array | None:
    """Return the steps of ln R, G, B (3,) that the press or the refill made; None without light or too little seen."""
    line = _line(trace, profile, time_zero_s)
    if line is not None:
        return line.step
    if trace.light is None:
        return None
    pale = trace.blanched(time_zero_s)
    late = trace.time_s > time_zero_s + LATE * (trace.time_s[-1] - time_zero_s)
    if pale.sum() < 4 or late.sum() < 4:
        return None
    ln = np.log(np.maximum(trace.light, 1e-5))
    return np.asarray(np.median(ln[late], axis=0) - np.median(ln[pale], axis=0))


def of_closure(trace: Trace, profile: PressProfile | None, time_zero_s: float, limits: Limits) -> str | None:
    """Return whether the colours left the line of blood: at the end of the window, or for a while on the way there.

    A common change of light moves all channels alike, and h not at all; a tint moves blue against red. Where blood did
    not come back as it was, its own line bends a little: the limit widens.
    """
    line = _line(trace, profile, time_zero_s)
    if line is None or abs(line.h_step) < 1e-6 or trace.light is None:
        return None
    step, size = line.step, abs(line.h_step)
    back = line.end - line.blanched
    returned = float(back[0] - back[1]) / line.h_step
    off = back - returned * step
    allowed = (limits.closure * size + limits.closure_least) * (1 + 3 * abs(returned - 1)) + 4 * line.noise_of_mean
    if abs(float(off[2] - off[0])) > allowed or _red_moved(returned, off, step, limits):
        return whose(line.end - line.free)
    after = trace.time_s > time_zero_s + 0.1
    way = np.log(np.maximum(trace.light[after], 1e-5)) - line.blanched
    share = (way[:, 0] - way[:, 1]) / line.h_step
    tint = way[:, 2] - way[:, 0] - share * float(step[2] - step[0])
    smooth = moving_mean(trace.time_s[after], tint, 0.8)
    if not len(smooth):
        return None
    # The tint as it is told here holds noise of all three channels, blown up where the step is small.
    noise = robust_sd(np.diff(tint)) / np.sqrt(2 * max(1.0, 0.8 / trace.interval_s))
    wandered = float(np.ptp(smooth)) > limits.wandering_tint * size + limits.closure_least + 6 * noise
    return "light_changed" if wandered else None


def _red_moved(returned: float, off: Array, step: Array, limits: Limits) -> bool:
    """Return whether blood and light both seem to have changed, which red alone does to them.

    A gain of red moves h, so that more blood seems to have come back, and lifts all channels off the line alike.
    """
    away = abs(returned - 1)
    allowed = limits.closure_light + 0.25 * abs(float(step[1])) * away
    return away > limits.closure_return and abs(float(off.mean())) > allowed


def whose(change: Array) -> str:
    """Return whose fault a change of ln R, G, B (3,) is: a white balance leaves green alone, a lamp does not."""
    others = max(abs(float(change[0])), abs(float(change[2])))
    return "light_changed" if abs(float(change[1])) > 0.4 * others else "camera_settings_moved"


def of_light(trace: Trace, time_zero_s: float, limits: Limits) -> str | None:
    """Return whether light or camera settings jumped or flickered: red and blue that do not follow blood.

    Blood moves the channels along one line; the rest of red and blue is light. A jump of it over `light_jump` (ln) is a
    lamp or an exposure where green jumps too, a white balance where it does not. What comes more slowly, somebody's
    shadow, is refused over `light_course`: no light dims by a tenth and keeps its colour to a hundredth.
    """
    if trace.light is None:
        return None
    ln = np.log(np.maximum(trace.light, 1e-5))
    used = trace.time_s > time_zero_s - 2.0
    time_s = trace.time_s[used]
    design = np.column_stack([np.ones(used.sum()), trace.signal[used], trace.signal[used] ** 2])
    # Red, blue, and red against blue, which is blind to the strength of the light and sees a tint of a hundredth.
    series = np.column_stack([ln[used, 0], ln[used, 2], ln[used, 0] - ln[used, 2]])
    red, blue, tint = (series - design @ np.linalg.lstsq(design, series, rcond=None)[0]).T
    fast = np.diff(red)
    if float(np.sqrt(np.mean(np.square(fast - np.median(fast))))) / np.sqrt(2) > limits.flicker:
        return "flicker"
    tint_jump, tint_at_s = jump(time_s, tint, time_zero_s - 1.0)
    step = float(np.quantile(trace.signal[used], 0.95) - np.quantile(trace.signal[used], 0.05))
    # Blood changes its own tint as it takes up oxygen, but not from one frame to the next.
    allowed = limits.tint_jump * step + 2.5 * robust_sd(np.diff(tint))
    if abs(tint_jump) > allowed and sharp(time_s, tint, tint_at_s) > 0.7 * allowed:
        return _jumped(time_s, ln[used, 1], tint_at_s, limits)
    jumps = [(*jump(time_s, channel, time_zero_s - 1.0), limit) for channel, limit in ((red, 1.0), (blue, 1.5))]
    for size, at_s, limit in jumps:
        if abs(size) > limit * limits.light_jump:
            return _jumped(time_s, ln[used, 1], at_s, limits)
    course = moving_mean(time_s, red, 0.8)
    return "light_changed" if len(course) and float(np.ptp(course)) > limits.light_course else None


def _jumped(time_s: Array, ln_green: Array, at_s: float, limits: Limits) -> str:
    green_jumped = sharp(time_s, ln_green, at_s) > 0.4 * limits.light_jump
    return "light_changed" if green_jumped else "camera_settings_moved"
