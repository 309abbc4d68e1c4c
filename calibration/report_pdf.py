"""A certificate as a PDF: verdict, every figure with its limits, the curves, and what changed since the last one."""

import textwrap
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import matplotlib as mpl

mpl.use("Agg")  # no screen is needed, nor there
from matplotlib.axes import Axes
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure as Page

from calibration.figures_text import Moved, has_limits, limits, measured, missing, moved, verdict
from contract.certificate import Certificate, Curve, StepName, StepOutcome

A4_INCHES: Final = (8.27, 11.69)
ROWS: Final = 42
PLOTS: Final = 6
BARS: Final = 40
PLOT_FORMATS: Final = (".pdf", ".png", ".svg")
COLUMNS: Final = (0.06, 0.24, 0.47, 0.67, 0.88)
SIMULATED: Final = "SIMULATED DEVICE: this certificate speaks of no real machine."
Row = tuple[str, str, str, str, str]


def write_certificate(path: Path, certificate: Certificate, previous: Certificate | None = None) -> None:
    """Write the report; raises `OSError`. `previous` is drawn beside it, and what moved since."""
    title = f"Calibration certificate {certificate.certificate_id}"
    with PdfPages(path, metadata={"Title": title, "Creator": "refill calibrate report"}) as pdf:
        for page in _pages(certificate, previous):
            pdf.savefig(page)


def write_changes(path: Path, old: Certificate, new: Certificate) -> None:
    """Draw what moved between two certificates, as a picture whose form its name says; raises `OSError`.

    One page holds `BARS` figures; a picture of more is longer.
    """
    comparable = moved(old, new)
    page = _changes(comparable, old)
    page.set_size_inches(A4_INCHES[0], max(3.0, A4_INCHES[1] * len(comparable) / BARS))
    if path.suffix.lower() not in PLOT_FORMATS:
        raise ValueError(f"{path}: no kind of picture that can be drawn")
    part = path.with_name(f".{path.name}.part")
    try:
        page.savefig(part, format=path.suffix.lower()[1:], dpi=120)
        part.replace(path)
    except OSError:
        with suppress(OSError):
            part.unlink()
        raise


def _pages(certificate: Certificate, previous: Certificate | None) -> Iterator[Page]:
    yield _front(certificate, previous)
    rows = rows_of(certificate)
    for start in range(0, len(rows), ROWS):
        yield _table("Figures", ("step", "figure", "value (k = 2)", "limits", ""), rows[start : start + ROWS])
    curves = [(step.step, curve) for step in certificate.steps for curve in step.curves]
    for start in range(0, len(curves), PLOTS):
        yield _curves(curves[start : start + PLOTS], previous)
    if previous is not None:
        comparable = moved(previous, certificate)
        for start in range(0, len(comparable), BARS):
            yield _changes(comparable[start : start + BARS], previous)


def _front(certificate: Certificate, previous: Certificate | None) -> Page:
    page = Page(figsize=A4_INCHES)
    page.text(0.06, 0.94, f"Calibration certificate: {verdict(certificate)}", fontsize=17, weight="bold")
    if certificate.simulated:
        page.text(0.06, 0.915, SIMULATED, fontsize=10, weight="bold")
    build = f", build {certificate.device.build}" if certificate.device.build else ""
    lines = (
        ("certificate", str(certificate.certificate_id)),
        ("device", certificate.device.name),
        ("site, study", f"{certificate.site or '–'}, {certificate.study}"),
        ("software", f"{certificate.device.software_version}{build}"),
        ("operator", certificate.operator),
        ("made", f"{certificate.made_at:%Y-%m-%d %H:%M:%S %Z}"),
        ("due", f"{certificate.due_at:%Y-%m-%d}"),
        ("configuration", certificate.configuration_sha256),
        ("previous", str(previous.certificate_id if previous else certificate.previous_certificate_id or "none")),
    )
    for number, (name, text) in enumerate(lines):
        page.text(0.06, 0.885 - 0.022 * number, name, fontsize=9, color="0.35")
        page.text(0.20, 0.885 - 0.022 * number, text, fontsize=9)
    for number, step in enumerate(certificate.steps):
        y = 0.66 - 0.024 * number
        page.text(
            0.06, y, "✓ pass" if step.passed else "✗ FAIL", fontsize=9, weight="normal" if step.passed else "bold"
        )
        page.text(0.16, y, step.step.value, fontsize=9)
        page.text(0.36, y, _why(step), fontsize=8)
    lacking = ", ".join(missing(certificate))
    if lacking:
        said = textwrap.fill(f"Never in force, since these steps are missing: {lacking}.", 110)
        page.text(0.06, 0.075, said, fontsize=8, va="bottom")
    page.text(
        0.06,
        0.05,
        "Uncertainties are expanded, k = 2. A figure passes when its value is within its limits.",
        fontsize=8,
    )
    return page


