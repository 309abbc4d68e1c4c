"""The demo: broker, ingest, probe, publisher and bedside as processes of their own, one measurement, and its way home.

What a SIGKILL of any process leaves behind is mended by starting it again: the journal keeps the reading, the publisher
sends it until the receipt is home, the database stores it once.
"""

import fcntl
import json
import math
import shutil
import signal
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from rich.console import Console
from rich.table import Table

from contract.reading import Reading, Status
from device.bedside import counts
from device.journal import Deliveries, JournalError
from device.records import read_trace
from firmware_config.loading import ConfigurationError, load_named
from firmware_config.protocol import Protocol
from firmware_config.study import Study
from refill.demo_display import Display
from refill.supervisor import Child, Supervisor

STUDY: str = "demo"
SITE: str = "00"
SUBJECT: str = f"{SITE}-0001"
BODY_SITE: str = "finger"
CRT_S: tuple[float, float] = (0.3, 8.0)
"""True refill times that the demo's protocol can see to their end."""
RUN_PREFIX: str = "refill-demo-"
DELIVERY_S: float = 90.0
"""How long the demo waits for receipts after the measurement; the publisher would go on trying for ever."""


class DemoError(Exception):
    """The demo cannot be shown to its end. One sentence."""


@dataclass(frozen=True)
class Skin:
    """The simulated skin: its true refill time in s, tone, curve, fault and seed."""

    crt_s: float
    tone: str
    kind: str
    fault: str | None
    seed: int


@dataclass(frozen=True)
class Place:
    """Where everything lies. `run` holds sockets, whose paths have to be short, and goes when the demo ends."""

    data: Path
    run: Path
    port: int

    @property
    def journal(self) -> Path:
        """The device's own record."""
        return self.data / "journal.sqlite"

    @property
    def database(self) -> Path:
        """The trial database."""
        return self.data / "trial.sqlite3"


def run_demo(data: Path, skin: Skin, protocol: str) -> None:
    """Run the demo in `data`, which is kept and may be used again; raises `DemoError`.

    SIGTERM and SIGHUP end it as Ctrl-C does: every process stopped in order, what was measured kept.
    """
    _check(skin, protocol)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    console = Console()
    with _alone(data) as lock, _runtime(lock) as run:
        place = Place(data, run, _free_port())
        wanted = _completed(place.journal) + 1
        with Display(console) as display:
            supervisor = Supervisor(_children(place, skin, protocol, wanted, display))
            display.say("Starting broker, ingest, probe, publish and bedside, each a process of its own.")
            try:
                supervisor.start()
                _watch(supervisor, place, display)
            except KeyboardInterrupt as error:
                raise DemoError(
                    "stopped; what was measured is in the journal and goes out at the next start"
                ) from error
            finally:
                # A second Ctrl-C must not leave the half of it running; stopping takes seconds at most.
                signal.signal(signal.SIGINT, signal.SIG_IGN)
                supervisor.stop()
                signal.signal(signal.SIGINT, signal.default_int_handler)
        _tell(console, place, skin, supervisor)


@contextmanager
def _alone(data: Path) -> Iterator[IO[str]]:
    """Hold the folder: two demos would fight over one journal."""
    try:
        data.mkdir(parents=True, exist_ok=True)
        lock = (data / ".lock").open("a+")
    except OSError as error:
        raise DemoError(f"{data}: {error.strerror or error}") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise DemoError(f"{data}: another demo runs in this folder") from error
        yield lock


@contextmanager
def _runtime(lock: IO[str]) -> Iterator[Path]:
    """Make a short-named folder, written down in the lock file: what a killed demo left goes at the next start."""
    lock.seek(0)
    left = Path(lock.read().strip())
    if left.name.startswith(RUN_PREFIX) and left.parent == Path(tempfile.gettempdir()):
        shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=RUN_PREFIX))
    lock.truncate(0)
    lock.write(f"{folder}\n")
    lock.flush()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _check(skin: Skin, protocol: str) -> None:
    """Find what cannot work before five processes find it."""
    from phantom.live import LiveScene
    from phantom.spec import ImpossibleSpecError, PressSpec

    low_s, high_s = CRT_S
    if not (math.isfinite(skin.crt_s) and low_s <= skin.crt_s <= high_s):
        raise DemoError(f"a refill time of {skin.crt_s:g} s is outside {low_s:g} to {high_s:g} s")
    try:
        chosen = load_named("protocols", protocol, Protocol)
        load_named("studies", STUDY, Study)
        spec = PressSpec(crt_s=skin.crt_s, tone=skin.tone, kind=skin.kind, fault=skin.fault, seed=skin.seed)
        LiveScene(spec.check(), lambda _: 0.0)
    except (ConfigurationError, ImpossibleSpecError) as error:
        raise DemoError(str(error)) from error
    if BODY_SITE not in chosen.body_sites:
        raise DemoError(f"protocol {protocol} is not for the {BODY_SITE}")


def _completed(journal: Path) -> int:
    """How many measurements of earlier demos the journal holds."""
    if not journal.exists():
        return 0
    try:
        with Deliveries.open(journal, read_only=True) as deliveries:
            return sum(counts(record) for record in deliveries.records())
    except JournalError:
        return 0  # the bedside sets a broken journal aside, says so, and begins a new one


