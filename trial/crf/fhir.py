"""Readings as FHIR transaction bundles, R5 or R4B: Observation, Device and Provenance.

Every resource has an id made of what it is about and is put there (PUT): a server that gets a bundle twice has it once,
and one that gets a corrected reading has the corrected one. No patient resource: the subject is site and inclusion
number. The models of `fhir.resources` check every bundle before it is written.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Literal
from uuid import NAMESPACE_URL, uuid5

from sqlalchemy import Engine

from contract.mottling import MOTTLING_REASONS, MottlingReason
from contract.reading import utc
from contract.reasons import REASONS, Reason
from firmware_config.study import Study
from trial.crf.canonical import Change, CrfRecord, records, snapshot
from trial.crf.fhir_codes import ABSENT, ACT_REASON, OWN, OWN_REASON, OWN_STATE, UCUM, codings
from trial.crf.files import whole_file
from trial.crf.items import Item, items
from trial.database import note, writing
from trial.freezing import Freeze, Whose, held, standing

Release = Literal["R5", "R4B"]
RELEASES: tuple[Release, ...] = ("R5", "R4B")
AT_ONCE: int = 50
"""Readings in one bundle."""

Resource = dict[str, Any]
_COMPONENTS = {
    "refill": (
        *("crt_low_s", "crt_high_s", "t50_s", "crt_90_10_s", "crt_100_10_s", "tau_s", "delay_s", "overshoot"),
        *("crt_spread", "presses"),
    ),
    "mottling": (
        *("person_score", "max_supported", "confidence", "zone_knee_centre", "zone_knee", "zone_lower_thigh"),
        *("zone_upper_thigh", "zone_beyond_groin", "mottled_area_cm2"),
    ),
}
"""Items that stand beside the value where they have one."""


def export_fhir(engine: Engine, study: Study, out: Path, release: Release) -> int:
    """Write a study's readings to `out` as NDJSON, one transaction bundle a line; returns the number of readings.

    The same database gives the same bytes. The file appears whole or not at all; the export is noted in the audit
    trail. Simulated readings are left out where the study counts none. Raises `AlteredError`, `OSError`, SQLAlchemy's
    errors; `pydantic.ValidationError` would be an error of this program.
    """
    count = 0
    with whole_file(out) as file, snapshot(engine) as connection:
        frozen = standing(connection, study.name)
        found = (r for r in records(connection, study.name) if study.accept_simulated or not r.values["simulated"])
        while some := list(islice(found, AT_ONCE)):
            file.write(f"{checked(bundle(some, release, frozen), release)}\n")
            count += len(some)
    with writing(engine).begin() as connection:
        said = f"study {study.name}, {release}, {count} readings, sha256 {file.sha256}"
        note(connection, "export", "crf fhir exported", said)
    return count


def checked(content: Resource, release: Release) -> str:
    """Return a bundle as JSON after the release's models have accepted it; raises `pydantic.ValidationError`."""
    # Imported here: two releases' models take a second, and only this route needs them.
    if release == "R5":
        from fhir.resources.bundle import Bundle

        return str(Bundle.model_validate(content).model_dump_json())
    from fhir.resources.R4B.bundle import Bundle as BundleR4B

    return str(BundleR4B.model_validate(content).model_dump_json())


def bundle(some: Sequence[CrfRecord], release: Release, frozen: Mapping[Whose, Freeze] | None = None) -> Resource:
    """Return a transaction that puts these readings, their devices and where both come from.

    `frozen` is what people no longer change: its Observations carry a tag that says so.
    """
    resources: dict[tuple[str, str], Resource] = {}
    for record in some:
        for resource in (_device(record, release), observation(record, frozen), *provenances(record, release)):
            resources[resource["resourceType"], resource["id"]] = resource
    entries = [
        {
            "fullUrl": f"urn:uuid:{resource['id']}",
            "resource": resource,
            "request": {"method": "PUT", "url": f"{kind}/{identity}"},
        }
        for (kind, identity), resource in resources.items()
    ]
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


def observation(record: CrfRecord, frozen: Mapping[Whose, Freeze] | None = None) -> Resource:
    """Return the Observation of a reading; without a number it says so in its own words, never with a number."""
    values, place = record.values, record.place
    what = "mottling" if place.form == "mottling" else f"refill {values['body_site']}"
    made: Resource = {
        "resourceType": "Observation",
        "id": place.reading_id,
        "identifier": [{"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{place.reading_id}"}],
        "status": "corrected" if values["corrected"] else "final",
        "code": {"coding": codings(what), "text": what},
        "subject": {"identifier": _identifier("subject", place.study, f"{place.site}-{place.inclusion}")},
        "effectiveDateTime": str(values["measured_at"]),
        "issued": str(values["received_at"]),
        "device": {"reference": f"Device/{_device_id(record)}"},
        **_value(record),
    }
    if meta := _meta(record, frozen or {}):
        made["meta"] = meta
    if values["operator"]:
        made["performer"] = [{"identifier": _identifier("operator", place.study, str(values["operator"]))}]
    where = " ".join(str(values[name]) for name in ("side", "body_site") if values.get(name))
    if where:
        made["bodySite"] = {"text": where}
    notes = [f"{name}: {values[name]}" for name in ("event", "comments", "confirmed_by") if values[name]]
    if notes:
        made["note"] = [{"text": text} for text in notes]
    if components := list(_components(record)):
        made["component"] = components
    return made


