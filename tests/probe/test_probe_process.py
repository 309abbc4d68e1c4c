"""Real processes: who dies, hangs or is stopped, and what the skin feels of it."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from running_probe import START, RunningProbe, simulated_run

from device.probe.faults import FaultCode
from device.probe.latch import as_text, from_text
from device.probe.link import (
    FaultCleared,
    FaultRaised,
    Pressure,
    ProbeClient,
    ProbeUnreachableError,
    Refusal,
    Refused,
    State,
    Status,
    boot_ns,
)
from device.probe.process import ControlEndedError, run
from firmware_config.device import DeviceConfig
from phantom.world import PressureWorldReader
from refill.simulation import SimulatedProbe

pytestmark = pytest.mark.slow

TARGET_KPA = 40.0
PRESSING = """
import sys, time
from pathlib import Path
from device.probe.link import ProbeClient, Pressure, boot_ns
client = ProbeClient(Path(sys.argv[1]))
client.press(40.0, 0.5, 15.0)
told, silent = False, False
until_s = time.monotonic() + 20  # a press that did not come off ends this process, and the test that waits for it
while told or time.monotonic() < until_s:
    if not silent:
        client.renew()
    for event in client.poll():
        if isinstance(event, Pressure) and event.kpa[-1] > 38 and not told:
            told = True
            print("up", flush=True)
            silent = sys.argv[2:] == ["silent"]
            print(boot_ns(), flush=True)
    time.sleep(0.05)
