"""The ingester and a broker that lets in only whom it knows: said in one line, tried again, and in once it may."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from trial_bench import Program, broker_command, free_port, listening, needed, refill_trial, wait_for

from trial.certificates import Authority

pytestmark = pytest.mark.slow


class Secured:
    """A Mosquitto that asks for a certificate of its authority, and an ingester's configuration."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.now = datetime.now(UTC)
        self.authority = Authority.made("site", self.now)
        self.write("ca.pem", self.authority.certificate_pem)
        own = self.authority.broker(["127.0.0.1"], self.now, 10)
        self.write("broker.crt", own.certificate_pem)
        self.write("broker.key", own.key_pem)
        self.client(self.authority)
        command = broker_command("mosquitto", self.port, folder)
        with Path(command[-1]).open("a") as configuration:
            for key, name in {"cafile": "ca.pem", "certfile": "broker.crt", "keyfile": "broker.key"}.items():
                configuration.write(f"{key} {folder / name}\n")
            configuration.write("require_certificate true\n")
        self.broker = Program(command, folder / "broker.log")
        self.ingester = Program(
            refill_trial("ingest", "--config", str(folder)),
            folder / "ingest.log",
            {"CREDENTIALS_DIRECTORY": str(folder)},
        )

    def write(self, name: str, content: bytes) -> None:
        (self.folder / name).write_bytes(content)

    def client(self, authority: Authority) -> None:
        issued = authority.client("ingest-1", self.now, 10)
        self.write("ingest.crt", issued.certificate_pem)
        self.write("ingest-key", issued.key_pem)

    def configure(self, version: str, host: str = "127.0.0.1") -> None:
        text = f"""
            database = "{self.folder}/trial.sqlite3"
            [broker]
            host = "{host}"
            port = {self.port}
            version = "{version}"
            [broker.tls]
            ca_file = "{self.folder}/ca.pem"
            certificate_file = "{self.folder}/ingest.crt"
            key_credential = "ingest-key"
            """
        (self.folder / "trial.toml").write_text(text, encoding="utf-8")

    def begin(self) -> None:
        self.broker.start()
        listening(self.port)
        self.ingester.start()

    def said(self, words: str) -> bool:
        return wait_for(lambda: words in self.ingester.text() or not self.ingester.runs) and self.ingester.runs


@pytest.fixture
def secured(tmp_path: Path) -> Iterator[Secured]:
    needed("mosquitto", "/usr/sbin/mosquitto")
    made = Secured(tmp_path)
    yield made
    for program in (made.ingester, made.broker):
        if program.process is not None:
            program.kill()


@pytest.mark.parametrize("version", ["3.1.1", "5"])
def test_with_its_certificate_it_is_let_in(secured: Secured, version: str) -> None:
    secured.configure(version)
    secured.begin()
    assert secured.said("connected to the broker, session new"), secured.ingester.text()
    assert secured.ingester.terminate() == 0


def test_a_certificate_of_another_authority_is_said_once_and_tried_again(secured: Secured) -> None:
    secured.configure("5")
    secured.client(Authority.made("elsewhere", secured.now))
    secured.begin()
    assert secured.said("unknown ca"), secured.ingester.text()
    attempts = secured.broker.text().count("certificate verify failed")
    assert wait_for(lambda: secured.broker.text().count("certificate verify failed") > attempts + 1), "tried once only"
    # Whether the broker's alert or its reset comes first is chance at every attempt: each is said once.
    lines = secured.ingester.text().splitlines()
    sentences = [line.partition("the broker ")[2] for line in lines]
    assert len(set(sentences)) == len(lines) <= 4, lines
    assert all("ends the connection before it has begun" in line and line.endswith("trying again") for line in lines)
    assert secured.ingester.terminate() == 0


def test_a_broker_that_another_authority_vouches_for_is_not_spoken_to(secured: Secured) -> None:
    secured.configure("5")
    secured.write("ca.pem", Authority.made("elsewhere", secured.now).certificate_pem)
    secured.begin()
    assert secured.said("certificate verify failed"), secured.ingester.text()
    assert len(secured.ingester.text().splitlines()) == 1


def test_a_broker_under_another_name_is_not_spoken_to(secured: Secured) -> None:
    secured.configure("5", host="localhost")
    secured.begin()
    assert secured.said("certificate is not valid for"), secured.ingester.text()


def test_an_ingester_without_the_right_password_is_told_and_goes_on_trying(tmp_path: Path) -> None:
    port = free_port()
    command = broker_command("mosquitto", port, tmp_path)
    configuration = Path(command[-1])
    configuration.write_text(configuration.read_text().replace("allow_anonymous true", "allow_anonymous false"))
    broker = Program(command, tmp_path / "broker.log").start()
    where = ["--study", "demo", "--database", str(tmp_path / "t.sqlite3"), "--port", str(port)]
    ingester = Program(refill_trial("ingest", *where), tmp_path / "ingest.log")
    try:
        listening(port)
        ingester.start()
        assert wait_for(lambda: broker.text().count("New connection") > 3), broker.text()
        lines = ingester.text().splitlines()
        assert len(lines) == 1, lines
        assert "refuses the connection: Not authorized" in lines[0]
        broker.kill()
        configuration.write_text(configuration.read_text().replace("allow_anonymous false", "allow_anonymous true"))
        broker.start()
        assert wait_for(lambda: "connected to the broker" in ingester.text(), 20), ingester.text()
        assert ingester.terminate() == 0
    finally:
        for program in (ingester, broker):
            if program.process is not None:
                program.kill()
