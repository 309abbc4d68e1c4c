"""The whole way through the broker's doors: a hospital's bridge, and a reading from journal to database over TLS."""

from pathlib import Path

import pytest
from tls_bench import HOME, REFUSED, Door, Speaker, Stage, at_home, enrolled, now
from trial_bench import Program, free_port, wait_for
from typer.testing import CliRunner

from benchmarks.feed_records import fill
from benchmarks.servers import refill
from device.journal.deliveries import Deliveries
from firmware_config.loading import PACKAGED
from refill.site_cli import app
from trial.database import open_database, upgrade
from trial.queries import devices
from trial.site import Site
from trial.site_entries import Asked

pytestmark = pytest.mark.slow


def test_a_hospitals_broker_passes_readings_on_and_receipts_back(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    port = free_port()
    with Site.changing(stage.site.folder) as changed:
        changed.bridge(Asked("bridge", "hospital-00", "demo", "00"), ["localhost"], port, now())
    local = stage.site.folder / "bridges" / "hospital-00"
    at_home(local)
    bundle = enrolled(stage.site, "device", "bedside-5", "00", via="hospital-00")
    topic = f"{HOME}/bedside-5"
    hospital = Door(local, port)
    stage.door.start()
    hospital.start()
    try:
        ingester = stage.speaker(stage.ingester)
        assert ingester.enter()
        ingester.subscribe("refill/v1/demo/+/+/reading", "refill/v1/demo/+/+/status")
        device = Speaker(port, bundle)
        assert device.enter(), hospital.text()
        device.subscribe(f"{topic}/receipt")
        device.publish(f"{topic}/reading", b"first")
        assert wait_for(lambda: (f"{topic}/reading", b"first") in ingester.heard, 8, 0.02), hospital.text()
        ingester.publish(f"{topic}/receipt", b"stored")
        assert wait_for(lambda: (f"{topic}/receipt", b"stored") in device.heard, 5, 0.02)
        # The way out is closed for a while: what is published meanwhile comes once it is open again.
        stage.door.terminate()
        device.publish(f"{topic}/reading", b"meanwhile")
        stage.door.start()
        ingester = stage.speaker(stage.ingester, keeps=True)
        assert ingester.enter()
        ingester.subscribe("refill/v1/demo/+/+/reading")
        assert wait_for(lambda: (f"{topic}/reading", b"meanwhile") in ingester.heard, 8, 0.02), hospital.text()
        ingester.leave()
        # A device of another site has no rights here, and comes through neither way.
        stranger = Speaker(port, stage.elsewhere)
        assert stranger.enter()
        assert stranger.publish("refill/v1/demo/01/bedside-3/reading") == REFUSED
        stranger.leave()
        device.leave()
        # What the hospital's certificate may do at the trial's broker: speak for the devices of its site, each by name.
        hospital.terminate()
        own = (local / "bridge.crt", local / "bridge.key")
        bridge = Speaker(stage.port, None, ca=local / "ca.crt", certificate=own)
        assert bridge.enter()
        assert bridge.publish(f"{topic}/reading") != REFUSED
        for foreign in (f"{HOME}/not-enrolled/reading", "refill/v1/demo/01/bedside-3/reading", f"{topic}/receipt"):
            assert bridge.publish(foreign) == REFUSED
        bridge.leave()
    finally:
        if hospital.runs:
            hospital.terminate()
        stage.door.terminate()


def site(stage: Stage, *arguments: object) -> str:
    result = CliRunner().invoke(app, [*map(str, arguments), "--folder", str(stage.site.folder)])
    assert result.exit_code == 0, result.output
    return result.output


def test_a_reading_goes_home_through_tls_with_what_was_enrolled(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    database, config = tmp_path / "trial.sqlite3", tmp_path / "config"
    engine = open_database(str(database))
    upgrade(engine)
    (config / "studies").mkdir(parents=True)
    demo = (PACKAGED / "studies" / "demo.toml").read_text()
    (config / "studies" / "demo.toml").write_text(demo.replace('devices = "any"', 'devices = "enrolled"'))
    device, ingester, journal = tmp_path / "device", tmp_path / "ingester", tmp_path / "journal"
    trial = ("--database", database, "--by", "eng-1", "--why", "first bed")
    place = ("--study", "demo", "--key-file", "--installed")
    site(stage, "enrol", "bedside-6", "--site", "00", *place, device, "--out", device, *trial)
    site(stage, "enrol", "--ingester", "ingest-6", *place, ingester, "--out", ingester)
    lines = (ingester / "trial-broker.toml").read_text()
    (config / "trial.toml").write_text(f'database = "{database}"\n{lines}')
    journal.mkdir()
    fill(journal / "journal.sqlite", 25, device="bedside-6", site="00")
    stage.door.start()
    ingest = Program(refill("trial", "ingest", "--config", str(config)), tmp_path / "ingest.log")
    publish = Program(
        refill(
            "publish",
            "--config",
            str(device / "device-mqtt.toml"),
            "--data",
            str(journal),
            "--run-folder",
            str(tmp_path),
        ),
        tmp_path / "publish.log",
    )
    started = [ingest.start()]
    try:
        assert wait_for(lambda: "connected to the broker" in ingest.text(), 20, 0.05), ingest.text()
        started.append(publish.start())
        with Deliveries.open(journal / "journal.sqlite", read_only=True) as deliveries:
            home = wait_for(lambda: not deliveries.unsent_seqs(), 20, 0.1)
            assert home, (ingest.text(), publish.text(), stage.door.text()[-1500:])
            assert [deliveries.receipts(seq)[0][0] for seq in range(1, 26)] == ["stored"] * 25
    finally:
        for program in started:
            program.terminate()
        stage.door.terminate()
    with engine.connect() as connection:
        [known] = devices(connection, "demo")
    assert (known.device, known.readings) == ("bedside-6", 25)
    engine.dispose()
