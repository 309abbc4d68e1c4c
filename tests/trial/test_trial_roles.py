"""Accounts of PostgreSQL: each does its work, and none can take a guard away."""

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError, ProgrammingError
from trial_bench import (
    NOON,
    Device,
    PostgreSQL,
    Program,
    broker_command,
    chain,
    free_port,
    listening,
    refill_trial,
    wait_for,
)
from typer.testing import CliRunner

from contract.status import DeviceStatus
from refill.trial_cli import app
from trial import tables
from trial.backup import backup
from trial.database import SchemaRightError, open_database, upgrade
from trial.enrolment import enrol
from trial.roles import INGESTED, RolesError, apply, rights

USERS = {"ingest": "f_ingest", "manage": "f_manage", "backup": "f_backup", "read": "f_read"}
OWNER = "f_owner"


@dataclass
class Accounts:
    """A database of its own owner, and everybody's way to it."""

    server: PostgreSQL
    name: str

    def url(self, user: str) -> str:
        return self.server.url.replace("postgres@", f"{user}@").replace("/postgres?", f"/{self.name}?")


@pytest.fixture
def accounts(postgresql: PostgreSQL) -> Iterator[Accounts]:
    name = f"r{os.urandom(6).hex()}"
    admin = open_database(postgresql.url).execution_options(isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        there = set(connection.execute(text("SELECT rolname FROM pg_roles")).scalars())
        for user in {OWNER, *USERS.values()} - there:
            connection.execute(text(f"CREATE ROLE {user} LOGIN"))
        connection.execute(text(f"CREATE DATABASE {name} OWNER {OWNER}"))
    yield Accounts(postgresql, name)
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


@pytest.fixture
def engines(accounts: Accounts) -> Iterator[dict[str, Engine]]:
    """An engine for each account, on a database with its tables and its rights."""
    made = {role: open_database(accounts.url(user)) for role, user in {"owner": OWNER, **USERS}.items()}
    upgrade(made["owner"])
    apply(made["owner"], USERS)  # type: ignore[arg-type]  # the roles' names are theirs
    yield made
    for engine in made.values():
        engine.dispose()


def test_every_table_has_its_place_in_the_rights_and_only_status_is_ever_changed() -> None:
    for role in ("ingest", "manage", "backup", "read"):
        may = rights(role)
        # Hashes of passwords are for those who check or keep them.
        secret = {"account"} if role in ("ingest", "read") else set()
        assert set(may) == (set(tables.metadata.tables) - secret) | {"alembic_version"}
        changed = {name for name, granted in may.items() if set(granted) - {"SELECT", "INSERT"}}
        assert changed == ({"device_status"} if role == "ingest" else set())
    added = {name for name, granted in rights("ingest").items() if "INSERT" in granted}
    assert added == {*INGESTED, "device_status"}
    assert {name for name, granted in rights("read").items() if "INSERT" in granted} == set()
    assert {name for name, granted in rights("backup").items() if "INSERT" in granted} == {"audit"}


def test_the_statements_are_printed_for_whoever_owns_the_tables() -> None:
    asked = ["roles", "--database", "postgresql://owner:hush@/trial", "--ingest-user", "feed"]
    result = CliRunner().invoke(app, asked)
    assert result.exit_code == 0
    assert 'GRANT SELECT, INSERT, UPDATE ON device_status TO "feed";' in result.output
    assert 'GRANT SELECT, INSERT ON reading TO "feed";' in result.output
    assert 'GRANT SELECT ON enrolment TO "feed";' in result.output
    assert "hush" not in result.output


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ([], 2, "name at least one account"),
        (["--read-user", 'x" WITH GRANT OPTION; --'], 1, "no name of an account"),
        (["--read-user", "one", "--ingest-user", "one"], 1, "one account for two roles"),
    ],
)
def test_wrong_accounts_are_said_in_one_line(arguments: list[str], code: int, words: str) -> None:
    result = CliRunner().invoke(app, ["roles", "--database", "postgresql://owner@/trial", *arguments])
    assert (result.exit_code, len(result.output.splitlines())) == (code, 1)
    assert words in result.output


