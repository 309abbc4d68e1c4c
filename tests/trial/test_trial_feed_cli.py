"""`refill trial feed`: what it says, its exit codes, and that the token is in no output."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from feed_bench import small_trial
from lxml import etree
from redcap_server import TOKEN, RedcapServer, reading_ids, redcap_server
from trial_bench import new_database, refill_trial
from typer.testing import CliRunner

from refill.trial_cli import app
from refill.trial_feed_cli import TOKEN_VARIABLE

STUDY_FILE = """
name = "demo"
title = "demo"
sites = ["00", "01"]
accept_simulated = true
events = ["inclusion", "day-1"]
"""


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "trial.sqlite3"
    engine = new_database(path)
    small_trial(engine)
    engine.dispose()
    (tmp_path / "studies").mkdir()
    (tmp_path / "studies" / "demo.toml").write_text(STUDY_FILE)
    return path


@pytest.fixture
def project() -> Iterator[RedcapServer]:
    with redcap_server() as server:
        server.subject("00-7", "01-7")
        yield server


def run(database: Path, *arguments: object, code: int = 0, **environment: Any) -> str:
    where = ["--study", "demo", "--database", database, "--config", database.parent]
    result = CliRunner().invoke(app, ["feed", *map(str, (*arguments, *where))], env=environment)
    assert result.exit_code == code, result.output
    assert TOKEN not in result.output
    return result.output


@pytest.mark.slow
def test_files_are_written_and_counted(database: Path, tmp_path: Path) -> None:
    out = tmp_path / "odm.xml"
    assert run(database, "odm", "--out", out, "--type", "transactional").endswith(
        "7 readings, ODM 1.3.2 Transactional\n"
    )
    assert etree.parse(out).getroot().get("FileType") == "Transactional"
    out = tmp_path / "fhir.ndjson"
    assert run(database, "fhir", "--out", out, "--release", "r4b").endswith("7 readings, FHIR R4B\n")
    assert out.read_text().count("\n") == 1


@pytest.mark.slow
def test_a_folder_that_is_not_there_is_said_in_one_line(database: Path, tmp_path: Path) -> None:
    for kind in ("odm", "fhir"):
        output = run(database, kind, "--out", tmp_path / "none" / "x", code=1)
        assert output.startswith("the export was not written: ")
        assert output.count("\n") == 1


@pytest.mark.slow
def test_a_round_from_the_command_line_with_the_token_of_a_credential(
    database: Path, project: RedcapServer, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    told: dict[str, Any] = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    arguments = ("redcap", "--url", project.url, "--token-credential", "token")
    dry = run(database, *arguments, "--dry-run", **told)
    assert dry.endswith("6 to send, 0 there already, 1 skipped, 0 for a person\n")
    assert reading_ids(project) == {}
    assert run(database, *arguments, "--once", **told).endswith("6 sent, 0 there already, 1 skipped, 0 for a person\n")
    assert len(reading_ids(project)) == 6
    assert "0 sent, 6 there already" in run(database, *arguments, "--once", **told)


@pytest.mark.slow
def test_project_study_and_credential_come_from_the_configuration(
    database: Path, project: RedcapServer, tmp_path: Path
) -> None:
    (tmp_path / "own-token").write_text(f"{TOKEN}\n")
    text = f'study = "demo"\ndatabase = "{database}"\n[redcap]\nurl = "{project.url}"\ntoken_credential = "own-token"\n'
    (tmp_path / "trial.toml").write_text(text)
    environment = {"CREDENTIALS_DIRECTORY": str(tmp_path), TOKEN_VARIABLE: ""}
    arguments = ["feed", "redcap", "--config", str(tmp_path), "--once"]
    result = CliRunner().invoke(app, arguments, env=environment)
    assert result.exit_code == 0, result.output
    assert result.output.endswith("6 sent, 0 there already, 1 skipped, 0 for a person\n")
    assert len(reading_ids(project)) == 6
    (tmp_path / "own-token").unlink()
    result = CliRunner().invoke(app, arguments, env=environment)
    assert (result.exit_code, "own-token was not handed over" in result.output) == (1, True)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("section", "words"),
    [
        ("", "there is no project to feed"),
        ('[redcap]\nurl = "http://192.0.2.1/api/"\n', "redcap.url: Value error, https only"),
        ('[redcap]\nurl = "https://me:x@redcap.example.org/api/"\n', "redcap.url: Value error, an address like"),
        ('[redcap]\nurl = "https://redcap.example.org/"\n', "redcap.url: Value error, an address like"),
        ('[redcap]\nurl = "https://redcap.example.org/api/"\ntoken = "x"\n', "redcap.token"),
    ],
)
def test_a_project_that_cannot_be_fed_is_said_in_one_line_with_exit_code_2(
    database: Path, tmp_path: Path, section: str, words: str
) -> None:
    (tmp_path / "trial.toml").write_text(f'study = "demo"\ndatabase = "{database}"\n{section}')
    result = CliRunner().invoke(app, ["feed", "redcap", "--config", str(tmp_path), "--once"])
    assert (result.exit_code, words in result.output) == (2, True), result.output
    assert len(result.output.splitlines()) == 1


@pytest.mark.slow
def test_the_running_feed_goes_on_after_a_failure_is_said_and_ends_when_asked(
    database: Path, project: RedcapServer
) -> None:
    project.faults = ["500"]
    options = ("--study", "demo", "--database", str(database), "--config", str(database.parent), "--url", project.url)
    process = subprocess.Popen(
        refill_trial("feed", "redcap", *options),
        env=os.environ | {TOKEN_VARIABLE: TOKEN},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        said = process.stderr.readline()
        assert said.endswith("; again in 10 s\n")
        # What a shell on the same machine sees of the command holds no token.
        assert TOKEN not in Path(f"/proc/{process.pid}/cmdline").read_text(encoding="utf-8")
        process.send_signal(signal.SIGTERM)
        output, errors = process.communicate(timeout=20)
    finally:
        process.kill()
    assert (process.returncode, output, errors) == (0, "", "")


def test_what_needs_a_person_ends_with_1(database: Path, project: RedcapServer) -> None:
    key = ("00-7", "inclusion_arm_1", "refill_reading", "1")
    names = ("record_id", "redcap_event_name", "redcap_repeat_instrument", "redcap_repeat_instance")
    project.rows[key] = dict(zip(names, key, strict=True)) | {"rf_reading_id": "another"}
    output = run(database, "redcap", "--url", project.url, "--once", code=1, **{TOKEN_VARIABLE: TOKEN})
    assert "5 sent, 0 there already, 1 skipped, 1 for a person" in output


@pytest.mark.slow
def test_a_server_that_fails_ends_a_single_round_with_1(database: Path, project: RedcapServer) -> None:
    project.faults = ["500"]
    output = run(database, "redcap", "--url", project.url, "--once", code=1, **{TOKEN_VARIABLE: TOKEN})
    assert output.startswith("REDCap: ")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "words", "code"),
    [
        (("--url", "https://redcap.example.org/api/"), "the token is nowhere", 2),
        (("--url", "https://redcap.example.org/api/", "--token-credential", "../x"), "no path", 2),
        (("--url", "https://redcap.example.org/api/", "--token-credential", "x"), "not handed over", 1),
    ],
)
def test_a_token_that_is_nowhere_is_said(database: Path, options: tuple[str, ...], words: str, code: int) -> None:
    told: dict[str, Any] = {TOKEN_VARIABLE: "", "CREDENTIALS_DIRECTORY": str(database.parent)}
    assert words in run(database, "redcap", *options, code=code, **told)


def test_an_address_without_tls_is_refused(database: Path) -> None:
    output = run(database, "redcap", "--url", "http://192.0.2.1/api/", code=2, **{TOKEN_VARIABLE: TOKEN})
    assert "https only" in output


def test_the_dictionary_is_written(database: Path, tmp_path: Path) -> None:
    out = tmp_path / "dictionary.csv"
    result = CliRunner().invoke(
        app, ["feed", "redcap-dictionary", "--study", "demo", "--out", str(out), "--config", str(tmp_path)]
    )
    assert result.exit_code == 0, result.output
    assert out.read_text(encoding="utf-8").count("refill_reading") > 40
