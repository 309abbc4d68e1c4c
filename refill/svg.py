"""Drawings for the pages: boxes, lines and words as SVG, nothing else. Coordinates in px from the upper left corner."""

from collections.abc import Sequence
from html import escape

INK, PAPER, FAINT, AIR, SKIN, LIVE = "#1c2430", "#ffffff", "#eef2f6", "#d8ecf8", "#f0c8b0", "#b3261e"
SIZE = 14
LINE = 18
"""Height of a line of words."""

Point = tuple[float, float]


class Drawing:
    """One picture; `text` is the whole file."""

    def __init__(self, width: int, height: int, title: str) -> None:
        """An empty sheet; `title` is what a reader who cannot see it is told."""
        self._head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
            f'role="img" font-family="sans-serif" font-size="{SIZE}">\n<title>{escape(title)}</title>\n'
            f'<rect width="{width}" height="{height}" fill="{PAPER}"/>\n'
        )
        self._parts: list[str] = []

    @property
    def text(self) -> str:
        """The file's text."""
        return f"{self._head}{''.join(self._parts)}</svg>\n"

    def line(self, points: Sequence[Point], *, width: float = 1.5, colour: str = INK, dashed: bool = False) -> None:
        """Draw a line through points."""
        path = " ".join(f"{x:g},{y:g}" for x, y in points)
        dash = ' stroke-dasharray="5 4"' if dashed else ""
        self._parts.append(
            f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{width:g}"{dash}/>\n'
        )

    def arrow(self, begin: Point, end: Point, *, colour: str = INK) -> None:
        """Draw a line with a head at its end, along one of the axes."""
        self.line([begin, end], colour=colour)
        (x0, y0), (x, y) = begin, end
        along = ((x > x0) - (x < x0), (y > y0) - (y < y0))
        back = (x - 9 * along[0], y - 9 * along[1])
        side = (5 * along[1], 5 * along[0])
        self.line([(back[0] + side[0], back[1] + side[1]), end, (back[0] - side[0], back[1] - side[1])], colour=colour)

    def box(
        self, corner: Point, size: Point, lines: Sequence[str] = (), *, fill: str = FAINT, bold_first: bool = True
    ) -> None:
        """Draw a box with words in its middle; the first line is its name."""
        (x, y), (wide, high) = corner, size
        self._parts.append(
            f'<rect x="{x:g}" y="{y:g}" width="{wide:g}" height="{high:g}" rx="4" fill="{fill}" stroke="{INK}"/>\n'
        )
        top = y + high / 2 - LINE * (len(lines) - 1) / 2
        for number, words in enumerate(lines):
            self.words((x + wide / 2, top + LINE * number), words, anchor="middle", bold=bold_first and not number)

    def dot(self, centre: Point, radius: float = 5, *, fill: str = INK) -> None:
        """Draw a filled circle."""
        x, y = centre
        self._parts.append(f'<circle cx="{x:g}" cy="{y:g}" r="{radius:g}" fill="{fill}" stroke="{INK}"/>\n')

    def words(self, at: Point, words: str, *, anchor: str = "start", bold: bool = False, size: int = SIZE) -> None:
        """Write a line whose middle is at the height of `at`; `anchor`: start, middle or end."""
        x, y = at
        weight = ' font-weight="bold"' if bold else ""
        self._parts.append(
            f'<text x="{x:g}" y="{y + 0.35 * size:g}" text-anchor="{anchor}" font-size="{size}" fill="{INK}"{weight}>'
            f"{escape(words)}</text>\n"
        )
