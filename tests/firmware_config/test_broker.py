"""The broker's model, its mosquitto.conf and its access list, as text; the real Mosquitto reads them elsewhere."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from contract import envelope
from contract.topics import Topic, TopicError, subscription
from firmware_config.bridge import hospital_conf
from firmware_config.broker import PAYLOAD_BYTES, Broker, Client, acl, limits, load_broker, mosquitto_conf

BROKER = Broker(hosts=["broker.example", "192.0.2.10"])
DEVICE = Client(kind="device", name="bedside-1", study="demo", site="00")
OTHER = Client(kind="device", name="bedside-2", study="demo", site="01")
INGESTER = Client(kind="ingester", name="ingest-1", study="demo")
BRIDGE = Client(kind="bridge", name="hospital-00", study="demo", site="00")
HOSTILE = [
    "+",
    "#",
    "a/b",
    "../a",
    "..",
    "a b",
    "A",
    "a\n",
    "a\nuser b",
    "$SYS",
    "%u",
    "%c",
    "-a",
    "",
    "a" * 64,
    "é",
    "a\0",
]


def settings(text: str) -> dict[str, str]:
    """Every line of a mosquitto.conf that is no comment; a key that stands there twice is an error but for log_type."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            key, value = line.split(" ", 1)
            assert key in ("log_type", "topic") or key not in found, key
            found[key] = value
    return found


def rights(text: str) -> dict[str, list[str]]:
    """The access list by user, and nothing before the first user: that would be everybody's."""
    found: dict[str, list[str]] = {}
    lines: list[str] | None = None
    for line in text.splitlines():
        if line.startswith("user "):
            lines = found.setdefault(line.removeprefix("user "), [])
        elif line and not line.startswith("#"):
            assert lines is not None
            lines.append(line)
    return found


def test_the_packaged_file_holds_the_models_own_values() -> None:
    assert load_broker() == Broker(hosts=["localhost"])


def test_the_contracts_limit_is_the_one_that_stands_here() -> None:
    assert PAYLOAD_BYTES == envelope.MAX_PAYLOAD_BYTES
    assert envelope.MAX_PAYLOAD_BYTES < BROKER.message_size_limit_bytes < BROKER.max_packet_bytes


def test_nobody_comes_in_without_a_certificate_that_says_who_it_is() -> None:
    said = settings(mosquitto_conf(BROKER))
    for key in ("require_certificate", "use_identity_as_username", "use_username_as_clientid"):
        assert said[key] == "true"
    assert said["allow_anonymous"] == "false"
    assert (said["listener"], said["tls_version"]) == ("8883", "tlsv1.2")
    assert {key: said[key] for key in ("cafile", "certfile", "keyfile", "crlfile", "acl_file")} == {
        "cafile": "/etc/mosquitto/refill/ca.crt",
        "certfile": "/etc/mosquitto/refill/broker.crt",
        "keyfile": "/etc/mosquitto/refill/broker.key",
        "crlfile": "/etc/mosquitto/refill/crl.pem",
        "acl_file": "/etc/mosquitto/refill/acl",
    }
    assert not {"password_file", "psk_file", "auth_plugin", "protocol", "port", "bind_address"} & set(said)


def test_limits_are_the_lines_on_persistence_and_queues_alone() -> None:
    said = settings("\n".join(limits(Broker(hosts=["h"], max_queued_messages=5000, max_queued_mb=8))))
    assert (said["persistence"], said["autosave_interval"], said["autosave_on_changes"]) == ("true", "1", "false")
    assert (said["max_queued_messages"], said["max_queued_bytes"]) == ("5000", str(8 * 1024 * 1024))
    assert said["persistence_location"] == "/var/lib/mosquitto"
    assert not {"listener", "cafile", "acl_file", "allow_anonymous"} & set(said)
    whole = settings(mosquitto_conf(BROKER))
    assert settings("\n".join(limits(BROKER))).items() <= whole.items()


@pytest.mark.parametrize(
    "wrong",
    [
        {"hosts": []},
        {"hosts": ["Broker.example"]},
        {"hosts": ["a b"]},
        {"hosts": ["a\nallow_anonymous true"]},
        {"hosts": ["-a"]},
        {"hosts": ["a" * 254]},
        {"port": 0},
        {"bind": "eth0 #"},
        {"folder": "etc/mosquitto"},
        {"folder": "/etc\nallow_anonymous true"},
        {"persistence_folder": "/var/lib/mosquitto "},
        {"autosave_interval_s": 0},
        {"autosave_interval_s": 1800},
        {"max_queued_messages": 0},
        {"max_inflight_messages": 0},
        {"message_size_limit_bytes": PAYLOAD_BYTES},
        {"message_size_limit_bytes": 1024 * 1024},
        {"log_to": "topic"},
        {"allow_anonymous": True},
    ],
)
def test_a_value_out_of_bounds_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Broker.model_validate({"hosts": ["broker.example"]} | wrong)


