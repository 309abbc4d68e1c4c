"""The sheet of targets for the plate: A4, tiles to cut out, each with its target in the middle; and its PDF."""

from math import cos, pi, sin
from pathlib import Path
from typing import Final

import matplotlib as mpl

from calibration.camera_target import (
    CHART_INK,
    DOT_RADIUS_MM,
    TARGET_VERSION,
    TILE_MM,
    Square,
    block,
    chart_patches,
    chart_size_mm,
    dots,
    grey_steps,
    pad_dots,
)
from calibration.card import CUT, INK, Area, Language, Line, Shape, Words, box
from calibration.card_pdf import figure
from calibration.rig import Target
from vision.mottling.card_geometry import Point

PLACES: Final[dict[Target, Point]] = {
    Target.WHITE: (45.0, 75.0),
    Target.GREY_STEPS: (90.0, 75.0),
    Target.CHART: (45.0, 125.0),
    Target.SCALE_CARD: (90.0, 125.0),
    Target.PAD: (135.0, 125.0),
}
"""Of each tile's middle on the sheet, mm."""
TEXTS: Final[dict[str, tuple[str, str]]] = {
    "title": ("Refill targets for the plate", "Mires Refill pour la plaque"),
    "measure": ("Measure me: must be 100 mm", "Mesurez-moi : doit faire 100 mm"),
    Target.WHITE: ("white", "blanc"),
    Target.GREY_STEPS: ("grey steps", "gris"),
    Target.CHART: ("colour chart", "charte de couleurs"),
    Target.SCALE_CARD: ("scale card", "mire d'échelle"),
    Target.PAD: ("stencil of the pad", "gabarit du coussin"),
    "1": (
        "Print at 100 % on white matt paper without brightener, in colour, at 600 dpi or more.",
        "Imprimez à 100 % sur papier blanc mat sans azurant, en couleur, à 600 dpi ou plus.",
    ),
    "2": (
        "The control line must be 100 mm, to 0.3 mm; else print again.",
        "La ligne doit faire 100 mm, à 0,3 mm près ; sinon réimprimez.",
    ),
    "3": (
        "Cut the tiles out; lay each flat under the plate, its print in the middle of the window.",
        "Découpez les carrés ; posez chacun à plat sous la plaque, le motif au milieu de la fenêtre.",
    ),
    "4": (
        "The dark cap cannot be printed: black velvet or flock, so tight that no room light enters.",
        "Le capuchon noir ne s'imprime pas : velours noir, assez serré pour arrêter la lumière.",
    ),
    "5": (
        "The pad is no paper: mark the stencil's dots on soft white silicone, 3 to 5 mm thick.",
        "Le coussin n'est pas en papier : marquez ces points sur du silicone blanc souple, 3 à 5 mm.",
    ),
}
"""English and French."""


def write_targets(path: Path, language: Language = "en") -> None:
    """Write the sheet; raises `OSError` where it cannot be written. The same sheet is the same file, to the byte."""
    about = {"Title": f"Refill targets for the plate v{TARGET_VERSION}", "CreationDate": None}
    with mpl.rc_context():
        mpl.rcdefaults()
        figure(sheet(language)).savefig(path, format="pdf", metadata=about)


def sheet(language: Language = "en") -> list[Shape]:
    """Return everything on the sheet, in the order in which it is drawn; mm from the upper left corner."""

    def text(name: str) -> str:
        return TEXTS[name][language == "fr"]

    shapes: list[Shape] = [
        Words(f"{text('title')}  ·  v{TARGET_VERSION}", (105.0, 22.0), 5.0),
        Words(text("measure"), (105.0, 35.0), 3.6),
        Line(((55.0, 41.0), (155.0, 41.0)), 0.3),
        *(Line(((x, 39.5), (x, 42.5)), 0.15) for x in (55.0, 155.0)),
    ]
    for target, (x, y) in PLACES.items():
        half = 0.5 * TILE_MM
        shapes += [
            Line(box(x - half, y - half, TILE_MM, TILE_MM), 0.2, CUT, closed=True),
            *(_moved(shape, (x, y)) for shape in printed(target)),
            Words(text(target), (x, y + half + 4.0), 3.0),
        ]
    return shapes + [
        Words(f"{number}.  {text(str(number))}", (25.0, 165.0 + 8.0 * number), 3.2, starts=True)
        for number in (1, 2, 3, 4, 5)
    ]


def printed(target: Target) -> list[Area]:
    """Return what is printed on a tile, mm from its middle; a white one is bare paper."""
    if target is Target.CHART:
        width, height = chart_size_mm()
        return [Area(box(-width / 2, -height / 2, width, height), CHART_INK), *map(_square, chart_patches())]
    if target is Target.GREY_STEPS:
        return list(map(_square, grey_steps()))
    if target is Target.PAD:
        return [_disc((float(x), float(y))) for x, y in pad_dots()]
    if target is Target.SCALE_CARD:
        return [*(_disc((float(x), float(y))) for x, y in dots()), Area(_points(block().tolist()), INK)]
    return []


def _square(square: Square) -> Area:
    half = square.side_mm / 2
    x, y = square.centre_mm
    return Area(box(x - half, y - half, square.side_mm, square.side_mm), square.srgb)


def _disc(middle: Point) -> Area:
    """A polygon of 64 corners: 0.1 % smaller than the disc, the same on every side."""
    turns = [2.0 * pi * corner / 64 for corner in range(64)]
    return Area(
        tuple((middle[0] + DOT_RADIUS_MM * cos(turn), middle[1] + DOT_RADIUS_MM * sin(turn)) for turn in turns), INK
    )


def _points(corners: list[list[float]]) -> tuple[Point, ...]:
    return tuple((corner[0], corner[1]) for corner in corners)


def _moved(area: Area, by: Point) -> Area:
    return Area(tuple((x + by[0], y + by[1]) for x, y in area.points), area.colour)
