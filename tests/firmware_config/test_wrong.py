"""Every error of a file at once: a wrong key hides no other, and no default is blamed in the place of a wrong key."""

from pathlib import Path

import pytest

from firmware_config.device import DeviceConfig
from firmware_config.loading import ConfigurationError, load
from firmware_config.study import Study
from firmware_config.wrong import alike, examine

NAMED = {"name": "bed-7", "site": "012"}


def problems(content: dict[str, object], model: type = DeviceConfig) -> list[str]:
    return examine(content, model).problems


def test_what_is_right_has_no_problems_and_is_the_model_itself() -> None:
    found = examine(NAMED, DeviceConfig)
    assert found.problems == []
    assert found.model == DeviceConfig(name="bed-7", site="012")
    assert found.left_out == frozenset()


def test_a_wrong_key_hides_no_rule_between_the_others() -> None:
    said = problems(
        {**NAMED, "pins": {"buzzer": 99, "button": 17}, "temperature_sensor": {"id": "28-0123456789ab", "gpio": 9}}
    )
    assert [line.split(": ")[0] for line in said] == ["pins.buzzer", "pins.button", "temperature_sensor.gpio"]


def test_every_pin_that_is_used_twice_is_told() -> None:
    said = problems({**NAMED, "pins": {"pump": 17, "button": 23, "buzzer": 9}})
    assert said == [
        "pins.vent_valve: GPIO 17 is already pump",
        "pins.status_light: GPIO 23 is already button",
        "pins.buzzer: GPIO 9 is an SPI line of the pressure sensor",
    ]


def test_nothing_is_said_of_a_default_in_place_of_a_wrong_key() -> None:
    assert [line.split(": ")[0] for line in problems({**NAMED, "pins": {"pump": 99, "button": 12}})] == ["pins.pump"]
    assert [
        line.split(": ")[0] for line in problems({**NAMED, "camera": {"fps": 1, "lock": {"exposure_us": 20000}}})
    ] == ["camera.fps"]


def test_what_is_right_is_kept_for_a_look_at_the_other_files() -> None:
    found = examine({**NAMED, "pins": {"pump": 99}, "mqtt": {"study": "i-micro"}}, DeviceConfig)
    assert isinstance(found.model, DeviceConfig)
    assert found.model.mqtt.study == "i-micro"
    assert found.left_out == {"pump"}
    assert found.concerns("pins.pump: x")
    assert not found.concerns("pins.pumps: x")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"probe": {"lease_ms": 1}}, "probe.lease_ms: Extra inputs are not permitted; is lease_s meant?"),
        ({"pin": {}}, "pin: Extra inputs are not permitted; is pins meant?"),
        ({"lease_s": 0.5}, "lease_s: Extra inputs are not permitted; there is probe.lease_s"),
        ({"mqtt": {"tls": {"ca_fil": "x"}}}, "mqtt.tls.ca_fil: Extra inputs are not permitted; is ca_file meant?"),
        (
            {"pressure_sensor": {"kind": "mprls", "adress": 24}},
            "pressure_sensor.adress: Extra inputs are not permitted; is address meant?",
        ),
        ({"xyzzy": 1}, "xyzzy: Extra inputs are not permitted"),
    ],
)
def test_an_unknown_key_is_told_with_the_one_that_may_have_been_meant(content: dict[str, object], said: str) -> None:
    assert said in problems({**NAMED, **content})


@pytest.mark.parametrize(
    ("content", "key"),
    [
        ({"pins": {"pump": "12"}}, "pins.pump"),
        ({"press_limits": {"presses_per_minute": True}}, "press_limits.presses_per_minute"),
        ({"press_limits": {"hold_s": "10"}}, "press_limits.hold_s"),
        ({"pins": {"vent_valve_active_high": "no"}}, "pins.vent_valve_active_high"),
        ({"pins": {"vent_valve_active_high": 0}}, "pins.vent_valve_active_high"),
        ({"camera": {"lock": {"colour_gains": ["2.0", 1.6]}}}, "camera.lock.colour_gains"),
    ],
)
def test_a_number_in_quotes_is_none_and_a_switch_is_true_or_false(content: dict[str, object], key: str) -> None:
    [line] = problems({**NAMED, **content})
    assert line.startswith(f"{key}: ")
    assert line.endswith("without quotes")


def test_a_whole_number_is_a_number_too() -> None:
    assert problems({**NAMED, "press_limits": {"pressure_kpa": 45}, "camera": {"lock": {"colour_gains": [2, 1]}}}) == []


def test_every_list_that_names_something_twice_is_told() -> None:
    said = problems({"name": "x", "title": "t", "sites": ["01", "01"], "events": ["a", "a"]}, Study)
    assert said == ["sites: 01 stands there twice", "events: a stands there twice"]


def test_the_rules_of_a_section_wait_for_a_key_that_has_no_default() -> None:
    said = problems({"name": "x", "title": "t", "sites": [1], "events": ["a", "a"]}, Study)
    assert [line.split(": ")[0] for line in said] == ["sites.0"]


def test_a_file_is_refused_with_all_of_it(tmp_path: Path) -> None:
    path = tmp_path / "device.toml"
    path.write_text('name = "bed"\nsite = "01"\n[pins]\npump = 17\nbuton = 1\n[camera]\nfps = "x"\n')
    with pytest.raises(ConfigurationError) as caught:
        load(path, DeviceConfig)
    keys = sorted(line.removeprefix(f"{path}: ").split(": ")[0] for line in str(caught.value).splitlines())
    assert keys == ["camera.fps", "pins.buton", "pins.vent_valve"]


def test_names_are_alike_or_not() -> None:
    assert alike("devcie.toml", ["device.toml", "trial.toml"]) == "device.toml"
    assert alike("notes.toml", ["a", "b"]) is None
