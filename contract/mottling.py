"""The reading of a mottling assessment, and why a photo gives no score.

The score is by extent, 0 to 5 (Ait-Oufella, Intensive Care Med 2011;37:801). What the device found is in the reading
and stays; that a person confirmed or changed it is an amendment (`contract.amendment`), which carries their score.
"""

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from contract.identifiers import Sha256
from contract.reasons import Sentence
from contract.record import Record
from contract.source import Source

Score = Annotated[int, Field(ge=0, le=5, description="mottling by extent, Ait-Oufella 2011")]
Share = Annotated[float, Field(ge=0, le=1)]
Point = tuple[float, float]


class MottlingReason(StrEnum):
    """Code of the one leading reason why a photo gives no score. A code never gets another meaning."""

    BLURRED = "blurred"
    DARK = "dark"
    OVER_EXPOSED = "over_exposed"
    COLOUR_CAST = "colour_cast"
    TOO_SMALL = "too_small"
    LANDMARKS_MISSING = "landmarks_missing"
    LANDMARKS_IMPOSSIBLE = "landmarks_impossible"
    KNEE_NOT_IN_VIEW = "knee_not_in_view"
    LEG_COVERED = "leg_covered"
    NOT_A_LEG = "not_a_leg"
    INTERRUPTED = "interrupted"


MOTTLING_REASONS: dict[MottlingReason, Sentence] = {
    MottlingReason.BLURRED: Sentence(
        "The photo is blurred. Hold still, wait for the focus and take it again.",
        "La photo est floue. Ne bougez plus, attendez la mise au point et reprenez-la.",
    ),
    MottlingReason.DARK: Sentence(
        "The photo is too dark. Switch a white light on and take it again.",
        "La photo est trop sombre. Allumez une lumière blanche et reprenez-la.",
    ),
    MottlingReason.OVER_EXPOSED: Sentence(
        "The photo is too bright. Switch the flash off, step back and take it again.",
        "La photo est trop claire. Coupez le flash, reculez et reprenez-la.",
    ),
    MottlingReason.COLOUR_CAST: Sentence(
        "The light is too coloured to judge skin. Switch a white light on and take it again.",
        "La lumière est trop colorée pour juger la peau. Allumez une lumière blanche et reprenez la photo.",
    ),
    MottlingReason.TOO_SMALL: Sentence(
        "The leg is too small in the photo. Step closer and take it again.",
        "La jambe est trop petite sur la photo. Approchez-vous et reprenez-la.",
    ),
    MottlingReason.LANDMARKS_MISSING: Sentence(
        "Knee and kneecap are not marked. Tap the centre of the knee and the upper edge of the kneecap.",
        "Le genou et la rotule ne sont pas marqués. Touchez le centre du genou et le bord supérieur de la rotule.",
    ),
    MottlingReason.LANDMARKS_IMPOSSIBLE: Sentence(
        "The marks cannot be those of one leg. Tap knee, kneecap edge and groin again.",
        "Les repères ne peuvent pas être ceux d'une jambe. Touchez à nouveau genou, bord de la rotule et aine.",
    ),
    MottlingReason.KNEE_NOT_IN_VIEW: Sentence(
        "The knee is not in the photo. Take it again with the whole knee in view.",
        "Le genou n'est pas sur la photo. Reprenez-la avec le genou entier.",
    ),
    MottlingReason.LEG_COVERED: Sentence(
        "The leg is covered at the knee. Uncover it and take the photo again.",
        "La jambe est couverte au genou. Découvrez-la et reprenez la photo.",
    ),
    MottlingReason.NOT_A_LEG: Sentence(
        "No leg was found where the marks are. Take a photo of the bare leg.",
        "Aucune jambe n'a été trouvée aux repères. Prenez une photo de la jambe nue.",
    ),
    MottlingReason.INTERRUPTED: Sentence(
        "The device restarted while it looked at the photo. Take the photo again.",
        "L'appareil a redémarré pendant l'examen de la photo. Reprenez la photo.",
    ),
}


class LegLandmarks(Record):
    """Where a person or a printed marker put the levels, x and y in pixels of the upright photo."""

    knee: Point = Field(description="centre of the knee")
    patella: Point = Field(description="upper edge of the kneecap")
    groin: Point | None = Field(None, description="fold of the groin; null where it was not marked")
    given_by: Literal["person", "card"] = "person"


class MottlingZones(Record):
    """Share of the visible skin of each zone that is mottled; null where none of it can be seen."""

    knee_centre: Share | None = None
    knee: Share | None = Field(None, description="below the upper edge of the kneecap, but for the centre")
    lower_thigh: Share | None = None
    upper_thigh: Share | None = None
    beyond_groin: Share | None = None


class MottlingResult(Record):
    """What was found on the photo, or why nothing could be."""

    status: Literal["measured", "not_measurable"]
    reason: MottlingReason | None = None
    score: Score | None = None
    max_supported: Score | None = Field(None, description="the highest score that this photo can tell")
    at_least: bool = Field(False, description="mottling reaches the end of what can be seen")
    confidence: Share | None = Field(None, description="probability that the score is right, as the device sees it")
    zones: MottlingZones | None = None
    mottled_area_cm2: Annotated[float, Field(ge=0)] | None = None
    mm_per_px: Annotated[float, Field(gt=0)] | None = Field(None, description="scale, where a card gave one")

    @model_validator(mode="after")
    def _score_and_status_agree(self) -> Self:
        measured = self.status == "measured"
        if measured != (self.score is not None) or measured != (self.max_supported is not None):
            raise ValueError("score and max_supported stand exactly when status is measured")
        if measured == (self.reason is not None):
            raise ValueError("a reason stands exactly when status is not_measurable")
        if self.score is not None and self.max_supported is not None and self.score > self.max_supported:
            raise ValueError("score is above max_supported")
        return self


class MottlingReading(Source):
    """The record of one mottling assessment. The photo stays on the device; its hash is here."""

    kind: Literal["mottling"] = "mottling"
    photo_sha256: Sha256 | None = Field(None, description="of the photo's file; null where none was kept")
    photo_from: Literal["camera", "file"] = "file"
    landmarks: LegLandmarks | None = None
    result: MottlingResult


def mottling_sentence(reason: MottlingReason, language: str = "en") -> str:
    """Return what the nurse reads for `reason`; `language` is "en" or "fr", anything else raises `ValueError`."""
    if language not in ("en", "fr"):
        raise ValueError(f"no such language: {language}")
    entry = MOTTLING_REASONS[reason]
    return entry.french if language == "fr" else entry.english
