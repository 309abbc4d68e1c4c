"""`refill mottling`: a photo of a leg in, the mottling score or the reason why there is none out."""

import json
import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

if TYPE_CHECKING:
    from collections.abc import Callable

    from refill.mottling_files import Photo
    from vision.mottling.find_card import Found
    from vision.mottling.levels import Landmarks, Point
    from vision.mottling.result import Assessment

EXIT_CODES = {"measured": 0, "not_measurable": 3}
EXIT_BAD_INPUT = 2
LEVELS = (
    "none",
    "coin-sized, on the centre of the knee",
    "does not exceed the upper edge of the kneecap",
    "does not exceed the middle of the thigh",
    "does not exceed the fold of the groin",
    "goes beyond the fold of the groin",
)
"""What each score says (Ait-Oufella, Intensive Care Med 2011;37:801)."""
ZONE_WORDS = {
    "knee_centre": "centre of the knee",
    "knee": "knee",
    "lower_thigh": "lower thigh",
    "upper_thigh": "upper thigh",
    "beyond_groin": "beyond the groin",
}
CONFIRM = "A person confirms or changes this score."
CARD_NOTES = {
    "two_cards": "Two cards or pointers of one kind are in the photo: they are not used. Leave one of each.",
    "mirrored": "The card is mirrored: switch the camera's mirroring off.",
    "covered": "Fewer than three corners of the card can be read: it is not used.",
    "bent": "The card is not flat: it is not used.",
    "pointers_disagree": "The pointers differ too much in size to lie on one leg: they are not used.",
}
"""What is said of a card that was seen and not used, by `vision.mottling.find_card.CardProblem`."""


@dataclass(frozen=True)
class Told:
    """An assessment with where its landmarks and its scale came from; everything in pixels of the whole photo."""

    assessment: "Assessment"
    landmarks: "Landmarks | None"
    landmarks_from: Literal["given", "card"] | None
    mm_per_px: float | None
    scale_from: Literal["given", "card", "pointers"] | None
    notes: tuple[str, ...]
    photo_sha256: str


def assess_photo(photo: "Photo", given: "Landmarks | None", mm_per_px: float | None) -> Told:
    """Return what a photo comes to. Landmarks and scale that are given go before those of a card."""
    from calibration.card import geometry
    from vision.mottling.assess import assess
    from vision.mottling.find_card import find_card

    marked = None if given is None else _moved(given, photo.from_whole)
    found = find_card(photo.picture, geometry(), None if marked is None else marked.knee)
    landmarks = marked or found.landmarks
    scale = mm_per_px * photo.factor if mm_per_px is not None else found.mm_per_px
    assessment = assess(photo.picture, landmarks, scale, found.grey)
    if assessment.map is not None:
        whole_map = replace(assessment.map, px=assessment.map.px * photo.factor)
        assessment = replace(assessment, map=whole_map)
    whole = given if given is not None or landmarks is None else _moved(landmarks, photo.to_whole)
    return Told(
        assessment=replace(assessment, landmarks=whole),
        landmarks=whole,
        landmarks_from=None if whole is None else "given" if given is not None else "card",
        mm_per_px=None if scale is None else scale / photo.factor,
        scale_from="given" if mm_per_px is not None else found.scale_from,
        notes=_notes(found),
        photo_sha256=photo.sha256,
    )


def _moved(landmarks: "Landmarks", to: "Callable[[Point], Point]") -> "Landmarks":
    from vision.mottling.levels import Landmarks

    groin = None if landmarks.groin is None else to(landmarks.groin)
    return Landmarks(to(landmarks.knee), to(landmarks.patella), groin)


def _notes(found: "Found") -> tuple[str, ...]:
    return () if found.problem is None else (CARD_NOTES[found.problem.value],)


def as_json(told: Told) -> dict[str, Any]:
    """Return the result as one object; null where there is no value, finite numbers only."""
    from contract.mottling import MottlingReason, mottling_sentence
    from contract.version import __version__
    from vision import ALGORITHM_VERSION
    from vision.mottling.levels import ZONES

    found = told.assessment
    reason = None if found.reason is None else found.reason.value
    return {
        "status": found.status,
        "reason": reason,
        "sentence": None if reason is None else mottling_sentence(MottlingReason(reason)),
        "score": found.score,
        "max_supported": found.max_supported,
        "at_least": found.at_least,
        "confidence": _rounded(found.confidence, 2),
        "zones": {zone: _rounded(found.zones.get(zone), 3) for zone in ZONES},
        "mottled_area_cm2": _rounded(found.mottled_area_cm2, 1) if told.mm_per_px is not None else None,
        "landmarks": _points(told.landmarks),
        "landmarks_from": told.landmarks_from,
        "mm_per_px": _rounded(told.mm_per_px, 4),
        "scale_from": told.scale_from,
        "notes": list(told.notes),
        "photo_sha256": told.photo_sha256,
        "software_version": __version__,
        "algorithm_version": ALGORITHM_VERSION,
    }


def _points(landmarks: "Landmarks | None") -> dict[str, list[float] | None] | None:
    if landmarks is None:
        return None
    points = {"knee": landmarks.knee, "patella": landmarks.patella, "groin": landmarks.groin}
    return {name: None if at is None else [round(at[0], 1), round(at[1], 1)] for name, at in points.items()}


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None or not math.isfinite(value) else round(float(value), digits)


