"""Pictures of the skin: texture, blanched disc, light and hand, turned into 8-bit BGR frames."""

import cv2
import numpy as np
from numpy.typing import NDArray

from phantom.camera import Sensor
from phantom.disturbance import ARM_OVER_SKIN, HAIR_LN, Disturbance
from phantom.geometry import blanched_area
from phantom.optics import melanin_colour
from phantom.plan import Plan
from phantom.streams import stream
from phantom.tones import MELANIN

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Frame = NDArray[np.uint8]

MELANIN_TEXTURE = 0.012  # RMS in ln G
BLOOD_TEXTURE = 0.012  # RMS in ln G of settled skin
TEXTURE_SCALES_PX = (1.6, 9.0)  # at 320 px width
LIGHT_TILT = 0.05  # in ln, from the middle to the border
VIGNETTE = 0.06  # in ln, lost in the corners
GLARE_LEVEL = 1.4  # linear


class Scene:
    """The field of view of one plan. `render` is asked for instants in order; same plan, same order, same pixels."""

    def __init__(self, plan: Plan) -> None:
        spec = plan.spec
        self.plan = plan
        self.width, self.height = spec.width_px, spec.height_px
        self._disturbance = Disturbance(plan)
        self._sensor = Sensor(plan.gain, spec.noise)
        self._chance = stream(spec.seed, "sensor")
        self._margin = int(np.ceil(4.0 * spec.motion_px)) + 8
        self._planes = self._make_planes()
        self._light = self._make_light()
        self._glare = self._make_glare() if plan.fault == "glare" else None
        self._rows = np.arange(self.height) / self.height
        self._columns = np.arange(self.width, dtype=float)
        self._scratch: Singles = np.empty((self.height, self.width, 3), np.float32)
        self._mix_melanin, self._mix_blood = self._texture_colours()

    def render(self, t_s: float, blood: float, since_release_s: float, drift_clock_s: float | None = None) -> Frame:
        """The frame at `t_s`, shape (height, width, 3), uint8 BGR; `blood` is the pulse-free volume under the press.

        `drift_clock_s` is the time that drift has had, where that is not `t_s`.
        """
        drift = self.plan.drift_per_s * (t_s if drift_clock_s is None else drift_clock_s)
        linear = self._skin(t_s, blood, since_release_s, drift)
        if self._disturbance.fault == "edge_crossing":
            covered = self._disturbance.covered(since_release_s, self._columns).astype(np.float32)
            linear += covered[None, :, None] * ARM_OVER_SKIN[::-1].astype(np.float32)
        if self._disturbance.fault == "hair":
            self._draw_hair(linear, t_s)
        cv2.exp(linear, linear)
        if self._glare is not None:
            cv2.add(linear, self._glare, dst=linear)
        if self._disturbance.fault in ("flicker_100", "flicker_120"):
            linear *= self._disturbance.flicker(t_s, self._rows).astype(np.float32)[:, None, None]
        return self._sensor.expose(linear, self._chance, self._scratch)

    def _skin(self, t_s: float, blood: float, since_release_s: float, drift: float) -> Singles:
        """ln of linear B, G, R: texture and blanched disc move with the hand, the light stays with the camera."""
        shift = self.plan.motion.shift_px(t_s)
        dx = self._margin - float(shift[0]) - float(self._disturbance.shift_px(since_release_s))
        dy = self._margin - float(shift[1])
        moved = cv2.warpAffine(
            self._planes,
            np.array([[1.0, 0.0, dx], [0.0, 1.0, dy]]),
            (self.width, self.height),
            flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REFLECT,
        )
        left = float(self.plan.in_field(blood))
        around = self.plan.ln_camera_rgb(self.plan.surrounding_volume(t_s) + drift)
        inside = self.plan.ln_camera_rgb(self.plan.living_volume(t_s, left) + drift)
        offset = around + self._disturbance.ln_gains(since_release_s)
        columns = [self._mix_melanin, self._mix_blood, left * self._mix_blood, inside - around, offset]
        skin = cv2.transform(moved, np.stack(columns, axis=1)[::-1].astype(np.float32))
        return np.asarray(cv2.add(skin, self._light, dst=skin), dtype=np.float32)

    def _make_planes(self) -> Singles:
        """Melanin texture, blood texture outside and inside the disc, and the disc; a margin for the hand's shift."""
        spec, margin = self.plan.spec, self._margin
        shape = (self.height + 2 * margin, self.width + 2 * margin)
        chance = stream(spec.seed, "texture")
        melanin, blood = (_texture(shape, chance, self.width / 320.0) for _ in range(2))
        y, x = np.mgrid[-margin : self.height + margin, -margin : self.width + margin].astype(float)
        disc = blanched_area(spec).depth(x, y)
        return np.stack([melanin, blood * (1.0 - disc), blood * disc, disc], axis=2).astype(np.float32)

    def _make_light(self) -> Singles:
        y, x = np.mgrid[-1.0 : 1.0 : self.height * 1j, -1.0 : 1.0 : self.width * 1j]
        angle = stream(self.plan.spec.seed, "light").uniform(0.0, 2.0 * np.pi)
        light = LIGHT_TILT * (np.cos(angle) * x + np.sin(angle) * y) - VIGNETTE * 0.5 * (x**2 + y**2)
        return np.repeat(light[:, :, None], 3, axis=2).astype(np.float32)

    def _make_glare(self) -> Singles:
        """A white reflex within the blanched disc, clipped at its heart."""
        area = blanched_area(self.plan.spec)
        radius = 0.5 * self.plan.size * self.width
        y, x = np.mgrid[0 : self.height, 0 : self.width].astype(float)
        distance = np.hypot((x - area.x_px + 0.2 * area.radius_px), (y - area.y_px) * 1.4) / max(radius, 1.0)
        spot = GLARE_LEVEL * np.exp(-(distance**4))
        return np.repeat(spot[:, :, None], 3, axis=2).astype(np.float32)

    def _texture_colours(self) -> tuple[Floats, Floats]:
        """ln R, G, B of one RMS of melanin and of blood texture: their colours as optics has them, scaled on green."""
        table, settled = self.plan.table, self.plan.blood_pair[1]
        of_blood = table.ln_linear_rgb(settled * 1.05) - table.ln_linear_rgb(settled)
        of_melanin = melanin_colour(MELANIN[self.plan.spec.tone], settled, self.plan.spec.saturation)
        return MELANIN_TEXTURE * of_melanin, BLOOD_TEXTURE * of_blood / abs(of_blood[1])

    def _draw_hair(self, ln_linear: Singles, t_s: float) -> None:
        middle = float(self._disturbance.hair_px(t_s))
        lean = 0.15 * self.width
        thickness = max(self.plan.size * self.width, 1.0)
        y = np.arange(self.height)[:, None] / self.height - 0.5
        distance = np.abs(self._columns[None, :] - (middle + lean * y))
        dark = np.clip(0.5 * thickness + 0.5 - distance, 0.0, 1.0).astype(np.float32)
        ln_linear += np.float32(HAIR_LN) * dark[:, :, None]


def _texture(shape: tuple[int, int], chance: np.random.Generator, scale: float) -> Floats:
    """Band-limited noise of two scales, RMS 1."""
    layers = []
    for sigma_px in TEXTURE_SCALES_PX:
        white = chance.standard_normal(shape).astype(np.float32)
        narrow = cv2.GaussianBlur(white, (0, 0), sigma_px * scale, borderType=cv2.BORDER_REFLECT)
        wide = cv2.GaussianBlur(white, (0, 0), 2.5 * sigma_px * scale, borderType=cv2.BORDER_REFLECT)
        band = narrow - wide
        layers.append(band / np.std(band))
    return np.asarray((0.6 * layers[0] + 0.8 * layers[1]), dtype=np.float64)
