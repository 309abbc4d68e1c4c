"""A made-up trial with outages, late data, refusals, corrections and a clock error, against its own truth.

The truth is written down while the trial is made up, before anything is stored; what the product says of the schedule,
the queries and the export is compared with it row by row. Refill readings only, on SQLite.
"""

import csv
import random
import sys
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from benchmarks.trial_readings import BOOT
from contract.envelope import Envelope, canonical_json, chain_sha256
from contract.identifiers import GENESIS_SHA256, new_reading_id
from contract.reading import Reading
from firmware_config.study import Study
from trial.corrections import correct
from trial.crf_csv import export
from trial.database import open_database, upgrade
from trial.judge import judge
from trial.schedule.asked import open_findings, queries
from trial.schedule.findings import findings
from trial.schedule.stored import schedules
from trial.store import Arrival, store

START = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
NOW = START + timedelta(days=400)
DAYS = (1, 2, 3)
FATES = (
    "done",
    "done",
    "done",
    "refused",
    "missing",
    "late",
    "again",
    "outside",
    "unnamed",
    "typed-wrong",
    "clock",
    "lost",
)
"""What becomes of an expected reading; `lost` is a record that never comes in, `again` a second one after a refusal."""
PAGE = Path(__file__).parents[1] / "docs" / "evidence" / "trial.md"
SlotRow = tuple[str, str, str, str, str, str]


@dataclass
class Truth:
    """What must be found: slots (site, inclusion, event, kind, state, reading), queries (code, site, about), rows."""

    slots: set[SlotRow] = field(default_factory=set)
    asked: set[tuple[str, str, str]] = field(default_factory=set)
    exported: set[tuple[str, str, str, str]] = field(default_factory=set)
    corrections: list[tuple[str, str]] = field(default_factory=list)


@dataclass
class Site:
    """A site's device: its sealed records in order, with when each comes in; None: never."""

    name: str
    sent: list[tuple[bytes, datetime | None]] = field(default_factory=list)
    last: str = GENESIS_SHA256


def study_of(sites: int) -> Study:
    """Return the made-up study with so many sites."""
    events = ["inclusion", *(f"day-{day}" for day in DAYS)]
    expected: list[dict[str, Any]] = [{"event": "inclusion", "readings": ["finger", "knee"]}]
    for day in DAYS:
        window = {"after": "inclusion", "from_h": 24 * day - 6, "to_h": 24 * day + 6}
        expected.append({"event": f"day-{day}", "readings": ["finger", "knee"], **window})
    content = {"name": "made-up", "title": "made up", "sites": [f"{number:02d}" for number in range(1, sites + 1)]}
    return Study.model_validate({**content, "events": events, "accept_simulated": True, "expected": expected})


def made_up(study: Study, subjects: int, seed: int) -> tuple[list[Site], Truth]:
    """Return what the sites send and what is true of it."""
    chance, truth = random.Random(seed), Truth()  # noqa: S311 - made-up patients
    sites = [Site(name) for name in study.sites]
    for number in range(subjects):
        site, inclusion = sites[number % len(sites)], f"{1 + number:04d}"
        begin = START + timedelta(hours=number)
        for day in (0, *DAYS):
            for kind in ("finger", "knee"):
                # The anchor always stands, or nothing after it could be told.
                fate = "done" if day == 0 else chance.choice(FATES)
                _happens(site, inclusion, day, kind, begin, fate, truth)
    for site in sites:
        # A lost last record leaves no gap to see: each device sends one more.
        subject = f"{9000 + int(site.name):04d}"
        for kind in ("finger", "knee"):
            _happens(site, subject, 0, kind, START + timedelta(days=300), "done", truth)
        for day in DAYS:
            for kind in ("finger", "knee"):
                _happens(site, subject, day, kind, START, "missing", truth)
        truth.asked |= _lost_runs(site)
    return sites, truth


def _happens(site: Site, inclusion: str, day: int, kind: str, begin: datetime, fate: str, truth: Truth) -> None:
    event = "inclusion" if day == 0 else f"day-{day}"
    at = begin + timedelta(days=day, minutes=0 if kind == "finger" else 10)
    if fate == "outside":
        at += timedelta(hours=8)
    counts, state = "", "missing"
    if fate != "missing":
        named = {"unnamed": None, "typed-wrong": "inclusion"}.get(fate, event)
        came = None if fate == "lost" else at + timedelta(hours=30 if fate == "late" else 1)
        refused = fate in ("refused", "again")
        counts = _send(site, inclusion, named, kind, at, came, refused, fate != "clock")
        stands = "" if fate == "unnamed" else event
        if fate == "typed-wrong":
            truth.corrections.append((counts, event))
        if came is not None:
            state = "refused" if refused else "done"
            truth.exported.add((counts, inclusion, stands, "not_measurable" if refused else "measured"))
        else:
            counts = ""
    code = {"late": "late", "outside": "out-of-window", "clock": "clock"}.get(fate)
    if code is not None:
        truth.asked.add((code, site.name, counts))
    if fate == "again":
        later = at + timedelta(minutes=30)
        counts, state = _send(site, inclusion, event, kind, later, later, False, True), "done"
        truth.exported.add((counts, inclusion, event, "measured"))
    truth.slots.add((site.name, inclusion, event, kind, state, counts))


