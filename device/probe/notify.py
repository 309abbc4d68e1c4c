"""systemd's notification protocol: a datagram to the socket that NOTIFY_SOCKET names. See sd_notify(3)."""

import contextlib
import os
import socket


def notify(state: str) -> None:
    """Tell systemd `state`, such as "READY=1" or "WATCHDOG=1"; does nothing where systemd did not start us."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if address[:1] not in ("/", "@"):
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender, contextlib.suppress(OSError):
        sender.setblocking(False)
        sender.sendto(state.encode(), "\0" + address[1:] if address[0] == "@" else address)
