"""Readings by the hundred thousand for benchmarks of the trial side: through the ingester's own judge and store."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import Engine

from contract.envelope import Envelope, canonical_json, chain_sha256
from contract.identifiers import GENESIS_SHA256, new_reading_id
from contract.reading import Reading
from contract.topics import Topic
from firmware_config.study import Study
from trial.judge import judge
from trial.store import Arrival, store

BATCH = 500
BOOT = UUID("00000000-0000-4000-8000-000000000001")
FIRST_AT = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
SUBJECTS = 12
"""At each site."""


def fill(engine: Engine, study: Study, readings: int, seed: int = 1) -> None:
    """Store so many readings, spread evenly over the study's sites, one device at each."""
    batch: list[Arrival] = []
    for arrival in arrivals(study, readings, seed):
        batch.append(arrival)
        if len(batch) == BATCH:
            _stored(engine, batch)
            batch = []
    _stored(engine, batch)


def arrivals(study: Study, readings: int, seed: int) -> Iterator[Arrival]:
    """Yield the messages of all devices, each device's in its order."""
    chance = random.Random(seed)  # noqa: S311 - made-up patients
    last = dict.fromkeys(study.sites, GENESIS_SHA256)
    for number in range(readings):
        site = study.sites[number % len(study.sites)]
        seq = number // len(study.sites) + 1
        body = canonical_json(_reading(study, site, seq, chance))
        sha256 = chain_sha256(last[site], body)
        moment = FIRST_AT + timedelta(minutes=seq)
        sealed = Envelope(sent_at=moment, previous_sha256=last[site], sha256=sha256, body=body)
        last[site] = sha256
        topic, payload = str(Topic(study.name, site, f"bed-{site}", "reading")), sealed.model_dump_json().encode()
        yield Arrival(topic, payload, moment, judge(topic, payload, study))


def one_more(study: Study, device: str) -> Reading:
    """Return a reading of another device of the first site, the newest of all."""
    made = _reading(study, study.sites[0], 1, random.Random(0))  # noqa: S311 - a made-up patient
    measured = made.measured.model_copy(update={"at": datetime.now(UTC)})
    return made.model_copy(update={"device": made.device.model_copy(update={"name": device}), "measured": measured})


def _stored(engine: Engine, batch: list[Arrival]) -> None:
    for outcome in store(engine, batch, datetime.now(UTC)):
        if outcome.kind != "stored":
            raise RuntimeError(f"a made-up reading was not stored: {outcome.kind}")


def _reading(study: Study, site: str, seq: int, chance: random.Random) -> Reading:
    crt_s = chance.lognormvariate(0.95, 0.4)
    result: dict[str, object] = {"status": "not_measurable", "reason": "moved"}
    if chance.random() > 0.08:
        result = {"status": "measured", "crt_s": crt_s, "crt_ci95_s": [0.93 * crt_s, 1.08 * crt_s]}
    press = {"number": 1, "result": result, "target_kpa": 40.0, "frames": 600, "frames_dropped": 0}
    return Reading.model_validate(
        {
            "reading_id": str(new_reading_id()),
            "device_seq": seq,
            "study": study.name,
            "subject": {"site": site, "inclusion": f"{1 + seq % SUBJECTS:04d}"},
            "event": study.events[seq // SUBJECTS % len(study.events)],
            "body_site": "finger" if seq % 2 else "knee",
            "simulated": True,
            "protocol": {"name": "demo", "version": "1", "sha256": "a" * 64},
            "device": {
                "name": f"bed-{site}",
                "software_version": "0.1.0",
                "algorithm_version": "1",
                "configuration_sha256": "b" * 64,
            },
            "measured": {
                "at": (FIRST_AT + timedelta(minutes=seq)).isoformat(),
                "boot_id": str(BOOT),
                "boottime_ns": 60_000_000_000 * seq,
                "clock_synchronised": True,
            },
            "result": result,
            "presses": [press, {**press, "number": 2}, {**press, "number": 3}],
        }
    )
