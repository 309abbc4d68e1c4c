"""The fuzz campaign at the pace of a stepped clock: every write to the outputs is held against the leases in force."""

import contextlib
import itertools
import json
import random
import socket
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.probe_fuzz_messages import Hostile
from device.probe.inbox import QUOTA
from device.probe.link import ProbeClient
from device.probe.messages import Event, FaultRaised, Refused, Released
from device.probe.ports import OutputPort
from device.probe.safety import Outputs
from device.probe.server import MAX_CONNECTIONS, MAX_UNSENT, LinkServer, open_listener
from firmware_config.device import load_device
from refill.simulation import SteppedProbe

LEASE_NS = 500_000_000
MOST_BRACKETS = 100
TICK_NS = 10_000_000
PER_TICK = 3
CONNECTIONS = 5
TARGET_KPA, RAMP_S, HOLD_S = 40.0, 0.5, 1.5
VENTED_KPA = 2.0
SCENES = ("rest", "press", "rest", "silent", "rest", "press", "rest", "anybody", "wait")
LONGEST_S = {"rest": 1.5, "press": 3.5, "silent": 3.0, "anybody": 6.0, "wait": 60.0}


@dataclass
class Leases:
    """What the lines that were sent allow, worked out apart from the probe: who may have the valve closed until when.

    A press gives its sender half a second from when it was sent; a renewal by the same sender half a second more, if it
    was sent before that was over. What is not whole gives nothing.
    """

    until_ns: dict[tuple[int, str], int] = field(default_factory=dict)
    sent_ns: dict[str, int] = field(default_factory=dict)
    rest: dict[int, bytes] = field(default_factory=dict)

    def sent(self, sender: int, data: bytes) -> None:
        """Take in what `sender` has put on the wire."""
        *lines, self.rest[sender] = (self.rest.get(sender, b"") + data).split(b"\n")
        for line in lines:
            # No order is nested; and a collection of garbage at json's recursion limit breaks whoever watches it.
            if line.count(b"[") + line.count(b"{") > MOST_BRACKETS:
                continue
            try:
                said = json.loads(line)
            except ValueError:
                continue
            if isinstance(said, dict) and isinstance(said.get("lease"), str) and type(said.get("sent_ns")) is int:
                self._grant(sender, said.get("kind"), said["lease"], said["sent_ns"])

    def _grant(self, sender: int, kind: object, lease: str, sent_ns: int) -> None:
        key = sender, lease
        if kind == "press":
            self.until_ns[key] = max(self.until_ns.get(key, 0), sent_ns + LEASE_NS)
        elif kind == "renew" and key in self.until_ns and sent_ns < self.until_ns[key]:
            self.until_ns[key] = max(self.until_ns[key], sent_ns + LEASE_NS)

    def good(self, lease: str, now_ns: int) -> bool:
        """Return whether anybody may have the valve closed for the press that `lease` names."""
        return any(now_ns < until_ns for (_, named), until_ns in self.until_ns.items() if named == lease)


class WatchedPort:
    """The outputs, with every write held against the leases."""

    def __init__(self, outputs: OutputPort, probe: SteppedProbe, leases: Leases) -> None:
        self._outputs = outputs
        self._probe = probe
        self._leases = leases
        self.closed = 0
        self.outside: list[str] = []

    def apply(self, outputs: Outputs) -> None:
        if outputs.valve_closed or outputs.pump_duty > 0:
            self.closed += 1
            order = self._probe.engine._control.order
            now_ns = self._probe.clock()
            if order is None or not self._leases.good(order.lease, now_ns):
                self.outside.append(f"{outputs} at {now_ns} for {order}")
        self._outputs.apply(outputs)

    def close(self) -> None:
        self._outputs.close()


@dataclass
class Stepped:
    """What the campaign sent and saw."""

    messages: int = 0
    steps: int = 0
    connections: int = 0
    closed_writes: int = 0
    outside: list[str] = field(default_factory=list)
    owners_presses: int = 0
    presses_survived: int = 0
    silences: int = 0
    silences_vented: int = 0
    foreign_presses: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    most_waiting: int = 0
    most_unsent: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)


