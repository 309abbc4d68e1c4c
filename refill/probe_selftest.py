"""`refill probe selftest`: the probe put through what it has to do, level by level, and what only a Pi can show."""

import contextlib
import math
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from device.probe.faults import FAULTS, FaultCode
from device.probe.link import FaultRaised, Pressure, ProbeClient, ProbeUnreachableError, Refusal, Refused
from firmware_config.device import DeviceConfig
from phantom.hydraulics import Faults
from phantom.world import PressureWorldReader
from refill.probe_bench import BenchError, events_until, first_status, press_once
from refill.simulation import SteppedProbe

START_S = 10.0
REST_KPA = 2.0
TARGET_KPA = 20.0
HOLD_S = 3.0
VENTED_S = 0.7
VENTED_SHARE = 0.05

ONLY_A_PI = (
    "power cut while pressing: the valve falls open",
    "boot: valve and pump pins stay low until the probe runs (external pull-downs, config.txt)",
    "SIGKILL of the probe: strict_gpiod and ExecStopPost release the pins",
    "hardware watchdog and WATCHDOG=1 of systemd",
    "the sensor against a reference manometer (calibration mode)",
)

SIMULATED_FAULTS: tuple[tuple[FaultCode, Faults, Faults], ...] = (
    (FaultCode.SENSOR_STALE, Faults(), Faults(sensor="stale")),
    (FaultCode.SENSOR_STUCK, Faults(), Faults(sensor="stuck")),
    (FaultCode.SENSOR_CLIPPED, Faults(), Faults(sensor="clipped_high")),
    (FaultCode.SENSOR_IMPLAUSIBLE, Faults(), Faults(sensor="jumps")),
    (FaultCode.LEAK, Faults(), Faults(extra_leak_ml_s_per_kpa=0.6)),
    (FaultCode.NO_RISE, Faults(pump_dead=True), Faults(pump_dead=True)),
    (FaultCode.OVERSHOOT, Faults(), Faults(pump_stuck_on=True)),
    (FaultCode.BLOCKED_VENT, Faults(blocked_vent=True), Faults(blocked_vent=True)),
)
"""Which fault has to be named, for what is broken from the start and in mid-hold."""

Say = Callable[[str], None]


def run_selftest(device: DeviceConfig, socket_path: Path | None, say: Say) -> bool:
    """Run all levels against the probe at `socket_path`, or a simulated one of our own for None; True if all passed."""
    with contextlib.ExitStack() as opened:
        own: _OwnProbe | None = None
        if socket_path is None:
            try:
                own = opened.enter_context(_own_probe())
            except BenchError as error:
                say(f"FAIL  start: {error}")
                return False
            socket_path = own.path
        path = socket_path
        levels: list[tuple[str, Callable[[], str]]] = [
            ("sensor at rest", lambda: _at_rest(path, device)),
            ("over-limit press refused", lambda: _refused(path, device)),
            ("press, hold, release", lambda: _press(path)),
            ("silent client: lease", lambda: _goes_silent(path)),
            ("gone client", lambda: _goes_away(path)),
        ]
        if own is not None:
            levels += [
                ("every simulated fault named", lambda: _faults(device)),
                ("SIGTERM in mid-press", lambda: _ends_vented(own)),
            ]
        results = [_level(name, test, say) for name, test in levels]
    for what in ONLY_A_PI:
        say(f"----  only a Pi can show: {what}")
    return all(results)


def _level(name: str, test: Callable[[], str], say: Say) -> bool:
    try:
        say(f"pass  {name}: {test()}")
    except (BenchError, ProbeUnreachableError) as error:
        say(f"FAIL  {name}: {error}")
        return False
    return True


def _at_rest(path: Path, device: DeviceConfig) -> str:
    before = first_status(path)
    time.sleep(1.0)
    after = first_status(path)
    rate_hz = (after.samples - before.samples) / ((after.t_boot_ns - before.t_boot_ns) / 1e9)
    if after.fault is not None:
        raise BenchError(f"{after.fault}: {FAULTS[after.fault].english}")
    if after.pressure_kpa is None or abs(after.pressure_kpa) > REST_KPA:
        raise BenchError(f"the vented sensor reads {after.pressure_kpa} kPa")
    if rate_hz < 0.9 * device.pressure_sensor.rate_hz:
        raise BenchError(f"{rate_hz:.0f} samples/s, not {device.pressure_sensor.rate_hz}")
    return f"{after.pressure_kpa:.2f} kPa at {rate_hz:.0f} samples/s, longest gap {after.worst_gap_ms:.0f} ms"


def _refused(path: Path, device: DeviceConfig) -> str:
    with contextlib.closing(ProbeClient(path)) as client:
        client.press(device.press_limits.pressure_kpa + 1, 1.0, 1.0)
        for event in events_until(client, 2.0, lambda event: isinstance(event, Refused)):
            if isinstance(event, Refused) and event.why == Refusal.OVER_LIMIT:
                return event.sentence
    raise BenchError("was not refused")


