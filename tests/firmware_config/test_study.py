"""Studies: files, not constants."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from contract.topics import Topic, parse
from firmware_config.loading import PACKAGED, load, named
from firmware_config.study import Study

FILES = sorted((PACKAGED / "studies").glob("*.toml"))
GOOD = {"name": "next", "title": "The next one", "sites": ["01"]}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_packaged_study_is_called_as_its_file_and_fits_a_topic(path: Path) -> None:
    study = load(path, Study)
    assert study.name == path.stem
    for site in study.sites:
        topic = Topic(study.name, site, "bedside-1", "reading")
        assert parse(str(topic)) == topic
    assert len(set(study.sites)) == len(study.sites)
    assert len(set(study.events)) == len(study.events)


def test_i_micro_is_as_registered() -> None:
    study = load(named("studies", "i-micro"), Study)
    assert study.registration == "NCT03788837"
    assert len(study.sites) == 32
    assert {t.body_site: t.crt_s for t in study.hypoperfusion} == {"finger": 3.0, "knee": 4.0}


def test_only_the_demonstration_accepts_simulated_readings() -> None:
    assert {path.stem for path in FILES if load(path, Study).accept_simulated} == {"demo"}


def test_a_study_does_not_accept_simulated_readings_unless_it_says_so() -> None:
    assert Study.model_validate(GOOD).accept_simulated is False


@pytest.mark.parametrize(
    "change",
    [
        {"name": "I-MICRO"},
        {"name": ""},
        {"name": "a/b"},
        {"sites": []},
        {"sites": ["1"]},
        {"sites": ["Paris"]},
        {"events": ["Day 1"]},
        {"hypoperfusion": [{"body_site": "toe", "crt_s": 3}]},
        {"hypoperfusion": [{"body_site": "finger", "crt_s": 0}]},
        {"hypoperfusion": [{"body_site": "finger", "crt_s": 31}]},
        {"hypoperfusion": [{"body_site": "finger"}]},
        {"arms": ["iloprost", "placebo"]},
    ],
)
def test_a_wrong_study_is_refused(change: dict) -> None:
    with pytest.raises(ValidationError):
        Study.model_validate(GOOD | change)
