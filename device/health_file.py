"""What the two processes tell each other of their health: `health.json` by the bedside, `feed.json` by the publisher.

Both are replaced whole, so a reader sees an old one or a new one and never half of one. They live in the run folder,
which is memory and empty after a boot. One that is old, of an earlier boot, or not readable tells nothing at all.
"""

import contextlib
import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, TypeVar
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from contract.identifiers import Count
from contract.status import Line, PartHealth
from device.clock import Clock, SystemClock
from device.health import BrokerFacts, FeedFacts

HEALTH_NAME, FEED_NAME = "health.json", "feed.json"
STALE_S: float = 15.0
"""What is older comes from a process that hangs or is gone: both write every few seconds."""
MAX_BYTES: int = 65_536


class _Note(BaseModel):
    """Closed and immutable; says when it was written."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    boot_id: UUID
    t_boot_ns: int = Field(ge=0)


class _HealthNote(_Note):
    health: list[PartHealth]


Note = TypeVar("Note", bound=_Note)


Row = Annotated[str, Field(pattern=r"^[a-z_]{1,40}$")]


class Feed(BaseModel):
    """How the way to the trial does, as the publisher sees it. `unsent` is None where the journal does not tell."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    broker_connected: bool
    broker_away_s: float | None = Field(None, ge=0, description="None while connected, and while nobody knows yet")
    broker_trouble: Row | None = Field(None, description="why there is no connection: a row of device.health_table")
    unsent: Count | None = None
    oldest_unsent_s: float | None = Field(None, ge=0)
    unanswered: bool = False
    trouble: Row | None = Field(None, description="what the broker refuses: a row of device.health_table")
    last_receipt_at: AwareDatetime | None = Field(None, description="since the publisher started")
    problem: Line | None = None

    def broker_facts(self) -> BrokerFacts:
        """Return what `judge` wants to know of the broker."""
        return BrokerFacts(self.broker_connected, self.broker_away_s, self.broker_trouble)

    def feed_facts(self) -> FeedFacts | None:
        """Return what `judge` wants to know of the outbox."""
        if self.unsent is None and self.problem is None:
            return None
        return FeedFacts(self.unsent or 0, self.oldest_unsent_s, self.problem, self.unanswered, self.trouble)


class _FeedNote(_Note):
    feed: Feed


def write(folder: Path, health: Sequence[PartHealth], clock: Clock | None = None) -> str | None:
    """Tell how the bedside's parts do. Never raises: returns in one sentence why it could not be written, else None."""
    told = list(health)
    return _write(folder / HEALTH_NAME, lambda boot, ns: _HealthNote(boot_id=boot, t_boot_ns=ns, health=told), clock)


def read(folder: Path, clock: Clock | None = None) -> list[PartHealth] | None:
    """Return how the bedside's parts do, by its own word; None where it has not said so for `STALE_S`."""
    note = _read(folder / HEALTH_NAME, _HealthNote, clock)
    return None if note is None else note.health


def write_feed(folder: Path, feed: Feed, clock: Clock | None = None) -> str | None:
    """Tell how the feed does. Never raises: returns in one sentence why it could not be written, else None."""
    return _write(folder / FEED_NAME, lambda boot, ns: _FeedNote(boot_id=boot, t_boot_ns=ns, feed=feed), clock)


def read_feed(folder: Path, clock: Clock | None = None) -> Feed | None:
    """Return how the feed does, by the publisher's word; None where it has not said so for `STALE_S`."""
    note = _read(folder / FEED_NAME, _FeedNote, clock)
    return None if note is None else note.feed


def _write(path: Path, stamped: Callable[[UUID, int], _Note], clock: Clock | None) -> str | None:
    asked = clock or SystemClock()
    try:
        _replace(path, stamped(asked.boot_id(), asked.boottime_ns()).model_dump_json())
    except OSError as error:
        return f"{path} cannot be written: {error.strerror or error}."
    return None


def _replace(path: Path, text: str) -> None:
    # A name of its own for every writer: two of them must not write into one file. No fsync: memory needs none.
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    fresh = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        fresh.chmod(0o640)
        fresh.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            fresh.unlink()
        raise


def _read(path: Path, model: type[Note], clock: Clock | None) -> Note | None:
    asked = clock or SystemClock()
    try:
        if path.stat().st_size > MAX_BYTES:
            return None
        note = model.model_validate_json(path.read_bytes())
        fresh = note.boot_id == asked.boot_id() and 0 <= asked.boottime_ns() - note.t_boot_ns <= STALE_S * 1e9
    except (OSError, ValidationError):
        return None
    return note if fresh else None
