"""Who may come in: accounts, their passwords, and how guesses are slowed."""

from pathlib import Path

import pytest
from argon2 import PasswordHasher, extract_parameters
from argon2.profiles import RFC_9106_LOW_MEMORY
from sqlalchemy import Engine, select, text
from sqlalchemy.exc import DBAPIError
from trial_bench import STUDY

from trial import accounts
from trial.accounts import Account, AccountError, change_password, close_account, find, open_account, verified
from trial.page.doors import FIRST_LOCK_S, TRIES, Doors
from trial.people import UnsignedError
from trial.tables import account, audit

SECRET, OTHER = "seven blue horses", "eleven red tractors"
SITE = Account("demo", "m12", "site", "01")


@pytest.fixture(autouse=True)
def _quick_hashes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a hash costs whoever guesses is one test's own; the others would only wait for it."""
    if "engine" in request.fixturenames:
        quick = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
        monkeypatch.setattr(accounts, "_hasher", quick)
        monkeypatch.setattr(accounts, "_NOBODYS", quick.hash("nobody's password"))


@pytest.mark.slow
def test_a_hash_and_that_of_nobodys_password_cost_what_rfc_9106_asks() -> None:
    for kept in (accounts._hashed(SECRET, "m12"), accounts._NOBODYS):
        assert extract_parameters(kept) == RFC_9106_LOW_MEMORY


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def opened(engine: Engine, who: Account = SITE, password: str = SECRET) -> None:
    open_account(engine, STUDY, who, password, actor="lead", why="works at the site")


def test_an_account_comes_in_by_its_password_and_by_no_other(engine: Engine) -> None:
    opened(engine)
    with engine.connect() as connection:
        assert verified(connection, "demo", "m12", SECRET) == SITE
        assert verified(connection, "demo", "m12", SECRET + "x") is None
        assert verified(connection, "demo", "m13", SECRET) is None
        assert verified(connection, "other", "m12", SECRET) is None


def test_a_password_is_kept_as_a_hash_and_stands_in_no_audit_line(engine: Engine) -> None:
    opened(engine)
    with engine.connect() as connection:
        kept = connection.execute(select(account.c.password_hash)).scalar_one()
        said = " ".join(connection.execute(select(audit.c.detail)).scalars())
    assert kept.startswith("$argon2id$")
    assert SECRET not in kept + said
    assert "m12, site, site 01" in said


def test_a_closed_account_stays_out_until_it_is_opened_again(engine: Engine) -> None:
    opened(engine)
    close_account(engine, "demo", "m12", actor="lead", why="left")
    with engine.connect() as connection:
        assert verified(connection, "demo", "m12", SECRET) is None
    opened(engine, password=OTHER)
    with engine.connect() as connection:
        assert verified(connection, "demo", "m12", SECRET) is None
        assert verified(connection, "demo", "m12", OTHER) == SITE


def test_another_password_replaces_the_first(engine: Engine) -> None:
    opened(engine)
    change_password(engine, "demo", "m12", OTHER, actor="lead", why="forgotten")
    with engine.connect() as connection:
        assert verified(connection, "demo", "m12", SECRET) is None
        assert verified(connection, "demo", "m12", OTHER) == SITE


@pytest.mark.parametrize(
    ("who", "password", "says"),
    [
        (Account("demo", "dupontmarie", "site", "01"), SECRET, "no name"),
        (Account("demo", "m12", "site", None), SECRET, "needs its site"),
        (Account("demo", "m12", "site", "44"), SECRET, "has no site 44"),
        (Account("demo", "m12", "data_manager", "01"), SECRET, "every site"),
        (SITE, "short", "12 to 200"),
        (SITE, "aaaaaaaaaaaaaa", "too easy"),
        (SITE, "the m12 password", "too easy"),
    ],
)
def test_what_makes_no_account(engine: Engine, who: Account, password: str, says: str) -> None:
    with pytest.raises(AccountError, match=says):
        opened(engine, who, password)
    with engine.connect() as connection:
        assert find(connection, "demo", who.name) is None


def test_nothing_is_opened_without_a_reason_or_twice(engine: Engine) -> None:
    with pytest.raises(UnsignedError):
        open_account(engine, STUDY, SITE, SECRET, actor="lead", why=" ")
    opened(engine)
    with pytest.raises(AccountError, match="open already"):
        opened(engine)


def test_what_was_said_of_an_account_cannot_be_changed(engine: Engine) -> None:
    opened(engine)
    with pytest.raises(DBAPIError, match="append-only"), engine.begin() as connection:
        connection.execute(text("UPDATE account SET role = 'data_manager'"))


def test_wrong_passwords_lock_the_account_for_longer_each_time(engine: Engine) -> None:
    opened(engine)
    clock = Clock()
    doors = Doors(engine, "demo", clock)
    for _ in range(TRIES):
        assert doors.enter("m12", "wrong wrong wrong") is None
    assert doors.enter("m12", SECRET) is None, "locked"
    clock.now_s += FIRST_LOCK_S
    for _ in range(TRIES):
        assert doors.enter("m12", "wrong wrong wrong") is None
    clock.now_s += FIRST_LOCK_S + 1
    assert doors.enter("m12", SECRET) is None, "locked for twice as long"
    clock.now_s += FIRST_LOCK_S
    assert doors.enter("m12", SECRET) is not None


def test_a_session_ends_by_itself_by_hand_and_with_its_account(engine: Engine, tmp_path: Path) -> None:
    opened(engine)
    clock = Clock()
    doors = Doors(engine, "demo", clock, idle_s=100, longest_s=1000)
    token = doors.enter("m12", SECRET)
    clock.now_s += 99
    assert doors.account_of(token) == SITE
    clock.now_s += 99
    assert doors.account_of(token, touch=False) == SITE
    clock.now_s += 2
    assert doors.account_of(token) is None, "nobody was there"
    token = doors.enter("m12", SECRET)
    doors.leave(token)
    assert doors.account_of(token) is None
    token = doors.enter("m12", SECRET)
    close_account(engine, "demo", "m12", actor="lead", why="left")
    clock.now_s += 6
    assert doors.account_of(token) is None
