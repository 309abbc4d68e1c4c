"""Whatever is wrong in a site's files is refused with file and key, and no line of the machine is touched for it."""

import string
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from config_bench import NAMED, STUDY, WRONG_DEVICE, WRONG_TOGETHER, Board, refill, written
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from contract.reading import BodySite, Subject
from device.bedside_choice import Desk, Machine
from device.choice import ChoiceKeeper
from device.clock import SystemClock
from device.console_words import Choice
from device.probe import refusals
from device.records import About, device_of
from firmware_config import fitting
from firmware_config.device import DeviceConfig, load_device
from firmware_config.loading import PACKAGED, load_named
from firmware_config.protocol import Protocol
from firmware_config.schema import MODELS
from firmware_config.tree import Key, keys, models_in

MACHINES = (("probe", "run"), ("probe", "off"), ("bedside",), ("panel", "try"))


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A folder whose paths fit into a socket's 108 bytes, unlike pytest's own."""
    with tempfile.TemporaryDirectory(prefix="rc-") as folder:
        yield Path(folder)


@pytest.fixture
def board(monkeypatch: pytest.MonkeyPatch) -> Board:
    """What every command gets for the Pi's pins."""
    made = Board()
    monkeypatch.setattr("device.probe.drivers.hardware_pin_factory", lambda: made)
    return made


def key_of(line: str, path: Path) -> str:
    assert line.startswith(f"{path}: "), line
    return line.removeprefix(f"{path}: ").split(": ")[0]


def test_there_are_sixty_wrong_files_and_more() -> None:
    assert len(WRONG_DEVICE) + len(WRONG_TOGETHER) >= 100
    assert len({text for text, _ in WRONG_DEVICE}) == len(WRONG_DEVICE)


@pytest.mark.parametrize(("text", "key"), WRONG_DEVICE)
def test_a_wrong_device_file_is_refused_with_file_and_key(tmp_path: Path, text: str, key: str) -> None:
    path = written(tmp_path, {"device.toml": text}) / "device.toml"
    ended = refill("config", "check", tmp_path)
    assert (ended.exit_code, ended.stdout) == (2, "")
    assert key in {key_of(line, path) for line in ended.stderr.splitlines()}


@pytest.mark.parametrize(("text", "key"), WRONG_DEVICE)
def test_no_pin_is_touched_for_a_wrong_device_file(tmp_path: Path, board: Board, text: str, key: str) -> None:
    path = written(tmp_path, {"device.toml": text}) / "device.toml"
    for command in MACHINES:
        ended = refill(*command, "--config", path)
        assert ended.exit_code == 2, (command, ended.output)
        assert key in {key_of(line, path) for line in ended.stderr.splitlines()}, command
    assert board.asked == []