def _press(path: Path) -> str:
    with contextlib.closing(ProbeClient(path)) as client:
        made = press_once(client, TARGET_KPA, 1.0, HOLD_S)
    if made.hold_mean_kpa is None or made.release_s is None or made.overshoot is None:
        raise BenchError("no hold or no release was seen")
    text = (
        f"{made.hold_mean_kpa:.2f} kPa (sd {made.hold_sd_kpa:.2f}) for {made.held_s:.1f} s, "
        f"overshoot {100 * made.overshoot:.1f} %, released in {made.release_s * 1e3:.0f} ms"
    )
    if abs(made.hold_mean_kpa / TARGET_KPA - 1) > 0.05 or made.overshoot > 0.08 or made.release_s > 0.15:
        raise BenchError(text)
    return text


def _goes_silent(path: Path) -> str:
    """Press, fall silent in mid-hold with the connection open, and listen."""
    with contextlib.closing(ProbeClient(path)) as client:
        silent_ns = _hold_then_stop_renewing(client)
        seen = events_until(client, 2.0, lambda _: False)
    named = [event.code for event in seen if isinstance(event, FaultRaised)]
    if named != [FaultCode.LEASE_LOST]:
        raise BenchError(f"lease_lost was to be named, not {named}")
    high_ns = max(
        (t for event in seen if isinstance(event, Pressure) for t, kpa in zip(event.t_boot_ns, event.kpa, strict=True)
         if kpa > VENTED_SHARE * TARGET_KPA),
        default=silent_ns,
    )  # fmt: skip
    vented_s = (high_ns - silent_ns) / 1e9
    if vented_s > VENTED_S:
        raise BenchError(f"vented after {vented_s:.2f} s")
    return f"below 5 % within {vented_s:.2f} s of the last renewal"


def _goes_away(path: Path) -> str:
    with contextlib.closing(ProbeClient(path)) as client:
        _hold_then_stop_renewing(client)
    time.sleep(VENTED_S)
    found = first_status(path)
    if found.pressure_kpa is None or found.pressure_kpa > max(VENTED_SHARE * TARGET_KPA, REST_KPA / 2):
        raise BenchError(f"{found.pressure_kpa} kPa {VENTED_S} s later")
    return f"{found.pressure_kpa:.2f} kPa {VENTED_S} s later"


def _hold_then_stop_renewing(client: ProbeClient) -> int:
    """Press and renew until the pressure is up; return when the last renewal was sent (or a little later)."""
    client.press(TARGET_KPA, 1.0, 10.0)

    def up(event: object) -> bool:
        return isinstance(event, Refused | FaultRaised) or (
            isinstance(event, Pressure) and any(kpa > 0.9 * TARGET_KPA for kpa in event.kpa)
        )

    seen = events_until(client, 5.0, up, renew=True)
    for event in seen:
        if isinstance(event, Refused | FaultRaised):
            raise BenchError(f"no press: {event}")
    client.renew()
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def _faults(device: DeviceConfig) -> str:
    """Break the simulated probe in every way, on a stepped clock; each has to be named and to end vented."""
    for code, from_start, in_hold in SIMULATED_FAULTS:
        with SteppedProbe(device, faults=from_start) as probe:
            probe.run(0.3)
            probe.press(40.0, 1.0, 3.0)
            probe.run(2.0)
            probe.simulated.hydraulics.faults = in_hold
            probe.run(5.0)
            named = [event.code for event in probe.seen.events if isinstance(event, FaultRaised)]
            if not named or named[0] != code:
                raise BenchError(f"{code} was to be named, not {named}")
            if probe.engine.gate.now.valve_closed:
                raise BenchError(f"{code}: the valve is closed")
    return ", ".join(code for code, _, _ in SIMULATED_FAULTS)


@dataclass
class _OwnProbe:
    """A simulated probe as a process of its own, in a folder of its own."""

    path: Path
    world: Path
    process: "subprocess.Popen[bytes]"


@contextlib.contextmanager
def _own_probe() -> Iterator[_OwnProbe]:
    with tempfile.TemporaryDirectory(prefix="refill-") as folder:
        path, world = Path(folder) / "probe.sock", Path(folder) / "world"
        start = "from refill.probe_cli import app; app()"
        options = ["run", "--simulate", "--socket", str(path), "--world", str(world)]
        process = subprocess.Popen([sys.executable, "-c", start, *options], stdout=subprocess.DEVNULL)
        try:
            _wait_for(path, process)
            yield _OwnProbe(path, world, process)
        finally:
            process.kill()
            process.wait()


def _ends_vented(own: _OwnProbe) -> str:
    """SIGTERM in mid-hold: the true pressure, to its last sample, and the exit code."""
    with contextlib.closing(ProbeClient(own.path)) as client:
        _hold_then_stop_renewing(client)
        own.process.send_signal(signal.SIGTERM)
        try:
            code = own.process.wait(START_S)
        except subprocess.TimeoutExpired as error:
            raise BenchError("did not end") from error
    _, kpa = PressureWorldReader(own.world).history()
    if code != 0 or not len(kpa) or kpa[-1] > VENTED_SHARE * TARGET_KPA:
        raise BenchError(f"exit {code} at {kpa[-1] if len(kpa) else math.nan:.2f} kPa")
    return f"exit 0 at {kpa[-1]:.2f} kPa"


def _wait_for(path: Path, process: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + START_S
    while time.monotonic() < end and process.poll() is None:
        if path.exists():
            with contextlib.suppress(BenchError):
                first_status(path)
                return
        time.sleep(0.05)
    raise BenchError("the simulated probe did not start")
