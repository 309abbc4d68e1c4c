"""The site's folder: one command for a device, nothing overwritten, nothing half done, hostile names refused."""

import json
import os
import shutil
import tomllib
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from site_bench import DEVICE, NOW, acl_of, content, revoked, run, serial

from firmware_config.device import DeviceConfig
from firmware_config.trial import Trial
from trial import enrolment
from trial.certificates import read_certificate, revoked_serials
from trial.database import open_database, upgrade
from trial.site import Site
from trial.site_entries import Asked, SiteError


@pytest.fixture(scope="module")
def new(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("new") / "site"
    run(place, "init", "--broker-host", "broker.example,192.0.2.10")
    return place


@pytest.fixture(autouse=True)
def _no_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test's folder need not outlive a power cut."""
    monkeypatch.setattr(os, "fsync", lambda _: None)


@pytest.fixture
def folder(new: Path, tmp_path: Path) -> Path:
    return shutil.copytree(new, tmp_path / "site")


def test_a_new_site_is_whole_private_and_lets_nobody_in(folder: Path) -> None:
    assert folder.stat().st_mode & 0o777 == 0o700
    modes = {str(path.relative_to(folder)): path.stat().st_mode & 0o777 for path in folder.rglob("*") if path.is_file()}
    assert modes == {
        "authority/ca.crt": 0o644,
        "authority/ca.key": 0o600,
        "registry.jsonl": 0o600,
        "lock": 0o600,
        "broker/broker.toml": 0o644,
        "broker/ca.crt": 0o644,
        "broker/broker.crt": 0o644,
        "broker/broker.key": 0o600,
        "broker/mosquitto.conf": 0o644,
        "broker/acl": 0o644,
        "broker/crl.pem": 0o644,
    }
    assert "user " not in acl_of(folder)
    assert revoked(folder) == set()
    assert list(folder.parent.iterdir()) == [folder]


def test_nothing_that_is_there_is_overwritten(folder: Path, tmp_path: Path) -> None:
    before = content(folder)
    assert "exists already" in run(folder, "init", "--broker-host", "other.example", code=1)
    taken = tmp_path / "taken"
    taken.mkdir()
    assert "exists already" in run(taken, "init", "--broker-host", "other.example", code=1)
    assert "exists already" in run(folder, "enrol", "bedside-1", *DEVICE, "--out", taken, code=1)
    assert content(folder) == before
    assert list(taken.iterdir()) == []


@pytest.mark.parametrize("hosts", ["", "a b", "broker.example,", "Broker", "a\nb", "*.example"])
def test_a_host_that_is_none_makes_no_site(hosts: str, tmp_path: Path) -> None:
    assert len(run(tmp_path / "site", "init", "--broker-host", hosts, code=1).splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_one_command_makes_a_device_ready(folder: Path) -> None:
    said = run(folder, "enrol", "bedside-1", *DEVICE)
    bundle = folder / "bundles" / "bedside-1"
    assert str(bundle) in said
    assert "PRIVATE" not in said
    assert (bundle.stat().st_mode & 0o777, (bundle / "client.key").stat().st_mode & 0o777) == (0o700, 0o600)
    assert acl_of(folder).count("user ") == 1
    assert "topic write refill/v1/demo/00/bedside-1/reading" in acl_of(folder)
    config = DeviceConfig.model_validate(tomllib.loads((bundle / "device-mqtt.toml").read_text()))
    assert (config.name, config.site, config.mqtt.study) == ("bedside-1", "00", "demo")
    assert (config.mqtt.host, config.mqtt.port, config.mqtt.version) == ("broker.example", 8883, "5")
    tls = config.mqtt.tls
    assert tls is not None
    assert (str(tls.certificate_file), tls.key_credential) == ("/etc/refill/tls/client.crt", "refill-mqtt-key")
    assert "LoadCredential=refill-mqtt-key:/etc/refill/tls/client.key" in (bundle / "credential.conf").read_text()


def test_an_ingesters_lines_are_a_trial_file(folder: Path) -> None:
    run(folder, "enrol", "--ingester", "ingest-1", "--study", "demo", "--key-file", "--installed", "/srv/tls")
    run(folder, "enrol", "--ingester", "ingest-2", "--study", "demo")
    bundle = folder / "bundles" / "ingest-1"
    lines = tomllib.loads((bundle / "trial-broker.toml").read_text()) | {"database": "trial.sqlite3"}
    trial = Trial.model_validate(lines)
    assert trial.broker.tls is not None
    assert (trial.session_name, str(trial.broker.tls.key_file)) == ("ingest-1", "/srv/tls/client.key")
    other = tomllib.loads((folder / "bundles" / "ingest-2" / "trial-broker.toml").read_text())
    assert other["group"] == trial.group
    assert len(str(trial.group)) > 30  # nobody guesses it
    assert not (bundle / "credential.conf").exists()


def test_a_name_is_one_clients_for_good(folder: Path) -> None:
    run(folder, "enrol", "bedside-1", *DEVICE)
    before = content(folder)
    assert "enrolled already; --renew" in run(folder, "enrol", "bedside-1", *DEVICE, code=1)
    other = ("--study", "i-micro", "--site", "01")
    assert "of study demo, site 00, for good" in run(folder, "enrol", "bedside-1", *other, code=1)
    assert "for good" in run(folder, "enrol", "--ingester", "bedside-1", "--study", "demo", code=1)
    assert "nothing to renew" in run(folder, "enrol", "bedside-9", *DEVICE, "--renew", code=1)
    assert content(folder) == before


def test_renewal_is_a_new_key_and_the_end_of_the_old_certificate(folder: Path) -> None:
    run(folder, "enrol", "bedside-1", *DEVICE)
    bundle = folder / "bundles" / "bedside-1"
    old, key = serial(bundle), (bundle / "client.key").read_bytes()
    assert "reload mosquitto" in run(folder, "enrol", "bedside-1", *DEVICE, "--renew")
    assert revoked(folder) == {old}
    assert serial(bundle) != old
    assert (bundle / "client.key").read_bytes() != key
    assert acl_of(folder).count("user bedside-1\n") == 1


def test_revocation_takes_certificate_and_rights_and_can_be_undone_by_renewal(folder: Path) -> None:
    run(folder, "enrol", "bedside-1", *DEVICE)
    old = serial(folder / "bundles" / "bedside-1")
    run(folder, "revoke", "bedside-1", "--why", "lost in the lift")
    assert revoked(folder) == {old}
    assert "bedside-1" not in acl_of(folder)
    assert "revoked already" in run(folder, "revoke", "bedside-1", "--why", "again", code=1)
    assert "never enrolled" in run(folder, "revoke", "bedside-9", "--why", "x", code=1)
    assert "bedside-1" not in run(folder, "list")
    assert "revoked" in run(folder, "list", "--revoked")
    run(folder, "enrol", "bedside-1", *DEVICE, "--renew")
    assert revoked(folder) == {old}
    assert "user bedside-1" in acl_of(folder)


def test_an_ingester_that_is_revoked_asks_for_a_restart(folder: Path) -> None:
    run(folder, "enrol", "--ingester", "ingest-1", "--study", "demo")
    run(folder, "enrol", "bedside-1", *DEVICE)
    assert "restart mosquitto" in run(folder, "revoke", "ingest-1", "--why", "moved")
    assert "reload mosquitto" in run(folder, "revoke", "bedside-1", "--why", "lost")
    assert "user " not in acl_of(folder)


def test_the_registry_keeps_every_word(folder: Path) -> None:
    run(folder, "enrol", "bedside-1", *DEVICE, "--by", "dm-1", "--why", "first bed")
    run(folder, "revoke", "bedside-1", "--why", "lost", "--by", "dm-2")
    lines = [json.loads(line) for line in (folder / "registry.jsonl").read_text().splitlines()]
    assert [(line["event"], line["name"], line["by"], line["why"]) for line in lines] == [
        ("issued", "broker", "site", "site made"),
        ("issued", "bedside-1", "dm-1", "first bed"),
        ("revoked", "bedside-1", "dm-2", "lost"),
    ]
    assert lines[1]["serial"] == lines[2]["serial"]


@pytest.mark.parametrize(("days", "code"), [(31, 0), (29, 1)])
def test_what_ends_within_30_days_is_said(folder: Path, days: int, code: int) -> None:
    run(folder, "enrol", "bedside-1", *DEVICE, "--valid-days", days)
    assert ("renew it" in run(folder, "list", code=code)) is bool(code)


def test_what_has_ended_is_said_too(folder: Path) -> None:
    with Site.changing(folder) as site:
        site.enrol(Asked("device", "bedside-1", "demo", "00", valid_days=1), NOW - timedelta(days=5))
    assert "device bedside-1: ended on" in run(folder, "list", code=1)


@pytest.mark.parametrize("name", ["+", "#", "a/b", "../a", "a b", "A", "a\n", "a\nuser b", "$SYS", "%u", "", "a" * 64])
def test_a_hostile_name_is_refused_on_one_line_and_leaves_nothing(folder: Path, name: str) -> None:
    before = content(folder)
    with Site.changing(folder) as site:
        for asked in (
            Asked("device", name, "demo", "00"),
            Asked("device", "a", name, "00"),
            Asked("device", "a", "demo", name),
            Asked("ingester", name, "demo"),
            Asked("device", name, "demo", "00", renew=True),
        ):
            with pytest.raises(SiteError) as said:
                site.enrol(asked, NOW)
            assert len(str(said.value).splitlines()) == 1
    if name:
        output = run(folder, "enrol", *DEVICE, "--", name, code=1)
        assert len(output.splitlines()) == 1
    assert content(folder) == before
    assert sorted(path.name for path in folder.parent.iterdir()) == ["site"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["bedside-1", "--study", "demo"],
        ["--study", "demo", "--site", "00"],
        ["bedside-1", "--ingester", "a", "--study", "demo", "--site", "00"],
        ["--ingester", "a", "--study", "demo", "--site", "00"],
        ["bedside-1", "--study", "no-such", "--site", "00"],
        ["bedside-1", "--study", "demo", "--site", "99"],
        ["bedside-1", *DEVICE, "--database", "x.sqlite3"],
        ["bedside-1", *DEVICE, "--by", "somebody"],
    ],
)
def test_wrong_use_ends_with_exit_code_2(folder: Path, arguments: list[str]) -> None:
    before = content(folder)
    run(folder, "enrol", *arguments, code=2)
    assert content(folder) == before


def test_the_trial_database_knows_the_device_too(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "trial.sqlite3"
    engine = open_database(str(path))
    upgrade(engine)
    signed = ("--database", path, "--by", "dm-1", "--why", "first bed")
    run(folder, "enrol", "bedside-1", *DEVICE, *signed)
    with engine.connect() as connection:
        [said] = enrolment.listed(connection, "demo")
    sha = json.loads((folder / "registry.jsonl").read_text().splitlines()[-1])["certificate_sha256"]
    assert (said.device, said.site, said.action, said.certificate_sha256) == ("bedside-1", "00", "enrolled", sha)
    run(folder, "revoke", "bedside-1", *signed)
    with engine.connect() as connection:
        [said] = enrolment.listed(connection, "demo")
    assert said.action == "revoked"
    engine.dispose()


def test_a_database_that_refuses_stops_the_enrolment_before_anything_counts(folder: Path, tmp_path: Path) -> None:
    before = content(folder)
    signed = ("--by", "dm-1", "--why", "first bed")
    run(folder, "enrol", "bedside-1", *DEVICE, "--database", tmp_path / "none.sqlite3", *signed, code=1)
    empty = tmp_path / "empty.sqlite3"
    empty.touch()
    assert "refuses it" in run(folder, "enrol", "bedside-1", *DEVICE, "--database", empty, *signed, code=1)
    assert content(folder) == before
    run(folder, "enrol", "bedside-1", *DEVICE)


def test_a_bridge_has_a_folder_that_follows_its_sites_devices(folder: Path) -> None:
    run(folder, "enrol", "bedside-1", *DEVICE)
    run(folder, "bridge", "hospital-00", *DEVICE, "--broker-host", "mq.hospital")
    place = folder / "bridges" / "hospital-00"
    names = {"broker.toml", "mosquitto.conf", "acl", "crl.pem", "ca.crt"}
    assert {path.name for path in place.iterdir()} == names | {"broker.crt", "broker.key", "bridge.crt", "bridge.key"}
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in place.glob("*.key"))
    run(folder, "enrol", "bedside-2", *DEVICE, "--via", "hospital-00")
    assert 'host = "mq.hospital"' in (folder / "bundles" / "bedside-2" / "device-mqtt.toml").read_text()
    assert (place / "acl").read_text().count("user ") == 2
    run(folder, "revoke", "bedside-1", "--why", "lost")
    assert (place / "acl").read_text().count("user ") == 1
    assert revoked_serials((place / "crl.pem").read_bytes()) == revoked(folder)
    assert "no bridge of study demo, site 00" in run(folder, "enrol", "b-3", *DEVICE, "--via", "bedside-2", code=1)
    again = run(folder, "bridge", "other", *DEVICE, "--broker-host", "broker.example", code=1)
    assert "nobody else may have a certificate for it" in again


def test_the_broker_is_renewed_for_the_hosts_that_its_file_names_now(folder: Path) -> None:
    path = folder / "broker" / "broker.toml"
    path.write_text(path.read_text().replace('"192.0.2.10"', '"new.example"'))
    before = (folder / "broker" / "broker.crt").read_bytes()
    run(folder, "renew-broker")
    after = (folder / "broker" / "broker.crt").read_bytes()
    assert after != before
    assert b"new.example" in read_certificate(after).public_bytes(Encoding.DER)
    assert (folder / "broker" / "broker.key").stat().st_mode & 0o777 == 0o600


def test_a_broker_file_that_is_wrong_stops_every_command_by_its_key(folder: Path) -> None:
    path = folder / "broker" / "broker.toml"
    path.write_text(path.read_text() + "anonymous = true\n")
    assert "broker.toml: anonymous" in run(folder, "list", code=1)
    assert "broker.toml: anonymous" in run(folder, "enrol", "bedside-1", *DEVICE, code=1)


@pytest.mark.parametrize("name", ["acl", "mosquitto.conf", "crl.pem"])
def test_what_follows_from_the_registry_is_mended_by_the_next_command(folder: Path, name: str) -> None:
    run(folder, "enrol", "bedside-1", *DEVICE)
    (folder / "broker" / name).write_text("nonsense")
    run(folder, "revoke", "bedside-1", "--why", "lost")
    assert "nonsense" not in (folder / "broker" / name).read_text()
    assert len(revoked(folder)) == 1


@pytest.mark.parametrize("damage", ["registry.jsonl", "authority/ca.key", "authority/ca.crt"])
def test_a_damaged_site_says_so_in_one_line(folder: Path, damage: str) -> None:
    (folder / damage).write_bytes(b"nonsense\n")
    assert len(run(folder, "list", code=1).splitlines()) == 1
    (folder / damage).unlink()
    assert "is missing" in run(folder, "list", code=1)


def test_two_commands_do_not_work_in_one_folder(folder: Path) -> None:
    with Site.changing(folder):
        assert "another command is at work" in run(folder, "enrol", "bedside-1", *DEVICE, code=1)
    run(folder, "enrol", "bedside-1", *DEVICE)
