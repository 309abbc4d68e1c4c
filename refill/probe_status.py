"""How the probe is, in words and in figures: `refill probe status`."""

import statistics
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from device.probe.faults import FAULTS, Clear
from device.probe.link import Pressure, ProbeClient, ProbeUnreachableError, Status
from device.probe.pressing import WAIT_S, BenchError, events_until
from firmware_config.device import DeviceConfig
from firmware_config.hardware import Mcp3008Sensor, MprlsSensor
from firmware_config.loading import content_sha256

LISTEN_S = 2.0

HOW_TO_CLEAR: dict[Clear, str] = {
    "itself": "nothing to clear: over once vented",
    "command": "refill probe clear --operator CODE, once vented and the sensor sane",
    "restart": "refill probe clear --operator CODE, after the repair",
}


@dataclass(frozen=True)
class LoopFigures:
    """The control loop as its samples show it: times between the instants at which the sensor was read, ms."""

    samples: int
    period_ms: float
    sd_ms: float
    p99_ms: float
    longest_ms: float


@dataclass(frozen=True)
class Report:
    """What the probe says, what its samples show, and whether it runs with the device file that we read."""

    status: Status
    loop: LoopFigures | None
    same_file: bool
    sensor: str
    thermometer: str


def loop_figures(stamps_ns: list[int]) -> LoopFigures | None:
    """Return the figures of at least ten periods; None of fewer."""
    periods_ms = [(after - before) / 1e6 for before, after in pairwise(stamps_ns)]
    if len(periods_ms) < 10:
        return None
    ordered = sorted(periods_ms)
    return LoopFigures(
        samples=len(stamps_ns),
        period_ms=statistics.fmean(periods_ms),
        sd_ms=statistics.stdev(periods_ms),
        p99_ms=ordered[min(round(0.99 * len(ordered)), len(ordered) - 1)],
        longest_ms=ordered[-1],
    )


def ask(socket_path: Path, device: DeviceConfig, listen_s: float = LISTEN_S) -> Report:
    """Listen to the probe for `listen_s` and ask it how it is; raises `BenchError` where there is none."""
    client = ProbeClient(socket_path)
    try:
        seen = events_until(client, WAIT_S, lambda event: isinstance(event, Status))
        seen += events_until(client, listen_s, lambda _: False)
        client.status()
        seen += events_until(client, WAIT_S, lambda event: isinstance(event, Status))
    except ProbeUnreachableError as error:
        raise BenchError(str(error)) from error
    finally:
        client.close()
    told = [event for event in seen if isinstance(event, Status)]
    if not told:
        raise BenchError(f"the probe at {socket_path} does not answer")
    stamps_ns = [t_ns for event in seen if isinstance(event, Pressure) for t_ns in event.t_boot_ns]
    same_file = told[-1].config_sha256 == content_sha256(device)
    thermometer = device.temperature_sensor.measures if device.temperature_sensor is not None else "at"
    return Report(told[-1], loop_figures(stamps_ns), same_file, sensor_words(device), thermometer)


def sensor_words(device: DeviceConfig) -> str:
    """Return in a few words what the device file says of the pressure sensor."""
    sensor: Mcp3008Sensor | MprlsSensor = device.pressure_sensor
    where = (
        f"channel {sensor.channel}"
        if isinstance(sensor, Mcp3008Sensor)
        else f"I2C bus {sensor.bus} address {sensor.address:#04x}"
    )
    return f"{sensor.kind}, {where}, to {sensor.reach_kpa:g} kPa, {sensor.rate_hz} Hz"


def as_json(report: Report) -> dict[str, Any]:
    """Return the report for a program."""
    status, loop = report.status, report.loop
    told = status.model_dump(mode="json", exclude={"kind", "fault_injected"})
    fault = None
    if status.fault is not None:
        row = FAULTS[status.fault]
        fault = {
            "code": status.fault,
            "severity": row.severity,
            "english": row.english,
            "french": row.french,
            "clear": row.clear,
            "injected": status.fault_injected,
        }
    return {
        **told,
        "fault": fault,
        "sensor": report.sensor if report.same_file else None,
        "same_device_file": report.same_file,
        "loop": None if loop is None else vars(loop),
    }


def as_lines(report: Report) -> list[str]:
    """Return the report for a person."""
    status, loop = report.status, report.loop
    pressure = "no value" if status.pressure_kpa is None else f"{status.pressure_kpa:.2f} kPa"
    lines = [
        f"device    {status.device}{' (simulated)' if status.simulated else ''}",
        f"uptime    {_uptime(status.uptime_s)}",
        f"phase     {status.phase}",
        f"pressure  {pressure}, limit {status.pressure_limit_kpa:g} kPa, hold limit {status.hold_limit_s:g} s",
        f"lease     {status.lease_s:g} s",
        f"sensor    {report.sensor}" if report.same_file else "sensor    unknown: it runs with another device file",
    ]
    if loop is None:
        lines.append("loop      too few samples heard")
    else:
        lines.append(
            f"loop      every {loop.period_ms:.2f} ms, sd {loop.sd_ms:.2f}, 99 % within {loop.p99_ms:.2f}, "
            f"longest {loop.longest_ms:.2f} ({loop.samples} samples heard)"
        )
    lines.append(f"samples   {status.samples} since the start, longest gap {status.worst_gap_ms:.1f} ms")
    if status.temperature_c is not None:
        lines.append(f"{report.thermometer:9} {status.temperature_c:.1f} °C")
    if status.fault is None:
        lines.append("fault     none")
    else:
        row = FAULTS[status.fault]
        kept = "kept over a restart" if status.faults_kept else "in memory only"
        # The sentence of the code would be of a pressure that never was.
        said = "Only calibration's raised reading showed it, no real one." if status.fault_injected else row.english
        lines += [
            f"fault     {status.fault} ({row.severity}, latched: presses are refused; {kept})",
            f"          {said}",
            f"clear     {HOW_TO_CLEAR[row.clear]}",
        ]
    return lines


def _uptime(uptime_s: float | None) -> str:
    if uptime_s is None:
        return "unknown"
    minutes, seconds = divmod(round(uptime_s), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min {seconds:02} s" if hours else f"{minutes} min {seconds:02} s"
