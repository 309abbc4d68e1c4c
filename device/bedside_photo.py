"""Photos of the leg at the bedside: out of the inbox, looked at beside everything else, into the journal when idle.

A photo is kept only where it gave a score. One that gave none, which may show a face as well as a leg, is let go of.
"""

import hashlib
import logging
import queue
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from contract.hypoperfusion_words import Words, spoken
from contract.mottling import MottlingReading
from device import photo_inbox
from device.bedside_keeping import Keeper
from device.clock import Clock
from device.console_words import Mottling
from device.journal import JournalRecord
from device.mottling_records import look_draft, looked
from device.photo_process import AssessPhoto, PhotoLook
from device.records import About

log = logging.getLogger(__name__)

TIDY_S: float = 60.0
STARTS: tuple[bytes, ...] = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")
"""Of a JPEG and a PNG file."""

REFUSALS: dict[str, Words] = {
    "none_here": ("This device scores no photos.", "Cet appareil n'évalue pas de photos."),
    "busy": (
        "Another photo is being looked at. Wait a moment.",
        "Une autre photo est en cours d'examen. Attendez un instant.",
    ),
    "gone": ("The photo is not there any more. Take it again.", "La photo n'est plus là. Reprenez-la."),
    "too_large": (
        "The photo is larger than 25 MB. Take a smaller one.",
        "La photo dépasse 25 Mo. Prenez-en une plus petite.",
    ),
    "no_photo": ("The file is no JPEG or PNG photo.", "Le fichier n'est pas une photo JPEG ou PNG."),
    "failed": (
        "The photo could not be looked at. Take it again.",
        "La photo n'a pas pu être examinée. Reprenez-la.",
    ),
}
"""English and French."""


@dataclass(frozen=True)
class _Seen:
    """A photo that was looked at: `look` is None where it could not be."""

    draft: MottlingReading
    name: str
    content: bytes
    look: PhotoLook | None
    sha256: str | None = None


class Photos:
    """Looks at one photo after the other. Use it in the loop's thread; `say` is told what went wrong."""

    def __init__(
        self,
        inbox: Path | None,
        assess: AssessPhoto | None,
        keeper: Keeper,
        clock: Clock,
        say: Callable[[str], None],
        language: str = "en",
    ) -> None:
        self._inbox = inbox
        self._assess = assess
        self._keeper = keeper
        self._clock = clock
        self._say = say
        self._language = language
        self._worker = ThreadPoolExecutor(1, "photo")
        self._seen: queue.SimpleQueue[_Seen] = queue.SimpleQueue()
        self._under_way: MottlingReading | None = None
        self._files: dict[UUID, tuple[str, str | None]] = {}
        """Of what was looked at and is not told yet: its photo in the inbox, and the picture beside it."""
        self._tidied_ns: int | None = None

    def begin(self, asked: Mottling, about: About) -> str | None:
        """Begin to look at a photo of the inbox; returns in one sentence why not."""
        if self._inbox is None or self._assess is None:
            return self._refusal("none_here")
        if self._under_way is not None:
            return self._refusal("busy")
        try:
            content = photo_inbox.take(self._inbox, asked.photo)
        except photo_inbox.InboxError as error:
            log.warning("%s", error)
            return self._refusal("too_large" if isinstance(error, photo_inbox.TooLargeError) else "gone")
        if not content.startswith(STARTS):
            return self._refusal("no_photo")
        draft = look_draft(asked, about, self._clock)
        refusal = self._keeper.begin_look(draft)
        if refusal is not None:
            return refusal
        self._under_way = draft
        work = self._worker.submit(_work, self._assess, draft, asked.photo, content)
        work.add_done_callback(lambda done: self._done(draft, asked.photo, content, done))
        return None

    def poll(self) -> None:
        """Have written down what has been looked at; to be called while nothing is measured."""
        try:
            seen = self._seen.get_nowait()
        except queue.Empty:
            return
        self._under_way = None
        if seen.look is None:
            self._say(self._refusal("failed"))
            self._files[seen.draft.reading_id] = (seen.name, None)
            self._keeper.end_look(seen.draft, None)
            return
        self._files[seen.draft.reading_id] = (seen.name, self._put_picture(seen.draft, seen.look))
        reading = looked(seen.draft, seen.look, seen.sha256)
        self._keeper.end_look(reading, None if seen.sha256 is None else seen.content)

    def committed(self, record: JournalRecord) -> str | None:
        """Let go of a photo whose record is in the journal; returns the name of the picture that was made of it."""
        name, picture = self._files.pop(UUID(record.reading_id), (None, None))
        if name is not None and self._inbox is not None:
            photo_inbox.remove(self._inbox, name)
        return picture

    def tidy(self) -> None:
        """Remove now and then what was left in the inbox."""
        now_ns = self._clock.boottime_ns()
        if self._inbox is None or (self._tidied_ns is not None and now_ns - self._tidied_ns < TIDY_S * 1e9):
            return
        self._tidied_ns = now_ns
        photo_inbox.sweep(self._inbox)

    def close(self) -> None:
        """Begin nothing more. What is under way is not waited for: its draft becomes a record."""
        self._worker.shutdown(wait=False, cancel_futures=True)

    def _put_picture(self, draft: MottlingReading, look: PhotoLook) -> str | None:
        if look.picture is None or self._inbox is None:
            return None
        name = f"{draft.reading_id}.map.jpg"
        try:
            photo_inbox.put(self._inbox, name, look.picture)
        except OSError as error:
            log.warning("the picture of what was found could not be written: %s", error.strerror)
            return None
        return name

    def _done(self, draft: MottlingReading, name: str, content: bytes, done: "Future[_Seen]") -> None:
        """Hand over what came of it; called in the thread that looked."""
        if done.cancelled():
            return
        error = done.exception()
        if error is None:
            self._seen.put(done.result())
            return
        log.error("the look at a photo failed: %s", error)
        self._seen.put(_Seen(draft, name, content, None))

    def _refusal(self, which: str) -> str:
        return spoken(REFUSALS[which], self._language)


def _work(assess: AssessPhoto, draft: MottlingReading, name: str, content: bytes) -> _Seen:
    look = assess(content, draft.landmarks)
    scored = look.result.score is not None
    return _Seen(draft, name, content, look, hashlib.sha256(content).hexdigest() if scored else None)
