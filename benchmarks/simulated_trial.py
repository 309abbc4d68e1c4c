"""A made-up trial with outages, shifted clocks, refusals, corrections and dead letters, against its own truth.

What the product says of the schedule, the queries, the dead letters and every export is compared with it row by row. On
SQLite.
"""

import sys
import tempfile
from datetime import timedelta
from pathlib import Path

from sqlalchemy import Engine, select

from benchmarks.simulated_trial_exports import csv_rows, fhir_rows, odm_changes, odm_rows, true_rows
from benchmarks.simulated_trial_made import made_up, study_of
from benchmarks.simulated_trial_truth import START, Site, Truth
from firmware_config.study import Study
from trial.corrections import correct
from trial.crf.fhir import RELEASES, export_fhir
from trial.crf.odm import export_odm
from trial.crf_csv import export
from trial.crf_mottling import export_mottling
from trial.database import open_database, upgrade
from trial.judge import judge
from trial.queries import gaps
from trial.schedule.asked import open_findings, queries
from trial.schedule.findings import findings
from trial.schedule.stored import schedules
from trial.store import Arrival, store
from trial.tables import dead_letter

NOW = START + timedelta(days=400)
PAGE = Path(__file__).parents[1] / "docs" / "evidence" / "trial.md"
Compared = dict[str, tuple[int, int]]
"""Rows of the truth, and how many differ, by what was compared."""


def ingest(engine: Engine, study: Study, sites: list[Site]) -> int:
    """Bring in what comes in, each message at its own time; return how many records were stored."""
    count = 0
    for site in sites:
        topic = f"refill/v1/made-up/{site.name}/{site.device}/reading"
        coming = [(each.came, each) for each in site.sent if each.came is not None]
        coming.sort(key=lambda each: each[0])
        arrivals = [Arrival(topic, each.payload, came, judge(topic, each.payload, study)) for came, each in coming]
        for outcome, (_, each) in zip(store(engine, arrivals, NOW), coming, strict=True):
            if outcome.kind != ("refused" if each.broken else "stored"):
                raise RuntimeError(f"a made-up record was not as it should be: {outcome.kind}")
            count += not each.broken
    return count


def corrected(engine: Engine, study: Study, truth: Truth) -> None:
    """Correct what the data manager corrects."""
    for reading_id, event in truth.corrections:
        correct(engine, study, reading_id, "event", event, actor="dm-1", why="typed wrong")


def differences(engine: Engine, study: Study, truth: Truth, folder: Path) -> Compared:
    """Return rows compared, and how many differ, of completeness, queries, dead letters and each export."""
    corrected(engine, study, truth)
    return _answers(engine, study, truth) | _exports(engine, study, truth, folder)


def _answers(engine: Engine, study: Study, truth: Truth) -> Compared:
    with engine.connect() as connection:
        found, asked = schedules(connection, study, NOW), findings(connection, study, NOW)
        letters = {(row.reason, row.device, str(row.device_seq)) for row in connection.execute(select(dead_letter))}
        refused = sum(gap.refused for gap in gaps(connection, study.name))
    slots = {
        (*slot.subject, slot.event, slot.kind, slot.state, slot.counts.taken.reading_id if slot.counts else "")
        for one in found
        for slot in one.slots
    }
    for _ in range(2):
        open_findings(engine, study.name, asked, NOW, actor="refill")
    with engine.connect() as connection:
        kept = len(queries(connection, study.name))
    said = {(each.code, each.site, each.reading_id or each.key.removeprefix("gap:")) for each in asked}
    return {
        "expected readings": (len(truth.slots), len(slots ^ truth.slots)),
        "queries": (len(truth.asked), len(said ^ truth.asked) + abs(kept - len(truth.asked))),
        "dead letters": (len(truth.letters), len(letters ^ truth.letters)),
        "of them never came in whole": (len(truth.for_good), abs(refused - len(truth.for_good))),
    }


def _exports(engine: Engine, study: Study, truth: Truth, folder: Path) -> Compared:
    export(engine, study.name, folder / "refill.csv")
    export_mottling(engine, study.name, folder / "mottling.csv")
    export_odm(engine, study, folder / "snapshot.xml", "Snapshot", NOW)
    export_odm(engine, study, folder / "transactional.xml", "Transactional", NOW)
    rows = true_rows(truth)
    as_fhir = true_rows(truth, fhir=True)
    compared: Compared = {
        "CSV rows": (len(rows), len(rows ^ csv_rows(folder / "refill.csv", folder / "mottling.csv"))),
        "ODM snapshot, item groups": (len(rows), len(rows ^ odm_rows(folder / "snapshot.xml"))),
        "ODM transactional, changes": (
            len(truth.changes),
            len(truth.changes ^ odm_changes(folder / "transactional.xml")),
        ),
    }
    for release in RELEASES:
        export_fhir(engine, study, folder / f"{release}.ndjson", release)
        found = fhir_rows(folder / f"{release}.ndjson")
        compared[f"FHIR {release}, observations"] = (len(as_fhir), len(as_fhir ^ found))
    return compared


def round_of(sites: int, subjects: int, seed: int, folder: Path) -> Compared:
    """Make up a trial, bring it in, and return the differences."""
    study = study_of(sites)
    sent, truth = made_up(study, subjects, seed)
    engine = open_database(str(folder / "trial.db"))
    upgrade(engine)
    try:
        ingest(engine, study, sent)
        return differences(engine, study, truth, folder)
    finally:
        engine.dispose()


def main() -> int:
    """Run the whole trial and write its page; 1 where anything differs."""
    with tempfile.TemporaryDirectory() as folder:
        found = round_of(32, 240, 1, Path(folder))
    lines = [
        "# The simulated trial\n",
        "Written by `make trial-truth`, not by hand. 240 made-up subjects and 32 more at 32 sites, on SQLite. Eight",
        "sites are cut off for six days, and all that they measured comes in at once; the clocks of sixteen are wrong",
        "by 31 h for four days. Readings are refused, late, lost, out of window, without an event, typed wrong and",
        "corrected by a data manager or at the bedside, scored and commented there; some come in broken, once or for",
        "good. What is true of each was written down while it was made up.\n",
        "| compared | rows of the truth | that differ |",
        "| --- | --- | --- |",
        *(f"| {name} | {rows} | {wrong} |" for name, (rows, wrong) in found.items()),
    ]
    PAGE.write_text("\n".join(lines) + "\n", encoding="utf-8")
    sys.stdout.write("\n".join(lines[6:]) + "\n")
    return int(any(wrong for _, wrong in found.values()))


if __name__ == "__main__":
    sys.exit(main())