def _why(step: StepOutcome) -> str:
    """Return what a failed step failed by, in one line."""
    if step.trouble is not None:
        return textwrap.shorten(step.trouble, 95)
    failed = [f"{figure.name} {measured(figure)}, {limits(figure)}" for figure in step.figures if not figure.passed]
    return textwrap.shorten("; ".join(failed), 95)


def rows_of(certificate: Certificate) -> list[Row]:
    """Return the table of figures: step, figure, value, limits, verdict; a step that was not measured says why."""
    rows: list[Row] = []
    for step in certificate.steps:
        if step.trouble is not None:
            rows.append((step.step.value, textwrap.shorten(step.trouble, 70), "", "", "✗ FAIL"))
        for number, figure in enumerate(step.figures):
            judged = ("✓ pass" if figure.passed else "✗ FAIL") if has_limits(figure) else ""
            rows.append((step.step.value if number == 0 else "", figure.name, measured(figure), limits(figure), judged))
        rows += [("", f"→ {key}", str(value), "", "") for key, value in step.corrections.items()]
    return rows


def _table(title: str, head: Row, rows: Sequence[Row]) -> Page:
    page = Page(figsize=A4_INCHES)
    page.text(0.06, 0.95, title, fontsize=13, weight="bold")
    for number, row in enumerate((head, *rows)):
        for x, text in zip(COLUMNS, row, strict=True):
            y = 0.92 - 0.0205 * number
            page.text(x, y, text, fontsize=8, color="0.35" if number == 0 else "black")
    return page


def _curves(curves: Sequence[tuple[StepName, Curve]], previous: Certificate | None) -> Page:
    page = Page(figsize=A4_INCHES, layout="constrained")
    grid = list(page.subplots(PLOTS // 2, 2).flat)
    for axes, (step, curve) in zip(grid, curves, strict=False):
        _curve(axes, step, curve, _same_curve(previous, step, curve))
    for axes in grid[len(curves) :]:
        axes.set_axis_off()
    return page


def _same_curve(previous: Certificate | None, step: StepName, curve: Curve) -> Curve | None:
    """Return the last certificate's curve of this name; the axes must be the same."""
    outcomes = previous.steps if previous is not None else ()
    earlier = [each for outcome in outcomes if outcome.step is step for each in outcome.curves]
    labels = (curve.name, curve.x_label, curve.y_label)
    return next((each for each in earlier if (each.name, each.x_label, each.y_label) == labels), None)


def _curve(axes: Axes, step: StepName, curve: Curve, before: Curve | None) -> None:
    if before is not None:
        axes.plot(before.x, before.y, color="0.6", lw=1.5, ls="--", label="last certificate")
    axes.plot(curve.x, curve.y, color="black", lw=1, marker="." if len(curve.x) < 40 else "", label="now")
    axes.set_title(f"{step.value}: {curve.name}", fontsize=9)
    axes.set_xlabel(curve.x_label, fontsize=8)
    axes.set_ylabel(curve.y_label, fontsize=8)
    axes.tick_params(labelsize=7)
    if before is not None:
        axes.legend(fontsize=7)


def _changes(comparable: Sequence[Moved], previous: Certificate) -> Page:
    """Draw by how much each figure moved, in units of what measuring explains."""
    page = Page(figsize=A4_INCHES, layout="constrained")
    page.suptitle(f"Changed since {previous.made_at:%Y-%m-%d} ({previous.certificate_id})", fontsize=11)
    axes = page.subplots()
    axes.axvspan(-1.0, 1.0, color="0.9")
    for place, each in enumerate(comparable):
        if each.en is not None:
            shown = max(-5.0, min(5.0, each.en))
            axes.plot([0.0, shown], [place, place], color="black", lw=1)
            axes.plot([shown], [place], "o" if abs(each.en) <= 1.0 else "D", color="black", ms=4)
        axes.text(5.2, place, f"{each.old:.4g} → {each.new:.4g} {each.unit}", fontsize=7, va="center")
    axes.set_yticks(range(len(comparable)), [f"{each.step.value}: {each.name}" for each in comparable], fontsize=7)
    axes.set_ylim(len(comparable) - 0.5, -0.5)
    axes.set_xlim(-5.2, 8.5)
    axes.set_xticks(range(-5, 6))
    axes.set_xlabel("difference over its expanded uncertainty; grey: no more than measuring explains", fontsize=8)
    return page
