"""Studies: files, not constants."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from contract.topics import Topic, parse
from firmware_config.loading import PACKAGED, load, load_named, named
from firmware_config.protocol import Protocol
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
    assert study.mottling_from_score == 1
    assert study.window is not None
    assert (study.window.after, study.window.from_h, study.window.to_h) == ("norepinephrine", 6.0, 24.0)
    assert study.window.events == ["inclusion"]
    assert study.inclusion.check_digit == "none"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_study_names_protocols_that_there_are_for_their_body_site(path: Path) -> None:
    for body_site, name in load(path, Study).protocols.items():
        assert body_site in load_named("protocols", name, Protocol).body_sites


def test_only_the_demonstration_accepts_simulated_readings() -> None:
    assert {path.stem for path in FILES if load(path, Study).accept_simulated} == {"demo"}


def test_a_study_does_not_accept_simulated_readings_unless_it_says_so() -> None:
    assert Study.model_validate(GOOD).accept_simulated is False


def test_only_the_demonstration_takes_devices_that_were_not_enrolled() -> None:
    assert {path.stem for path in FILES if load(path, Study).devices == "any"} == {"demo"}
    assert Study.model_validate(GOOD).devices == "enrolled"


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
        {"devices": "some"},
        {"sites": ["01", "01"]},
        {"events": ["inclusion", "inclusion"]},
        {"hypoperfusion": [{"body_site": "finger", "crt_s": 3}, {"body_site": "finger", "crt_s": 4}]},
        {"inclusion": {"least_digits": 5, "most_digits": 4}},
        {"inclusion": {"least_digits": 1, "check_digit": "luhn"}},
        {"inclusion": {"least_digits": 4, "check_digit": "crc"}},
        {"window": {"from_h": 24, "to_h": 6}},
        {"window": {"after": "admission"}},
        {"window": {"events": ["day-9"]}, "events": ["inclusion"]},
        {"window": {"events": ["inclusion", "inclusion"]}, "events": ["inclusion"]},
        {"mottling_from_score": 6},
        {"operator_pattern": "("},
        {"protocols": {"toe": "demo"}},
    ],
)
def test_a_wrong_study_is_refused(change: dict) -> None:
    with pytest.raises(ValidationError):
        Study.model_validate(GOOD | change)
