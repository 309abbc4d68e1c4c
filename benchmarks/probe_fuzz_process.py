"""The fuzz campaign against a probe process in real time: it lives, memory is flat, the owner's presses are held."""

import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.probe_fuzz_messages import Hostile
from device.probe.link import ProbeUnreachableError, boot_ns
from device.probe.messages import Event, FaultRaised, Refused, Released, Status
from phantom.world import PressureWorldReader

START_S = 20.0
PRESS = (40.0, 0.5, 2.0)
SETTLE_S, BETWEEN_S = 0.7, 7.0
CONNECTIONS = 4
BURST = 10
PAUSE_S = 0.02
"""Some 500 messages a second, beside floods."""
WARM_UP = 0.25
FLAT_KIB = 4096
VENTED_KPA = 2.0
_KIB = os.sysconf("SC_PAGE_SIZE") // 1024


@dataclass
class Real:
    """What the campaign sent and saw."""

    messages: int = 0
    seconds: float = 0.0
    alive: bool = False
    memory_kib: tuple[int, int] = (0, 0)
    """Resident, after a quarter of the messages and at the end."""
    presses: list[str] = field(default_factory=list)
    """How each of the owner's presses ended."""
    worst_gap_ms: float = 0.0
    stray_kpa: float = 0.0
    """Highest true pressure outside the owner's presses."""
    problems: list[str] = field(default_factory=list)


class _Owner(threading.Thread):
    """Presses, renews and rests, beside the hostilities, as the bedside does."""

    def __init__(self, path: Path) -> None:
        super().__init__(name="owner", daemon=True)
        from device.probe.link import ProbeClient

        self._client = ProbeClient(path)
        self._over = threading.Event()
        self.lease = "0" * 32
        self.presses: list[str] = []
        self.times_ns: list[tuple[int, int]] = []
        self.status: Status | None = None

    def run(self) -> None:
        self._rest(SETTLE_S)
        while not self._over.is_set():
            began_ns = boot_ns()
            try:
                self.presses.append(self._press())
            except ProbeUnreachableError as error:
                self.presses.append(f"lost the probe: {error}")
                return
            self.times_ns.append((began_ns, boot_ns()))
            self._rest(BETWEEN_S)

    def end(self) -> None:
        self._over.set()
        self.join(30)
        with contextlib.suppress(ProbeUnreachableError):
            self._client.status()
            time.sleep(0.3)
            self._client.poll()
            self.status = self._client.last_status
        self._client.close()

    def _press(self) -> str:
        self.lease = self._client.press(*PRESS)
        end_s = time.monotonic() + 8
        while time.monotonic() < end_s:
            self._client.renew()
            for event in self._client.poll():
                ended = self._ended(event)
                if ended is not None:
                    return ended
            time.sleep(0.08)
        return "no end"

    def _ended(self, event: Event) -> str | None:
        if isinstance(event, Released) and event.lease == self.lease:
            return event.why if event.fault is None else f"{event.why}, {event.fault}"
        if isinstance(event, Refused):
            return f"{event.command} refused: {event.why}"
        return f"fault {event.code}" if isinstance(event, FaultRaised) else None

    def _rest(self, for_s: float) -> None:
        end_s = time.monotonic() + for_s
        while time.monotonic() < end_s and not self._over.wait(0.1):
            self._client.poll()


def against_a_process(messages: int, dice: random.Random, folder: Path) -> Real:
    """Send `messages` to a `refill probe run --simulate` of its own; return what came of it."""
    path, world = folder / "real.sock", folder / "world"
    command = [sys.executable, "-c", "from refill.probe_cli import app; app()", "run", "--simulate"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([*command, "--socket", str(path), "--world", str(world)], stdout=log, stderr=log)
    try:
        _wait_for(path)
        return _play(messages, dice, process, path, world)
    finally:
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
        process.kill()
        process.wait(5)


def _play(messages: int, dice: random.Random, process: "subprocess.Popen[bytes]", path: Path, world: Path) -> Real:
    seen = Real()
    owner, hostile = _Owner(path), Hostile(dice)
    history: dict[int, float] = {}
    reader = PressureWorldReader(world)
    peers: list[socket.socket] = []
    began_s = looked_s = time.monotonic()
    owner.start()
    while seen.messages < messages and process.poll() is None:
        if dice.random() < 0.01:
            seen.messages += _send(hostile.flood(boot_ns(), owner.lease), peers, dice, path)
        burst = [hostile.message(boot_ns(), owner.lease, effective=False) for _ in range(BURST)]
        seen.messages += _send(burst, peers, dice, path)
        if seen.messages >= WARM_UP * messages and not seen.memory_kib[0]:
            seen.memory_kib = _resident_kib(process.pid), 0
        if time.monotonic() - looked_s > 5:
            looked_s = time.monotonic()
            history.update(zip(*(part.tolist() for part in reader.history()), strict=True))
        time.sleep(PAUSE_S)
    seen.alive = process.poll() is None
    seen.memory_kib = seen.memory_kib[0], _resident_kib(process.pid)
    owner.end()
    history.update(zip(*(part.tolist() for part in reader.history()), strict=True))
    seen.seconds = time.monotonic() - began_s
    seen.presses = owner.presses
    seen.worst_gap_ms = owner.status.worst_gap_ms if owner.status is not None else 0.0
    stray = [kpa for t_ns, kpa in history.items() if not any(a <= t_ns <= b for a, b in owner.times_ns)]
    seen.stray_kpa = max(stray, default=0.0)
    for peer in peers:
        peer.close()
    _judge(seen)
    return seen


def _judge(seen: Real) -> None:
    if not seen.alive:
        seen.problems.append("the probe process ended")
    if any(ended != "held" for ended in seen.presses):
        seen.problems.append(f"the owner's presses ended as {seen.presses}")
    if seen.memory_kib[1] - seen.memory_kib[0] > FLAT_KIB:
        seen.problems.append(f"memory grew from {seen.memory_kib[0]} to {seen.memory_kib[1]} KiB")
    if seen.stray_kpa > VENTED_KPA:
        seen.problems.append(f"{seen.stray_kpa:.1f} kPa outside the owner's presses")


def _send(messages: list[bytes], peers: list[socket.socket], dice: random.Random, path: Path) -> int:
    """Send them by some connection, a fresh one now and then; return how many they were."""
    if len(peers) < CONNECTIONS or dice.random() < 0.02:
        if len(peers) >= CONNECTIONS:
            peers.pop(dice.randrange(len(peers))).close()
        fresh = socket.socket(socket.AF_UNIX)
        fresh.setblocking(False)
        with contextlib.suppress(OSError):
            fresh.connect(str(path))
        peers.append(fresh)
    place = dice.randrange(len(peers))
    try:
        peers[place].send(b"".join(messages), socket.MSG_NOSIGNAL)
        while dice.random() < 0.9 and peers[place].recv(1 << 20):
            pass
    except BlockingIOError:
        pass
    except OSError:
        peers.pop(place).close()
    return len(messages)


def _resident_kib(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * _KIB
    except (OSError, IndexError):
        return 0


def _wait_for(path: Path) -> None:
    end_s = time.monotonic() + START_S
    while time.monotonic() < end_s:
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as caller:
            caller.connect(str(path))
            return
        time.sleep(0.05)
    raise TimeoutError("the probe process did not start")
