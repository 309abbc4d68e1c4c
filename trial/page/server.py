"""The data managers' page as a process: the door, the pages behind it, the files that it hands out."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from fastapi import FastAPI
from nicegui import app as framework
from nicegui import ui
from sqlalchemy import Engine

from firmware_config.page import Page
from firmware_config.study import Study
from trial.page.curves import Draw, serve_curves
from trial.page.deeds import serve_deeds
from trial.page.doors import Doors
from trial.page.files import serve_files
from trial.page.login import login_page
from trial.page.pages import add_pages
from trial.page.theme import CSS
from web.door import Door, Wall
from web.serving import serving

LOOPBACK: frozenset[str] = frozenset({"127.0.0.1", "localhost", "::1"})
COOKIE: str = "refill-trial"
ALIVE_S: float = 5.0


@dataclass(frozen=True)
class People:
    """The doors as the web's door asks them."""

    doors: Doors

    @property
    def longest_s(self) -> float:
        """A session's longest life."""
        return self.doors.longest_s

    def enter(self, fields: Mapping[str, str]) -> str | None:
        """Return a token for an account and its password."""
        return self.doors.enter(fields.get("account", "").strip().lower(), fields.get("password", ""))

    def knows(self, token: str | None, *, touch: bool) -> bool:
        """Return whether a session stands."""
        return self.doors.account_of(token, touch=touch) is not None

    def leave(self, token: str | None) -> None:
        """End a session."""
        self.doors.leave(token)


def serve(engine: Engine, study: Study, page: Page, draw: Draw, tell: Callable[[str], None] = lambda _: None) -> None:
    """Serve until SIGTERM or SIGINT; to be run in a process of its own, from its main thread.

    `draw` makes a curve of a stored trace. `tell` takes what the service manager is told, in its words (sd_notify(3)).
    """
    doors = Doors(engine, study.name, idle_s=60.0 * page.idle_minutes)

    async def live() -> None:
        tell("READY=1\nSTATUS=serving the page")
        while True:
            tell("WATCHDOG=1")
            await asyncio.sleep(ALIVE_S)

    framework.on_startup(live)
    serving(
        _app(engine, study, page, doors, draw), page.host, page.port, page.certificate_file, page.key_file, at_once=128
    ).run()


def _app(engine: Engine, study: Study, page: Page, doors: Doors, draw: Draw) -> Door:
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    serve_files(app, engine, study, doors)
    serve_curves(app, engine, study, doors, draw)
    serve_deeds(app, engine, study, doors)
    ui.add_css(CSS, shared=True)
    add_pages(engine, study, doors)
    ui.run_with(app, title="Refill trial", dark=False, language="en-US", tailwind=False, show_welcome_message=False)
    wall = Wall(
        hosts=LOOPBACK | {*page.names} | {page.host},
        secure=page.certificate_file is not None,
        cookie=COOKIE,
        login_page=lambda tried: login_page(study.title, wrong=tried is not None),
    )
    return Door(app, People(doors), wall)
