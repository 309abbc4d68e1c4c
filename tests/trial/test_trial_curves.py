"""The curves on the data managers' page: of each press here, for who may see its site, and what else is said."""

import json
import re
import threading
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from html import unescape
from pathlib import Path

import pytest
from page_bench import Visitor, fill, served
from sqlalchemy import Engine, text
from trace_bench import DONE, LEAKS, PRESS, SLOW, arrive, exported, keep, pressed, records, unkept, unread

from contract.reading import PressRecord, Reading
from contract.version import __version__
from device.stored_trace import read_stored_trace
from refill.curve_process import CurveProcess
from trial.database import writing
from trial.page.curve_plot import MOST_POINTS, curve_plot
from trial.page.curve_sheet import HEIGHT, WIDTH, CurveError, no_curve
from trial.trace_import import bring
from vision import ALGORITHM_VERSION
from vision.press import Settings, analyse_trace

SVG = "{http://www.w3.org/2000/svg}"


def drawn(press: PressRecord, trace: bytes) -> ET.Element:
    stored = read_stored_trace(trace)
    return ET.fromstring(curve_plot(stored.analysis(), press, stored.doubt()))  # noqa: S314 - made here


def words(drawing: ET.Element) -> list[str]:
    return ["".join(each.itertext()) for each in drawing.iter(f"{SVG}text")]


def last_words(drawing: ET.Element) -> str:
    """What stands below the curve, in one line or two."""
    found = [
        (float(each.get("y", "")), "".join(each.itertext())) for each in drawing.iter(f"{SVG}text") if each.get("y")
    ]
    return " ".join(text for y, text in found if y >= HEIGHT - 24)


def lines(drawing: ET.Element) -> list[ET.Element]:
    return list(drawing.iter(f"{SVG}polyline"))


def scale(drawing: ET.Element) -> tuple[float, float]:
    """px at 0 s, and px per second, from the ticks of the drawing."""
    ticks = {}
    for each in drawing.iter(f"{SVG}text"):
        if each.get("text-anchor") == "middle" and re.fullmatch(r"-?\d+", "".join(each.itertext())):
            ticks[int("".join(each.itertext()))] = float(each.get("x", ""))
    (first, x), (last, y) = min(ticks.items()), max(ticks.items())
    per_s = (y - x) / (last - first)
    return x - first * per_s, per_s


@pytest.mark.slow
def test_a_measured_press_is_drawn_with_its_release_its_fit_and_its_interval() -> None:
    press, trace = pressed(PRESS)
    assert trace is not None
    assert press.result.crt_s is not None
    assert press.result.crt_ci95_s is not None
    drawing = drawn(press, trace)
    low, high = press.result.crt_ci95_s
    title = f"Press 1: refill time {press.result.crt_s:.2f} s, 95 % interval {low:.2f} to {high:.2f} s"
    assert drawing.findtext(f"{SVG}title") == title
    assert {"release", "90 %", f"{press.result.crt_s:.2f} s", "probe, kPa", "s from the release"} < set(words(drawing))
    assert last_words(drawing) == "Analysed again from the stored trace: the same result."
    zero_px, per_s = scale(drawing)
    band = drawing.findall(f"{SVG}rect")[1]
    assert float(band.get("x", "")) == pytest.approx(zero_px + low * per_s, abs=0.2)
    assert float(band.get("width", "")) == pytest.approx((high - low) * per_s, abs=0.2)
    uprights = [float(each.get("x1", "")) for each in drawing.iter(f"{SVG}line") if each.get("stroke-width") == "1.6"]
    assert uprights == [pytest.approx(zero_px, abs=0.2), pytest.approx(zero_px + press.result.crt_s * per_s, abs=0.2)]
    assert len(lines(drawing)) == 2, "the fit and the pressure"
    # The fit crosses the level of 90 % where the reading has its refill time.
    level = next(float(each.get("y1", "")) for each in drawing.iter(f"{SVG}line") if each.get("stroke-dasharray"))
    points = [tuple(map(float, pair.split(","))) for pair in lines(drawing)[0].get("points", "").split()]
    crossing = next(x for x, y in points if y <= level)
    assert crossing == pytest.approx(uprights[1], abs=0.15 * per_s)
    # Every frame is there, and a press that stood longer is thinned.
    frames = drawing.find(f"{SVG}path")
    assert frames is not None
    assert frames.get("d", "").count("M") == press.frames <= MOST_POINTS


