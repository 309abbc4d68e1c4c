"""An archive: whole, checked years later, and every way of altering it found."""

from pathlib import Path

import pytest
from feed_bench import LATER, STUDY, small_trial

from trial.archive import SUMS, ArchiveError, archive, verify
from trial.backup_manifest import file_sha256
from trial.database import open_database, upgrade


@pytest.fixture
def made(tmp_path: Path) -> Path:
    engine = open_database(str(tmp_path / "trial.sqlite3"))
    upgrade(engine)
    small_trial(engine)
    archive(engine, STUDY, tmp_path / "archive", LATER)
    with pytest.raises(ArchiveError, match="is there already"):
        archive(engine, STUDY, tmp_path / "archive", LATER)
    engine.dispose()
    return tmp_path / "archive"


def test_an_archive_is_whole_and_whatever_is_altered_in_it_is_found(made: Path) -> None:
    found = verify(made)
    assert (found.wrong, found.csv_compared) == ([], True)
    names = {path.name for path in made.iterdir()}
    wanted = {"crf.csv", "mottling.csv", "odm-snapshot.xml", "fhir-r5.ndjson", "audit.jsonl", "study.json"}
    assert wanted | {"trial.sqlite3", "archive.json", SUMS} < names
    (made / "stranger").write_text("x", encoding="utf-8")
    assert verify(made).wrong == ["stranger: is not in SHA256SUMS"]
    (made / "stranger").unlink()
    old = file_sha256(made / "crf.csv")
    (made / "crf.csv").write_bytes((made / "crf.csv").read_bytes().replace(b",n14,", b",n15,"))
    assert verify(made).wrong == ["crf.csv: was altered: its hash does not match"]
    sums = (made / SUMS).read_text(encoding="utf-8")
    (made / SUMS).write_text(sums.replace(old, file_sha256(made / "crf.csv")), encoding="utf-8")
    assert verify(made).wrong == ["crf.csv: is not what the archived database gives"]
    (made / "crf.csv").unlink()
    assert verify(made).wrong == ["crf.csv: is missing"]
    (made / SUMS).unlink()
    with pytest.raises(ArchiveError, match="is no archive"):
        verify(made)
