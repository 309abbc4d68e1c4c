"""What the data themselves ask: gaps, readings out of window, late, with a doubtful clock, presses that disagree; and
what calibrations ask (`trial.schedule.calibrated`)."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from sqlalchemy import Connection, select

from firmware_config.study import Study
from trial.crf.canonical import CrfRecord
from trial.freezing import standing
from trial.queries import gaps
from trial.schedule.calibrated import calibration_findings
from trial.schedule.finding import Finding
from trial.schedule.rules import Placed, Schedule
from trial.schedule.stored import counted, schedules
from trial.tables import record


def findings(connection: Connection, study: Study, now: datetime, site: str | None = None) -> list[Finding]:
    """Return what the stored data ask now, of one site or of all; raises `trial.crf_files.AlteredError`."""
    found = [*_gaps(connection, study.name, site), *calibration_findings(connection, study, now, site)]
    entries = {each.place.reading_id: each for each in counted(connection, study, site)}
    frozen = standing(connection, study.name)
    for each in entries.values():
        found += _of_record(study, each)
        holds = [frozen[whose].at for whose in _whose(each) if whose in frozen]
        if holds and datetime.fromisoformat(str(each.values["received_at"])) > min(holds):
            found.append(_about(each, "after-freeze", "it came in after its data were frozen"))
    for one in schedules(connection, study, now, site):
        found += _of_schedule(one)
        found += _changes(study, [(each, entries[each.taken.reading_id]) for each in one.placed])
    return found


def _whose(entry: CrfRecord) -> tuple[tuple[str, str | None], ...]:
    where = entry.place
    return (where.site, None), (where.site, where.inclusion)


def _gaps(connection: Connection, study: str, site: str | None) -> Iterator[Finding]:
    for gap in gaps(connection, study):
        behind = select(record.c.site).where(
            record.c.study == study, record.c.device == gap.device, record.c.device_seq == gap.last_missing + 1
        )
        where = connection.execute(behind).scalar_one()
        if site in (None, where):
            text = f"{gap.device}: records {gap.first_missing} to {gap.last_missing} have not come in"
            yield Finding(f"gap:{gap.device}:{gap.last_missing}", "gap", where, text)


def _of_record(study: Study, entry: CrfRecord) -> Iterator[Finding]:
    if not entry.values["clock_synchronised"]:
        yield _about(entry, "clock", "the device's clock was not synchronised when this was measured")
    spread = entry.values.get("crt_spread")
    if isinstance(spread, float) and spread > study.ask.crt_spread:
        yield _about(entry, "press-disagreement", f"its presses disagree: their spread is {spread:.2f} of the median")


def _of_schedule(one: Schedule) -> Iterator[Finding]:
    for each in one.placed:
        if each.out_of_window:
            yield _placed(each, "out-of-window", f"it names {each.event} and lies outside that event's window")
        if each.late:
            yield _placed(each, "late", "it came in later than the study allows")
        if each.could_be:
            yield _placed(each, "ambiguous", f"it names no event and fits {', '.join(each.could_be)}")


def _changes(study: Study, placed: Sequence[tuple[Placed, CrfRecord]]) -> Iterator[Finding]:
    within = timedelta(hours=study.ask.change_within_h)
    for body_site in ("finger", "knee"):
        measured = [
            (each, crt_s)
            for each, entry in placed
            if each.taken.kind == body_site and isinstance(crt_s := entry.values["crt_s"], float)
        ]
        for (before, first_s), (after, second_s) in pairwise(measured):
            near = after.taken.measured_at - before.taken.measured_at <= within
            if near and max(first_s, second_s) > study.ask.change_factor * min(first_s, second_s):
                text = f"{body_site} went from {first_s:.1f} s to {second_s:.1f} s within {within}"
                yield _placed(after, "implausible-change", text)


def _about(entry: CrfRecord, code: str, text: str) -> Finding:
    where = entry.place
    return Finding(f"{code}:{where.reading_id}", code, where.site, text, where.inclusion, where.reading_id)


def _placed(each: Placed, code: str, text: str) -> Finding:
    site, inclusion = each.taken.subject
    return Finding(f"{code}:{each.taken.reading_id}", code, site, text, inclusion, each.taken.reading_id)
