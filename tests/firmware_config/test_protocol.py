"""Protocols: how the skin is pressed, inside bounds that no file can leave."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from firmware_config.device import Probe, load_device
from firmware_config.loading import PACKAGED, ConfigurationError, load, named
from firmware_config.protocol import CEILING_HOLD_S, CEILING_KPA, CEILING_N, Protocol

FILES = sorted((PACKAGED / "protocols").glob("*.toml"))
GOOD = {"name": "x", "version": "1", "source": "a paper", "body_sites": ["finger"], "target_kpa": 40, "hold_s": 10}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_packaged_protocol_is_called_as_its_file_and_names_its_source(path: Path) -> None:
    protocol = load(path, Protocol)
    assert protocol.name == path.stem
    assert len(protocol.source) > 10


@pytest.mark.parametrize(
    ("name", "body_sites", "hold_s"),
    [
        ("andromeda-finger", ["finger"], 10),
        ("ait-oufella-15s", ["finger", "knee"], 15),
        ("chiba-5n", ["finger"], 5),
        ("knee-10s", ["knee"], 10),
    ],
)
def test_the_published_protocols_hold_as_long_as_their_papers_say(name: str, body_sites: list, hold_s: float) -> None:
    protocol = load(named("protocols", name), Protocol)
    assert (protocol.body_sites, protocol.hold_s, protocol.presses) == (body_sites, hold_s, 3)


@given(st.floats(), st.floats())
def test_no_protocol_asks_for_more_than_the_ceilings(target_kpa: float, hold_s: float) -> None:
    try:
        protocol = Protocol.model_validate(GOOD | {"target_kpa": target_kpa, "hold_s": hold_s})
    except ValidationError:
        return
    assert 0 < protocol.target_kpa <= CEILING_KPA
    assert 0 < protocol.hold_s <= CEILING_HOLD_S


def test_the_ceilings_themselves_may_be_asked_for() -> None:
    protocol = Protocol.model_validate(GOOD | {"target_kpa": CEILING_KPA, "hold_s": CEILING_HOLD_S})
    assert (protocol.target_kpa, protocol.hold_s) == (60.0, 20.0)


@pytest.mark.parametrize(
    "change",
    [
        {"target_kpa": 60.1},
        {"target_kpa": 0},
        {"target_kpa": None},
        {"target_n": 5},
        {"target_kpa": None, "target_n": 0},
        {"target_kpa": None, "target_n": 120.1},
        {"hold_s": 20.1},
        {"hold_s": 0},
        {"ramp_s": 0.1},
        {"baseline_s": 0.5},
        {"presses": 0},
        {"presses": 6},
        {"presses": 2.5},
        {"spacing_s": -1},
        {"observe_s": 2},
        {"observe_s": 31},
        {"observe_s": 12, "observe_limit_s": 11},
        {"least_observe_s": 2.9},
        {"least_observe_s": 31, "early_stop": False},
        {"least_observe_s": 12.1, "observe_s": 12},
        {"early_stop": "sometimes"},
        {"hold_tolerance": 0},
        {"hold_tolerance": 0.3},
        {"agreement": 0},
        {"body_sites": []},
        {"body_sites": ["ear"]},
        {"version": "1.0-beta"},
        {"name": "Übung"},
        {"pressure_mmhg": 300},
    ],
)
def test_a_wrong_protocol_is_refused(change: dict) -> None:
    with pytest.raises(ValidationError):
        Protocol.model_validate(GOOD | change)


def test_a_press_may_end_early_unless_its_protocol_wants_one_window_for_all() -> None:
    usual = Protocol.model_validate(GOOD)
    assert (usual.early_stop, usual.least_observe_s) == (True, 4.0)
    fixed = Protocol.model_validate(GOOD | {"early_stop": False, "observe_s": 3.5})
    assert fixed.observe_s == 3.5, "where no look is taken early, the first look bounds nothing"
    with pytest.raises(ValidationError, match="least_observe_s is longer than observe_s"):
        Protocol.model_validate(GOOD | {"observe_s": 3.5})


def test_a_force_becomes_the_pressure_that_gives_it_on_the_plate() -> None:
    chiba = load(named("protocols", "chiba-5n"), Protocol)
    assert (chiba.target_n, chiba.target_kpa) == (5.0, None)
    assert chiba.target_kpa_on(load_device().probe.plate_area_mm2) == pytest.approx(41.667, abs=0.001)
    assert chiba.target_kpa_on(100.0) == pytest.approx(50.0)


@given(st.floats(10.1, 2000))
def test_a_pressure_is_the_same_on_every_plate(area_mm2: float) -> None:
    assert Protocol.model_validate(GOOD).target_kpa_on(area_mm2) == 40


@given(st.floats(0, CEILING_N, exclude_min=True), st.floats(10.1, 2000))
def test_no_force_becomes_more_than_the_ceiling(target_n: float, area_mm2: float) -> None:
    protocol = Protocol.model_validate(GOOD | {"target_kpa": None, "target_n": target_n})
    if 1000 * target_n / area_mm2 > CEILING_KPA:
        with pytest.raises(ConfigurationError, match="above 60 kPa"):
            protocol.target_kpa_on(area_mm2)
    else:
        assert protocol.target_kpa_on(area_mm2) == pytest.approx(1000 * target_n / area_mm2)


def test_a_force_on_too_small_a_plate_is_refused_in_one_line() -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(named("protocols", "chiba-5n"), Protocol).target_kpa_on(50.0)
    assert str(caught.value) == "protocol chiba-5n: target_n: 5 N on a plate of 50 mm2 is 100.0 kPa, above 60 kPa"


def test_the_ceiling_in_newton_is_that_of_the_largest_plate() -> None:
    (largest,) = [bound.le for bound in Probe.model_fields["plate_area_mm2"].metadata if hasattr(bound, "le")]
    assert CEILING_KPA * largest / 1000 == pytest.approx(CEILING_N)
