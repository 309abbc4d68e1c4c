"""Where each reading belongs in its subject's schedule, and what each expected place has. No database, no clock."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from firmware_config.study_schedule import NOREPINEPHRINE, Expected, ReadingKind

State = Literal["done", "refused", "ambiguous", "missing", "due", "waiting"]
"""`due`: its window has not ended; `waiting`: what it counts from is not known yet, or it has no window at all."""
Subject = tuple[str, str]
"""Site and inclusion number."""
Span = tuple[datetime, datetime]


@dataclass(frozen=True)
class Taken:
    """A reading as it stands after its corrections. `event` is "" where none was chosen."""

    reading_id: str
    subject: Subject
    kind: ReadingKind
    event: str
    measured_at: datetime
    received_at: datetime
    refused: str | None = None
    onset_at: datetime | None = None


@dataclass(frozen=True)
class Placed:
    """A reading and the event it belongs to: "" where none fits. `could_be` are the events where several do."""

    taken: Taken
    event: str
    could_be: tuple[str, ...] = ()
    out_of_window: bool = False
    late: bool = False
    superseded: bool = False


@dataclass(frozen=True)
class Slot:
    """One expected reading of one subject and what became of it; `counts` is the reading that stands for it.

    `why` is the reason of a refusal, or the code of a person for what is missing.
    """

    subject: Subject
    event: str
    kind: ReadingKind
    state: State
    counts: Placed | None = None
    due_until: datetime | None = None
    why: str | None = None


@dataclass(frozen=True)
class Schedule:
    """A subject's readings, each once and in the order of time, and its expected places in the order of the study."""

    subject: Subject
    placed: tuple[Placed, ...]
    slots: tuple[Slot, ...]


def schedule(
    expected: Sequence[Expected], taken: Iterable[Taken], late_after: timedelta, now: datetime
) -> list[Schedule]:
    """Return each subject's schedule by site and number. Subjects are those with a reading: no other is known."""
    of: dict[Subject, list[Taken]] = defaultdict(list)
    for each in taken:
        of[each.subject].append(each)
    return [_of_subject(expected, subject, of[subject], late_after, now) for subject in sorted(of)]


def _of_subject(
    expected: Sequence[Expected], subject: Subject, taken: list[Taken], late_after: timedelta, now: datetime
) -> Schedule:
    in_time = sorted(taken, key=lambda each: (each.measured_at, each.reading_id))
    spans = windows(expected, in_time)
    placed = [place(expected, spans, each, late_after) for each in in_time]
    slots = []
    for each in expected:
        for kind in each.readings:
            placed, chosen = _choose(placed, each.event, kind)
            slots.append(_slot(subject, each, kind, spans.get(each.event), placed, chosen, now))
    return Schedule(subject, tuple(placed), tuple(slots))


def windows(expected: Sequence[Expected], in_time: Sequence[Taken]) -> dict[str, Span]:
    """Return the window of each event whose anchor is known; readings of one subject in the order of time.

    Norepinephrine's start is the one entered last: who enters it anew corrects it.
    """
    anchors: dict[str, datetime] = {}
    for each in in_time:
        anchors.setdefault(each.event, each.measured_at)
        if each.onset_at is not None:
            anchors[NOREPINEPHRINE] = each.onset_at
    found = {}
    for one in expected:
        anchor = anchors.get(one.after) if one.after is not None else None
        if anchor is not None:
            found[one.event] = anchor + timedelta(hours=one.from_h), anchor + timedelta(hours=one.to_h)
    return found


def place(expected: Sequence[Expected], spans: dict[str, Span], taken: Taken, late_after: timedelta) -> Placed:
    """Return where a reading belongs: at the event it names; else at the only one whose window it lies in.

    Who measured knew what it was for, so a named event stands even outside its window, and is shown as such.
    """
    late = taken.received_at - taken.measured_at > late_after
    if taken.event:
        span = spans.get(taken.event)
        outside = span is not None and not span[0] <= taken.measured_at <= span[1]
        return Placed(taken, taken.event, out_of_window=outside, late=late)
    fits = tuple(
        each.event
        for each in expected
        if taken.kind in each.readings
        and each.event in spans
        and spans[each.event][0] <= taken.measured_at <= spans[each.event][1]
    )
    return Placed(taken, fits[0] if len(fits) == 1 else "", fits if len(fits) > 1 else (), late=late)


def _choose(placed: list[Placed], event: str, kind: ReadingKind) -> tuple[list[Placed], Placed | None]:
    """Return the readings with the superseded ones marked, and the one that counts.

    It is the last measured one that was not refused: a second measurement is made because the first did not satisfy.
    A refused one never takes the place of a number; where all were refused the last one says why.
    """
    here = [each for each in placed if each.event == event and each.taken.kind == kind]
    if not here:
        return placed, None
    good = [each for each in here if each.taken.refused is None]
    chosen = (good or here)[-1]
    marked = [
        replace(each, superseded=True) if each.event == event and each.taken.kind == kind and each != chosen else each
        for each in placed
    ]
    return marked, chosen


def _slot(
    subject: Subject,
    expected: Expected,
    kind: ReadingKind,
    span: Span | None,
    placed: Sequence[Placed],
    chosen: Placed | None,
    now: datetime,
) -> Slot:
    until = span[1] if span is not None else None
    if chosen is not None:
        refused = chosen.taken.refused
        return Slot(subject, expected.event, kind, "done" if refused is None else "refused", chosen, until, refused)
    if any(expected.event in each.could_be and each.taken.kind == kind for each in placed):
        return Slot(subject, expected.event, kind, "ambiguous", None, until)
    return Slot(subject, expected.event, kind, _of_none(expected, placed, until, now), None, until)


def _of_none(expected: Expected, placed: Sequence[Placed], until: datetime | None, now: datetime) -> State:
    if until is not None:
        return "missing" if now > until else "due"
    # Without a window nothing says when it is over, but another reading of the event says that it has been.
    return "missing" if any(each.event == expected.event for each in placed) else "waiting"
