"""A short round of the journal's campaign on a bad disk, and that it would see a promise broken."""

import os
import random
from pathlib import Path

import pytest

from benchmarks.bedside_disk import nothing_left_mounted
from benchmarks.journal_faults import KINDS, play
from benchmarks.journal_faults_report import report
from benchmarks.journal_rig import Round, held
from benchmarks.journal_writer import DEVICE
from device.journal import Journal

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("kind", KINDS)
def test_a_round_of_each_kind_breaks_no_promise(kind: str, tmp_path: Path) -> None:
    with nothing_left_mounted(tmp_path):
        try:
            this = play(kind, random.Random(f"7-{kind}"), tmp_path)
        except SystemExit as error:
            if os.environ.get("CI"):
                raise
            pytest.skip(str(error))
    assert this.problems == []
    assert this.outcome
    text, met = report([(this.kind, this.outcome, this.told, this.problems)], 7, 1.0)
    assert met
    assert "zlib 6" in text


def test_a_record_that_was_told_and_is_not_there_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    Journal.open(path, DEVICE).close()
    this = Round("killed")
    held(this, path, {1: "0" * 64}, ["x"])
    assert len(this.problems) == 2
    assert not report([("killed", "", 1, this.problems)], 7, 1.0)[1]
