"""What counts as too much, in one table."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """What counts as too much. Shares are of the blanch step, of the hold pressure or of the field's width."""

    least_hold_kpa: float = 15.0
    hold_deviation: float = 0.12
    least_hold_s: float = 1.5
    release_s: float = 0.25
    residual_pressure: float = 0.12
    pressed_again: float = 0.2
    target_deviation: float = 0.15
    gap_s: float = 0.2
    burst: float = 0.4
    repeated_share: float = 0.2
    frozen_s: float = 0.5
    clipped_share: float = 0.01
    darkest_linear: float = 0.003
    brightest_linear: float = 0.965
    likeness: float = 0.3
    shift_share: float = 0.02
    incoherent_share: float = 0.3
    field_jump: float = 0.1
    field_apart_s: float = 0.3
    field_alike: float = 0.35
    field_share: float = 0.8
    light_jump: float = 0.06
    light_course: float = 0.08
    colour_jump: float = 0.12
    tint_jump: float = 0.07
    flicker: float = 0.03
    drift_per_s: float = 0.015
    wave_per_s: float = 0.06
    hiding_drift: float = 0.5
    least_step: float = 0.006
    least_window_s: float = 2.5
    misfit: float = 0.06
    overshoot: float = 0.6
    signal_jump: float = 0.15
    fall_back: float = 0.5
    bump: float = 0.06
    early_rise: float = 0.1
    return_in_hold: float = 0.12
    pales_before_s: float = 0.05
    pales_after_s: float = 0.5
    begins_to_pale_s: float = 0.1
    colour_step: float = 0.08
    least_behind: float = 1.3
    red_share: tuple[float, float] = (-0.6, 0.85)
    blue_share: tuple[float, float] = (-0.3, 1.7)
    closure: float = 0.018
    closure_least: float = 0.0005
    closure_light: float = 0.008
    closure_return: float = 0.03
    wandering_tint: float = 0.12
    unfinished: float = 0.2
    unrest: float = 3.0
    least_return: float = 0.75
    dip: float = 0.12
    lost_again: float = 0.05
    leap: float = 0.06
    back_early: float = 0.05
    overfull: float = 1.1
    surround_course: float = 0.06
    half_width: float = 0.30
    half_width_s: float = 0.30
