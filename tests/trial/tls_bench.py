"""What the tests of the broker's doors share: a site's folder, a real Mosquitto on its files, clients of any kind."""

import os
import ssl
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from paho.mqtt.client import Client, MQTTv5, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from trial_bench import Program, free_port, listening, needed, wait_for

from trial.site import Handed, Site, make_site
from trial.site_entries import Asked

QUIET_S = 0.4
"""Long enough for a message that is going to arrive on this machine."""
REFUSED = "Not authorized"
"""Mosquitto's answer of MQTT 5 to a message on a topic that is not the sender's."""
HOME = "refill/v1/demo/00"


def now() -> datetime:
    return datetime.now(UTC)


def made(folder: Path, port: int = 0, *, sys_interval_s: int = 0) -> Site:
    """A site whose broker runs on this machine, on the very files of its folder."""
    make_site(folder, ["localhost", "127.0.0.1"], port or free_port(), now())
    at_home(folder / "broker", sys_interval_s)
    with Site.changing(folder) as changed:
        return changed


def at_home(station: Path, sys_interval_s: int = 0) -> None:
    """Let a broker.toml name its own folder as the broker's, this machine alone, and the terminal as its log."""
    path, kept = station / "broker.toml", station.parent / f"{station.name}-kept"
    kept.mkdir(exist_ok=True)
    changed = {
        "folder": f'folder = "{station}"',
        "persistence_folder": f'persistence_folder = "{kept}"',
        "log_to": 'log_to = "stderr"\nbind = "127.0.0.1"',
        "sys_interval_s": f"sys_interval_s = {sys_interval_s}",
    }
    lines = [changed.get(line.split(" = ")[0], line) for line in path.read_text().splitlines()]
    path.write_text("\n".join(lines) + "\n")


def enrolled(site: Site, kind: str, name: str, number: str | None = None, **asked: Any) -> Path:
    """Enrol a client at the site; the folder of its bundle."""
    place = asked.pop("out", None) or site.folder / "bundles" / name
    via = asked.pop("via", None)
    when = asked.pop("when", None) or now()
    with Site.changing(site.folder) as changed:
        request = Asked(kind, name, asked.pop("study", "demo"), number, **asked)
        changed.enrol(request, when, Handed(installed=place, key_from="file", via=via))
    return place


def expired(site: Site, name: str) -> Path:
    """A bundle whose certificate ended yesterday."""
    return enrolled(site, "device", name, "00", when=now() - timedelta(days=3), valid_days=2)


class Door(Program):
    """A real Mosquitto on a station's generated file, as it is but for the user, who has to be able to read it."""

    def __init__(self, station: Path, port: int) -> None:
        self.port = port
        self.station = station
        program = needed("mosquitto", "/usr/sbin/mosquitto")
        super().__init__([program, "-c", str(station / "here.conf")], station.parent / f"{station.name}.log")

    def start(self) -> "Door":
        """Start it and wait until it answers."""
        text = (self.station / "mosquitto.conf").read_text()
        (self.station / "here.conf").write_text(text + ("user root\n" if os.geteuid() == 0 else ""))
        super().start()
        listening(self.port)
        return self

    def restart(self) -> None:
        """Stop it as a service would, and start it again on the files as they are now."""
        self.terminate()
        self.start()


