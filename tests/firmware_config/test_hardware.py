"""What the machine is wired to: a part by its kind, its own keys only, and lines that two parts cannot share."""

from pathlib import Path

import pytest

from firmware_config.device import DeviceConfig, load_device
from firmware_config.hardware import HardwarePwm, Mcp3008Sensor, MprlsSensor, SoftwarePwm
from firmware_config.loading import ConfigurationError

NAMED = 'name = "bed-7"\nsite = "012"\n'
POINTS = "points = [{ volts = 0.2, kpa = 0 }, { volts = 2.0, kpa = 38 }, { volts = 4.7, kpa = 100 }]\n"
MPRLS = "[pressure_sensor]\nkind = 'mprls'\n"
HARDWARE = "[pump_pwm]\nkind = 'hardware'\nchip = 0\n"
DS18B20 = "[temperature_sensor]\nid = '28-0123456789ab'\n"


def load_text(folder: Path, text: str) -> DeviceConfig:
    path = folder / "device.toml"
    path.write_text(NAMED + text)
    return load_device(path)


def test_what_is_not_named_is_what_it_was(tmp_path: Path) -> None:
    config = load_text(tmp_path, "")
    assert config.pressure_sensor == Mcp3008Sensor()
    assert config.pump_pwm == SoftwarePwm(frequency_hz=100)
    assert (config.pins.pump_active_high, config.pins.vent_valve_active_high) == (True, True)
    assert config.temperature_sensor is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[pressure_sensor]\n" + POINTS,
        MPRLS + "address = 0x28\nlow_kpa = -10\nhigh_kpa = 103.4\ntransfer = 'B'\n",
        HARDWARE + "channel = 0\nfrequency_hz = 25000\n",
        "[pump_pwm]\nfrequency_hz = 200\n",
        DS18B20 + "measures = 'room'\n",
        "[pins]\npump_active_high = false\nvent_valve_active_high = false\n",
    ],
)
def test_a_configuration_survives_being_dumped_and_read_again(tmp_path: Path, text: str) -> None:
    config = load_text(tmp_path, text)
    assert DeviceConfig.model_validate(config.model_dump()) == config
    assert DeviceConfig.model_validate_json(config.model_dump_json()) == config


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[pressure_sensor]\nkind = 'hx711'", "pressure_sensor.kind: Input should be 'mcp3008', 'mprls'"),
        ("[pressure_sensor]\nkind = 3", "pressure_sensor.kind: "),
        ("[pressure_sensor]\naddress = 24", "pressure_sensor.address: Extra inputs"),
        (MPRLS + "channel = 0", "pressure_sensor.channel: Extra inputs"),
        (MPRLS + "address = 0x78", "pressure_sensor.address: "),
        (MPRLS + "rate_hz = 200", "pressure_sensor.rate_hz: "),
        (MPRLS + "transfer = 'D'", "pressure_sensor.transfer: "),
        (MPRLS + "low_kpa = 50\nhigh_kpa = 40", "pressure_sensor: Value error, low_kpa = 50 is not below high_kpa"),
        (MPRLS + "high_kpa = 60", "pressure_sensor: reaches 60 kPa"),
        (MPRLS + "measures = 'absolute'", "pressure_sensor: reaches 68.4 kPa"),
        ("[pressure_sensor]\nzero_v = 0.3\n" + POINTS, "pressure_sensor: Value error, points take the place of zero_v"),
        ("[pressure_sensor]\npoints = [{ volts = 1, kpa = 0 }]", "pressure_sensor.points: "),
        ("[pressure_sensor]\n" + POINTS.replace("volts = 0.2", "volts = 0"), "pressure_sensor.points.0.volts: "),
        ("[pressure_sensor]\n" + POINTS.replace("38", "0"), "pressure_sensor: Value error, points have to rise"),
        ("[pressure_sensor]\n" + POINTS.replace("2.0", "0.2"), "pressure_sensor: Value error, points have to rise"),
        ("[pressure_sensor]\n" + POINTS.replace("kpa = 0", "kpa = 1"), "pressure_sensor: Value error, points begin"),
        ("[pressure_sensor]\ndivider = 1.0\n" + POINTS, "pressure_sensor: Value error, 100 kPa gives 4.70 V"),
        ("[pressure_sensor]\n" + POINTS.replace("100", "65"), "pressure_sensor: reaches 65 kPa"),
        ("[pump_pwm]\nkind = 'magic'", "pump_pwm.kind: Input should be 'software', 'hardware'"),
        ("[pump_pwm]\nchip = 0", "pump_pwm.chip: Extra inputs"),
        ("[pump_pwm]\nfrequency_hz = 5", "pump_pwm.frequency_hz: "),
        (HARDWARE, "pump_pwm.channel: Field required"),
        (HARDWARE + "channel = 1", "pump_pwm.channel: GPIO 12 of pins.pump is channel 0, not 1"),
        (
            HARDWARE + "channel = 1\n[pins]\npump = 18",
            "pump_pwm.channel: GPIO 18 of pins.pump is channel 0 or 2, not 1",
        ),
        (HARDWARE + "channel = 0\n[pins]\npump = 16", "pump_pwm.kind: GPIO 16 of pins.pump has no"),
        (
            HARDWARE + "channel = 0\n[pins]\npump_active_high = false",
            "pump_pwm.kind: the chip's PWM is low while it is off",
        ),
        ("[probe]\npump_hz = 100", "probe.pump_hz: Extra inputs"),
        ("[pins]\npump_active_high = 'yes please'", "pins.pump_active_high: "),
        ("[pins]\nlight = 12", "pins.light: GPIO 12 is already pump"),
        ("[pins]\nlight = 10", "pins.light: GPIO 10 is an SPI line"),
        (MPRLS + "[pins]\nlight = 2", "pins.light: GPIO 2 is an I2C line"),
        ("[pins]\nlight = 4\n" + DS18B20, "temperature_sensor.gpio: GPIO 4 is already pins.light"),
        (MPRLS + "[pins]\nbuzzer = 3", "pins.buzzer: GPIO 3 is an I2C line"),
        (DS18B20.replace("28-", "10-"), "temperature_sensor.id: "),
        ("[temperature_sensor]\ngpio = 4", "temperature_sensor.id: Field required"),
        (DS18B20 + "gpio = 12", "temperature_sensor.gpio: GPIO 12 is already pins.pump"),
        (DS18B20 + "gpio = 9", "temperature_sensor.gpio: GPIO 9 is already an SPI line"),
        (MPRLS + DS18B20 + "gpio = 2", "temperature_sensor.gpio: GPIO 2 is already an I2C line"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line_by_its_key(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_text(tmp_path, text)
    assert str(caught.value).startswith(f"{tmp_path / 'device.toml'}: {said}")
    assert "\n" not in str(caught.value)


def test_every_error_in_a_chosen_part_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_text(tmp_path, MPRLS + "bus = 99\nspan_v = 1\n[pump_pwm]\nkind = 'hardware'\n")
    keys = {line.split(": ")[1] for line in str(caught.value).splitlines()}
    assert keys == {"pressure_sensor.bus", "pressure_sensor.span_v", "pump_pwm.chip", "pump_pwm.channel"}


def test_a_light_on_the_supply_has_no_line(tmp_path: Path) -> None:
    assert load_text(tmp_path, "").pins.light is None
    assert "light" not in load_text(tmp_path, "").pins.lines
    assert load_text(tmp_path, "[pins]\nlight = 25").pins.lines["light"] == 25


def test_i2c_lines_are_free_where_no_sensor_uses_them(tmp_path: Path) -> None:
    assert load_text(tmp_path, "[pins]\nbuzzer = 3").pins.buzzer == 3
    assert load_text(tmp_path, MPRLS + "bus = 3\n[pins]\nbuzzer = 3").pins.buzzer == 3


def test_a_pi_4_and_a_pi_5_name_their_channels_differently(tmp_path: Path) -> None:
    for channel in (0, 2):
        pwm = load_text(tmp_path, HARDWARE + f"channel = {channel}\n[pins]\npump = 18").pump_pwm
        assert isinstance(pwm, HardwarePwm)
        assert pwm.channel == channel


def test_an_absolute_sensor_needs_room_for_the_weather(tmp_path: Path) -> None:
    lower = load_text(tmp_path, MPRLS + "measures = 'absolute'\n[press_limits]\npressure_kpa = 55\n")
    assert isinstance(lower.pressure_sensor, MprlsSensor)
    assert lower.pressure_sensor.reach_kpa == pytest.approx(68.4)


def test_the_straight_line_is_the_data_sheets() -> None:
    sensor = Mcp3008Sensor(zero_kpa=0.5)
    assert sensor.reach_kpa == 100.0
    for kpa in (-3.0, 0.0, 40.0, 120.0):
        assert sensor.volts_at(kpa) == pytest.approx(0.2 + 4.5 * (kpa + 0.5) / 100)
        assert sensor.kpa_at(sensor.volts_at(kpa)) == pytest.approx(kpa)


def test_a_gain_multiplies_what_is_left_over_the_zero(tmp_path: Path) -> None:
    sensor = Mcp3008Sensor(zero_kpa=0.5, gain=0.9)
    assert sensor.kpa_at(0.2 + 4.5 * 0.405) == pytest.approx(0.9 * 40.0)
    assert sensor.kpa_at(sensor.volts_at(33.0)) == pytest.approx(33.0)
    assert sensor.reach_kpa == pytest.approx(90.0)
    mprls = load_text(tmp_path, MPRLS + "gain = 1.1\n").pressure_sensor
    assert mprls.reach_kpa == pytest.approx(1.1 * 172.4)


def test_a_gain_that_leaves_no_reach_beyond_the_limit_is_refused(tmp_path: Path) -> None:
    text = "[pressure_sensor]\nspan_kpa = 80\nspan_v = 3.6\ngain = 0.85\n"
    with pytest.raises(ConfigurationError, match="reaches 68 kPa"):
        load_text(tmp_path, text)


def test_a_measured_curve_goes_through_its_points_and_straight_on_beyond_them(tmp_path: Path) -> None:
    sensor = load_text(tmp_path, "[pressure_sensor]\n" + POINTS).pressure_sensor
    assert isinstance(sensor, Mcp3008Sensor)
    assert [sensor.kpa_at(volts) for volts in (0.2, 2.0, 4.7)] == pytest.approx([0, 38, 100])
    assert sensor.kpa_at(1.1) == pytest.approx(19)
    assert sensor.kpa_at(0.1) == pytest.approx(-38 / 18)
    assert sensor.kpa_at(4.97) == pytest.approx(106.2)
    for kpa in (-4.0, 0.0, 20.0, 38.0, 39.0, 120.0):
        assert sensor.kpa_at(sensor.volts_at(kpa)) == pytest.approx(kpa)
