"""A step's curve as SVG, with the range of both axes in numbers. Nothing of it is told by colour."""

import math
from html import escape

from contract.certificate import Curve

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 560, 240, 104, 12, 14, 44
FEW_POINTS: int = 40


def plotted(curve: Curve, comma: bool = False) -> str:
    """Return the picture; points that are no numbers are left out. `comma`: as numbers are written in French."""
    points = [(x, y) for x, y in zip(curve.x, curve.y, strict=True) if math.isfinite(x) and math.isfinite(y)]
    label = escape(f"{curve.name}: {curve.y_label}, {curve.x_label}", quote=True)
    inside = _drawn(points, comma) if points else ""
    words = _text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 6, curve.x_label, "middle")
    middle = (TOP + HEIGHT - BOTTOM) / 2
    words += f'<g transform="rotate(-90 14 {middle:.0f})">{_text(14, middle, curve.y_label, "middle")}</g>'
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">{_frame()}{inside}{words}</svg>'


def _drawn(points: list[tuple[float, float]], comma: bool) -> str:
    left, right = _range([x for x, _ in points])
    low, high = _range([y for _, y in points])
    placed = [
        (
            LEFT + (WIDTH - LEFT - RIGHT) * (x - left) / (right - left),
            TOP + (HEIGHT - TOP - BOTTOM) * (high - y) / (high - low),
        )
        for x, y in points
    ]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in placed)
    drawn = f'<polyline class="curve" points="{line}"/>'
    if len(points) <= FEW_POINTS:
        drawn += "".join(f'<circle class="point" cx="{x:.1f}" cy="{y:.1f}" r="4"/>' for x, y in placed)

    def number(value: float) -> str:
        return f"{value:.4g}".replace(".", ",") if comma else f"{value:.4g}"

    floor = HEIGHT - BOTTOM
    ticks = _text(LEFT, floor + 18, number(left), "start") + _text(WIDTH - RIGHT, floor + 18, number(right), "end")
    return drawn + ticks + _text(LEFT - 6, TOP + 12, number(high), "end") + _text(LEFT - 6, floor, number(low), "end")


def _range(values: list[float]) -> tuple[float, float]:
    """Return the least and the greatest; apart also where all are the same."""
    low, high = min(values), max(values)
    if high - low > 1e-12 * max(abs(low), abs(high)):
        return low, high
    apart = max(abs(low) * 0.05, 0.5)
    return low - apart, high + apart


def _frame() -> str:
    floor = HEIGHT - BOTTOM
    return f'<polyline class="axis" points="{LEFT},{TOP} {LEFT},{floor} {WIDTH - RIGHT},{floor}"/>'


def _text(x: float, y: float, words: str, anchor: str) -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}">{escape(words)}</text>'
