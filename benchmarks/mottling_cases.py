"""One simulated photo after the other through the mottling score, with what is true of it and what a peer says."""

import time
from dataclasses import dataclass

import cv2
import numpy as np

from benchmarks.mottling_photos import marks_on, photo
from phantom.leg.bad_photos import bad_photo
from phantom.leg.drawn_at_random import spec_of
from phantom.leg.no_legs import MARKS, no_leg
from phantom.leg.photo import LegPhoto, take
from phantom.leg.spec import Renderer
from vision.mottling.assess import assess
from vision.mottling.levels import MIDDLE, ZONES, Landmarks, ZoneName


@dataclass(frozen=True)
class LegCase:
    """The photo with a number, by one of the renderers."""

    number: int
    renderer: Renderer


@dataclass(frozen=True)
class LegOutcome:
    """What was true of a photo and what was told. Scores are None where none was given."""

    case: LegCase
    tone: str
    pattern: str
    intensity: float
    distractors: int
    truth: int
    most: int
    most_in_view: int
    most_surely: int
    score: int | None
    reason: str | None
    told_most: int | None
    confidence: float | None
    at_least: bool
    zone_errors: dict[ZoneName, float]
    peer: int
    seconds: float


@dataclass(frozen=True)
class RefusalOutcome:
    """A photo that must not be scored: its kind, the reasons that fit (none: any will do), and what was told."""

    kind: str
    fitting: tuple[str, ...]
    reason: str | None
    score: int | None

    @property
    def right(self) -> bool:
        """Whether no score was given, for a reason that fits."""
        return self.score is None and (not self.fitting or self.reason in self.fitting)


def run_leg(case: LegCase) -> LegOutcome:
    """Draw one leg and score it with the marks that a nurse would tap."""
    return outcome_of(take(spec_of(case.number, case.renderer)), case)


def outcome_of(leg: LegPhoto, case: LegCase) -> LegOutcome:
    """Score a photo with the marks that a nurse would tap."""
    begun_s = time.process_time()
    found = assess(leg.photo, leg.truth.landmarks_tapped)
    seconds = time.process_time() - begun_s
    errors = {
        name: abs(found.zones[name] - leg.truth.zones[name])  # type: ignore[operator] # both are numbers, by the filter
        for name in ZONES
        if found.zones.get(name) is not None and leg.truth.zones.get(name) is not None
    }
    spec = leg.spec
    return LegOutcome(
        case,
        spec.tone,
        spec.pattern if spec.reach is not None else "coin" if spec.coin_mm is not None else "none",
        spec.intensity,
        len(spec.distractors),
        leg.truth.score,
        leg.truth.max_supported,
        leg.truth.most_in_view,
        leg.truth.most_surely,
        found.score,
        None if found.reason is None else found.reason.value,
        found.max_supported,
        found.confidence,
        found.at_least,
        errors,
        naive_score(leg),
        seconds,
    )


def run_bad(kind: str, number: int, renderer: Renderer) -> RefusalOutcome:
    """Score a photo that was spoiled in one way."""
    bad = bad_photo(kind, number, renderer)
    found = assess(bad.photo, bad.landmarks)
    fitting = tuple(sorted(reason.value for reason in bad.reasons))
    return RefusalOutcome(kind, fitting, None if found.reason is None else found.reason.value, found.score)


def run_no_leg(name: str, number: int) -> RefusalOutcome:
    """Score a picture that is no leg, with marks as they could be those of one."""
    found = assess(no_leg(name, number), MARKS)
    return RefusalOutcome(name, (), None if found.reason is None else found.reason.value, found.score)


def run_on_photo(name: str, seed: int, sets_of_marks: int) -> list[RefusalOutcome]:
    """Score a real photo of something else, with marks anywhere on it."""
    picture = photo(name)
    found = [assess(picture, marks) for marks in marks_on(picture.shape, sets_of_marks, seed)]
    kind = f"real photo: {name}"
    return [RefusalOutcome(kind, (), None if each.reason is None else each.reason.value, each.score) for each in found]


def naive_score(leg: LegPhoto) -> int:
    """Return what a plain threshold says: pixels by the leg's axis that are redder than most of the leg in CIELAB.

    The peer: nothing published scores 0 to 5 from a photo, and this is what one would try first.
    """
    marks = leg.truth.landmarks_tapped
    scale = 500 / max(leg.photo.shape[:2])
    small = cv2.resize(leg.photo, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    lab = cv2.cvtColor(small, cv2.COLOR_BGR2LAB).astype(np.float32)
    h, w = small.shape[:2]
    x, y = np.meshgrid((np.arange(w) + 0.5) / scale, (np.arange(h) + 0.5) / scale)
    axis = marks.thigh_axis
    mm = marks.mm_per_px()
    across = (-(x - marks.knee[0]) * axis[1] + (y - marks.knee[1]) * axis[0]) * mm
    along = marks.along_px(x, y) * mm
    on_leg = (np.abs(across) < 35) & (along > -100)
    redness = lab[..., 1] - 0.5 * lab[..., 2] - 0.4 * lab[..., 0]
    middle = float(np.median(redness[on_leg])) if on_leg.any() else 0.0
    spread = 1.4826 * float(np.median(np.abs(redness[on_leg] - middle))) if on_leg.any() else 1.0
    mottled = cv2.medianBlur((on_leg & (redness > middle + 2.0 * spread)).astype(np.uint8), 3) > 0
    return _level_of(mottled, along, across, marks, mm / scale)


def _level_of(mottled: np.ndarray, along: np.ndarray, across: np.ndarray, marks: Landmarks, mm_per_px: float) -> int:
    enough = 100.0 / mm_per_px**2
    thigh = None if marks.thigh_px is None else marks.thigh_px * marks.mm_per_px()
    levels = [(3, along > 0), (2, np.hypot(along + 25, across) > 15), (1, np.ones_like(mottled))]
    if thigh is not None:
        levels = [(5, along > thigh), (4, along > MIDDLE * thigh), *levels]
    return next((score for score, where in levels if int((mottled & where).sum()) > enough), 0)
