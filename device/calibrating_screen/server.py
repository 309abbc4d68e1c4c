"""The calibration's server: its page behind the screen's own door, and the certificates as files."""

import asyncio
import time

from fastapi import FastAPI
from nicegui import app as framework
from nicegui import ui

from device.calibrating_screen.calibrating import Calibrating
from device.calibrating_screen.page import Page, Shared
from device.calibrating_screen.papers import serve_papers
from device.calibrating_screen.start import Site
from device.calibrating_screen.theme import CSS
from device.probe.notify import notify
from device.screen.gate import gate
from device.screen.server import ALIVE_S, LOOPBACK, NO_MENU, RECONNECT_S, Place
from device.screen.words import Language
from web.door import Door
from web.serving import serving


def serve(place: Place, site: Site, language: Language) -> None:
    """Serve until SIGTERM or SIGINT; to be run in a process of its own, from its main thread.

    What is under way then stops at its next word, with every outcome kept, and the machine is let go of.
    """
    calibrating = Calibrating(site, time.monotonic)

    async def closed() -> None:
        # Not after the server's run: it ends by the signal itself, once its handlers are gone.
        await asyncio.to_thread(calibrating.close)

    framework.on_startup(_live)
    framework.on_shutdown(closed)
    app = _app(place, calibrating, language)
    serving(app, place.host, place.port, place.certificate_file, place.key_file, at_once=64).run()


def _app(place: Place, calibrating: Calibrating, language: Language) -> Door:
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    serve_papers(app, calibrating.site.folder)
    shared = Shared(calibrating, language)

    async def index() -> None:
        await asyncio.to_thread(calibrating.look)
        ui.add_css(CSS)
        ui.add_head_html(NO_MENU)
        Page(shared).build()

    ui.page("/")(index)
    ui.run_with(
        app,
        title="Refill",
        dark=True,
        language="fr" if language == "fr" else "en-US",
        tailwind=False,
        reconnect_timeout=RECONNECT_S,
        binding_refresh_interval=None,
        show_welcome_message=False,
    )
    secure = place.certificate_file is not None
    return gate(app, LOOPBACK | place.names | {place.host}, place.doors, secure=secure, language=language)


async def _live() -> None:
    """Tell systemd that the page is served, and from then on that its loop turns, whatever the calibration does."""
    notify("READY=1\nSTATUS=serving the calibration")
    while True:
        notify("WATCHDOG=1")
        await asyncio.sleep(ALIVE_S)
