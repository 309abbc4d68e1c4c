"""The exports of the made-up trial as rows: what a reader of the files has, to be held against the truth row by row."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lxml import etree

from benchmarks.simulated_trial_truth import Row, Truth

ODM = "{http://www.cdisc.org/ns/odm/v1.3}"
CsvRow = tuple[str, ...]
DERIVED = frozenset({"corrected", "person_score_by", "person_score_at"})
"""Items of a change that say again what the change itself says."""


def true_rows(truth: Truth, *, fhir: bool = False) -> set[CsvRow]:
    """Return the truth of each reading, as a file's rows are; FHIR says that something was corrected, not what."""
    return {_row(vars(row) | {"corrected": bool(row.corrected) if fhir else row.corrected}) for row in _all(truth)}


def _all(truth: Truth) -> Iterator[Row]:
    yield from truth.rows.values()


def _row(values: dict[str, Any]) -> CsvRow:
    names = ("reading_id", "kind", "site", "inclusion", "event", "status", "reason", "value", "operator", "device")
    return tuple(str(values[name]) for name in (*names, "corrected", "confirmed_by", "comments", "person_score"))


def csv_rows(*files: Path) -> set[CsvRow]:
    """Return the rows of the CSV files of both forms."""
    found = set()
    for file in files:
        for row in csv.DictReader(file.read_text(encoding="utf-8").splitlines()):
            found.add(_row(_form(row)))
    return found


def _form(row: dict[str, str]) -> dict[str, Any]:
    kind, value = row.get("body_site", "mottling"), row.get("crt_s", row.get("device_score", ""))
    more = {name: row.get(name, "") for name in ("reason", "event", "operator", "corrected", "confirmed_by")}
    more |= {name: row.get(name, "") for name in ("comments", "person_score")}
    return {**row, **more, "kind": kind, "value": value}


def odm_rows(file: Path) -> set[CsvRow]:
    """Return the rows of a snapshot: subject, event and items as the file places them."""
    found = set()
    for group in etree.parse(file).iter(f"{ODM}ItemGroupData"):
        event = group.getparent().getparent()
        site, _, inclusion = event.getparent().get("SubjectKey").partition("-")
        place = {"site": site, "inclusion": inclusion, "event": _event(event.get("StudyEventOID"))}
        found.add(_row(_form(_items(group) | place)))
    return found


def _event(oid: str) -> str:
    name = oid.removeprefix("SE.")
    return "" if name == "unscheduled" else name


def _items(group: etree._Element) -> dict[str, str]:
    return {item.get("ItemOID").rpartition(".")[2]: item.get("Value", "") for item in group.iter(f"{ODM}ItemData")}


def odm_changes(file: Path) -> set[tuple[str, str, str, str, str]]:
    """Return the changes of a transactional file: reading, who, why, item and value of each."""
    found = set()
    for group in etree.parse(file).iter(f"{ODM}ItemGroupData"):
        if group.get("TransactionType") != "Update":
            continue
        audit = group.find(f"{ODM}AuditRecord")
        who = audit.find(f"{ODM}UserRef").get("UserOID").removeprefix("U.")
        why, about = audit.findtext(f"{ODM}ReasonForChange"), audit.findtext(f"{ODM}SourceID")
        for name, value in _items(group).items():
            if name not in DERIVED:
                found.add((about, who, why, name, value))
    return found


def fhir_rows(file: Path) -> set[CsvRow]:
    """Return the rows of the bundles: Observations with the devices that they name."""
    observations, devices = [], {}
    for line in file.read_text(encoding="utf-8").splitlines():
        for entry in json.loads(line)["entry"]:
            resource = entry["resource"]
            if resource["resourceType"] == "Device":
                devices[f"Device/{resource['id']}"] = resource["identifier"][0]["value"]
            elif resource["resourceType"] == "Observation":
                observations.append(resource)
    return {_row(_observation(each, devices)) for each in observations}


def _observation(each: dict[str, Any], devices: dict[str, str]) -> dict[str, Any]:
    site, _, inclusion = each["subject"]["identifier"]["value"].partition("-")
    notes = dict(note["text"].split(": ", 1) for note in each.get("note", []))
    absent = each.get("dataAbsentReason", {"coding": [{}, {"code": ""}]})["coding"][1]["code"]
    number = each.get("valueInteger", each.get("valueQuantity", {}).get("value", ""))
    parts = {part["code"]["coding"][0]["code"]: part.get("valueInteger", "") for part in each.get("component", [])}
    return {
        "reading_id": each["id"],
        "kind": each["code"]["text"].removeprefix("refill "),
        "site": site,
        "inclusion": inclusion,
        "event": notes.get("event", ""),
        "reason": absent,
        "value": number,
        "status": "not_measurable" if absent else "measured",
        "operator": each["performer"][0]["identifier"]["value"],
        "device": devices[each["device"]["reference"]],
        "corrected": each["status"] == "corrected",
        **{name: notes.get(name, "") for name in ("confirmed_by", "comments")},
        "person_score": parts.get("person_score", ""),
    }
