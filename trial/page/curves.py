"""The presses of a reading with their curves: a table of what the reading says, a drawing of each trace that is here.

The drawings have addresses of their own, so that the page does not wait for them: each is an analysis. They are asked
for as everything is, by who is there; a trace is handed out as its device hashed it.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping
from html import escape

from fastapi import FastAPI, Request, Response
from sqlalchemy import Engine

from contract.reading import PressRecord, Reading
from firmware_config.study import Study
from trial.database import note, writing
from trial.page.curve_sheet import HEIGHT, WIDTH, CurveError, no_curve, told
from trial.page.desk import Desk, NotYoursError, SessionEndedError
from trial.page.doors import Doors
from trial.page.markup import Cell, Markup, link, table, text
from trial.traces import AlteredTraceError, Kept
from web.door import TOKEN

Draw = Callable[[bytes, PressRecord], str]
"""Returns the SVG of a stored trace with its press; raises `CurveError`. It takes as long as an analysis."""
MOST_DRAWINGS: int = 200
"""So many are kept, of about 30 kB each."""


def presses(entry: Reading, kept: Mapping[int, Kept]) -> Markup:
    """Return the presses of a reading: what each came to, its curve where it is here, and how it gets here."""
    heads = ("press", "status", "why", "refill, s", "95 % interval, s", "hold, kPa", "hold, s", "release, s", "frames")
    rows = [_row(entry, press, kept.get(press.number)) for press in entry.presses]
    listed = table((*heads, "dropped", "curve"), rows, "what the reading says of each")
    figures = "".join(_figure(entry, press) for press in entry.presses if press.number in kept)
    away = [each.number for each in entry.presses if each.trace_sha256 is not None and each.number not in kept]
    drawn = f'<div class="plots">{figures}</div>' if figures else ""
    return Markup(f'<h2>Presses</h2><div class="wide">{listed}</div>{_fetch(entry, away)}{drawn}')


def _row(entry: Reading, press: PressRecord, kept: Kept | None) -> tuple[Cell, ...]:
    result = press.result
    interval = "" if result.crt_ci95_s is None else f"{result.crt_ci95_s[0]:.2f} to {result.crt_ci95_s[1]:.2f}"
    refill: Cell = result.crt_s if result.crt_exceeds_s is None else f"over {result.crt_exceeds_s:.1f}"
    if kept is not None:
        file = link(f"/curves/{entry.reading_id}/{press.number}.json", f"trace {press.number}")
        where = Markup(f"{file}, here since {text(kept.at)} by {text(kept.actor)}")
    else:
        where = Markup("none was kept" if press.trace_sha256 is None else "on the device")
    return (
        *(str(press.number), str(result.status), str(result.reason or ""), refill, interval, press.mean_hold_kpa),
        *(press.hold_s, press.release_s, press.frames, press.frames_dropped, where),
    )


def _figure(entry: Reading, press: PressRecord) -> str:
    words = escape(f"Press {press.number}: {told(press.result)}", quote=True)
    address = f"/curves/{entry.reading_id}/{press.number}.svg"
    size = f'width="{WIDTH}" height="{HEIGHT}"'
    return f'<img src="{address}" alt="Curve of the signal and of the probe. {words}" {size} loading="lazy">'


def _fetch(entry: Reading, numbers: list[int]) -> str:
    if not numbers:
        return ""
    whose = "press" if len(numbers) == 1 else "presses"
    return (
        f"<p>The curve of {whose} {', '.join(map(str, numbers))} is still on the device {text(entry.device.name)}, "
        "unless it was removed there after its term. It comes here in an export of the device's journal: there "
        "<code>refill journal export --out FOLDER</code>, then on the trial's server "
        "<code>refill trial traces import FOLDER --by CODE --why TEXT</code>.</p>"
    )


class Drawings:
    """The drawings of one page: made one at a time, and only for who is still there to see them."""

    def __init__(self, draw: Draw) -> None:
        self._draw = draw
        self._lock = asyncio.Lock()
        self._made: OrderedDict[tuple[str, int], str] = OrderedDict()

    async def of(self, request: Request, desk: Desk, reading_id: str, number: int) -> str | None:
        """Return a drawing, None where there is no trace or nobody waits; raises what the desk raises."""
        key = (reading_id, number)
        press = await asyncio.to_thread(desk.press, reading_id, number)
        if press is None:
            return None
        async with self._lock:
            if key in self._made:
                self._made.move_to_end(key)
                return self._made[key]
            if await request.is_disconnected():
                return None
            try:
                drawing = await asyncio.to_thread(self._drawn, desk, reading_id, press)
            except (AlteredTraceError, CurveError) as error:
                return no_curve(press, f"{str(error).rstrip('.')}.")
            if drawing is not None:
                self._made[key] = drawing
            if len(self._made) > MOST_DRAWINGS:
                self._made.popitem(last=False)
            return drawing

    def _drawn(self, desk: Desk, reading_id: str, press: PressRecord) -> str | None:
        stored = desk.trace(reading_id, press.number)
        return None if stored is None else self._draw(stored, press)


def serve_curves(app: FastAPI, engine: Engine, study: Study, doors: Doors, draw: Draw) -> None:
    """Add the addresses of the drawings and of the traces themselves."""
    drawings = Drawings(draw)

    async def curve(reading_id: str, name: str, request: Request) -> Response:
        number, _, kind = name.partition(".")
        if not (number.isascii() and number.isdecimal() and len(number) < 4) or kind not in ("svg", "json"):
            return Response(status_code=404)
        desk = Desk(engine, study, doors, request.scope.get(TOKEN))
        try:
            if kind == "json":
                return await asyncio.to_thread(_handed_out, desk, reading_id, int(number))
            drawing = await drawings.of(request, desk, reading_id, int(number))
        except SessionEndedError:
            return Response(status_code=401)
        except NotYoursError:
            return Response("not for this account", status_code=403)
        return Response(status_code=404) if drawing is None else Response(drawing, media_type="image/svg+xml")

    app.get("/curves/{reading_id}/{name}")(curve)


def _handed_out(desk: Desk, reading_id: str, number: int) -> Response:
    try:
        stored = desk.trace(reading_id, number)
    except AlteredTraceError as error:
        return Response(str(error), status_code=409, media_type="text/plain")
    if stored is None:
        return Response(status_code=404)
    who = desk.who().name
    with writing(desk.engine).begin() as connection:
        note(connection, who, "trace handed out", f"study {desk.study.name}: reading {reading_id}, press {number}")
    named = {"content-disposition": f'attachment; filename="{reading_id}-{number}.json"'}
    return Response(stored, media_type="application/json", headers=named)
