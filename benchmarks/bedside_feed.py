"""The feed beside a campaign's bedside, as in the demo: broker, ingest and publisher, each a process of its own."""

import contextlib
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from benchmarks.bedside_place import CampaignError, Place
from device.journal import Deliveries
from refill.supervisor import Child, Supervisor

STUDY, SITE = "demo", "00"
ANSWERS_S = 30.0
DATABASE = "trial.sqlite3"


class Feed:
    """Broker, ingest and publisher on a free port of this machine. `broker` says which broker serves."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self.port = _free_port()
        place.data.mkdir(parents=True, exist_ok=True)
        database = str(place.data / DATABASE)
        port = str(self.port)
        home = ["--port", port, "--study", STUDY]
        self._mosquitto: subprocess.Popen[bytes] | None = None
        self.broker = "Mosquitto" if shutil.which("mosquitto") else "the demo's broker (amqtt)"
        self._own_broker = self._child("broker", "trial", "broker", "--port", port)
        self._publisher = self._child(
            "publish",
            "publish",
            "--simulate",
            "--data",
            str(place.data),
            "--run-folder",
            str(place.folder),
            *home,
            "--site",
            SITE,
        )
        self._fed = Supervisor(
            [self._child("ingest", "trial", "ingest", "--database", database, *home), self._publisher]
        )

    def _child(self, name: str, *arguments: str) -> Child:
        return Child(name, list(arguments), self._place.folder / f"{name}.log")

    def start(self) -> None:
        """Start all; raises `CampaignError` where the broker does not answer."""
        self.start_broker()
        self._fed.start()

    def start_broker(self) -> None:
        """Start the broker, also again after its end."""
        if shutil.which("mosquitto"):
            self._mosquitto = self._start_mosquitto()
        else:
            self._own_broker.start()
        end_s = time.monotonic() + ANSWERS_S
        while time.monotonic() < end_s:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1.0):
                return
            time.sleep(0.1)
        raise CampaignError(f"the broker does not answer: {self._own_broker.last_words()}")

    def _start_mosquitto(self) -> "subprocess.Popen[bytes]":
        folder = Path(tempfile.mkdtemp(prefix="mosquitto-", dir=self._place.folder))
        settings = folder / "mosquitto.conf"
        settings.write_text(f"listener {self.port} 127.0.0.1\nallow_anonymous true\n", encoding="ascii")
        with (self._place.folder / "broker.log").open("ab") as log:
            return subprocess.Popen(["mosquitto", "-c", str(settings)], stdout=log, stderr=log)

    def kill_broker(self) -> None:
        """SIGKILL the broker; devices and ingest are left talking to nobody."""
        process = self._mosquitto or self._own_broker.process
        if process is not None:
            process.kill()
            process.wait(10.0)

    def keep_up(self) -> None:
        """Start again what of ingest and publisher has ended; raises `CampaignError` where one does not stay up."""
        broken = self._fed.tick()
        if broken is not None:
            raise CampaignError(f"{broken.name} does not stay up: {broken.last_words()}")

    def until_home(self, limit_s: float) -> bool:
        """Wait until every record has its receipt; False where that does not come in time."""
        end_s = time.monotonic() + limit_s
        while time.monotonic() < end_s:
            self.keep_up()
            if self.unsent() == 0:
                return True
            time.sleep(0.2)
        return False

    def unsent(self) -> int:
        """How many records have no receipt yet."""
        if not self._place.journal.exists():
            return 0
        with Deliveries.open(self._place.journal, read_only=True) as journal:
            return journal.counts().unsent

    def stop_publisher(self) -> None:
        """End the publisher: it has the journal open."""
        Supervisor([self._publisher]).stop()
        self._fed.children.remove(self._publisher)

    def start_publisher(self) -> None:
        """Start it again."""
        self._publisher.start()
        self._fed.children.append(self._publisher)

    def stop(self) -> None:
        """End all, who speaks to the broker first."""
        self._fed.stop()
        Supervisor([self._own_broker]).stop()
        if self._mosquitto is not None and self._mosquitto.poll() is None:
            self._mosquitto.terminate()
            self._mosquitto.wait(10.0)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
