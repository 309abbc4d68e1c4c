"""`refill verdict`: the answer and its inputs, from a journal."""

import json
import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from typer.testing import CliRunner

from contract.amendment import Amendment
from contract.identifiers import new_reading_id
from contract.mottling import MottlingReading
from contract.reading import BodySite, Device, Measured, ProtocolRef, Reading, RefillResult, Status, Subject
from contract.reasons import Reason
from contract.source import Source
from device.journal import Journal
from device.perfusion import criteria_of
from firmware_config.device import DEFAULT_PATH
from firmware_config.study import Study
from refill.cli import app
from refill.subject_docs import PAGE, written

AT = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
BOOT = UUID("11111111-2222-4333-8444-555555555555")


def number(crt_s: float) -> RefillResult:
    return RefillResult(status=Status.MEASURED, crt_s=crt_s, crt_ci95_s=(crt_s - 0.2, crt_s + 0.2))


MOVED = RefillResult(status=Status.NOT_MEASURABLE, reason=Reason.MOVED)


def put(journal: Journal, inclusion: str, site: BodySite, result: RefillResult, minutes: float, **changes: Any) -> None:
    """Commit a reading of the demonstration, or of what `changes` say."""

    def made(device_seq: int) -> Reading:
        plain = Reading(
            reading_id=new_reading_id(),
            device_seq=device_seq,
            study="demo",
            subject=Subject(site="00", inclusion=inclusion),
            event="inclusion",
            body_site=site,
            simulated=True,
            protocol=ProtocolRef(name="demo", version="1", sha256="a" * 64),
            device=Device(name="d", software_version="0", algorithm_version="0", configuration_sha256="b" * 64),
            measured=Measured(
                at=AT + timedelta(minutes=minutes),
                boot_id=BOOT,
                boottime_ns=round(minutes * 6e10),
                clock_synchronised=True,
            ),
            result=result,
            presses=[],
        )
        return plain.model_copy(update=changes)

    journal.append(made)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with Journal.open(tmp_path / "journal.sqlite", "d") as journal:
        put(journal, "0001", BodySite.FINGER, number(3.4), 1)
        put(journal, "0002", BodySite.FINGER, number(2.0), 2)
        put(journal, "0002", BodySite.KNEE, number(3.9), 3)
        put(journal, "0002", BodySite.KNEE, MOVED, 4)
        put(journal, "0003", BodySite.FINGER, number(2.0), 5)
        imicro = {
            "study": "i-micro",
            "subject": Subject(site="01", inclusion="0042"),
            "simulated": False,
            "norepinephrine_onset_at": AT - timedelta(hours=5.8),
        }
        put(journal, "0042", BodySite.FINGER, number(5.0), 6, **imicro)
        put(journal, "0042", BodySite.KNEE, number(4.4), 15, **imicro)
        put(journal, "0042", BodySite.FINGER, number(2.0), 16, **imicro | {"event": "day-1"})
    return tmp_path


def ask(*options: str, study: str = "demo") -> Any:
    return CliRunner().invoke(app, ["verdict", "--simulate", "--study", study, *options])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("inclusion", "answer"), [("0001", "yes"), ("0002", "no"), ("0003", "undetermined"), ("0004", "undetermined")]
)
def test_each_subject_has_its_own_answer(folder: Path, inclusion: str, answer: str) -> None:
    done = ask("--data", str(folder), "--subject", f"00-{inclusion}", "--event", "inclusion")
    assert done.exit_code == 0, done.output
    assert done.output.startswith(f"hypoperfusion: {answer} (not calibrated to the stopwatch)")
    assert len(done.output.splitlines()) == 3


def test_the_inputs_stand_below_the_answer_that_they_give(folder: Path) -> None:
    done = ask("--data", str(folder), "--subject", "00-0002", "--event", "inclusion")
    assert done.output.splitlines() == [
        "hypoperfusion: no (not calibrated to the stopwatch), as of 2026-11-26 12:04 +0000",
        "  finger    no            > 3 s   2.00 s (1.80 to 2.20)",
        (
            "  knee      no            > 4 s   3.90 s (3.70 to 4.10); "
            "borderline: the interval holds the threshold; a later attempt gave no number"
        ),
    ]


def test_outside_its_window_a_study_has_no_input(folder: Path) -> None:
    done = ask("--data", str(folder), "--subject", "01-0042", "--event", "inclusion", study="i-micro")
    assert done.output.splitlines() == [
        "hypoperfusion: yes (not calibrated to the stopwatch), as of 2026-11-26 12:15 +0000",
        (
            "  finger    undetermined  > 3 s   5.00 s (4.80 to 5.20); "
            "outside the study's window: 5.9 h after norepinephrine"
        ),
        "  knee      yes           > 4 s   4.40 s (4.20 to 4.60)",
        "  mottling  undetermined  >= 1    not measured",
        "  window    inside                6.0 h after norepinephrine",
    ]


def test_the_window_is_not_held_against_a_later_day(folder: Path) -> None:
    done = ask("--data", str(folder), "--subject", "01-0042", "--event", "day-1", "--json", study="i-micro")
    content = json.loads(done.output)
    assert content["window"] is None
    assert content["inputs"][0]["answer"] == "no"


