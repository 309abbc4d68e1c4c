"""Who may speak to the broker, shown by trying: a real Mosquitto on the generated files, real certificates."""

import shutil
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion
from tls_bench import HOME, QUIET_S, REFUSED, Door, Speaker, Stage, enrolled, made
from trial_bench import free_port, wait_for

from trial.certificates import Authority

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    made_here = Stage(tmp_path_factory.mktemp("access"))
    made_here.door.start()
    yield made_here
    if made_here.door.runs:
        made_here.door.terminate()


@pytest.fixture
def come(stage: Stage) -> Iterator:
    """Bring somebody in; all leave at the end."""
    inside: list[Speaker] = []

    def come(bundle: Path, *filters: str, **how) -> Speaker:
        speaker = stage.speaker(bundle, **how)
        assert speaker.enter(), (bundle.name, speaker.reason, stage.door.text()[-800:])
        inside.append(speaker)
        if filters:
            speaker.subscribe(*filters)
        return speaker

    yield come
    for speaker in inside:
        speaker.leave()


@pytest.mark.parametrize("version", ["3.1.1", "5"])
@pytest.mark.parametrize("tls", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_who_is_enrolled_comes_in(stage: Stage, come, version: str, tls: ssl.TLSVersion) -> None:
    come(stage.one, version=version, tls=tls)
    come(stage.ingester, version=version, tls=tls)


def test_nobody_else_comes_in(stage: Stage, tmp_path: Path) -> None:
    ours = stage.one / "ca.crt"
    stranger = enrolled(made(tmp_path / "other"), "device", "bedside-1", "00")
    station = stage.site.folder / "broker"
    refused = {
        "no certificate": stage.speaker(None, ca=ours),
        "another authority's": stage.speaker(stranger, ca=ours),
        "expired": stage.speaker(stage.expired),
        "revoked": stage.speaker(stage.revoked),
        "the broker's own": stage.speaker(None, ca=ours, certificate=(station / "broker.crt", station / "broker.key")),
    }
    came_in = {name for name, speaker in refused.items() for _ in range(2) if speaker.enter()}
    assert came_in == set()
    said = stage.door.text()
    assert all(word in said for word in ("peer did not return a certificate", "certificate verify failed"))


def test_nobody_comes_in_without_tls(stage: Stage) -> None:
    client = Client(CallbackAPIVersion.VERSION2, "plain")
    answers: list[object] = []
    client.on_connect = lambda *arguments: answers.append(arguments)
    client.connect("127.0.0.1", stage.port)
    for _ in range(10):
        client.loop(0.1)
    assert answers == []
    assert not client.is_connected()


class FalseBroker:
    """Listens with whatever certificate it was given, and notes whether anybody believed it."""

    def __init__(self, certificate: Path, key: Path) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate, key)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.believed = False
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        link, _ = self._listener.accept()
        link.settimeout(5)
        try:
            with self._context.wrap_socket(link, server_side=True) as opened:
                self.believed = bool(opened.recv(1))
        except OSError:
            link.close()

    def close(self) -> None:
        self._thread.join(6)
        self._listener.close()


@pytest.mark.parametrize("whose", ["another device's", "another authority's", "another host's", "the broker's own"])
def test_a_client_believes_its_own_broker_alone(stage: Stage, tmp_path: Path, whose: str) -> None:
    station, now = stage.site.folder / "broker", stage.site.registry.current()[0].at
    certificate, key = tmp_path / "crt", tmp_path / "key"
    if whose == "another device's":
        certificate, key = stage.two / "client.crt", stage.two / "client.key"
    elif whose == "the broker's own":
        certificate, key = station / "broker.crt", station / "broker.key"
    else:
        authority = stage.site.authority if whose == "another host's" else Authority.made("false", now)
        issued = authority.broker(["elsewhere.example" if whose == "another host's" else "localhost"], now, 10)
        certificate.write_bytes(issued.certificate_pem)
        key.write_bytes(issued.key_pem)
    broker = FalseBroker(certificate, key)
    speaker = Speaker(broker.port, stage.one)
    speaker.enter()
    speaker.leave()
    broker.close()
    assert broker.believed is (whose == "the broker's own")


