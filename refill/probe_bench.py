"""Presses made by hand on the bench, with the pressure as it goes on the terminal."""

from pathlib import Path

from device.probe.link import ProbeClient
from device.probe.pressing import BenchError, BenchPress, press_once, vented


class StoppedError(BenchError):
    """Ctrl-C; the text says whether the probe is known to be vented."""


def live_press(socket_path: Path, target_kpa: float, ramp_s: float, hold_s: float, *, shown: bool) -> BenchPress:
    """Press once, with the pressure as it goes on the terminal where `shown`.

    Raises `BenchError`; on Ctrl-C `StoppedError`, after having asked the probe to release.
    """
    client = ProbeClient(socket_path)
    try:
        if not shown:
            return press_once(client, target_kpa, ramp_s, hold_s)
        from rich.live import Live

        with Live(refresh_per_second=10) as live:
            return press_once(client, target_kpa, ramp_s, hold_s, lambda made: live.update(_as_it_goes(made)))
    except KeyboardInterrupt:
        if vented(client):
            raise StoppedError("stopped; the probe has released") from None
        raise StoppedError("stopped; the probe has NOT confirmed that it released: look at it") from None
    finally:
        client.close()


def _as_it_goes(made: BenchPress) -> str:
    t_ns, kpa = made.samples[-1] if made.samples else (0, 0.0)
    filled = round(20 * min(max(kpa / made.target_kpa, 0.0), 1.25))
    bar = "#" * filled + "." * (20 - filled)
    text = f"{made.phase:8} {kpa:6.2f} of {made.target_kpa:g} kPa |{bar:25}|"
    if made.phase == "hold":
        text += f" {(t_ns - made.began_ns['hold']) / 1e9:4.1f} of {made.hold_s:g} s"
    return text
