"""The probe's words as the session hears them, and the pressure samples of the press under way."""

import logging

import numpy as np
from numpy.typing import NDArray

from contract.reasons import Reason
from device.ports import Probe
from device.probe.faults import FAULTS, FaultCode
from device.probe.link import ProbeUnreachableError
from device.probe.messages import Event as ProbeEvent
from device.probe.messages import FaultCleared, FaultRaised, Pressure, Refusal, Refused, Released, State, Status
from device.session_words import (
    NO_PROBE,
    ChamberEmpty,
    Event,
    ProbeFailed,
    ProbeNotReady,
    ProbePhase,
    ProbeReady,
    ProbeReleased,
)
from vision.pressure import PressureTrace

log = logging.getLogger(__name__)

IN_A_MOMENT: frozenset[Refusal] = frozenset({Refusal.NOT_READY, Refusal.TOO_LATE})
"""Refusals of a press that pass by themselves: the sensor settles, or the command was held up on a busy machine."""
EMPTY_KPA: float = 0.7
"""Within this of what the sensor read before, nothing presses. Below the 1 kPa from which the probe counts half a
second before it names a fault (`device.probe.watch_vent`): nothing that it would name passes for empty here."""
EMPTY_S: float = 0.6
"""For so long the chamber has to have been empty: longer than the probe takes to name that it is not."""
REST_S: float = 2.0
"""What the sensor reads at rest is the median of so long before that,"""
ZERO_KPA: float = 2.0
"""and within this of zero, as the probe wants it too."""
LONGEST_GAP_S: float = 0.1
RECENT: int = 600
"""Samples that are looked at: at the fastest sensor's 200 a second, 3 s."""

UNREACHABLE = ProbeFailed(Reason.PROBE_FAULT, NO_PROBE, latched=True)


class ProbeEar:
    """Speaks to a probe for the session. A broken link is an event, said once, and is tried again at every `poll`."""

    def __init__(self, probe: Probe) -> None:
        self._probe = probe
        self._lease: str | None = None
        self.reachable: bool | None = None
        """Whether it answered when it was last spoken to; None before it has, or could not be reached."""
        self._keeps = False
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
        if said:
            self.reachable = True
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

    def keep_pressure(self) -> None:
        """Begin a new series of samples."""
        self._keeps = True
        self._t_ns, self._kpa = [], []

    def end_pressure(self) -> None:
        """Keep no more samples: between presses they come all day, and nobody asks for them."""
        self._keeps = False

    def pressure(self, origin_ns: int) -> PressureTrace:
        """Return the samples since `origin_ns`, in s from then."""
        t_ns = np.array(self._t_ns, dtype=np.int64)
        since = t_ns >= origin_ns
        return PressureTrace(time_s=(t_ns[since] - origin_ns) / 1e9, kpa=np.array(self._kpa, dtype=np.float64)[since])

    def _unreachable(self, error: ProbeUnreachableError) -> list[Event]:
        said_before, self.reachable = self.reachable is False, False
        self.latest_kpa = None
        if said_before:
            return []
        # The nurse's sentence is the same for all causes; a probe of another version is the engineer's to find here.
        log.warning("%s", error)
        return [UNREACHABLE]

    def _understand(self, event: ProbeEvent) -> list[Event]:
        if isinstance(event, Pressure):
            return self._samples(event)
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
            if event.why in IN_A_MOMENT:
                return [ProbeNotReady(event.sentence)]
            return [ProbeFailed(Reason.PROBE_FAULT, event.sentence)]
        return []

    def _samples(self, event: Pressure) -> list[Event]:
        self.latest_kpa = event.kpa[-1] if event.kpa else self.latest_kpa
        if not self._keeps or not event.kpa:
            return []
        self._t_ns += event.t_boot_ns
        self._kpa += event.kpa
        if abs(event.kpa[-1]) > ZERO_KPA + EMPTY_KPA:
            return []
        recent = np.array([self._t_ns[-RECENT:], self._kpa[-RECENT:]], dtype=np.float64).T
        return [ChamberEmpty(self._t_ns[-1])] if is_empty(recent) else []


def is_empty(samples: NDArray[np.float64]) -> bool:
    """Return whether the last `EMPTY_S` of `samples` (rows of t in ns and kPa, oldest first) show an empty chamber.

    False where there are too few to tell, or a gap among them.
    """
    before_s = (samples[-1, 0] - samples[:, 0]) / 1e9
    latest, rest = before_s <= EMPTY_S, (before_s > EMPTY_S) & (before_s <= EMPTY_S + REST_S)
    if before_s[0] < EMPTY_S + REST_S or not rest.any() or np.diff(-before_s[latest]).max(initial=0.0) > LONGEST_GAP_S:
        return False
    rest_kpa = np.median(samples[rest, 1])
    return bool(abs(rest_kpa) <= ZERO_KPA and np.abs(samples[latest, 1] - rest_kpa).max() <= EMPTY_KPA)


def _released(event: Released) -> ProbeReleased:
    return ProbeReleased(event.why, event.t_boot_ns, None if event.fault is None else _failed(event.fault))


def _failed(code: FaultCode) -> ProbeFailed:
    fault = FAULTS[code]
    return ProbeFailed(fault.reason, fault.english, fault.latched, lease_lost=code is FaultCode.LEASE_LOST)
