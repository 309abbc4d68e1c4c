"""`refill calibrate card`: the sheet as it is printed, to a tenth of a millimetre, in both languages."""

import re
import zlib
from itertools import pairwise
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from typer.testing import CliRunner

from calibration.card import (
    CARD_OUTLINE,
    CONTROL_MM,
    CORNER_SIDE_MM,
    CORNERS,
    POINTER_OUTLINE,
    POINTER_PLACES,
    POINTER_SIDE_MM,
    POINTERS,
    SHEET_MM,
    TEXTS,
    Area,
    Words,
    patches,
    sheet,
)
from calibration.card_pdf import figure, write_card
from refill.cli import app

MM = 72 / 25.4
WITHIN_MM = 0.02
PRINTABLE_MM = 5.0
"""What most printers leave blank at the rim."""


def _pdf(path: Path, language: str = "en") -> tuple[str, str]:
    """The file's outer text, and what its page draws."""
    result = CliRunner().invoke(app, ["calibrate", "card", "--pdf", str(path), "--language", language])
    assert result.exit_code == 0, result.output
    content = path.read_bytes()
    streams = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", content, re.DOTALL)
    pages = []
    for stream in streams:
        try:
            pages.append(zlib.decompress(stream).decode("latin-1"))
        except zlib.error:
            continue
    return content.decode("latin-1"), max(pages, key=len)


def _paths(page: str) -> list[tuple[str, np.ndarray]]:
    """What the page strokes (S) and fills (f), with its points, mm from the sheet's upper left corner."""
    paths: list[tuple[str, np.ndarray]] = []
    points: list[tuple[float, float]] = []
    for line in page.splitlines():
        words = line.split()
        if words[-1:] in (["m"], ["l"]):
            points.append((float(words[0]) / MM, SHEET_MM[1] - float(words[1]) / MM))
        elif words in (["S"], ["f"]):
            paths.append((words[0], np.array(points)))
            points = []
    return paths


def _strokes_mm(page: str) -> list[tuple[float, float]]:
    """Width and height of every straight stroke of the page, mm."""
    strokes = [np.abs(points[1] - points[0]) for way, points in _paths(page) if way == "S" and len(points) == 2]
    return [(float(width), float(height)) for width, height in strokes]


def _squares_mm(page: str, side_mm: float) -> list[tuple[float, float]]:
    """Centres of the filled squares of that side, mm from the sheet's upper left corner."""
    centres = []
    for way, points in _paths(page):
        if way == "f" and np.allclose(points.max(axis=0) - points.min(axis=0), side_mm, atol=WITHIN_MM):
            x, y = (points.max(axis=0) + points.min(axis=0)) / 2
            centres.append((float(x), float(y)))
    return centres


@pytest.mark.slow
def test_the_page_is_a4(tmp_path: Path) -> None:
    outer, _ = _pdf(tmp_path / "card.pdf")
    box = re.search(r"/MediaBox \[ ?0 0 ([\d.]+) ([\d.]+) ?\]", outer)
    assert box is not None
    assert (float(box[1]) / MM, float(box[2]) / MM) == pytest.approx((210.0, 297.0), abs=WITHIN_MM)
    assert outer.count("/Type /Page ") == 1


@pytest.mark.slow
def test_both_control_lines_are_100_mm_one_each_way(tmp_path: Path) -> None:
    _, page = _pdf(tmp_path / "card.pdf")
    long = [size for size in _strokes_mm(page) if max(size) == pytest.approx(CONTROL_MM, abs=WITHIN_MM)]
    assert sorted((round(width), round(height)) for width, height in long) == [(0, 100), (100, 0)]


@pytest.mark.slow
def test_the_ruler_has_a_tick_at_each_millimetre(tmp_path: Path) -> None:
    _, page = _pdf(tmp_path / "card.pdf")
    upright = [
        points for way, points in _paths(page) if way == "S" and len(points) == 2 and np.ptp(points[:, 0]) < 0.01
    ]
    ticks = sorted(
        float(points[0, 0]) for points in upright if points[:, 1].max() == pytest.approx(106.0, abs=WITHIN_MM)
    )
    assert np.diff(ticks) == pytest.approx(np.ones(90), abs=WITHIN_MM)


@pytest.mark.slow
def test_markers_stand_where_the_finder_looks_for_them(tmp_path: Path) -> None:
    _, page = _pdf(tmp_path / "card.pdf")
    for side_mm, places in ((CORNER_SIDE_MM, CORNERS), (POINTER_SIDE_MM, POINTER_PLACES)):
        found = sorted(_squares_mm(page, side_mm))
        assert len(found) == len(places)
        for there, wanted in zip(found, sorted(places.values()), strict=True):
            assert there == pytest.approx(wanted, abs=WITHIN_MM)


