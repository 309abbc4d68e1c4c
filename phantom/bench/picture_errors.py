"""What may be wrong with the camera of a simulated device: hidden from calibration, which has to find it."""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from phantom.streams import stream

Matrix = tuple[tuple[float, float, float], ...]
NEUTRAL: Final[Matrix] = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))


@dataclass(frozen=True)
class PictureErrors:
    """Hidden truth of one camera. The values here are those of an ideal one."""

    seed: int = 0
    """Of what is fixed in the sensor: its pixels' response, and where the hot and dead ones are."""
    sensitivity: float = 1.0
    """Linear level of white at 4000 us and gain 1.2, over 0.8."""
    neutral_gains: tuple[float, float] = (2.0, 1.6)
    """Gains of red and blue at which white is neutral."""
    black_level: float = 0.0
    """Left in a picture without light; linear, 1 is full."""
    full_well_e: float = 8000.0
    read_noise_e: float = 4.0
    prnu: float = 0.006
    """Relative standard deviation of the pixels' response."""
    response_power: float = 1.0
    """What is left of a tone curve after sRGB's: level = light to this power."""
    vignette: float = 0.06
    """In ln, lost in the corners."""
    colour_shading: float = 0.0
    """In ln G/R, from the middle to the right border."""
    matrix: Matrix = NEUTRAL
    """Camera's R, G, B of the light's linear sRGB; rows add up to 1."""
    blur_px: float = 0.6
    """Standard deviation of the blur, at 320 px of width."""
    glare: float = 0.0
    """Peak of a reflected spot, of white's level."""
    haze: float = 0.006
    """Reflected by the plate's surface whatever lies under it, of white's level; crossed polarisers keep it small."""
    hot_pixels: int = 0
    dead_pixels: int = 0
    px_per_mm: float = 12.65
    """At 320 px of width."""
    turn_deg: float = 0.0
    plate_off_mm: tuple[float, float] = (0.0, 0.0)
    """Of the plate's middle from the picture's."""
    target_off_mm: tuple[float, float] = (0.0, 0.0)
    """Of the target's middle from the plate's: it is put there by hand."""


def healthy_pictures(seed: int) -> PictureErrors:
    """Return a camera as good ones differ: every value within what its maker, and the engineer's hand, allow."""
    chance = stream(seed, "bench pictures")
    return PictureErrors(
        seed=seed,
        sensitivity=float(chance.uniform(0.8, 1.25)),
        neutral_gains=(float(chance.uniform(1.7, 2.3)), float(chance.uniform(1.4, 1.9))),
        black_level=float(chance.uniform(0.0, 0.0015)),
        full_well_e=float(chance.uniform(6500.0, 9500.0)),
        read_noise_e=float(chance.uniform(2.5, 6.0)),
        prnu=float(chance.uniform(0.003, 0.008)),
        response_power=float(chance.uniform(0.997, 1.003)),
        vignette=float(chance.uniform(0.02, 0.10)),
        colour_shading=float(chance.uniform(-0.005, 0.005)),
        matrix=crosstalk(0.02, chance),
        blur_px=float(chance.uniform(0.4, 0.9)),
        haze=float(chance.uniform(0.002, 0.008)),
        px_per_mm=float(chance.uniform(12.2, 13.1)),
        turn_deg=float(chance.uniform(-4.0, 4.0)),
        plate_off_mm=(float(chance.uniform(-0.8, 0.8)), float(chance.uniform(-0.8, 0.8))),
        target_off_mm=(float(chance.uniform(-0.15, 0.15)), float(chance.uniform(-0.15, 0.15))),
    )


def crosstalk(size: float, chance: np.random.Generator) -> Matrix:
    """Return a matrix near unity whose largest neighbour's share is `size`, either sign; its rows add up to 1."""
    off = chance.uniform(-1.0, 1.0, (3, 3)) * (1.0 - np.eye(3))
    off *= size / np.abs(off).max()
    matrix = off + np.diag(1.0 - off.sum(axis=1))
    return tuple((float(row[0]), float(row[1]), float(row[2])) for row in matrix)


ERRORS: Final = ("black", "tone_curve", "vignette", "shading", "colour_matrix", "blur", "glare", "polariser", "pixels")
"""Hidden errors by name, each one large enough to matter."""


def with_error(name: str, seed: int) -> PictureErrors:
    """Return a healthy camera with one of `ERRORS`, sized by the seed; raises `KeyError` for another name."""
    chance = stream(seed, f"bench error {name}")
    good = healthy_pictures(seed)
    wrong: dict[str, PictureErrors] = {
        "black": replace(good, black_level=float(chance.uniform(0.006, 0.015))),
        "tone_curve": replace(good, response_power=float(chance.choice([-1, 1]) * chance.uniform(0.03, 0.10) + 1.0)),
        "vignette": replace(good, vignette=float(chance.uniform(0.30, 0.60))),
        "shading": replace(good, colour_shading=float(chance.choice([-1, 1]) * chance.uniform(0.04, 0.10))),
        "colour_matrix": replace(good, matrix=crosstalk(float(chance.uniform(0.15, 0.25)), chance)),
        "blur": replace(good, blur_px=float(chance.uniform(2.5, 4.0))),
        "glare": replace(good, glare=float(chance.uniform(0.3, 1.0))),
        "polariser": replace(good, haze=float(chance.uniform(0.03, 0.06))),
        "pixels": replace(good, hot_pixels=int(chance.integers(40, 80)), dead_pixels=int(chance.integers(40, 80))),
    }
    return wrong[name]
