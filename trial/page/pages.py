"""The pages: which there are, who sees which, and the frame around each. What stands in them is made in `views`."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from fastapi import Request
from nicegui import ui
from sqlalchemy import Engine
from starlette.responses import Response

from firmware_config.study import Study
from trial.accounts import Account
from trial.page import views, views_asking
from trial.page.desk import Desk, NotYoursError, SessionEndedError
from trial.page.doors import Doors
from trial.page.markup import Markup, link, text
from trial.page.standing import Standing
from web.door import LOGOUT_PATH, TOKEN

LONGEST_S: float = 60.0
"""The framework's own 3 s would be an error for whoever asks while the machine is busy."""
Query = Mapping[str, str]
Build = Callable[[Desk, Query], Markup]


@dataclass(frozen=True)
class View:
    """One page of the bar."""

    address: str
    title: str
    build: Build
    whole_study: bool = False
    """Shown to those only who see every site."""


def bar(standing: Standing) -> tuple[View, ...]:
    """Return the pages of the bar, in its order."""
    return (
        View("/", "Overview", views.overview),
        View("/completeness", "Completeness", partial(views_asking.completeness_page, standing)),
        View("/readings", "Readings", views.readings),
        View("/queries", "Queries", views_asking.queries_page),
        View("/devices", "Devices", views.devices),
        View("/audit", "Audit trail", views.audit, whole_study=True),
        View("/exports", "Exports", views.exports, whole_study=True),
    )


def add_pages(engine: Engine, study: Study, doors: Doors) -> None:
    """Register every page with the framework."""
    shown = bar(Standing(engine, study))
    for view in (*shown, View("/readings/{reading_id}", "Reading", views.reading)):
        _add(engine, study, doors, view, shown)


def _add(engine: Engine, study: Study, doors: Doors, view: View, shown: Sequence[View]) -> None:
    async def page(request: Request) -> Response | None:
        desk = Desk(engine, study, doors, request.scope.get(TOKEN))
        query = {**request.query_params, **request.path_params}
        try:
            account = desk.who()
            if view.whole_study:
                desk.whole_study()
            inside = await asyncio.to_thread(view.build, desk, query)
        except SessionEndedError:
            return Response(status_code=401)
        except NotYoursError:
            return Response("not for this account", status_code=403)
        ui.html(_frame(account, shown, view, inside), sanitize=False, tag="div")
        return None

    ui.page(view.address, title=f"Refill trial: {view.title}", response_timeout=LONGEST_S)(page)


def _frame(account: Account, shown: Sequence[View], here: View, inside: Markup) -> Markup:
    links = []
    for view in shown:
        if view.whole_study and account.site is not None:
            continue
        mark = ' aria-current="page"' if view.address == here.address else ""
        links.append(f'<a href="{view.address}"{mark}>{text(view.title)}</a>')
    where = "every site" if account.site is None else f"site {account.site}"
    who = (
        f'<span class="who">{text(account.name)}, {text(account.role)}, {where} {link(LOGOUT_PATH, "Sign out")}</span>'
    )
    top = f'<header class="bar"><nav class="row" aria-label="pages">{"".join(links)}</nav>{who}</header>'
    return Markup(f'{top}<main class="sheet"><h1>{text(here.title)}</h1>{inside}</main>')
