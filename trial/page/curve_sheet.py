"""The sheet that a press's curve is drawn on, and what a press came to in words. The page needs no more than this.

What draws the curve (`trial.page.curve_plot`) has the analysis behind it, and runs in a process of its own.
"""

from html import escape
from textwrap import wrap

from contract.reading import PressRecord, RefillResult
from contract.reasons import sentence
from trial.page.markup import Markup
from trial.page.plots import INK, QUIET

WIDTH, HEIGHT = 600, 400
LEFT, TOP = 58, 46
LINE, MOST_SIGNS = 16, 80
"""Height of a line of words, px, and how many signs fit into it."""


class CurveError(ValueError):
    """A stored trace cannot be drawn. One sentence."""


def no_curve(press: PressRecord, why: str) -> Markup:
    """Return a drawing that says why there is no curve, one sentence."""
    title = f"Press {press.number}: {told(press.result)}"
    return sheet(title, paragraph(TOP + 24, why))


def told(result: RefillResult) -> str:
    """Return what a press came to, in words."""
    if result.reason is not None:
        what_was_wrong, _, _ = sentence(result.reason).partition(". ")  # then comes what a nurse does about it
        return f"refused: {what_was_wrong.rstrip('.')}"
    if result.crt_s is None or result.crt_ci95_s is None:
        return f"refill took longer than {result.crt_exceeds_s or 0.0:.1f} s, which is as long as was watched"
    low, high = result.crt_ci95_s
    return f"refill time {result.crt_s:.2f} s, 95 % interval {low:.2f} to {high:.2f} s"


def sheet(title: str, inside: str) -> Markup:
    """Return a drawing with its title."""
    return Markup(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        f'role="img" font-family="DejaVu Sans, sans-serif" font-size="12"><title>{escape(title)}</title>'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>'
        f'<text x="{LEFT}" y="18" fill="{INK}" font-size="13">{escape(title)}</text>{inside}</svg>'
    )


def paragraph(y: float, words: str) -> str:
    """Return words on a sheet, in as many lines as they need; `y` is that of the first."""
    return "".join(words_at(LEFT, y + LINE * number, line) for number, line in enumerate(wrap(words, MOST_SIGNS)))


def words_at(x: float, y: float, words: str, anchor: str = "start", colour: str = QUIET) -> str:
    """Return a line of words on a sheet."""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{escape(words)}</text>'
