"""What a running Mosquitto takes over from changed files, what a restart keeps, and what neither does."""

import os
import signal
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from tls_bench import HOME, QUIET_S, REFUSED, Door, Speaker, Stage, enrolled, now
from trial_bench import wait_for

from trial.certificates import Authority
from trial.site import Site

pytestmark = pytest.mark.slow


@pytest.fixture
def own_stage(tmp_path: Path) -> Iterator[Stage]:
    made_here = Stage(tmp_path)
    made_here.door.start()
    yield made_here
    if made_here.door.runs:
        made_here.door.terminate()


def hang_up(door: Door) -> None:
    """Let it read its files again, and give it the time: what it says of that is below the level of its log."""
    assert door.process is not None
    os.kill(door.process.pid, signal.SIGHUP)
    time.sleep(2 * QUIET_S)


def resumed(port: int, bundle: Path, tls: ssl.TLSVersion) -> Callable[[], bool]:
    """Come in once; what is returned comes in again by the ticket of that connection, without showing a certificate."""
    context = ssl.create_default_context(cafile=str(bundle / "ca.crt"))
    context.load_cert_chain(bundle / "client.crt", bundle / "client.key")
    context.minimum_version = context.maximum_version = tls

    def come(session: ssl.SSLSession | None) -> tuple[bool, ssl.SSLSession | None]:
        with (
            socket.create_connection(("127.0.0.1", port), 5) as link,
            context.wrap_socket(link, server_hostname="localhost", session=session) as opened,
        ):
            opened.sendall(b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01a")
            assert opened.recv(4) == b"\x20\x02\x00\x00"
            return opened.session_reused is True, opened.session

    _, session = come(None)
    assert come(session)[0]

    def again() -> bool:
        try:
            return come(session)[0]
        except ssl.SSLError:
            return False

    return again


def test_a_reload_lets_new_devices_work_and_shuts_out_those_that_were_revoked(own_stage: Stage) -> None:
    stage = own_stage
    listener, one = stage.speaker(stage.ingester), stage.speaker(stage.elsewhere)
    assert listener.enter()
    listener.subscribe("refill/v1/demo/+/+/reading", "refill/v1/demo/+/+/status")
    assert one.enter()
    one.publish("refill/v1/demo/01/bedside-3/status", b"ready", retain=True)
    tickets = [resumed(stage.port, stage.one, tls) for tls in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)]
    new = stage.speaker(enrolled(stage.site, "device", "bedside-4", "00"))
    assert new.enter()
    topic = f"{HOME}/bedside-4/reading"
    assert new.publish(topic) == REFUSED
    for name in ("bedside-1", "bedside-3"):
        with Site.changing(stage.site.folder) as changed:
            changed.revoke(name, "site", "lost", now())
    assert stage.speaker(stage.one).enter()  # not before the broker has read it
    hang_up(stage.door)
    assert new.publish(topic) == "Success"
    assert not stage.speaker(stage.one).enter()
    assert [again() for again in tickets] == [False, False]
    # Whoever is inside stays inside, without rights where it was revoked; nobody else notices anything.
    assert not listener.lost.is_set()
    assert not one.lost.is_set()
    assert one.publish("refill/v1/demo/01/bedside-3/reading") == REFUSED
    assert stage.speaker(stage.two).enter()
    late = stage.speaker(stage.ingester)
    assert late.enter()
    late.subscribe("refill/v1/demo/+/+/status")
    time.sleep(QUIET_S)
    assert late.heard == []  # its retained status is not shown any more
    assert "Saving in-memory" not in stage.door.text()


