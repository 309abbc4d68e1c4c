"""What the self-test can break because it is simulated: probe processes of its own, killed, and sensors that lie."""

import contextlib
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from device.probe.engine import Engine
from device.probe.faults import FaultCode
from device.probe.hardware import open_outputs, open_pressure_sensor
from device.probe.link import FaultRaised, ProbeClient, boot_ns
from device.probe.loop import ControlThread, GuardThread
from device.probe.messages import Press, Renew
from device.probe.pressing import BenchError, first_status
from firmware_config.device import DeviceConfig
from phantom.hydraulics import Faults
from phantom.world import PressureWorldReader
from refill.probe_selftest_levels import VENTED_S, VENTED_SHARE, Bench, Figure, hold_then_stop_renewing
from refill.simulation import LEASE, SimulatedProbe, SteppedProbe

START_S = 10.0
OFF_S = 2.0
"""A SIGKILL until `refill probe off` has written the pins. Not a limit of the issue: systemd's part comes on top."""
GUARD_KPA = 30.0
HANG_S = 5.0
"""Longer than the simulated sensor hangs."""

SIMULATED_FAULTS: tuple[tuple[tuple[FaultCode, ...], Faults, Faults], ...] = (
    ((FaultCode.SENSOR_STALE,), Faults(), Faults(sensor="stale")),
    ((FaultCode.SENSOR_STUCK,), Faults(), Faults(sensor="stuck")),
    ((FaultCode.SENSOR_CLIPPED,), Faults(), Faults(sensor="clipped_high")),
    ((FaultCode.SENSOR_IMPLAUSIBLE,), Faults(), Faults(sensor="jumps")),
    ((FaultCode.LEAK,), Faults(), Faults(extra_leak_ml_s_per_kpa=0.6)),
    ((FaultCode.NO_RISE,), Faults(pump_dead=True), Faults(pump_dead=True)),
    ((FaultCode.OVERSHOOT, FaultCode.PUMP_RUNAWAY), Faults(), Faults(pump_stuck_on=True)),
    ((FaultCode.BLOCKED_VENT,), Faults(blocked_vent=True), Faults(blocked_vent=True)),
)
"""Which fault has to be named first (one of several that say the same), for what is broken from the start and in
mid-hold."""


@dataclass
class OwnProbe:
    """A simulated probe as a process of its own, in a folder of its own."""

    path: Path
    world: Path
    device_file: Path | None
    process: "subprocess.Popen[bytes]" = field(init=False)

    def start(self) -> None:
        """Start it in a group of its own: Ctrl-C is the self-test's, which then ends its probe in order."""
        self.process = subprocess.Popen(
            _command("run", *self.options), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, process_group=0
        )

    @property
    def options(self) -> list[str]:
        """How a command finds this probe."""
        file = [] if self.device_file is None else ["--config", str(self.device_file)]
        return ["--simulate", "--socket", str(self.path), "--world", str(self.world), *file]


@contextlib.contextmanager
def own_probe(device_file: Path | None) -> Iterator[OwnProbe]:
    """Start a simulated probe and kill it in the end; raises `BenchError` where it does not start."""
    with tempfile.TemporaryDirectory(prefix="refill-") as folder:
        own = OwnProbe(Path(folder) / "probe.sock", Path(folder) / "world", device_file)
        own.start()
        try:
            _wait_for(own)
            yield own
        finally:
            own.process.kill()
            own.process.wait()


def ends_vented(own: OwnProbe, bench: Bench) -> list[Figure]:
    """SIGTERM in mid-hold: the true pressure at the end of the process."""
    with contextlib.closing(ProbeClient(own.path)) as client:
        hold_then_stop_renewing(bench, client)
        own.process.send_signal(signal.SIGTERM)
        try:
            code = own.process.wait(START_S)
        except subprocess.TimeoutExpired as error:
            raise BenchError("did not end") from error
    if code != 0:
        raise BenchError(f"ended with exit {code}")
    _, kpa = PressureWorldReader(own.world).history()
    return [_true_pressure(float(kpa[-1]) if len(kpa) else float("nan"), bench)]


