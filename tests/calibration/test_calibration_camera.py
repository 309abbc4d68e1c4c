"""Every hidden error of the camera is found, with its size; a good camera passes; what lies wrong never does."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from typing import Final

import numpy as np
import pytest
from picture_bench import STEPS, PictureRig, bench, device, run, value

from calibration.rig import Target
from contract.certificate import Figure, StepOutcome
from contract.certificate import StepName as S
from firmware_config.sensors import SENSORS
from phantom.bench.picture_errors import ERRORS, PictureErrors, healthy_pictures, with_error

SEEDS: Final = 20
PIXEL: Final = 1.0 / np.sqrt(12.0)
"""Standard deviation of a pixel's own width: it blurs as well."""
CAP: Final = 0.0022
"""What the phantom's cap reflects, of white."""
Done = dict[S, StepOutcome]


def ln_range(errors: PictureErrors) -> float:
    """ln(G/R) from border to border, in the camera's own colours."""
    half = 0.5 * errors.colour_shading
    ratios = []
    for side in (-1.0, 1.0):
        red, green, _ = np.array(errors.matrix) @ np.exp([-half * side, half * side, 0.0])
        ratios.append(np.log(green / red))
    return float(abs(ratios[1] - ratios[0]))


def crosstalk(errors: PictureErrors) -> float:
    matrix = np.array(errors.matrix)
    return float(np.abs(matrix - np.diag(np.diag(matrix))).max())


TRUTH: Final[dict[str, tuple[set[S], S, str, Callable[[PictureErrors], float]]]] = {
    "black": ({S.CAMERA_DARK}, S.CAMERA_DARK, "black-level-pct", lambda e: 100 * e.black_level),
    "tone_curve": (
        {S.CAMERA_LOCK, S.CAMERA_LINEARITY},
        S.CAMERA_LINEARITY,
        "response-power",
        lambda e: e.response_power,
    ),
    "vignette": (
        {S.CAMERA_LOCK, S.CAMERA_FLAT_FIELD},
        S.CAMERA_FLAT_FIELD,
        "falloff-pct",
        lambda e: 100 * (1 - float(np.exp(-e.vignette))),
    ),
    "shading": (
        {S.CAMERA_LOCK, S.CAMERA_FLAT_FIELD},
        S.CAMERA_FLAT_FIELD,
        "green-red-range-pct",
        lambda e: 100 * ln_range(e),
    ),
    "colour_matrix": (
        {S.CAMERA_LOCK, S.CAMERA_COLOUR},
        S.CAMERA_COLOUR,
        "crosstalk-pct",
        lambda e: 100 * crosstalk(e),
    ),
    "blur": ({S.FOCUS}, S.FOCUS, "blur-px", lambda e: float(np.hypot(e.blur_px, PIXEL))),
    "glare": (
        {S.CAMERA_DARK, S.CAMERA_LOCK, S.CAMERA_GLARE},
        S.CAMERA_GLARE,
        "glare-peak-pct",
        lambda e: 100 * e.glare,
    ),
    "polariser": (
        {S.CAMERA_DARK, S.CAMERA_LOCK, S.CAMERA_GLARE},
        S.CAMERA_GLARE,
        "specular-share-pct",
        lambda e: 100 * (e.haze + CAP) / (1 + e.haze),
    ),
}


def test_every_hidden_error_has_a_truth_or_a_test_of_its_own() -> None:
    assert set(ERRORS) == {*TRUTH, "pixels"}


@pytest.mark.slow
@pytest.mark.parametrize("name", TRUTH)
def test_a_hidden_error_is_found_with_its_size(name: str) -> None:
    steps, step, figure, truth = TRUTH[name]
    inside = 0
    for seed in range(SEEDS):
        errors = with_error(name, seed)
        done = run(errors, steps)
        assert not done[step].passed, f"seed {seed}"
        found, uncertainty = value(done, step, figure)
        inside += abs(found - truth(errors)) <= uncertainty
    assert inside >= SEEDS - 1  # k = 2 leaves one in twenty


@pytest.mark.slow
def test_a_blurred_rim_does_not_pass_for_vignetting() -> None:
    steps, step, figure, truth = TRUTH["vignette"]
    off = []
    for seed in range(5):
        errors = with_error("blur", seed)
        found, uncertainty = value(run(errors, steps), step, figure)
        assert abs(found - truth(errors)) <= uncertainty, f"seed {seed}"
        off.append(found - truth(errors))
    assert abs(np.mean(off)) < 0.1, "of one sign: the rim is in it"


@pytest.mark.slow
def test_every_hot_and_dead_pixel_is_counted() -> None:
    for seed in range(SEEDS):
        errors = with_error("pixels", seed)
        done = run(errors, {S.CAMERA_DARK, S.CAMERA_LOCK, S.CAMERA_FLAT_FIELD})
        # Two of them side by side, or a place drawn twice, may be counted as one.
        assert abs(value(done, S.CAMERA_DARK, "hot-pixels")[0] - errors.hot_pixels) <= 2
        assert abs(value(done, S.CAMERA_FLAT_FIELD, "dead-pixels")[0] - errors.dead_pixels) <= 2
        assert not done[S.CAMERA_DARK].passed
        assert not done[S.CAMERA_FLAT_FIELD].passed


@cache
def good(seed: int) -> Done:
    return run(healthy_pictures(seed))


HEALTHY: Final = range(200, 208)


