"""A press over the link: whose it is, who may end it, and what is told of it."""

import contextlib
import math
import socket
import struct
from pathlib import Path

import pytest
from link_bench import said_lines, step

from device.probe.faults import FaultCode
from device.probe.link import Pressure, ProbeClient, Refusal, Refused
from device.probe.messages import MAX_LINE, AskStatus, Renew, parse_event
from device.probe.ports import Sample
from device.probe.server import LinkServer
from refill.simulation import SteppedProbe


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


@pytest.mark.slow
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
