"""Readings with traces: presses of the phantom in a device's journal, its export, and what the trial side has got."""

from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, select
from trial_bench import NOON, STUDY, reading

from contract.envelope import Envelope
from contract.reading import PressRecord, Reading, Receipt
from contract.topics import Topic
from device.journal import Deliveries, Journal, JournalRecord
from device.journal.export import export
from device.records import press_of
from firmware_config.study import Study
from phantom.spec import PressSpec
from phantom.trace import simulate
from trial import tables
from trial.judge import judge
from trial.store import Arrival, store
from trial.trace_import import Taken
from vision.press import Settings, analyse_trace
from vision.pressure import PressureTrace
from vision.trace import trace_from_light

TARGET_KPA = 40.0
PRESS = PressSpec(pre_s=2.0, hold_s=4.0, post_s=7.0, crt_s=1.5, pulse=0.03, slow_wave=0.002, respiration=0.002, seed=3)
LEAKS = PRESS.with_(fault="pressure_leak")
SLOW = PRESS.with_(crt_s=15.0)
DONE: dict[str, Any] = {"actor": "dm-1", "why": "the site sent its export"}


Press = tuple[PressRecord, bytes | None]
"""A press and the text of its trace; None where none was kept."""


@cache
def pressed(spec: PressSpec, number: int = 1) -> Press:
    """A press as the bedside keeps it, with the text of its trace."""
    made = simulate(spec)
    pressure = PressureTrace(made.pressure_time_s, made.pressure_kpa)
    analysis = analyse_trace(trace_from_light(made.time_s, made.rgb_linear), pressure, Settings(target_kpa=TARGET_KPA))
    kept = press_of(number, TARGET_KPA, analysis, pressure, 1_000_000_000 * number)
    return kept.record, kept.trace


def unread(number: int, seed: int) -> Press:
    """A press whose trace nobody looks into: its text is none, and quickly made."""
    text = f'{{"press": {number}, "seed": {seed}}}'.encode()
    return _press(number, sha256(text).hexdigest()), text


def unkept(number: int) -> Press:
    """A press of which no trace was kept."""
    return _press(number, None), None


def _press(number: int, trace_sha256: str | None) -> PressRecord:
    return reading().presses[0].model_copy(update={"number": number, "trace_sha256": trace_sha256})


def keep(journal: Path, presses: Sequence[Press], device: str = "bedside-1", **changes: Any) -> Reading:
    """Measure: the presses with their traces go into a device's journal, then the reading."""
    results = [record.result for record, _ in presses]
    best = next((each for each in results if each.crt_s is not None), results[0])
    begun = reading(device=device, **changes).model_dump(mode="json")
    begun |= {"result": best.model_dump(mode="json"), "presses": [each.model_dump(mode="json") for each, _ in presses]}
    with Journal.open(journal, device) as opened:
        opened.begin(Reading.model_validate(begun))
        for record, trace in presses:
            opened.keep_press(begun["reading_id"], record, trace)
        kept = opened.append(lambda seq: Reading.model_validate(begun | {"device_seq": seq}))
    assert isinstance(kept.reading, Reading)
    return kept.reading


def records(journal: Path) -> list[JournalRecord]:
    """Every record of a journal."""
    with Deliveries.open(journal, read_only=True) as opened:
        return list(opened.records())


def arrive(engine: Engine, sent: Sequence[JournalRecord], study: Study = STUDY) -> None:
    """Have records stored as the ingester does."""
    for record in sent:
        sealed = Envelope(sent_at=NOON, previous_sha256=record.previous_sha256, sha256=record.sha256, body=record.body)
        content = record.reading
        topic = str(Topic(study.name, content.subject.site, content.device.name, "reading"))
        payload = sealed.model_dump_json().encode()
        [outcome] = store(engine, [Arrival(topic, payload, NOON, judge(topic, payload, study))], NOON)
        assert outcome.kind == "stored", outcome


def receipted(journal: Path, record: JournalRecord) -> None:
    """Note that the trial database has said that it holds a record."""
    told = {"reading_id": record.reading.reading_id, "device_seq": record.device_seq, "sha256": record.sha256}
    with Deliveries.open(journal) as opened:
        assert opened.note(Receipt(outcome="stored", received_at=NOON, **told))


def exported(journal: Path, folder: Path) -> Path:
    """What `refill journal export` writes."""
    with Deliveries.open(journal, read_only=True) as opened:
        export(opened, folder)
    return folder


def everything(engine: Engine, *without: str) -> dict[str, list[Any]]:
    """Every row of every table."""
    with engine.connect() as connection:
        names = sorted(set(tables.metadata.tables) - set(without))
        return {name: list(map(tuple, connection.execute(select(tables.metadata.tables[name])))) for name in names}


def audited(engine: Engine) -> list[tuple[str, str, str]]:
    """The audit trail: who, what, about what."""
    with engine.connect() as connection:
        t = tables.audit.c
        return [tuple(row) for row in connection.execute(select(t.actor, t.action, t.detail).order_by(t.id))]


def here(engine: Engine) -> dict[str, set[int]]:
    """The numbers of the traces that are here, by reading."""
    with engine.connect() as connection:
        t = tables.press_trace.c
        found: dict[str, set[int]] = {}
        for reading_id, number in connection.execute(select(t.reading_id, t.number)):
            found.setdefault(reading_id, set()).add(number)
        return found


def said(taken: Taken) -> tuple[int, int, int, list[int], list[str]]:
    """What became of an import: stored, there already, removed, waiting, refused."""
    return taken.stored, taken.there, taken.removed, taken.waiting, taken.refused


def three_readings(journal: Path) -> Path:
    """A device's journal: three readings of three presses each; press 3 of the second has no trace."""
    for seed in (1, 2, 3):
        keep(journal, [unread(1, seed), unread(2, seed), unkept(3) if seed == 2 else unread(3, seed)])
    return journal