@pytest.mark.parametrize("version", ["3.1.1", "5"])
def test_a_device_speaks_for_itself_alone(stage: Stage, come, version: str) -> None:
    listener = come(stage.ingester, "refill/v1/demo/+/+/reading", "refill/v1/demo/+/+/status")
    victim = come(stage.two, f"{HOME}/bedside-2/receipt")
    device = come(stage.one, version=version)
    own = [f"{HOME}/bedside-1/{kind}" for kind in ("reading", "status", "calibration")]
    foreign = [
        f"{HOME}/bedside-2/reading",
        f"{HOME}/bedside-2/status",
        f"{HOME}/bedside-2/calibration",
        f"{HOME}/bedside-2/receipt",
        f"{HOME}/bedside-1/receipt",
        f"{HOME}/bedside-1/reading/more",
        f"{HOME}/bedside-1",
        "refill/v1/demo/01/bedside-1/reading",
        "refill/v1/i-micro/00/bedside-1/reading",
        "refill/v2/demo/00/bedside-1/reading",
        "$SYS/broker/uptime",
        "anything",
    ]
    answers = {topic: device.publish(topic) for topic in own + foreign}
    if version == "5":
        assert {topic for topic, answer in answers.items() if answer == REFUSED} == set(foreign)
    assert device.publish(f"{HOME}/bedside-1/reading", b"last") in ("Success", "No matching subscribers")
    assert wait_for(lambda: (f"{HOME}/bedside-1/reading", b"last") in listener.heard, 5, 0.02)
    time.sleep(QUIET_S)
    assert listener.topics() == {f"{HOME}/bedside-1/reading", f"{HOME}/bedside-1/status"}
    assert victim.heard == []


GREEDY = [
    "#",
    "+/#",
    "$SYS/#",
    f"{HOME}/bedside-2/receipt",
    "refill/v1/demo/+/+/receipt",
    "refill/v1/+/+/+/reading",
    "refill/v1/demo/+/+/status",
    "$share/any/#",
    "$share/any/refill/v1/demo/+/+/reading",
    "$share/any/refill/v1/demo/+/+/receipt",
]


@pytest.mark.parametrize("version", ["3.1.1", "5"])
def test_a_device_hears_its_own_receipts_alone(stage: Stage, come, version: str) -> None:
    ingester = come(stage.ingester)
    victim = come(stage.two)
    device = come(
        stage.one, *(GREEDY if version == "5" else [each for each in GREEDY if "$share" not in each]), version=version
    )
    ingester.publish(f"{HOME}/bedside-2/receipt", b"not yours")
    victim.publish(f"{HOME}/bedside-2/reading", b"not yours")
    victim.publish(f"{HOME}/bedside-2/status", b"not yours", retain=True)
    ingester.publish(f"{HOME}/bedside-1/receipt", b"yours")
    assert wait_for(lambda: device.heard, 5, 0.02)
    time.sleep(1.2)  # a turn of $SYS, which this broker tells every second
    assert set(device.heard) == {(f"{HOME}/bedside-1/receipt", b"yours")}


def test_nobody_hears_what_the_broker_tells_of_itself(stage: Stage, come) -> None:
    ingester = come(stage.ingester, "$SYS/#", "#")
    time.sleep(1.3)
    assert not [topic for topic in ingester.topics() if topic.startswith("$SYS")]


def test_an_ingester_answers_and_does_not_measure(stage: Stage, come) -> None:
    device = come(stage.one, f"{HOME}/bedside-1/receipt")
    ingester = come(stage.ingester, "refill/v1/demo/+/+/reading")
    for kind in ("reading", "status", "calibration"):
        assert ingester.publish(f"{HOME}/bedside-1/{kind}") == REFUSED
    assert ingester.publish("refill/v1/i-micro/01/bedside-1/receipt") == REFUSED
    assert ingester.publish(f"{HOME}/bedside-1/receipt", b"stored") == "Success"
    assert wait_for(lambda: device.heard, 5, 0.02)
    time.sleep(QUIET_S)
    assert ingester.heard == []


