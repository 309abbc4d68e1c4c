"""The broker of a trial: Mosquitto's configuration and access list, made from a site's `broker.toml`.

TLS only, a certificate for every client, and the certificate's name is who it is: for the access list and as MQTT
client id alike. Checked against mosquitto 2.0.11, by trying (tests/trial/test_trial_access.py).
"""

import ipaddress
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from firmware_config.loading import PACKAGED, Section, load
from firmware_config.mqtt import Slug

FILE: str = "broker.toml"
DEFAULT_PATH: Path = PACKAGED / FILE
PAYLOAD_BYTES: int = 256 * 1024
"""The contract's limit for one message; this room may not look there, so a test holds the two together."""
MIB: int = 1024 * 1024

_NAME = re.compile(r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*", re.ASCII)


def _is_host(value: str) -> str:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        if not _NAME.fullmatch(value):
            raise ValueError("neither a host name in lower case nor an IP address") from None
    return value


def _is_plain(path: Path) -> Path:
    # Mosquitto's file has no quotes: what stands behind the key is the path, and a line break would be a new line.
    if not path.is_absolute() or not str(path).isprintable() or str(path) != str(path).strip():
        raise ValueError("must be an absolute path on one line, without white space at its ends")
    return path


Host = Annotated[str, AfterValidator(_is_host)]
Folder = Annotated[Path, AfterValidator(_is_plain)]
SiteNumber = Annotated[str, Field(pattern=r"^[0-9]{2,4}$")]
Kind = Literal["device", "ingester", "bridge"]


class Broker(Section):
    """One Mosquitto. The defaults are for one machine that serves a trial of some hundred devices."""

    hosts: list[Host] = Field(
        min_length=1, max_length=8, description="names and addresses that clients use; the certificate holds them all"
    )
    port: int = Field(8883, ge=1, le=65535, description="the only one: there is no port without TLS")
    bind: Host | None = Field(None, description="address to listen on; none: all of them")
    folder: Folder = Field(Path("/etc/mosquitto/refill"), description="where the site's `broker` folder is copied to")
    persistence_folder: Folder = Field(
        Path("/var/lib/mosquitto"), description="where it keeps what is not delivered yet"
    )
    autosave_interval_s: int = Field(1, ge=1, le=60, description="a killed broker may forget this, and a second more")
    max_queued_messages: int = Field(20_000, ge=1000, le=1_000_000, description="kept for a client that is away")
    max_queued_mb: int = Field(64, ge=4, le=4096, description="the same in MB, whichever is met first")
    max_inflight_messages: int = Field(200, ge=20, le=1000, description="sent to a client and not yet acknowledged")
    message_size_limit_bytes: int = Field(
        PAYLOAD_BYTES + 16 * 1024,
        ge=PAYLOAD_BYTES + 1024,
        le=MIB,
        description="a little over the limit of the contract, so that the ingester can refuse in words",
    )
    max_packet_bytes: int = Field(MIB, ge=2 * PAYLOAD_BYTES, le=64 * MIB, description="above it, the sender is cut off")
    session_days: int = Field(30, ge=1, le=365, description="a client that is away for longer is forgotten")
    max_connections: int = Field(1000, ge=2, le=100_000, description="devices and ingesters at a time")
    sys_interval_s: int = Field(0, ge=0, le=3600, description="0: nothing is told in $SYS")
    log_to: Literal["syslog", "stderr"] = Field("syslog", description="where its log goes")

    @model_validator(mode="after")
    def _limits_in_order(self) -> Self:
        if self.max_packet_bytes < self.message_size_limit_bytes + 1024:
            raise ValueError("max_packet_bytes: must be 1 kB or more above message_size_limit_bytes")
        if self.max_queued_mb * MIB < self.message_size_limit_bytes:
            raise ValueError("max_queued_mb: not even one message of message_size_limit_bytes has room")
        return self


class Client(Section):
    """Who may speak to the broker: `name` is its certificate's, and its MQTT client id."""

    kind: Kind
    name: Slug
    study: Slug
    site: SiteNumber | None = Field(None, description="a device's or bridge's home; an ingester serves all sites")

    @model_validator(mode="after")
    def _site_where_there_is_one(self) -> Self:
        if (self.site is None) != (self.kind == "ingester"):
            raise ValueError(f"site: {'none for' if self.kind == 'ingester' else 'missing for'} a {self.kind}")
        return self


Lines = list[tuple[str, str]]
"""Lines of the configuration, each with its reason."""


def limits(broker: Broker) -> list[str]:
    """Return Mosquitto's lines on persistence and queues, without listener and TLS."""
    return [line for line, _ in _limits(broker)]


def _limits(broker: Broker) -> Lines:
    return [
        ("persistence true", "Sessions and queues outlive a restart."),
        (f"persistence_location {broker.persistence_folder}", ""),
        (
            f"autosave_interval {broker.autosave_interval_s}",
            "Seconds. With the default of 1800, SIGKILL lost 1000 of 1000 acknowledged messages and the session.",
        ),
        ("autosave_on_changes false", "So that the interval counts seconds and not messages."),
        (
            f"max_queued_messages {broker.max_queued_messages}",
            "For each client that is away. What is above is dropped though acknowledged: devices send it again.",
        ),
        (f"max_queued_bytes {broker.max_queued_mb * MIB}", "The whole of it is written at every autosave."),
        (
            f"max_inflight_messages {broker.max_inflight_messages}",
            "The ingester's window: a batch cannot be larger. A device keeps at most 20 under way by itself.",
        ),
        ("max_inflight_bytes 0", ""),
        (
            f"message_size_limit {broker.message_size_limit_bytes}",
            "A little over the contract's limit, so that the ingester can refuse in words what is just above it.",
        ),
        (
            f"max_packet_size {broker.max_packet_bytes}",
            "Beyond this the sender is cut off before the packet is in memory.",
        ),
        (
            f"persistent_client_expiration {broker.session_days}d",
            "A session that nobody comes back for is let go. MQTT 3.1.1 has no end of its own for it.",
        ),
        ("queue_qos0_messages false", "Nothing of ours has QoS 0."),
        ("upgrade_outgoing_qos false", ""),
        ("retain_available true", "A device's status is retained."),
        ("check_retain_source true", "The retained status of a device that was revoked is not shown any more."),
    ]


def _general(broker: Broker) -> Lines:
    return [
        ("per_listener_settings false", ""),
        ("allow_anonymous false", "No certificate, no connection."),
        ("allow_zero_length_clientid false", ""),
        (f"acl_file {broker.folder}/acl", "Who may do what; what does not stand there is refused."),
        (f"sys_interval {broker.sys_interval_s}", "0: nothing is told in $SYS. Nobody may read it in any case."),
        ("set_tcp_nodelay true", "Receipts are small and should not wait for company."),
        (
            f"log_dest {broker.log_to}",
            "Who came and went, and what failed; never what a message holds, nor every save.",
        ),
        *((f"log_type {kind}", "") for kind in ("error", "warning", "notice")),
        ("connection_messages true", ""),
        ("log_timestamp_format %Y-%m-%dT%H:%M:%S", ""),
    ]


def _listener(broker: Broker) -> Lines:
    return [
        (f"listener {broker.port}{f' {broker.bind}' if broker.bind else ''}", "The only one: there is no plain port."),
        (f"max_connections {broker.max_connections}", ""),
        ("max_qos 1", "Nothing of ours has QoS 2."),
        ("tls_version tlsv1.2", "The least; with TLS 1.3 on both sides, that is taken."),
        (f"cafile {broker.folder}/ca.crt", "The site's own authority, and no other: its word is who may come in."),
        (f"certfile {broker.folder}/broker.crt", ""),
        (f"keyfile {broker.folder}/broker.key", ""),
        (f"crlfile {broker.folder}/crl.pem", "Certificates that count no more."),
        ("require_certificate true", ""),
        ("use_identity_as_username true", "The certificate's name is the user of the access list."),
        (
            "use_username_as_clientid true",
            "And the client id: nobody can push another from the broker, or take over its session, by its id.",
        ),
    ]


def mosquitto_conf(broker: Broker) -> str:
    """Return the whole mosquitto.conf, each line with its reason."""
    parts = [
        "# Mosquitto of a Refill site: written by `refill site` from broker.toml. Changes belong there, not here.",
        *_part("What is kept, and how much", _limits(broker)),
        *_part("In general", _general(broker)),
        *_part("Who comes in, and how", _listener(broker)),
    ]
    return "\n".join(parts) + "\n"


def _part(title: str, lines: Lines) -> list[str]:
    return ["", f"# --- {title}", *(text for line, why in lines for text in ([f"# {why}"] if why else []) + [line])]


def acl(clients: Iterable[Client]) -> str:
    """Return the access list. Every topic stands in full: no pattern that a name could widen.

    A bridge may do what the devices of its site may, each named. Raises `ValueError` where a name stands there twice.
    """
    known = sorted(clients, key=lambda client: (client.kind, client.name))
    names = [client.name for client in known]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"{', '.join(twice)}: a name stands for one client only")
    lines = ["# Who may do what: written by `refill site` from its registry. What does not stand here is refused."]
    for client in known:
        lines += ["", f"# {client.kind}", f"user {client.name}", *_rights(client, known)]
    return "\n".join(lines) + "\n"


def _rights(client: Client, known: list[Client]) -> list[str]:
    if client.kind == "ingester":
        return _ingests(client.study)
    if client.kind == "device":
        return _measures(client)
    here = (client.study, client.site)
    return [
        line for each in known if each.kind == "device" and (each.study, each.site) == here for line in _measures(each)
    ]


def _measures(device: Client) -> list[str]:
    home = f"refill/v1/{device.study}/{device.site}/{device.name}"
    return [
        *(f"topic write {home}/{kind}" for kind in ("reading", "status", "calibration")),
        f"topic read {home}/receipt",
    ]


def _ingests(study: str) -> list[str]:
    every = f"refill/v1/{study}/+/+"
    return [
        *(f"topic read {every}/{kind}" for kind in ("reading", "status", "calibration")),
        f"topic write {every}/receipt",
    ]


def load_broker(path: Path | None = None) -> Broker:
    """Return the `broker.toml` at `path`, or the packaged one; raises `ConfigurationError` with every error."""
    return load(path or DEFAULT_PATH, Broker)
