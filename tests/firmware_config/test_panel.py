"""The panel's section: night across midnight, a clock that nobody trusts, faults that are heard, times told plainly."""

from datetime import time
from pathlib import Path

import pytest

from firmware_config.device import load_device
from firmware_config.loading import ConfigurationError
from firmware_config.panel import Loudness, Panel

NAMED = 'name = "bed-7"\nsite = "012"\n'


def load_text(folder: Path, text: str) -> Panel:
    path = folder / "device.toml"
    path.write_text(NAMED + text)
    return load_device(path).panel


@pytest.mark.parametrize(
    ("night_from", "night_to", "at", "night"),
    [
        (time(21), time(7), time(20, 59, 59), False),
        (time(21), time(7), time(21), True),
        (time(21), time(7), time(23, 59, 59), True),
        (time(21), time(7), time(0), True),
        (time(21), time(7), time(6, 59, 59), True),
        (time(21), time(7), time(7), False),
        (time(1), time(5), time(0, 59), False),
        (time(1), time(5), time(1), True),
        (time(1), time(5), time(5), False),
        (time(0), time(0), time(0), False),
        (time(22), time(22), time(22), False),
    ],
)
def test_night_begins_and_ends_also_across_midnight(night_from: time, night_to: time, at: time, night: bool) -> None:
    panel = Panel(night_from=night_from, night_to=night_to)
    assert panel.is_night(at) == night
    assert panel.loudness_at(at) is (panel.night if night else panel.day)


def test_where_nobody_knows_the_time_it_is_day() -> None:
    panel = Panel()
    assert panel.loudness_at(None) is panel.day


def test_a_fault_is_heard_at_night_too_unless_the_site_says_otherwise() -> None:
    panel = Panel()
    assert panel.night.volume_of(fault=False) == 0
    assert panel.night.volume_of(fault=True) == 0.2
    assert panel.day.volume_of(fault=True) == panel.day.volume_of(fault=False) == 0.5
    assert Loudness(volume=0, fault_volume=0, brightness=1).volume_of(fault=True) == 0


def test_a_site_names_its_own_night(tmp_path: Path) -> None:
    panel = load_text(
        tmp_path,
        '[panel]\nnight_from = "22:30"\nnight_to = 06:15:00\nnight = { volume = 0.1, brightness = 0.2 }\n',
    )
    assert (panel.night_from, panel.night_to) == (time(22, 30), time(6, 15))
    assert panel.night == Loudness(volume=0.1, fault_volume=0.2, brightness=0.2)
    assert Panel.model_validate(panel.model_dump()) == panel
    assert Panel.model_validate_json(panel.model_dump_json()) == panel


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("night_from = 21", 'panel.night_from: Value error, a time of day is written "HH:MM:SS", not 21'),
        ("night_to = 7.5", 'panel.night_to: Value error, a time of day is written "HH:MM:SS", not 7.5'),
        ('night_from = "21:00Z"', "panel.night_from: Value error, is local time already"),
        ('night_from = "21:00+02:00"', "panel.night_from: Value error, is local time already"),
        ('night_from = "25:00"', "panel.night_from: "),
        ('night_from = "night"', "panel.night_from: "),
        ("night_from = 2026-01-01T21:00:00Z", "panel.night_from: "),
        ("debounce_s = 0.001", "panel.debounce_s: "),
        ("long_push_s = 0.1", "panel.long_push_s: "),
        ("tone_hz = 10001", "panel.tone_hz: "),
        ('buzzer = "loud"', "panel.buzzer: "),
        ("night = { volume = 0.0, brightness = 0.0 }", "panel.night.brightness: "),
        ("day = { volume = 1.1, brightness = 1.0 }", "panel.day.volume: "),
        ("day = { volume = 1.0 }", "panel.day.brightness: Field required"),
        ("volume = 1.0", "panel.volume: Extra inputs"),
    ],
)
def test_what_does_not_fit_is_refused_by_its_key(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_text(tmp_path, f"[panel]\n{text}\n")
    assert str(caught.value).startswith(f"{tmp_path / 'device.toml'}: {said}")
    assert "\n" not in str(caught.value)
