"""ODM-XML: valid by its schema, read back by another library, equal to the CSV, each change with who and why."""

import csv
import io
from datetime import timedelta
from pathlib import Path
from typing import Any

import odmlib
import odmlib.loader as odm_loader
import odmlib.odm_loader as loaders
import pytest
from feed_bench import DONE, LATER, STUDY, keep, small_trial
from lxml import etree
from sqlalchemy import Engine
from trial_bench import reading

from trial import crf_csv, crf_mottling
from trial.corrections import correct
from trial.crf.canonical import FORMS, records, snapshot, written
from trial.crf.items import items
from trial.crf.odm import NAMESPACE, FileType, OdmError, export_odm

SCHEMA = Path(odmlib.__file__).parent / "schemas" / "odm" / "1.3.2" / "ODM1-3-2.xsd"
ODM = f"{{{NAMESPACE}}}"
KINDS: tuple[FileType, ...] = ("Snapshot", "Transactional")


@pytest.fixture(scope="module")
def schema() -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(SCHEMA))


def exported(engine: Engine, out: Path, kind: FileType) -> etree._Element:
    export_odm(engine, STUDY, out, kind, LATER)
    return etree.parse(out).getroot()


def csv_rows(engine: Engine, folder: Path) -> dict[str, dict[str, str]]:
    """Every row of the two CSV files, by reading."""
    found = {}
    crf_csv.export(engine, "demo", folder / "refill.csv")
    crf_mottling.export_mottling(engine, "demo", folder / "mottling.csv")
    for name in ("refill.csv", "mottling.csv"):
        for row in csv.DictReader(io.StringIO((folder / name).read_text(encoding="utf-8"))):
            found[row["reading_id"]] = row
    return found


def standing(root: etree._Element) -> dict[tuple[str, str, str, str], dict[str, str]]:
    """What a reader of the file has in the end, by subject, event, form and repeat key: its transactions played."""
    found: dict[tuple[str, str, str, str], dict[str, str]] = {}
    for group in root.iter(f"{ODM}ItemGroupData"):
        form = group.getparent()
        event = form.getparent()
        key = (
            event.getparent().get("SubjectKey"),
            event.get("StudyEventOID"),
            form.get("FormOID"),
            group.get("ItemGroupRepeatKey"),
        )
        if group.get("TransactionType") == "Remove":
            found.pop(key, None)
            continue
        if group.get("TransactionType") in (None, "Insert"):
            assert key not in found
            found[key] = {}
        for item in group.iter(f"{ODM}ItemData"):
            name = item.get("ItemOID").rpartition(".")[2]
            if item.get("IsNull") == "Yes":
                found[key].pop(name, None)
            else:
                found[key][name] = item.get("Value")
    return found


def test_the_canonical_record_says_what_the_csv_says(engine: Engine, tmp_path: Path) -> None:
    small_trial(engine)
    rows = csv_rows(engine, tmp_path)
    with snapshot(engine) as connection:
        found = {record.place.reading_id: record for record in records(connection, "demo")}
    assert found.keys() == rows.keys()
    assert len(found) == 7
    for reading_id, row in rows.items():
        assert {name: text or "" for name in row for text in [found[reading_id].text(name)]} == row
        assert found[reading_id].place.inclusion == row["inclusion"]
        assert found[reading_id].place.event == row["event"]


def test_the_history_leads_from_what_was_entered_to_what_stands(engine: Engine) -> None:
    trial = small_trial(engine)
    with snapshot(engine) as connection:
        found = {record.place.reading_id: record for record in records(connection, "demo")}
    for record in found.values():
        played = dict(record.initial)
        for change in record.history:
            for name, before, after in change.items:
                assert played[name] == before
                played[name] = after
        assert played == record.values
    third = found[str(trial["third"].reading_id)]
    assert (third.initial["event"], third.values["event"], third.place.event) == ("day-1", "inclusion", "inclusion")
    assert (third.values["crt_s"], third.values["crt_exceeds_s"], third.values["status"]) == (None, 9.5, "censored")
    assert [(c.actor, c.why) for c in third.history] == [("dm-1", DONE["why"])] * 2
    scored = found[str(trial["fourth"].reading_id)]
    [change] = scored.history
    assert change.actor == "n13@bedside-1"
    assert ("person_score", None, 3) in change.items
    assert scored.values["device_score"] == 2


