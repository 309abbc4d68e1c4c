"""The link's connections: only so many, of whom may, none of which can hold up the probe."""

import socket
from pathlib import Path

import pytest
from link_bench import step

from device.probe.link import ProbeClient, ProbeUnreachableError, Refusal, Refused, Status
from device.probe.messages import MAX_LINE, parse_event
from device.probe.ports import Sample
from device.probe.server import MAX_CONNECTIONS, MAX_UNSENT, LinkError, LinkServer, open_listener, uids_of
from refill.simulation import SteppedProbe


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

    def ask_on_and_on() -> None:
        for _ in range(50_000):
            client.status()  # a call that waited would wait for ever: nobody reads

    with pytest.raises(ProbeUnreachableError, match="does not read"):
        ask_on_and_on()
    assert client.connected is False
    listener.close()