def test_a_shared_subscription_does_not_outlive_a_restart_and_a_revoked_ingesters_share_ends_with_it(
    own_stage: Stage,
) -> None:
    """Mosquitto 2.0.11 brings the session back without it: who comes back has to subscribe again, as the feed does.

    Until the restart the session of the one that was revoked is given its share, which it may not have: lost to the
    group, and sent again by the devices.
    """
    stage, shared = own_stage, "$share/secret/refill/v1/demo/+/+/reading"
    second = enrolled(stage.site, "ingester", "ingest-2")
    hang_up(stage.door)
    stays, leaves = stage.speaker(stage.ingester, keeps=True), stage.speaker(second, keeps=True)
    for ingester in (stays, leaves):
        assert ingester.enter()
        ingester.subscribe(shared)
    leaves.leave()
    with Site.changing(stage.site.folder) as changed:
        changed.revoke("ingest-2", "site", "moved", now())
    hang_up(stage.door)
    assert ten_readings(stage, stays) == 5
    stage.door.restart()
    stays = stage.speaker(stage.ingester, keeps=True)
    assert stays.enter()
    assert stays.session_present
    assert ten_readings(stage, stays) == 0
    stays.subscribe(shared)
    assert ten_readings(stage, stays) == 10


def ten_readings(stage: Stage, ingester: Speaker) -> int:
    """How many of ten new readings an ingester hears."""
    ingester.heard.clear()
    device = stage.speaker(stage.one)
    assert device.enter()
    for _ in range(10):
        device.publish(f"{HOME}/bedside-1/reading")
    device.leave()
    time.sleep(QUIET_S)
    return len(ingester.heard)


def test_a_reload_while_a_session_is_away_costs_it_what_comes_until_it_is_back(own_stage: Stage) -> None:
    """Mosquitto 2.0.11 acknowledges that and drops it, and keeps what waited before. Devices send the rest again."""
    stage, topic = own_stage, f"{HOME}/bedside-1/reading"
    ingester = stage.speaker(stage.ingester, keeps=True)
    assert ingester.enter()
    ingester.subscribe("refill/v1/demo/+/+/reading")
    ingester.leave()
    device = stage.speaker(stage.one)
    assert device.enter()
    assert device.publish(topic, b"before") == "Success"
    hang_up(stage.door)
    assert device.publish(topic, b"meanwhile") == "Success"
    ingester = stage.speaker(stage.ingester, keeps=True)
    assert ingester.enter()
    assert device.publish(topic, b"after") == "Success"
    time.sleep(QUIET_S)
    assert [content for _, content in ingester.heard] == [b"before", b"after"]


def test_a_new_certificate_of_the_broker_is_taken_by_a_reload(own_stage: Stage) -> None:
    stage = own_stage
    with Site.changing(stage.site.folder) as changed:
        entry = changed.renew_broker(now(), 30, "site", "renewed")
    hang_up(stage.door)
    context = ssl.create_default_context(cafile=str(stage.one / "ca.crt"))
    context.load_cert_chain(stage.one / "client.crt", stage.one / "client.key")
    with (
        socket.create_connection(("127.0.0.1", stage.port), 5) as link,
        context.wrap_socket(link, server_hostname="localhost") as opened,
    ):
        shown = opened.getpeercert()
    assert shown is not None
    assert str(shown["serialNumber"]).lower().lstrip("0") == entry.serial


def test_a_list_of_revoked_ones_that_is_past_its_date_shuts_everybody_out(
    own_stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Why ours is good until the authority ends."""
    stage = own_stage
    monkeypatch.setattr(Authority, "expires_at", property(lambda _: now() - timedelta(days=1)))
    old = stage.site.authority.revocations([], 1, now() - timedelta(days=3))
    assert stage.speaker(stage.one).enter()
    (stage.site.folder / "broker" / "crl.pem").write_bytes(old)
    stage.door.restart()
    assert not stage.speaker(stage.one).enter()


def test_what_was_acknowledged_is_kept_through_kill_9(own_stage: Stage) -> None:
    stage = own_stage
    ingester = stage.speaker(stage.ingester, keeps=True)
    assert ingester.enter()
    ingester.subscribe("refill/v1/demo/+/+/reading")
    ingester.leave()
    device = stage.speaker(stage.one)
    assert device.enter()
    for number in range(40):
        assert device.publish(f"{HOME}/bedside-1/reading", b"%d" % number) == "Success"
    time.sleep(2.2)
    stage.door.kill()
    stage.door.start()
    again = stage.speaker(stage.ingester, keeps=True)
    assert again.enter()
    assert again.session_present
    assert wait_for(lambda: len(again.heard) == 40, 5, 0.02)
    assert [content for _, content in again.heard] == [b"%d" % number for number in range(40)]
    again.leave()
