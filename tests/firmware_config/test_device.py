"""The device file: defaults, bounds, and every error named by file and key."""

from pathlib import Path

import pytest

from firmware_config.device import DEFAULT_PATH, DeviceConfig, load_device
from firmware_config.loading import ConfigurationError

NAMED = 'name = "bed-7"\nsite = "012"\n'


def load_text(folder: Path, text: str) -> DeviceConfig:
    path = folder / "device.toml"
    path.write_text(text)
    return load_device(path)


def test_the_packaged_file_is_the_models_defaults_written_out() -> None:
    assert load_device() == DeviceConfig(name="refill-demo", site="001")
    assert DEFAULT_PATH.name == "device.toml"


def test_a_site_file_needs_only_what_it_changes(tmp_path: Path) -> None:
    config = load_text(tmp_path, NAMED + "[press_limits]\npressure_kpa = 45\n")
    assert config.press_limits.pressure_kpa == 45
    assert config.pins == load_device().pins


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('site = "012"', "name"),
        ('name = "Bed 7"\nsite = "012"', "name"),
        ('name = "bed"\nsite = "1"', "site"),
        (NAMED + "colour = 1", "colour"),
        (NAMED + "[press_limits]\npressure_kpa = 60.1", "press_limits.pressure_kpa"),
        (NAMED + "[press_limits]\nhold_s = 21", "press_limits.hold_s"),
        (NAMED + "[press_limits]\npress_s = 27", "press_limits.press_s"),
        (NAMED + "[press_limits]\npress_s = 10\nhold_s = 10", "press_limits"),
        (NAMED + "[press_limits]\npresses_per_minute = 7", "press_limits.presses_per_minute"),
        (NAMED + "[press_limits]\npressure_kpa = nan", "press_limits.pressure_kpa"),
        (NAMED + "[probe]\nlease_s = 0.6", "probe.lease_s"),
        (NAMED + "[probe]\nsocket = 'probe.sock'", "probe.socket"),
        (NAMED + f"[probe]\nsocket = '/{'x' * 110}'", "probe.socket"),
        (NAMED + "[probe]\nstate_folder = 'state'", "probe.state_folder"),
        (NAMED + "[pins]\npump = 17", "pins.vent_valve"),
        (NAMED + "[pins]\nbutton = 9", "pins.button"),
        (NAMED + "[pins]\nbuzzer = 28", "pins.buzzer"),
        (NAMED + "[pressure_sensor]\nkind = 'hx711'", "pressure_sensor.kind"),
        (NAMED + "[pressure_sensor]\nchannel = 8", "pressure_sensor.channel"),
        (NAMED + "[pressure_sensor]\nrate_hz = 20", "pressure_sensor.rate_hz"),
        (NAMED + "[pressure_sensor]\ndivider = 1.0", "pressure_sensor"),
        (NAMED + "[pressure_sensor]\nspan_kpa = 50", "pressure_sensor"),
        (NAMED + "[mqtt]\nhost = 'broker.example'", "mqtt.tls"),
        (NAMED + "[mqtt]\nhost = '10.0.0.1'\n[mqtt.tls]\nca_file = '/etc/ca.pem'", "mqtt"),
        (NAMED + "[mqtt.tls]\nca_file = '/etc/ca.pem'\nkey_file = '/etc/key.pem'", "mqtt.tls"),
        (NAMED + "[mqtt]\nusername = 'bed'", "mqtt"),
        (NAMED + "[mqtt]\npassword = 'secret'", "mqtt.password"),
        (NAMED + "[storage]\njournal_folder = 'here'", "storage.journal_folder"),
        (NAMED + "[storage]\ntrace_retention_days = 3", "storage.trace_retention_days"),
        (NAMED + "[camera]\nfps = 5", "camera.fps"),
    ],
)
def test_a_wrong_value_is_refused_with_file_and_key(tmp_path: Path, text: str, key: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_text(tmp_path, text)
    assert str(caught.value).startswith(f"{tmp_path / 'device.toml'}: {key}: ")
    assert "\n" not in str(caught.value)


def test_all_errors_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_text(tmp_path, 'name = "bed"\n[pins]\npump = 99\n[camera]\nfps = 1\nzoom = 2\n')
    assert len(str(caught.value).splitlines()) == 4


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.8.8", "::1"])
def test_only_this_machine_goes_without_tls(tmp_path: Path, host: str) -> None:
    assert load_text(tmp_path, NAMED + f"[mqtt]\nhost = '{host}'").mqtt.tls is None


@pytest.mark.parametrize(
    "proof",
    [
        "[mqtt.tls]\nca_file = '/c/ca'\ncertificate_file = '/c/crt'\nkey_file = '/c/key'",
        "username = 'bed-7'\npassword_credential = 'mqtt-password'\n[mqtt.tls]\nca_file = '/c/ca'",
    ],
)
def test_a_broker_elsewhere_needs_tls_and_a_proof_of_who_we_are(tmp_path: Path, proof: str) -> None:
    config = load_text(tmp_path, NAMED + f"[mqtt]\nhost = 'broker.example'\nport = 8883\n{proof}")
    assert config.mqtt.tls is not None