def test_a_refused_press_is_drawn_with_its_reason_and_no_number() -> None:
    press, trace = pressed(LEAKS)
    assert trace is not None
    drawing = drawn(press, trace)
    assert drawing.findtext(f"{SVG}title") == "Press 1: refused: The probe did not seal"
    assert "release" in words(drawing)
    assert len(lines(drawing)) == 1, "the pressure alone: there is no fit"
    assert len(drawing.findall(f"{SVG}rect")) == 1
    assert not any(each.get("stroke-dasharray") for each in drawing.iter(f"{SVG}line"))


@pytest.mark.slow
def test_a_censored_press_is_drawn_with_its_bound() -> None:
    press, trace = pressed(SLOW)
    assert trace is not None
    shown = words(drawn(press, trace))
    assert f"over {press.result.crt_exceeds_s:.1f} s" in shown
    assert any("took longer than" in each for each in shown)


def test_a_press_without_release_has_seconds_from_its_first_frame() -> None:
    press, trace = pressed(PRESS.with_(fault="no_pressure"))
    assert trace is not None
    shown = words(drawn(press, trace))
    assert "s from the first frame; no release was found" in shown
    assert "release" not in shown
    assert "5" in shown, "noise around nothing does not fill the scale of the probe"


def test_a_trace_without_pressure_is_drawn_without_it() -> None:
    press, trace = pressed(PRESS)
    assert trace is not None
    alone = analyse_trace(read_stored_trace(trace).trace, None, Settings())
    shown = words(ET.fromstring(curve_plot(alone, press, None)))  # noqa: S314 - made here
    assert "probe, kPa" not in shown


@pytest.mark.slow
def test_what_the_trace_gives_now_is_held_against_the_reading() -> None:
    press, trace = pressed(PRESS)
    assert trace is not None
    other = press.model_copy(update={"result": press.result.model_copy(update={"crt_s": 1.0})})
    assert last_words(drawn(other, trace)).endswith("which is not what the reading says.")
    refused, _ = pressed(LEAKS)
    assert last_words(drawn(refused, trace)).startswith("Analysed again from the stored trace: measured, ")
    older = json.loads(trace) | {"algorithm_version": "0.7"}
    said = f"The trace was stored by algorithm 0.7 and is analysed by {ALGORITHM_VERSION}: the reading may differ."
    assert last_words(drawn(press, json.dumps(older).encode())) == said


def test_words_of_a_drawing_are_no_markup() -> None:
    press, _ = pressed(PRESS)
    drawing = no_curve(press, "<script>&")
    assert "<script>" not in drawing
    assert "<script>&" in words(ET.fromstring(drawing))  # noqa: S314 - made here


@pytest.mark.slow
def test_a_curve_is_drawn_by_a_process_that_is_replaced_where_it_dies() -> None:
    draw = CurveProcess()
    try:
        for spec in (PRESS, LEAKS):
            press, trace = pressed(spec)
            assert trace is not None
            stored = read_stored_trace(trace)
            assert draw(trace, press) == curve_plot(stored.analysis(), press, stored.doubt())
        with pytest.raises(CurveError, match="is here and cannot be read: not JSON"):
            draw(b"none", press)
        assert draw._worker is not None
        draw._worker.kill()
        draw._worker.wait()
        assert trace is not None
        assert draw(trace, press).startswith("<svg")
    finally:
        draw.end()


