"""The inbox for photos: only files of ours, never through a link, never larger than a photo, gone after minutes."""

import os
from pathlib import Path
from uuid import uuid4

import pytest

from device.photo_inbox import KEPT_S, MOST_BYTES, InboxError, inbox_of, make, put, remove, sweep, take


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    inbox = inbox_of(tmp_path / "run" / "bedside.sock")
    make(inbox)
    return inbox


def name(ending: str = "jpg") -> str:
    return f"{uuid4()}.{ending}"


def test_the_inbox_lies_beside_the_socket_and_is_its_owners_alone(inbox: Path) -> None:
    assert inbox.parent.name == "run"
    assert inbox.stat().st_mode & 0o777 == 0o700
    make(inbox)


def test_what_was_put_is_taken_whole_and_nobody_else_can_read_it(inbox: Path) -> None:
    for photo in (name("jpg"), name("png"), name("map.jpg")):
        put(inbox, photo, b"a photo")
        assert take(inbox, photo) == b"a photo"
        assert (inbox / photo).stat().st_mode & 0o777 == 0o600
        remove(inbox, photo)
        remove(inbox, photo)
    assert list(inbox.iterdir()) == []


NIL = "00000000-0000-4000-8000-000000000000"


@pytest.mark.parametrize("bad", ["", "x.jpg", "../bedside.sock", "journal.sqlite", f"{NIL}.gif", f"/{NIL}.jpg"])
def test_no_other_file_can_be_named(inbox: Path, bad: str) -> None:
    with pytest.raises(InboxError):
        take(inbox, bad)
    remove(inbox, bad)


def test_a_link_a_folder_a_pipe_and_a_missing_file_are_not_taken(inbox: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"secret")
    link, folder, pipe = name(), name(), name()
    (inbox / link).symlink_to(secret)
    (inbox / folder).mkdir()
    os.mkfifo(inbox / pipe)
    for bad in (link, folder, pipe, name()):
        with pytest.raises(InboxError):
            take(inbox, bad)


def test_a_file_larger_than_any_photo_is_not_taken(inbox: Path) -> None:
    photo = name()
    put(inbox, photo, b"x" * MOST_BYTES)
    assert len(take(inbox, photo)) == MOST_BYTES
    put(inbox, photo, b"x" * (MOST_BYTES + 1))
    with pytest.raises(InboxError, match="larger than 25 MB"):
        take(inbox, photo)


def test_only_what_is_ours_and_old_is_swept(inbox: Path) -> None:
    old, fresh, ahead = name(), name("map.jpg"), name("png")
    for file in (old, fresh, ahead):
        put(inbox, file, b"x")
    (inbox / "note.txt").write_text("not ours")
    now = (inbox / fresh).stat().st_mtime
    for file, at in ((old, now - KEPT_S - 10), (ahead, now + KEPT_S + 10)):
        os.utime(inbox / file, (at, at))
    os.utime(inbox / "note.txt", (0, 0))
    sweep(inbox)
    assert {file.name for file in inbox.iterdir()} == {fresh, "note.txt"}
    sweep(inbox / "missing")


def test_what_a_killed_process_left_half_written_is_swept_too(inbox: Path) -> None:
    left = inbox / f".{name()}.new"
    left.write_bytes(b"half")
    os.utime(left, (0, 0))
    sweep(inbox)
    assert list(inbox.iterdir()) == []