@pytest.mark.slow
def test_patches_stand_where_the_finder_looks_for_them(tmp_path: Path) -> None:
    _, page = _pdf(tmp_path / "card.pdf")
    found = _squares_mm(page, patches()[0].side_mm)
    for there, patch in zip(found, patches(), strict=True):
        assert there == pytest.approx(patch.centre_mm, abs=WITHIN_MM)


@pytest.mark.slow
@pytest.mark.parametrize("language", ["en", "fr"])
def test_nothing_is_lost_at_the_rim_and_no_words_cover_each_other(language: str) -> None:
    page = figure(sheet("fr" if language == "fr" else "en"))
    page.set_dpi(100)
    canvas = FigureCanvasAgg(page)
    boxes = [text.get_window_extent(canvas.get_renderer()) for text in page.axes[0].texts]
    millimetres = np.array([[box.x0, box.y0, box.x1, box.y1] for box in boxes]) * 25.4 / 100
    assert millimetres[:, :2].min() > PRINTABLE_MM
    assert (millimetres[:, 2:].max(axis=0) < np.array(SHEET_MM) - PRINTABLE_MM).all()
    assert not any(one.overlaps(other) for at, one in enumerate(boxes) for other in boxes[:at])


def test_everything_drawn_lies_within_what_a_printer_prints() -> None:
    for shape in sheet():
        points = np.array([shape.at] if isinstance(shape, Words) else shape.points)
        assert points.min() >= PRINTABLE_MM
        assert (points.max(axis=0) <= np.array(SHEET_MM) - PRINTABLE_MM).all()


def test_each_marker_keeps_a_module_of_white_around_it() -> None:
    outline = np.array(CARD_OUTLINE)
    for x, y in CORNERS.values():
        reach = CORNER_SIDE_MM / 2 + 0.8 * CORNER_SIDE_MM / 6
        assert (outline.min(axis=0) <= [x - reach, y - reach]).all()
        assert (outline.max(axis=0) >= [x + reach, y + reach]).all()
        inside = [
            patch for patch in patches() if max(abs(patch.centre_mm[0] - x), abs(patch.centre_mm[1] - y)) < reach + 7.25
        ]
        assert inside == []
    square = np.array(POINTER_OUTLINE)
    reach = POINTER_SIDE_MM / 2 + POINTER_SIDE_MM / 6
    assert square[:, 0].min() <= -reach
    assert square[:, 0].max() >= reach


def test_the_arrow_s_tip_is_the_last_point_of_its_paper() -> None:
    for number, pointer in POINTERS.items():
        place = np.array(POINTER_PLACES[number])
        areas = [np.array(shape.points) - place for shape in sheet() if isinstance(shape, Area)]
        arrows = [points for points in areas if any(np.allclose(point, pointer.tip_mm) for point in points)]
        assert len(arrows) == 2
        assert all(points[:, 1].max() == pytest.approx(pointer.tip_mm[1]) for points in arrows)


def test_patches_do_not_touch() -> None:
    for row in range(4):
        centres = [patch.centre_mm[0] for patch in patches()[6 * row : 6 * row + 6]]
        assert all(right - left > patches()[0].side_mm + 0.5 for left, right in pairwise(centres))


def test_every_word_is_there_in_both_languages() -> None:
    for name, (english, french) in TEXTS.items():
        assert english.strip(), name
        assert french.strip(), name
        assert english != french
    words = {shape.text for shape in sheet("fr") if isinstance(shape, Words)}
    assert any("100 mm" in text and "Mesurez" in text for text in words)


@pytest.mark.slow
def test_the_same_card_is_the_same_file(tmp_path: Path) -> None:
    write_card(tmp_path / "one.pdf")
    write_card(tmp_path / "two.pdf")
    assert (tmp_path / "one.pdf").read_bytes() == (tmp_path / "two.pdf").read_bytes()


@pytest.mark.slow
def test_a_user_s_own_settings_of_the_drawing_library_do_not_change_the_card(tmp_path: Path) -> None:
    write_card(tmp_path / "plain.pdf")
    with mpl.rc_context({"savefig.bbox": "tight", "font.size": 30, "font.family": "serif", "pdf.fonttype": 42}):
        write_card(tmp_path / "own.pdf")
    assert (tmp_path / "own.pdf").read_bytes() == (tmp_path / "plain.pdf").read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("place", ["", "gone/card.pdf"])
def test_a_card_that_cannot_be_written_is_named_in_one_line(tmp_path: Path, place: str) -> None:
    result = CliRunner().invoke(app, ["calibrate", "card", "--pdf", str(tmp_path / place)])
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 1
    assert str(tmp_path / place) in result.stderr
    assert list(tmp_path.iterdir()) == []
