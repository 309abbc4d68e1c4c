"""What the schedule needs of each stored reading, and nothing else: a hundred thousand of them within seconds.

The bodies are read as plain JSON: the contract checked them on their way in, and the hash that their device sealed
them with is checked here. `trial.schedule.stored.taken_of` says the same of the canonical record; a test holds both
together.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from pydantic_core import from_json
from sqlalchemy import Connection, Row, Select, select

from contract.envelope import chain_sha256
from firmware_config.study import Study
from trial import tables
from trial.crf.canonical import FORMS, Form
from trial.crf_files import AlteredError
from trial.schedule.rules import Taken

AT_ONCE: int = 1000
"""Readings that are held at once beside what is returned."""


def taken(connection: Connection, study: Study, site: str | None = None) -> Iterator[Taken]:
    """Yield every reading that counts, as it stands after its corrections, in no order; raises `AlteredError`."""
    made = _corrections(connection, study.name)
    for form in FORMS:
        for row in connection.execute(_rows(form, study.name, site), execution_options={"yield_per": AT_ONCE}):
            if chain_sha256(row.previous_sha256, row.body) != row.sha256:
                raise AlteredError(f"reading {row.reading_id} is not as its device sealed it: nothing is counted")
            content = from_json(row.body)
            if study.accept_simulated or not content["simulated"]:
                yield _taken(form, row, content, made.get(row.reading_id, {}))


def _rows(form: Form, study: str, site: str | None) -> Select[Any]:
    t, r = (tables.reading if form == "refill" else tables.mottling), tables.record
    query = select(t.c.reading_id, t.c.body, t.c.measured_at, r.c.previous_sha256, r.c.sha256, r.c.received_at)
    query = query.join_from(r, t, r.c.reading_id == t.c.reading_id).where(r.c.study == study)
    return query if site is None else query.where(r.c.site == site)


def _corrections(connection: Connection, study: str) -> dict[str, dict[str, str | None]]:
    """Return what stands in each corrected field, by reading."""
    c, r = tables.correction.c, tables.record.c
    query = select(c.reading_id, c.field, c.new_value).join(tables.record, r.reading_id == c.reading_id)
    found: dict[str, dict[str, str | None]] = {}
    for row in connection.execute(query.where(r.study == study).order_by(c.id)):
        found.setdefault(row.reading_id, {})[row.field] = row.new_value
    return found


def _taken(form: Form, row: Row[Any], content: Mapping[str, Any], corrected: Mapping[str, str | None]) -> Taken:
    def stands(field: str, entered: Any) -> Any:
        return corrected.get(field, entered)

    subject, result = content["subject"], content["result"]
    onset = stands("norepinephrine_onset_at", content.get("norepinephrine_onset_at"))
    return Taken(
        row.reading_id,
        (subject["site"], stands("inclusion", subject["inclusion"])),
        "mottling" if form == "mottling" else stands("body_site", content["body_site"]),
        stands("event", content.get("event")) or "",
        row.measured_at,
        row.received_at,
        result["reason"] if result["status"] == "not_measurable" else None,
        None if onset is None else datetime.fromisoformat(onset),
    )
