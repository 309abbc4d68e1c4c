"""The screen's server: the page, its door and its line to the bedside, in one process that nothing else waits for."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

from fastapi import FastAPI
from nicegui import app as framework
from nicegui import ui

from device.probe.notify import notify
from device.screen.access import Doors
from device.screen.gate import gate
from device.screen.link import Link
from device.screen.page import Page, Settings
from device.screen.photos import serve_photos
from device.screen.records import Records
from device.screen.theme import CSS
from web.door import Door
from web.serving import serving

RECONNECT_S: float = 20.0
"""A page that loses its line for so long goes on where it was; later it is drawn anew."""
ALIVE_S: float = 1.0
NO_MENU: str = "<script>addEventListener('contextmenu', (event) => event.preventDefault())</script>"
"""A long touch would open the browser's menu, which leads out of the page."""
LOOPBACK: frozenset[str] = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True)
class Place:
    """Where the page is served, and who may come."""

    host: str
    port: int
    names: frozenset[str] = frozenset()
    """Names and addresses by which tablets call this device."""
    certificate_file: Path | None = None
    key_file: Path | None = None
    doors: Doors | None = None


def serve(place: Place, console: Path, journal: Path, settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; to be run in a process of its own, from its main thread."""
    link = Link(console)
    link.start()
    try:
        serving(
            _app(place, link, Records(journal), settings),
            place.host,
            place.port,
            place.certificate_file,
            place.key_file,
            at_once=64,
        ).run()
    finally:
        link.stop()


def _app(place: Place, link: Link, records: Records, settings: Settings) -> Door:
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    serve_photos(app, settings.inbox)

    def index() -> None:
        ui.add_css(CSS)
        ui.add_head_html(NO_MENU)
        Page(link, records, settings).build()

    ui.page("/")(index)
    framework.on_startup(_live)
    ui.run_with(
        app,
        title="Refill",
        dark=True,
        language="fr" if settings.language == "fr" else "en-US",
        tailwind=False,
        reconnect_timeout=RECONNECT_S,
        binding_refresh_interval=None,
        show_welcome_message=False,
    )
    secure = place.certificate_file is not None
    return gate(app, LOOPBACK | place.names | {place.host}, place.doors, secure=secure, language=settings.language)


async def _live() -> None:
    """Tell systemd that the page is served, and from then on that its loop turns."""
    notify("READY=1\nSTATUS=serving the page")
    while True:
        notify("WATCHDOG=1")
        await asyncio.sleep(ALIVE_S)
