"""The reference card for photos of a leg: what is on the sheet, in mm, to be drawn and to be found again.

One sheet of A4, portrait: a card with a marker at each corner, grey steps, colours, a control line and a ruler; a
second control line across the first, for a printer whose two directions differ; and three pointers to cut out, whose
arrow tips are laid on the landmarks. Lengths in mm from the sheet's upper left corner, x to the right, y down.
"""

from dataclasses import dataclass
from functools import cache
from typing import Final, Literal

import cv2
import numpy as np

from vision.mottling.card_geometry import CardGeometry, Patch, Point, Pointer

Colour = tuple[int, int, int]
"""sRGB, 0 to 255."""
Language = Literal["en", "fr"]

CARD_VERSION: Final = "1"
"""Printed on the card. Another number whenever a position, a marker or a colour changes."""
SHEET_MM: Final[tuple[float, float]] = (210.0, 297.0)
CONTROL_MM: Final = 100.0

MODULES: Final = 6
"""Of a marker's side: four of the code and its black rim."""
CORNER_SIDE_MM: Final = 30.0
CORNERS: Final[dict[int, Point]] = {0: (34.0, 34.0), 1: (166.0, 34.0), 2: (166.0, 116.0), 3: (34.0, 116.0)}
CARD_OUTLINE: Final[tuple[Point, ...]] = ((15.0, 15.0), (185.0, 15.0), (185.0, 135.0), (15.0, 135.0))

POINTER_SIDE_MM: Final = 25.0
TIP_MM: Final[Point] = (0.0, 57.5)
"""So far that the paper lies beside the knee and only the arrow on it."""
POINTERS: Final[dict[int, Pointer]] = {
    10: Pointer("knee", TIP_MM),
    11: Pointer("patella", TIP_MM),
    12: Pointer("groin", TIP_MM),
}
POINTER_PLACES: Final[dict[int, Point]] = {10: (45.0, 178.0), 11: (105.0, 178.0), 12: (165.0, 178.0)}
POINTER_OUTLINE: Final[tuple[Point, ...]] = (
    (-17.5, -24.0),
    (17.5, -24.0),
    (17.5, 17.5),
    (7.0, 17.5),
    TIP_MM,
    (-7.0, 17.5),
    (-17.5, 17.5),
)
ARROW: Final[tuple[Point, ...]] = ((-3.5, 20.0), (3.5, 20.0), TIP_MM)

PATCH_SIDE_MM: Final = 14.5
PATCH_PITCH_MM: Final = 15.5
FIRST_PATCH: Final[Point] = (61.25, 26.5)
COLOURS: Final[tuple[tuple[Colour, ...], ...]] = (
    tuple((level, level, level) for level in (240, 200, 160, 124, 86, 52)),
    ((180, 60, 60), (80, 150, 80), (60, 70, 150), (225, 200, 60), (185, 85, 150), (60, 140, 165)),
    ((205, 150, 150), (175, 115, 125), (150, 90, 105), (130, 75, 95), (110, 65, 90), (85, 50, 65)),
    ((240, 212, 196), (228, 188, 164), (205, 157, 126), (170, 120, 88), (124, 82, 58), (80, 54, 42)),
)
"""Greys; colours around the circle; reddish to violet as mottled skin is; skin from light to dark. Chosen here."""

PAPER: Final[Colour] = (255, 255, 255)
INK: Final[Colour] = (0, 0, 0)
CUT: Final[Colour] = (150, 150, 150)


@dataclass(frozen=True)
class Area:
    """A filled polygon, corners shape (n, 2) as points."""

    points: tuple[Point, ...]
    colour: Colour


@dataclass(frozen=True)
class Line:
    """A stroke through points; `closed` back to its first."""

    points: tuple[Point, ...]
    width_mm: float
    colour: Colour = INK
    closed: bool = False


@dataclass(frozen=True)
class Words:
    """One line of text, its middle at `at` unless it starts there; upright text is read from the right."""

    text: str
    at: Point
    size_mm: float
    starts: bool = False
    upright: bool = False


Shape = Area | Line | Words
"""In the order in which they are drawn."""

TEXTS: Final[dict[str, tuple[str, str]]] = {
    "title": ("Refill reference card", "Carte de référence Refill"),
    "measure": ("Measure me: must be 100 mm", "Mesurez-moi : doit faire 100 mm"),
    "knee": ("centre of the knee", "centre du genou"),
    "patella": ("kneecap, upper edge", "rotule, bord supérieur"),
    "groin": ("fold of the groin", "pli de l'aine"),
    "1": (
        "Print at 100 % on white matt paper, in colour. Both control lines must be 100 mm; else print again.",
        "Imprimez à 100 % sur papier blanc mat, en couleur. Les deux lignes doivent faire 100 mm ; sinon réimprimez.",
    ),
    "2": (
        "Cut card and pointers out along the grey lines. One print for one patient; throw it away after use.",
        "Découpez carte et flèches sur les traits gris. Un tirage par patient ; jetez-le après usage.",
    ),
    "3": (
        "Lay the card flat beside the knee, as high as the skin, in the same light, facing the camera.",
        "Posez la carte à plat près du genou, à hauteur de la peau, dans la même lumière, face à l'appareil.",
    ),
    "4": (
        "Lay each tip on its landmark, the square beside the leg, flat; slant them so that none covers another.",
        "Posez chaque pointe sur son repère, le carré à plat à côté de la jambe, sans chevauchement.",
    ),
}
"""English and French."""


