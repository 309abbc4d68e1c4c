"""The case report form as CDISC ODM-XML 1.3.2, written element by element: memory does not grow with the trial.

Snapshot: what stands now. Transactional: each reading's insertion with what was entered first, each change after it
with who, when and why, and the removal from where a correction has moved it away. Both say the same of what stands.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby, islice
from pathlib import Path
from typing import Literal
from xml.sax.saxutils import escape, quoteattr

from sqlalchemy import Connection, Engine

from contract.reading import utc
from contract.version import __version__
from firmware_config.study import Study
from firmware_config.study_crf import Crf
from trial.crf.canonical import AT_ONCE, FORMS, Change, CrfRecord, Form, records, snapshot, written
from trial.crf.files import Written, whole_file
from trial.crf.instances import allocate_all, kept, left
from trial.crf.items import items
from trial.crf.odm_study import TRIAL_OFFICE, UNSCHEDULED, head, head_lines, metadata_oid
from trial.database import note, writing
from trial.freezing import Freeze, Whose, since, standing

FileType = Literal["Snapshot", "Transactional"]
NAMESPACE: str = "http://www.cdisc.org/ns/odm/v1.3"
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class OdmError(Exception):
    """The export cannot be made as ODM. One sentence."""


class _Oids:
    """The study's identifiers, quoted once: they stand at every value."""

    def __init__(self, crf: Crf) -> None:
        self._crf = crf
        self.items: dict[Form, dict[str, str]] = {
            form: {item.name: quoteattr(item.oid) for item in items(form, crf)} for form in FORMS
        }

    def event(self, event: str) -> str:
        """Return the quoted identifier of an event, "" being none chosen."""
        return quoteattr(self._crf.event(event or UNSCHEDULED))


@dataclass(frozen=True)
class _Numbered:
    """A record with its repeat key, and the places it was moved away from: (site, inclusion, event, repeat key)."""

    record: CrfRecord
    number: int
    left: tuple[tuple[str, str, str, int], ...]
    oids: "_Oids"


def export_odm(engine: Engine, study: Study, out: Path, file_type: FileType, now: datetime) -> int:
    """Write a study's readings to `out`; returns their number. Repeat keys are given to those that have none.

    The file appears whole or not at all; the export is noted in the audit trail with its hash. A reading that comes in
    while it is written is in the next one. Raises `OdmError`, `AlteredError`, `OSError` and SQLAlchemy's errors.
    """
    allocate_all(engine, "odm", study.name, now)
    with whole_file(out) as file, snapshot(engine) as connection:
        count = _write(file, connection, study, file_type, now)
    with writing(engine).begin() as connection:
        said = f"study {study.name}, {file_type}, {count} readings, sha256 {file.sha256}"
        note(connection, "export", "crf odm exported", said)
    return count


def _write(file: Written, connection: Connection, study: Study, file_type: FileType, now: datetime) -> int:
    created = utc(now)
    oid = f"refill.{study.name}.{file_type.lower()}.{now:%Y%m%dT%H%M%S%f}"
    file.write('<?xml version="1.0" encoding="UTF-8"?>\n')
    file.write(f'<ODM xmlns="{NAMESPACE}" ODMVersion="1.3.2" FileType="{file_type}" FileOID={quoteattr(oid)}')
    file.write(f' Granularity="All" CreationDateTime="{created}" AsOfDateTime="{created}"')
    file.write(f' SourceSystem="refill" SourceSystemVersion={quoteattr(__version__)}>\n')
    for line in head_lines(head(connection, study), now.date()):
        file.write(f"{line}\n")
    whose = f"StudyOID={quoteattr(study.crf.study(study.name))} MetaDataVersionOID={quoteattr(metadata_oid(study))}"
    file.write(f"<ClinicalData {whose}>\n")
    written_count, frozen = 0, standing(connection, study.name)
    for subject, of_subject in groupby(_numbered(connection, study), key=_subject):
        written_count += _write_subject(file, subject, of_subject, file_type, frozen)
    file.write("</ClinicalData>\n</ODM>\n")
    return written_count


def _numbered(connection: Connection, study: Study) -> Iterator[_Numbered]:
    found, oids = records(connection, study.name), _Oids(study.crf)
    while some := list(islice(found, AT_ONCE)):
        wanted = [record.place for record in some]
        numbers, moved = kept(connection, "odm", wanted), left(connection, "odm", wanted)
        for record in some:
            reading_id = record.place.reading_id
            # One that came between the numbering and this snapshot is in the next export.
            if reading_id in numbers:
                yield _Numbered(record, numbers[reading_id], tuple(moved.get(reading_id, ())), oids)


def _subject(each: _Numbered) -> tuple[str, str]:
    return each.record.place.site, each.record.place.inclusion


