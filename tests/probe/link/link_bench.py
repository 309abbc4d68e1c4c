"""What the tests of the link share: one step of probe and server, and what a client has heard."""

import contextlib
import socket

from device.probe.messages import Press
from device.probe.server import LinkServer
from refill.simulation import SteppedProbe

GOOD = Press(lease="0" * 32, sent_ns=5, target_kpa=40, ramp_s=1, hold_s=10)


def step(probe: SteppedProbe, server: LinkServer, times: int = 3) -> None:
    """One control step and one round of the server, as in the process."""
    for _ in range(times):
        server.serve_once(0.0)
        probe.clock.now_ns += 10_000_000
        probe.engine.tick()
        server.serve_once(0.0)


def said_lines(client: socket.socket) -> list[bytes]:
    said = b""
    with contextlib.suppress(BlockingIOError):
        while data := client.recv(1 << 20):
            said += data
    return said.split(b"\n")[:-1]