@pytest.mark.parametrize("command", MACHINES)
def test_the_board_would_notice(
    tmp_path: Path, short_folder: Path, board: Board, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    text = NAMED + (
        f"[probe]\nsocket = '{short_folder}/p.sock'\nstate_folder = '{tmp_path}/state'\n[storage]\n"
        f"journal_folder = '{tmp_path}'\n[bedside]\nsocket = '{short_folder}/b.sock'\nrun_folder = '{short_folder}'\n"
    )
    path = written(tmp_path, {"device.toml": text}) / "device.toml"
    monkeypatch.setattr("device.logs.configure", lambda: None)
    monkeypatch.setattr("signal.signal", lambda *_: None)
    assert refill("config", "check", path).output == "1 file valid\n"
    ended = refill(*command, "--config", path)
    assert ended.exit_code == 1, ended.output
    assert board.asked


@pytest.mark.parametrize(("files", "said"), WRONG_TOGETHER)
def test_files_that_do_not_fit_each_other_are_refused(tmp_path: Path, files: dict[str, str], said: str) -> None:
    ended = refill("config", "check", written(tmp_path, files))
    assert ended.exit_code == 2
    found = [
        f"{Path(path).name}: {rest}" for path, _, rest in (line.partition(": ") for line in ended.stderr.splitlines())
    ]
    assert [line for line in found if line.startswith(f"{said}: ")], found


def test_a_study_and_a_protocol_of_the_sites_own_are_taken_by_a_device(tmp_path: Path) -> None:
    """A successor trial is a new file, not a new release."""
    own = NAMED + "[mqtt]\nstudy = 'x'\n"
    study = STUDY.replace('"12"', '"012"') + "events = ['hour-1']\nprotocols = { finger = 'slow' }\n"
    slow = 'name = "slow"\nversion = "1"\nsource = "s"\nbody_sites = ["finger"]\ntarget_kpa = 30\nhold_s = 12\n'
    files = {"device.toml": own, "studies/x.toml": study, "protocols/slow.toml": slow}
    folder = written(tmp_path, files)
    assert refill("config", "check", folder).output == "3 files valid\n"
    device = load_device(folder / "device.toml")
    machine = Machine(device_of("bed-7", "1", "b" * 64), 120.0, simulated=True, site_folder=folder)
    desk = Desk(ChoiceKeeper(tmp_path, SystemClock(), 12.0), machine, SystemClock())
    subject = Subject(site=device.site, inclusion="0001")
    choice = Choice(study="x", subject=subject, body_site=BodySite.FINGER, protocol="slow", event="hour-1")
    assert desk.choose(choice) is None
    about = desk.about()
    assert isinstance(about, About)
    assert (about.study, about.protocol.hold_s) == ("x", 12.0)
    packaged = Desk(ChoiceKeeper(tmp_path, SystemClock(), 12.0), replace(machine, site_folder=None), SystemClock())
    assert "studies/x.toml: no such file" in str(packaged.choose(choice))


def test_a_force_on_a_plate_that_is_too_small_for_it_is_told_of_the_plate() -> None:
    protocol = load_named("protocols", "chiba-5n", Protocol)
    small = DeviceConfig.model_validate({"name": "a", "site": "01", "probe": {"plate_area_mm2": 50}})
    [line] = fitting.beyond_limits(small, protocol, "x")
    assert line.startswith("probe.plate_area_mm2: ")
    assert fitting.beyond_limits(DeviceConfig(name="a", site="01"), protocol, "x") == []


def test_what_a_file_names_is_looked_into_although_only_that_file_was_asked_for(tmp_path: Path) -> None:
    written(tmp_path, {"trial.toml": "study = 'x'\ndatabase = 'a.sqlite3'", "studies/x.toml": STUDY + "wrong = 1"})
    asked = refill("config", "check", tmp_path / "trial.toml")
    assert asked.stderr.startswith(f"{tmp_path}/trial.toml: study: {tmp_path}/studies/x.toml: wrong: ")
    whole = refill("config", "check", tmp_path)
    assert whole.stderr.startswith(f"{tmp_path}/studies/x.toml: wrong: ")
    assert len(whole.stderr.splitlines()) == 1


def test_the_longest_press_is_reckoned_as_the_probe_reckons_it() -> None:
    assert (fitting.SLOWEST_RAMP, fitting.SPARE_S) == (refusals.SLOWEST_RAMP, refusals.SPARE_S)


def test_every_packaged_file_is_valid() -> None:
    files = sorted(PACKAGED.rglob("*.toml"))
    assert refill("config", "check", PACKAGED).output == f"{len(files)} files valid\n"
    for path in files:
        assert refill("config", "check", path).output == "1 file valid\n"


def one_per_name(model: type[BaseModel]) -> list[Key]:
    """Every plain value of a file that has a section's own name to it: no lists of sections, one kind of each part."""
    found = {key.path: key for key in keys(model) if not models_in(key.field.annotation) and "[]" not in key.name}
    return [key for path, key in found.items() if key.kind in (None, "mcp3008", "software")]


WRONG_VALUES: tuple[Any, ...] = ([], {}, [[]], float("nan"), -1e300, [1, "a"], {"a": 1})


def toml_of(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {toml_of(inner)}" for key, inner in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml_of, value)) + "]"
    return f'"{value}"' if isinstance(value, str) else repr(value)


def file_with(path: tuple[str, ...], value: str) -> str:
    head = (
        NAMED
        if path[0] not in ("name", "site")
        else "".join(line + "\n" for line in NAMED.splitlines() if not line.startswith(path[0]))
    )
    section = f"[{'.'.join(path[:-1])}]\n" if path[:-1] else ""
    return f"{head}{section}{path[-1]} = {value}\n"


@pytest.mark.parametrize("key", one_per_name(DeviceConfig), ids=lambda key: key.name)
def test_a_value_of_the_wrong_type_is_refused_under_its_key(tmp_path: Path, board: Board, key: Key) -> None:
    refused = 0
    for value in WRONG_VALUES:
        path = written(tmp_path, {"device.toml": file_with(key.path, toml_of(value))}) / "device.toml"
        ended = refill("config", "check", path)
        if ended.exit_code == 0:
            continue
        refused += 1
        assert any(key_of(line, path).startswith(key.name) for line in ended.stderr.splitlines()), ended.stderr
    assert refill("probe", "run", "--config", path).exit_code == 2
    assert refused >= len(WRONG_VALUES) - 2
    assert board.asked == []


@pytest.mark.slow
@given(
    st.sampled_from(one_per_name(DeviceConfig)),
    st.text(string.ascii_lowercase + "_", min_size=1, max_size=3),
    st.integers(0, 30),
)
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_misspelt_key_is_never_taken_for_one_that_was_left_out(
    tmp_path: Path, board: Board, key: Key, extra: str, at: int
) -> None:
    name = key.path[-1]
    misspelt = name[: at % (len(name) + 1)] + extra + name[at % (len(name) + 1) :]
    if misspelt in {other.path[-1] for other in one_per_name(DeviceConfig)} or misspelt in DeviceConfig.model_fields:
        return
    path = written(tmp_path, {"device.toml": file_with((*key.path[:-1], misspelt), "1")}) / "device.toml"
    ended = refill("config", "check", path)
    assert ended.exit_code == 2
    assert ".".join((*key.path[:-1], misspelt)) in {key_of(line, path) for line in ended.stderr.splitlines()}
    assert refill("probe", "run", "--config", path).exit_code == 2
    assert board.asked == []


@pytest.mark.slow
@given(st.sampled_from(sorted(MODELS)), st.binary(max_size=12), st.integers(0, 4000), st.integers(0, 12))
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_damaged_file_is_told_in_lines_with_its_name_and_never_in_a_traceback(
    tmp_path: Path, name: str, noise: bytes, at: int, gone: int
) -> None:
    inner = {"study": "studies/i-micro.toml", "protocol": "protocols/knee-10s.toml"}.get(name, f"{name}.toml")
    whole = (PACKAGED / inner).read_bytes()
    path = tmp_path / inner
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(whole[: at % len(whole)] + noise + whole[at % len(whole) + gone :])
    ended = refill("config", "check", path)
    assert ended.exit_code in (0, 2), ended.exception
    assert all(line.startswith(f"{path}: ") for line in ended.stderr.splitlines())
    assert bool(ended.stderr) == (ended.exit_code == 2)
