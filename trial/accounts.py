"""Who may use the data managers' page: an append-only list of what was said about each account.

An account is a code, never a name; it belongs to one study, and to one site or to none, which is all of them. Passwords
are kept as Argon2id hashes, made by argon2-cffi with the parameters of RFC 9106 (low memory).
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, get_args

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.profiles import RFC_9106_LOW_MEMORY
from sqlalchemy import Connection, Engine, func, insert, select

from firmware_config.study import Study
from trial.database import note
from trial.people import changing, is_person_code, signed
from trial.tables import account

AccountRole = Literal["data_manager", "site", "monitor"]
"""data_manager: everything of the study. site: sees and answers for its own. monitor: reads, at one site or at all."""
ROLES: tuple[AccountRole, ...] = get_args(AccountRole)
Action = Literal["opened", "password", "closed"]
LEAST_PASSWORD: int = 12
MOST_PASSWORD: int = 200

_hasher = PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)
_NOBODYS = _hasher.hash("nobody's password")
"""Verified against where there is no such account: a guess takes as long, so that no name is given away."""
_SITE = re.compile(r"[0-9]{2,4}")


class AccountError(ValueError):
    """An account cannot be opened, changed or closed as asked. One sentence, without a password."""


@dataclass(frozen=True)
class Account:
    """Who somebody is to the page: `site` None sees every site."""

    study: str
    name: str
    role: AccountRole
    site: str | None

    @property
    def may_write(self) -> bool:
        """Whether queries may be answered and reasons given."""
        return self.role != "monitor"

    def sees(self, site: str) -> bool:
        """Return whether a site's data are shown to this account."""
        return self.site is None or self.site == site


@dataclass(frozen=True)
class Entry:
    """What was last said about an account."""

    account: Account
    action: Action
    at: datetime
    actor: str
    why: str

    @property
    def open(self) -> bool:
        """Whether it may come in."""
        return self.action != "closed"


def open_account(engine: Engine, study: Study, opened: Account, password: str, *, actor: str, why: str) -> None:
    """Open an account, or one that was closed again. Raises `AccountError`, `UnsignedError` and SQLAlchemy's errors."""
    reason = signed(actor, why)
    _checked(study, opened)
    hashed = _hashed(password, opened.name)
    with changing(engine) as connection:
        last = find(connection, opened.study, opened.name)
        if last is not None and last.open:
            raise AccountError(f"account {opened.name} is open already: close it first")
        _say(connection, opened, "opened", hashed, actor, reason)


def change_password(engine: Engine, study: str, name: str, password: str, *, actor: str, why: str) -> None:
    """Give an open account another password. Raises as `open_account` does."""
    reason = signed(actor, why)
    hashed = _hashed(password, name)
    with changing(engine) as connection:
        _say(connection, _open(connection, study, name), "password", hashed, actor, reason)


def close_account(engine: Engine, study: str, name: str, *, actor: str, why: str) -> None:
    """Let an account come in no more. Raises as `open_account` does."""
    reason = signed(actor, why)
    with changing(engine) as connection:
        _say(connection, _open(connection, study, name), "closed", None, actor, reason)


def find(connection: Connection, study: str, name: str) -> Entry | None:
    """Return what was last said about an account, or None."""
    return next((entry for entry in listed(connection, study) if entry.account.name == name), None)


def listed(connection: Connection, study: str) -> list[Entry]:
    """Return what was last said about every account of a study, by name."""
    t = account.c
    last = select(func.max(t.id)).where(t.study == study).group_by(t.name)
    columns = (t.study, t.name, t.role, t.site, t.action, t.at, t.actor, t.why)
    rows = connection.execute(select(*columns).where(t.id.in_(last)).order_by(t.name))
    return [Entry(Account(*row[:4]), *row[4:]) for row in rows]


def verified(connection: Connection, study: str, name: str, password: str) -> Account | None:
    """Return the account whose password this is; None for anybody else, after as long a time."""
    entry = find(connection, study, name[:64])
    t = account.c
    newest = select(t.password_hash).where(t.study == study, t.name == name[:64], t.password_hash.is_not(None))
    kept = connection.execute(newest.order_by(t.id.desc()).limit(1)).scalar_one_or_none()
    fits = _fits(kept or _NOBODYS, password[:MOST_PASSWORD])
    return entry.account if fits and kept is not None and entry is not None and entry.open else None


def _fits(hashed: str, password: str) -> bool:
    try:
        return _hasher.verify(hashed, password)
    except (VerificationError, InvalidHashError):
        return False


def _open(connection: Connection, study: str, name: str) -> Account:
    entry = find(connection, study, name)
    if entry is None or not entry.open:
        raise AccountError(f"there is no open account {name} in study {study}")
    return entry.account


def _checked(study: Study, opened: Account) -> None:
    if not is_person_code(opened.name):
        raise AccountError("an account is a code of at most 16 letters, digits and hyphens, and no name")
    if opened.role not in ROLES:
        raise AccountError(f"role {opened.role} is none of {', '.join(ROLES)}")
    if opened.role == "site" and opened.site is None:
        raise AccountError("an account of role site needs its site")
    if opened.role == "data_manager" and opened.site is not None:
        raise AccountError("a data manager has every site; role site or monitor has one")
    if opened.site is not None and (not _SITE.fullmatch(opened.site) or opened.site not in study.sites):
        raise AccountError(f"study {study.name} has no site {opened.site}")


def _hashed(password: str, name: str) -> str:
    if not LEAST_PASSWORD <= len(password) <= MOST_PASSWORD:
        raise AccountError(f"a password has {LEAST_PASSWORD} to {MOST_PASSWORD} characters")
    if len(set(password)) < 5 or name in password.lower():
        raise AccountError("the password is too easy to guess")
    return _hasher.hash(password)


def _say(connection: Connection, said: Account, action: Action, hashed: str | None, actor: str, why: str) -> None:
    values = {**vars(said), "action": action, "password_hash": hashed, "at": datetime.now(UTC)}
    connection.execute(insert(account).values(**values, actor=actor, why=why))
    where = "every site" if said.site is None else f"site {said.site}"
    note(connection, actor, f"account {action}", f"{said.study}, {said.name}, {said.role}, {where}: {why}")