def _write_subject(
    file: Written,
    subject: tuple[str, str],
    of_subject: Iterator[_Numbered],
    file_type: FileType,
    frozen: Mapping[Whose, Freeze],
) -> int:
    count, removals = 0, list[str]()
    _open_subject(file, *subject, frozen)
    for event, of_event in groupby(of_subject, key=lambda each: each.oids.event(each.record.place.event)):
        file.write(f"<StudyEventData StudyEventOID={event}>\n")
        for form, of_form in groupby(of_event, key=lambda each: each.record.place.form):
            file.write(f'<FormData FormOID="F.{form}">\n')
            for each in of_form:
                count += 1
                for text in _snapshot(each) if file_type == "Snapshot" else _transactions(each):
                    file.write(text)
                if file_type == "Transactional":
                    removals += _removals(each)
            file.write("</FormData>\n")
        file.write("</StudyEventData>\n")
    file.write("</SubjectData>\n")
    for text in removals:
        file.write(text)
    return count


def _open_subject(file: Written, site: str, inclusion: str, frozen: Mapping[Whose, Freeze]) -> None:
    file.write(f"<SubjectData SubjectKey={quoteattr(f'{site}-{inclusion}')}>")
    file.write(f"<SiteRef LocationOID={quoteattr(f'L.{site}')}/>\n")
    holds = [(whose, frozen[whose]) for whose in ((site, None), (site, inclusion)) if whose in frozen]
    for number, (whose, by) in enumerate(holds, 1):
        said = escape(f"{since(whose, by)}: {by.why}")
        file.write(f'<Annotation SeqNum="{number}"><Comment>{said}</Comment></Annotation>\n')


def _group(form: Form, number: int, transaction: str | None, content: str) -> str:
    kind = f' TransactionType="{transaction}"' if transaction else ""
    opened = f'<ItemGroupData ItemGroupOID="IG.{form}" ItemGroupRepeatKey="{number}"{kind}>'
    return f"{opened}{content}</ItemGroupData>\n"


def _snapshot(each: _Numbered) -> Iterator[str]:
    record = each.record
    content = "".join(_item(each, name, record.text(name)) for name in record.values)
    yield _group(record.place.form, each.number, None, content)


def _transactions(each: _Numbered) -> Iterator[str]:
    record = each.record
    first = "".join(_item(each, name, written(value)) for name, value in record.initial.items())
    yield _group(record.place.form, each.number, "Insert", _inserted(record) + first)
    for change in record.history:
        moved = "".join(_item(each, name, written(after), null=True) for name, _, after in change.items)
        yield _group(record.place.form, each.number, "Update", _changed(record, change) + moved)


def _removals(each: _Numbered) -> Iterator[str]:
    """Yield the removal from each place that a correction of inclusion or event has moved the reading away from."""
    form = each.record.place.form
    moves = [c for c in each.record.history if {"inclusion", "event"} & {name for name, _, _ in c.items}]
    for site, inclusion, event, number in each.left:
        if not moves:  # numbered at a place that no correction explains: nothing is removed on a guess
            continue
        gone = _group(form, number, "Remove", _changed(each.record, moves[-1]))
        yield (
            f"<SubjectData SubjectKey={quoteattr(f'{site}-{inclusion}')}>"
            f"<SiteRef LocationOID={quoteattr(f'L.{site}')}/>"
            f'<StudyEventData StudyEventOID={each.oids.event(event)}><FormData FormOID="F.{form}">{gone}'
            "</FormData></StudyEventData></SubjectData>\n"
        )


def _item(each: _Numbered, name: str, text: str | None, null: bool = False) -> str:
    oid = each.oids.items[each.record.place.form][name]
    if text is None:
        return f'<ItemData ItemOID={oid} IsNull="Yes"/>' if null else ""
    _check(each.record, name, text)
    return f"<ItemData ItemOID={oid} Value={quoteattr(text)}/>"


def _inserted(record: CrfRecord) -> str:
    operator = written(record.initial["operator"])
    user = operator or f"device.{record.initial['device']}"
    at = written(record.initial["measured_at"]) or ""
    return _audit(
        f"U.{user}", f"L.{record.place.site}", at, None, f"{record.place.reading_id} {record.values['sha256']}"
    )


def _changed(record: CrfRecord, change: Change) -> str:
    _check(record, "reason for change", change.why)
    where = f"L.{record.place.site}" if "@" in change.actor else TRIAL_OFFICE
    return _audit(f"U.{change.actor}", where, utc(change.at), change.why, record.place.reading_id)


def _audit(user: str, location: str, at: str, why: str | None, source: str) -> str:
    reason = f"<ReasonForChange>{escape(why)}</ReasonForChange>" if why else ""
    return (
        f'<AuditRecord EditPoint="DBAudit" UsedImputationMethod="No"><UserRef UserOID={quoteattr(user)}/>'
        f"<LocationRef LocationOID={quoteattr(location)}/><DateTimeStamp>{escape(at)}</DateTimeStamp>"
        f"{reason}<SourceID>{escape(source)}</SourceID></AuditRecord>"
    )


def _check(record: CrfRecord, name: str, text: str) -> None:
    if _NOT_XML.search(text):
        raise OdmError(f"reading {record.place.reading_id}: {name} holds a character that XML cannot carry")