@pytest.mark.parametrize("host", ["broker.example", "localhost", "10.0.0.1", "2001:db8::1", "a-1.b2"])
def test_names_and_addresses_are_hosts(host: str) -> None:
    assert Broker(hosts=[host]).hosts == [host]


def test_a_device_writes_its_own_and_reads_its_receipt_and_nothing_else() -> None:
    assert rights(acl([OTHER, INGESTER, DEVICE]))["bedside-1"] == [
        *(f"topic write {Topic('demo', '00', 'bedside-1', kind)}" for kind in ("reading", "status", "calibration")),
        f"topic read {Topic('demo', '00', 'bedside-1', 'receipt')}",
    ]


def test_an_ingester_reads_its_study_and_writes_receipts_alone() -> None:
    assert rights(acl([INGESTER]))["ingest-1"] == [
        *(f"topic read {subscription('demo', kind)}" for kind in ("reading", "status", "calibration")),
        f"topic write {subscription('demo', 'receipt')}",
    ]


def test_a_bridge_may_do_what_the_devices_of_its_site_may_each_by_name() -> None:
    said = rights(acl([BRIDGE, DEVICE, OTHER, INGESTER]))
    assert said["hospital-00"] == said["bedside-1"]
    assert rights(acl([BRIDGE, OTHER]))["hospital-00"] == []


def test_an_empty_access_list_lets_nobody_do_anything() -> None:
    assert rights(acl([])) == {}
    assert not [line for line in acl([]).splitlines() if line and not line.startswith("#")]


def test_no_right_is_a_pattern_or_everybodys() -> None:
    text = acl([DEVICE, OTHER, INGESTER, BRIDGE])
    assert not any(word in text for word in ("pattern", "%", "readwrite", "topic #"))


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_that_could_widen_a_right_is_no_name(name: str) -> None:
    for key in ("name", "study", "site"):
        with pytest.raises(ValidationError):
            Client.model_validate({"kind": "device", "name": "a", "study": "demo", "site": "00"} | {key: name})


@pytest.mark.slow
@given(st.text(max_size=70) | st.from_regex(r"[a-z0-9-]{1,70}", fullmatch=True))
def test_whatever_is_a_name_makes_a_topic_and_one_line(name: str) -> None:
    try:
        client = Client(kind="device", name=name, study="demo", site="00")
    except ValidationError:
        with pytest.raises(TopicError):
            str(Topic("demo", "00", name, "reading"))
        return
    assert str(Topic("demo", "00", name, "reading")) in acl([client])
    assert len(acl([client]).splitlines()) == 8


def test_a_name_stands_for_one_client_only() -> None:
    with pytest.raises(ValueError, match="bedside-1"):
        acl([DEVICE, Client(kind="ingester", name="bedside-1", study="demo")])


@pytest.mark.parametrize(
    "wrong", [{"kind": "ingester", "site": "00"}, {"kind": "device", "site": None}, {"kind": "broker", "site": "00"}]
)
def test_a_site_is_named_where_there_is_one(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Client.model_validate({"name": "a", "study": "demo"} | wrong)


def test_a_bridge_passes_the_topics_of_its_site_and_no_others() -> None:
    text = hospital_conf(Broker(hosts=["mq.hospital"]), BROKER, BRIDGE)
    assert [line for line in text.splitlines() if line.startswith("topic ")] == [
        "topic refill/v1/demo/00/+/reading out 1",
        "topic refill/v1/demo/00/+/status out 1",
        "topic refill/v1/demo/00/+/calibration out 1",
        "topic refill/v1/demo/00/+/receipt in 1",
    ]
    said = settings(text)
    assert (said["address"], said["cleansession"], said["bridge_insecure"]) == ("broker.example:8883", "false", "false")
    assert said["require_certificate"] == "true"


def test_a_bridge_reaches_an_address_of_ip_6() -> None:
    assert "address [2001:db8::1]:8883" in hospital_conf(BROKER, Broker(hosts=["2001:db8::1"]), BRIDGE)


def test_only_a_bridge_bridges() -> None:
    with pytest.raises(ValueError, match="bedside-1 is enrolled as device"):
        hospital_conf(BROKER, BROKER, DEVICE)
