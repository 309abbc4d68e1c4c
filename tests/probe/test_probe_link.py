"""The link: whatever comes in changes nothing unless it is a whole command of ours."""

import json
import random
import socket
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from device.probe.engine import Engine
from device.probe.link import ProbeClient, ProbeUnreachableError, Refusal, Refused, Status
from device.probe.messages import (
    MAX_LINE,
    LineBuffer,
    MalformedMessageError,
    Press,
    Renew,
    parse_command,
    parse_event,
)
from device.probe.ports import Sample
from device.probe.server import MAX_CONNECTIONS, MAX_UNSENT, LinkError, LinkServer, open_listener, uids_of
from firmware_config.device import DeviceConfig
from refill.simulation import SteppedProbe

GOOD = Press(lease="0" * 32, sent_ns=5, target_kpa=40, ramp_s=1, hold_s=10)


@pytest.fixture
def probe(config: DeviceConfig) -> Iterator[SteppedProbe]:
    with SteppedProbe(config) as stepped:
        stepped.run(0.3)
        yield stepped


@pytest.fixture
def server(probe: SteppedProbe, short_folder: Path) -> Iterator[LinkServer]:
    link = LinkServer(open_listener(short_folder / "p.sock"), probe.engine)
    yield link
    link.close()


def step(probe: SteppedProbe, server: LinkServer, times: int = 3) -> None:
    """One control step and one round of the server, as in the process."""
    for _ in range(times):
        server.serve_once(0.0)
        probe.clock.now_ns += 10_000_000
        probe.engine.tick()
        server.serve_once(0.0)


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


def test_an_endless_line_ends_the_connection_with_a_word(probe: SteppedProbe, server: LinkServer) -> None:
    foreign = socket.socket(socket.AF_UNIX)
    foreign.connect(server._listener.getsockname())
    foreign.sendall(b"x" * (MAX_LINE + 100))
    step(probe, server)
    foreign.settimeout(1)
    said = b""
    while data := foreign.recv(65536):
        said += data
    events = [parse_event(line) for line in said.splitlines()]
    assert any(isinstance(event, Refused) and event.why == Refusal.MALFORMED for event in events)
    foreign.close()


def test_a_client_that_does_not_read_is_let_go(probe: SteppedProbe, server: LinkServer) -> None:
    deaf = socket.socket(socket.AF_UNIX)
    deaf.connect(server._listener.getsockname())
    step(probe, server, 2)
    assert len(server._peers) == 1
    most = 0
    for _ in range(60_000):
        probe.engine.samples.extend([Sample(1, 1.0)] * 50)
        server.serve_once(0.0)
        if not server._peers:
            break
        most = max(most, *(len(peer.unsent) for peer in server._peers.values()))
    assert not server._peers
    assert most <= MAX_UNSENT + 20_000
    deaf.close()


def test_there_are_only_so_many_connections(probe: SteppedProbe, server: LinkServer) -> None:
    many = [socket.socket(socket.AF_UNIX) for _ in range(MAX_CONNECTIONS + 4)]
    for one in many:
        one.setblocking(False)
        one.connect(server._listener.getsockname())
        step(probe, server, 1)
    assert len(server._peers) == MAX_CONNECTIONS
    for one in many:
        one.close()


def test_somebody_who_is_not_allowed_is_turned_away(probe: SteppedProbe, short_folder: Path) -> None:
    link = LinkServer(open_listener(short_folder / "q.sock"), probe.engine, frozenset({2**31 - 7}))
    client = ProbeClient(short_folder / "q.sock")
    client.press(40, 1, 1)
    step(probe, link)
    with pytest.raises(ProbeUnreachableError):
        client.poll()
    assert probe.engine.phase == "idle"
    link.close()


def test_users_are_named_not_numbered() -> None:
    assert uids_of([]) is None
    assert uids_of(["root"]) is not None
    with pytest.raises(LinkError, match="nobody-of-this-name"):
        uids_of(["nobody-of-this-name"])


def test_the_socket_is_for_its_group_only_and_its_folder_is_made_so(short_folder: Path) -> None:
    path = short_folder / "run" / "p.sock"
    listener = open_listener(path)
    assert path.stat().st_mode & 0o777 == 0o660
    assert path.parent.stat().st_mode & 0o027 == 0
    listener.close()


def test_a_folder_where_anybody_may_write_is_refused(short_folder: Path) -> None:
    short_folder.chmod(0o777)
    with pytest.raises(LinkError, match="anybody may write"):
        open_listener(short_folder / "p.sock")
    short_folder.chmod(0o700)


def test_a_name_left_behind_is_taken_over_and_a_living_probe_is_not(short_folder: Path) -> None:
    path = short_folder / "p.sock"
    open_listener(path).close()
    second = open_listener(path)
    with pytest.raises(LinkError, match="another probe process"):
        open_listener(path)
    second.close()
    path.unlink()
    path.write_text("not a socket")
    with pytest.raises(LinkError, match="is not a socket"):
        open_listener(path)
    with pytest.raises(LinkError, match="107 bytes"):
        open_listener(short_folder / ("x" * 120))


def test_the_client_says_in_one_line_that_there_is_no_probe_and_finds_it_later(
    probe: SteppedProbe, short_folder: Path
) -> None:
    path = short_folder / "late.sock"
    client = ProbeClient(path, clock=probe.clock)
    for call in (client.poll, client.status, client.release, lambda: client.press(40, 1, 1)):
        with pytest.raises(ProbeUnreachableError, match="no probe at") as caught:
            call()
        assert "\n" not in str(caught.value)
    link = LinkServer(open_listener(path), probe.engine)
    client.status()
    step(probe, link)
    assert any(isinstance(event, Status) for event in client.poll())
    link.close()
    with pytest.raises(ProbeUnreachableError, match="lost the probe"):
        client.poll()
    assert not client.connected
    again = LinkServer(open_listener(path), probe.engine)
    client.status()
    step(probe, again)
    assert any(isinstance(event, Status) for event in client.poll())
    client.close()
    again.close()


def test_a_client_never_blocks_on_a_probe_that_hangs(short_folder: Path) -> None:
    listener = open_listener(short_folder / "p.sock")
    client = ProbeClient(short_folder / "p.sock")
    started = time.monotonic()

    def ask_on_and_on() -> None:
        for _ in range(50_000):
            client.status()

    with pytest.raises(ProbeUnreachableError, match="does not read"):
        ask_on_and_on()
    assert client.connected is False
    assert time.monotonic() - started < 10
    listener.close()


def test_the_owner_hanging_up_with_a_reset_vents(probe: SteppedProbe, server: LinkServer) -> None:
    client = ProbeClient(Path(server._listener.getsockname()), clock=probe.clock)
    client.press(40, 1, 5)
    for _ in range(150):
        client.renew()
        step(probe, server, 1)
    assert probe.engine.phase == "hold"
    assert client._socket is not None
    client._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
    step(probe, server)
    assert not probe.engine.gate.now.valve_closed


def test_too_many_commands_at_once_are_refused_not_kept(probe: SteppedProbe) -> None:
    engine: Engine = probe.engine
    results = [engine.submit(1, Renew(lease="0" * 32, sent_ns=1)) for _ in range(400)]
    assert results.count(True) == 256
    probe.run(0.01)
    assert engine.submit(1, Renew(lease="0" * 32, sent_ns=1))
