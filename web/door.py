"""The door in front of a page: who may pass, from where, and with which headers. Plain ASGI, before any framework.

With a keeper every request and every web socket carries the cookie of a session, or it sees nothing but the page that
asks who comes. Without one the door is open to whoever reaches it: for a server that listens on loopback only.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit

from web.headers import HEADERS, LOGIN_POLICY, POLICY, REPLACED, SECURE

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Fields = Mapping[str, str]

MOST_LOGIN_BYTES: int = 2048
LOGIN_PATH: str = "/login"
LOGOUT_PATH: str = "/logout"
MARKS_OF_LIFE: str = "/_nicegui_ws/"
TOKEN: str = "refill.token"  # noqa: S105 - the name of a place, not a token
"""Where in a request's scope its session's token stands."""


class Keeper(Protocol):
    """Who keeps the sessions. Its calls may take a while: they run beside the server's loop."""

    @property
    def longest_s(self) -> float:
        """Longest life of a session, s."""

    def enter(self, fields: Fields) -> str | None:
        """Return the token of a new session, or None."""

    def knows(self, token: str | None, *, touch: bool) -> bool:
        """Return whether a token's session stands; `touch` keeps it from ending."""

    def leave(self, token: str | None) -> None:
        """End a session."""


@dataclass(frozen=True)
class Wall:
    """What the door is set into: by which names the server is called, and what stands on its login page."""

    hosts: frozenset[str]
    secure: bool
    """Whether it is reached over TLS only."""
    cookie: str
    login_page: Callable[[Fields | None], str]
    """Returns the page; told with what was tried in vain just now, or None."""


class Door:
    """Stands before the page."""

    def __init__(self, app: App, keeper: Keeper | None, wall: Wall) -> None:
        self._app = app
        self._keeper = keeper
        self._wall = wall
        # One at a time: many guesses at once must not all be judged before the lock that the first ones earn.
        self._entering = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let through, ask who comes, or refuse."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        if not self._is_ours(headers.get("host", "")) or not _same_origin(headers):
            await self._refuse(scope, send, 403)
        elif self._keeper is None:
            await self._app(scope, receive, self._with_headers(scope, send))
        else:
            await self._guarded(self._keeper, scope, headers, receive, send)

    async def _guarded(
        self, keeper: Keeper, scope: Scope, headers: Mapping[str, str], receive: Receive, send: Send
    ) -> None:
        token = _cookie(headers.get("cookie", ""), self._wall.cookie)
        path, http = scope["path"], scope["type"] == "http"
        if http and path == LOGIN_PATH and scope["method"] == "POST":
            await self._log_in(keeper, receive, send)
        elif http and path == LOGOUT_PATH:
            keeper.leave(token)
            await self._answer(send, 303, b"", [("location", "/"), ("set-cookie", self._set_cookie("", 0))])
        elif await asyncio.to_thread(keeper.knows, token, touch=_is_a_person(scope)):
            scope[TOKEN] = token
            await self._app(scope, receive, self._with_headers(scope, send))
        elif http and path == "/" and scope["method"] in ("GET", "HEAD"):
            await self._login_page(send, 200, None)
        else:
            await self._refuse(scope, send, 401)

    async def _log_in(self, keeper: Keeper, receive: Receive, send: Send) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message.get("body", b"")
            more = bool(message.get("more_body")) and len(body) <= MOST_LOGIN_BYTES
        given = parse_qs(body[:MOST_LOGIN_BYTES].decode("utf-8", "replace"), max_num_fields=8)
        # A field that stands twice is nobody's honest form.
        fields = {name: values[0] for name, values in given.items() if len(values) == 1}
        async with self._entering:
            token = await asyncio.to_thread(keeper.enter, fields)
        if token is None:
            await self._login_page(send, 401, fields)
            return
        cookie = self._set_cookie(token, int(keeper.longest_s))
        await self._answer(send, 303, b"", [("location", "/"), ("set-cookie", cookie)])

    def _set_cookie(self, token: str, age_s: int) -> str:
        secure = "; Secure" if self._wall.secure else ""
        return f"{self._wall.cookie}={token}; Path=/; HttpOnly; SameSite=Strict; Max-Age={age_s}{secure}"

    async def _login_page(self, send: Send, status: int, tried: Fields | None) -> None:
        kind = ("content-type", "text/html; charset=utf-8")
        await self._answer(send, status, self._wall.login_page(tried).encode(), [kind], policy=LOGIN_POLICY)

    async def _refuse(self, scope: Scope, send: Send, status: int) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        await self._answer(send, status, b"", [])

    async def _answer(
        self, send: Send, status: int, body: bytes, headers: list[tuple[str, str]], policy: str = POLICY
    ) -> None:
        ours = self._headers() | {"content-security-policy": policy}
        all_headers = [*ours.items(), *headers, ("content-length", str(len(body))), ("cache-control", "no-store")]
        encoded = [(name.encode(), value.encode()) for name, value in all_headers]
        await send({"type": "http.response.start", "status": status, "headers": encoded})
        await send({"type": "http.response.body", "body": body})

    def _headers(self) -> dict[str, str]:
        return HEADERS | (SECURE if self._wall.secure else {})

    def _with_headers(self, scope: Scope, send: Send) -> Send:
        """Add our headers; what is no part of the framework's own files is kept by no browser."""
        keeps = scope["path"].startswith("/_nicegui/")

        async def sending(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                dropped = REPLACED if keeps else REPLACED | {b"cache-control"}
                kept = [(name, value) for name, value in message["headers"] if name.lower() not in dropped]
                ours = self._headers() | ({} if keeps else {"cache-control": "no-store"})
                message["headers"] = kept + [(name.encode(), value.encode()) for name, value in ours.items()]
            await send(message)

        return sending

    def _is_ours(self, host: str) -> bool:
        """Whether the request is for a name of this server: another name may be somebody's who rebinds his to us."""
        return (urlsplit(f"//{host}").hostname or "") in self._wall.hosts


def _is_a_person(scope: Scope) -> bool:
    """Whether a request is a sign of a person: a page that only keeps its line open is none."""
    return not scope["path"].startswith(MARKS_OF_LIFE) or scope.get("method") == "POST"


def _same_origin(headers: Mapping[str, str]) -> bool:
    """Whether it comes from a page of ours. A browser says where from with every form and every web socket."""
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc == headers.get("host")


def _cookie(header: str, name: str) -> str | None:
    try:
        morsel = SimpleCookie(header).get(name)
    except CookieError:
        return None
    return None if morsel is None else morsel.value
