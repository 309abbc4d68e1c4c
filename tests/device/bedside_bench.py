"""A bedside in one thread on a clock that is moved by hand, with stand-ins for its parts and a real journal."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

from bedside_stand_ins import STEP_NS, TRACE, AtOnce, HandClock, HandConsole, ObedientProbe, QuietPanel, TickingCamera
from device_bench import DEVICE, scored

from contract.mottling import LegLandmarks
from contract.reading import BodySite, Subject
from contract.records import AnyRecord
from device.bedside import Bedside, Habits, Parts
from device.bedside_choice import Desk, Machine
from device.choice import ChoiceKeeper
from device.console_words import Asked, Choice, Request
from device.journal import Deliveries, Journal, JournalError
from device.photo_inbox import make, put
from device.photo_process import AssessPhoto, PhotoLook
from device.records import device_of
from device.session_words import FrameSeen, Pushed
from vision.press import PressAnalysis

JPEG = b"\xff\xd8\xff a leg"


def choice(**changes: Any) -> Choice:
    fields: dict[str, Any] = {
        "study": "demo",
        "subject": Subject(site="00", inclusion="0001"),
        "body_site": BodySite.FINGER,
        "protocol": "demo",
    }
    return Choice.model_validate({**fields, **changes})


class Bench:
    """The whole bedside in `folder`; `turn` and `wait` move it on."""

    def __init__(
        self, folder: Path, *, chosen: bool = True, disk: JournalError | None = None, machine: Machine | None = None
    ) -> None:
        self.clock = HandClock()
        self.probe = ObedientProbe(self.clock)
        self.panel, self.console = QuietPanel(), HandConsole()
        self.folder = folder
        self.crt_s = 2.0
        self.analyse: Callable[[], PressAnalysis] = self._analysis
        self.assess: AssessPhoto = lambda _, landmarks: PhotoLook(scored(), landmarks, b"a picture")
        self.disk = disk
        """What the journal raises at whatever is asked of it; None: it serves."""
        self.writes: list[str] = []
        self.events: list[dict[str, object]] = []
        self.pushes = 0
        machine = machine or Machine(device_of(DEVICE, "1", "b" * 64), 120.0, True)
        desk = Desk(ChoiceKeeper(folder, self.clock, 12.0), machine, self.clock)
        if chosen:
            assert desk.choose(choice()) is None
        camera: Any = TickingCamera(self.clock)
        parts = Parts(
            camera=camera,
            probe=self.probe,
            panel=self.panel,
            console=self.console,
            open_journal=self._open,
            clock=self.clock,
            analyse=lambda *_: self.analyse(),
            desk=desk,
            emit=self.events.append,
            assess=self._assess,
        )
        self.inbox = folder / "photos"
        make(self.inbox)
        self.bedside = Bedside(parts, Habits(folder, folder, fps=60.0, minimum_free_mb=1, inbox=self.inbox))
        self.camera: TickingCamera = camera
        hands: Any = self.bedside._hands
        hands.recorder = camera
        hands.analyst._worker = AtOnce()
        photos: Any = self.bedside._photos
        photos._worker = AtOnce()
        self.bedside._keeper.open(self.clock.boottime_ns())
        self.wait(0.2)

    @property
    def state(self) -> str:
        return self.bedside._session.state.value

    def turn(self) -> None:
        self.clock.pass_ns(STEP_NS)
        if self.camera.ticks:
            self.bedside._hands.said.put(FrameSeen())
        self.bedside._turns = 2
        self.bedside._turn()

    def wait(self, seconds: float) -> None:
        for _ in range(round(seconds * 1e9 / STEP_NS)):
            self.turn()

    def until(self, state: str, limit_s: float = 60.0) -> None:
        for _ in range(round(limit_s * 1e9 / STEP_NS)):
            if self.state == state:
                return
            self.turn()
        raise AssertionError(f"still {self.state}, not {state}: {self.said()}")

    def push(self) -> None:
        self.pushes += 1
        self.panel.meant.append(Pushed(self.pushes))
        self.turn()

    def ask(self, request: Request) -> str | None:
        self.console.asked.append(Asked(request, 1, 1))
        self.turn()
        return self.console.answers[-1]

    def measure(self) -> None:
        self.push()
        self.until("done")

    def said(self, kind: str | None = None) -> list[dict[str, object]]:
        return [
            event for event in self.events if event["event"] == kind or (kind is None and event["event"] != "progress")
        ]

    def sentences(self, kind: str) -> list[object]:
        return [event["sentence"] for event in self.said(kind)]

    def reasons(self) -> list[object]:
        """Status or reason of every reading that was told."""
        results: list[Any] = [event["result"] for event in self.said("reading")]
        return [result["reason"] or result["status"] for result in results]

    def records(self) -> list[Any]:
        with Deliveries.open(self.folder / "journal.sqlite", read_only=True) as journal:
            assert journal.verify().sound
            return [record.reading for record in journal.records()]

    def contents(self) -> list[AnyRecord]:
        with Deliveries.open(self.folder / "journal.sqlite", read_only=True) as journal:
            assert journal.verify().problems == ()
            return [record.content for record in journal.records()]

    def photo(self, content: bytes = JPEG) -> str:
        """Put a photo into the inbox; returns its name."""
        name = f"{uuid4()}.jpg"
        put(self.inbox, name, content)
        return name

    def close(self) -> None:
        self.disk = None
        self.bedside._keeper.close()

    def _assess(self, photo: bytes, landmarks: LegLandmarks | None) -> PhotoLook:
        return self.assess(photo, landmarks)

    def _analysis(self) -> PressAnalysis:
        return PressAnalysis(
            "measured",
            None,
            TRACE,
            time_zero_s=1.0,
            time_zero_from="pressure",
            crt_s=self.crt_s,
            crt_ci95_s=(self.crt_s - 0.05, self.crt_s + 0.05),
            mean_hold_kpa=40.0,
        )

    def _open(self) -> Journal:
        if self.disk is not None:
            raise self.disk
        journal = Journal.open(self.folder / "journal.sqlite", DEVICE)
        for name in ("begin", "keep_press", "append"):
            setattr(journal, name, self._guarded(name, getattr(journal, name)))
        return journal

    def _guarded(self, name: str, write: Callable[..., object]) -> Callable[..., object]:
        def guarded(*arguments: object) -> object:
            self.writes.append(name)
            if self.disk is not None:
                raise self.disk
            return write(*arguments)

        return guarded
