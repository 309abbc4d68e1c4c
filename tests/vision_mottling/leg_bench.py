"""Legs with a known extent of mottling, drawn from geometry and optical densities, for the tests of `vision.mottling`.

Plain on purpose: a band of skin with the shading of a cylinder on a sheet, a net of densities where it is mottled. The
evidence is made with the phantom legs of the `phantom` room, which share no code with these.
"""

from dataclasses import dataclass, replace
from typing import Any, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.mottling.levels import Landmarks
from vision.tone import linear_to_srgb

Array = NDArray[np.float64]

SKIN: dict[str, tuple[float, float, float]] = {
    "I": (0.71, 1.02, 1.14),
    "II": (0.77, 1.11, 1.28),
    "III": (0.88, 1.27, 1.52),
    "IV": (1.04, 1.51, 1.88),
    "V": (1.53, 2.22, 2.97),
    "VI": (2.44, 3.48, 4.80),
}
"""Optical density in R, G, B of unmottled skin by tone: `phantom.optics` at 1 % of blood, 65 % saturated."""
VEIN = np.array([0.75, 1.0, 0.90])
"""More blood with less oxygen, relative to green: the same optics at 2 % and 35 %."""
MELANIN = np.array([0.68, 1.0, 1.52])
SHEETS = {
    "white": (0.85, 0.85, 0.84),
    "blue": (0.30, 0.45, 0.62),
    "green": (0.25, 0.50, 0.40),
    "beige": (0.72, 0.62, 0.50),
    "pink": (0.80, 0.60, 0.62),
}
KNEE_MM, PATELLA_MM = 0.0, 25.0


@dataclass(frozen=True)
class Leg:
    """A photo to be drawn; lengths in mm along the leg from the centre of the knee towards the groin."""

    tone: str = "II"
    top_mm: float | None = None
    """How far mottling reaches; None is an unmottled leg."""
    coin: bool = False
    amplitude: float = 0.2
    mesh_mm: float = 14.0
    confluent: float = 0.45
    thigh_mm: float = 360.0
    width_px: int = 600
    height_px: int = 900
    mm_per_px: float = 1.0
    angle_deg: float = -90.0
    """Of the thigh towards the groin in the picture; -90 is up."""
    bend_deg: float = 15.0
    mirrored: bool = False
    knee_at: tuple[float, float] = (0.5, 0.56)
    sheet: str = "white"
    gown_mm: float | None = None
    """A gown covers all skin beyond this."""
    light: float = 1.0
    gradient: float = 0.3
    white: tuple[float, float, float] = (1.0, 1.0, 1.0)
    shadow: float = 0.0
    freckles: int = 0
    bruise_mm: tuple[float, float, float] | None = None
    """Where on the leg (along, across) and how large."""
    red_knee: float = 0.0
    noise: float = 0.012
    blur_px: float = 0.0
    jpeg: int = 0
    """Quality of the file; 0 leaves the pixels as they are."""
    seed: int = 1

    def with_(self, **changes: Any) -> Self:
        """Return this leg with something else."""
        return replace(self, **changes)


def smooth_noise(shape: tuple[int, int], sigma_px: float, seed: int) -> Array:
    """Blurred noise, mean 0 and spread 1."""
    noise = np.random.default_rng(seed).standard_normal(shape).astype(np.float32)
    blurred = cv2.GaussianBlur(noise, (0, 0), max(sigma_px, 0.5))
    return np.asarray((blurred - blurred.mean()) / blurred.std(), dtype=np.float64)


def net(shape: tuple[int, int], mesh_px: float, confluent: float, seed: int) -> Array:
    """A net, 0 to 1: where two neighbouring cells of a random partition are about equally near."""
    rng = np.random.default_rng(seed)
    height, width = shape
    count = int(1.3 * height * width / mesh_px**2)
    seeds = np.zeros(shape, dtype=np.uint8)
    seeds[rng.integers(0, height, count), rng.integers(0, width, count)] = 1
    _, labels = cv2.distanceTransformWithLabels(1 - seeds, cv2.DIST_L2, 5)
    border = np.zeros(shape, dtype=np.uint8)
    border[:, 1:] |= labels[:, 1:] != labels[:, :-1]
    border[1:] |= labels[1:] != labels[:-1]
    away = cv2.distanceTransform(1 - border, cv2.DIST_L2, 5)
    half = 0.5 * confluent * mesh_px * (1.0 + 0.3 * smooth_noise(shape, mesh_px, seed + 1))
    return np.asarray(1.0 / (1.0 + np.exp((away - 0.6 * half) / (0.06 * mesh_px + 0.3))), dtype=np.float64)


@dataclass(frozen=True)
class Frame:
    """Where each pixel lies on the leg."""

    along_mm: Array
    across: Array
    """-1 to 1 between the outlines."""
    leg: NDArray[np.bool_]
    landmarks: Landmarks


