"""Where the publisher's secrets come from: systemd's credentials or a file that only its owner and group may read."""

from pathlib import Path
from typing import Any

import pytest
from paho.mqtt.enums import MQTTProtocolVersion
from typer.testing import CliRunner

from device import publisher
from device.publisher_link import BrokerAddress
from refill.cli import app

TLS = "[mqtt.tls]\nca_file = '/c/ca'\ncertificate_file = '/c/crt'\n"


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[BrokerAddress]:
    addresses: list[BrokerAddress] = []

    def note(_journal: Any, _home: Any, address: BrokerAddress, _run_folder: Any) -> None:
        addresses.append(address)

    monkeypatch.setattr(publisher, "run_publisher", note)
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    return addresses


@pytest.fixture
def credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "credentials"
    folder.mkdir()
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(folder))
    return folder


def secret(path: Path, mode: int = 0o440) -> Path:
    path.write_text("s3cret\n")
    path.chmod(mode)
    return path


def run(tmp_path: Path, mqtt: str) -> Any:
    path = tmp_path / "device.toml"
    path.write_text(f'name = "bed-7"\nsite = "012"\n{mqtt}')
    return CliRunner().invoke(app, ["publish", "--config", str(path), "--data", str(tmp_path)])


def test_key_and_password_come_from_systemds_credentials(
    tmp_path: Path, told: list[BrokerAddress], credentials: Path
) -> None:
    secret(credentials / "broker-key")
    secret(credentials / "broker-password")
    mqtt = '[mqtt]\nversion = "5"\nusername = "bed-7"\npassword_credential = "broker-password"\n'
    done = run(tmp_path, f"{mqtt}{TLS}key_credential = 'broker-key'\n")
    assert (done.exit_code, done.output) == (0, "")
    (address,) = told
    assert address.key_file == credentials / "broker-key"
    assert address.password == "s3cret"  # noqa: S105 - made up
    assert "s3cret" not in repr(address)
    assert address.protocol is MQTTProtocolVersion.MQTTv5


def test_without_a_word_the_feed_speaks_the_version_that_every_broker_does(
    tmp_path: Path, told: list[BrokerAddress]
) -> None:
    assert run(tmp_path, "").exit_code == 0
    assert told[0].protocol is MQTTProtocolVersion.MQTTv311


@pytest.mark.slow
@pytest.mark.parametrize("mode", [0o644, 0o604, 0o642])
def test_a_key_that_others_can_read_is_refused_by_file_and_key(
    tmp_path: Path, told: list[BrokerAddress], mode: int
) -> None:
    key = secret(tmp_path / "device.key", mode)
    done = run(tmp_path, f"{TLS}key_file = '{key}'\n")
    assert done.exit_code == 1
    assert done.output.splitlines() == [
        f"mqtt.tls.key_file: {key}: others may read it (mode {mode:04o}); chmod o= {key}"
    ]
    assert told == []


@pytest.mark.slow
@pytest.mark.parametrize("mode", [0o400, 0o600, 0o640])
def test_a_key_of_owner_and_group_is_taken(tmp_path: Path, told: list[BrokerAddress], mode: int) -> None:
    key = secret(tmp_path / "device.key", mode)
    assert run(tmp_path, f"{TLS}key_file = '{key}'\n").exit_code == 0
    assert told[0].key_file == key


@pytest.mark.slow
@pytest.mark.parametrize("folder", ["none", "empty"])
def test_a_credential_that_was_not_handed_over_is_named(
    tmp_path: Path, told: list[BrokerAddress], request: pytest.FixtureRequest, folder: str
) -> None:
    if folder == "empty":
        request.getfixturevalue("credentials")
    done = run(tmp_path, f"{TLS}key_credential = 'broker-key'\n")
    assert done.exit_code == 1
    assert done.output.splitlines() == [
        "mqtt.tls.key_credential: the credential broker-key was not handed over by systemd"
    ]
    assert told == []


def test_a_password_that_is_no_text_is_refused_without_showing_it(
    tmp_path: Path, told: list[BrokerAddress], credentials: Path
) -> None:
    secret(credentials / "pw").chmod(0o600)
    (credentials / "pw").write_bytes(b"\xff\xfesecret")
    done = run(tmp_path, '[mqtt]\nusername = "bed-7"\npassword_credential = "pw"\n')
    assert done.exit_code == 1
    assert done.output.splitlines() == [f"mqtt.password_credential: {credentials / 'pw'}: is no text"]
    assert told == []
