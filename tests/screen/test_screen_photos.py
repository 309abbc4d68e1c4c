"""Photos on their way to the bedside: what is taken, what is refused, and that none stays for long."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import uvicorn
from fastapi import FastAPI

from benchmarks.servers import free_port
from device.photo_inbox import KEPT_S, MOST_BYTES
from device.screen.photos import MOST_PHOTOS, serve_photos
from device.screen.ways_photographing import Photographing, Taken

JPEG = b"\xff\xd8\xff\xe0" + b"\0" * 100


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    import threading

    app = FastAPI()
    serve_photos(app, tmp_path / "photos")
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"127.0.0.1:{port}"
    server.should_exit = True
    thread.join(5)


def asked(server: str, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
    from http.client import HTTPConnection

    line = HTTPConnection(server, timeout=20)
    try:
        line.request(method, path, body)
        answer = line.getresponse()
        return answer.status, answer.read()
    except (BrokenPipeError, ConnectionResetError):
        # The server need not read on what is too large.
        return 413, b""
    finally:
        line.close()


def test_a_photo_lies_in_the_inbox_for_the_bedside_alone(served: str, tmp_path: Path) -> None:
    status, name = asked(served, "PUT", "/photo", JPEG)
    assert status == 200
    file = tmp_path / "photos" / name.decode()
    assert file.read_bytes() == JPEG
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    assert asked(served, "GET", f"/photos/{name.decode()}") == (200, JPEG)


@pytest.mark.parametrize("body", [b"", b"GIF89a", b"<svg onload=alert(1)>", b"\xff\xd8"])
def test_what_is_no_photo_is_refused(served: str, tmp_path: Path, body: bytes) -> None:
    assert asked(served, "PUT", "/photo", body)[0] == 415
    assert not (tmp_path / "photos").exists()


@pytest.mark.slow
def test_what_is_too_large_is_refused_and_not_kept(served: str, tmp_path: Path) -> None:
    assert asked(served, "PUT", "/photo", JPEG + b"\0" * MOST_BYTES)[0] == 413
    assert not (tmp_path / "photos").exists()


def test_photo_after_photo_does_not_fill_the_memory(served: str, tmp_path: Path) -> None:
    told = [asked(served, "PUT", "/photo", JPEG)[0] for _ in range(MOST_PHOTOS + 3)]
    assert told == [200] * MOST_PHOTOS + [507] * 3


@pytest.mark.parametrize("name", ["..%2fjournal.sqlite", "journal.sqlite", "%2e%2e/choice.json", "x.jpg"])
def test_nothing_else_can_be_read_by_that_way(served: str, tmp_path: Path, name: str) -> None:
    (tmp_path / "journal.sqlite").write_text("secret")
    assert asked(served, "GET", f"/photos/{name}")[0] == 404


def test_a_photo_that_nobody_scores_goes(served: str, tmp_path: Path) -> None:
    name = asked(served, "PUT", "/photo", JPEG)[1].decode()
    inbox = tmp_path / "photos"
    other = inbox / "note.txt"
    other.write_text("not ours")
    old = time.time() - KEPT_S - 1
    os.utime(inbox / name, (old, old))
    os.utime(other, (old, old))
    later = asked(served, "PUT", "/photo", JPEG)[1].decode()
    assert sorted(file.name for file in inbox.iterdir()) == sorted(["note.txt", later])


def marking(tmp_path: Path) -> Photographing:
    page = SimpleNamespace(settings=SimpleNamespace(inbox=tmp_path), show=lambda _view: None)
    leg = Photographing(page)  # type: ignore[arg-type] # only what a mark needs of the page
    leg.taken(Taken("0" * 36 + ".jpg", 4000, 3000))
    return leg


def test_a_mark_takes_two_touches_the_first_shows_the_place_larger(tmp_path: Path) -> None:
    leg = marking(tmp_path)
    leg.touched(2000, 1500)
    assert leg.marks == {}
    left, top, width, height = leg.box()
    assert (width, height) == (800, 600)
    assert left <= 2000 <= left + width
    assert top <= 1500 <= top + height
    leg.touched(2010.04, 1512)
    assert leg.marks == {"knee": (2010.0, 1512)}
    assert leg.box() == (0, 0, 4000, 3000)
    assert leg.next_mark == "patella"


def test_the_larger_place_never_leaves_the_photo(tmp_path: Path) -> None:
    leg = marking(tmp_path)
    leg.touched(-50, 9999)
    assert leg.box() == (0, 2400, 800, 600)
    leg.touched(-50, 9999)
    assert leg.marks["knee"] == (0, 2999)


def test_without_the_groin_it_can_be_scored_and_a_mark_can_be_made_again(tmp_path: Path) -> None:
    leg = marking(tmp_path)
    for x in (1000.0, 1200.0):
        leg.touched(x, 1500)
        leg.touched(x, 1500)
    assert (leg.marked, leg.next_mark) == (True, "groin")
    leg.no_groin()
    assert (leg.marked, leg.next_mark) == (True, None)
    leg.mark("knee")
    leg.touched(900, 1500)
    leg.touched(905, 1500)
    assert leg.marks == {"knee": (905, 1500), "patella": (1200, 1500)}
    assert leg.next_mark is None
    leg.mark("groin")
    assert leg.next_mark == "groin"


def test_no_more_than_two_photos_come_at_once(served: str) -> None:
    """Each lies in memory while it comes: a flood of slow ones must not end the page."""
    import socket

    host, _, port = served.partition(":")
    slow = [socket.create_connection((host, int(port))) for _ in range(2)]
    for line in slow:
        line.sendall(b"PUT /photo HTTP/1.1\r\nHost: bed\r\nContent-Length: 1000\r\n\r\n" + JPEG)
    time.sleep(0.3)
    assert asked(served, "PUT", "/photo", JPEG)[0] == 503
    for line in slow:
        line.close()
    time.sleep(0.3)
    assert asked(served, "PUT", "/photo", JPEG)[0] == 200
