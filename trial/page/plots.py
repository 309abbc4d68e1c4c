"""Two plots as SVG: subjects over time, and refill over the study's events, pooled over everybody."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from html import escape
from statistics import median, quantiles

from trial.page.markup import Markup

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 520, 250, 46, 34, 26
INK, QUIET, LINE = "#17212a", "#4c5964", "#1f5a8a"
FEWEST: int = 5
"""A box of fewer subjects would show single patients."""


def enrolment_plot(days: Sequence[date]) -> Markup:
    """Return the number of subjects with a reading over time; `days` in order."""
    title = "Subjects with a reading"
    if not days:
        return _sheet(title, "<text x='46' y='120'>no reading yet</text>")
    first, last = days[0], max(days[-1], days[0] + timedelta(days=1))
    span, most = (last - first).days, len(days)
    points = []
    for number, day in enumerate(days, 1):
        x = LEFT + (WIDTH - LEFT - 12) * (day - first).days / span
        points += [(x, _y(number - 1, most)), (x, _y(number, most))]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    drawn = f'<polyline points="{line}" fill="none" stroke="{LINE}" stroke-width="2"/>'
    drawn += _at(LEFT, HEIGHT - 12, str(first), "start") + _at(WIDTH - 12, HEIGHT - 12, str(last), "end")
    return _sheet(title, drawn + _scale(most, ""))


def refill_plot(found: Mapping[tuple[str, str], Sequence[float]], events: Sequence[str]) -> Markup:
    """Return median and quartiles of refill time at each event, finger and knee beside each other."""
    title = "Refill time, s: median and quartiles, everybody pooled"
    shown = {key: values for key, values in found.items() if key[0] in events and len(values) >= FEWEST}
    if not shown:
        return _sheet(title, f"<text x='46' y='120'>fewer than {FEWEST} readings at every event</text>")
    boxes = {key: quantiles(values, n=4) for key, values in shown.items()}
    most = max(box[2] for box in boxes.values()) * 1.15
    step = (WIDTH - LEFT - 12) / len(events)
    drawn = []
    for (event, where), (low, _, high) in boxes.items():
        beside = -7 if where == "finger" else 7
        x = LEFT + step * (events.index(event) + 0.5) + beside
        middle = median(shown[event, where])
        dash = "" if where == "finger" else ' stroke-dasharray="3 2"'
        drawn.append(
            f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{_y(low, most):.1f}" y2="{_y(high, most):.1f}" stroke="{LINE}" '
            f'stroke-width="3"{dash}/><circle cx="{x:.1f}" cy="{_y(middle, most):.1f}" r="5" fill="#fff" '
            f'stroke="{LINE}" stroke-width="2"><title>{escape(event)}, {escape(where)}: {middle:.2f} s, '
            f"n = {len(shown[event, where])}</title></circle>"
        )
    for number, event in enumerate(events):
        drawn.append(_at(LEFT + step * (number + 0.5), HEIGHT - 12, event.replace("inclusion", "incl."), "middle"))
    drawn.append(_at(WIDTH - 12, 14, "finger ― knee ┄", "end"))
    return _sheet(title, "".join(drawn) + _scale(most, " s"))


def _y(value: float, most: float) -> float:
    return TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / most)


def _scale(most: float, unit: str) -> str:
    floor = f'<line x1="{LEFT}" x2="{WIDTH - 12}" y1="{_y(0, 1)}" y2="{_y(0, 1)}" stroke="{QUIET}"/>'
    return floor + _at(LEFT - 6, _y(0, 1), "0", "end") + _at(LEFT - 6, TOP + 6, f"{most:.3g}{unit}", "end")


def _at(x: float, y: float, words: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{QUIET}" font-size="11">{escape(words)}</text>'


def _sheet(title: str, inside: str) -> Markup:
    return Markup(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        f'role="img" font-family="sans-serif" font-size="13"><title>{escape(title)}</title>'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>'
        f'<text x="{LEFT}" y="14" fill="{INK}">{escape(title)}</text>{inside}</svg>'
    )