@pytest.mark.slow
def test_a_good_camera_passes_every_step() -> None:
    for seed in HEALTHY:
        wrong = {
            step: done.trouble or [figure for figure in done.figures if not figure.passed]
            for step, done in good(seed).items()
            if not done.passed
        }
        assert wrong == {}, f"seed {seed}"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("step", "figure", "truth"),
    [
        (S.CAMERA_DARK, "black-level-pct", lambda e: 100 * e.black_level),
        (S.CAMERA_LINEARITY, "response-power", lambda e: e.response_power),
        (S.CAMERA_NOISE, "full-well-e", lambda e: e.full_well_e),
        (S.CAMERA_NOISE, "read-noise-e", lambda e: e.read_noise_e),
        (S.CAMERA_COLOUR, "camera12", lambda e: e.matrix[0][1] / (1 + e.haze)),
        (S.CAMERA_COLOUR, "camera33", lambda e: e.matrix[2][2] / (1 + e.haze)),
        (S.SCALE, "px-per-mm", lambda e: e.px_per_mm),
        (S.SCALE, "turn-deg", lambda e: e.turn_deg),
        (S.SCALE, "plate-x-px", lambda e: 159.5 + e.px_per_mm * e.plate_off_mm[0]),
        (S.SCALE, "plate-y-px", lambda e: 119.5 + e.px_per_mm * e.plate_off_mm[1]),
        (S.SCALE, "plate-area-mm2", lambda _: float(np.pi * 6.18**2)),
        (S.FOCUS, "blur-px", lambda e: float(np.hypot(e.blur_px, PIXEL))),
    ],
)
def test_a_good_cameras_figures_are_right_within_their_uncertainty(
    step: S, figure: str, truth: Callable[[PictureErrors], float]
) -> None:
    inside = 0
    for seed in HEALTHY:
        found, uncertainty = value(good(seed), step, figure)
        inside += abs(found - truth(healthy_pictures(seed))) <= uncertainty
    assert inside >= len(HEALTHY) - 1


@pytest.mark.slow
def test_the_lock_is_neutral_within_the_sensors_limits_and_clips_nothing() -> None:
    errors = replace(healthy_pictures(7), sensitivity=0.05, neutral_gains=(2.6, 1.3))
    done = run(errors, {S.CAMERA_DARK, S.CAMERA_LOCK})
    chosen = done[S.CAMERA_LOCK].corrections
    camera = device().camera
    sensor, mode = SENSORS[camera.sensor], camera.mode
    assert done[S.CAMERA_LOCK].passed
    assert mode.shortest_exposure_us <= int(str(chosen["camera.lock.exposure_us"])) < 1e6 / camera.fps
    assert sensor.smallest_gain <= float(str(chosen["camera.lock.analogue_gain"])) <= sensor.largest_gain
    assert chosen["camera.lock.colour_gains"] == pytest.approx(errors.neutral_gains, rel=0.01)


@pytest.mark.slow
def test_a_camera_that_cannot_see_white_is_not_locked() -> None:
    done = run(replace(healthy_pictures(8), sensitivity=0.001), {S.CAMERA_LOCK})
    assert not done[S.CAMERA_LOCK].passed
    assert done[S.CAMERA_LOCK].trouble
    assert done[S.CAMERA_LOCK].corrections == {}


@pytest.mark.slow
@pytest.mark.parametrize("instead", [Target.NOTHING, Target.DARK_CAP, Target.WHITE, Target.CHART, Target.SCALE_CARD])
def test_what_lies_wrong_under_the_plate_never_passes(instead: Target) -> None:
    errors = healthy_pictures(5)
    rig, done = PictureRig(errors, instead), good(5)
    for step in STEPS:
        if step.target is instead:
            continue
        rig.put(step.target)
        outcome = step.run(bench(rig, done))
        assert not outcome.passed, step.name
        assert outcome.trouble, step.name
        assert outcome.corrections == {}


def test_the_glare_step_asks_for_the_white_level_first() -> None:
    done = run(healthy_pictures(9), {S.CAMERA_GLARE})
    assert "exposure and white balance first" in (done[S.CAMERA_GLARE].trouble or "")


@pytest.mark.slow
@pytest.mark.parametrize("turn_deg", [90.0, 172.0, -60.0])
def test_the_scale_card_may_lie_any_way_round(turn_deg: float) -> None:
    errors = replace(healthy_pictures(10), turn_deg=turn_deg)
    done = run(errors, {S.SCALE, S.FOCUS, S.CAMERA_COLOUR})
    found, uncertainty = value(done, S.SCALE, "turn-deg")
    assert abs(found - turn_deg) <= uncertainty
    assert done[S.FOCUS].passed
    assert done[S.CAMERA_COLOUR].passed


def flickering(**corrections: float) -> StepOutcome:
    seen = Figure(name="flicker-100-seen-pct", value=3.0, unit="%", at_most=0.5)
    return StepOutcome(step=S.LIGHT_FLICKER, at=datetime.now(UTC), figures=(seen,), corrections=corrections)


def test_the_flat_field_is_not_judged_under_a_light_that_flickers() -> None:
    rig = PictureRig(healthy_pictures(3))
    rig.put(Target.WHITE)
    step = next(step for step in STEPS if step.name is S.CAMERA_FLAT_FIELD)
    found = step.run(bench(rig, {S.LIGHT_FLICKER: flickering()}))
    assert (found.passed, found.figures) == (False, ())
    assert found.trouble is not None
    assert "flickers" in found.trouble
    corrected = {S.LIGHT_FLICKER: flickering(**{"camera.lock.exposure_us": 10_000})}
    assert step.run(bench(rig, corrected)).passed  # the lock that is used by then does not see it
