"""A device's own probe under calibration: the real probe process on simulated pins, over its socket, in real time."""

import _thread
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from calibrating_bench import FPS, Cameras, device_rig, mean
from numpy.typing import NDArray

from calibration.rig import STILL_S, RigError
from device.calibrating.probe import MINUTE_S, BenchProbe
from device.probe.faults import FaultCode
from device.probe.link import FaultCleared, ProbeClient, Released, Status
from device.probe.pressing import BenchPress
from device.probe.safety import CEILING_KPA, TRIP_FACTOR
from firmware_config.device import DeviceConfig, load_device
from phantom.world import PressureWorldReader
from vision.frames import Layout, Pixels

pytestmark = pytest.mark.slow
TARGET_KPA = 40.0
HOLD_S = 15.0


@pytest.fixture
def bench(folder: Path, probe: subprocess.Popen[str]) -> BenchProbe:
    assert probe.poll() is None
    return BenchProbe(folder / "p.sock", load_device(), simulated=True)


def true_kpa(folder: Path) -> float:
    return PressureWorldReader(folder / "world").pressure_at(time.clock_gettime_ns(time.CLOCK_BOOTTIME))


def test_the_vented_probe_is_listened_to_for_as_long_as_was_asked(bench: BenchProbe) -> None:
    asked_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    heard = bench.pressure(0.6)
    assert heard.t_boot_ns[0] >= asked_ns
    assert (heard.t_boot_ns[-1] - heard.t_boot_ns[0]) / 1e9 == pytest.approx(0.6, abs=0.06)
    assert np.all(np.diff(heard.t_boot_ns) > 0)
    assert len(heard.kpa) >= 50, "a hundred samples a second"
    assert abs(np.mean(heard.kpa)) < 0.3