def test_every_item_has_the_type_that_its_values_have(engine: Engine) -> None:
    small_trial(engine)
    types: dict[str, Any] = {"integer": int, "float": (int, float), "boolean": bool, "text": str, "datetime": str}
    with snapshot(engine) as connection:
        for record in records(connection, "demo"):
            for item in items(record.place.form):
                value = record.values[item.name]
                assert value is None or isinstance(value, types[item.data_type]), (item, value)
                assert item.codes is None or value is None or written(value) in item.codes


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_the_file_is_valid_and_holds_what_the_csv_holds(
    engine: Engine, tmp_path: Path, kind: FileType, schema: etree.XMLSchema
) -> None:
    small_trial(engine)
    root = exported(engine, tmp_path / "odm.xml", kind)
    schema.assertValid(root)
    held = standing(root)
    by_reading = {values["reading_id"]: (key, values) for key, values in held.items()}
    rows = csv_rows(engine, tmp_path)
    assert by_reading.keys() == rows.keys()
    for reading_id, row in rows.items():
        key, values = by_reading[reading_id]
        assert values == {name: text for name, text in row.items() if text}
        assert key[:2] == (f"{row['site']}-{row['inclusion']}", f"SE.{row['event'] or 'unscheduled'}")


def test_the_schema_sees_a_wrong_file(engine: Engine, tmp_path: Path, schema: etree.XMLSchema) -> None:
    small_trial(engine)
    root = exported(engine, tmp_path / "odm.xml", "Transactional")
    next(root.iter(f"{ODM}AuditRecord")).remove(next(root.iter(f"{ODM}UserRef")))
    assert not schema.validate(root)


def test_every_reference_of_the_file_is_defined_in_it(engine: Engine, tmp_path: Path) -> None:
    small_trial(engine)
    root = exported(engine, tmp_path / "odm.xml", "Transactional")
    for used, attribute, definition in (
        ("UserRef", "UserOID", "User"),
        ("LocationRef", "LocationOID", "Location"),
        ("SiteRef", "LocationOID", "Location"),
        ("StudyEventData", "StudyEventOID", "StudyEventDef"),
        ("ItemData", "ItemOID", "ItemDef"),
        ("ItemRef", "ItemOID", "ItemDef"),
        ("CodeListRef", "CodeListOID", "CodeList"),
        ("MeasurementUnitRef", "MeasurementUnitOID", "MeasurementUnit"),
    ):
        defined = [each.get("OID") for each in root.iter(f"{ODM}{definition}")]
        asked = {each.get(attribute) for each in root.iter(f"{ODM}{used}")}
        assert asked
        assert asked <= set(defined), used
        assert len(defined) == len(set(defined))


def test_another_library_reads_it_back(engine: Engine, tmp_path: Path) -> None:
    trial = small_trial(engine)
    out = tmp_path / "odm.xml"
    exported(engine, out, "Transactional")
    loader = odm_loader.ODMLoader(loaders.XMLODMLoader())
    loader.open_odm_document(str(out))
    odm = loader.root()
    assert odm.FileType == "Transactional"
    found: dict[tuple[str, ...], Any] = {}
    for subject in odm.ClinicalData[0].SubjectData:
        for event in subject.StudyEventData:
            for group in event.FormData[0].ItemGroupData:
                key = subject.SubjectKey, event.StudyEventOID, group.ItemGroupRepeatKey, group.ItemGroupOID
                found.setdefault(key, group)
    first = next(
        group for group in found.values() if any(i.Value == str(trial["first"].reading_id) for i in group.ItemData)
    )
    assert {item.ItemOID: item.Value for item in first.ItemData}["I.refill.crt_s"] == "2.5"
    assert first.AuditRecord.UserRef.UserOID == "U.n12"