def test_sqlite_has_no_accounts(tmp_path: Path) -> None:
    engine = open_database(str(tmp_path / "trial.sqlite3"))
    with pytest.raises(RolesError, match="SQLite has no accounts"):
        apply(engine, {"read": "somebody"})
    engine.dispose()


FORBIDDEN_TO_ALL = (
    "UPDATE reading SET crt_s = 1",
    "UPDATE record SET kind = 'refill'",
    "DELETE FROM amendment",
    "DELETE FROM reading",
    "TRUNCATE reading CASCADE",
    "DELETE FROM device_status",
    "UPDATE alembic_version SET version_num = 'r0001'",
    "DROP TRIGGER reading_no_change ON reading",
    "ALTER TABLE reading DISABLE TRIGGER ALL",
    "ALTER TABLE reading ADD COLUMN more text",
    "DROP TABLE press",
    "CREATE TABLE reading_two (id int)",
    "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
    "SET session_replication_role = replica",
    "SET ROLE f_owner",
)
FORBIDDEN_TO_THE_INGESTER = (
    "INSERT INTO enrolment (study, site, device, action, at, actor, why) VALUES ('a','0','b','enrolled',now(),'c','d')",
    "INSERT INTO amendment_decision (amendment, at, actor, why) VALUES ('a', now(), 'b', 'c')",
    "INSERT INTO replay (dead_letter_id, reading_id, outcome, at, actor, why) VALUES (1, 'a', 'b', now(), 'c', 'd')",
)


@pytest.mark.slow
@pytest.mark.parametrize("role", sorted(USERS))
def test_no_account_can_change_what_is_stored_or_take_a_guard_away(engines: dict[str, Engine], role: str) -> None:
    forbidden = FORBIDDEN_TO_ALL + (FORBIDDEN_TO_THE_INGESTER if role != "manage" else ())
    if role in ("read", "backup"):
        forbidden += (
            "INSERT INTO correction (reading_id, field, at, actor, why) VALUES ('a', 'side', now(), 'b', 'c')",
            "INSERT INTO record SELECT * FROM record",
        )
        forbidden += ("INSERT INTO receipt SELECT * FROM receipt", "UPDATE device_status SET problem = 'x'")
    if role == "read":
        forbidden += ("INSERT INTO audit (at, actor, action, detail) VALUES (now(), 'a', 'b', 'c')",)
    for statement in forbidden:
        with pytest.raises(ProgrammingError) as caught, engines[role].begin() as connection:
            connection.execute(text(statement))
        assert getattr(caught.value.orig, "sqlstate", None) == "42501", (statement, caught.value)
    with engines[role].connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM reading")).scalar_one() == 0


COUNTS = """
SELECT (SELECT count(*) FROM reading), (SELECT count(*) FROM press), (SELECT count(*) FROM dead_letter),
    (SELECT count(*) FROM device_status), (SELECT count(*) FROM device_status WHERE state = 'stopped')
"""