def test_a_drawing_that_does_not_end_is_ended() -> None:
    press, trace = pressed(PRESS)
    assert trace is not None
    draw = CurveProcess(longest_s=0.0)
    with pytest.raises(CurveError, match="ended without an answer"):
        draw(trace, press)
    draw.end()


@dataclass(frozen=True)
class Served:
    """The page with curves at both sites. `away`: its traces are on the device still."""

    port: int
    engine: Engine
    here: dict[str, Reading]
    away: Reading


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    place = tmp_path_factory.mktemp("curves")
    engine = fill(place)
    here = {}
    for site in ("00", "01"):
        path = place / f"journal-{site}.sqlite"
        presses = [pressed(PRESS, 1), pressed(LEAKS, 2), unread(3, int(site)), unkept(4)]
        here[site] = keep(path, presses, f"probe-{site}", site=site, event="inclusion")
        arrive(engine, records(path))
        assert bring(engine, exported(path, place / f"export-{site}"), **DONE).stored == 3
    path = place / "journal-away.sqlite"
    away = keep(path, [unread(1, 8), unread(2, 8)], "probe-away", site="01")
    arrive(engine, records(path))
    with served(place) as port:
        yield Served(port, engine, here, away)
    engine.dispose()


def signed_in(page: Served, account: str) -> Visitor:
    visitor = Visitor(page.port)
    assert visitor.sign_in(account) == 303
    return visitor


def shown(visitor: Visitor, path: str) -> str:
    """What stands on a page, without the escapes that its framework sends it with."""
    status, content = visitor.ask(path)
    assert status == 200, path
    return unescape(content.replace("\\u003c", "<").replace("\\u003e", ">").replace('\\"', '"').replace("\\\\", "\\"))


@pytest.mark.slow
def test_a_reading_has_the_curve_of_each_press_that_is_here(page: Served) -> None:
    visitor = signed_in(page, "dm")
    entry = page.here["01"]
    content = shown(visitor, f"/readings/{entry.reading_id}")
    numbers = re.findall(rf'src="/curves/{entry.reading_id}/(\d+)\.svg"', content)
    assert numbers == ["1", "2", "3"]
    assert "Press 2: refused: The probe did not seal" in content, "words for who cannot see the drawing"
    assert "none was kept" in content
    assert "by dm-1" in content
    assert "still on the device" not in content
    for number, word in (("1", "90 %"), ("2", "refused: The probe did not seal"), ("3", "cannot be read")):
        status, drawing = visitor.ask(f"/curves/{entry.reading_id}/{number}.svg")
        assert (status, word in drawing) == (200, True), drawing
        assert f'width="{WIDTH}" height="{HEIGHT}"' in drawing
        assert visitor.headers["content-type"] == "image/svg+xml"
        assert visitor.headers["cache-control"] == "no-store"
    assert visitor.ask(f"/curves/{entry.reading_id}/1.svg")[1] == visitor.ask(f"/curves/{entry.reading_id}/1.svg")[1]


@pytest.mark.slow
def test_a_trace_is_handed_out_as_it_was_hashed_and_that_is_noted(page: Served) -> None:
    visitor = signed_in(page, "s01")
    entry = page.here["01"]
    status, content = visitor.ask(f"/curves/{entry.reading_id}/1.json")
    assert status == 200
    assert sha256(content.encode()).hexdigest() == entry.presses[0].trace_sha256
    assert f'filename="{entry.reading_id}-1.json"' in visitor.headers["content-disposition"]
    with page.engine.connect() as connection:
        found = connection.execute(text("SELECT actor, detail FROM audit WHERE action = 'trace handed out'")).all()
    assert (f"s01 ({__version__})", f"study demo: reading {entry.reading_id}, press 1") in map(tuple, found)


