"""How the parts of the bedside machine do: what is known of them, and the verdict on it. Pure; unknown is never ok.

The limits and the sentences are `device.health_table`; where the facts come from is `device.health_sources`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from contract.status import Condition, PartHealth, PartName
from device.health_table import (
    AWAY_S,
    BOARD_C,
    DAYS_LEFT,
    DROPPED_SHARE,
    FINDINGS,
    FPS_SHARE,
    FREE,
    OLDEST_S,
    URGENCY,
)

MAX_SENTENCE: int = 500
"""Longest sentence that a status may carry."""
BADNESS: tuple[Condition, ...] = (Condition.FAULT, Condition.WARNING, Condition.UNKNOWN)
UNITS: dict[PartName, Literal["MB", "degC", "records", "s", "fps", "days"]] = {
    PartName.CAMERA: "fps",
    PartName.CALIBRATION: "days",
    PartName.DISK: "MB",
    PartName.BROKER: "s",
    PartName.FEED: "records",
    PartName.TEMPERATURE: "degC",
}


@dataclass(frozen=True)
class CameraFacts:
    """The camera over the last seconds. `trouble`: what it said when it failed, until it delivers again."""

    trouble: str | None = None
    fps: float | None = None
    expected_fps: float | None = None
    dropped_share: float | None = None
    settings_held: bool | None = None


@dataclass(frozen=True)
class ProbeFacts:
    """Whether the probe answers, and the sentence of its latched fault."""

    reachable: bool
    fault: str | None = None


@dataclass(frozen=True)
class CalibrationFacts:
    """For how many days the calibration is in force still, negative once it is not; None where there is none.

    `clock_behind`: the clock stands before the calibration was made.
    """

    days_left: float | None
    clock_behind: bool = False


@dataclass(frozen=True)
class DiskFacts:
    """The disk of the journal; MB of 1,000,000 bytes. `minimum_mb`: below it no measurement is started."""

    free_mb: float
    minimum_mb: float
    writable: bool


@dataclass(frozen=True)
class JournalFacts:
    """Why the journal takes or gives no record, in one sentence, and whether a broken one waits for a person."""

    problem: str | None = None
    set_aside: bool = False


@dataclass(frozen=True)
class BrokerFacts:
    """Whether the publisher is connected, and else for how long it has not been; None: never since it started."""

    connected: bool
    away_s: float | None = None
    trouble: str | None = None
    """Why there is no connection, as a row of the table."""


@dataclass(frozen=True)
class FeedFacts:
    """The outbox: readings without a receipt, for how long the oldest waits, and what the publisher cannot solve."""

    unsent: int
    oldest_s: float | None = None
    problem: str | None = None
    unanswered: bool = False
    """Whether readings were sent long ago and no receipt came."""
    trouble: str | None = None
    """What the broker refuses, as a row of the table."""


@dataclass(frozen=True)
class TemperatureFacts:
    """The processor, °C, and what the firmware says of it now; None where this board does not say."""

    board_c: float | None = None
    slowed: bool | None = None
    under_voltage: bool | None = None


@dataclass(frozen=True)
class Facts:
    """What is known of the parts; None: nothing."""

    camera: CameraFacts | None = None
    probe: ProbeFacts | None = None
    calibration: CalibrationFacts | None = None
    clock_synchronised: bool | None = None
    disk: DiskFacts | None = None
    journal: JournalFacts | None = None
    broker: BrokerFacts | None = None
    feed: FeedFacts | None = None
    temperature: TemperatureFacts | None = None


@dataclass(frozen=True)
class _Seen:
    """A row of the table, or None where all is well; the part's number; its own words where the row has none."""

    row: str | None
    value: float | None = None
    words: str | None = None


def judge(facts: Facts, language: Literal["en", "fr"] | str = "en") -> list[PartHealth]:
    """Return how every part does, in the order of `PartName`; sentences in French for "fr", else in English.

    What a part says in its own words is given on as it came.
    """
    seen = {
        PartName.CAMERA: _camera(facts.camera),
        PartName.PROBE: _probe(facts.probe),
        PartName.CALIBRATION: _calibration(facts.calibration),
        PartName.CLOCK: _clock(facts.clock_synchronised),
        PartName.DISK: _disk(facts.disk),
        PartName.JOURNAL: _journal(facts.journal),
        PartName.BROKER: _broker(facts.broker),
        PartName.FEED: _feed(facts.feed),
        PartName.TEMPERATURE: _temperature(facts.temperature),
    }
    return [_told(part, seen[part], language) for part in PartName]


def problem_of(health: Sequence[PartHealth]) -> str | None:
    """Return the sentence to be read first: that of the worst part, the most urgent among equals; None: all is well."""
    bad = [part for part in health if part.condition is not Condition.OK]
    bad.sort(key=lambda part: (BADNESS.index(part.condition), URGENCY.index(part.part)))
    return next((part.sentence for part in bad if part.sentence), None)


def silent(part: PartName, language: str = "en") -> PartHealth:
    """Return a part of which nothing is known."""
    return _told(part, _Seen(f"{part.value}_unknown"), language)