@pytest.mark.slow
def test_the_ingester_works_with_its_account(accounts: Accounts, engines: dict[str, Engine], tmp_path: Path) -> None:
    port = free_port()
    broker = Program(broker_command("mosquitto", port, tmp_path), tmp_path / "broker.log").start()
    command = refill_trial("ingest", "--study", "demo", "--database", accounts.url("f_ingest"), "--port", str(port))
    ingester = Program(command, tmp_path / "ingest.log").start()
    device = None
    try:
        listening(port)
        device = Device(port)
        for _, sealed in chain(25):
            device.add(sealed)
        assert wait_for(lambda: device.unreceipted() == 0, 30), ingester.text()
        topic = "refill/v1/demo/00/bedside-1/status"
        for state in ("ready", "stopped"):
            said = DeviceStatus(session_id=uuid4(), state=state, at=NOON, software_version="0.1.0", unsent_readings=0)
            device.publish(topic, said.model_dump_json())
        device.publish("refill/v1/demo/00/bedside-1/reading", b"nonsense")

        def counts() -> tuple[int, ...]:
            with engines["read"].connect() as connection:
                return tuple(connection.execute(text(COUNTS)).one())

        assert wait_for(lambda: counts() == (25, 25, 1, 1, 1), 20), (counts(), ingester.text())
        assert ingester.terminate() == 0
        with engines["read"].connect() as connection:
            said = connection.execute(text("SELECT action, detail FROM audit ORDER BY id")).all()
        assert [row.action for row in said] == ["schema upgraded", "rights granted", "ingest started"]
        assert "study demo" in said[-1].detail
    finally:
        if device is not None:
            device.close()
        for program in (ingester, broker):
            program.kill()


@pytest.mark.slow
def test_the_others_do_their_work_with_theirs(engines: dict[str, Engine], tmp_path: Path) -> None:
    place = {"study": "demo", "site": "00", "device": "bedside-1"}
    enrol(engines["manage"], **place, certificate_sha256=None, actor="dm-1", why="new")  # type: ignore[arg-type]
    made = backup(engines["backup"], tmp_path / "one.backup")
    assert made.manifest.facts.tables["enrolment"] == 1
    with pytest.raises(DBAPIError, match="permission denied to create database"):
        backup(engines["backup"], tmp_path / "two.backup", verify=True)
    assert not (tmp_path / "two.backup").exists()
    assert upgrade(engines["read"])[0] == upgrade(engines["owner"])[1]


@pytest.mark.slow
def test_an_older_schema_is_the_owner_s_to_change_and_said_in_one_line(
    accounts: Accounts, engines: dict[str, Engine], tmp_path: Path
) -> None:
    assert upgrade(engines["ingest"])[0] is not None  # nothing to do needs no right
    with engines["owner"].begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'r0001'"))
    with pytest.raises(SchemaRightError, match=r"schema r0001 is not r.* owner runs `refill trial upgrade`"):
        upgrade(engines["ingest"])
    command = refill_trial("ingest", "--study", "demo", "--database", accounts.url("f_ingest"), "--port", "1")
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, len(ended.stderr.splitlines())) == (1, 1), ended.stderr
    assert "refill trial upgrade" in ended.stderr


@pytest.mark.slow
def test_an_empty_database_is_the_owner_s_to_fill(accounts: Accounts) -> None:
    engine = open_database(accounts.url("f_ingest"))
    with pytest.raises(SchemaRightError, match=r"schema \(none\) is not"):
        upgrade(engine)
    engine.dispose()
    made = CliRunner().invoke(app, ["upgrade", "--database", accounts.url(OWNER)])
    assert (made.exit_code, "was not there" in made.output) == (0, True)
    asked = ["roles", "--database", accounts.url(OWNER), "--apply", "--ingest-user", "f_ingest"]
    given = CliRunner().invoke(app, asked)
    assert given.exit_code == 0, given.output
    owner = open_database(accounts.url(OWNER))
    with owner.connect() as connection:
        said = connection.execute(text("SELECT detail FROM audit WHERE action = 'rights granted'")).scalars().all()
    assert said == ["ingest f_ingest"]
    owner.dispose()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("by", "user", "words"),
    [
        ("owner", "nobody_here", "there is no account nobody_here"),
        ("owner", "postgres", "is a superuser or owns a table"),
        ("owner", OWNER, "is a superuser or owns a table"),
        ("read", "f_ingest", "the owner of the tables does"),
    ],
)
def test_rights_that_would_not_bind_are_not_granted(engines: dict[str, Engine], by: str, user: str, words: str) -> None:
    with pytest.raises(RolesError, match=words):
        apply(engines[by], {"ingest": user})
