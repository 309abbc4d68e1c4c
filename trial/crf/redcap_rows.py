"""REDCap's words for a record: its subject, event, repeat and fields; and the data dictionary that a project needs.

Instruments `refill_reading` and `mottling_reading`, repeating in every event. Fields are the CSV's columns with `rf_`
or `mt_` before them, all of type text: REDCap's own checks would refuse a reading, or round it.
"""

import csv
import io
from collections.abc import Iterable, Mapping

from firmware_config.study import Study
from trial.crf.canonical import FORMS, CrfRecord, Form, Place
from trial.crf.items import items

RECORD_ID: str = "record_id"
INSTRUMENTS: dict[Form, str] = {"refill": "refill_reading", "mottling": "mottling_reading"}
PREFIXES: dict[Form, str] = {"refill": "rf_", "mottling": "mt_"}
COMPLETE: str = "2"
"""REDCap's code for a form that is complete."""

RedcapRow = dict[str, str]
Key = tuple[str, str, str, int]
"""A row's place in REDCap: record, unique event name, instrument, repeat instance."""


def record_id(place: Place) -> str:
    """Return the name of a subject's record: site and inclusion number."""
    return f"{place.site}-{place.inclusion}"


def event_name(event: str, arm: int = 1) -> str:
    """Return REDCap's unique event name of a study's event."""
    return f"{event.replace('-', '_')}_arm_{arm}"


def key_of(place: Place, instance: int) -> Key:
    """Return where a reading belongs in REDCap."""
    return record_id(place), event_name(place.event), INSTRUMENTS[place.form], instance


def fields_of(form: Form) -> dict[str, str]:
    """Return the field of each item of a form, in order."""
    return {item.name: PREFIXES[form] + item.name for item in items(form)}


def row_of(record: CrfRecord, instance: int) -> RedcapRow:
    """Return what is sent for a record; an item without a value is left out, because a blank is no message here."""
    record_name, event, instrument, number = key_of(record.place, instance)
    values = {field: record.text(name) for name, field in fields_of(record.place.form).items()}
    return {
        RECORD_ID: record_name,
        "redcap_event_name": event,
        "redcap_repeat_instrument": instrument,
        "redcap_repeat_instance": str(number),
        **{field: text for field, text in values.items() if text is not None},
        f"{instrument}_complete": COMPLETE,
    }


def key_read(row: Mapping[str, object]) -> Key | None:
    """Return the place of a row that REDCap sent; None for one that is of no repeating instrument of ours."""
    instrument, number = str(row.get("redcap_repeat_instrument", "")), str(row.get("redcap_repeat_instance", ""))
    if instrument not in INSTRUMENTS.values() or not number.isdigit():
        return None
    return str(row.get(RECORD_ID, "")), str(row.get("redcap_event_name", "")), instrument, int(number)


def identity_field(instrument: str) -> str:
    """Return the field that holds the reading's identifier."""
    return next(PREFIXES[form] + "reading_id" for form in FORMS if INSTRUMENTS[form] == instrument)


def differing(sent: Mapping[str, str], stored: Mapping[str, object], form: Form) -> tuple[list[str], list[str]]:
    """Return the fields whose stored value is not what was sent, and those that hold a value where none stands."""
    ours = fields_of(form).values()
    wrong = [field for field in sent if str(stored.get(field, "")) != sent[field] and field in {*ours, _complete(form)}]
    return wrong, [field for field in ours if field not in sent and str(stored.get(field, "")) != ""]


def _complete(form: Form) -> str:
    return f"{INSTRUMENTS[form]}_complete"


def data_dictionary(study: Study) -> str:
    """Return the CSV that REDCap's project set-up takes: every field of both instruments."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(_HEADINGS)
    first = [RECORD_ID, INSTRUMENTS["refill"], "", "text", f"{study.title}: site and inclusion number"]
    writer.writerows(_padded(line) for line in [first, *_lines()])
    return out.getvalue()


_HEADINGS = [
    *("Variable / Field Name", "Form Name", "Section Header", "Field Type", "Field Label"),
    *("Choices, Calculations, OR Slider Labels", "Field Note", "Text Validation Type OR Show Slider Number"),
    *("Text Validation Min", "Text Validation Max", "Identifier?", "Branching Logic (Show field only if...)"),
    *("Required Field?", "Custom Alignment", "Question Number (surveys only)", "Matrix Group Name", "Matrix Ranking?"),
    "Field Annotation",
]


def _lines() -> Iterable[list[str]]:
    for form in FORMS:
        for item in items(form):
            unit = f" [{item.unit}]" if item.unit else ""
            yield [PREFIXES[form] + item.name, INSTRUMENTS[form], "", "text", f"{item.meaning}{unit}"]


def _padded(line: list[str]) -> list[str]:
    # Nobody types into these fields: REDCap hides none and locks them from hand with this annotation.
    rest = [""] * (len(_HEADINGS) - len(line) - 1)
    return [*line, *rest, "" if line[0] == RECORD_ID else "@READONLY"]