def test_a_device_that_speaks_french_answers_in_french(folder: Path, tmp_path: Path) -> None:
    config = tmp_path / "device.toml"
    config.write_text(DEFAULT_PATH.read_text(encoding="utf-8").replace('language = "en"', 'language = "fr"'), "utf-8")
    lines = ask("--data", str(folder), "--config", str(config), "--subject", "00-0003", "--event", "inclusion").output
    assert lines.splitlines()[0].startswith("hypoperfusion: indéterminé (non étalonné sur le chronomètre), au 2026-11")
    assert "2.00 s (1.80 à 2.20)" in lines
    assert "genou     indéterminé   > 4 s   non mesuré" in lines


def test_the_inputs_are_shown_with_what_is_to_be_known_about_them(folder: Path) -> None:
    done = ask("--data", str(folder), "--subject", "00-0002", "--event", "inclusion", "--json")
    content = json.loads(done.output)
    finger, knee = content["inputs"]
    assert finger["shown"] == "2.00 s (1.80 to 2.20)"
    assert finger["threshold"] == "> 3 s"
    assert (knee["borderline"], knee["later_attempt_failed"]) == (True, True)


def test_another_event_has_no_inputs(folder: Path) -> None:
    assert "undetermined" in ask("--data", str(folder), "--subject", "00-0001").output.splitlines()[0]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "words", "code"),
    [
        (["--subject", "00"], "--subject: inclusion", 2),
        (["--subject", "xx-1"], "--subject: site", 2),
        (["--subject", "00-0001", "--event", "day-9"], "has no event day-9", 2),
        (["--subject", "01-0001"], "study demo has no site 01", 2),
        (["--subject", "00-1"], "Check the inclusion number: it has 4-6 digits.", 2),
    ],
)
def test_wrong_use_is_one_line(folder: Path, options: list[str], words: str, code: int) -> None:
    done = ask("--data", str(folder), *options)
    assert done.exit_code == code
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_no_journal_is_one_line(tmp_path: Path) -> None:
    done = ask("--data", str(tmp_path), "--subject", "00-0001")
    assert (done.exit_code, len(done.stderr.splitlines())) == (1, 1)


def test_the_page_holds_the_tables_of_the_code() -> None:
    page = (Path(__file__).resolve().parents[2] / PAGE).read_text(encoding="utf-8")
    assert written(page) == page, "renew it: python -m refill.subject_docs"


def test_the_page_sets_a_study_as_the_model_takes_it() -> None:
    page = (Path(__file__).resolve().parents[2] / PAGE).read_text(encoding="utf-8")
    shown = tomllib.loads(page.split("```toml")[1].split("```")[0])
    study = Study.model_validate({"name": "shown", "title": "As on the page", "sites": ["01"]} | shown)
    assert study.window is not None
    assert criteria_of(study, "inclusion").window_h == (6.0, 24.0)
    assert criteria_of(study, None).window_h == (6.0, 24.0)
    assert criteria_of(study, "day-1").window_h is None


@pytest.mark.slow
def test_a_correction_moves_a_reading_and_a_confirmed_score_completes_the_verdict(folder: Path) -> None:
    """The knee of i-micro's subject was poor; it was another's. Their own leg is scored, and a person says 0."""
    with Journal.open(folder / "journal.sqlite", "d") as journal:
        records = [record.reading for record in journal.records()]
        finger, knee = records[5], records[6]
        same = knee.model_dump(include=set(Source.model_fields))
        result = {"status": "measured", "score": 3, "max_supported": 5}
        leg = MottlingReading.model_validate(same | {"reading_id": new_reading_id(), "result": result})
        leg = journal.append(lambda seq: leg.model_copy(update={"device_seq": seq})).content
        said = {**same, "operator": "n9"}
        moves = [{"field": "inclusion", "old": "0042", "new": "0043"}]
        corrected = {"action": "corrected", "why": "chosen_wrong", "changes": moves}

        def add(about: Source, **content: Any) -> None:
            made = said | {"reading_id": new_reading_id(), "about": about.reading_id, "action": "confirmed"} | content
            amendment = Amendment.model_validate(made)
            journal.append(lambda seq: amendment.model_copy(update={"device_seq": seq}))

        before = answer(folder, "01-0042")
        assert (before["knee"]["answer"], before["mottling"]["why"]) == ("yes", "unconfirmed")
        add(knee, **corrected)
        after = answer(folder, "01-0042")
        assert (after["knee"]["why"], after["mottling"]["why"]) == ("missing", "unconfirmed")
        assert answer(folder, "01-0043")["knee"]["answer"] == "yes"
        add(leg, mottling_score=0)
        assert (answer(folder, "01-0042")["mottling"]["answer"], finger.subject.inclusion) == ("no", "0042")


def answer(folder: Path, subject: str) -> dict[str, Any]:
    options = ["--subject", subject, "--study", "i-micro", "--event", "inclusion", "--data", str(folder)]
    done = CliRunner().invoke(app, ["verdict", "--simulate", "--json", *options])
    assert done.exit_code == 0, done.output
    return {each["what"]: each for each in json.loads(done.output)["inputs"]}
