"""The probe under calibration, by its own process: each call is a connection of its own, so that none outlives it."""

import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from calibration.rig import STILL_S, Pressed, RigError
from calibration.rig import Pressure as Samples
from device.probe.faults import FAULTS, FaultCode
from device.probe.link import (
    Event,
    FaultCleared,
    FaultRaised,
    Pressure,
    ProbeClient,
    ProbeUnreachableError,
    Refused,
    Status,
    boot_ns,
)
from device.probe.pressing import BenchError, BenchPress, events_until, press_once, vented
from firmware_config.device import DeviceConfig
from firmware_config.loading import content_sha256

log = logging.getLogger(__name__)

ANSWER_S = 2.0
LEAD_S = 0.3
"""Listened to before a press."""
TAIL_S = 1.0
"""And after its release."""
LATE_S = 1.0
"""How much longer than asked a listening may take: batches come every 20 ms."""
MEASURED = (FaultCode.LEAK, FaultCode.SLOW_RELEASE)
CEILING_HOLD_S = 3.0
CEILING_RAMP_S = 1.5
RAISE_AFTER_S = 0.5
RAISE_KPA_PER_S = 5.0
"""Half the way from limit to trip, and more, within a second; a tenth of a sensor's noise from sample to sample."""
CLEAR_S = 3.0
MINUTE_S = 60.0


class BenchProbe:
    """A probe process at its socket. One thread at a time."""

    def __init__(self, socket: Path, device: DeviceConfig, *, simulated: bool) -> None:
        """`device` is what the probe has to run with; `simulated` is what it has to say of itself."""
        self._socket = socket
        self._device = device
        self._sha256 = content_sha256(device)
        self._simulated = simulated
        self._presses_s: deque[float] = deque(maxlen=device.press_limits.presses_per_minute)

    def status(self) -> Status:
        """Return how it is; raises `RigError` where there is none, or one that is not this device's."""
        with self._client() as (_, status):
            return status

    def pressure(self, seconds: float) -> Samples:
        """Listen for so long, without touching anything; raises `RigError`, also on a fault meanwhile."""
        with self._client() as (client, status):
            if status.phase != "idle":
                raise RigError("Somebody presses with the probe.")
            until_ns = boot_ns() + round(seconds * 1e9)
            from_ns = boot_ns()
            heard: list[tuple[int, float]] = []

            def enough(event: Event) -> bool:
                if isinstance(event, FaultRaised):
                    raise RigError(FAULTS[event.code].english)
                if isinstance(event, Pressure):
                    heard.extend(zip(event.t_boot_ns, event.kpa, strict=True))
                return bool(heard) and heard[-1][0] >= until_ns

            events_until(client, seconds + LATE_S, enough)
        within = [(t_ns, kpa) for t_ns, kpa in heard if from_ns <= t_ns < until_ns]
        if not within:
            raise RigError("The probe gives no pressure.")
        return _samples(within)

    def wait_for_turn(self) -> None:
        """Wait until a press would not be above the presses allowed in a minute; only our own are known."""
        if len(self._presses_s) == self._presses_s.maxlen:
            time.sleep(max(self._presses_s[0] + MINUTE_S + 0.1 - time.monotonic(), 0.0))

    def press(
        self, target_kpa: float, hold_s: float, ramp_s: float = 1.0, stop: threading.Event | None = None
    ) -> Pressed:
        """Press, the pump at rest in the last `STILL_S` of a hold twice as long; waits for its turn first.

        Raises `RigError` where `stop` ended it, or a fault did before the pump was at rest. What leaks then, or is slow
        to go, is a fault of the press, and is what is to be measured.
        """

        def watch(_: ProbeClient, __: BenchPress) -> None:
            if stop is not None and stop.is_set():
                raise RigError("The press was stopped.")

        still_s = STILL_S if hold_s >= 2 * STILL_S else 0.0
        made, heard = self._made(target_kpa, hold_s, ramp_s, watch, still_s)
        released, hold_ns = made.released, made.began_ns.get("hold")
        if released is None or hold_ns is None or made.fault not in (None, *MEASURED):
            raise RigError(f"The press did not come off: {_sentence(made.trouble or 'it was not held')}")
        still_ns = hold_ns + round((hold_s - still_s) * 1e9)
        if released.why == "asked" or released.valve_open_ns < still_ns:
            raise RigError(f"The press did not come off: {_sentence(made.trouble or 'it was not held')}")
        faults = () if made.fault is None else (made.fault.value,)
        told_ns = still_ns if still_s > 0 else None
        return Pressed(_samples(heard), hold_ns, released.valve_open_ns, faults, still_ns=told_ns)

    def ceiling_kpa(self, operator: str | None = None) -> float:
        """Press to the limit, have the reading raised in the hold, and return what it was when the valve was opened.

        That is the last real sample before, and what had been added to it by then. The fault that this latches is
        cleared again, in the name of `operator`; one that anything real has shown never is. Raises `RigError` where
        another fault ended the press, or none.
        """

        def watch(client: ProbeClient, press: BenchPress) -> None:
            hold_ns = press.began_ns.get("hold")
            if hold_ns is not None and not asked and boot_ns() - hold_ns > RAISE_AFTER_S * 1e9:
                asked.append(True)
                client.inject(RAISE_KPA_PER_S)

        asked: list[bool] = []
        limit_kpa = self.status().pressure_limit_kpa
        try:
            made, _ = self._made(limit_kpa, CEILING_HOLD_S, CEILING_RAMP_S, watch)
        finally:
            if asked:
                self._clear(operator)
        return _let_go(made)

    def _made(
        self,
        target_kpa: float,
        hold_s: float,
        ramp_s: float,
        watch: Callable[[ProbeClient, BenchPress], None],
        still_s: float = 0.0,
    ) -> tuple[BenchPress, list[tuple[int, float]]]:
        """Return a press, and all samples from before to after it."""
        self.wait_for_turn()
        with self._client() as (client, status):
            if status.fault is not None:
                raise RigError(f"{FAULTS[status.fault].english} (latched: refill probe clear)")
            heard: list[tuple[int, float]] = []

            def listen(event: Event) -> bool:
                if isinstance(event, Pressure):
                    heard.extend(zip(event.t_boot_ns, event.kpa, strict=True))
                return False

            events_until(client, LEAD_S, listen)
            began_s = time.monotonic()
            with _released_at_the_end(client):
                made = press_once(
                    client, target_kpa, ramp_s, hold_s, lambda press: watch(client, press), still_s=still_s
                )
            self._presses_s.append(began_s)
            heard += made.samples
            events_until(client, TAIL_S, listen)
        return made, heard

    def _clear(self, operator: str | None) -> None:
        """Clear the fault that only a raised reading has latched: no press is possible before."""
        with self._client() as (client, status):
            end_s = time.monotonic() + CLEAR_S
            while status.fault_injected and time.monotonic() < end_s:
                client.clear_fault(operator)
                said = events_until(client, 0.3, lambda event: isinstance(event, FaultCleared | Refused))
                if any(isinstance(event, FaultCleared) for event in said):
                    return
                time.sleep(0.1)
            if status.fault is not None:
                raise RigError(f"{FAULTS[status.fault].english} (latched: refill probe clear)")

    @contextlib.contextmanager
    def _client(self) -> Iterator[tuple[ProbeClient, Status]]:
        """A connection for one call, and what the probe says on it; its troubles become `RigError`."""
        with contextlib.closing(ProbeClient(self._socket)) as client:
            try:
                yield client, self._greeted(client)
            except (BenchError, ProbeUnreachableError) as error:
                raise RigError(_sentence(str(error))) from error

    def _greeted(self, client: ProbeClient) -> Status:
        events_until(client, ANSWER_S, lambda event: isinstance(event, Status))
        status = client.last_status
        if status is None:
            raise RigError(f"The probe at {self._socket} does not answer.")
        if status.simulated != self._simulated:
            raise RigError(f"The probe is {'' if status.simulated else 'not '}simulated, and the device is not so.")
        if status.config_sha256 != self._sha256:
            raise RigError("The probe still runs with another device file: systemctl restart refill-probe.")
        return status


