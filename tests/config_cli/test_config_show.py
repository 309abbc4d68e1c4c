"""What holds in the end: every value with the line that it comes from, or as default."""

import json
from pathlib import Path

import pytest
from config_bench import NAMED, refill, written

from firmware_config.device import DEFAULT_PATH, DeviceConfig
from firmware_config.effective import CEILINGS, effective
from firmware_config.lines import lines_of
from firmware_config.loading import load
from firmware_config.study import Study

TEXT = """# a comment
name = "bed-7"
site = "012" # another

[press_limits]
pressure_kpa = 45
hold_s = 20.0

[pressure_sensor]
points = [
  { volts = 0.2, kpa = 0 },
  { volts = 4.7, kpa = 100 },
]

[mqtt]
host = "localhost"

[probe]
peer_users = ["refill", "bench"]
"""


def test_each_value_has_its_line_or_is_a_default(tmp_path: Path) -> None:
    path = written(tmp_path, {"device.toml": TEXT}) / "device.toml"
    ended = refill("config", "show", "--effective", "--json", path)
    assert ended.exit_code == 0
    origins = {row["key"]: row["origin"] for row in json.loads(ended.stdout)}
    assert origins["name"] == f"{path}:2"
    assert origins["press_limits.pressure_kpa"] == f"{path}:6"
    assert origins["press_limits.press_s"] == "default: the code's ceiling"
    assert origins["press_limits.hold_s"] == f"{path}:7"
    assert origins["pressure_sensor.points.0.volts"] == f"{path}:10"
    assert origins["probe.peer_users"] == f"{path}:19"
    assert origins["mqtt.port"] == origins["camera.lock.exposure_us"] == "default"


def test_what_is_shown_is_the_whole_configuration_and_nothing_else(tmp_path: Path) -> None:
    path = written(tmp_path, {"device.toml": TEXT}) / "device.toml"
    shown = {value.key: value.value for value in effective(path, DeviceConfig)}

    def flat(content: object, key: str = "") -> dict[str, object]:
        if isinstance(content, dict) and content:
            return {
                deep: value for name, inner in content.items() for deep, value in flat(inner, f"{key}.{name}").items()
            }
        if isinstance(content, list) and content and isinstance(content[0], dict):
            return {
                deep: value for at, inner in enumerate(content) for deep, value in flat(inner, f"{key}.{at}").items()
            }
        return {key.removeprefix("."): content}

    assert shown == flat(load(path, DeviceConfig).model_dump(mode="json"))


def test_a_value_below_the_codes_ceiling_is_shown_with_it(tmp_path: Path) -> None:
    path = written(tmp_path, {"device.toml": TEXT}) / "device.toml"
    lines = refill("config", "show", path).stdout.splitlines()
    [lowered] = [line for line in lines if line.startswith("press_limits.pressure_kpa = 45.0 ")]
    assert lowered.endswith(f"# {path}:6 (the code's ceiling is 60)")
    assert not [line for line in lines if "default" in line]


def test_the_ceilings_are_the_bounds_of_the_models() -> None:
    for key in ("pressure_kpa", "hold_s", "press_s", "presses_per_minute"):
        field = DeviceConfig.model_fields["press_limits"].annotation.model_fields[key]  # type: ignore[union-attr]  # a section
        assert [limit.le for limit in field.metadata if hasattr(limit, "le")] == [CEILINGS[f"press_limits.{key}"]]


def test_a_wrong_file_shows_its_errors_and_no_values(tmp_path: Path) -> None:
    path = written(tmp_path, {"device.toml": NAMED + "[camera]\nfps = 1\nzoom = 2"}) / "device.toml"
    ended = refill("config", "show", path)
    assert (ended.exit_code, ended.stdout) == (2, "")
    assert len(ended.stderr.splitlines()) == 2
    assert refill("config", "show", written(tmp_path, {"other.toml": ""}) / "other.toml").exit_code == 2
    assert refill("config", "show", tmp_path / "studies" / "none.toml").exit_code == 2


def test_without_a_site_the_packaged_file_is_shown() -> None:
    assert f"{DEFAULT_PATH}:" in refill("config", "show").stdout


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("a = 1\n\n# c\nb = 2", {("a",): 1, ("b",): 4}),
        ("a = '''\nb = 2\n'''\nc = 3", {("a",): 1, ("c",): 4}),
        ("[a]\nb.c = 1\n[[d]]\ne = 1\n[[d]]\ne = 2", {("a", "b", "c"): 2, ("d", 0, "e"): 4, ("d", 1, "e"): 6}),
        ("a = [1,\n2]\nb = { c = [\n1 ] }", {("a",): 1, ("a", 1): 1, ("b", "c"): 3}),
        ('"a.b" = 1\n[ c . d ]\n# e = 2\ne = 3', {("a.b",): 1, ("c", "d", "e"): 4}),
    ],
)
def test_the_line_of_a_value_is_the_one_where_it_begins(text: str, lines: dict[tuple[str | int, ...], int]) -> None:
    found = lines_of(text)
    assert {path: found[path] for path in lines} == lines


def test_a_studys_list_of_thresholds_is_taken_apart() -> None:
    path = DEFAULT_PATH.parent / "studies" / "i-micro.toml"
    values = {value.key: value for value in effective(path, Study)}
    assert values["hypoperfusion.1.crt_s"].value == 4.0
    assert values["hypoperfusion.1.crt_s"].origin.startswith(f"{path}:")
    assert values["protocols"].value == {"finger": "andromeda-finger", "knee": "knee-10s"}
