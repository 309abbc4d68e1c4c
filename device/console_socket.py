"""The console's place in the file system, and how its stream is cut into lines."""

import os
import socket
import stat
from pathlib import Path

MAX_LINE: int = 4096
"""Bytes of one request: the longest that means anything has some hundred."""
LONGEST_PATH: int = 107
"""Bytes of a Unix socket's name, by unix(7)."""


class ConsoleError(Exception):
    """The console cannot be opened, or nobody answers on it; the text is one sentence."""


class LineTooLongError(ValueError):
    """A line does not end."""


class Lines:
    """Cuts what comes in into lines, however it was cut on its way. Never holds more than the caller reads at once."""

    def __init__(self, longest: int = MAX_LINE) -> None:
        self._longest = longest
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        """Return the lines that `data` completes, blank ones left out; raises `LineTooLongError`."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > self._longest or any(len(line) > self._longest for line in lines):
            raise LineTooLongError(f"a line of more than {self._longest} bytes")
        return [line for line in lines if line.strip()]


def open_listener(path: Path, backlog: int) -> socket.socket:
    """Return the listening socket at `path`, mode 0660, in a folder that is made 0750 where there is none.

    A name that a killed process left behind is replaced; raises `ConsoleError` where somebody answers on it.
    """
    if len(os.fsencode(path)) > LONGEST_PATH:
        raise ConsoleError(f"{path}: longer than the {LONGEST_PATH} bytes that a socket's path may have")
    _make_folder(path.parent)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
    try:
        _take_stale_name_away(path)
        before = os.umask(0o117)
        try:
            listener.bind(str(path))
        finally:
            os.umask(before)
        listener.listen(backlog)
    except OSError as error:
        listener.close()
        raise ConsoleError(f"{path}: {error.strerror or error}") from error
    except ConsoleError:
        listener.close()
        raise
    return listener


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        found = folder.stat()
    except OSError as error:
        raise ConsoleError(f"{folder}: {error.strerror or error}") from error
    if found.st_uid not in (0, os.getuid()):
        raise ConsoleError(f"{folder}: belongs to somebody else")
    if found.st_mode & stat.S_IWOTH:
        raise ConsoleError(f"{folder}: anybody may write there; the console's socket needs a folder of its own")


def _take_stale_name_away(path: Path) -> None:
    if not path.exists():
        return
    if not path.is_socket():
        raise ConsoleError(f"{path}: is not a socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC) as caller:
        caller.setblocking(False)
        try:
            caller.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
        except BlockingIOError:
            pass  # so busy that nobody takes the call, but somebody is there
    raise ConsoleError(f"{path}: another bedside process is running")