@contextlib.contextmanager
def _released_at_the_end(client: ProbeClient) -> Iterator[None]:
    """Have the probe release where a press breaks off, Ctrl-C included: by itself it would half a second later."""
    ended = False
    try:
        yield
        ended = True
    finally:
        if not ended and client.connected and not vented(client):
            log.warning("the probe has NOT confirmed that it released: look at it")


def _let_go(made: BenchPress) -> float:
    released, injected = made.released, made.injected
    if released is None or injected is None or made.fault not in (None, FaultCode.OVERPRESSURE):
        raise RigError(f"The press did not come off: {_sentence(made.trouble or 'its reading was not raised')}")

    def raised_kpa(t_ns: int, kpa: float) -> float:
        return kpa + injected.kpa_per_s * max((t_ns - injected.t_boot_ns) / 1e9, 0.0)

    before = [raised_kpa(t_ns, kpa) for t_ns, kpa in made.samples if t_ns <= released.valve_open_ns]
    if made.fault is None:
        raise RigError(f"The probe did not let go although its reading was raised to {before[-1]:.1f} kPa.")
    if released.release_s is None:
        raise RigError("The probe named the pressure as too high, and the pressure was not seen to fall.")
    return before[-1]


def _samples(heard: list[tuple[int, float]]) -> Samples:
    times_ns, kpa = zip(*heard, strict=True)
    return Samples(np.array(times_ns, dtype=np.int64), np.array(kpa, dtype=np.float64))


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."