def _children(place: Place, skin: Skin, protocol: str, measurements: int, display: Display) -> list[Child]:
    logs, port = place.data / "logs", str(place.port)
    logs.mkdir(exist_ok=True)
    probe_socket, world, data = str(place.run / "probe.sock"), str(place.run / "world"), str(place.data)
    fault = ["--fault", skin.fault] if skin.fault else []

    def child(name: str, *arguments: str) -> Child:
        return Child(name, list(arguments), logs / f"{name}.log")

    bedside = child(
        "bedside",
        *("bedside", "--simulate", "--socket", probe_socket, "--world", world, "--data", data, "--study", STUDY),
        *("--subject", SUBJECT, "--body-site", BODY_SITE, "--event", "inclusion"),
        *("--protocol", protocol, "--measurements", str(measurements)),
        *("--tone", skin.tone, "--crt", str(skin.crt_s), "--kind", skin.kind, "--seed", str(skin.seed), *fault),
        *("--events", "-"),
    )
    bedside.lasting = False
    bedside.on_output = lambda stream: _listen(stream, display)
    return [
        child("broker", "trial", "broker", "--port", port),
        child("ingest", "trial", "ingest", "--study", STUDY, "--database", str(place.database), "--port", port),
        child("probe", "probe", "run", "--simulate", "--socket", probe_socket, "--world", world),
        child(
            "publish",
            *("publish", "--simulate", "--data", data, "--port", port, "--study", STUDY, "--site", SITE),
            *("--run-folder", str(place.run)),
        ),
        bedside,
    ]


def _listen(stream: IO[str], display: Display) -> None:
    """Hear the bedside's events in a thread, until it ends."""

    def hear() -> None:
        for line in stream:
            try:
                event: Any = json.loads(line)
            except ValueError:
                continue  # a line cut short by a kill
            if isinstance(event, dict):
                display.hear(event)

    threading.Thread(target=hear, name="bedside events", daemon=True).start()


def _watch(supervisor: Supervisor, place: Place, display: Display) -> None:
    """Keep the processes running until the measurement is done and every receipt is home."""
    bedside = supervisor.children[-1]
    until_s: float | None = None
    while True:
        broken = supervisor.tick()
        if broken is not None:
            raise DemoError(f"{broken.name} does not stay up: {broken.last_words()}")
        if bedside.finished:
            if until_s is None:
                until_s = time.monotonic() + DELIVERY_S
                display.wait_for_receipts()
            if _unsent(place.journal) == 0:
                display.say("  stored in the trial database: its receipt is home")
                return
            if time.monotonic() > until_s:
                raise DemoError(f"no receipt within {DELIVERY_S:.0f} s; the reading is safe in {place.journal}")
        time.sleep(0.1)


def _unsent(journal: Path) -> int:
    with Deliveries.open(journal, read_only=True) as deliveries:
        return deliveries.counts().unsent


def _tell(console: Console, place: Place, skin: Skin, supervisor: Supervisor) -> None:
    """Write plot and CRF rows, and the table that says what was measured and where it lies."""
    from trial.crf_csv import export
    from trial.database import open_database

    with Deliveries.open(place.journal, read_only=True) as deliveries:
        records = list(deliveries.records())
        counted = deliveries.counts()
        last = records[-1]
        trace = deliveries.trace(str(last.reading.reading_id), 1)
    rows = export(open_database(str(place.database)), STUDY, place.data / "crf.csv")
    plot = place.data / "reading.png"
    if trace is not None:
        _plot(trace, plot, last.reading)
    table = Table(show_header=False, box=None, padding=(0, 2))
    for name, value in _rows(last.reading, skin):
        table.add_row(name, value)
    table.add_row("records in the journal", f"{counted.records}, {counted.unsent} without a receipt")
    table.add_row("rows in the trial database", str(rows))
    restarts = [f"{child.name} {child.restarts}" for child in supervisor.children if child.restarts]
    table.add_row("processes started again", ", ".join(restarts) or "none")
    for name, path in (("journal", place.journal), ("trial database", place.database)):
        table.add_row(name, str(path))
    if trace is not None:
        table.add_row("plot", str(plot))
    table.add_row("CRF rows", str(place.data / "crf.csv"))
    console.print(table, highlight=False, soft_wrap=True)


def _rows(reading: Reading, skin: Skin) -> list[tuple[str, str]]:
    result = reading.result
    truth = ("true value of the phantom", f"{skin.crt_s:.2f} s ({skin.kind}, tone {skin.tone})")
    if result.status is Status.MEASURED and result.crt_s is not None and result.crt_ci95_s is not None:
        low, high = result.crt_ci95_s
        measured = f"{result.crt_s:.2f} s, 95 % interval {low:.2f} to {high:.2f} s"
        return [("refill time", measured), truth, ("error", f"{result.crt_s - skin.crt_s:+.2f} s")]
    if result.status is Status.CENSORED:
        return [("refill time", f"longer than {result.crt_exceeds_s:.1f} s (censored)"), truth]
    return [("refill time", f"not measurable: {result.reason}"), truth]


def _plot(trace: bytes, path: Path, reading: Reading) -> None:
    """Plot the stored trace of the first press, analysed again: the same trace gives the same digits."""
    from refill.plot import write_plot
    from vision.press import Settings, analyse_trace

    kept, pressure = read_trace(trace)
    settings = Settings(target_kpa=reading.presses[0].target_kpa)
    write_plot(analyse_trace(kept, pressure, settings), path, f"reading {reading.device_seq}, press 1")
