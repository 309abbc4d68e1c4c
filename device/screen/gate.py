"""The door in front of the page: who may pass, from where, and with which headers. Plain ASGI, before any framework.

Loopback needs no PIN: that display hangs at the bed, as the button does. From elsewhere every request and every
web socket carries the cookie of a session, or it sees nothing but the page that asks for a PIN.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs, urlsplit

from device.screen.access import ROLES, Doors, Role
from device.screen.login import login_page

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

COOKIE: str = "refill-session"
MOST_LOGIN_BYTES: int = 512
POLICY: str = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
"""The page's framework compiles its templates in the browser, which needs eval; all else comes from this device."""
LOGIN_POLICY: str = (
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
"""The page that asks for a PIN is ours alone and needs no script."""
HEADERS: dict[str, str] = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    # Not no-referrer: a browser then gives a form's origin as null, which the door refuses.
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), usb=(), payment=()",
}
LOGIN_PATH: str = "/login"
LOGOUT_PATH: str = "/logout"
MARKS_OF_LIFE: str = "/_nicegui_ws/"


class Gate:
    """Stands before the page. `doors` is None where only this machine may come in."""

    def __init__(self, app: App, hosts: frozenset[str], doors: Doors | None, *, secure: bool, language: str) -> None:
        self._app = app
        self._hosts = hosts
        self._doors = doors
        self._secure = secure
        self._language = language

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let through, ask for the PIN, or refuse."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        if not self._is_ours(headers.get("host", "")) or not self._same_origin(headers):
            await self._refuse(scope, send, 403)
        elif self._doors is None:
            await self._app(scope, receive, self._with_headers(scope, send))
        else:
            await self._guarded(self._doors, scope, headers, receive, send)

    async def _guarded(self, doors: Doors, scope: Scope, headers: dict[str, str], receive: Receive, send: Send) -> None:
        token = _cookie(headers.get("cookie", ""))
        path, http = scope["path"], scope["type"] == "http"
        if http and path == LOGIN_PATH and scope["method"] == "POST":
            await self._log_in(doors, receive, send)
            return
        # A page that only keeps its line open is no sign of a person.
        role = doors.role_of(token, touch=not path.startswith(MARKS_OF_LIFE) or scope.get("method") == "POST")
        if http and path == LOGOUT_PATH:
            doors.leave(token)
            await self._answer(send, 303, b"", [("location", "/"), ("set-cookie", self._set_cookie("", 0))])
        elif role is not None:
            scope["refill.role"] = role
            await self._app(scope, receive, self._with_headers(scope, send))
        elif http and path == "/" and scope["method"] == "GET":
            await self._login_page(send, 200)
        else:
            await self._refuse(scope, send, 401)

    async def _log_in(self, doors: Doors, receive: Receive, send: Send) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = bool(message.get("more_body")) and len(body) <= MOST_LOGIN_BYTES
        fields = parse_qs(body[:MOST_LOGIN_BYTES].decode("latin-1"), max_num_fields=8)
        role: Role | None = next((role for role in ROLES if [role] == fields.get("role")), None)
        token = None if role is None else doors.enter(role, fields.get("pin", [""])[0])
        if token is None:
            await self._login_page(send, 401, locked_s=doors.locked_s(role) if role else 0.0, wrong=True)
            return
        cookie = self._set_cookie(token, int(doors.longest_s))
        await self._answer(send, 303, b"", [("location", "/"), ("set-cookie", cookie)])

    def _set_cookie(self, token: str, age_s: int) -> str:
        secure = "; Secure" if self._secure else ""
        return f"{COOKIE}={token}; Path=/; HttpOnly; SameSite=Strict; Max-Age={age_s}{secure}"

    async def _login_page(self, send: Send, status: int, *, locked_s: float = 0.0, wrong: bool = False) -> None:
        page = login_page(self._language, locked_s=locked_s, wrong=wrong)
        kind = ("content-type", "text/html; charset=utf-8")
        await self._answer(send, status, page.encode(), [kind], policy=LOGIN_POLICY)

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
        return HEADERS | ({"strict-transport-security": "max-age=31536000"} if self._secure else {})

    def _with_headers(self, scope: Scope, send: Send) -> Send:
        page = scope["path"] == "/"

        async def sending(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                kept = [(name, value) for name, value in message["headers"] if name.lower() not in _REPLACED]
                ours = self._headers() | ({"cache-control": "no-store"} if page else {})
                if page:
                    kept = [(name, value) for name, value in kept if name.lower() != b"cache-control"]
                message["headers"] = kept + [(name.encode(), value.encode()) for name, value in ours.items()]
            await send(message)

        return sending

    def _is_ours(self, host: str) -> bool:
        """Whether the request is for a name of this device: another name may be somebody's who rebinds his to us."""
        return (urlsplit(f"//{host}").hostname or "") in self._hosts

    def _same_origin(self, headers: dict[str, str]) -> bool:
        origin = headers.get("origin")
        return origin is None or urlsplit(origin).netloc == headers.get("host")


_REPLACED: frozenset[bytes] = frozenset({*(name.encode() for name in HEADERS), b"server", b"x-powered-by"})


def _cookie(header: str) -> str | None:
    try:
        morsel = SimpleCookie(header).get(COOKIE)
    except CookieError:
        return None
    return None if morsel is None else morsel.value
