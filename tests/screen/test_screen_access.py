"""The door of the screen: PINs, lock-out, sessions, hosts, origins, headers; on the gate, without any framework."""

import asyncio
import re
from collections.abc import MutableMapping
from typing import Any

import pytest

from device.screen import access
from device.screen.access import LONGEST_LOCK_S, MOST_SESSIONS, TRIES, Doors, PinError, pins_of, sealed
from device.screen.gate import COOKIE
from device.screen.gate import gate as gate_of
from web.door import Door

NURSE, ENGINEER = "4711", "271828"


class Clock:
    def __init__(self) -> None:
        self.s = 1000.0

    def __call__(self) -> float:
        return self.s


@pytest.fixture(scope="module")
def pins() -> str:
    return f"{sealed('nurse', NURSE)}\n{sealed('engineer', ENGINEER)}\n"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def doors(pins: str, clock: Clock) -> Doors:
    return Doors(pins_of(pins), clock)


@pytest.mark.parametrize("pin", ["123", "1111", "1234", "4321", "12a4", "", "١٢٣٤", "0" * 13])
def test_a_pin_that_is_too_simple_is_refused_without_being_repeated(pin: str) -> None:
    with pytest.raises(PinError) as refused:
        sealed("nurse", pin)
    assert not pin or pin not in str(refused.value)


@pytest.mark.parametrize("text", ["", "nurse:00", "boss:" + "0" * 32 + ":" + "0" * 32, "nurse:xyz:xyz", "nurse:" * 3])
def test_a_wrong_file_of_pins_is_refused(text: str) -> None:
    with pytest.raises(PinError):
        pins_of(text)


@pytest.mark.slow
def test_the_right_pin_opens_and_the_wrong_one_does_not(doors: Doors) -> None:
    token = doors.enter("nurse", NURSE)
    assert doors.role_of(token) == "nurse"
    assert doors.enter("nurse", ENGINEER) is None
    assert doors.enter("engineer", NURSE) is None
    assert doors.role_of("made up") is None
    doors.leave(token)
    assert doors.role_of(token) is None


@pytest.mark.slow
def test_guessing_locks_the_role_longer_each_time_even_for_the_right_pin(doors: Doors, clock: Clock) -> None:
    lasted = []
    for _ in range(8):
        for _ in range(TRIES):
            assert doors.enter("nurse", "0000") is None
        lasted.append(doors.locked_s("nurse"))
        assert doors.enter("nurse", NURSE) is None
        clock.s += lasted[-1] + 1
    assert lasted[0] > 0
    assert lasted == sorted(lasted)
    assert lasted[-1] == LONGEST_LOCK_S
    assert doors.enter("engineer", ENGINEER) is not None, "the other role is not shut out"
    assert doors.enter("nurse", NURSE) is not None


@pytest.mark.slow
def test_sessions_end_idle_and_at_last_and_are_not_without_number(doors: Doors, clock: Clock) -> None:
    token = doors.enter("nurse", NURSE)
    clock.s += doors.idle_s - 1
    assert doors.role_of(token) == "nurse"
    clock.s += doors.idle_s - 1
    assert doors.role_of(token, touch=False) == "nurse"
    clock.s += 2
    assert doors.role_of(token) is None
    token = doors.enter("nurse", NURSE)
    for _ in range(int(doors.longest_s / 600) + 1):
        clock.s += 600
        doors.role_of(token)
    assert doors.role_of(token) is None
    first = doors.enter("nurse", NURSE)
    for _ in range(MOST_SESSIONS):
        clock.s += 1
        doors.enter("nurse", NURSE)
    assert doors.role_of(first) is None


Answer = tuple[int, dict[str, str], bytes]


def ask(gate: Door, path: str = "/", method: str = "GET", body: bytes = b"", **headers: str) -> Answer:
    """One request to the gate; the page behind it answers 200 with its own careless headers."""
    sent: list[MutableMapping[str, Any]] = []
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in ({"host": "bed"} | headers).items()]
    scope = {"type": "http", "path": path, "method": method, "headers": raw}

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    asyncio.run(gate(scope, receive, send))
    found = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], found, sent[-1].get("body", b"")


async def page(scope: Any, receive: Any, send: Any) -> None:
    careless = [(b"server", b"framework"), (b"x-frame-options", b"ALLOWALL"), (b"cache-control", b"public")]
    await send({"type": "http.response.start", "status": 200, "headers": careless})
    await send({"type": "http.response.body", "body": b"page"})


def gate(doors: Doors | None, *, secure: bool = True) -> Door:
    return gate_of(page, frozenset({"bed", "127.0.0.1"}), doors, secure=secure, language="fr")