def in_words(result: dict[str, Any]) -> str:
    """Return the result as a few lines for a person."""
    notes = [f"  {note}" for note in result["notes"]]
    if result["status"] == "not_measurable":
        return "\n".join([f"Not measurable ({result['reason']}): {result['sentence']}", *notes])
    score, most = result["score"], result["max_supported"]
    if result["at_least"]:
        head = f"Mottling score {score} or more: it goes on to the end of what can be seen"
    else:
        head = f"Mottling score {score} of 5: {LEVELS[score]}"
    zones = ", ".join(
        f"{words} {'not seen' if result['zones'][zone] is None else format(result['zones'][zone], '.0%')}"
        for zone, words in ZONE_WORDS.items()
    ).replace("%", " %")
    lines = [head]
    if most < 5:
        lines.append(f"  at most {most} can be told on this photo")
    lines.append(f"  mottled: {zones}")
    if result["mottled_area_cm2"] is not None:
        scale = f"scale {result['mm_per_px']:.3g} mm/px, {result['scale_from']}"
        lines.append(f"  mottled area {result['mottled_area_cm2']:.0f} cm2 ({scale})")
    if result["confidence"] is not None:
        lines.append(f"  confidence {100 * result['confidence']:.0f} %; landmarks: {result['landmarks_from']}")
    return "\n".join([*lines, *notes, f"  {CONFIRM}"])


def parse_point(option: str, text: str) -> "Point":
    """Return x and y from `x,y`; raises `refill.mottling_files.BadFileError`, which names the option."""
    from refill.mottling_files import BadFileError

    try:
        x, y = (float(part) for part in text.split(","))
    except ValueError as error:
        raise BadFileError(f"{option}: {text!r} is not x,y in pixels") from error
    if not (math.isfinite(x) and math.isfinite(y)):
        raise BadFileError(f"{option}: {text!r} is not a place")
    return x, y


def given_landmarks(file: Path | None, knee: str | None, patella: str | None, groin: str | None) -> "Landmarks | None":
    """Return the landmarks of the options, or None where there are none; raises `BadFileError`."""
    from refill.mottling_files import BadFileError, read_landmarks
    from vision.mottling.levels import Landmarks

    tapped = (knee, patella, groin)
    if file is not None:
        if tapped != (None, None, None):
            raise BadFileError("--landmarks: not together with --knee, --patella and --groin")
        return read_landmarks(file)
    if tapped == (None, None, None):
        return None
    if knee is None or patella is None:
        raise BadFileError(f"{'--knee' if knee is None else '--patella'}: missing; knee and patella go together")
    end = None if groin is None else parse_point("--groin", groin)
    return Landmarks(parse_point("--knee", knee), parse_point("--patella", patella), end)


def check_scale(mm_per_px: float | None) -> None:
    """Raise `refill.mottling_files.BadFileError` where a given scale is none."""
    from refill.mottling_files import BadFileError

    if mm_per_px is not None and not 0.001 <= mm_per_px <= 100.0:
        raise BadFileError(f"--mm-per-px: {mm_per_px:g} is not the scale of a photo, 0.001 to 100")


def mottling(
    photo: Annotated[Path, typer.Argument(help="a photo of the leg, PNG or JPEG")],
    landmarks: Annotated[
        Path | None,
        typer.Option(help='JSON {"knee": [x, y], "patella": [x, y], "groin": [x, y]}; groin may be missing'),
    ] = None,
    knee: Annotated[str | None, typer.Option(help="centre of the knee, x,y in pixels of the upright photo")] = None,
    patella: Annotated[str | None, typer.Option(help="upper edge of the kneecap, x,y")] = None,
    groin: Annotated[str | None, typer.Option(help="fold of the groin, x,y; without it at most 3 is told")] = None,
    mm_per_px: Annotated[float | None, typer.Option(help="scale of the photo [default: the card's]")] = None,
    json_output: Annotated[bool, typer.Option("--json", help="print one JSON object")] = False,
    map_: Annotated[Path | None, typer.Option("--map", help="write the photo with what was found on it (PNG)")] = None,
) -> None:
    """Score the mottling of one leg, 0 to 5 by extent. Exit 0 scored, 3 not measurable, 2 bad input.

    Landmarks are pixels of the picture as a viewer shows it: x to the right, y down. Without them the printed card's
    pointers are looked for (refill calibrate card).
    """
    from refill.analyse_cli import one_line
    from refill.mottling_files import BadFileError, read_photo

    try:
        check_scale(mm_per_px)
        given = given_landmarks(landmarks, knee, patella, groin)
        taken = read_photo(photo)
        told = assess_photo(taken, given, mm_per_px)
        if map_ is not None:
            from refill.mottling_map import draw_map, write_map

            write_map(draw_map(taken.whole(), told.assessment, told.mm_per_px), map_)
    except BadFileError as error:
        typer.echo(f"refill: {one_line(str(error))}", err=True)
        raise typer.Exit(EXIT_BAD_INPUT) from error
    result = as_json(told)
    typer.echo(json.dumps(result, indent=2, allow_nan=False) if json_output else in_words(result))
    raise typer.Exit(EXIT_CODES[result["status"]])
