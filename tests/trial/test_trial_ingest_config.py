"""A site's trial.toml: what is wrong is said at once, with file and key; secrets come from systemd and nowhere else."""

from pathlib import Path
from uuid import uuid4

import pytest
import typer
from typer.testing import CliRunner

from firmware_config.loading import ConfigurationError
from firmware_config.trial import DEFAULT_PATH, Trial, load_trial
from refill import trial_ingest_cli
from refill.cli import app
from trial.feed import BrokerAddress, Feed, FeedError

SECURED = """
study = "demo"
database_credential = "database-url"
client_id = "ingest-1"
group = "trial"
[broker]
host = "broker.example"
port = 8883
version = "5"
[broker.tls]
ca_file = "{folder}/ca.pem"
certificate_file = "{folder}/own.pem"
key_credential = "key"
[batch]
messages = 50
wait_ms = 20
"""


def written(folder: Path, text: str) -> Path:
    (folder / "trial.toml").write_text(text.replace("{folder}", str(folder)), encoding="utf-8")
    return folder


def refused(*arguments: object, code: int) -> list[str]:
    result = CliRunner().invoke(app, ["trial", "ingest", *map(str, arguments)])
    assert result.exit_code == code, result.output
    return result.output.splitlines()


def opened(folder: Path | None, **asked: object) -> tuple[Trial, object]:
    trial = trial_ingest_cli._trial(folder, {f"--{name}": value for name, value in asked.items()})
    _, engine, options = trial_ingest_cli._opened(trial, folder)
    engine.dispose()
    return trial, options


def test_the_packaged_file_says_what_the_defaults_are() -> None:
    packaged = load_trial()
    assert packaged == Trial(database="refill-trial.sqlite3")
    assert packaged.session_name == "refill-ingest-demo"
    assert "password" not in DEFAULT_PATH.read_text(encoding="utf-8")


def test_every_error_is_said_at_once_with_file_and_key(tmp_path: Path) -> None:
    content = 'database = "postgresql://a:b@h/x"\ngroup = "g"\n[broker]\nport = 0\n[batch]\nmessages = 0\nwait_s = 1\n'
    lines = refused("--config", written(tmp_path, content), code=2)
    keys = [line.removeprefix(f"{tmp_path}/trial.toml: ").split(":")[0] for line in lines]
    assert keys == ["database", "broker.port", "batch.messages", "batch.wait_s"]
    assert "a:b" not in "\n".join(lines)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "database (or database_credential): missing"),
        ('database = "x.sqlite3"\ngroup = "g"', 'group: Value error, shared subscriptions need broker.version = "5"'),
        ('database = "x"\ndatabase_credential = "y"', "database_credential: Value error, database and"),
        ('database = "postgresql://h/x?user=a&password=b"', "holds a password"),
        ('database = "x"\n[broker]\nhost = "broker.example"', "tls: required for broker.example"),
        ('database = "x"\nclient_id = "a b"', "client_id:"),
    ],
)
def test_what_does_not_fit_together_is_refused(content: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as error:
        load_trial(written(tmp_path, content))
    assert said in str(error.value)


@pytest.mark.slow
def test_an_option_is_checked_like_the_file(tmp_path: Path) -> None:
    lines = refused("--mqtt", "4", "--port", "0", "--database", "postgresql://a:b@h/x", code=2)
    assert [line.split(":")[0] for line in lines] == ["--database", "--port", "--mqtt"]
    [line] = refused("--host", "broker.example", code=2)
    assert line.startswith("--host: Value error, tls: required")
    [line] = refused("--config", tmp_path / "nowhere", code=2)
    assert line.startswith(f"{tmp_path}/nowhere/trial.toml: ")


def test_what_the_file_names_and_is_not_there_is_said_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "key").write_text("lies in the working folder, where nobody handed it over")
    folder = written(tmp_path, SECURED.replace('"demo"', '"nope"'))
    lines = [line.removeprefix(f"{tmp_path}/trial.toml: ") for line in refused("--config", folder, code=1)]
    assert lines == [
        f"broker.tls.ca_file: {tmp_path}/ca.pem: no such file",
        f"broker.tls.certificate_file: {tmp_path}/own.pem: no such file",
        "broker.tls.key_credential: the credential key was not handed over by systemd",
        "database_credential: the credential database-url was not handed over by systemd",
        "studies/nope.toml: no such file; there are: demo, i-micro",
    ]


def test_secrets_come_from_the_folder_of_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    handed = tmp_path / "credentials"
    handed.mkdir()
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(handed))
    (handed / "database-url").write_text("sqlite:///handed-over.sqlite3\n")
    for path in (handed / "key", tmp_path / "ca.pem", tmp_path / "own.pem"):
        path.write_text("stands in for the real one")
    _, options = opened(written(tmp_path, SECURED))
    expected = BrokerAddress(
        host="broker.example",
        port=8883,
        version="5",
        ca_file=tmp_path / "ca.pem",
        certificate_file=tmp_path / "own.pem",
        key_file=handed / "key",
    )
    assert (options.broker, options.client_id, options.group) == (expected, "ingest-1", "trial")
    assert (options.batch_messages, options.batch_wait_s) == (50, 0.02)


def test_an_option_goes_before_the_file(tmp_path: Path) -> None:
    folder = written(tmp_path, 'database_credential = "x"\n[broker]\nport = 1900\n')
    trial, options = opened(folder, database="own.sqlite3", port=1901)
    assert (trial.database, trial.database_credential, options.broker.port) == ("own.sqlite3", None, 1901)


def test_a_password_is_never_shown() -> None:
    kept = str(uuid4())
    assert kept not in repr(BrokerAddress(username="ingest", password=kept))


def test_files_that_are_no_certificates_end_it_with_one_line(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nonsense")
    with pytest.raises(FeedError, match=r"the files of the encryption cannot be used \(.*ca.pem\): ") as error:
        Feed(BrokerAddress(ca_file=tmp_path / "ca.pem"), "x", [], lambda _: None)
    assert len(str(error.value).splitlines()) == 1


def test_ingest_without_a_file_takes_the_options_of_the_demo() -> None:
    known = {
        name
        for parameter in typer.main.get_command(app).commands["trial"].commands["ingest"].params
        for name in parameter.opts
    }
    assert {"--study", "--database", "--host", "--port", "--client-id", "--mqtt", "--group", "--config"} <= known
