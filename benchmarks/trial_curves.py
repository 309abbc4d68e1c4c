"""One reading with the traces of its presses, the whole way: phantom, journal, ingester's store, export, import."""

from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Engine

from contract.envelope import Envelope
from contract.reading import PressRecord, Reading
from contract.topics import Topic
from device.journal import Deliveries, Journal
from device.journal.export import export
from device.records import press_of
from firmware_config.study import Study
from phantom.spec import PressSpec
from phantom.trace import simulate
from trial.judge import judge
from trial.store import Arrival, store
from trial.trace_import import bring
from vision.press import Settings, analyse_trace
from vision.pressure import PressureTrace
from vision.trace import trace_from_light

TARGET_KPA = 40.0
SPEC = PressSpec(pre_s=3.0, hold_s=5.0, post_s=12.0, crt_s=2.4, pulse=0.03, slow_wave=0.002, respiration=0.002)


def with_curves(engine: Engine, study: Study, folder: Path, like: Reading, presses: int) -> Reading:
    """Store a reading of so many presses and their traces; `like` says all else of it. `folder` takes the journal."""
    made = [_pressed(number) for number in range(1, presses + 1)]
    result = made[0][0].result.model_dump(mode="json")
    about = like.model_dump(mode="json") | {"result": result}
    about |= {"presses": [each.model_dump(mode="json") for each, _ in made]}
    path = folder / "journal.sqlite"
    with Journal.open(path, like.device.name) as journal:
        journal.begin(Reading.model_validate(about))
        for record, trace in made:
            journal.keep_press(str(like.reading_id), record, trace)
        kept = journal.append(lambda seq: Reading.model_validate(about | {"device_seq": seq}))
    now = datetime.now(UTC)
    sealed = Envelope(sent_at=now, previous_sha256=kept.previous_sha256, sha256=kept.sha256, body=kept.body)
    topic = str(Topic(study.name, like.subject.site, like.device.name, "reading"))
    payload = sealed.model_dump_json().encode()
    store(engine, [Arrival(topic, payload, now, judge(topic, payload, study))], now)
    with Deliveries.open(path, read_only=True) as opened:
        export(opened, folder / "export")
    taken = bring(engine, folder / "export", actor="dm-1", why="speed")
    if taken.stored != presses:
        raise RuntimeError(f"the traces were not stored: {taken}")
    assert isinstance(kept.reading, Reading)
    return kept.reading


def _pressed(number: int) -> tuple[PressRecord, bytes]:
    made = simulate(SPEC.with_(seed=number))
    pressure = PressureTrace(made.pressure_time_s, made.pressure_kpa)
    analysis = analyse_trace(trace_from_light(made.time_s, made.rgb_linear), pressure, Settings(target_kpa=TARGET_KPA))
    kept = press_of(number, TARGET_KPA, analysis, pressure, 1_000_000_000 * number)
    return kept.record, kept.trace
