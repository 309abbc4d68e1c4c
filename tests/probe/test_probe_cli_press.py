"""`refill probe press`: what became of a press, also of one that somebody else ended; Ctrl-C vents."""

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from running_probe import START, RunningProbe
from served_probe import served_probe
from typer.testing import CliRunner

from device.probe.faults import FAULTS, FaultCode
from device.probe.link import FaultRaised, Pressure, ProbeClient, Refusal, Refused, Released, State, boot_ns
from device.probe.pressing import BenchPress, press_once, vented
from firmware_config.device import DeviceConfig
from phantom.hydraulics import Faults
from phantom.world import PressureWorldReader
from refill.probe_cli import app
from refill.probe_press import as_json, as_lines

OURS, THEIRS = "a" * 32, "b" * 32
PLATE_MM2 = 120.0


def release(**changed: Any) -> Released:
    told = {
        "lease": OURS,
        "why": "held",
        "fault": None,
        "t_boot_ns": 5_000_000_000,
        "release_s": 0.06,
        "valve_open_ns": 4_990_000_000,
        "held_s": 3.0,
        "hold_mean_kpa": 40.1,
        "hold_sd_kpa": 0.1,
        "overshoot": 0.01,
    }
    return Released.model_validate(told | changed)


def heard(*events: Any) -> BenchPress:
    made = BenchPress(40.0, 1.0, 3.0, lease=OURS)
    for event in events:
        made.hear(event)
    return made


RAMP = State(t_boot_ns=1_000_000_000, phase="ramp", lease=OURS)
HOLD = State(t_boot_ns=2_000_000_000, phase="hold", lease=OURS)
NO_HOLD = {"t_boot_ns": None, "release_s": None, "hold_mean_kpa": None, "hold_sd_kpa": None, "overshoot": None}


def test_a_press_that_came_off_has_no_trouble_and_its_hold_is_judged_sample_by_sample() -> None:
    stamps = tuple(2_000_000_000 + 1_000_000_000 * second for second in range(4))
    made = heard(RAMP, HOLD, Pressure(t_boot_ns=stamps, kpa=(40.0, 42.1, 38.1, 3.0)), release())
    assert made.trouble is None
    assert made.hold_kpa == [40.0, 42.1, 38.1]  # the last one was read after the valve opened
    assert made.share_near == pytest.approx(2 / 3)
    assert made.rise_s == pytest.approx(1.0)
    text = "\n".join(as_lines(made, PLATE_MM2))
    assert "66.7 % of samples within 5 %" in text
    assert "release   60 ms (90 to 10 %)" in text
    assert "4.0000 s after the start" in text or "4.000 s after the start" in text


@pytest.mark.parametrize(
    ("events", "says"),
    [
        ([RAMP, release(why="asked", held_s=0.0, **NO_HOLD)], "before the target was reached, because somebody asked"),
        ([RAMP, HOLD, release(why="asked", held_s=1.0)], "in mid-hold, because somebody asked"),
        (
            [RAMP, release(why="fault", fault=FaultCode.NO_RISE, held_s=0.0, **NO_HOLD)],
            FAULTS[FaultCode.NO_RISE].english,
        ),
        ([RAMP, HOLD, release(release_s=None)], "the release was not seen"),
        ([RAMP], "did not end in time"),
    ],
)
def test_a_press_that_did_not_come_off_says_why_and_is_printed_all_the_same(events: list[Any], says: str) -> None:
    made = heard(*events)
    assert made.trouble is not None
    assert says in made.trouble
    assert "None" not in "\n".join(as_lines(made, PLATE_MM2))
    told = json.loads(json.dumps(as_json(made, "demo", PLATE_MM2), allow_nan=False))
    assert told["came_off"] is False
    assert told["sentence"] == made.trouble


