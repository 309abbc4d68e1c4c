"""What people do on the page: answer, close or ask a query, say why a reading is missing. Forms, one address each."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import get_args
from urllib.parse import parse_qs, urlencode

from fastapi import FastAPI, Request, Response
from sqlalchemy import Engine
from starlette.concurrency import run_in_threadpool

from firmware_config.study import Study
from firmware_config.study_schedule import ReadingKind
from trial.page.desk import Desk, NotYoursError, SessionEndedError
from trial.page.doors import Doors
from trial.people import UnsignedError
from trial.schedule.asked import Action, AskedError, HeldError, code_missing, open_by_hand, say
from web.door import TOKEN

Fields = dict[str, str]
Deed = Callable[[Desk, Fields], str]
"""Does it, and returns the page that shows it. Raises `AskedError`, `UnsignedError`, and as the desk does."""
MOST_BYTES: int = 8192


def serve_deeds(app: FastAPI, engine: Engine, study: Study, doors: Doors) -> None:
    """Add the addresses of the forms. That a form comes from a page of ours is held by the door."""

    async def do(name: str, request: Request) -> Response:
        deed = DEEDS.get(name)
        if deed is None:
            return Response(status_code=404)
        body = b""
        async for part in request.stream():
            body += part
            if len(body) > MOST_BYTES:
                return Response(status_code=413)
        given = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=16)
        fields = {key: values[0] for key, values in given.items() if len(values) == 1}
        desk = Desk(engine, study, doors, request.scope.get(TOKEN))
        return await run_in_threadpool(_done, deed, desk, fields)

    app.post("/do/{name}")(do)


def _done(deed: Deed, desk: Desk, fields: Fields) -> Response:
    try:
        address, said = deed(desk, fields), "kept"
    except SessionEndedError:
        return Response(status_code=401)
    except NotYoursError:
        return Response("not for this account", status_code=403)
    except (AskedError, UnsignedError) as error:
        address = "/queries" if deed is not _missing else "/completeness"
        said = "frozen" if isinstance(error, HeldError) else "refused"
    joint = "&" if "?" in address else "?"
    return Response(status_code=303, headers={"location": f"{address}{joint}said={said}"})


def _say(desk: Desk, fields: Fields) -> str:
    account = desk.writes()
    action = next((each for each in get_args(Action) if each == fields.get("action")), None)
    if action is None or (action != "answered" and account.role != "data_manager"):
        raise NotYoursError
    text = fields.get("number", "")
    number = int(text) if text.isascii() and text.isdecimal() and len(text) < 16 else -1
    now, study = datetime.now(UTC), desk.study.name
    say(desk.engine, study, number, action, fields.get("why", ""), now, actor=account.name, site=account.site)
    return "/queries"


def _ask(desk: Desk, fields: Fields) -> str:
    account = desk.writes()
    site = desk.site_of(fields.get("site") or None)
    if site is None:
        raise NotYoursError
    inclusion = fields.get("inclusion", "").strip() or None
    if inclusion is not None and not (inclusion.isascii() and inclusion.isdecimal() and len(inclusion) <= 6):
        raise AskedError("a subject is an inclusion number")
    now, why = datetime.now(UTC), fields.get("why", "")
    open_by_hand(desk.engine, desk.study.name, site, why, now, actor=account.name, inclusion=inclusion)
    return "/queries"


def _missing(desk: Desk, fields: Fields) -> str:
    account = desk.writes()
    site, inclusion = desk.site_of(fields.get("site") or None), fields.get("inclusion", "")
    event = next((each.event for each in desk.study.expected if each.event == fields.get("event")), None)
    kind = next((each for each in get_args(ReadingKind) if each == fields.get("kind")), None)
    known = inclusion.isascii() and inclusion.isdecimal() and len(inclusion) <= 6
    if site is None or event is None or kind is None or not known:
        raise NotYoursError
    now, code = datetime.now(UTC), fields.get("code", "")
    code_missing(desk.engine, desk.study.name, (site, inclusion), event, kind, code, now, actor=account.name)
    return f"/completeness?{urlencode({'site': site, 'inclusion': inclusion})}"


DEEDS: dict[str, Deed] = {"say": _say, "ask": _ask, "missing": _missing}
