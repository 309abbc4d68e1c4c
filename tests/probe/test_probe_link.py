"""The link: whatever comes in changes nothing unless it is a whole command of ours."""

import contextlib
import json
import math
import random
import socket
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from device.probe.faults import FaultCode
from device.probe.link import Pressure, ProbeClient, ProbeUnreachableError, Refusal, Refused, Status
from device.probe.messages import (
    MAX_LINE,
    AskStatus,
    ClearFault,
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
    for _ in range(250):
        client.renew()
        step(probe, server, 1)
    assert probe.engine.phase == "hold"
    assert client._socket is not None
    client._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
    step(probe, server)
    assert not probe.engine.gate.now.valve_closed


def test_a_flood_of_one_connection_has_no_renewal_of_another_refused(probe: SteppedProbe, server: LinkServer) -> None:
    path = Path(server._listener.getsockname())
    owner = ProbeClient(path, clock=probe.clock)
    owner.press(40, 1, 5)
    flooder = socket.socket(socket.AF_UNIX)
    flooder.setblocking(False)
    flooder.connect(str(path))
    heard: list[Refused] = []
    for number in range(200):
        if number % 5 == 0:
            owner.renew()
        with contextlib.suppress(BlockingIOError):
            flooder.send(AskStatus().line() * 400, socket.MSG_NOSIGNAL)
        step(probe, server, 1)
        with contextlib.suppress(BlockingIOError):
            while flooder.recv(1 << 20):
                pass
        heard += [event for event in owner.poll() if isinstance(event, Refused)]
    assert heard == []
    assert probe.engine.phase == "hold"
    owner.close()
    flooder.close()


def test_a_renewal_by_anybody_else_is_refused_as_such_and_moves_nothing(
    probe: SteppedProbe, server: LinkServer
) -> None:
    path = Path(server._listener.getsockname())
    owner, other = ProbeClient(path, clock=probe.clock), ProbeClient(path, clock=probe.clock)
    lease = owner.press(40, 1, 5)
    step(probe, server)
    other._send(Renew(lease=lease, sent_ns=probe.clock()))
    owner._send(Renew(lease="f" * 32, sent_ns=probe.clock()))
    step(probe, server)
    for client in (owner, other):
        refused = [event for event in client.poll() if isinstance(event, Refused)]
        assert [(event.command, event.why) for event in refused] == [("renew", Refusal.NOT_OWNER)]
    for _ in range(60):
        other._send(Renew(lease=lease, sent_ns=probe.clock()))
        step(probe, server, 1)
    assert not probe.engine.gate.now.valve_closed
    other.poll()
    other._send(Renew(lease=lease, sent_ns=probe.clock()))
    step(probe, server)
    assert not any(isinstance(event, Refused) for event in other.poll())
    owner.close()
    other.close()


def test_anybody_may_vent(probe: SteppedProbe, server: LinkServer) -> None:
    path = Path(server._listener.getsockname())
    owner, other = ProbeClient(path, clock=probe.clock), ProbeClient(path, clock=probe.clock)
    owner.press(40, 1, 5)
    for _ in range(30):
        owner.renew()
        step(probe, server, 1)
    assert probe.engine.gate.now.valve_closed
    other.release()
    step(probe, server, 2)
    assert not probe.engine.gate.now.valve_closed
    owner.close()
    other.close()


def said_lines(client: socket.socket) -> list[bytes]:
    said = b""
    with contextlib.suppress(BlockingIOError):
        while data := client.recv(1 << 20):
            said += data
    return said.split(b"\n")[:-1]


@pytest.mark.parametrize("kpa", [0.123, -1.23456789e300])
def test_pressure_comes_in_lines_that_are_never_too_long(probe: SteppedProbe, server: LinkServer, kpa: float) -> None:
    client = socket.socket(socket.AF_UNIX)
    client.connect(server._listener.getsockname())
    client.setblocking(False)
    step(probe, server)
    said_lines(client)
    probe.engine.samples.extend(Sample(2**63 - 500 + number, kpa) for number in range(200))
    server.serve_once(0.0)
    lines = said_lines(client)
    assert [len(event.kpa) for event in map(parse_event, lines) if isinstance(event, Pressure)] == [64, 64, 64, 8]
    assert max(map(len, lines)) < MAX_LINE
    assert sum((event.t_boot_ns for event in map(parse_event, lines)), ()) == tuple(range(2**63 - 500, 2**63 - 300))
    client.close()


def test_a_value_that_is_no_number_is_not_on_the_wire_and_stops_nothing(
    probe: SteppedProbe, server: LinkServer
) -> None:
    client = ProbeClient(Path(server._listener.getsockname()), clock=probe.clock)
    client.status()
    step(probe, server)
    client.poll()
    sound = probe.engine._sensor
    for kpa in (math.nan, math.inf, -math.inf):
        probe.engine._sensor = Says(probe, kpa)
        client.status()
        step(probe, server)
        assert client.last_status is not None
        client.poll()
        assert client.last_status.pressure_kpa is None
        assert client.last_status.fault == FaultCode.SENSOR_IMPLAUSIBLE
    probe.engine._sensor = sound
    step(probe, server)
    assert any(isinstance(event, Pressure) for event in client.poll())
    client.close()


class Says:
    """A sensor that always says the same."""

    def __init__(self, probe: SteppedProbe, kpa: float) -> None:
        self._clock = probe.clock
        self._kpa = kpa

    def read(self) -> Sample:
        return Sample(self._clock(), self._kpa)

    def close(self) -> None:
        pass


@pytest.mark.parametrize("operator", ["Dr Smith", "", "a" * 64, "é"])
def test_who_clears_a_fault_is_named_by_a_code(operator: str) -> None:
    line = ClearFault(operator="eng-4").line()
    assert parse_command(line) == ClearFault(operator="eng-4")
    with pytest.raises(MalformedMessageError, match="operator"):
        parse_command(line.replace(b"eng-4", operator.encode()))
