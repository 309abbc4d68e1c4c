"""Certificates that are wrong, on either side: each kind has its own sentence, and what is right goes through."""

import datetime as dt
import ipaddress
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from broker_bench import until
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from device_bench import DEVICE, reading
from fake_broker import FakeBroker
from paho.mqtt.enums import MQTTProtocolVersion

from contract.topics import Topic
from device.health_file import Feed, read_feed
from device.health_table import FINDINGS
from device.journal import Deliveries, Journal
from device.publisher import Patience, Publisher
from device.publisher_link import BrokerAddress
from device.publisher_trouble import row_of

HOME = Topic("demo", "00", DEVICE, "status")
QUICK = Patience(poll_s=0.02, reconnect_first_s=0.05, reconnect_longest_s=0.1, look_s=0.02, status_s=0.05)
NOW = dt.datetime.now(dt.UTC)
DAY = dt.timedelta(days=1)


@dataclass(frozen=True)
class Signed:
    """A certificate and its key, as files."""

    certificate: Path
    key: Path


class Authority:
    """Signs what is asked of it, also nonsense."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self._name = folder, name
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        own = self._certificate(name, self._key, NOW - DAY, NOW + 9 * DAY, x509.BasicConstraints(True, 0))
        self.file = self._write(f"{name}.crt", own.public_bytes(serialization.Encoding.PEM))

    def signs(
        self, name: str, address: str = "127.0.0.1", begins: dt.timedelta = -DAY, ends: dt.timedelta = DAY
    ) -> Signed:
        key = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
        certificate = self._certificate(name, key, NOW + begins, NOW + ends, names)
        secret = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return Signed(
            self._write(f"{self._name}-{name}.crt", certificate.public_bytes(serialization.Encoding.PEM)),
            self._write(f"{self._name}-{name}.key", secret),
        )

    def _certificate(
        self,
        name: str,
        key: ec.EllipticCurvePrivateKey,
        begins: dt.datetime,
        ends: dt.datetime,
        extension: x509.ExtensionType,
    ) -> x509.Certificate:
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        built = x509.CertificateBuilder(self._issuer, subject, key.public_key(), x509.random_serial_number())
        built = built.not_valid_before(begins).not_valid_after(ends).add_extension(extension, critical=False)
        return built.sign(self._key, hashes.SHA256())

    def _write(self, name: str, content: bytes) -> Path:
        path = self._folder / name
        path.write_bytes(content)
        path.chmod(0o600)
        return path


@dataclass
class Site:
    """A trial's authority, what it signed, and what a broker shows."""

    ours: Authority
    other: Authority
    device: Signed


@pytest.fixture
def site(tmp_path: Path) -> Site:
    (tmp_path / "run").mkdir()
    ours = Authority(tmp_path, "ours")
    return Site(ours, Authority(tmp_path, "other"), ours.signs("device"))