@cache
def geometry() -> CardGeometry:
    """Return what `vision.mottling.find_card` has to know of the card."""
    return CardGeometry(CORNERS, CORNER_SIDE_MM, patches(), POINTERS, POINTER_SIDE_MM)


def patches() -> tuple[Patch, ...]:
    """Return the patches, row by row."""
    return tuple(
        Patch((FIRST_PATCH[0] + PATCH_PITCH_MM * column, FIRST_PATCH[1] + PATCH_PITCH_MM * row), PATCH_SIDE_MM, colour)
        for row, colours in enumerate(COLOURS)
        for column, colour in enumerate(colours)
    )


def marker(number: int, centre: Point, side_mm: float) -> list[Shape]:
    """Return a marker as areas: its black square, then each row's white modules."""
    dictionary = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_4X4_50)
    white = np.asarray(dictionary.generateImageMarker(number, MODULES)) > 0
    module = side_mm / MODULES
    left, top = centre[0] - side_mm / 2, centre[1] - side_mm / 2
    areas: list[Shape] = [Area(box(left, top, side_mm, side_mm), INK)]
    for row in range(MODULES):
        for column in range(MODULES):
            if white[row, column]:
                # A module reaches under its white neighbours, or a viewer shows a hair of black between them.
                right = module + (0.1 if column + 1 < MODULES and white[row, column + 1] else 0.0)
                down = module + (0.1 if row + 1 < MODULES and white[row + 1, column] else 0.0)
                x, y = left + column * module, top + row * module
                areas += [Area(box(x, y, right, module), PAPER), Area(box(x, y, module, down), PAPER)]
    return areas


def box(left: float, top: float, width: float, height: float) -> tuple[Point, ...]:
    """Return the corners of a rectangle, clockwise from the upper left."""
    return ((left, top), (left + width, top), (left + width, top + height), (left, top + height))


def sheet(language: Language = "en") -> list[Shape]:
    """Return everything on the sheet, in the order in which it is drawn."""
    return [*card(language), *_second_control(language), *_all_pointers(language), *_instructions(language)]


def card(language: Language = "en") -> list[Shape]:
    """Return the card alone, where it stands on the sheet."""
    shapes: list[Shape] = [Line(CARD_OUTLINE, 0.2, CUT, closed=True)]
    for number, centre in CORNERS.items():
        shapes += marker(number, centre, CORNER_SIDE_MM)
    half = PATCH_SIDE_MM / 2
    shapes += [
        Area(box(patch.centre_mm[0] - half, patch.centre_mm[1] - half, PATCH_SIDE_MM, PATCH_SIDE_MM), patch.srgb)
        for patch in patches()
    ]
    shapes += [*_control((50.0, 92.0), (150.0, 92.0)), Words(_text("measure", language), (100.0, 87.5), 3.6)]
    shapes += _ruler((55.0, 106.0), 90)
    shapes += [
        Words(_text("title", language), (100.0, 119.0), 4.6),
        Words(f"v{CARD_VERSION}  ·  DICT_4X4_50  0-3, 10-12", (100.0, 126.0), 3.0),
    ]
    return shapes


def pointer(number: int, language: Language = "en", centre: Point = (0.0, 0.0)) -> list[Shape]:
    """Return one pointer with the middle of its marker at `centre`."""
    paper = tuple((centre[0] + x, centre[1] + y) for x, y in POINTER_OUTLINE)
    arrow = tuple((centre[0] + x, centre[1] + y) for x, y in ARROW)
    name = Words(_text(POINTERS[number].landmark, language), (centre[0], centre[1] - 20.5), 3.0)
    under: list[Shape] = [Area(paper, PAPER), Line(paper, 0.2, CUT, closed=True)]
    return [*under, *marker(number, centre, POINTER_SIDE_MM), Area(arrow, INK), name]


def _text(name: str, language: Language) -> str:
    return TEXTS[name][language == "fr"]


def _control(start: Point, end: Point) -> list[Shape]:
    """A line of exactly 100 mm with a bar across each end, whose outer edges are where it is measured."""
    across = (0.0, 1.5) if start[1] == end[1] else (1.5, 0.0)
    bars: list[Shape] = [
        Line(((x - across[0], y - across[1]), (x + across[0], y + across[1])), 0.15) for x, y in (start, end)
    ]
    return [Line((start, end), 0.3), *bars]


def _ruler(start: Point, length_mm: int) -> list[Shape]:
    x, y = start
    shapes: list[Shape] = [Line((start, (x + length_mm, y)), 0.2)]
    for mm in range(length_mm + 1):
        tick = 4.0 if mm % 10 == 0 else 3.0 if mm % 5 == 0 else 2.0
        shapes.append(Line(((x + mm, y), (x + mm, y - tick)), 0.15))
        if mm % 10 == 0:
            shapes.append(Words(str(mm), (x + mm, y + 2.4), 2.6))
    return shapes


def _second_control(language: Language) -> list[Shape]:
    words = Words(_text("measure", language), (198.0, 75.0), 3.6, upright=True)
    return [*_control((193.0, 25.0), (193.0, 125.0)), words]


def _all_pointers(language: Language) -> list[Shape]:
    return [shape for number, place in POINTER_PLACES.items() for shape in pointer(number, language, place)]


def _instructions(language: Language) -> list[Shape]:
    return [
        Words(f"{number}.  {_text(str(number), language)}", (18.0, 246.0 + 7.0 * number), 3.2, starts=True)
        for number in (1, 2, 3, 4)
    ]