def _lost_runs(site: Site) -> set[tuple[str, str, str]]:
    lost = [seq for seq, (_, came) in enumerate(site.sent, 1) if came is None]
    return {("gap", site.name, f"bed-{site.name}:{seq}") for seq in lost if seq + 1 not in lost}


def _send(
    site: Site,
    inclusion: str,
    event: str | None,
    kind: str,
    at: datetime,
    came: datetime | None,
    refused: bool,
    clock: bool,
) -> str:
    result: dict[str, Any] = {"status": "measured", "crt_s": 2.5, "crt_ci95_s": [2.3, 2.7]}
    if refused:
        result = {"status": "not_measurable", "reason": "moved"}
    seq, name = len(site.sent) + 1, f"bed-{site.name}"
    versions = {"software_version": "0.1.0", "algorithm_version": "1", "configuration_sha256": "b" * 64}
    measured = {"boot_id": str(BOOT), "boottime_ns": seq * 1_000_000_000, "clock_synchronised": clock}
    content = {
        "reading_id": str(new_reading_id()),
        "device_seq": seq,
        "study": "made-up",
        "subject": {"site": site.name, "inclusion": inclusion},
        "event": event,
        "body_site": kind,
        "simulated": True,
        "protocol": {"name": "demo", "version": "1", "sha256": "a" * 64},
        "device": {"name": name, **versions},
        "measured": {"at": at.isoformat(), **measured},
        "result": result,
        "presses": [{"number": 1, "result": result, "target_kpa": 40.0, "frames": 600, "frames_dropped": 0}],
    }
    body = canonical_json(Reading.model_validate(content))
    sha256 = chain_sha256(site.last, body)
    sealed = Envelope(sent_at=at, previous_sha256=site.last, sha256=sha256, body=body)
    site.last = sha256
    site.sent.append((sealed.model_dump_json().encode(), came))
    return str(content["reading_id"])


def ingest(engine: Engine, study: Study, sites: list[Site]) -> int:
    """Bring in what comes in, each reading at its own time; return how many."""
    count = 0
    for site in sites:
        topic = f"refill/v1/made-up/{site.name}/bed-{site.name}/reading"
        arrivals = [
            Arrival(topic, sent, came, judge(topic, sent, study)) for sent, came in site.sent if came is not None
        ]
        for outcome in store(engine, arrivals, NOW):
            if outcome.kind != "stored":
                raise RuntimeError(f"a made-up reading was not stored: {outcome.kind}")
            count += 1
    return count


def differences(engine: Engine, study: Study, truth: Truth, out: Path) -> dict[str, tuple[int, int]]:
    """Return rows compared, and how many differ, of completeness, queries and export."""
    for reading_id, event in truth.corrections:
        correct(engine, study, reading_id, "event", event, actor="dm-1", why="typed wrong")
    with engine.connect() as connection:
        found = schedules(connection, study, NOW)
        asked = findings(connection, study, NOW)
    slots = {
        (
            *slot.subject,
            slot.event,
            str(slot.kind),
            str(slot.state),
            slot.counts.taken.reading_id if slot.counts else "",
        )
        for one in found
        for slot in one.slots
    }
    for _ in range(2):
        open_findings(engine, study.name, asked, NOW, actor="refill")
    with engine.connect() as connection:
        kept = len(queries(connection, study.name))
    said = {(each.code, each.site, each.reading_id or each.key.removeprefix("gap:")) for each in asked}
    export(engine, study.name, out)
    rows = csv.DictReader(out.read_text(encoding="utf-8").splitlines())
    exported = {(row["reading_id"], row["inclusion"], row["event"], row["status"]) for row in rows}
    return {
        "expected readings": (len(truth.slots), len(slots ^ truth.slots)),
        "queries": (len(truth.asked), len(said ^ truth.asked) + abs(kept - len(truth.asked))),
        "CSV rows": (len(truth.exported), len(exported ^ truth.exported)),
    }


def round_of(sites: int, subjects: int, seed: int, folder: Path) -> dict[str, tuple[int, int]]:
    """Make up a trial, bring it in, and return the differences."""
    study = study_of(sites)
    sent, truth = made_up(study, subjects, seed)
    engine = open_database(str(folder / "trial.db"))
    upgrade(engine)
    try:
        ingest(engine, study, sent)
        return differences(engine, study, truth, folder / "crf.csv")
    finally:
        engine.dispose()


def main() -> int:
    """Run the whole trial and write its page; 1 where anything differs."""
    with tempfile.TemporaryDirectory() as folder:
        found = round_of(32, 240, 1, Path(folder))
    lines = ["# The simulated trial", "", "240 subjects and 32 more, 32 sites, SQLite; `make trial-truth`.", ""]
    lines += ["| compared | rows of the truth | that differ |", "| --- | --- | --- |"]
    lines += [f"| {name} | {rows} | {wrong} |" for name, (rows, wrong) in found.items()]
    PAGE.write_text("\n".join(lines) + "\n", encoding="utf-8")
    sys.stdout.write("\n".join(lines[4:]) + "\n")
    return int(any(wrong for _, wrong in found.values()))


if __name__ == "__main__":
    sys.exit(main())
