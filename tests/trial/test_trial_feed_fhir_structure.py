"""FHIR bundles against HL7's own definitions of each release, by models that another project makes out of these.

`fhirpy-types-r5` and `-r4b` are generated from HL7's StructureDefinitions: elements that there are, how often, and of
which type. What a profile, a value set or an invariant adds is not in them, nor that of `value[x]` only one may stand.
"""

import copy
import importlib
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from feed_bench import DONE, LATER, STUDY, small_trial
from pydantic import ValidationError
from sqlalchemy import Engine

from trial.corrections import correct
from trial.crf.fhir import RELEASES, Release, export_fhir
from trial.database import open_database, upgrade
from trial.freezing import change

pytestmark = pytest.mark.slow

Bundle = dict[str, Any]


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Every status, corrections, remarks, an operator, a frozen site."""
    engine = open_database(str(tmp_path_factory.mktemp("fhir") / "trial.sqlite3"))
    upgrade(engine)
    made = small_trial(engine)
    correct(engine, STUDY, str(made["fifth"].reading_id), "event", None, **DONE)
    change(engine, "demo", ("01", None), "frozen", LATER + timedelta(hours=1), **DONE)
    yield engine
    engine.dispose()


def check(release: Release, content: Bundle) -> int:
    """Return how many resources are as their release defines them; raises `ValidationError`."""
    defined = importlib.import_module(f"fhirpy_types_{release.lower()}")
    resources = [entry["resource"] for entry in content["entry"]]
    for resource in resources:  # before the bundle, which cannot tell what is wrong within one
        getattr(defined, resource["resourceType"]).model_validate(resource)
    defined.Bundle.model_validate(content)
    return len(resources)


def exported(engine: Engine, out: Path, release: Release) -> Bundle:
    assert export_fhir(engine, STUDY, out, release) == 7
    (line,) = out.read_text(encoding="utf-8").splitlines()
    content: Bundle = json.loads(line)
    return content


@pytest.mark.parametrize("release", RELEASES)
def test_every_resource_is_as_its_release_defines_it(engine: Engine, tmp_path: Path, release: Release) -> None:
    content = exported(engine, tmp_path / "fhir.ndjson", release)
    kinds = {entry["resource"]["resourceType"] for entry in content["entry"]}
    assert kinds == {"Observation", "Device", "Provenance"}
    assert check(release, content) == len(content["entry"]) > 20


def first(content: Bundle, kind: str) -> dict[str, Any]:
    found: dict[str, Any] = next(e["resource"] for e in content["entry"] if e["resource"]["resourceType"] == kind)
    return found


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize(
    "spoil",
    [
        lambda content: first(content, "Observation").pop("code"),
        lambda content: first(content, "Observation").update(status=["final"]),
        lambda content: first(content, "Observation").update(valueSeconds=1.0),
        lambda content: first(content, "Observation").update(device={"ref": "Device/1"}),
        lambda content: first(content, "Provenance").pop("agent"),
        lambda content: first(content, "Device").update(version="1"),
        lambda content: content["entry"][0]["request"].pop("method"),
    ],
)
def test_what_a_release_does_not_define_would_be_seen(
    engine: Engine, tmp_path: Path, release: Release, spoil: Callable[[Bundle], object]
) -> None:
    content = exported(engine, tmp_path / "fhir.ndjson", release)
    spoilt = copy.deepcopy(content)
    spoil(spoilt)
    assert spoilt != content
    with pytest.raises(ValidationError):
        check(release, spoilt)