def test_the_retained_status_of_another_device_stays_as_it_was(stage: Stage, come) -> None:
    victim, topic = come(stage.two), f"{HOME}/bedside-2/status"
    victim.publish(topic, b"ready", retain=True)
    device = come(stage.one)
    assert device.publish(topic, b"lost", retain=True) == REFUSED
    assert device.publish(topic, b"", retain=True) == REFUSED
    late = come(stage.ingester, topic)
    assert wait_for(lambda: late.heard, 5, 0.02)
    assert late.heard == [(topic, b"ready")]
    victim.publish(topic, b"", retain=True)


@pytest.mark.parametrize("version", ["3.1.1", "5"])
def test_a_last_will_on_the_topic_of_another_is_not_delivered(stage: Stage, come, version: str) -> None:
    listener = come(stage.ingester, "refill/v1/demo/+/+/status")
    own = f"{HOME}/bedside-1/status"
    for topic in (f"{HOME}/bedside-2/status", own):
        device = stage.speaker(stage.one, version=version, will=(topic, b"lost"))
        if device.enter():
            device.vanish()
        time.sleep(QUIET_S)
    assert wait_for(lambda: listener.heard, 5, 0.02)
    assert listener.heard == [(own, b"lost")]


def test_nobody_is_pushed_out_by_another_under_the_same_client_id(stage: Stage, come) -> None:
    first = come(stage.one, client_id="same")
    second = come(stage.two, client_id="same")
    time.sleep(QUIET_S)
    assert not first.lost.is_set()
    assert first.publish(f"{HOME}/bedside-1/reading") != REFUSED
    assert second.publish(f"{HOME}/bedside-1/reading") == REFUSED
    # A second connection of the same certificate is the same client: the first one goes, as MQTT has it.
    come(stage.one, client_id="another")
    assert first.lost.wait(5)


def test_without_that_line_one_certificate_could_push_out_another(stage: Stage, tmp_path: Path) -> None:
    """Why the line is there: the same files without it, on a broker of its own."""
    folder = shutil.copytree(stage.site.folder / "broker", tmp_path / "broker")
    port = free_port()
    text = (folder / "mosquitto.conf").read_text().replace("use_username_as_clientid true\n", "")
    text = text.replace(f"listener {stage.port}", f"listener {port}").replace(
        f"{stage.site.folder / 'broker-kept'}", str(tmp_path)
    )
    (folder / "mosquitto.conf").write_text(text)
    door = Door(folder, port).start()
    first, second = Speaker(port, stage.one, client_id="same"), Speaker(port, stage.two, client_id="same")
    try:
        assert first.enter()
        assert second.enter()
        assert first.lost.wait(5)
    finally:
        second.leave()
        door.terminate()


def test_what_is_too_large_is_refused_or_cut_off(stage: Stage, come) -> None:
    device, listener = come(stage.one), come(stage.ingester, "refill/v1/demo/+/+/reading")
    limit = stage.site.broker.message_size_limit_bytes
    topic = f"{HOME}/bedside-1/reading"
    assert device.publish(topic, b"x" * limit) == "Success"
    assert wait_for(lambda: listener.heard, 5, 0.02)
    listener.heard.clear()
    assert device.publish(topic, b"x" * (limit + 1)) != "Success"
    assert device.publish(topic, b"x" * stage.site.broker.max_packet_bytes) == "cut off"
    time.sleep(QUIET_S)
    assert listener.heard == []


def test_who_knew_the_name_of_the_group_could_take_readings_out_of_the_feed(stage: Stage, come) -> None:
    """Mosquitto grants every subscription and gives the message to one member, allowed or not. Hence the name is a
    secret, and hence only a receipt clears a reading."""
    ingester = come(stage.ingester, "$share/secret/refill/v1/demo/+/+/reading")
    device = come(stage.two)
    hostile = come(stage.one, "$share/guessed/refill/v1/demo/+/+/reading")
    for number in range(10):
        device.publish(f"{HOME}/bedside-2/reading", b"%d" % number)
    assert wait_for(lambda: len(ingester.heard) == 10, 5, 0.02)
    hostile.subscribe("$share/secret/refill/v1/demo/+/+/reading")
    for number in range(10):
        device.publish(f"{HOME}/bedside-2/reading", b"%d" % number)
    time.sleep(QUIET_S)
    assert hostile.heard == []
    assert len(ingester.heard) == 15
