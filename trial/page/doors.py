"""Sessions of the page: who came in, until when, and how guesses are slowed. In memory: a restart ends them all.

Every action asks again who stands behind it, and whether the account is still open: a page that was open when its
account was closed shows nothing more.
"""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from sqlalchemy import Engine

from trial.accounts import Account, find, verified

TRIES: int = 5
FIRST_LOCK_S: float = 60.0
LONGEST_LOCK_S: float = 3600.0
MOST_LOCKS: int = 10_000
"""Names that were tried; a flood of made-up ones must not fill the memory."""
MOST_SESSIONS: int = 200
LOOK_S: float = 5.0
"""A closed account is turned away after this at the latest."""


@dataclass
class _Lock:
    wrong: int = 0
    until_s: float = 0.0
    lasts_s: float = FIRST_LOCK_S


@dataclass
class _Session:
    account: Account
    begun_s: float
    seen_s: float
    looked_s: float


@dataclass
class Doors:
    """Sessions and locks of one study's page. Times are s on the steady clock `now`."""

    engine: Engine
    study: str
    now: Callable[[], float] = time.monotonic
    idle_s: float = 900.0
    longest_s: float = 43_200.0
    _locks: dict[str, _Lock] = field(default_factory=dict)
    _sessions: dict[str, _Session] = field(default_factory=dict)

    def enter(self, name: str, password: str) -> str | None:
        """Return the token of a new session, or None: for whom and why not, nobody is told."""
        lock = self._lock_of(name)
        if lock.until_s > self.now():
            return None
        with self.engine.connect() as connection:
            account = verified(connection, self.study, name, password)
        if account is None:
            lock.wrong += 1
            if lock.wrong >= TRIES:
                lock.until_s = self.now() + lock.lasts_s
                lock.wrong, lock.lasts_s = 0, min(2 * lock.lasts_s, LONGEST_LOCK_S)
            return None
        self._locks.pop(name, None)
        return self._opened(account)

    def account_of(self, token: str | None, *, touch: bool = True) -> Account | None:
        """Return whose session a token is, or None where it has ended; `touch` keeps it from ending.

        Raises SQLAlchemy's errors where the database cannot be asked whether the account is still open.
        """
        session = self._sessions.get(token or "")
        if session is None:
            return None
        now_s = self.now()
        if not self._stands(session, now_s) or not self._still_open(session, now_s):
            self._sessions.pop(token or "", None)
            return None
        if touch:
            session.seen_s = now_s
        return session.account

    def leave(self, token: str | None) -> None:
        """End a session."""
        self._sessions.pop(token or "", None)

    def _still_open(self, session: _Session, now_s: float) -> bool:
        if now_s - session.looked_s < LOOK_S:
            return True
        with self.engine.connect() as connection:
            entry = find(connection, self.study, session.account.name)
        session.looked_s = now_s
        # Closed and opened again as something else is another account.
        return entry is not None and entry.open and entry.account == session.account

    def _opened(self, account: Account) -> str:
        now_s = self.now()
        self._sessions = {token: one for token, one in self._sessions.items() if self._stands(one, now_s)}
        while len(self._sessions) >= MOST_SESSIONS:
            self._sessions.pop(min(self._sessions, key=lambda token: self._sessions[token].seen_s))
        token = secrets.token_urlsafe(32)
        self._sessions[token] = _Session(account, now_s, now_s, now_s)
        return token

    def _lock_of(self, name: str) -> _Lock:
        if name not in self._locks and len(self._locks) >= MOST_LOCKS:
            self._locks.pop(next(iter(self._locks)))
        return self._locks.setdefault(name[:64], _Lock())

    def _stands(self, session: _Session, now_s: float) -> bool:
        return now_s - session.seen_s < self.idle_s and now_s - session.begun_s < self.longest_s
