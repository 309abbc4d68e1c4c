"""The reference card as a PDF: vectors at their size in mm, one page of A4.

matplotlib is there for the plots; its page is as large as the figure, and a point of its PDF is 1/72 inch.
"""

from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")  # no screen is needed, nor there
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Polygon

from calibration.card import CARD_VERSION, SHEET_MM, Area, Language, Line, Shape, Words, sheet

POINTS_PER_MM: float = 72 / 25.4


def write_card(path: Path, language: Language = "en") -> None:
    """Write the sheet; raises `OSError` where it cannot be written. The same sheet is the same file, to the byte."""
    about = {"Title": f"Refill reference card v{CARD_VERSION}", "CreationDate": None}
    # A user's own settings, such as a page cut to what is on it, would change the scale.
    with mpl.rc_context():
        mpl.rcdefaults()
        figure(sheet(language)).savefig(path, format="pdf", metadata=about)


def figure(shapes: list[Shape]) -> Figure:
    """Return shapes in mm on a page of their sheet's size."""
    width, height = SHEET_MM
    page = Figure(figsize=(width / 25.4, height / 25.4))
    axes = page.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set(xlim=(0.0, width), ylim=(height, 0.0))
    axes.set_axis_off()
    for order, shape in enumerate(shapes):
        if isinstance(shape, Words):
            axes.text(
                *shape.at,
                shape.text,
                fontsize=shape.size_mm * POINTS_PER_MM,
                ha="left" if shape.starts else "center",
                va="center",
                rotation=90 if shape.upright else 0,
                zorder=order,
            )
            continue
        red, green, blue = shape.colour
        colour = (red / 255, green / 255, blue / 255)
        if isinstance(shape, Area):
            axes.add_patch(Polygon(shape.points, closed=True, facecolor=colour, linewidth=0, zorder=order))
        elif isinstance(shape, Line):
            points = [*shape.points, shape.points[0]] if shape.closed else list(shape.points)
            x, y = zip(*points, strict=True)
            axes.add_line(
                Line2D(x, y, color=colour, lw=shape.width_mm * POINTS_PER_MM, solid_capstyle="butt", zorder=order)
            )
    return page
