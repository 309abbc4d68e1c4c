"""A short round of the simulated trial, and that a wrong truth would be seen."""

from pathlib import Path

import pytest

from benchmarks.simulated_trial import differences, ingest, round_of
from benchmarks.simulated_trial_made import made_up, study_of
from benchmarks.simulated_trial_truth import AWAY, SHIFTS, START
from trial.database import open_database, upgrade

pytestmark = pytest.mark.slow


def test_what_is_said_of_a_small_trial_is_its_truth(tmp_path: Path) -> None:
    found = round_of(4, 48, 7, tmp_path)
    assert {name: wrong for name, (_, wrong) in found.items() if wrong} == {}
    assert all(rows > 10 for rows, _ in found.values()), found


def test_the_small_trial_has_an_outage_shifted_clocks_and_what_comes_before_its_reading() -> None:
    sites, truth = made_up(study_of(4), 120, 7)
    back = START + AWAY[1]
    assert (
        sum(each.came is not None and back < each.came < back.replace(hour=back.hour + 2) for each in sites[1].sent)
        > 50
    )
    for number in SHIFTS:
        codes = [code for code, site, _ in truth.asked if site == sites[number].name]
        assert codes.count("out-of-window") > 10
        assert codes.count("clock") > 10
    bedside = [change for change in truth.changes if change[1].startswith("n9@")]
    assert {change[3] for change in bedside} == {"event", "comments", "confirmed_by", "person_score"}


def test_another_truth_is_seen_to_differ(tmp_path: Path) -> None:
    study = study_of(3)
    sent, truth = made_up(study, 24, 7)
    for rows in (truth.slots, truth.asked, truth.changes, truth.letters, truth.for_good):
        rows.pop()
    truth.rows.popitem()
    engine = open_database(str(tmp_path / "trial.db"))
    upgrade(engine)
    assert ingest(engine, study, sent) > 200
    found = differences(engine, study, truth, tmp_path)
    engine.dispose()
    assert all(wrong >= 1 for _, wrong in found.values()), found