def _meta(record: CrfRecord, frozen: Mapping[Whose, Freeze]) -> Resource:
    made: Resource = {}
    if record.values["simulated"]:
        # HTEST: a server keeps it apart from what was measured on people.
        made["security"] = [{"system": ACT_REASON, "code": "HTEST", "display": "test health data"}]
    said = held(frozen, record.place.site, record.place.inclusion)
    if said is not None:
        made["tag"] = [{"system": OWN_STATE, "code": "frozen", "display": said}]
    return made


def _value(record: CrfRecord) -> Resource:
    values = record.values
    if values["status"] == "not_measurable":
        code = str(values["reason"])
        refill = record.place.form == "refill"
        sentence = (REASONS[Reason(code)] if refill else MOTTLING_REASONS[MottlingReason(code)]).english
        codes = [{"system": ABSENT, "code": "error", "display": "Error"}, {"system": OWN_REASON, "code": code}]
        return {"dataAbsentReason": {"coding": codes, "text": sentence}}
    if record.place.form == "mottling":
        return {"valueInteger": values["device_score"]}
    if values["status"] == "censored":
        return {"valueQuantity": _quantity(values["crt_exceeds_s"], "s") | {"comparator": ">"}}
    return {"valueQuantity": _quantity(values["crt_s"], "s")}


def _components(record: CrfRecord) -> Iterator[Resource]:
    by_name = {item.name: item for item in items(record.place.form)}
    for name in _COMPONENTS[record.place.form]:
        value = record.values[name]
        if value is None:
            continue
        code = {"coding": [{"system": OWN, "code": name, "display": by_name[name].meaning}]}
        if by_name[name].data_type == "integer":
            yield {"code": code, "valueInteger": value}
        else:
            yield {"code": code, "valueQuantity": _quantity(value, _ucum(by_name[name]))}


def _ucum(item: Item) -> str:
    return item.unit or "1"


def _quantity(value: Any, unit: str) -> Resource:
    return {"value": value, "unit": unit, "system": UCUM, "code": unit}


def _identifier(kind: str, study: str, value: str) -> Resource:
    return {"system": f"urn:refill:{study}:{kind}", "value": value}


def _device_id(record: CrfRecord) -> str:
    versions = "/".join(_versions(record).values())
    return str(uuid5(NAMESPACE_URL, f"urn:refill:{record.place.study}:device:{record.values['device']}/{versions}"))


def _versions(record: CrfRecord) -> dict[str, str]:
    """Return what the device was made of; its build where the record says it."""
    names = ("software_version", "algorithm_version", "configuration_sha256", "build")
    return {name: str(record.values[name]) for name in names if record.values.get(name)}


def _device(record: CrfRecord, release: Release) -> Resource:
    """Return the device as it was for this reading: another software or configuration is another resource."""
    values = record.values
    named = {"R5": ("name", "value"), "R4B": ("deviceName", "name")}[release]
    return {
        "resourceType": "Device",
        "id": _device_id(record),
        "identifier": [_identifier("device", record.place.study, str(values["device"]))],
        named[0]: [{named[1]: str(values["device"]), "type": "user-friendly-name"}],
        "version": [{"type": {"text": name}, "value": value} for name, value in _versions(record).items()],
    }


def provenances(record: CrfRecord, release: Release) -> Iterator[Resource]:
    """Yield where a reading comes from, and each change of it: who, when and why."""
    values, place = record.values, record.place
    source = _identifier("record-sha256", place.study, str(values["sha256"]))
    first = _provenance(record, "entry", str(record.initial["received_at"]))
    first["agent"] = [{"who": {"reference": f"Device/{_device_id(record)}"}}]
    first["entity"] = [{"role": "source", "what": {"identifier": source}}]
    yield first
    for number, change in enumerate(record.history, 1):
        yield _changed(record, change, number, release)


def _changed(record: CrfRecord, change: Change, number: int, release: Release) -> Resource:
    made = _provenance(record, f"change-{number}", utc(change.at))
    made["agent"] = [{"who": {"identifier": _identifier("person", record.place.study, change.actor)}}]
    said = "; ".join(f"{name} from {_shown(before)} to {_shown(after)}" for name, before, after in change.items)
    made["activity"] = {"text": said}
    # R5 has no free reason any more: what authorised the change carries it.
    if release == "R5":
        made["authorization"] = [{"concept": {"text": change.why}}]
    else:
        made["reason"] = [{"text": change.why}]
    return made


def _shown(value: Any) -> str:
    return "nothing" if value in (None, "") else str(value)


def _provenance(record: CrfRecord, which: str, recorded: str) -> Resource:
    return {
        "resourceType": "Provenance",
        "id": str(uuid5(NAMESPACE_URL, f"urn:refill:provenance:{record.place.reading_id}:{which}")),
        "target": [{"reference": f"Observation/{record.place.reading_id}"}],
        "recorded": recorded,
    }