def _told(part: PartName, seen: _Seen, language: str) -> PartHealth:
    value = None if seen.value is None else round(seen.value, 1)
    unit = UNITS.get(part) if value is not None else None
    if seen.row is None:
        return PartHealth(part=part, condition=Condition.OK, value=value, unit=unit)
    finding = FINDINGS[seen.row]
    sentence = (finding.french if language == "fr" else finding.english) or (seen.words or "")[:MAX_SENTENCE]
    return PartHealth(part=part, condition=finding.condition, sentence=sentence, value=value, unit=unit)


def _first(*rows: tuple[Condition, str, str]) -> str | None:
    """Return the row of the first fault, else of the first warning; each is a condition with its two rows' names."""
    for condition, _, fault in rows:
        if condition is Condition.FAULT:
            return fault
    return next((warning for condition, warning, _ in rows if condition is Condition.WARNING), None)


def _camera(camera: CameraFacts | None) -> _Seen:
    if camera is None:
        return _Seen("camera_unknown")
    if camera.trouble is not None:
        return _Seen("camera_trouble", camera.fps, camera.trouble or "The camera does not answer.")
    if camera.settings_held is False:
        return _Seen("camera_moved", camera.fps)
    rows = []
    if camera.fps is not None and camera.expected_fps:
        rows.append((FPS_SHARE.of(camera.fps / camera.expected_fps), "camera_slow", "camera_slow_fault"))
    if camera.dropped_share is not None:
        rows.append((DROPPED_SHARE.of(camera.dropped_share), "camera_drops", "camera_drops_fault"))
    row = _first(*rows)
    if row is None and (len(rows) < 2 or camera.settings_held is None):
        row = "camera_unknown"
    return _Seen(row, camera.fps)


def _probe(probe: ProbeFacts | None) -> _Seen:
    if probe is None:
        return _Seen("probe_unknown")
    if not probe.reachable:
        return _Seen("probe_away")
    return _Seen(None if probe.fault is None else "probe_fault", words=probe.fault or "The probe has a fault.")


def _calibration(calibration: CalibrationFacts | None) -> _Seen:
    if calibration is None:
        return _Seen("calibration_unknown")
    days = calibration.days_left
    if days is None:
        return _Seen("calibration_none")
    behind = Condition.WARNING if calibration.clock_behind else Condition.OK
    over = (DAYS_LEFT.of(days), "calibration_soon", "calibration_over")
    return _Seen(_first(over, (behind, "calibration_ahead", "calibration_ahead")), days)


def _clock(synchronised: bool | None) -> _Seen:
    if synchronised is None:
        return _Seen("clock_unknown")
    return _Seen(None if synchronised else "clock_free")


def _disk(disk: DiskFacts | None) -> _Seen:
    if disk is None:
        return _Seen("disk_unknown")
    if not disk.writable:
        return _Seen("disk_read_only", disk.free_mb)
    return _Seen(_first((FREE.of(disk.free_mb / disk.minimum_mb), "disk_filling", "disk_full")), disk.free_mb)


def _journal(journal: JournalFacts | None) -> _Seen:
    if journal is None:
        return _Seen("journal_unknown")
    if journal.problem is not None:
        return _Seen("journal_problem", words=journal.problem or "The journal does not serve.")
    return _Seen("journal_set_aside" if journal.set_aside else None)


def _broker(broker: BrokerFacts | None) -> _Seen:
    if broker is None:
        return _Seen("broker_unknown")
    if broker.connected:
        return _Seen(None)
    row = _row(broker.trouble, PartName.BROKER) or "broker_away"
    if broker.away_s is None or FINDINGS[row].condition is Condition.FAULT:
        return _Seen(row, broker.away_s)
    return _Seen(_first((AWAY_S.of(broker.away_s), row, "broker_away_fault")), broker.away_s)


def _feed(feed: FeedFacts | None) -> _Seen:
    if feed is None:
        return _Seen("feed_unknown")
    if feed.problem is not None:
        return _Seen("feed_problem", feed.unsent, feed.problem or "Readings cannot be sent.")
    old = None if feed.oldest_s is None else _first((OLDEST_S.of(feed.oldest_s), "feed_old", "feed_old_fault"))
    trouble = _row(feed.trouble, PartName.FEED)
    if trouble is not None and (old != "feed_old_fault" or FINDINGS[trouble].condition is Condition.FAULT):
        return _Seen(trouble, feed.unsent)
    if not feed.unsent:
        return _Seen(None, 0)
    if feed.oldest_s is None:
        return _Seen("feed_unknown", feed.unsent)
    return _Seen("feed_unanswered" if feed.unanswered and old != "feed_old_fault" else old, feed.unsent)


def _row(name: str | None, part: PartName) -> str | None:
    """Return the row's name where the table has it, of that part: another version may have written it."""
    return name if name in FINDINGS and FINDINGS[name].part is part else None


def _temperature(temperature: TemperatureFacts | None) -> _Seen:
    if temperature is None:
        return _Seen("temperature_unknown")
    board_c = temperature.board_c
    if temperature.under_voltage:
        return _Seen("temperature_power", board_c)
    if temperature.slowed:
        return _Seen("temperature_fault", board_c)
    if board_c is None:
        return _Seen("temperature_unknown")
    return _Seen(_first((BOARD_C.of(board_c), "temperature_hot", "temperature_fault")), board_c)