class Speaker:
    """A client on one connection, which does what it is told and keeps what it hears. `bundle` is its identity."""

    def __init__(
        self,
        port: int,
        bundle: Path | None,
        *,
        version: str = "5",
        client_id: str = "",
        will: tuple[str, bytes] | None = None,
        keeps: bool = False,
        ca: Path | None = None,
        tls: ssl.TLSVersion | None = None,
        certificate: tuple[Path, Path] | None = None,
    ) -> None:
        self.heard: list[tuple[str, bytes]] = []
        self.answers: dict[int, str] = {}
        self.granted: dict[int, list[str]] = {}
        self.session_present = False
        self.reason: str | None = None
        self.lost = threading.Event()
        self._version = version
        self._keeps = keeps
        clean = {} if version == "5" else {"clean_session": not keeps}
        protocol = MQTTv5 if version == "5" else MQTTv311
        self.client = Client(
            CallbackAPIVersion.VERSION2,
            client_id or (bundle.name if bundle else "nobody"),
            protocol=protocol,
            reconnect_on_failure=False,
            **clean,
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(ca or (bundle / "ca.crt" if bundle else None))
        if certificate is not None:
            context.load_cert_chain(*certificate)
        elif bundle is not None:
            context.load_cert_chain(bundle / "client.crt", bundle / "client.key")
        if tls is not None:
            context.minimum_version = context.maximum_version = tls
        self.client.tls_set_context(context)
        if will is not None:
            self.client.will_set(*will, qos=1)
        self.client.on_connect = self._on_connect
        self.client.on_disconnect = lambda *_: self.lost.set()
        self.client.on_message = lambda _c, _u, message: self.heard.append((message.topic, bytes(message.payload)))
        self.client.on_publish = self._on_publish
        self.client.on_subscribe = self._on_subscribe
        self._port = port

    def _on_connect(self, _c: Any, _u: Any, flags: Any, reason: Any, _p: Any) -> None:
        self.session_present = flags.session_present
        self.reason = str(reason)

    def _on_publish(self, _c: Any, _u: Any, mid: int, reason: Any, _p: Any) -> None:
        self.answers[mid] = str(reason)

    def _on_subscribe(self, _c: Any, _u: Any, mid: int, reasons: Any, _p: Any) -> None:
        self.granted[mid] = [str(reason) for reason in reasons]

    def enter(self) -> bool:
        """Try to come in; whether the broker took it. TLS 1.3 tells a client of a refusal only after its greeting."""
        options: dict[str, Any] = {}
        if self._version == "5":
            properties = Properties(PacketTypes.CONNECT)
            properties.SessionExpiryInterval = 3600 if self._keeps else 0
            options = {"clean_start": not self._keeps, "properties": properties}
        try:
            self.client.connect("localhost", self._port, **options)
        except OSError:
            return False
        self.client.loop_start()
        wait_for(lambda: self.reason is not None or self.lost.is_set(), 5, 0.01)
        return self.reason == "Success"

    def subscribe(self, *filters: str) -> list[str]:
        """Subscribe at QoS 1; what the broker granted."""
        _, mid = self.client.subscribe([(name, 1) for name in filters])
        assert mid is not None
        assert wait_for(lambda: mid in self.granted, 5, 0.01)
        return self.granted[mid]

    def publish(self, topic: str, content: bytes = b"x", *, retain: bool = False) -> str:
        """Publish at QoS 1; the broker's answer in its own words."""
        mid = self.client.publish(topic, content, qos=1, retain=retain).mid
        assert wait_for(lambda: mid in self.answers or self.lost.is_set(), 5, 0.01)
        return self.answers.get(mid, "cut off")

    def topics(self) -> set[str]:
        return {topic for topic, _ in self.heard}

    def leave(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()

    def vanish(self) -> None:
        """End without good-bye, so that the last will is sent."""
        link = self.client.socket()
        assert link is not None
        link.close()
        self.client.loop_stop()


class Stage:
    """One site with two devices, an ingester, and its broker running."""

    def __init__(self, folder: Path) -> None:
        needed("mosquitto", "/usr/sbin/mosquitto")
        self.site = made(folder / "site", sys_interval_s=1)
        self.port = self.site.broker.port
        self.one = enrolled(self.site, "device", "bedside-1", "00")
        self.two = enrolled(self.site, "device", "bedside-2", "00")
        self.elsewhere = enrolled(self.site, "device", "bedside-3", "01")
        self.ingester = enrolled(self.site, "ingester", "ingest-1")
        self.expired = expired(self.site, "bedside-7")
        self.revoked = enrolled(self.site, "device", "bedside-8", "00")
        with Site.changing(self.site.folder) as changed:
            changed.revoke("bedside-8", "site", "lost", self.site.registry.current()[0].at)
        self.door = Door(self.site.folder / "broker", self.port)

    def speaker(self, bundle: Path | None, **how) -> Speaker:
        return Speaker(self.port, bundle, **how)
