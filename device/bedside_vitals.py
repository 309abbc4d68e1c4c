"""What the bedside process knows of its parts, every few seconds, for `device.health` to judge."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from calibration.certificate.standing import Standing
from device import health_sources
from device.bedside_doing import Hands
from device.bedside_keeping import Keeper
from device.clock import Clock
from device.health import CalibrationFacts, CameraFacts, Facts, JournalFacts, ProbeFacts
from device.health_file import read_feed
from device.session import Session


@dataclass(frozen=True)
class Vitals:
    """The parts that are looked at, and what is expected of them."""

    session: Session
    hands: Hands
    keeper: Keeper
    clock: Clock
    journal_folder: Path
    run_folder: Path
    minimum_free_mb: int
    fps: float
    calibrated: Callable[[], Standing] | None = None

    def facts(self) -> Facts:
        """Return what is known now; frames are those of the last seconds."""
        feed = read_feed(self.run_folder, self.clock)
        return Facts(
            camera=self._camera(),
            probe=self._probe(),
            calibration=self._calibration(),
            clock_synchronised=health_sources.clock_synchronised(self.clock),
            disk=health_sources.disk(self.journal_folder, self.minimum_free_mb),
            journal=JournalFacts(self.keeper.problem, self.keeper.set_aside),
            broker=None if feed is None else feed.broker_facts(),
            feed=None if feed is None else feed.feed_facts(),
            temperature=health_sources.temperature(),
        )

    def _calibration(self) -> CalibrationFacts:
        if self.calibrated is None:
            return CalibrationFacts(None)
        found = self.calibrated()
        return CalibrationFacts(found.days_left, found.clock_behind)

    def _probe(self) -> ProbeFacts | None:
        reachable = self.hands.ear.reachable
        if reachable is None:
            return None
        return ProbeFacts(reachable, self.session.probe_problem if reachable else None)

    def _camera(self) -> CameraFacts:
        recorder = self.hands.recorder
        flow = recorder.flow()
        if flow is None:
            return CameraFacts(recorder.trouble, expected_fps=self.fps)
        return CameraFacts(recorder.trouble, flow.fps, self.fps, flow.dropped_share, flow.settings_held)