def shows(site: Site, signed: Signed, version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(signed.certificate, signed.key)
    context.load_verify_locations(site.ours.file)
    context.verify_mode = ssl.CERT_REQUIRED
    context.maximum_version = version
    return context


@contextmanager
def publishing(folder: Path, address: BrokerAddress) -> Iterator[Callable[[], Feed]]:
    with Journal.open(folder / "journal.sqlite", DEVICE) as journal:
        journal.append(reading)
    stop = threading.Event()
    publisher = Publisher(folder / "journal.sqlite", HOME, address, QUICK, folder / "run")
    thread = threading.Thread(target=publisher.run, args=(stop,), daemon=True)
    thread.start()
    try:
        yield lambda: read_feed(folder / "run") or Feed(broker_connected=False)
        assert thread.is_alive(), "the publisher has ended by itself"
    finally:
        stop.set()
        thread.join(10)
        assert not thread.is_alive()


def address(broker: FakeBroker, site: Site, device: Signed | None, host: str = "127.0.0.1") -> BrokerAddress:
    return BrokerAddress(
        host=host,
        port=broker.port,
        ca_file=site.ours.file,
        certificate_file=device.certificate if device else None,
        key_file=device.key if device else None,
        protocol=MQTTProtocolVersion.MQTTv5,
    )


@pytest.mark.slow
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_with_the_right_certificates_readings_go_through(site: Site, tmp_path: Path, version: ssl.TLSVersion) -> None:
    tls = shows(site, site.ours.signs("broker"), version)
    with (
        FakeBroker(tls=tls) as broker,
        publishing(tmp_path, address(broker, site, site.device)),
        Deliveries.open(tmp_path / "journal.sqlite") as seen,
    ):
        until(lambda: seen.counts().unsent == 0, "delivered")


BROKERS: dict[str, Callable[[Site], Signed]] = {
    "broker_certificate_expired": lambda site: site.ours.signs("broker", begins=-2 * DAY, ends=-DAY),
    "broker_certificate_early": lambda site: site.ours.signs("broker", begins=DAY, ends=2 * DAY),
    "broker_certificate_unknown": lambda site: site.other.signs("broker"),
    "broker_certificate_name": lambda site: site.ours.signs("broker", address="127.0.0.9"),
}
DEVICES: dict[str, tuple[str, Callable[[Site], Signed | None]]] = {
    "expired": ("broker_own_expired", lambda site: site.ours.signs("late", begins=-2 * DAY, ends=-DAY)),
    "of another authority": ("broker_own_refused", lambda site: site.other.signs("stranger")),
    "none": ("broker_own_refused", lambda _: None),
}


@pytest.mark.slow
@pytest.mark.parametrize("row", BROKERS)
def test_a_wrong_certificate_of_the_broker_is_told(site: Site, tmp_path: Path, row: str) -> None:
    tls = shows(site, BROKERS[row](site))
    with FakeBroker(tls=tls) as broker, publishing(tmp_path, address(broker, site, site.device)) as feed:
        until(lambda: feed().broker_trouble == row, row)
        assert broker.connections == 0


@pytest.mark.slow
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("case", DEVICES)
def test_a_wrong_certificate_of_ours_is_told(site: Site, tmp_path: Path, case: str, version: ssl.TLSVersion) -> None:
    row, device = DEVICES[case]
    tls = shows(site, site.ours.signs("broker"), version)
    with FakeBroker(tls=tls) as broker, publishing(tmp_path, address(broker, site, device(site))) as feed:
        until(lambda: feed().broker_trouble == row, row)
        assert broker.connections == 0


@pytest.mark.slow
def test_a_broker_without_encryption_is_told(site: Site, tmp_path: Path) -> None:
    with FakeBroker() as broker, publishing(tmp_path, address(broker, site, site.device)) as feed:
        until(lambda: feed().broker_trouble in {"broker_tls", "broker_shuts"}, "the screen is told")


@pytest.mark.slow
@pytest.mark.parametrize("wrong", ["missing", "of another certificate", "no key"])
def test_a_file_that_cannot_be_used_is_told(site: Site, tmp_path: Path, wrong: str) -> None:
    key = site.device.key
    if wrong == "missing":
        key.unlink()
    elif wrong == "no key":
        key.write_text("nothing")
    else:
        key = site.ours.signs("twin").key
    with (
        FakeBroker() as broker,
        publishing(tmp_path, address(broker, site, Signed(site.device.certificate, key))) as feed,
    ):
        until(lambda: feed().broker_trouble == "broker_files", "the screen is told")


def test_every_row_that_an_error_leads_to_stands_in_the_table() -> None:
    from device import publisher_trouble as trouble

    rows = {*trouble.CERTIFICATE_ROWS.values(), *trouble.CONNECT_ROWS.values(), *trouble.ROAD_ROWS.values()}
    rows |= {row for _, row in trouble.ALERT_ROWS}
    errors = [OSError(101, "x"), OSError(5, "x"), ConnectionResetError(), TimeoutError(), ssl.SSLError(1, "x")]
    rows |= {row_of(error) for error in (*errors, ssl.SSLEOFError(), UnicodeError(), "[SSL: X] y", "y")}
    assert rows <= set(FINDINGS)


@pytest.mark.parametrize(
    ("words", "row"),
    [
        ("failed to receive on socket: [SSL: TLSV1_ALERT_UNKNOWN_CA] tlsv1 alert unknown ca", "broker_own_refused"),
        ("[SSL: SSLV3_ALERT_CERTIFICATE_EXPIRED] sslv3 alert", "broker_own_expired"),
        ("[SSL: SSLV3_ALERT_CERTIFICATE_REVOKED] sslv3 alert", "broker_own_refused"),
        ("[SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED] tlsv13 alert", "broker_own_refused"),
        ("[SSL: WRONG_VERSION_NUMBER] wrong version number", "broker_tls"),
        ("failed to receive on socket: [Errno 104] Connection reset by peer", "broker_lost"),
    ],
)
def test_the_words_of_tls_lead_to_a_row(words: str, row: str) -> None:
    assert row_of(words) == row