def killed_then_off(bench: Bench, device_file: Path | None) -> list[Figure]:
    """SIGKILL in mid-hold, then `refill probe off` from a fresh process, as ExecStopPost does."""
    with own_probe(device_file) as own:
        other = Bench(own.path, bench.device, bench.say)
        with contextlib.closing(ProbeClient(own.path)) as client:
            hold_then_stop_renewing(other, client)
            killed_ns = boot_ns()
            own.process.kill()
            own.process.wait()
        ended = subprocess.run(
            _command("off", *own.options), capture_output=True, text=True, timeout=START_S, check=False
        )
        off_s = (boot_ns() - killed_ns) / 1e9
        if ended.returncode != 0:
            raise BenchError(f"refill probe off: exit {ended.returncode}: {ended.stderr.strip()}")
        time.sleep(0.1)
        kpa = PressureWorldReader(own.world).pressure_at(boot_ns())
    return [Figure("outputs off after", off_s, "s", at_most=OFF_S), _true_pressure(kpa, bench)]


def guard_vents(device: DeviceConfig) -> list[Figure]:
    """Both threads in this process, and a sensor that hangs inside its driver: only the guard can vent then."""
    with SimulatedProbe(device) as simulated:
        outputs = open_outputs(device, simulated.pin_factory)
        sensor = open_pressure_sensor(device, simulated.pin_factory, boot_ns)
        engine = Engine(device, sensor, outputs, boot_ns, simulated=True)
        threads = (ControlThread(engine, device.pressure_sensor.rate_hz, boot_ns), GuardThread(engine.gate, boot_ns))
        for thread in threads:
            thread.start()
        try:
            return _hang_in_mid_hold(engine, simulated)
        finally:
            simulated.hydraulics.faults.sensor = "none"
            for thread in threads:
                thread.end()
                thread.join(HANG_S)  # still inside the driver: nothing may be closed under it
            outputs.close()
            sensor.close()


def faults_named(device: DeviceConfig) -> list[Figure]:
    """Break the simulated probe in every way, on a stepped clock; each has to be named and to end vented."""
    named_right = 0
    for codes, from_start, in_hold in SIMULATED_FAULTS:
        with SteppedProbe(device, faults=from_start) as probe:
            probe.run(0.3)
            probe.press(40.0, 1.0, 3.0)
            probe.run(2.0)
            probe.simulated.hydraulics.faults = in_hold
            probe.run(5.0)
            named = [event.code for event in probe.seen.events if isinstance(event, FaultRaised)]
            if not named or named[0] not in codes:
                raise BenchError(f"{codes[0]} was to be named, not {', '.join(named) or 'nothing'}")
            if probe.engine.gate.now.valve_closed:
                raise BenchError(f"{codes[0]}: the valve is closed")
            named_right += 1
    return [Figure("faults named and vented", named_right, "", at_least=len(SIMULATED_FAULTS), digits=0)]


def _hang_in_mid_hold(engine: Engine, simulated: SimulatedProbe) -> list[Figure]:
    time.sleep(0.3)
    engine.submit(1, Press(lease=LEASE, sent_ns=boot_ns(), target_kpa=GUARD_KPA, ramp_s=0.5, hold_s=5.0))
    begun_ns = boot_ns()
    while engine.phase != "hold":
        if boot_ns() - begun_ns > 3e9:
            raise BenchError("the pressure did not come up")
        engine.submit(1, Renew(lease=LEASE, sent_ns=boot_ns()))
        time.sleep(0.02)
    simulated.hydraulics.faults.sensor = "hangs"
    hung_ns = boot_ns()
    while simulated.hydraulics.pressure_kpa() > VENTED_SHARE * GUARD_KPA:
        # Renewals go on: it is the silence of the control loop that has to vent, not the lease.
        engine.submit(1, Renew(lease=LEASE, sent_ns=boot_ns()))
        if boot_ns() - hung_ns > 2e9:
            break
        time.sleep(0.005)
    return [Figure("below 5 % after control hangs", (boot_ns() - hung_ns) / 1e9, "s", at_most=VENTED_S)]


def _true_pressure(kpa: float, bench: Bench) -> Figure:
    return Figure("true pressure", kpa, "kPa", at_most=VENTED_SHARE * bench.target_kpa)


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "refill", "probe", *arguments]


def _wait_for(own: OwnProbe) -> None:
    end = time.monotonic() + START_S
    while time.monotonic() < end and own.process.poll() is None:
        if own.path.exists():
            with contextlib.suppress(BenchError):
                first_status(own.path)
                return
        time.sleep(0.05)
    raise BenchError("the simulated probe did not start")
