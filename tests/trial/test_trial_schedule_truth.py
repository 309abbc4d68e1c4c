"""A short round of the simulated trial, and that a wrong truth would be seen."""

from pathlib import Path

from benchmarks import simulated_trial
from benchmarks.simulated_trial import differences, ingest, made_up, round_of, study_of
from trial.database import open_database, upgrade


def test_what_is_said_of_a_small_trial_is_its_truth(tmp_path: Path) -> None:
    found = round_of(3, 24, 7, tmp_path)
    assert {wrong for _, wrong in found.values()} == {0}
    assert all(rows > 10 for rows, _ in found.values())


def test_another_truth_is_seen_to_differ(tmp_path: Path) -> None:
    study = study_of(3)
    sent, truth = made_up(study, 24, 7)
    for rows in (truth.slots, truth.asked, truth.exported):
        rows.pop()
    engine = open_database(str(tmp_path / "trial.db"))
    upgrade(engine)
    assert ingest(engine, study, sent) > len(simulated_trial.DAYS)
    found = differences(engine, study, truth, tmp_path / "crf.csv")
    engine.dispose()
    assert all(wrong >= 1 for _, wrong in found.values())
