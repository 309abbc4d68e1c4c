"""Carries out what the session asks for, on camera, probe, analysis and journal; returns what that brought about."""

import queue
from dataclasses import dataclass, replace
from uuid import UUID

from device.bedside_analysis import AnalyseRecording, Analyst, Answer, Look
from device.bedside_keeping import Keeper
from device.bedside_probe import ProbeEar
from device.bedside_recorder import CameraEvent, Recorder
from device.bedside_telling import Seen, Teller
from device.clock import Clock
from device.ports import Camera, Probe
from device.records import About, KeptPress, draft
from device.session_words import (
    NOBODY_CHOSEN,
    Action,
    Analyse,
    Begin,
    Event,
    JournalFailed,
    KeepPress,
    Press,
    Record,
    Refuse,
    Release,
    Renew,
    StartRecording,
)

Heard = CameraEvent | Answer


@dataclass(frozen=True)
class Instruments:
    """What the hands work with."""

    camera: Camera
    probe: Probe
    clock: Clock
    analyse: AnalyseRecording


class Hands:
    """Does the session's actions one at a time, in the thread of the loop."""

    def __init__(self, instruments: Instruments, keeper: Keeper, teller: Teller) -> None:
        self._clock = instruments.clock
        self._camera = instruments.camera
        self._keeper = keeper
        self._teller = teller
        self.said: queue.SimpleQueue[Heard] = queue.SimpleQueue()
        """What camera and analysis have to say; they put it here from their own threads."""
        self.ear = ProbeEar(instruments.probe)
        self.recorder = Recorder(instruments.camera, instruments.clock, self.said.put)
        self.analyst = Analyst(instruments.analyse, self.said.put)
        self.about: About | None = None
        """What the next measurement has to know."""
        self._target_kpa = 0.0
        self._origin_ns = 0
        self._analysed: KeptPress | None = None

    def seen(self) -> Seen:
        """Return what is shown beside the session's state."""
        return Seen(self.ear.latest_kpa, self.recorder.latest())

    def take(self, answer: Answer) -> Event | None:
        """Return what an answer says to the session; None where it is of a measurement that has ended."""
        if self._keeper.draft is None or answer.reading_id != self._keeper.draft.reading_id:
            return None
        self._analysed = answer.kept
        return answer.event

    def do(self, action: Action) -> list[Event]:
        """Do it; returns what it brought about."""
        if isinstance(action, Renew):
            return self.ear.renew()
        if isinstance(action, Release):
            return self._release()
        if isinstance(action, Press):
            return self.ear.press(action.target_kpa, action.ramp_s, action.hold_s)
        if isinstance(action, StartRecording):
            return self._start_recording()
        if isinstance(action, Refuse):
            self._teller.refused(action.sentence)
            return []
        if isinstance(action, Analyse):
            return self._look(action)
        return self._keep(action)

    def _release(self) -> list[Event]:
        self.recorder.end()
        self.ear.end_pressure()
        return self.ear.release()

    def _start_recording(self) -> list[Event]:
        self._analysed = None
        self.ear.keep_pressure()
        self._origin_ns = self.recorder.begin()
        return []

    def _look(self, action: Analyse) -> list[Event]:
        recording = self.recorder.so_far()
        if recording is None:
            raise RuntimeError("there is no recording to analyse")
        pressure = self.ear.pressure(self._origin_ns)
        self.analyst.look(
            Look(
                self._reading_id(),
                action.number,
                action.set_number,
                self._target_kpa,
                recording,
                pressure,
                self._origin_ns,
            )
        )
        return []

    def _reading_id(self) -> UUID:
        if self._keeper.draft is None:
            raise RuntimeError("a press was to be analysed outside a measurement")
        return self._keeper.draft.reading_id

    def _keep(self, action: Begin | KeepPress | Record) -> list[Event]:
        if isinstance(action, Begin):
            return self._begin()
        if isinstance(action, Record):
            return self._keeper.record(action.result, action.crt_spread)
        kept = self._analysed
        if kept is None:
            raise RuntimeError("a press ended that was not analysed")
        self.recorder.end()
        self.ear.end_pressure()
        failed = self._keeper.keep_press(kept)
        if not failed:
            self._teller.press(kept)
        return failed

    def _begin(self) -> list[Event]:
        about = self.about
        if about is None:
            return [JournalFailed(NOBODY_CHOSEN)]
        self._target_kpa = about.target_kpa
        simulated = about.simulated or self._camera.simulated or self.ear.simulated
        return self._keeper.begin(draft(replace(about, simulated=simulated), self._clock))