def test_a_change_says_who_when_why_and_a_move_removes_the_old_place(engine: Engine, tmp_path: Path) -> None:
    trial = small_trial(engine)
    before = standing(exported(engine, tmp_path / "one.xml", "Transactional"))
    correct(engine, STUDY, str(trial["second"].reading_id), "inclusion", "0042", **DONE)
    root = exported(engine, tmp_path / "two.xml", "Transactional")
    after = standing(root)
    whose = {values["reading_id"]: key for key, values in after.items()}
    assert whose[str(trial["second"].reading_id)][0] == "00-0042"
    for key, values in before.items():
        if values["reading_id"] != str(trial["second"].reading_id):
            assert after[key]["reading_id"] == values["reading_id"]  # repeat keys stay
    [removed] = [g for g in root.iter(f"{ODM}ItemGroupData") if g.get("TransactionType") == "Remove"]
    assert removed.getparent().getparent().getparent().get("SubjectKey") == "00-7"
    audit = removed.find(f"{ODM}AuditRecord")
    assert audit.findtext(f"{ODM}ReasonForChange") == DONE["why"]
    assert audit.find(f"{ODM}UserRef").get("UserOID") == "U.dm-1"
    assert audit.find(f"{ODM}LocationRef").get("LocationOID") == "L.trial"


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_correction_clears_is_gone_and_the_last_of_several_counts(
    engine: Engine, tmp_path: Path, kind: FileType
) -> None:
    record = reading(1, event="inclusion")
    keep(engine, record)
    for field, value in (("side", None), ("inclusion", "0041"), ("inclusion", "0042"), ("event", "day-1")):
        correct(engine, STUDY, str(record.reading_id), field, value, **DONE)
    [(key, values)] = standing(exported(engine, tmp_path / "odm.xml", kind)).items()
    assert key == ("00-0042", "SE.day-1", "F.refill", "1")
    assert (values["inclusion"], values["event"]) == ("0042", "day-1")
    assert "side" not in values


def test_a_late_reading_gets_a_new_key_and_moves_no_other(engine: Engine, tmp_path: Path) -> None:
    keep(engine, reading(2, event="inclusion"))
    before = standing(exported(engine, tmp_path / "one.xml", "Snapshot"))
    early = reading(1, event="inclusion", device="bedside-2")
    keep(engine, early)
    after = standing(exported(engine, tmp_path / "two.xml", "Snapshot"))
    [old], [new] = before, after.keys() - before.keys()
    assert (old[3], new[3]) == ("1", "2")
    assert after[old] == before[old]
    assert after[new]["reading_id"] == str(early.reading_id)


@pytest.mark.slow
def test_repeating_an_export_gives_the_same_bytes(engine: Engine, tmp_path: Path) -> None:
    small_trial(engine)
    for name in ("one.xml", "two.xml"):
        export_odm(engine, STUDY, tmp_path / name, "Transactional", LATER)
    assert (tmp_path / "one.xml").read_bytes() == (tmp_path / "two.xml").read_bytes()
    export_odm(engine, STUDY, tmp_path / "two.xml", "Transactional", LATER + timedelta(hours=1))
    assert {p.name for p in tmp_path.iterdir() if "sqlite3" not in p.name} == {"one.xml", "two.xml"}


def test_a_character_that_xml_cannot_carry_stops_the_export_and_leaves_no_file(engine: Engine, tmp_path: Path) -> None:
    record = reading(1, event="inclusion", protocol={"name": "demo", "version": "1\ufffe", "sha256": "a" * 64})
    keep(engine, record)
    with pytest.raises(OdmError, match=f"{record.reading_id}: protocol_version"):
        export_odm(engine, STUDY, tmp_path / "odm.xml", "Snapshot", LATER)
    assert [path.name for path in tmp_path.iterdir() if "sqlite3" not in path.name] == []


def test_the_metadata_name_every_column_of_both_forms(engine: Engine, tmp_path: Path) -> None:
    root = exported(engine, tmp_path / "odm.xml", "Snapshot")
    names = [each.get("OID") for each in root.iter(f"{ODM}ItemDef")]
    assert names == [item.oid for form in FORMS for item in items(form)]
    units = {
        each.get("OID"): [u.get("MeasurementUnitOID") for u in each.iter(f"{ODM}MeasurementUnitRef")]
        for each in root.iter(f"{ODM}ItemDef")
    }
    assert units["I.refill.crt_s"] == ["MU.s"]
    assert units["I.mottling.device_score"] == []
