"""FHIR bundles: accepted by the models of R5 and R4B, no number where there is none, the same bundle again."""

import json
from pathlib import Path
from typing import Any

import pytest
from feed_bench import DONE, STUDY, small_trial
from fhir.resources.bundle import Bundle
from fhir.resources.R4B.bundle import Bundle as BundleR4B
from pydantic import ValidationError
from sqlalchemy import Engine

from trial.corrections import correct
from trial.crf.canonical import CrfRecord, records, snapshot
from trial.crf.fhir import RELEASES, Release, bundle, checked, export_fhir, observation
from trial.crf.fhir_codes import CODES, LOINC, codings

MODELS: dict[str, Any] = {"R5": Bundle, "R4B": BundleR4B}


def exported(engine: Engine, out: Path, release: Release) -> dict[str, dict[str, Any]]:
    """What a server has after every bundle: resources by their URL."""
    assert export_fhir(engine, STUDY, out, release) == 7
    found: dict[str, dict[str, Any]] = {}
    for line in out.read_text(encoding="utf-8").splitlines():
        MODELS[release].model_validate_json(line)
        for entry in json.loads(line)["entry"]:
            assert entry["request"]["method"] == "PUT"
            resource = entry["resource"]
            assert entry["request"]["url"] == f"{resource['resourceType']}/{resource['id']}"
            found[entry["request"]["url"]] = resource
    return found


def canonical(engine: Engine) -> dict[str, CrfRecord]:
    with snapshot(engine) as connection:
        return {record.place.reading_id: record for record in records(connection, "demo")}


@pytest.mark.slow
@pytest.mark.parametrize("release", RELEASES)
def test_every_reading_is_an_observation_with_its_device_and_its_origin(
    engine: Engine, tmp_path: Path, release: Release
) -> None:
    trial = small_trial(engine)
    found = exported(engine, tmp_path / "fhir.ndjson", release)
    kinds = [url.split("/")[0] for url in found]
    assert (kinds.count("Observation"), kinds.count("Device")) == (7, 2)
    entries = {each["target"][0]["reference"] for url, each in found.items() if url.startswith("Provenance/")}
    assert entries == {f"Observation/{reading.reading_id}" for reading in trial.values()}
    for url, each in found.items():
        if url.startswith("Observation/"):
            assert each["device"]["reference"] in found


@pytest.mark.slow
@pytest.mark.parametrize("release", RELEASES)
def test_each_status_says_what_it_means_and_never_a_wrong_number(
    engine: Engine, tmp_path: Path, release: Release
) -> None:
    trial = small_trial(engine)
    found = exported(engine, tmp_path / "fhir.ndjson", release)
    of = {name: found[f"Observation/{reading.reading_id}"] for name, reading in trial.items()}
    seconds = {"unit": "s", "system": "http://unitsofmeasure.org", "code": "s"}
    assert {k: v for k, v in of["first"]["valueQuantity"].items() if k != "value"} == seconds
    assert of["first"]["valueQuantity"]["value"] == 2.5
    assert of["third"]["valueQuantity"]["comparator"] == ">"
    assert of["third"]["valueQuantity"]["value"] == 9.5
    assert of["fourth"]["valueInteger"] == 2
    for name, reason in (("second", "moved"), ("fifth", "blurred")):
        assert not [key for key in of[name] if key.startswith("value")]
        codes = {each["code"] for each in of[name]["dataAbsentReason"]["coding"]}
        assert codes == {"error", reason}
    person = [c for c in of["fourth"]["component"] if c["code"]["coding"][0]["code"] == "person_score"]
    assert [each["valueInteger"] for each in person] == [3]
    assert {name: each["status"] for name, each in of.items() if each["status"] != "final"} == {
        "first": "corrected",
        "third": "corrected",
    }
    assert all(each["meta"]["security"][0]["code"] == "HTEST" for each in of.values())


@pytest.mark.slow
@pytest.mark.parametrize("release", RELEASES)
def test_a_change_says_who_when_and_why(engine: Engine, tmp_path: Path, release: Release) -> None:
    trial = small_trial(engine)
    found = exported(engine, tmp_path / "fhir.ndjson", release)
    about = f"Observation/{trial['third'].reading_id}"
    changes = [each for each in found.values() if each.get("target") == [{"reference": about}] and "activity" in each]
    assert len(changes) == 2
    event = next(each for each in changes if "event from day-1 to inclusion" in each["activity"]["text"])
    assert event["agent"][0]["who"]["identifier"]["value"] == "dm-1"
    why = event["authorization"][0]["concept"] if release == "R5" else event["reason"][0]
    assert why["text"] == DONE["why"]


@pytest.mark.slow
def test_the_same_database_gives_the_same_bytes_and_a_correction_the_same_ids(engine: Engine, tmp_path: Path) -> None:
    trial = small_trial(engine)
    one, two = tmp_path / "one.ndjson", tmp_path / "two.ndjson"
    before = exported(engine, one, "R5")
    exported(engine, two, "R5")
    assert one.read_bytes() == two.read_bytes()
    correct(engine, STUDY, str(trial["other"].reading_id), "operator", "n99", **DONE)
    after = exported(engine, two, "R5")
    assert before.keys() < after.keys()
    [new] = after.keys() - before.keys()
    assert new.startswith("Provenance/")


def test_only_verified_codes_go_out(engine: Engine) -> None:
    small_trial(engine)
    unverified = {code.code for codes in CODES.values() for code in codes if not code.verified}
    assert unverified
    found = {
        record.values.get("body_site"): observation(record)["code"]["coding"] for record in canonical(engine).values()
    }
    assert [each["code"] for each in found["finger"] if each["system"] == LOINC] == ["44963-7"]
    assert [each["code"] for each in found["knee"] if each["system"] == LOINC] == []
    assert not unverified & {each["code"] for codes in found.values() for each in codes}
    assert codings("mottling")


def test_simulated_readings_are_left_out_where_the_study_counts_none(engine: Engine, tmp_path: Path) -> None:
    small_trial(engine)
    strict = STUDY.model_copy(update={"accept_simulated": False})
    assert export_fhir(engine, strict, tmp_path / "fhir.ndjson", "R5") == 0


@pytest.mark.parametrize("release", RELEASES)
def test_the_models_refuse_what_is_no_fhir(engine: Engine, release: Release) -> None:
    small_trial(engine)
    made = bundle(list(canonical(engine).values())[:1], release)
    made["entry"][1]["resource"]["valueSeconds"] = 2
    with pytest.raises(ValidationError):
        checked(made, release)