@pytest.mark.slow
def test_what_is_still_on_the_device_is_said_with_how_it_gets_here(page: Served) -> None:
    content = shown(signed_in(page, "s01"), f"/readings/{page.away.reading_id}")
    assert "The curve of presses 1, 2 is still on the device probe-away" in content
    assert "refill journal export --out FOLDER" in content
    assert "refill trial traces import FOLDER --by CODE --why TEXT" in content
    assert "/curves/" not in content


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["svg", "json"])
def test_a_user_of_one_site_gets_no_curve_of_another_by_any_address(page: Served, kind: str) -> None:
    own, other = page.here["01"].reading_id, page.here["00"].reading_id
    manager, site, nobody = signed_in(page, "dm"), signed_in(page, "s01"), Visitor(page.port)
    assert manager.ask(f"/curves/{other}/1.{kind}")[0] == 200, "and it is kept, drawn, for the next who may see it"
    refused = site.ask(f"/curves/{other}/1.{kind}")
    assert refused == (403, "not for this account")
    assert site.ask(f"/curves/{other}/9.{kind}") == refused
    assert site.ask(f"/curves/0000/1.{kind}") == refused, "what is not there and what is not theirs look the same"
    assert site.ask(f"/readings/{other}")[0] == 403
    assert site.ask(f"/curves/{own}/1.{kind}")[0] == 200
    assert nobody.ask(f"/curves/{own}/1.{kind}") == (401, "")
    monitor = signed_in(page, "mon")
    assert monitor.ask(f"/curves/{own}/1.{kind}")[0] == 403
    assert monitor.ask(f"/curves/{other}/1.{kind}")[0] == 200


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    ["9.svg", "4.svg", "4.json", "1.png", "1", "x.svg", "-1.svg", "1.svg.json", "99999.svg", "%00.svg", "1%2f.svg"],
)
def test_an_address_of_no_curve_is_nowhere(page: Served, name: str) -> None:
    assert signed_in(page, "dm").ask(f"/curves/{page.here['01'].reading_id}/{name}")[0] == 404


@pytest.mark.slow
def test_a_mottling_reading_has_no_curve(page: Served) -> None:
    with page.engine.connect() as connection:
        scored = connection.execute(text("SELECT reading_id FROM mottling")).scalars().first()
    assert signed_in(page, "dm").ask(f"/curves/{scored}/1.svg")[0] == 404


@pytest.mark.slow
def test_many_who_ask_at_once_all_get_their_curve_and_pages_meanwhile(page: Served) -> None:
    visitor = signed_in(page, "dm")
    answers: list[tuple[int, bool]] = []

    def ask(path: str) -> None:
        one = Visitor(page.port)
        one.cookie = visitor.cookie
        status, content = one.ask(path)
        answers.append((status, ("<svg" if path.endswith(".svg") else "bed-00") in content))

    paths = [f"/curves/{page.here[site].reading_id}/{number}.svg" for site in ("00", "01") for number in (1, 2)]
    asking = [threading.Thread(target=ask, args=(path,)) for path in (*paths, *paths, "/readings", "/devices")]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join(60)
    assert answers == [(200, True)] * 10


@pytest.mark.slow
def test_a_trace_that_was_altered_is_neither_drawn_nor_handed_out(page: Served, tmp_path: Path) -> None:
    entry = page.here["00"]
    with writing(page.engine).begin() as connection:
        connection.execute(text("DROP TRIGGER press_trace_no_update"))
        change = "UPDATE press_trace SET packed = x'00' WHERE reading_id = :reading_id AND number = 3"
        connection.execute(text(change), {"reading_id": str(entry.reading_id)})
    visitor = signed_in(page, "mon")
    status, drawing = visitor.ask(f"/curves/{entry.reading_id}/3.svg")
    assert (status, "the trace of press 3" in drawing) == (200, True)
    assert visitor.ask(f"/curves/{entry.reading_id}/3.json")[0] == 409
