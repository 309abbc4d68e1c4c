"""The live curve and the trend, as SVG text. Lines differ by their form, never by colour alone."""

from collections.abc import Sequence
from itertools import pairwise

from device.screen.hub import Point

WIDTH: int = 470
HEIGHT: int = 190
LEAST_SPAN: float = 0.02
"""The curve's axis spans at least this much of the signal: noise must not look like a refill."""


def live(points: Sequence[Point], label: str) -> str:
    """Return the curve of the press under way; a vertical mark stands at the release."""
    if len(points) < 2:
        return _svg("", label)
    first_s, last_s = points[0].time_s, points[-1].time_s
    low = min(point.signal for point in points)
    span = max(max(point.signal for point in points) - low, LEAST_SPAN)
    width_s = max(last_s - first_s, 1.0)

    def x(time_s: float) -> float:
        return 6 + (WIDTH - 12) * (time_s - first_s) / width_s

    line = " ".join(
        f"{x(point.time_s):.1f},{8 + (HEIGHT - 16) * (1 - (point.signal - low) / span):.1f}" for point in points
    )
    released = next((point.time_s for point in points if point.released), None)
    mark = (
        ""
        if released is None
        else f'<line class="mark" x1="{x(released):.1f}" x2="{x(released):.1f}" y1="0" y2="{HEIGHT}"/>'
    )
    return _svg(f'{mark}<polyline class="curve" points="{line}"/>', label)


def trend(values_s: Sequence[float | None], threshold_s: float | None, label: str) -> str:
    """Return a subject's refill times in order; a gap where there was no number, a dashed line at the study's limit."""
    numbers = [value for value in values_s if value is not None]
    if not numbers:
        return _svg("", label)
    top = 1.15 * max([*numbers, threshold_s or 0.0])
    step = (WIDTH - 40) / max(len(values_s) - 1, 1)

    def y(value_s: float) -> float:
        return HEIGHT - 8 - (HEIGHT - 16) * value_s / top

    parts = [_dot(20 + step * index, y(value)) for index, value in enumerate(values_s) if value is not None]
    if threshold_s is not None:
        parts.append(f'<line class="limit" x1="0" x2="{WIDTH}" y1="{y(threshold_s):.1f}" y2="{y(threshold_s):.1f}"/>')
    joined = [
        f'<line class="thin" x1="{20 + step * i:.1f}" y1="{y(a):.1f}" x2="{20 + step * (i + 1):.1f}" y2="{y(b):.1f}"/>'
        for i, (a, b) in enumerate(pairwise(values_s))
        if a is not None and b is not None
    ]
    return _svg("".join(joined + parts), label)


def _dot(x: float, y: float) -> str:
    """Return a point that stays round however the picture is stretched: a line without length, with round ends."""
    return f'<line class="dot" x1="{x:.1f}" x2="{x:.1f}" y1="{y:.1f}" y2="{y:.1f}"/>'


def _svg(content: str, label: str) -> str:
    size = f"0 0 {WIDTH} {HEIGHT}"
    return f'<svg viewBox="{size}" role="img" aria-label="{label}" preserveAspectRatio="none">{content}</svg>'
