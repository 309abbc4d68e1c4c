"""The link: whatever comes in changes nothing unless it is a whole command of ours."""

import json
import random
import socket
from pathlib import Path

import pytest
from link_bench import GOOD, step

from device.probe.link import ProbeClient, Status
from device.probe.messages import MAX_LINE, ClearFault, LineBuffer, MalformedMessageError, Renew, parse_command
from device.probe.server import LinkServer
from refill.simulation import SteppedProbe


def test_a_message_survives_the_wire() -> None:
    assert parse_command(GOOD.line()) == GOOD
    assert parse_command(Renew(lease="f" * 32, sent_ns=1).line()) == Renew(lease="f" * 32, sent_ns=1)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"kind":"press"}',
        b'{"kind":"launch"}',
        b'{"kind":"release","extra":1}',
        b'{"kind":"renew","lease":"short","sent_ns":1}',
        GOOD.line().replace(b"40.0", b"NaN"),
        GOOD.line().replace(b"40.0", b"Infinity"),
        GOOD.line().replace(b"40.0", b'"40"'),
        GOOD.line().replace(b"40.0", b"-40"),
        GOOD.line().replace(b"40.0", b"1e400"),
        GOOD.line().replace(b'"sent_ns":5', b'"sent_ns":true'),
        GOOD.line().replace(b'"sent_ns":5', b'"sent_ns":' + b"9" * 400),
        b"\xff\xfe" + GOOD.line(),
        b"[" * 3000,
        b'{"kind":"release"' + b" " * MAX_LINE + b"}",
    ],
)
def test_what_is_not_a_command_is_refused_in_one_line(line: bytes) -> None:
    with pytest.raises(MalformedMessageError) as caught:
        parse_command(line)
    assert "\n" not in str(caught.value)


def test_lines_are_put_together_however_they_are_cut() -> None:
    text = GOOD.line() * 3
    buffer = LineBuffer()
    lines = [line for i in range(0, len(text), 7) for line in buffer.feed(text[i : i + 7])]
    assert [parse_command(line) for line in lines] == [GOOD] * 3


def random_message(rng: random.Random) -> bytes:
    """A command of ours, mutated; or bytes of no meaning."""
    good = json.loads(GOOD.line())
    kind = rng.randrange(5)
    if kind == 0:
        return rng.randbytes(rng.randrange(1, 300)) + b"\n"
    if kind == 1:
        line = bytearray(GOOD.line())
        for _ in range(rng.randrange(1, 6)):
            line[rng.randrange(len(line) - 1)] = rng.randrange(256)
        return bytes(line)
    if kind == 2:
        good[rng.choice(list(good))] = rng.choice([None, -1, 0, 1e308, "x", [], {}, True, "0" * 32, 10**30])
        return json.dumps(good).encode() + b"\n"
    if kind == 3:
        good.pop(rng.choice(list(good)))
        return json.dumps(good).encode() + b"\n"
    return GOOD.line()[: rng.randrange(1, 60)] + rng.choice([b"", b"\n"])


@pytest.mark.slow
def test_two_thousand_random_and_mutated_messages_change_nothing(probe: SteppedProbe, server: LinkServer) -> None:
    rng = random.Random(20261123)
    path = server._listener.getsockname()
    sender: socket.socket | None = None
    for number in range(2000):
        if sender is None or number % 50 == 0:
            if sender is not None:
                sender.close()
            sender = socket.socket(socket.AF_UNIX)
            sender.setblocking(False)
            sender.connect(path)
        try:
            sender.send(random_message(rng), socket.MSG_NOSIGNAL)
        except OSError:
            sender = None
        step(probe, server, 1)
        assert probe.engine.phase == "idle"
        assert not probe.engine.gate.now.valve_closed
    client = ProbeClient(Path(path), clock=probe.clock)
    client.status()
    step(probe, server)
    status = next(event for event in client.poll() if isinstance(event, Status))
    assert status.fault is None
    assert status.phase == "idle"
    lease = client.press(40, 1, 1)
    step(probe, server)
    assert probe.engine.phase == "ramp"
    assert len(lease) == 32
    client.close()


def test_random_messages_do_not_disturb_a_press_of_somebody_else(probe: SteppedProbe, server: LinkServer) -> None:
    path = Path(server._listener.getsockname())
    rng = random.Random(5)
    client = ProbeClient(path, clock=probe.clock)
    client.press(40, 1, 3)
    foreign = socket.socket(socket.AF_UNIX)
    foreign.setblocking(False)
    foreign.connect(str(path))
    for _ in range(200):
        client.renew()
        try:
            foreign.send(random_message(rng).replace(b"release", b"relaxes"), socket.MSG_NOSIGNAL)
        except OSError:
            foreign = socket.socket(socket.AF_UNIX)
            foreign.setblocking(False)
            foreign.connect(str(path))
        step(probe, server, 1)
    assert probe.engine.phase == "hold"
    client.close()
    foreign.close()


@pytest.mark.parametrize("operator", ["Dr Smith", "", "a" * 64, "é"])
def test_who_clears_a_fault_is_named_by_a_code(operator: str) -> None:
    line = ClearFault(operator="eng-4").line()
    assert parse_command(line) == ClearFault(operator="eng-4")
    with pytest.raises(MalformedMessageError, match="operator"):
        parse_command(line.replace(b"eng-4", operator.encode()))
