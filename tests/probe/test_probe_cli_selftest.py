"""`refill probe selftest`: passes on a sound probe, fails on a broken one, asks first, and leaves it vented."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from running_probe import START
from served_probe import served_probe

from firmware_config.device import DeviceConfig
from phantom.hydraulics import Faults
from refill.probe_selftest import Answer, Selftest, run_selftest
from refill.probe_selftest_by_hand import procedures
from refill.probe_selftest_levels import Figure

LEVELS = (
    *("probe", "sensor", "limit", "pump", "hold", "leak", "vent and release"),
    *("lease, client silent", "lease, client gone", "latch and clear", "guard", "faults"),
    *("SIGTERM in mid-hold", "SIGKILL in mid-hold"),
)


def selftest(*options: str, answers: str = "") -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", START, "selftest", "--simulate", *options]
    return subprocess.run(command, input=answers, capture_output=True, text=True, timeout=90, check=False)


@pytest.mark.parametrize(
    ("value", "good"), [(1.0, True), (2.0, True), (2.1, False), (-0.1, False), (float("nan"), False)]
)
def test_a_figure_is_good_within_its_limits_and_one_that_is_no_number_is_not(value: float, good: bool) -> None:
    figure = Figure("zero", value, "kPa", at_most=2.0, at_least=0.0)
    assert figure.good == good
    assert ("OUTSIDE" in str(figure)) != good


def test_the_procedures_name_the_lines_and_levels_of_the_device_file(config: DeviceConfig) -> None:
    pins = config.pins.model_copy(update={"pump": 18, "vent_valve": 27, "vent_valve_active_high": False})
    text = "\n".join(step for procedure in procedures(pins) for step in procedure.do)
    assert "pinctrl get 18,27" in text
    assert "pinctrl set 27 op dl; pinctrl set 18 op dh" in text  # closed by a low line, pump on by a high one
    assert " 12" not in text


@pytest.mark.slow
def test_a_sound_simulated_probe_passes_every_level_unattended() -> None:
    done = selftest("--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "FAIL" not in done.stdout
    for name in LEVELS:
        assert f"pass  {name}: " in done.stdout
    assert "left vented" in done.stdout or "SIGTERM" in done.stdout
    assert "Only a Pi can show" in done.stdout
    assert "sudo systemctl kill --signal=KILL refill-probe" in done.stdout


@pytest.mark.slow
def test_it_asks_before_air_is_pressed_and_can_be_skipped_and_stopped() -> None:
    done = selftest("--json", answers="s\nq\n")
    assert done.returncode == 130
    told = json.loads(done.stdout)
    verdicts = {level["level"]: level["verdict"] for level in told["levels"]}
    # The first three press nothing; the pump was skipped; the levels that judge its press have none to judge.
    assert [verdicts[name] for name in LEVELS[:7]] == ["pass"] * 3 + ["skip"] * 4
    assert (told["passed"], told["stopped"], told["left_vented"]) == (False, True, True)
    assert "lease, client silent" not in verdicts
    assert len(told["only_by_hand"]) >= 8


def run_against(config: DeviceConfig, socket: Path, faults: Faults, stop_at: str) -> Selftest:
    """The self-test of a probe that is not its own, up to a level."""
    asked: list[str] = []

    def ask() -> Answer:
        return "stop" if any(stop_at in line for line in asked) else "go"

    with served_probe(config, socket, faults):
        time.sleep(0.3)
        return run_selftest(config, socket, asked.append, ask)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("faults", "says"),
    [
        (Faults(pump_dead=True), "no finger or plug on the nozzle"),
        (Faults(extra_leak_ml_s_per_kpa=0.06), "leak at 20 kPa"),
    ],
)
def test_a_broken_probe_fails_where_it_is_broken_and_is_left_vented(
    config: DeviceConfig, short_folder: Path, faults: Faults, says: str
) -> None:
    test = run_against(config, short_folder / "p.sock", faults, "lease, client silent")
    failed = [result for result in test.results if result.verdict == "FAIL"]
    assert failed
    assert says in failed[0].line
    assert test.left_vented
    assert not test.passed


@pytest.mark.slow
def test_a_probe_that_is_not_there_fails_in_a_line(config: DeviceConfig, short_folder: Path) -> None:
    said: list[str] = []
    test = run_selftest(config, short_folder / "none.sock", said.append, lambda: "stop")
    assert test.results[0].verdict == "FAIL"
    assert "no probe at" in test.results[0].line
    assert not test.left_vented
    assert not test.passed