"""


@pytest.fixture
def presser(start_probe: Callable[..., RunningProbe]) -> Iterator[tuple[RunningProbe, "subprocess.Popen[bytes]"]]:
    """A probe, and a client process that is in mid-hold."""
    probe = start_probe()
    client = subprocess.Popen([sys.executable, "-c", PRESSING, str(probe.socket)], stdout=subprocess.PIPE)
    assert client.stdout is not None
    assert client.stdout.readline() == b"up\n"
    yield probe, client
    client.kill()
    client.wait(5)
    client.stdout.close()


def true_pressure_after(probe: RunningProbe, since_ns: int, wait_s: float) -> float:
    """Seconds from `since_ns` until the true pressure was below 5 % of the target for good."""
    time.sleep(wait_s)
    t_ns, kpa = PressureWorldReader(probe.world).history()
    high = t_ns[kpa >= 0.05 * TARGET_KPA]
    assert len(high)
    assert t_ns[-1] > high[-1]
    return float((int(high[-1]) - since_ns) / 1e9)


def test_a_killed_client_leaves_no_pressure(presser: tuple[RunningProbe, "subprocess.Popen[bytes]"]) -> None:
    probe, client = presser
    killed_ns = boot_ns()
    client.send_signal(signal.SIGKILL)
    assert true_pressure_after(probe, killed_ns, 1.2) < 0.7


def test_a_stopped_client_leaves_no_pressure_and_the_fault_is_named(
    presser: tuple[RunningProbe, "subprocess.Popen[bytes]"],
) -> None:
    probe, client = presser
    listener = ProbeClient(probe.socket)
    listener.poll()
    stopped_ns = boot_ns()
    client.send_signal(signal.SIGSTOP)
    assert true_pressure_after(probe, stopped_ns, 1.2) < 0.7
    named = [event.code for event in listener.poll() if isinstance(event, FaultRaised)]
    assert named == [FaultCode.LEASE_LOST]
    client.send_signal(signal.SIGCONT)
    time.sleep(0.6)
    assert not any(isinstance(event, State) and event.phase == "ramp" for event in listener.poll())
    assert PressureWorldReader(probe.world).pressure_at(boot_ns() - 20_000_000) < 0.5
    listener.close()


def test_a_client_that_lives_and_says_nothing_leaves_no_pressure(start_probe: Callable[..., RunningProbe]) -> None:
    probe = start_probe()
    listener = ProbeClient(probe.socket)
    listener.poll()
    client = subprocess.Popen([sys.executable, "-c", PRESSING, str(probe.socket), "silent"], stdout=subprocess.PIPE)
    try:
        assert client.stdout is not None
        assert client.stdout.readline() == b"up\n"
        silent_ns = int(client.stdout.readline())
        assert true_pressure_after(probe, silent_ns, 1.2) < 0.7
        named = [event.code for event in listener.poll() if isinstance(event, FaultRaised)]
        assert named == [FaultCode.LEASE_LOST]
    finally:
        client.kill()
        client.communicate(timeout=5)
        listener.close()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_a_bedside_process_that_dies_or_stops_in_mid_press_leaves_no_pressure(
    start_probe: Callable[..., RunningProbe], short_folder: Path, number: signal.Signals
) -> None:
    probe = start_probe()
    where = ["--socket", str(probe.socket), "--world", str(probe.world), "--data", str(short_folder / "data")]
    command = [sys.executable, "-m", "refill", "bedside", "--simulate", *where, "--subject", "00-0001"]
    bedside = subprocess.Popen([*command, "--measurements", "1"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        reader = PressureWorldReader(probe.world)
        end = time.monotonic() + 60
        while reader.pressure_at(boot_ns()) < 38 and time.monotonic() < end:
            assert bedside.poll() is None
            time.sleep(0.02)
        hit_ns = boot_ns()
        bedside.send_signal(number)
        assert true_pressure_after(probe, hit_ns, 1.2) < 0.7
    finally:
        bedside.kill()
        bedside.wait(5)


def test_sigterm_vents_and_ends_cleanly(presser: tuple[RunningProbe, "subprocess.Popen[bytes]"]) -> None:
    probe, _ = presser
    asked_ns = boot_ns()
    assert probe.end() == 0
    t_ns, kpa = PressureWorldReader(probe.world).history()
    assert kpa[-1] < 0.05 * TARGET_KPA
    assert (int(t_ns[kpa >= 0.05 * TARGET_KPA][-1]) - asked_ns) / 1e9 < 0.5
    assert not probe.socket.exists()


def test_a_killed_probe_is_vented_where_its_lines_drop_with_it_and_its_successor_works(
    presser: tuple[RunningProbe, "subprocess.Popen[bytes]"], start_probe: Callable[..., RunningProbe]
) -> None:
    probe, _ = presser
    reader = PressureWorldReader(probe.world)
    assert reader.pressure_at(boot_ns()) > 30
    probe.process.kill()
    probe.process.wait(5)
    time.sleep(0.3)
    assert reader.pressure_at(boot_ns()) < 0.5
    successor = start_probe()
    assert successor.socket == probe.socket
    time.sleep(0.8)
    client = ProbeClient(successor.socket)
    client.press(40.0, 0.5, 3.0)
    end = time.monotonic() + 2
    while time.monotonic() < end:
        client.renew()
        time.sleep(0.05)
    assert reader.pressure_at(boot_ns()) > 35
    client.close()


def test_where_the_kernel_keeps_its_lines_a_killed_probe_presses_on_until_they_are_put_off(
    presser: tuple[RunningProbe, "subprocess.Popen[bytes]"],
) -> None:
    probe, client = presser
    kept = PressureWorldReader(probe.world, lines_kept=True)
    assert kept.left_closed() is not None
    probe.process.kill()
    probe.process.wait(5)
    client.kill()
    time.sleep(1.0)
    assert kept.left_closed() is not None
    assert kept.pressure_at(boot_ns()) > 30
    done = refill_probe("off", "--simulate", "--socket", str(probe.socket), "--world", str(probe.world))
    assert done.returncode == 0, done.stderr
    assert kept.left_closed() is None
    assert kept.pressure_at(boot_ns()) < 0.05 * TARGET_KPA


def test_the_next_probe_puts_the_lines_of_a_killed_one_off_before_anything_else(
    presser: tuple[RunningProbe, "subprocess.Popen[bytes]"], start_probe: Callable[..., RunningProbe]
) -> None:
    probe, client = presser
    probe.process.kill()
    probe.process.wait(5)
    client.kill()
    start_probe()
    kept = PressureWorldReader(probe.world, lines_kept=True)
    assert kept.left_closed() is None
    assert kept.pressure_at(boot_ns()) < 0.05 * TARGET_KPA


def test_a_probe_that_was_stopped_holds_its_outputs_which_is_systemds_to_end(
    presser: tuple[RunningProbe, "subprocess.Popen[bytes]"],
) -> None:
    """No thread of a stopped process can vent: what bounds this is WatchdogSec, then ExecStopPost."""
    probe, _ = presser
    probe.process.send_signal(signal.SIGSTOP)
    time.sleep(1.0)
    assert PressureWorldReader(probe.world, lines_kept=True).left_closed() is not None
    probe.process.send_signal(signal.SIGCONT)
    time.sleep(0.3)
    assert PressureWorldReader(probe.world).left_closed() is None


def first_status(socket_path: Path) -> Status:
    client = ProbeClient(socket_path)
    end = time.monotonic() + 5
    while time.monotonic() < end:
        for event in client.poll():
            if isinstance(event, Status):
                client.close()
                return event
        time.sleep(0.02)
    raise AssertionError("no status")


def test_neither_a_fault_nor_six_presses_are_forgotten_by_killing_the_probe(
    start_probe: Callable[..., RunningProbe], short_folder: Path
) -> None:
    probe = start_probe()
    assert first_status(probe.socket).faults_kept
    for number in range(6):
        client = ProbeClient(probe.socket)
        client.press(20.0, 0.3, 0.2)
        time.sleep(0.3 if number else 0.8)
        client.close()
        time.sleep(0.5)
    probe.process.kill()
    probe.process.wait(5)
    kept = from_text((short_folder / "state" / "latch").read_text())
    assert 5 <= len(kept.presses_ns) <= 6
    stored = kept.model_copy(
        update={"latched": FaultCode.BLOCKED_VENT, "presses_ns": tuple(boot_ns() - n for n in range(5, -1, -1))}
    )
    (short_folder / "state" / "latch").write_text(as_text(stored))
    successor = start_probe()
    assert first_status(successor.socket).fault == FaultCode.BLOCKED_VENT
    time.sleep(0.8)
    client = ProbeClient(successor.socket)
    client.poll()
    client.clear_fault()
    client.clear_fault("eng-4")
    client.press(20.0, 0.3, 0.2)
    time.sleep(0.3)
    told = [event for event in client.poll() if isinstance(event, FaultCleared | Refused)]
    assert [event.why if isinstance(event, Refused) else event.operator for event in told] == [
        Refusal.NOT_CLEARABLE, "eng-4", Refusal.TOO_OFTEN,
    ]  # fmt: skip
    client.close()
    assert successor.end() == 0
    after = from_text((short_folder / "state" / "latch").read_text())
    assert after.latched is None
    assert [(one.code, one.operator) for one in after.cleared] == [(FaultCode.BLOCKED_VENT, "eng-4")]


def test_a_probe_whose_record_is_torn_starts_refuses_and_is_cleared(
    start_probe: Callable[..., RunningProbe], short_folder: Path
) -> None:
    (short_folder / "state").mkdir()
    (short_folder / "state" / "latch").write_bytes(b'{"version":1,"lat')
    probe = start_probe()
    assert first_status(probe.socket).fault == FaultCode.MEMORY_UNREADABLE
    time.sleep(0.8)
    client = ProbeClient(probe.socket)
    client.clear_fault("eng-4")
    time.sleep(0.3)
    assert any(isinstance(event, FaultCleared) for event in client.poll())
    client.close()
    assert probe.end() == 0
    assert "latch: torn" in probe.log.read_text()


def test_a_probe_without_a_folder_for_its_state_says_so_and_works(
    start_probe: Callable[..., RunningProbe], short_folder: Path
) -> None:
    (short_folder / "state").write_text("not a folder")
    probe = start_probe()
    found = first_status(probe.socket)
    assert not found.faults_kept
    assert found.fault is None
    assert "in memory only" in probe.log.read_text()


def test_a_second_probe_does_not_touch_the_first_ones_pins(start_probe: Callable[..., RunningProbe]) -> None:
    probe = start_probe()
    other = subprocess.run(
        simulated_run(probe.socket, probe.world.with_name("other")),
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert other.returncode == 1
    assert other.stderr.strip().endswith("another probe process is running")
    client = ProbeClient(probe.socket)
    client.status()
    client.close()


def test_systemd_is_told_ready_and_fed(short_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(short_folder / "notify"))
        systemd.settimeout(15)
        process = subprocess.Popen(
            simulated_run(short_folder / "p.sock", short_folder / "w"),
            env={**os.environ, "NOTIFY_SOCKET": str(short_folder / "notify")},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            said = [systemd.recv(100) for _ in range(3)]
            process.send_signal(signal.SIGTERM)
            said.append(systemd.recv(100))
            assert process.wait(10) == 0
        finally:
            process.kill()
            process.wait(5)
    assert said == [b"READY=1", b"WATCHDOG=1", b"WATCHDOG=1", b"STOPPING=1"]


def refill_probe(*arguments: str) -> "subprocess.CompletedProcess[str]":
    environment = {key: value for key, value in os.environ.items() if key != "GPIOZERO_PIN_FACTORY"}
    return subprocess.run(
        [sys.executable, "-c", START, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=environment,
    )


def test_a_wrong_configuration_ends_the_command_with_file_and_keys(short_folder: Path) -> None:
    wrong = short_folder / "device.toml"
    wrong.write_text('name = "a"\nsite = "001"\n[press_limits]\npressure_kpa = 61\n[probe]\nlease_s = 2\n')
    done = refill_probe("run", "--simulate", "--config", str(wrong), "--socket", str(short_folder / "p.sock"))
    assert done.returncode == 2
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 2
    assert all(line.startswith(f"{wrong}: ") for line in lines)
    assert "press_limits.pressure_kpa" in lines[0]
    assert "probe.lease_s" in lines[1]


def test_without_a_pi_and_without_simulation_it_says_so_in_one_line(short_folder: Path) -> None:
    good = short_folder / "device.toml"
    good.write_text('name = "a"\nsite = "001"\n')
    done = refill_probe("run", "--config", str(good), "--socket", str(short_folder / "p.sock"))
    assert done.returncode == 1
    assert done.stderr.strip() == "GPIOZERO_PIN_FACTORY must be lgpio, not 'unset'; without a Pi use --simulate"
    none = refill_probe("status", "--socket", str(short_folder / "none.sock"), "--simulate")
    assert none.returncode == 1
    assert none.stderr.strip().startswith("no probe at")


def test_press_and_status_on_the_bench(start_probe: Callable[..., RunningProbe]) -> None:
    probe = start_probe("--body", "knee", "--seed", "3")
    made = refill_probe("press", "--protocol", "demo", "--simulate", "--socket", str(probe.socket))
    assert made.returncode == 0, made.stderr
    assert "hold      5.0 s at" in made.stdout
    assert "release" in made.stdout
    status = refill_probe("status", "--simulate", "--socket", str(probe.socket))
    assert status.returncode == 0
    assert "(simulated)" in status.stdout
    assert "fault     none" in status.stdout


def test_a_client_hears_samples_of_one_clock(start_probe: Callable[..., RunningProbe]) -> None:
    probe = start_probe()
    client = ProbeClient(probe.socket)
    client.poll()
    before_ns = boot_ns()
    time.sleep(0.5)
    events = client.poll()
    after_ns = boot_ns()
    stamps = [t for event in events if isinstance(event, Pressure) for t in event.t_boot_ns]
    assert len(stamps) > 35
    assert stamps == sorted(set(stamps))
    assert all(before_ns - 200_000_000 < t < after_ns for t in stamps)
    assert any(isinstance(event, Status) and event.simulated for event in events) or client.last_status is not None
    client.close()
    with pytest.raises(ProbeUnreachableError):
        ProbeClient(probe.socket.with_name("nowhere")).poll()


def test_a_control_thread_that_does_not_come_back_ends_the_process_and_is_told(
    config: DeviceConfig, short_folder: Path
) -> None:
    simulated = SimulatedProbe(config)
    heard: list[FaultRaised] = []

    def listen() -> None:
        client = ProbeClient(short_folder / "p.sock")
        with contextlib.suppress(ProbeUnreachableError):
            while True:
                heard.extend(event for event in client.poll() if isinstance(event, FaultRaised))
                time.sleep(0.02)

    listener = threading.Thread(target=listen)

    def ready() -> None:
        listener.start()
        simulated.hydraulics.faults.sensor = "hangs"

    with pytest.raises(ControlEndedError, match="hangs; the probe has released"):
        run(config, simulated.pin_factory, short_folder / "p.sock", simulated=True, ready=ready)
    listener.join(5)
    assert [event.code for event in heard] == [FaultCode.CONTROL_STALLED]
    assert simulated.hydraulics.pressure_kpa() < 0.5
