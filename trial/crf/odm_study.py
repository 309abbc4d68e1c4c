"""The head of an ODM file: the study's metadata, its users and its places, from the study file and the database.

CDISC ODM-XML 1.3.2. OIDs: study `S.`, event `SE.`, form `F.`, item group `IG.`, item `I.`, location `L.`, user `U.`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from sqlalchemy import Connection, Select, select

from contract.version import __version__
from firmware_config.study import Study
from trial import tables
from trial.crf.canonical import FORMS, Form
from trial.crf.items import FORM_NAMES, UNITS, Item, items

UNSCHEDULED: str = "unscheduled"
"""The event of a reading at which none was chosen."""
TRIAL_OFFICE: str = "L.trial"


@dataclass(frozen=True)
class Head:
    """What an ODM file says before its data. Everything in order, each once."""

    study: Study
    events: tuple[str, ...]
    sites: tuple[str, ...]
    users: tuple[str, ...]


def head(connection: Connection, study: Study) -> Head:
    """Return the head for a study's stored readings: also events, sites and users that its file does not name."""
    r, c, a = tables.record.c, tables.correction.c, tables.amendment.c

    def each(query: Select[Any]) -> set[Any]:
        return set(connection.execute(query.where(r.study == study.name).distinct()).scalars())

    of_correction = select(c.actor).join(tables.record, r.reading_id == c.reading_id)
    of_amendment = select(a.operator + "@" + r.device).join(tables.record, r.reading_id == a.reading_id)
    moved = select(c.new_value).join(tables.record, r.reading_id == c.reading_id).where(c.field == "event")
    events, operators = each(moved), set[Any]()
    for t in (tables.reading, tables.mottling):
        events |= each(select(t.c.event).join(tables.record, r.reading_id == t.c.reading_id))
        operators |= each(select(t.c.operator).join(tables.record, r.reading_id == t.c.reading_id))
    users = each(of_correction) | each(of_amendment) | (operators - {None})
    users |= {f"device.{device}" for device in each(select(r.device))}
    also = sorted({event or UNSCHEDULED for event in events} - set(study.events))
    sites = sorted({*study.sites, *each(select(r.site))})
    return Head(study, (*study.events, *also), tuple(sites), tuple(sorted(users)))


def metadata_oid(study: Study) -> str:
    """Return the identifier of the metadata's version: it changes with the software that makes it."""
    return f"MDV.{study.name}.{__version__}"


def head_lines(made: Head, effective: date) -> Iterator[str]:
    """Yield the elements Study and AdminData, line by line; `effective` is when this metadata version is in use."""
    study = made.study
    yield f"<Study OID={quoteattr(study.crf.study(study.name))}>"
    yield "<GlobalVariables>"
    yield f"<StudyName>{escape(study.name)}</StudyName><StudyDescription>{escape(study.title)}</StudyDescription>"
    yield f"<ProtocolName>{escape(study.registration or study.name)}</ProtocolName>"
    yield "</GlobalVariables>"
    yield "<BasicDefinitions>"
    for unit, name in UNITS.items():
        yield f'<MeasurementUnit OID="MU.{unit}" Name="{name}"><Symbol>{_said(unit)}</Symbol></MeasurementUnit>'
    yield "</BasicDefinitions>"
    yield f"<MetaDataVersion OID={quoteattr(metadata_oid(study))} Name={quoteattr(f'refill {__version__}')}>"
    yield from _metadata(made)
    yield "</MetaDataVersion>"
    yield "</Study>"
    yield f"<AdminData StudyOID={quoteattr(study.crf.study(study.name))}>"
    yield from _administration(made, effective)
    yield "</AdminData>"


def _metadata(made: Head) -> Iterator[str]:
    all_items = {form: items(form, made.study.crf) for form in FORMS}
    yield "<Protocol>"
    for number, event in enumerate(made.events, 1):
        oid = quoteattr(made.study.crf.event(event))
        yield f'<StudyEventRef StudyEventOID={oid} OrderNumber="{number}" Mandatory="No"/>'
    yield "</Protocol>"
    for event in made.events:
        kind = "Unscheduled" if event == UNSCHEDULED else "Scheduled"
        name = quoteattr(event)
        yield f'<StudyEventDef OID={quoteattr(made.study.crf.event(event))} Name={name} Repeating="No" Type="{kind}">'
        yield "".join(f'<FormRef FormOID="F.{form}" Mandatory="No"/>' for form in FORMS)
        yield "</StudyEventDef>"
    for form in FORMS:
        yield f'<FormDef OID="F.{form}" Name="{FORM_NAMES[form]}" Repeating="No">'
        yield f'<ItemGroupRef ItemGroupOID="IG.{form}" Mandatory="No"/></FormDef>'
    for form in FORMS:
        yield from _group(form, all_items[form])
    for form in FORMS:
        for item in all_items[form]:
            yield from _item(item)
    for form in FORMS:
        for item in all_items[form]:
            yield from _codes(item)


def _group(form: Form, found: Iterable[Item]) -> Iterator[str]:
    yield f'<ItemGroupDef OID="IG.{form}" Name="{FORM_NAMES[form]}" Repeating="Yes">'
    for number, item in enumerate(found, 1):
        yield f'<ItemRef ItemOID={quoteattr(item.oid)} OrderNumber="{number}" Mandatory="No"/>'
    yield "</ItemGroupDef>"


_LENGTHS = {"text": ' Length="1000"', "integer": ' Length="19"', "float": ' Length="24" SignificantDigits="17"'}


def _item(item: Item) -> Iterator[str]:
    size = _LENGTHS.get(item.data_type, "")
    yield f'<ItemDef OID={quoteattr(item.oid)} Name="{item.name}" DataType="{item.data_type}"{size}>'
    yield f"<Description>{_said(item.meaning)}</Description>"
    if item.unit:
        yield f'<MeasurementUnitRef MeasurementUnitOID="MU.{item.unit}"/>'
    if item.codes is not None:
        yield f'<CodeListRef CodeListOID="CL.{item.form}.{item.name}"/>'
    yield "</ItemDef>"


def _codes(item: Item) -> Iterator[str]:
    if item.codes is None:
        return
    yield f'<CodeList OID="CL.{item.form}.{item.name}" Name="{item.form} {item.name}" DataType="text">'
    for code, meaning in item.codes.items():
        yield f"<CodeListItem CodedValue={quoteattr(code)}><Decode>{_said(meaning)}</Decode></CodeListItem>"
    yield "</CodeList>"


def _administration(made: Head, effective: date) -> Iterator[str]:
    for user in made.users:
        yield f'<User OID={quoteattr(f"U.{user}")} UserType="Other"><LoginName>{escape(user)}</LoginName></User>'
    whose = f"<MetaDataVersionRef StudyOID={quoteattr(made.study.crf.study(made.study.name))}"
    whose += f' MetaDataVersionOID={quoteattr(metadata_oid(made.study))} EffectiveDate="{effective.isoformat()}"/>'
    yield f'<Location OID="{TRIAL_OFFICE}" Name="Trial office" LocationType="Sponsor">{whose}</Location>'
    for site in made.sites:
        yield f'<Location OID="L.{site}" Name="Site {site}" LocationType="Site">{whose}</Location>'


def _said(text: str) -> str:
    return f'<TranslatedText xml:lang="en">{escape(text)}</TranslatedText>'
