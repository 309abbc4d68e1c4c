"""What the bedside tells: progress and results to whoever listens, the state to the panel, its life to systemd.

A reading is told only once it is in the journal.
"""

from dataclasses import dataclass
from typing import Protocol

from contract.amendment import Amendment
from contract.mottling import MottlingReading, mottling_sentence
from contract.reading import Reading, Status
from contract.reasons import Reason, sentence
from contract.source import Device
from device.bedside_recorder import Latest
from device.clock import Clock
from device.console_words import Choice
from device.journal import Journal, JournalRecord
from device.ports import Console, Emit, Panel
from device.records import KeptPress
from device.session import Session
from device.session_words import ACTIVE, State

PROGRESS_S: float = 0.1


class SoundingPanel(Panel, Protocol):
    """A panel that also sounds what a push and a measurement came to (`device.panel.Panel`)."""

    @property
    def trouble(self) -> str | None:
        """What is wrong with the panel itself, in one sentence."""

    def refuse(self) -> None:
        """Sound that a push was heard and nothing was started."""

    def ended(self, measured: bool) -> None:
        """Sound that a measurement ended, with a number or without one."""


@dataclass
class Seen:
    """What of the measurement under way is shown beside its state."""

    kpa: float | None = None
    latest: Latest | None = None


class Teller:
    """Speaks for the bedside. `completed` counts the readings of measurements that came to an end."""

    def __init__(self, emit: Emit, console: Console, panel: SoundingPanel, clock: Clock, language: str) -> None:
        self._emit = emit
        self._console = console
        self._panel = panel
        self._clock = clock
        self._language = language
        self._shown: tuple[State, bool] | None = None
        self._progress_ns = 0
        self.completed = 0

    def tell(self, event: str, **content: object) -> None:
        """Tell one event to the terminal and to every screen."""
        told: dict[str, object] = {"event": event, "t_boot_ns": self._clock.boottime_ns(), **content}
        self._emit(told)
        self._console.tell(told)

    def problem(self, words: str) -> None:
        """Tell what needs a person."""
        self.tell("problem", sentence=words)

    def refused(self, words: str) -> None:
        """Tell why a push started nothing."""
        self._panel.refuse()
        self.tell("refused", sentence=words)

    def press(self, kept: KeptPress) -> None:
        """Tell what one press came to; it is in the journal."""
        record = kept.record
        self.tell(
            "press",
            number=record.number,
            set_number=record.set_number,
            result=record.result.model_dump(mode="json"),
            last_frame_ns=kept.last_frame_ns,
        )

    def committed(self, record: JournalRecord, picture: str | None = None) -> None:
        """Tell what is in the journal now; `picture` is the name of the one that was made of a photo."""
        content = record.content
        if isinstance(content, Reading):
            self._reading(record, content)
        elif isinstance(content, MottlingReading):
            self._mottling(content, picture)
        else:
            self._amended(content)

    def _amended(self, amendment: Amendment) -> None:
        self.tell("amended", about=str(amendment.about), device_seq=amendment.device_seq, action=amendment.action)

    def _mottling(self, reading: MottlingReading, picture: str | None) -> None:
        reason = reading.result.reason
        self.tell(
            "mottling",
            device_seq=reading.device_seq,
            reading_id=str(reading.reading_id),
            photo=reading.photo_sha256,
            landmarks=None if reading.landmarks is None else reading.landmarks.model_dump(mode="json"),
            result=reading.result.model_dump(mode="json"),
            sentence=None if reason is None else mottling_sentence(reason, self._language),
            map=picture,
        )

    def _reading(self, record: JournalRecord, reading: Reading) -> None:
        self.completed += counts(record)
        reason = reading.result.reason
        self.tell(
            "reading",
            device_seq=record.device_seq,
            reading_id=record.reading_id,
            sha256=record.sha256,
            body_site=reading.body_site.value,
            result=reading.result.model_dump(mode="json"),
            crt_spread=reading.crt_spread,
            sentence=None if reason is None else sentence(reason, self._language),
            completed=self.completed,
        )
        self._panel.ended(reading.result.status is not Status.NOT_MEASURABLE)

    def machine(self, device: Device) -> None:
        """Tell what measures: as every record will say it."""
        self.tell("machine", **device.model_dump(mode="json"))

    def choice(self, choice: Choice | None) -> None:
        """Tell who is measured next; None: nobody."""
        self.tell("choice", choice=None if choice is None else choice.model_dump(mode="json"))

    def show(self, session: Session, seen: Seen, *, problem: bool) -> None:
        """Show a change of state at once, and how far it is some ten times a second."""
        now_ns = self._clock.boottime_ns()
        before = None if self._shown is None else self._shown[0]
        changed = session.state is not before
        if self._shown != (session.state, problem):
            self._shown = (session.state, problem)
            self._panel.show(session.state, problem=problem)
        due = session.state in ACTIVE and now_ns - self._progress_ns >= PROGRESS_S * 1e9
        if not changed and not due:
            return
        self._progress_ns = now_ns
        remaining_s = session.remaining_s(now_ns)
        latest = seen.latest
        presses = 0 if session.plan is None else session.plan.protocol.presses
        self.tell(
            "state" if changed else "progress",
            state=session.state.value,
            press=session.press - (session.set_number - 1) * presses,
            presses=presses,
            set_number=session.set_number,
            remaining_s=None if remaining_s is None else round(remaining_s, 2),
            kpa=None if seen.kpa is None else round(seen.kpa, 2),
            time_s=None if latest is None else round(latest.time_s, 3),
            signal=None if latest is None else round(latest.signal, 5),
            completed=self.completed,
        )


def completed_in(journal: Journal) -> int:
    """Return how many records of a journal `counts`; no other part of a record has that reason."""
    # Read as text: to parse a year's records would take seconds at every start.
    interrupted = f'"reason":"{Reason.INTERRUPTED.value}"'
    return sum('"kind":"refill"' in record.body and interrupted not in record.body for record in journal.records())


def counts(record: JournalRecord) -> bool:
    """Return whether a record is of a measurement that came to its end: anything but an interrupted one."""
    content = record.content
    return isinstance(content, Reading) and content.result.reason is not Reason.INTERRUPTED