def frame_of(leg: Leg) -> Frame:
    """Return the leg's own coordinates for each pixel."""
    y, x = np.mgrid[: leg.height_px, : leg.width_px].astype(np.float64)
    knee = np.array([leg.knee_at[0] * (leg.width_px - 1), leg.knee_at[1] * (leg.height_px - 1)])
    turn = -1.0 if leg.mirrored else 1.0
    up = np.array([np.cos(np.radians(leg.angle_deg)), np.sin(np.radians(leg.angle_deg))])
    bent = np.radians(leg.angle_deg + 180.0 + turn * leg.bend_deg)
    down = np.array([np.cos(bent), np.sin(bent)])
    dx, dy = (x - knee[0]) * leg.mm_per_px, (y - knee[1]) * leg.mm_per_px
    best = np.full(x.shape, 9.0)
    along, signed = np.zeros_like(x), np.zeros_like(x)
    for axis, sign in ((up, 1.0), (down, -1.0)):
        s = np.maximum(dx * axis[0] + dy * axis[1], 0.0)
        away = np.hypot(dx - s * axis[0], dy - s * axis[1])
        half = np.interp(sign * s, [-420, -330, -120, -40, 0, 40, 150, 330, 480], [32, 34, 55, 50, 55, 57, 68, 84, 95])
        share = away / half
        nearer = share < best
        best = np.where(nearer, share, best)
        along = np.where(nearer, sign * s, along)
        side = np.sign(dx * -axis[1] + dy * axis[0]) * sign
        signed = np.where(nearer, share * side, signed)
    points = [tuple(knee + up * mm / leg.mm_per_px) for mm in (KNEE_MM, PATELLA_MM, PATELLA_MM + leg.thigh_mm)]
    return Frame(along, signed * turn, best < 1.0, Landmarks(*((float(a), float(b)) for a, b in points)))


def mottled(leg: Leg, frame: Frame) -> Array:
    """How mottled each pixel is, 0 to 1."""
    if leg.top_mm is None and not leg.coin:
        return np.zeros_like(frame.along_mm)
    shape = frame.along_mm.shape
    pattern = net(shape, leg.mesh_mm / leg.mm_per_px, leg.confluent, leg.seed)
    if leg.coin:
        y, x = np.indices(shape)
        away = np.hypot(x - frame.landmarks.knee[0], y - frame.landmarks.knee[1]) * leg.mm_per_px
        return np.maximum(pattern, 0.6) * (away < 12.0)
    wander = 4.0 * smooth_noise(shape, 12.0 / leg.mm_per_px, leg.seed + 9)
    top = leg.top_mm if leg.top_mm is not None else 0.0
    # The net starts at the knee: below it, it ends like above.
    inside = (frame.along_mm < top - np.abs(wander)) & (frame.along_mm > -max(35.0, min(top, 150.0)) + wander)
    return pattern * inside


def densities(leg: Leg, frame: Frame) -> Array:
    """Optical density of the skin, shape (h, w, 3), without light and shading."""
    shape = frame.along_mm.shape
    skin = np.array(SKIN[leg.tone]) + 0.02 * smooth_noise(shape, 30 / leg.mm_per_px, leg.seed + 2)[..., None] * MELANIN
    skin = skin + 0.01 * smooth_noise(shape, 2.0 / leg.mm_per_px, leg.seed + 3)[..., None] * VEIN
    skin = skin + leg.amplitude * mottled(leg, frame)[..., None] * VEIN
    rng = np.random.default_rng(leg.seed + 4)
    spots = np.zeros(shape, dtype=np.float32)
    for _ in range(leg.freckles):
        at = int(rng.integers(leg.width_px)), int(rng.integers(leg.height_px))
        cv2.circle(spots, at, int(rng.integers(1, 4)), float(rng.uniform(0.1, 0.35)), -1)
    skin = skin + cv2.GaussianBlur(spots, (0, 0), 0.8)[..., None] * MELANIN
    knee = np.exp(-0.5 * ((frame.along_mm / 45.0) ** 2 + (frame.across / 0.7) ** 2))
    skin = skin + leg.red_knee * knee[..., None] * np.array([0.47, 1.0, 1.0])
    if leg.bruise_mm is not None:
        along, across, size = leg.bruise_mm
        away = np.hypot(frame.along_mm - along, 60.0 * (frame.across - across)) / size
        skin = skin + 0.25 / (1.0 + np.exp((away - 1.0) / 0.12))[..., None] * np.array([0.9, 1.0, 0.8])
    return np.asarray(skin)


def draw(leg: Leg) -> tuple[NDArray[np.uint8], Landmarks]:
    """Return the photo, BGR (h, w, 3), and its landmarks."""
    frame = frame_of(leg)
    shape = frame.along_mm.shape
    light = np.exp(leg.gradient * np.linspace(-1, 1, shape[1]))[None, :] * np.ones(shape)
    if leg.shadow:
        edge = np.linspace(-1, 1, shape[0])[:, None] + 0.6 * np.linspace(-1, 1, shape[1])[None, :]
        light = light * np.exp(-leg.shadow / (1 + np.exp(-(edge + 0.25) / 0.03)))
    shading = 0.25 + 0.75 * np.sqrt(np.clip(1 - frame.across**2, 0, 1))
    skin = np.exp(-densities(leg, frame)) * shading[..., None] + 0.006
    skin = skin * {"V": 0.30, "VI": 0.22}.get(leg.tone, 0.45) / np.exp(-SKIN[leg.tone][0])
    folds = 1 + 0.10 * smooth_noise(shape, 25 / leg.mm_per_px, leg.seed + 5)
    outside = ~frame.leg if leg.gown_mm is None else ~frame.leg | (frame.along_mm > leg.gown_mm)
    sheet = np.array(SHEETS[leg.sheet]) * folds[..., None]
    linear = np.where(outside[..., None], sheet, skin) * light[..., None] * leg.light * np.array(leg.white)
    if leg.blur_px:
        linear = cv2.GaussianBlur(linear, (0, 0), leg.blur_px)
    rng = np.random.default_rng(leg.seed + 6)
    linear = linear + leg.noise * np.sqrt(np.maximum(linear, 0.003)) * rng.standard_normal(linear.shape)
    photo = np.ascontiguousarray(np.round(linear_to_srgb(linear)).astype(np.uint8)[..., ::-1])
    if leg.jpeg:
        coded, data = cv2.imencode(".jpg", photo, [cv2.IMWRITE_JPEG_QUALITY, leg.jpeg])
        assert coded
        photo = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), dtype=np.uint8)
    return photo, frame.landmarks
