"""What may be wrong with the times of a simulated device's frames: hidden from calibration, which has to find it.

The soft pad and the screen that calibration uses differ from site to site too: theirs is no error, but nobody knows it.
"""

from dataclasses import dataclass, replace
from typing import Final

from phantom.streams import stream


@dataclass(frozen=True)
class TimingErrors:
    """Hidden truth of one camera's times, and of what is put under its plate. The values here are ideal."""

    seed: int = 0
    delay_ms: float = 0.0
    """How much later than the start of its exposure a frame is stamped."""
    interval_pct: float = 0.0
    """By how much frames really are further apart than configured."""
    clock_pct: float = 0.0
    """By how much the clock of the stamps is fast: no look at the stamps alone shows it."""
    jitter_ms: float = 0.0
    """Standard deviation of a stamp."""
    dropped_share: float = 0.0
    """Of the frames that the sensor takes."""
    repeated_share: float = 0.0
    """Of the frames that come: the picture of the one before, with a stamp of its own."""
    pad_lag_ms: float = 0.0
    """By how much the pad follows the pressure late."""
    pad_creep: float = 0.0
    """Share of the pad's spread that comes slowly."""
    pad_spread: float = 0.045
    """Relative spread of the pad's dots at 40 kPa."""
    screen_hz: float = 60.0
    screen_phase: float = 0.0
    """When the screen draws anew, in its own periods."""
    screen_light: float = 0.5
    """Its white, of the white target's."""
    screen_gamma: float = 2.2
    """Of the screen's tone curve; sRGB is about 2.2."""
    screen_page_s: float = 0.0
    """How far the page is when the camera's time is 0."""


def healthy_timing(seed: int) -> TimingErrors:
    """Return times as good cameras give them: stamped by the sensor's own start of frame, a few lines off."""
    chance = stream(seed, "bench timing")
    return TimingErrors(
        seed=seed,
        delay_ms=float(chance.uniform(-2.0, 2.0)),
        interval_pct=float(chance.uniform(-0.05, 0.05)),
        clock_pct=float(chance.uniform(-0.003, 0.003)),
        jitter_ms=float(chance.uniform(0.02, 0.1)),
        dropped_share=float(chance.uniform(0.0, 0.0005)),
        pad_lag_ms=float(chance.uniform(0.0, 3.0)),
        pad_creep=float(chance.uniform(0.01, 0.06)),
        pad_spread=float(chance.uniform(0.03, 0.06)),
        screen_hz=float(chance.uniform(59.9, 60.1)),
        screen_phase=float(chance.uniform(0.0, 1.0)),
        screen_light=float(chance.uniform(0.35, 0.6)),
        screen_gamma=float(chance.uniform(2.1, 2.3)),
        screen_page_s=float(chance.uniform(0.0, 30.0)),
    )


ERRORS: Final = ("delay", "interval", "clock", "jitter", "dropped", "repeated")
"""Hidden errors by name, each one large enough to matter."""


def with_timing_error(name: str, seed: int) -> TimingErrors:
    """Return good times with one of `ERRORS`, sized by the seed; raises `KeyError` for another name."""
    chance = stream(seed, f"bench error {name}")
    sign = float(chance.choice([-1, 1]))
    good = healthy_timing(seed)
    wrong: dict[str, TimingErrors] = {
        "delay": replace(good, delay_ms=sign * float(chance.uniform(30.0, 50.0))),
        "interval": replace(good, interval_pct=sign * float(chance.uniform(3.0, 8.0))),
        "clock": replace(good, clock_pct=sign * float(chance.uniform(2.0, 6.0))),
        "jitter": replace(good, jitter_ms=float(chance.uniform(1.5, 2.5))),
        "dropped": replace(good, dropped_share=float(chance.uniform(0.03, 0.08))),
        "repeated": replace(good, repeated_share=float(chance.uniform(0.02, 0.06))),
    }
    return wrong[name]