class _Campaign:
    def __init__(self, dice: random.Random, folder: Path, probe: SteppedProbe) -> None:
        self.dice = dice
        self.hostile = Hostile(dice)
        self.probe = probe
        self.path = folder / "fuzz.sock"
        self.server = LinkServer(open_listener(self.path), probe.engine)
        self.leases = Leases()
        self.port = WatchedPort(probe.engine.gate._outputs, probe, self.leases)
        probe.engine.gate._outputs = self.port
        self.owner = ProbeClient(self.path, clock=probe.clock)
        self.lease = "0" * 32
        self.peers: dict[int, socket.socket] = {}
        self.numbers = itertools.count(1)
        self.seen = Stepped()

    def close(self) -> None:
        self.owner.close()
        for peer in self.peers.values():
            peer.close()
        self.server.close()

    def play(self, scene: str, most: int) -> None:
        """Play one scene, or as much of it as `most` messages allow."""
        ticks = round(LONGEST_S[scene] * 1e9 / TICK_NS)
        self.lease = self._owner_presses() if scene in ("press", "silent") else self.lease
        renews_for = {"press": ticks, "silent": ticks // 3}.get(scene, 0)
        events: list[Event] = []
        for tick in range(ticks):
            if self.seen.messages >= most:
                return
            if tick % 10 == 0 and tick < renews_for:
                self._owner_renews()
            if scene != "wait" or tick % 50 == 0:
                self._hostilities(effective=scene == "anybody")
            self._step()
            events += self.owner.poll()
        self._judge(scene, events)

    def _owner_presses(self) -> str:
        lease = self.owner.press(TARGET_KPA, RAMP_S, HOLD_S)
        self.leases.until_ns[0, lease] = self.probe.clock() + LEASE_NS
        return lease

    def _owner_renews(self) -> None:
        self.owner.renew()
        self.leases._grant(0, "renew", self.lease, self.probe.clock())

    def _hostilities(self, *, effective: bool) -> None:
        now_ns = self.probe.clock()
        if self.dice.random() < 0.01:
            self._send(self.hostile.flood(now_ns, self.lease))
        for _ in range(PER_TICK):
            self._send([self.hostile.message(now_ns, self.lease, effective=effective)])

    def _send(self, messages: list[bytes]) -> None:
        number, peer = self._some_peer()
        self.seen.messages += len(messages)
        try:
            data = b"".join(messages)
            sent = peer.send(data, socket.MSG_NOSIGNAL)
            self.leases.sent(number, data[:sent])
            # Every other one reads, the others are deaf.
            while number % 2 and peer.recv(1 << 20):
                pass
        except BlockingIOError:
            pass
        except OSError:
            self.peers.pop(number).close()

    def _some_peer(self) -> tuple[int, socket.socket]:
        if len(self.peers) < CONNECTIONS or self.dice.random() < 0.01:
            if len(self.peers) >= CONNECTIONS:
                self.peers.pop(self.dice.choice(list(self.peers))).close()
            peer = socket.socket(socket.AF_UNIX)
            peer.setblocking(False)
            with contextlib.suppress(OSError):
                peer.connect(str(self.path))
            self.peers[next(self.numbers)] = peer
            self.seen.connections += 1
        return self.dice.choice(list(self.peers.items()))

    def _step(self) -> None:
        seen, probe = self.seen, self.probe
        self.server.serve_once(0.0)
        seen.most_waiting = max(seen.most_waiting, len(probe.engine._inbox._waiting))
        probe.clock.now_ns += TICK_NS
        probe.engine.tick()
        for _, event in probe.engine.outbox:
            if isinstance(event, Refused):
                seen.refused[event.why] += 1
            elif isinstance(event, FaultRaised):
                seen.faults[event.code] += 1
        self.server.serve_once(0.0)
        seen.most_unsent = max([seen.most_unsent, *(len(peer.unsent) for peer in self.server._peers.values())])
        probe.seen.finely_kpa.clear()
        seen.steps += 1

    def _judge(self, scene: str, events: list[Event]) -> None:
        seen = self.seen
        mine = [event for event in events if isinstance(event, Released) and event.lease == self.lease]
        refused = [f"{event.command} {event.why}" for event in events if isinstance(event, Refused)]
        if scene == "press":
            seen.owners_presses += 1
            good = [(event.why, event.fault) for event in mine] == [("held", None)] and not refused
            seen.presses_survived += good
            if not good:
                seen.problems.append(f"a press ended as {mine}, refused {refused}")
        elif scene == "silent":
            seen.silences += 1
            good = [(event.why, event.fault) for event in mine] == [("fault", "lease_lost")]
            seen.silences_vented += good
            if not good:
                seen.problems.append(f"a silent owner's press ended as {mine}, refused {refused}")
        if scene == "anybody":
            seen.foreign_presses += sum(isinstance(event, Released) for event in events)
        elif self.probe.simulated.hydraulics.pressure_kpa() > VENTED_KPA:
            seen.problems.append(f"pressure after {scene}")


def against_the_engine(messages: int, dice: random.Random, folder: Path) -> Stepped:
    """Send `messages` to server, engine and drivers in this process; return what came of it."""
    with SteppedProbe(load_device()) as probe:
        probe.run(0.5)
        campaign = _Campaign(dice, folder, probe)
        try:
            for scene in itertools.cycle(SCENES):
                if campaign.seen.messages >= messages:
                    break
                campaign.play(scene, messages)
        finally:
            campaign.close()
        seen = campaign.seen
        seen.closed_writes, seen.outside = campaign.port.closed, campaign.port.outside
        if seen.most_waiting > 2 * MAX_CONNECTIONS * QUOTA + 64:
            seen.problems.append(f"{seen.most_waiting} commands waited at once")
        if seen.most_unsent > MAX_UNSENT + 65_536:
            seen.problems.append(f"{seen.most_unsent} bytes waited for a peer that does not read")
        return seen