def log_in(shut: Door, role: str, pin: str) -> tuple[int, str]:
    status, headers, _ = ask(shut, "/login", "POST", f"role={role}&pin={pin}".encode())
    return status, headers.get("set-cookie", "")


def test_a_stranger_sees_the_pin_and_nothing_else(doors: Doors) -> None:
    shut = gate(doors)
    status, headers, body = ask(shut)
    assert (status, b"page" in body) == (200, False)
    assert b'type="password"' in body
    assert b"<script" not in body
    assert "script" not in headers["content-security-policy"]
    for path in ("/_nicegui_ws/socket.io/", "/_nicegui/x/static/a.js", "/docs", "/openapi.json", "/history"):
        assert ask(shut, path)[0] == 401
    assert ask(shut, "/", "POST")[0] == 401


@pytest.mark.slow
def test_many_guesses_at_once_are_judged_one_after_the_other(doors: Doors, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else all of them would be judged before the lock that the first ones earn."""
    judged = []
    hashed = access._hashed
    monkeypatch.setattr(access, "_hashed", lambda pin, salt: judged.append(pin) or hashed(pin, salt))
    shut = gate(doors)

    async def guess(number: int) -> None:
        async def receive() -> MutableMapping[str, Any]:
            return {"type": "http.request", "body": f"role=nurse&pin={number:04d}".encode(), "more_body": False}

        async def send(message: MutableMapping[str, Any]) -> None:
            pass

        await shut({"type": "http", "path": "/login", "method": "POST", "headers": [(b"host", b"bed")]}, receive, send)

    async def flood() -> None:
        await asyncio.gather(*(guess(number) for number in range(30)))

    asyncio.run(flood())
    assert len(judged) == TRIES
    assert doors.locked_s("nurse") > 0


def test_a_pin_opens_until_the_session_is_left(doors: Doors) -> None:
    shut = gate(doors)
    status, cookie = log_in(shut, "nurse", NURSE)
    assert status == 303
    assert {"HttpOnly", "SameSite=Strict", "Secure", "Path=/"} <= set(cookie.split("; "))
    token = cookie.split(";")[0]
    assert ask(shut, cookie=token)[2] == b"page"
    assert ask(shut, cookie=f"{COOKIE}=guess")[2] != b"page"
    ask(shut, "/logout", cookie=token)
    assert ask(shut, cookie=token)[2] != b"page"


@pytest.mark.slow
def test_guesses_are_answered_alike_and_lock(doors: Doors) -> None:
    shut = gate(doors)
    for _ in range(TRIES):
        assert log_in(shut, "nurse", "0000") == (401, "")
    status, _, body = ask(shut, "/login", "POST", f"role=nurse&pin={NURSE}".encode())
    assert status == 401
    assert "Attendez 1 min" in body.decode()
    assert log_in(shut, "boss", "0000")[0] == 401
    assert log_in(shut, "nurse", "9" * 100_000)[0] == 401


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example"},
        {"host": ""},
        {"host": "bed.evil.example"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"host": "127.0.0.1:8480", "origin": "http://127.0.0.1:9999"},
    ],
)
def test_other_names_and_other_origins_are_refused(headers: dict[str, str]) -> None:
    assert ask(gate(None), **headers)[0] == 403


def test_web_sockets_pass_the_same_door(doors: Doors) -> None:
    async def closed(shut: Door, headers: list[tuple[bytes, bytes]]) -> list[Any]:
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        async def receive() -> Any:
            return {"type": "websocket.connect"}

        await shut({"type": "websocket", "path": "/_nicegui_ws/socket.io/", "headers": headers}, receive, send)
        return sent

    assert asyncio.run(closed(gate(doors), [(b"host", b"bed")])) == [{"type": "websocket.close", "code": 1008}]
    foreign = [(b"host", b"bed"), (b"origin", b"https://evil.example")]
    assert asyncio.run(closed(gate(None), foreign)) == [{"type": "websocket.close", "code": 1008}]


def test_every_answer_has_strict_headers_and_none_of_the_frameworks(doors: Doors) -> None:
    _, headers, body = ask(gate(None, secure=True))
    assert body == b"page"
    assert headers["x-frame-options"] == "DENY"
    assert headers["cache-control"] == "no-store"
    assert "server" not in headers
    assert "max-age" in headers["strict-transport-security"]
    assert "strict-transport-security" not in ask(gate(None, secure=False))[1]
    policy = headers["content-security-policy"]
    assert not re.search(r"https?:|\*", policy), "nothing comes from elsewhere"