def test_what_belongs_to_somebody_elses_press_is_not_ours() -> None:
    made = heard(
        State(t_boot_ns=1, phase="hold", lease=THEIRS),
        FaultRaised(t_boot_ns=1, code=FaultCode.LEAK, latched=False, lease=THEIRS),
        release(lease=THEIRS),
        Refused(command="renew", why=Refusal.NOT_OWNER, sentence="the press that is on is another's"),
    )
    assert (made.phase, made.fault, made.over) == ("idle", None, False)


@pytest.mark.slow
def test_a_vent_by_somebody_else_during_the_ramp_is_refused_cleanly(config: DeviceConfig, short_folder: Path) -> None:
    socket = short_folder / "p.sock"
    with served_probe(config, socket):
        time.sleep(0.3)

        def vent() -> None:
            other = ProbeClient(socket)
            while not any(isinstance(event, State) and event.phase == "ramp" for event in other.poll()):
                time.sleep(0.01)
            time.sleep(0.2)
            other.release()
            other.close()

        somebody = threading.Thread(target=vent)
        somebody.start()
        ended = CliRunner().invoke(app, ["press", "--protocol", "demo", "--simulate", "--socket", str(socket)])
        somebody.join(5)
    assert ended.exit_code == 4
    assert "hold      none; highest" in ended.stdout
    assert ended.stderr.strip() == "released before the target was reached, because somebody asked the probe to"
    assert "None" not in ended.stdout


@pytest.mark.slow
def test_without_a_finger_it_says_what_to_look_at(config: DeviceConfig, short_folder: Path) -> None:
    socket = short_folder / "p.sock"
    with served_probe(config, socket, Faults(pump_dead=True)):
        time.sleep(0.3)
        ended = CliRunner().invoke(
            app, ["press", "--protocol", "demo", "--simulate", "--socket", str(socket), "--json"]
        )
    assert ended.exit_code == 4
    told = json.loads(ended.stdout)
    assert told["fault"] == "no_rise"
    assert "no finger or plug on the nozzle" in told["sentence"]


@pytest.mark.slow
def test_the_bench_sees_what_the_probe_says_of_a_good_press(config: DeviceConfig, short_folder: Path) -> None:
    socket = short_folder / "p.sock"
    with served_probe(config, socket) as simulated:
        time.sleep(0.3)
        client = ProbeClient(socket)
        made = press_once(client, 40.0, 0.5, 1.5)
        assert made.trouble is None
        assert made.share_near == 1.0
        assert 120 < len(made.hold_kpa) < 180
        assert made.released is not None
        assert made.released.leak_kpa_per_s is not None
        assert 0.3 < made.released.leak_kpa_per_s < 4.0  # the phantom's finger: 0.8 by its leak, more by its creep
        assert vented(client)
        assert simulated.hydraulics.pressure_kpa() < 2.0
        client.close()


@pytest.mark.slow
def test_ctrl_c_vents_and_says_so(start_probe: Callable[..., RunningProbe]) -> None:
    probe = start_probe()
    options = ["press", "--protocol", "andromeda-finger", "--simulate", "--socket", str(probe.socket), "--json"]
    pressing = subprocess.Popen([sys.executable, "-c", START, *options], stderr=subprocess.PIPE, text=True)
    watching = ProbeClient(probe.socket)
    end = time.monotonic() + 15
    while not any(isinstance(event, State) and event.phase == "hold" for event in watching.poll()):
        assert time.monotonic() < end
        time.sleep(0.02)
    stopped_ns = boot_ns()
    pressing.send_signal(signal.SIGINT)
    _, said = pressing.communicate(timeout=10)
    assert pressing.returncode == 130
    assert said.strip() == "stopped; the probe has released"
    asked: list[str] = []
    end = time.monotonic() + 5
    while not asked and time.monotonic() < end:
        asked = [event.why for event in watching.poll() if isinstance(event, Released)]
        time.sleep(0.02)
    assert asked == ["asked"]  # told to release, not left to the lease
    watching.close()
    t_ns, kpa = PressureWorldReader(probe.world).history()
    assert (int(t_ns[kpa > 2.0][-1]) - stopped_ns) / 1e9 < 0.7