def test_a_press_is_told_from_before_its_ramp_to_a_second_after_its_release(bench: BenchProbe) -> None:
    pressed = bench.press(TARGET_KPA, 1.0)
    t_ns, kpa = pressed.pressure.t_boot_ns, pressed.pressure.kpa
    assert np.all(np.diff(t_ns) > 0)
    before, after = kpa[t_ns < t_ns[0] + 0.2e9], kpa[t_ns > pressed.valve_open_ns + 0.5e9]
    hold = kpa[(t_ns > pressed.hold_ns + 0.2e9) & (t_ns < pressed.valve_open_ns)]
    assert len(before) > 5
    assert abs(before).max() < 1.0
    assert hold == pytest.approx(TARGET_KPA, rel=0.05)
    assert (pressed.valve_open_ns - pressed.hold_ns) / 1e9 == pytest.approx(1.0, abs=0.1)
    assert t_ns[-1] - pressed.valve_open_ns >= 0.9e9
    assert abs(after).max() < 1.0
    assert pressed.faults == ()
    assert pressed.still_ns is not None
    assert (pressed.valve_open_ns - pressed.still_ns) / 1e9 == pytest.approx(STILL_S, abs=0.1)
    still = kpa[(t_ns > pressed.still_ns + 0.15e9) & (t_ns < pressed.valve_open_ns)]
    assert still.mean() < hold[: len(hold) // 3].mean(), "what leaks is not made up for"
    assert pressed.reference_kpa is None, "only the engineer sees it"


def test_the_ceiling_is_found_and_a_press_is_possible_again(bench: BenchProbe) -> None:
    cleared: list[str | None] = []
    clear = ProbeClient.clear_fault
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(ProbeClient, "clear_fault", lambda self, who=None: (cleared.append(who), clear(self, who)))
        found_kpa = bench.ceiling_kpa("eng-1")
    assert set(cleared) == {"eng-1"}
    assert found_kpa == pytest.approx(CEILING_KPA * TRIP_FACTOR, abs=0.5)
    assert bench.status().fault is None
    short = bench.press(TARGET_KPA, 0.5)
    assert (short.faults, short.still_ns) == ((), None), "too short a hold for the pump to rest in"


def test_a_press_above_the_limit_is_told_in_one_sentence_and_nothing_moves(bench: BenchProbe) -> None:
    with pytest.raises(RigError, match=r"^Refused \(over_limit\): 61 kPa asked, at most 60 allowed\.$"):
        bench.press(61.0, 1.0)


def test_the_pad_is_seen_to_follow_the_pressure_that_the_probe_tells(folder: Path, bench: BenchProbe) -> None:
    world = PressureWorldReader(folder / "world")
    assert bench.status().phase == "idle"
    with device_rig(Cameras(lambda t_ns: 4 * world.pressure_at(t_ns)), folder / "p.sock") as rig:
        pressed, film = rig.filmed_press(TARGET_KPA, 1.0, mean)
    seen_kpa, told = film.seen[:, 0] / 4, pressed.pressure
    first_ns = told.t_boot_ns[told.kpa > 2.0][0]
    assert first_ns - film.t_boot_ns[0] >= 0.5e9
    assert film.t_boot_ns[-1] >= told.t_boot_ns[-1] - 2e9 / FPS
    assert len(film.seen) + film.dropped > 0.95 * (film.t_boot_ns[-1] - film.t_boot_ns[0]) / 1e9 * FPS
    as_told = np.interp(film.t_boot_ns.astype(float), told.t_boot_ns.astype(float), told.kpa)
    within = film.t_boot_ns >= told.t_boot_ns[0]
    assert np.median(np.abs(seen_kpa - as_told)[within]) < 0.5
    assert seen_kpa.max() == pytest.approx(TARGET_KPA, rel=0.06)


def when_pressed(folder: Path, act: Callable[[], object]) -> Callable[[], None]:
    def wait() -> None:
        end_s = time.monotonic() + 10
        while true_kpa(folder) < 0.9 * TARGET_KPA and time.monotonic() < end_s:
            time.sleep(0.02)
        act()

    return wait


def test_ctrl_c_in_a_press_leaves_no_pressure(folder: Path, bench: BenchProbe) -> None:
    threading.Thread(target=when_pressed(folder, _thread.interrupt_main), daemon=True).start()
    began_s = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        bench.press(TARGET_KPA, HOLD_S)
    assert time.monotonic() - began_s < HOLD_S, "not by its hold that ended"
    assert true_kpa(folder) < 2.0
    assert bench.status().fault is None


def test_a_film_that_breaks_off_in_a_press_leaves_no_pressure(folder: Path, bench: BenchProbe) -> None:
    def look(picture: Pixels, layout: Layout) -> NDArray[np.float64]:
        if true_kpa(folder) > 0.9 * TARGET_KPA:
            raise KeyboardInterrupt
        return mean(picture, layout)

    began_s = time.monotonic()
    with pytest.raises(KeyboardInterrupt), device_rig(Cameras(), folder / "p.sock") as rig:
        rig.filmed_press(TARGET_KPA, HOLD_S, look)
    assert time.monotonic() - began_s < HOLD_S, "not by its hold that ended"
    assert true_kpa(folder) < 2.0
    assert bench.status().phase == "idle"


def test_a_probe_that_dies_in_a_press_is_said(folder: Path, probe: subprocess.Popen[str], bench: BenchProbe) -> None:
    threading.Thread(target=when_pressed(folder, probe.kill), daemon=True).start()
    with pytest.raises(RigError, match=r"^Lost the probe at \S+: it closed the connection\.$"):
        bench.press(TARGET_KPA, HOLD_S)


HELD_S = 2.0


def told(fault: FaultCode | None, why: str, open_s: float) -> BenchPress:
    """A press of 2 s as the probe tells it: its fault, and when after the hold's beginning the valve was opened."""
    made = BenchPress(TARGET_KPA, 1.0, HELD_S, began_ns={"ramp": 1_000_000_000, "hold": 2_000_000_000}, fault=fault)
    made.released = Released.model_validate(
        {
            "lease": "0" * 32,
            "why": why,
            "fault": fault,
            "t_boot_ns": 4_000_000_000,
            "release_s": 0.05,
            "valve_open_ns": 2_000_000_000 + round(open_s * 1e9),
            "held_s": open_s,
            "hold_mean_kpa": TARGET_KPA,
            "hold_sd_kpa": 0.1,
            "overshoot": 0.0,
        }
    )
    return made


@pytest.mark.parametrize(
    ("made", "faults"),
    [
        (told(None, "held", HELD_S), ()),
        (told(FaultCode.SLOW_RELEASE, "held", HELD_S), ("slow_release",)),
        (told(FaultCode.LEAK, "fault", HELD_S - 0.1), ("leak",)),
        (told(FaultCode.LEAK, "fault", 1.0), None),
        (told(FaultCode.OVERSHOOT, "fault", HELD_S - 0.1), None),
        (told(FaultCode.BLOCKED_VENT, "held", HELD_S), None),
        (told(None, "asked", HELD_S - 0.1), None),
    ],
)
def test_a_leak_and_a_slow_release_are_measured_and_every_other_fault_is_no_press(
    monkeypatch: pytest.MonkeyPatch, made: BenchPress, faults: tuple[str, ...] | None
) -> None:
    bench = BenchProbe(Path("/nowhere"), load_device(), simulated=True)
    monkeypatch.setattr(bench, "_made", lambda *_: (made, [(1, 0.0), (2, 0.1)]))
    if faults is None:
        with pytest.raises(RigError, match=r"^The press did not come off: .*\.$"):
            bench.press(TARGET_KPA, HELD_S)
    else:
        assert bench.press(TARGET_KPA, HELD_S).faults == faults


def with_limits(**limits: Any) -> DeviceConfig:
    device = load_device()
    return device.model_copy(update={"press_limits": device.press_limits.model_copy(update=limits)})


def test_a_probe_of_another_device_file_or_a_simulated_one_is_not_calibrated(folder: Path, bench: BenchProbe) -> None:
    assert bench.status().simulated
    socket = folder / "p.sock"
    for other, said in (
        (BenchProbe(socket, with_limits(pressure_kpa=50.0), simulated=True), "another device file: systemctl restart"),
        (BenchProbe(socket, load_device(), simulated=False), r"^The probe is simulated, and the device is not so\.$"),
    ):
        for ask in (other.status, lambda other=other: other.pressure(0.1), other.ceiling_kpa):
            with pytest.raises(RigError, match=said):
                ask()


def test_a_latched_fault_is_said_before_anything_moves(folder: Path) -> None:
    (folder / "state").mkdir()
    (folder / "state" / "latch").write_text("torn", encoding="utf-8")
    options = ["run", "--simulate", "--socket", str(folder / "p.sock"), "--world", str(folder / "world")]
    command = [sys.executable, "-m", "refill", "probe", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as probe:
        assert probe.stdout is not None
        probe.stdout.readline()
        bench = BenchProbe(folder / "p.sock", load_device(), simulated=True)
        assert bench.status().fault is FaultCode.MEMORY_UNREADABLE
        with pytest.raises(RigError, match=r"earlier faults cannot be read.*\(latched: refill probe clear\)$"):
            bench.press(TARGET_KPA, 1.0)
        probe.terminate()


class Latched:
    """A client of a probe whose overpressure is latched; it keeps who asked for that to be cleared."""

    def __init__(self) -> None:
        self.asked: list[str | None] = []

    def clear_fault(self, operator: str | None = None) -> None:
        self.asked.append(operator)


@pytest.mark.parametrize("injected", [False, True], ids=["real", "injected"])
def test_an_overpressure_that_was_real_waits_for_a_person_although_a_reading_was_raised(
    monkeypatch: pytest.MonkeyPatch, injected: bool
) -> None:
    bench, client = BenchProbe(Path("/nowhere"), load_device(), simulated=True), Latched()
    status = Status.model_construct(fault=FaultCode.OVERPRESSURE, fault_injected=injected)

    def press(_self: object, _kpa: float, _hold_s: float, _ramp_s: float, watch: Callable[..., None]) -> Any:
        watch(SimpleNamespace(inject=lambda _: None), BenchPress(60.0, 1.0, 3.0, began_ns={"hold": 1}))
        return told(FaultCode.OVERPRESSURE, "fault", 1.0), []

    monkeypatch.setattr(BenchProbe, "_made", press)
    monkeypatch.setattr(BenchProbe, "status", lambda _: SimpleNamespace(pressure_limit_kpa=60.0))
    monkeypatch.setattr(BenchProbe, "_client", lambda _: nullcontext((client, status)))
    cleared = FaultCleared(t_boot_ns=1, code=FaultCode.OVERPRESSURE, operator="eng-1")
    monkeypatch.setattr("device.calibrating.probe.events_until", lambda *_: [cleared])
    with pytest.raises(RigError, match="did not come off" if injected else "^The pressure was above"):
        bench.ceiling_kpa("eng-1")
    assert client.asked == (["eng-1"] if injected else [])


def test_a_press_waits_for_its_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = [1000.0]
    slept: list[float] = []
    monkeypatch.setattr("device.calibrating.probe.time.monotonic", lambda: now_s[0])
    monkeypatch.setattr("device.calibrating.probe.time.sleep", slept.append)
    bench = BenchProbe(Path("/nowhere"), with_limits(presses_per_minute=2), simulated=True)
    for _ in range(2):
        bench.wait_for_turn()
        bench._presses_s.append(now_s[0])
        now_s[0] += 10.0
    assert slept == []
    bench.wait_for_turn()
    assert slept == [pytest.approx(MINUTE_S - 20.0, abs=0.2)]
