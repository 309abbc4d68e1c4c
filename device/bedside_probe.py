"""The probe's words as the session hears them, and the pressure samples of the press under way."""

import logging

import numpy as np

from contract.reasons import Reason
from device.ports import Probe
from device.probe.faults import FAULTS, FaultCode
from device.probe.link import ProbeUnreachableError
from device.probe.messages import Event as ProbeEvent
from device.probe.messages import FaultCleared, FaultRaised, Pressure, Refused, Released, State, Status
from device.session import NO_PROBE
from device.session_words import Event, ProbeFailed, ProbePhase, ProbeReady, ProbeReleased
from vision.pressure import PressureTrace

log = logging.getLogger(__name__)

UNREACHABLE = ProbeFailed(Reason.PROBE_FAULT, NO_PROBE, latched=True)


class ProbeEar:
    """Speaks to a probe for the session. A broken link is an event, said once, and is tried again at every `poll`."""

    def __init__(self, probe: Probe) -> None:
        self._probe = probe
        self._lease: str | None = None
        self._reachable = True
        self._t_ns: list[int] = []
        self._kpa: list[float] = []
        self.simulated = False
        """Whether the probe says that it presses no skin."""
        self.latest_kpa: float | None = None

    def poll(self) -> list[Event]:
        """Return what the probe has said since the last call."""
        try:
            said = self._probe.poll()
        except ProbeUnreachableError as error:
            return self._unreachable(error)
        # A connection alone is no answer: one to a probe of another version stands for a moment, again and again.
        self._reachable = self._reachable or bool(said)
        return [heard for event in said for heard in self._understand(event)]

    def press(self, target_kpa: float, ramp_s: float, hold_s: float) -> list[Event]:
        """Ask for a press."""
        try:
            self._lease = self._probe.press(target_kpa, ramp_s, hold_s)
        except ProbeUnreachableError as error:
            return self._unreachable(error)
        return []

    def renew(self) -> list[Event]:
        """Renew the lease of the press."""
        try:
            self._probe.renew()
        except ProbeUnreachableError as error:
            return self._unreachable(error)
        return []

    def release(self) -> list[Event]:
        """Vent. A probe that cannot be reached vents by itself, since nobody renews."""
        self._lease = None
        try:
            self._probe.release()
        except ProbeUnreachableError as error:
            return self._unreachable(error)
        return []

    def forget_pressure(self) -> None:
        """Begin a new series of samples."""
        self._t_ns, self._kpa = [], []

    def pressure(self, origin_ns: int) -> PressureTrace:
        """Return the samples since `origin_ns`, in s from then."""
        t_ns = np.array(self._t_ns, dtype=np.int64)
        since = t_ns >= origin_ns
        return PressureTrace(time_s=(t_ns[since] - origin_ns) / 1e9, kpa=np.array(self._kpa, dtype=np.float64)[since])

    def _unreachable(self, error: ProbeUnreachableError) -> list[Event]:
        said_before, self._reachable = not self._reachable, False
        self.latest_kpa = None
        if said_before:
            return []
        # The nurse's sentence is the same for all causes; a probe of another version is the engineer's to find here.
        log.warning("%s", error)
        return [UNREACHABLE]

    def _understand(self, event: ProbeEvent) -> list[Event]:
        if isinstance(event, Pressure):
            self._t_ns += event.t_boot_ns
            self._kpa += event.kpa
            self.latest_kpa = event.kpa[-1] if event.kpa else self.latest_kpa
            return []
        if isinstance(event, Status):
            self.simulated = event.simulated
            ready = ProbeReady() if event.fault is None else _failed(event.fault)
            return [ready, ProbePhase(event.phase)]
        if isinstance(event, State):
            # Another client's press keeps ours from starting, but is not ours.
            ours = event.lease is None or event.lease == self._lease
            return [ProbePhase(event.phase if ours else "release")]
        if isinstance(event, Released):
            return [_released(event)] if event.lease == self._lease else []
        if isinstance(event, FaultRaised):
            return [_failed(event.code)]
        if isinstance(event, FaultCleared):
            return [ProbeReady()]
        if isinstance(event, Refused) and event.command == "press":
            return [ProbeFailed(Reason.PROBE_FAULT, event.sentence)]
        return []


def _released(event: Released) -> ProbeReleased:
    return ProbeReleased(event.why, event.t_boot_ns, None if event.fault is None else _failed(event.fault))


def _failed(code: FaultCode) -> ProbeFailed:
    fault = FAULTS[code]
    return ProbeFailed(fault.reason, fault.english, fault.latched, lease_lost=code is FaultCode.LEASE_LOST)
