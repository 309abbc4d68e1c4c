"""How a client speaks to the broker: TLS away from this machine, one place for a key, and no secret in the file."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from firmware_config.device import load_device
from firmware_config.loading import ConfigurationError
from firmware_config.mqtt import Connection, Mqtt, Tls, is_loopback

CA, CRT, KEY = Path("/c/ca"), Path("/c/crt"), Path("/c/key")
AWAY: dict[str, Any] = {"host": "broker.example"}
TLS: dict[str, Any] = {"ca_file": CA, "certificate_file": CRT, "key_credential": "broker-key"}


def test_this_machines_broker_needs_nothing() -> None:
    assert Mqtt() == Mqtt(host="127.0.0.1", port=1883, version="3.1.1", study="demo")
    assert Mqtt(version="5").version == "5"


def test_a_broker_elsewhere_takes_a_key_from_a_file_or_a_credential() -> None:
    assert Connection(**AWAY, tls=Tls(**TLS)).tls is not None
    assert Connection(**AWAY, tls=Tls(ca_file=CA, certificate_file=CRT, key_file=KEY)).tls is not None
    named = {"username": "bed", "password_credential": "pw"}
    assert Connection.model_validate({**AWAY, **named, "tls": {"ca_file": CA}}).username == "bed"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({"version": "3.1"}, "3.1.1"),
        ({"version": 5}, "version"),
        ({"port": 0}, "port"),
        ({"keepalive_s": 4}, "keepalive_s"),
        ({"host": ""}, "host"),
        (AWAY, "tls: required for broker.example"),
        ({**AWAY, "tls": {"ca_file": CA}}, "needs tls.certificate_file"),
        ({"tls": {**TLS, "key_file": KEY}}, "name one of them"),
        ({"tls": {"ca_file": CA, "certificate_file": CRT}}, "go together"),
        ({"tls": {"ca_file": CA, "key_credential": "k"}}, "go together"),
        ({"tls": {"certificate_file": CRT, "key_file": KEY}}, "ca_file"),
        ({"tls": {**TLS, "key_credential": "../etc/key"}}, "key_credential"),
        ({"username": "bed"}, "go together"),
        ({"password_credential": "pw"}, "go together"),
        ({"username": "bed", "password_credential": "a/b"}, "password_credential"),
        ({"password": "secret"}, "password"),
        ({"tls": {**TLS, "key": "-----BEGIN"}}, "tls.key"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(content: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError) as error:
        Mqtt.model_validate(content)
    told = [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.value.errors(include_url=False)]
    assert len(told) == 1
    assert says in told[0]


def test_the_device_file_names_the_key_of_what_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "device.toml"
    path.write_text('name = "bed-7"\nsite = "012"\n[mqtt]\nversion = "4"\n')
    with pytest.raises(ConfigurationError, match=r"mqtt\.version"):
        load_device(path)
    path.write_text('name = "bed-7"\nsite = "012"\n[mqtt]\nversion = "5"\n')
    assert load_device(path).mqtt.version == "5"


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.9.1", "::1"])
def test_this_machine_is_known_without_a_name_server(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["broker.example", "10.0.0.1", "localhost.example", "::2", "127.0.0.1.example"])
def test_any_other_host_is_not_this_machine(host: str) -> None:
    assert not is_loopback(host)
